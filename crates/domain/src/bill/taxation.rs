//! Tax: what it comes to by the rules that are the buyer's.
//!
//! Each line is taxed by the first rule that is for its service; lines of closed months as these were. Tax is computed once for all
//! lines of a category and rate, on their rounded sum, and rounded half away from zero.

use std::collections::BTreeMap;

use crate::bill::tally::Overflow;
use crate::catalog::buyer::{Buyer, VatState};
use crate::catalog::issuer::Issuer;
use crate::catalog::tax_rule::TaxGroup;
use crate::closing::{Hold, HoldReason};
use crate::invoice::month_terms::{TaxReasons, TaxScheme};
use crate::invoice::tax::{TaxSubtotal, Untaxed};
use crate::money::amount::{Money, round_half_away};
use crate::name::Name;
use crate::time::month::Month;

/// The tax of a bill.
#[derive(Debug)]
pub(super) struct Taxation {
    pub(super) taxes: Vec<TaxSubtotal>,
    pub(super) untaxed: Option<Untaxed>,
    pub(super) tax: Money,
    pub(super) total: Money,
    pub(super) hold: Option<Hold>,
}

/// What is to be taxed.
#[derive(Debug)]
pub(super) struct Taxable<'a> {
    /// The sums of the lines, by what is taxed alike; `None`: not at all, or nobody says how.
    pub(super) sums: &'a BTreeMap<Option<TaxGroup>, Money>,
    /// Why lines are not taxed, where that is so.
    pub(super) reasons: &'a TaxReasons,
    /// The type of a service that no rule is for.
    pub(super) unruled: Option<&'a Name>,
    /// All of it.
    pub(super) subtotal: Money,
}

/// Taxes the lines of a bill. `no_rule` says what is wrong where no rule is for some of them.
pub(super) fn tax(
    scheme: &TaxScheme,
    taxable: &Taxable<'_>,
    no_rule: impl FnOnce(Option<&Name>) -> Option<Hold>,
) -> Result<Taxation, Overflow> {
    let subtotal = taxable.subtotal;
    let groups = || taxable.sums.iter().filter_map(|(group, base)| Some(((*group)?, *base)));
    let without = taxable.sums.get(&None).copied().unwrap_or(Money::zero(subtotal.currency()));
    match scheme {
        TaxScheme::Untaxed(why) if groups().next().is_none() => Ok(Taxation::without(subtotal, *why)),
        TaxScheme::Treatments(_) if !without.is_zero() => {
            let hold = no_rule(taxable.unruled);
            Ok(Taxation { hold, ..Taxation::without(subtotal, Untaxed::NoRule) })
        }
        TaxScheme::Treatments(_) if groups().next().is_none() => match scheme.treatment(None) {
            Some(general) => {
                let mut reasons = taxable.reasons.clone();
                reasons.add(general);
                Taxation::of([(general.group, subtotal)], &reasons, subtotal)
            }
            None => Ok(Taxation::without(subtotal, Untaxed::NothingToTax)),
        },
        // Closed months were taxed, and this one is not: then that is said beside the taxes.
        TaxScheme::Untaxed(why) if !without.is_zero() => {
            let (mut sums, mut reasons) = (groups().collect::<BTreeMap<_, _>>(), taxable.reasons.clone());
            let outside = sums.entry(TaxGroup::OUTSIDE_SCOPE).or_insert(Money::zero(subtotal.currency()));
            *outside = outside.checked_add(without).ok_or(Overflow)?;
            reasons.add_reason(TaxGroup::OUTSIDE_SCOPE, Some(why.as_str()));
            Taxation::of(sums, &reasons, subtotal)
        }
        TaxScheme::Untaxed(_) | TaxScheme::Treatments(_) => Taxation::of(groups(), taxable.reasons, subtotal),
    }
}

impl Taxation {
    fn of(
        groups: impl IntoIterator<Item = (TaxGroup, Money)>,
        reasons: &TaxReasons,
        subtotal: Money,
    ) -> Result<Self, Overflow> {
        let (mut taxes, mut all) = (Vec::new(), Money::zero(subtotal.currency()));
        for (group, base) in groups {
            let exact = base.exact().times(group.rate.part());
            let amount = round_half_away(&exact, base.currency()).ok_or(Overflow)?;
            all = all.checked_add(amount).ok_or(Overflow)?;
            let TaxGroup { category, rate } = group;
            taxes.push(TaxSubtotal { category, rate, base, amount, reason: reasons.of(group) });
        }
        let total = subtotal.checked_add(all).ok_or(Overflow)?;
        Ok(Taxation { taxes, untaxed: None, tax: all, total, hold: None })
    }

    fn without(subtotal: Money, why: Untaxed) -> Self {
        let tax = Money::zero(subtotal.currency());
        Taxation { taxes: Vec::new(), untaxed: Some(why), tax, total: subtotal, hold: None }
    }
}

/// No rule is the buyer's: what is known of the buyer, and what would help.
pub(super) fn no_rule(buyer: &Buyer, month: Month, issuer: &Issuer, service_type: Option<&Name>) -> Hold {
    let almost = issuer.tax_rule_but_for_vat_id(buyer, month, service_type.map(Name::as_str));
    let kind = if buyer.business().is_some() { "a business" } else { "a consumer" };
    let name = &issuer.name;
    let by_service = issuer.tax_rules.iter().any(|rule| !rule.service_types.is_empty());
    let what = match service_type.filter(|_| by_service) {
        Some(service_type) => format!(" for services of type {service_type}"),
        None => String::new(),
    };
    let message = match (buyer.country(), almost.zip(buyer.business())) {
        (None, _) => format!(
            "no tax rule of InvoiceIssuer {name} matches {kind} whose country is not known{what}; set spec.billingAddress.countryCode"
        ),
        (Some(country), None) => {
            format!(
                "no tax rule of InvoiceIssuer {name} matches {kind} in {country}{what}; add one to its spec.taxRules"
            )
        }
        (Some(country), Some((rule, vat))) => {
            let wanted = match (vat.id.country.map(|of| of.of_vat()) == Some(country.of_vat()), vat.state()) {
                (false, _) => format!("a VAT id of {country}"),
                (true, VatState::Confirmed) => "its country in countries".to_owned(),
                (true, VatState::Unconfirmed | VatState::Invalid) => "the VAT id confirmed in status.vatId".to_owned(),
            };
            format!(
                "tax rule {} of InvoiceIssuer {name} needs {wanted} ({}), and no other matches {kind} in {country}{what}",
                rule.name, vat.id.value
            )
        }
    };
    Hold { reason: HoldReason::NoTaxRule, message }
}
