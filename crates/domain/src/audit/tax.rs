//! The second derivation of what an issuer adds to the lines: the minimum charge, and tax.

use num_bigint::BigInt;

use super::difference::AuditDifference;
use super::items::DerivedItem;
use crate::bill::inputs::GroupMonth;
use crate::bill::result::Bill;
use crate::catalog::buyer::{Buyer, VatFinding};
use crate::catalog::country::Country;
use crate::catalog::issuer::Issuer;
use crate::catalog::tax_rule::{Area, BuyerKind, ReverseChargeRequires, TaxCategory, TaxRule};
use crate::catalog::vat::VatCheck;
use crate::closing::HoldReason;
use crate::invoice::line_type::LineType;
use crate::invoice::tax::TaxSubtotal;

/// The line that brings the items of a bill to zero with its services, if one should.
pub(super) fn derive_rounding(month: &GroupMonth<'_>, services: i128, items: &[DerivedItem]) -> Option<DerivedItem> {
    let net = services + items.iter().map(|item| item.total).sum::<i128>();
    let in_currency = |minimum: i128, code: &str| (month.group.currency?.code() == code).then_some(minimum);
    let minimums = month.issuer?.minimum_charges.iter();
    let least = minimums.filter_map(|minimum| in_currency(minimum.minor(), minimum.currency().code())).next()?;
    let small = (1..least).contains(&net);
    small.then(|| DerivedItem { kind: LineType::Rounding, key: "minimumCharge".to_owned(), total: -net })
}

/// Everything that the bill says of tax in which it differs from the tax of a subtotal.
pub(super) fn compare_taxes(month: &GroupMonth<'_>, bill: &Bill, subtotal: i128) -> Vec<AuditDifference> {
    let rule = month.issuer.and_then(|issuer| rule_for(issuer, month));
    let tax = rule.map_or(Some(0), |rule| tax_of(rule, subtotal)).unwrap_or_default();
    let derived =
        (rule.into_iter().map(|rule| shown_rule(rule, subtotal, tax)).collect::<Vec<_>>(), tax, subtotal + tax);
    let billed = (bill.taxes.iter().map(shown).collect(), bill.tax.minor(), bill.total.minor());
    let mut differences = Vec::new();
    if billed != derived {
        differences.push(AuditDifference::Tax { billed: format!("{billed:?}"), derived: format!("{derived:?}") });
    }
    let should_wait =
        rule.is_none() && subtotal != 0 && month.issuer.is_some_and(|issuer| !issuer.tax_rules.is_empty());
    let waits = bill.holds.iter().any(|hold| hold.reason == HoldReason::NoTaxRule);
    if should_wait != waits || bill.untaxed.is_some() != rule.is_none() {
        let said = |waits: bool| if waits { "waits for a tax rule" } else { "does not wait for a tax rule" }.to_owned();
        differences.push(AuditDifference::Tax { billed: said(waits), derived: said(should_wait) });
    }
    differences
}

fn shown(tax: &TaxSubtotal) -> String {
    let TaxSubtotal { category, rate, base, amount, reason } = tax;
    format!("{} {rate} % of {}: {} {reason:?}", category.code(), base.minor(), amount.minor())
}

fn shown_rule(rule: &TaxRule, base: i128, amount: i128) -> String {
    let TaxRule { category, rate, reason, .. } = rule;
    format!("{} {rate} % of {base}: {amount} {reason:?}", category.code())
}

/// A rate of an amount, half away from zero.
fn tax_of(rule: &TaxRule, base: i128) -> Option<i128> {
    let rate = rule.rate.decimal();
    let below = BigInt::from(100) * BigInt::from(10).pow(rate.scale());
    let above = BigInt::from(base.abs()) * rate.mantissa();
    let rounded: BigInt = (above * 2 + &below) / (below * 2);
    i128::try_from(rounded).ok().map(|tax| tax * base.signum())
}

/// The first of the rules in force from which nothing keeps the buyer.
fn rule_for<'a>(issuer: &'a Issuer, month: &GroupMonth<'_>) -> Option<&'a TaxRule> {
    let begun = |rule: &TaxRule| rule.validity.first.is_none_or(|first| first.start() <= month.month.start());
    let over = |rule: &TaxRule| rule.validity.last.is_some_and(|last| last.end() <= month.month.start());
    let in_force: Vec<&TaxRule> = issuer.tax_rules.iter().filter(|rule| begun(rule) && !over(rule)).collect();
    let buyer = &month.group.buyer;
    let named = in_force.iter().any(|rule| names(rule, buyer));
    in_force.into_iter().find(|rule| {
        let elsewhere = match (rule.areas.len(), rule.category) {
            (0, TaxCategory::Standard) => false,
            (0, _) => named || buyer.country().is_none(),
            _ => !names(rule, buyer),
        };
        let somebody_else = match rule.buyer {
            BuyerKind::Any => false,
            BuyerKind::Business => !has_good_id(buyer),
            BuyerKind::Consumer => has_good_id(buyer),
        };
        let owed_here = rule.category == TaxCategory::ReverseCharge && !owes_itself(rule, issuer, buyer);
        !elsewhere && !somebody_else && !owed_here
    })
}

fn names(rule: &TaxRule, buyer: &Buyer) -> bool {
    let Some(country) = buyer.country() else { return false };
    (country.is_eu() && rule.areas.contains(&Area::Eu)) || rule.areas.contains(&Area::Country(country))
}

fn has_good_id(buyer: &Buyer) -> bool {
    buyer.vat().is_some_and(|vat| match vat.finding {
        Some(finding) => finding == VatFinding::Confirmed,
        None => vat.id.check != VatCheck::Failed,
    })
}

fn owes_itself(rule: &TaxRule, issuer: &Issuer, buyer: &Buyer) -> bool {
    let (Some(vat), Some(place)) = (buyer.vat(), buyer.country()) else { return false };
    let confirmed = vat.finding == Some(VatFinding::Confirmed);
    let checked = vat.finding.is_none() && vat.id.check == VatCheck::Passed;
    let trusted = confirmed || (checked && issuer.reverse_charge_requires == ReverseChargeRequires::Format);
    let same = |country: Option<Country>| country.is_some_and(|country| country.of_vat() == place.of_vat());
    let at_home = same(issuer.country) && !rule.areas.contains(&Area::Country(place));
    trusted && same(vat.id.country) && !at_home
}
