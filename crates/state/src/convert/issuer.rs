//! Who bills.

use kube_core::ResourceExt;

use super::{ConvertError, uid_of};
use billing_api as api;
use billing_domain::{
    Area, BuyerKind, Country, Currency, Issuer, Money, Month, PostalCodes, Region, ReverseChargeRequires, TaxCategory,
    TaxRate, TaxRule, Validity,
};

/// What of an issuer cannot be used: it holds what would use it, and nothing else. Each says its path and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnusableParts {
    /// The country of the issuer itself.
    pub country: Option<ConvertError>,
    /// Minimum charges, by the code of their currency.
    pub minimum_charges: Vec<(String, ConvertError)>,
    /// Rules of tax, in their order.
    pub tax_rules: Vec<UnusableRule>,
}

/// A rule of tax that cannot be used, or not for all countries that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableRule {
    /// How many of the issuer's usable rules come before it.
    pub position: usize,
    /// Whom it taxes.
    pub buyer: BuyerKind,
    /// When, as far as that can be told.
    pub validity: Validity,
    /// What is wrong with it.
    pub error: ConvertError,
}

/// An issuer's minimum charges and tax rules, as far as they can be used, and what of them cannot.
///
/// # Errors
/// It has no UID.
pub fn issuer(object: &api::InvoiceIssuer) -> Result<(Issuer, UnusableParts), ConvertError> {
    let mut unusable = UnusableParts::default();
    let address = object.spec.address.as_ref();
    let country = address.and_then(|address| address.country_code.as_deref());
    let country = country.map(|code| country_of("spec.address.countryCode", code)).transpose();
    let country = country.unwrap_or_else(|error| {
        unusable.country = Some(error);
        None
    });
    let mut minimum_charges = Vec::new();
    for (index, given) in object.spec.minimum_charge.iter().enumerate() {
        match minimum_charge(index, given) {
            Ok(minimum) => minimum_charges.push(minimum),
            Err(error) => unusable.minimum_charges.push((given.currency.to_string(), error)),
        }
    }
    let mut tax_rules = Vec::new();
    for (index, given) in object.spec.tax_rules.iter().enumerate() {
        add_tax_rule(index, given, &mut tax_rules, &mut unusable.tax_rules);
    }
    let issuer = Issuer {
        name: object.name_any().into(),
        uid: uid_of(object)?,
        country,
        minimum_charges,
        tax_rules,
        reverse_charge_requires: match object.spec.reverse_charge_requires {
            api::ReverseChargeRequires::Format => ReverseChargeRequires::Format,
            api::ReverseChargeRequires::Confirmed => ReverseChargeRequires::Confirmed,
        },
    };
    Ok((issuer, unusable))
}

fn minimum_charge(index: usize, given: &api::Money) -> Result<Money, ConvertError> {
    let unusable = |field: &str, reason: String| ConvertError::Unusable {
        path: format!("spec.minimumCharge[{index}].{field}"),
        reason,
    };
    let currency = given.currency.parse::<Currency>().map_err(|error| unusable("currency", error.to_string()))?;
    Money::parse_plain(&given.amount, currency).map_err(|error| unusable("amount", error.to_string()))
}

/// Adds a rule with the countries that are some. For a buyer that it does not match although one of its countries cannot be
/// told, the rules after it are not asked: nobody is freed of tax by a slip.
fn add_tax_rule(index: usize, given: &api::TaxRule, rules: &mut Vec<TaxRule>, unusable: &mut Vec<UnusableRule>) {
    let buyer = buyer_kind(given.buyer);
    let (mut areas, mut wrong) = (Vec::new(), None);
    for (place, code) in given.countries.iter().enumerate() {
        match area(&format!("spec.taxRules[{index}].countries[{place}]"), code) {
            Ok(area) => areas.push(area),
            Err(error) => wrong = wrong.or(Some(error)),
        }
    }
    if wrong.is_none() || !areas.is_empty() {
        match tax_rule(index, given, areas) {
            Ok(rule) => rules.push(rule),
            Err(error) => wrong = Some(error),
        }
    }
    let month = |text: Option<&api::Month>| text.and_then(|text| text.parse().ok());
    let validity = Validity { first: month(given.first_period.as_ref()), last: month(given.last_period.as_ref()) };
    unusable.extend(wrong.map(|error| UnusableRule { position: rules.len(), buyer, validity, error }));
}

fn tax_rule(index: usize, given: &api::TaxRule, areas: Vec<Area>) -> Result<TaxRule, ConvertError> {
    let api::TaxRule {
        name,
        countries: _,
        postal_codes,
        regions,
        service_types,
        buyer,
        category,
        rate,
        reason,
        first_period,
        last_period,
    } = given;
    let path = |field: &str| format!("spec.taxRules[{index}].{field}");
    let month = |field, text: Option<&api::Month>| {
        let error = |text: &api::Month| ConvertError::Unusable {
            path: path(field),
            reason: format!("{} is no month; write it like 2026-09", text.as_str()),
        };
        text.map(|text| text.parse::<Month>().map_err(|_| error(text))).transpose()
    };
    let category = tax_category(*category);
    Ok(TaxRule {
        name: name.as_str().into(),
        areas,
        postal_codes: postal_codes.iter().filter_map(|codes| PostalCodes::read(codes)).collect(),
        regions: regions.iter().filter_map(|region| Region::read(region)).collect(),
        buyer: buyer_kind(*buyer),
        service_types: service_types.iter().map(|kind| kind.as_str().into()).collect(),
        category,
        rate: tax_rate(path("rate"), category, rate)?,
        reason: reason.clone(),
        validity: Validity {
            first: month("firstPeriod", first_period.as_ref())?,
            last: month("lastPeriod", last_period.as_ref())?,
        },
    })
}

fn buyer_kind(buyer: api::TaxBuyer) -> BuyerKind {
    match buyer {
        api::TaxBuyer::Business => BuyerKind::Business,
        api::TaxBuyer::Consumer => BuyerKind::Consumer,
        api::TaxBuyer::Any => BuyerKind::Any,
    }
}

fn area(path: &str, code: &str) -> Result<Area, ConvertError> {
    match code {
        "EU" => Ok(Area::Eu),
        code => country_of(path, code).map(Area::Country),
    }
}

fn country_of(path: &str, code: &str) -> Result<Country, ConvertError> {
    code.parse().map_err(|_| ConvertError::Unusable {
        path: path.to_owned(),
        reason: format!("{code} is no country of ISO 3166-1"),
    })
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
fn tax_rate(path: String, category: TaxCategory, text: &str) -> Result<TaxRate, ConvertError> {
    let unusable = |reason: String| ConvertError::Unusable { path, reason };
    let Ok(rate) = text.parse::<TaxRate>() else { return Err(unusable(format!("{text} is no percentage"))) };
    match (category == TaxCategory::Standard, rate > TaxRate::ZERO) {
        (true, false) => Err(unusable("a rule of category S has a rate above zero".to_owned())),
        (false, true) => Err(unusable(format!("{text}: only a rule of category S has a rate"))),
        _ => Ok(rate),
    }
}
