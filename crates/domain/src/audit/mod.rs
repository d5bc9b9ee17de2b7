//! The second opinion: a bill derived again, in another way, and compared.
//!
//! The engine walks a project's records once, in order, with indexes. The audit asks of every elementary
//! piece of time, one by one, who pays and at what price, and multiplies with big integers. They share the
//! inputs and the types, and nothing that decides about money.

mod commitment;
mod credits;
mod derive;
mod derived;
pub mod difference;
mod items;
mod late;
mod lines;
mod metered;
mod noted;
mod payer;
mod pieces;
mod rates;
mod read_again;
mod records;
mod refills;
mod scales;
mod settlement;
mod tax;
mod terms;
mod worth;

use std::collections::{BTreeMap, BTreeSet};

use crate::bill::inputs::GroupMonth;
use crate::bill::result::Bill;
use crate::credit::Application;
use crate::credit::restoration::ReturnedCredit;
use crate::invoice::line::Line;
use crate::invoice::line_type::LineType;
use crate::invoice::month_terms::MonthTerms;
use crate::name::Name;
use commitment::{compare_progress, counted, derive_projects, derive_spent_before, due_with};
use credits::{DerivedUse, Services, compare_credits, compare_payment, derive_credits, in_order};
use derive::derive;
use derived::{Derived, DerivedCharge};
use difference::{AuditDifference, ChargeKey};
use items::{DerivedItem, compare_items, derive_brought, derive_items, derive_remarks, derive_rounding};
use late::derive_late;
use rates::compare_rates;
use settlement::{DerivedReturn, derive_settlement};
use tax::{Groups, Reasons, compare_taxes, note};
use terms::derive_terms;

/// Derives the bill again and returns everything in which it differs; empty when the two agree.
pub fn audit(month: &GroupMonth<'_>, bill: &Bill) -> Vec<AuditDifference> {
    let known_terms = derive_terms(month);
    let no_terms = known_terms.is_none().then_some(AuditDifference::ItemsNotDerived);
    let mut terms = known_terms.unwrap_or_else(MonthTerms::untaxed);
    let mut derived = derive(month, &terms);
    terms.projects = derive_projects(month, &terms, &derived);
    let mut late = derive_late(month);
    let settled = derive_settlement(month, &late.changes);
    let mut differences: Vec<_> = no_terms.into_iter().chain(compare_terms(bill, &terms)).collect();
    differences.extend(compare_charges(&bill.lines, &derived.charges));
    differences.extend(compare_projects(bill, &derived));
    let successions = derive_successions(month);
    let services = services_of(&derived);
    let in_all: i128 = services.values().sum();
    let months = settled.as_ref().map(|settled| &settled.spent);
    let before = months.and_then(|months| derive_spent_before(month, month.month, &terms, months));
    let agreed_items = before.and_then(|before| derive_items(&terms, in_all, due_with(&terms, month.month, before)));
    if agreed_items.is_none() || late.is_too_large || successions.is_too_large {
        differences.push(AuditDifference::ItemsNotDerived);
    }
    differences.extend(compare_progress(bill, &terms, before.unwrap_or(0) + counted(&terms, in_all)));
    let agreed_items = agreed_items.unwrap_or_default();
    let mut groups = Groups::new();
    let of_services = services.iter().map(|((_, tax), sum)| (*tax, *sum));
    let of_items = agreed_items.iter().map(|item| (item.tax, item.total));
    of_services.chain(of_items).for_each(|(tax, amount)| *groups.entry(tax).or_default() += amount);
    let settled = settled.unwrap_or_default();
    let own_credits = in_order(&settled.offers, month.month, month.group.currency, Application::BeforeTax);
    let uses = derive_credits(&services, &mut groups, &own_credits, i128::MAX);
    let rounding = derive_rounding(&terms, &groups);
    for item in &rounding {
        *groups.entry(item.tax).or_default() += item.total;
    }
    let brought = derive_brought(month, &terms);
    let agreed = !agreed_items.is_empty() || brought.is_some();
    let refills = std::mem::take(&mut late.refills);
    let others = brought.into_iter().chain(late.items()).chain(refills).chain(settled.items);
    let others: Vec<DerivedItem> = others.chain(successions.items).collect();
    for item in &others {
        *groups.entry(item.tax).or_default() += item.total;
    }
    let remarks = derive_remarks(&terms).filter(|_| !derived.charges.is_empty());
    let mut items: Vec<DerivedItem> = remarks.chain(agreed_items).chain(others).collect();
    items.extend(uses.iter().flat_map(DerivedUse::items));
    items.extend(rounding);
    differences.extend(compare_items(&bill.items, &items));
    derived.problems.extend(late.problems.into_iter().chain(successions.problems));
    let reasons = [late.reasons, settled.reasons].into_iter().chain(successions.reasons);
    let reasons = reasons_of(&terms, &derived, month, agreed, reasons);
    differences.extend(compare_taxes(month, bill, &terms, &groups, &reasons));
    let (payment, payments) = compare_payment(month, bill, bill.total.minor(), &settled.offers);
    differences.extend(payment);
    differences.extend(compare_credits(bill, &all_uses(uses, settled.uses, payments)));
    let returned: Vec<_> = settled.returned.into_iter().chain(successions.returned).collect();
    differences.extend(compare_returned(bill, &returned));
    differences.extend(compare_totals(bill, &derived, in_all, &items));
    differences.extend(compare_rates(month, bill, &derived));
    differences.extend(compare_problems(bill, &derived));
    if !in_order_of_lines(bill) {
        differences.push(AuditDifference::Order);
    }
    differences
}

/// What the months of groups that are gone come to.
#[derive(Default)]
struct DerivedSuccessions {
    items: Vec<DerivedItem>,
    returned: Vec<DerivedReturn>,
    reasons: Vec<Reasons>,
    problems: BTreeSet<Name>,
    is_too_large: bool,
}

/// What stands in the place of groups that are gone, one after the other: records, charges with which others came together, parts.
fn derive_successions(month: &GroupMonth<'_>) -> DerivedSuccessions {
    let mut all = DerivedSuccessions::default();
    for succession in month.successions {
        let of = month.succeeding(succession);
        let mut late = derive_late(&of);
        let settled = derive_settlement(&of, &late.changes);
        all.is_too_large |= late.is_too_large || settled.is_none();
        let (refills, settled) = (std::mem::take(&mut late.refills), settled.unwrap_or_default());
        all.items.extend(late.items().chain(refills).chain(settled.items));
        all.returned.extend(settled.returned);
        all.reasons.extend([late.reasons, settled.reasons]);
        all.problems.extend(late.problems);
    }
    all
}

fn compare_terms(bill: &Bill, derived: &MonthTerms) -> Vec<AuditDifference> {
    let differ = || AuditDifference::Terms { billed: format!("{:?}", bill.terms), derived: format!("{derived:?}") };
    if bill.terms == *derived { Vec::new() } else { vec![differ()] }
}

fn services_of(derived: &Derived) -> Services {
    let mut services = Services::new();
    for (key, charge) in &derived.charges {
        *services.entry((key.project.clone(), charge.tax)).or_default() += charge.total;
    }
    services
}

/// Why nothing is charged of what is on the bill: services, what was agreed if there is any, and what others note.
fn reasons_of(
    terms: &MonthTerms,
    derived: &Derived,
    month: &GroupMonth<'_>,
    agreed: bool,
    others: impl Iterator<Item = Reasons>,
) -> Reasons {
    let mut reasons = Reasons::new();
    let kinds: BTreeSet<&Name> = derived
        .charges
        .keys()
        .filter_map(|key| month.organization.usage(&key.record))
        .map(|usage| &usage.service.kind)
        .collect();
    for kind in kinds {
        let first = terms.tax.treatments().find(|one| one.service_types.is_empty() || one.service_types.contains(kind));
        first.into_iter().for_each(|one| note(&mut reasons, one));
    }
    if agreed {
        terms.tax.treatments().filter(|one| one.service_types.is_empty()).for_each(|one| note(&mut reasons, one));
    }
    for (group, more) in others.flatten() {
        reasons.entry(group).or_default().extend(more);
    }
    reasons
}

/// What is used of each credit: by the month, by closed ones beside that, after tax.
fn all_uses(own: Vec<DerivedUse>, closed: Vec<DerivedUse>, payments: Vec<DerivedUse>) -> Vec<DerivedUse> {
    let mut all = own;
    for used in closed {
        match all.iter().position(|known| known.name == used.name) {
            Some(place) => all[place].used += used.used,
            None => all.push(used),
        }
    }
    all.extend(payments);
    all
}

fn compare_returned(bill: &Bill, derived: &[DerivedReturn]) -> Option<AuditDifference> {
    let told = |one: &ReturnedCredit| (one.credit.clone(), one.month, one.closed_by.clone(), one.amount.minor());
    let billed: Vec<_> = bill.returned.iter().map(told).collect();
    (billed != derived)
        .then(|| AuditDifference::Returned { billed: format!("{billed:?}"), derived: format!("{derived:?}") })
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
        tier: line.tier().map(|tier| tier.from),
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

fn in_order_of_lines(bill: &Bill) -> bool {
    let key = |line: &Line| {
        let usage = &line.usage;
        let service = (usage.service.name.clone(), usage.service.cluster.clone());
        (line.kind(), usage.project.clone(), service, line.period.start(), usage.name.clone())
    };
    let lines = bill.lines.iter().map(key).is_sorted();
    lines && bill.projects.iter().map(|project| &project.project).is_sorted()
}
