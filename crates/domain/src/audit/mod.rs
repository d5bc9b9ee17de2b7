//! The second opinion: a bill derived again, in another way, and compared.
//!
//! The engine walks a project's records once, in order, with indexes. The audit asks of every elementary
//! piece of time, one by one, who pays and at what price, and multiplies with big integers. They share the
//! inputs and the types, and nothing that decides about money.

mod credits;
mod derive;
mod derived;
pub mod difference;
mod items;
mod late;
mod payer;
mod rates;
mod tax;
pub(crate) mod work;

use std::collections::BTreeMap;

use crate::bill::inputs::GroupMonth;
use crate::bill::result::Bill;
use crate::invoice::line::Line;
use crate::invoice::line_type::LineType;
use crate::money::amount::Money;
use crate::name::Name;
use credits::{DerivedUse, compare_credits, derive_credits};
use derive::derive;
use derived::{Derived, DerivedCharge};
use difference::{AuditDifference, ChargeKey};
use items::{DerivedItem, compare_items, derive_carried, derive_items};
use late::derive_late;
use rates::compare_rates;
use tax::{compare_taxes, derive_rounding};

/// Derives the bill again and returns everything in which it differs; empty when the two agree.
pub fn audit(month: &GroupMonth<'_>, bill: &Bill) -> Vec<AuditDifference> {
    let mut derived = derive(month);
    let late = derive_late(month);
    let mut differences = compare_charges(&bill.lines, &derived.charges);
    differences.extend(compare_projects(bill, &derived));
    let services: i128 = derived.charges.values().map(|charge| charge.total).sum();
    let mut items = Vec::new();
    match derive_items(month, services) {
        Some(derived) => items.extend(derived),
        None => differences.push(AuditDifference::ItemsNotDerived),
    }
    items.extend(late.items());
    derived.problems.extend(late.problems);
    let mut net = services + items.iter().map(|item| item.total).sum::<i128>();
    let carried = derive_carried(net);
    differences.extend(compare_carried(bill, carried.as_ref()));
    net += carried.as_ref().map_or(0, |item| item.total);
    items.extend(carried);
    let credits = derive_credits(month, &derived, net);
    items.extend(credits.iter().map(DerivedUse::item));
    differences.extend(compare_credits(bill, &credits));
    items.extend(derive_rounding(month, services, &items));
    differences.extend(compare_items(&bill.items, &items));
    let subtotal = services + items.iter().map(|item| item.total).sum::<i128>();
    differences.extend(compare_taxes(month, bill, subtotal));
    differences.extend(compare_totals(bill, &derived, services, &items));
    differences.extend(compare_rates(month, bill, &derived));
    differences.extend(compare_problems(bill, &derived));
    if !in_order(bill) {
        differences.push(AuditDifference::Order);
    }
    differences
}

fn compare_carried(bill: &Bill, derived: Option<&DerivedItem>) -> Option<AuditDifference> {
    let (billed, derived) = (bill.carried_forward.map(Money::minor), derived.map(|item| item.total));
    let shown = |minor: Option<i128>| minor.map(|minor| format!("{minor} carried forward"));
    (billed != derived).then(|| AuditDifference::Item { billed: shown(billed), derived: shown(derived) })
}

fn compare_charges(lines: &[Line], derived: &BTreeMap<ChargeKey, DerivedCharge>) -> Vec<AuditDifference> {
    let mut differences = Vec::new();
    let mut open: BTreeMap<&ChargeKey, &DerivedCharge> = derived.iter().collect();
    for line in lines {
        let key = key_of(line);
        let billed = DerivedCharge::of_line(line);
        match open.remove(&key) {
            None => differences.push(AuditDifference::Unexpected(key)),
            Some(charge) if *charge != billed => {
                let (billed, derived) = (billed.to_string(), charge.to_string());
                differences.push(AuditDifference::Charge { key, billed, derived });
            }
            Some(_) => {}
        }
    }
    differences.extend(open.into_keys().cloned().map(AuditDifference::Missing));
    differences
}

fn key_of(line: &Line) -> ChargeKey {
    ChargeKey {
        project: line.usage.project.clone(),
        record: line.usage.name.clone(),
        start: line.period.start(),
        end: line.period.end(),
    }
}

fn compare_projects(bill: &Bill, derived: &Derived) -> Vec<AuditDifference> {
    let mut sums: BTreeMap<&Name, i128> = derived.projects.iter().map(|project| (project, 0)).collect();
    for (key, charge) in &derived.charges {
        *sums.entry(&key.project).or_default() += charge.total;
    }
    let mut differences = Vec::new();
    for listed in &bill.projects {
        let (billed, derived) = (Some(listed.subtotal.minor()), sums.remove(&listed.project));
        if billed != derived {
            differences.push(AuditDifference::Project { project: listed.project.clone(), billed, derived });
        }
    }
    let missing = sums.into_iter().map(|(project, sum)| (project.clone(), Some(sum)));
    differences.extend(missing.map(|(project, derived)| AuditDifference::Project { project, billed: None, derived }));
    differences
}

fn compare_totals(bill: &Bill, derived: &Derived, services: i128, items: &[DerivedItem]) -> Vec<AuditDifference> {
    let mut sums: BTreeMap<LineType, i128> = BTreeMap::new();
    if !derived.charges.is_empty() {
        sums.insert(LineType::ServiceCharge, services);
    }
    for item in items {
        *sums.entry(item.kind).or_default() += item.total;
    }
    let subtotal = services + items.iter().map(|item| item.total).sum::<i128>();
    let mut differences = Vec::new();
    if bill.subtotal.minor() != subtotal {
        differences.push(AuditDifference::Subtotal { billed: bill.subtotal.minor(), derived: subtotal });
    }
    for category in &bill.categories {
        let (kind, billed, derived) = (category.kind, Some(category.subtotal.minor()), sums.remove(&category.kind));
        if billed != derived {
            differences.push(AuditDifference::Category { kind, billed, derived });
        }
    }
    let missing =
        sums.into_iter().map(|(kind, sum)| AuditDifference::Category { kind, billed: None, derived: Some(sum) });
    differences.extend(missing);
    differences
}

fn compare_problems(bill: &Bill, derived: &Derived) -> Vec<AuditDifference> {
    let mut open = derived.problems.clone();
    let mut differences = Vec::new();
    for problem in &bill.problems {
        if !open.remove(&problem.usage.name) {
            differences.push(AuditDifference::Problem { record: problem.usage.name.clone(), billed: true });
        }
    }
    differences.extend(open.into_iter().map(|record| AuditDifference::Problem { record, billed: false }));
    differences
}

fn in_order(bill: &Bill) -> bool {
    let key = |line: &Line| {
        let usage = &line.usage;
        let service = usage.service.name.clone();
        (line.kind(), usage.project.clone(), service, line.period.start(), usage.name.clone())
    };
    let lines = bill.lines.iter().map(key).is_sorted();
    lines && bill.projects.iter().map(|project| &project.project).is_sorted()
}
