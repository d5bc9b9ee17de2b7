//! Who bills.

use kube_core::ResourceExt;

use super::{ConvertError, read, uid_of};
use billing_api as api;
use billing_domain::{
    Area, BuyerKind, Country, Currency, Issuer, Money, Month, ReverseChargeRequires, TaxCategory, TaxRate, TaxRule,
    Validity,
};

/// An issuer's minimum charges and tax rules.
///
/// # Errors
/// A currency, a country, a rate or a month that is none, and a rule that contradicts its category.
pub fn issuer(object: &api::InvoiceIssuer) -> Result<Issuer, ConvertError> {
    let address = object.spec.address.as_ref();
    let country = address.and_then(|address| address.country_code.as_deref());
    Ok(Issuer {
        name: object.name_any().into(),
        uid: uid_of(object)?,
        country: country.map(|code| read("spec.address.countryCode", code)).transpose()?,
        minimum_charges: object.spec.minimum_charge.iter().map(minimum_charge).collect::<Result<_, _>>()?,
        tax_rules: object.spec.tax_rules.iter().map(tax_rule).collect::<Result<_, _>>()?,
        reverse_charge_requires: match object.spec.reverse_charge_requires {
            api::ReverseChargeRequires::Format => ReverseChargeRequires::Format,
            api::ReverseChargeRequires::Confirmed => ReverseChargeRequires::Confirmed,
        },
    })
}

fn minimum_charge(given: &api::Money) -> Result<Money, ConvertError> {
    let currency: Currency = read("spec.minimumCharge.currency", &given.currency)?;
    let field = || ConvertError::Field { field: "spec.minimumCharge.amount", text: given.amount.to_string() };
    Money::parse_plain(&given.amount, currency).map_err(|_| field())
}

fn tax_rule(given: &api::TaxRule) -> Result<TaxRule, ConvertError> {
    let api::TaxRule { name, countries, buyer, category, rate, reason, first_period, last_period } = given;
    let month = |field, text: Option<&api::Month>| text.map(|text| read::<Month>(field, text)).transpose();
    let category = tax_category(*category);
    Ok(TaxRule {
        name: name.as_str().into(),
        areas: countries.iter().map(|code| area(code)).collect::<Result<_, _>>()?,
        buyer: match buyer {
            api::TaxBuyer::Business => BuyerKind::Business,
            api::TaxBuyer::Consumer => BuyerKind::Consumer,
            api::TaxBuyer::Any => BuyerKind::Any,
        },
        category,
        rate: tax_rate(category, rate)?,
        reason: reason.clone(),
        validity: Validity {
            first: month("spec.taxRules.firstPeriod", first_period.as_ref())?,
            last: month("spec.taxRules.lastPeriod", last_period.as_ref())?,
        },
    })
}

fn area(code: &str) -> Result<Area, ConvertError> {
    match code {
        "EU" => Ok(Area::Eu),
        code => read::<Country>("spec.taxRules.countries", code).map(Area::Country),
    }
}

fn tax_category(category: api::TaxCategory) -> TaxCategory {
    match category {
        api::TaxCategory::S => TaxCategory::Standard,
        api::TaxCategory::Z => TaxCategory::ZeroRated,
        api::TaxCategory::E => TaxCategory::Exempt,
        api::TaxCategory::AE => TaxCategory::ReverseCharge,
        api::TaxCategory::O => TaxCategory::OutsideScope,
    }
}

/// Only the category S has a rate, and it has one.
fn tax_rate(category: TaxCategory, text: &str) -> Result<TaxRate, ConvertError> {
    let rate: TaxRate = read("spec.taxRules.rate", text)?;
    if (category == TaxCategory::Standard) == (rate > TaxRate::ZERO) {
        return Ok(rate);
    }
    Err(ConvertError::Field { field: "spec.taxRules.rate", text: text.to_owned() })
}
