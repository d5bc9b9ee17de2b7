//! Tax: what it comes to by the rule that is the buyer's.
//!
//! Tax is computed once for all lines of an invoice, on their rounded sum, and rounded half away from zero. One rule
//! taxes the whole document, so nothing is ever mixed with what is outside the scope of tax.

use crate::bill::inputs::GroupMonth;
use crate::bill::tally::Overflow;
use crate::catalog::buyer::VatState;
use crate::catalog::issuer::Issuer;
use crate::catalog::tax_rule::TaxRule;
use crate::closing::{Hold, HoldReason};
use crate::invoice::tax::{TaxSubtotal, Untaxed};
use crate::money::amount::{Money, round_half_away};

/// The tax of a bill.
#[derive(Debug)]
pub(super) struct Taxation {
    pub(super) taxes: Vec<TaxSubtotal>,
    pub(super) untaxed: Option<Untaxed>,
    pub(super) tax: Money,
    pub(super) total: Money,
    pub(super) hold: Option<Hold>,
}

/// Taxes a bill that comes to a subtotal.
pub(super) fn tax(month: &GroupMonth<'_>, subtotal: Money) -> Result<Taxation, Overflow> {
    let Some(issuer) = month.issuer else { return Ok(Taxation::without(subtotal, Untaxed::NoIssuer)) };
    if issuer.tax_rules.is_empty() {
        return Ok(Taxation::without(subtotal, Untaxed::NoRules));
    }
    match issuer.tax_rule_for(&month.group.buyer, month.month) {
        Some(rule) => Taxation::by(rule, subtotal),
        None if subtotal.is_zero() => Ok(Taxation::without(subtotal, Untaxed::NothingToTax)),
        None => {
            let hold = Some(no_rule(month, issuer));
            Ok(Taxation { hold, ..Taxation::without(subtotal, Untaxed::NoRule) })
        }
    }
}

impl Taxation {
    fn by(rule: &TaxRule, base: Money) -> Result<Self, Overflow> {
        let TaxRule { category, rate, reason, .. } = rule;
        let exact = base.exact().times(rate.part());
        let amount = round_half_away(&exact, base.currency()).ok_or(Overflow)?;
        let total = base.checked_add(amount).ok_or(Overflow)?;
        let subtotal = TaxSubtotal { category: *category, rate: *rate, base, amount, reason: reason.clone() };
        Ok(Taxation { taxes: vec![subtotal], untaxed: None, tax: amount, total, hold: None })
    }

    fn without(subtotal: Money, why: Untaxed) -> Self {
        let tax = Money::zero(subtotal.currency());
        Taxation { taxes: Vec::new(), untaxed: Some(why), tax, total: subtotal, hold: None }
    }
}

/// No rule is the buyer's: what is known of the buyer, and what would help.
fn no_rule(month: &GroupMonth<'_>, issuer: &Issuer) -> Hold {
    let buyer = &month.group.buyer;
    let almost = issuer.tax_rule_but_for_vat_id(buyer, month.month);
    let kind = if buyer.business().is_some() { "a business" } else { "a consumer" };
    let name = &issuer.name;
    let message = match (buyer.country(), almost.zip(buyer.business())) {
        (None, _) => format!(
            "no tax rule of InvoiceIssuer {name} matches {kind} whose country is not known; set spec.billingAddress.countryCode"
        ),
        (Some(country), None) => {
            format!("no tax rule of InvoiceIssuer {name} matches {kind} in {country}; add one to its spec.taxRules")
        }
        (Some(country), Some((rule, vat))) => {
            let wanted = match (vat.id.country.map(|of| of.of_vat()) == Some(country.of_vat()), vat.state()) {
                (false, _) => format!("a VAT id of {country}"),
                (true, VatState::Confirmed) => "its country in countries".to_owned(),
                (true, VatState::Unconfirmed | VatState::Invalid) => "the VAT id confirmed in status.vatId".to_owned(),
            };
            format!(
                "tax rule {} of InvoiceIssuer {name} needs {wanted} ({}), and no other matches {kind} in {country}",
                rule.name, vat.id.value
            )
        }
    };
    Hold { reason: HoldReason::NoTaxRule, message }
}
