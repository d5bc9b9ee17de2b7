//! The second derivation of what differs of closed months at prices that depend on what comes together.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::items::DerivedItem;
use super::noted::Noted;
use super::scales::{DerivedPortions, is_kept};
use super::settlement::Changes;
use super::tax::{Reasons, note};
use super::worth::at_rating;
use crate::bill::inputs::GroupMonth;
use crate::catalog::price::EntryKey;
use crate::catalog::tax_rule::TaxGroup;
use crate::invoice::billed::scaled::StatedRecord;
use crate::invoice::line_type::LineType;
use crate::money::amount::Money;
use crate::name::Name;

/// What differs of charges that are billed, by month, entry and project.
pub(super) fn derive_refills(
    closed: &GroupMonth<'_>,
    portions: &DerivedPortions,
    changes: &mut Changes,
    reasons: &mut Reasons,
) -> Option<Vec<DerivedItem>> {
    let (group, of) = (closed.group.uid, closed.month);
    let Some(month) = closed.billed.stated(group, of) else { return Some(Vec::new()) };
    if month.is_reversed || closed.group.currency != Some(month.invoice.currency) {
        return Some(Vec::new());
    }
    let stated = closed.billed.stated_scales(group, of);
    let digits = month.invoice.currency.digits();
    let limit = Money::limit(month.invoice.currency);
    let mut sums: BTreeMap<(EntryKey, Name, Option<TaxGroup>), (Noted, i128)> = BTreeMap::new();
    for known in stated.records.iter().filter(|record| is_kept(closed, record)) {
        let StatedRecord { billed: record, credited, .. } = known;
        let sum = sums.entry((record.entry.clone(), record.project.clone(), record.tax)).or_default();
        sum.0.billed += record.total;
        sum.0.credited.extend(credited.iter().cloned());
        for portion in portions.get(&(record.record.clone(), record.start)).into_iter().flatten() {
            sum.1 += at_rating(&record.rating, portion.worth(), Decimal::ONE, digits)
                .filter(|minor| minor.abs() <= limit)?;
        }
    }
    for (refill, at, credited) in &stated.refills {
        let sum = sums.entry((refill.entry.clone(), refill.project.clone(), refill.tax)).or_default();
        sum.0.billed += refill.total.minor();
        sum.0.credited.extend(credited.iter().cloned());
        sum.0.corrected = Some((*at, refill.last.clone()));
    }
    let mut items = Vec::new();
    for ((entry, project, tax), (noted, due)) in sums {
        let change = due - noted.due_before();
        if change != 0 {
            *changes.entry(of).or_default().entry((project.clone(), tax)).or_default() += change;
        }
        let total = noted.difference(due);
        if total == 0 && change == 0 {
            continue;
        }
        if let (Some(only), Some(tax)) = (month.only_tax.as_ref().filter(|only| Some(only.group()) == tax), tax) {
            reasons.entry(tax).or_default().extend(only.reason.clone());
        }
        month.treatments_of(tax).into_iter().for_each(|one| note(reasons, one));
        let key = format!("{}/{of} {} {project}", entry.list, entry.entry);
        items.push(DerivedItem { kind: LineType::OtherEvent, key, tax, total, notes: noted.notes() });
    }
    Some(items)
}
