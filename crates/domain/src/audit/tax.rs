//! The second derivation of tax.

use std::collections::{BTreeMap, BTreeSet};

use num_bigint::BigInt;

use super::difference::AuditDifference;
use super::terms::group_of;
use crate::bill::inputs::GroupMonth;
use crate::bill::result::Bill;
use crate::catalog::tax_rule::TaxGroup;
use crate::closing::HoldReason;
use crate::invoice::month_terms::{MonthTerms, TaxScheme, TaxTreatment};
use crate::invoice::tax::TaxSubtotal;

/// What a bill comes to, by what is taxed alike, in minor units.
pub(super) type Groups = BTreeMap<Option<TaxGroup>, i128>;

/// Why nothing is charged of what is taxed alike.
pub(super) type Reasons = BTreeMap<TaxGroup, BTreeSet<String>>;

/// Notes why a treatment charges nothing.
pub(super) fn note(reasons: &mut Reasons, treatment: &TaxTreatment) {
    reasons.entry(treatment.group).or_default().extend(treatment.reason.clone());
}

/// What is said of one tax: its group, its base, its amount and why it is none.
type Said = (TaxGroup, i128, i128, Option<String>);

/// Everything that the bill says of tax in which it differs from the tax of what was derived.
pub(super) fn compare_taxes(
    month: &GroupMonth<'_>,
    bill: &Bill,
    terms: &MonthTerms,
    groups: &Groups,
    reasons: &Reasons,
) -> Vec<AuditDifference> {
    let subtotal: i128 = groups.values().sum();
    let without = groups.get(&None).copied().unwrap_or(0);
    let is_ruled = matches!(terms.tax, TaxScheme::Treatments(_));
    let should_wait = is_ruled && without != 0 && month.issuer.is_some();
    let mut taxed: BTreeMap<TaxGroup, i128> =
        groups.iter().filter_map(|(group, base)| Some(((*group)?, *base))).collect();
    let mut reasons = reasons.clone();
    if is_ruled && taxed.is_empty() && without == 0 {
        taxed.extend(group_of(terms, None).map(|group| (group, subtotal)));
        terms.tax.treatments().filter(|last| last.service_types.is_empty()).for_each(|last| note(&mut reasons, last));
    }
    if should_wait {
        taxed.clear();
    }
    if let TaxScheme::Untaxed(why) = &terms.tax
        && !taxed.is_empty()
        && without != 0
    {
        *taxed.entry(TaxGroup::OUTSIDE_SCOPE).or_default() += without;
        reasons.entry(TaxGroup::OUTSIDE_SCOPE).or_default().insert(why.as_str().to_owned());
    }
    let said: Vec<Said> =
        taxed.iter().map(|(group, base)| (*group, *base, tax_of(*group, *base), words(&reasons, *group))).collect();
    let tax: i128 = said.iter().map(|(_, _, amount, _)| amount).sum();
    let derived = (said, tax, subtotal + tax);
    let billed = (bill.taxes.iter().map(of_bill).collect::<Vec<_>>(), bill.tax.minor(), bill.total.minor());
    let mut differences = Vec::new();
    if billed != derived {
        differences.push(AuditDifference::Tax { billed: format!("{billed:?}"), derived: format!("{derived:?}") });
    }
    let waits = bill.holds.iter().any(|hold| hold.reason == HoldReason::NoTaxRule);
    if should_wait != waits || bill.untaxed.is_some() != taxed.is_empty() {
        let said = |waits: bool| if waits { "waits for a tax rule" } else { "does not wait for a tax rule" }.to_owned();
        differences.push(AuditDifference::Tax { billed: said(waits), derived: said(should_wait) });
    }
    differences
}

fn of_bill(tax: &TaxSubtotal) -> Said {
    (tax.group(), tax.base.minor(), tax.amount.minor(), tax.reason.clone())
}

fn words(reasons: &Reasons, group: TaxGroup) -> Option<String> {
    let all = reasons.get(&group)?.iter().cloned().collect::<Vec<_>>().join("; ");
    (!all.is_empty()).then_some(all)
}

/// A rate of an amount, half away from zero.
fn tax_of(group: TaxGroup, base: i128) -> i128 {
    let rate = group.rate.decimal();
    let below = BigInt::from(100) * BigInt::from(10).pow(rate.scale());
    let above = BigInt::from(base.abs()) * rate.mantissa();
    let rounded: BigInt = (above * 2 + &below) / (below * 2);
    i128::try_from(rounded).map_or(0, |tax| tax * base.signum())
}
