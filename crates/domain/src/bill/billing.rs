//! The bill of one group for one month: the steps, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use crate::bill::agreed_terms::bill_terms;
use crate::bill::balance_forward::{bring_forward, carry_forward};
use crate::bill::consumption::{Consumption, use_credits};
use crate::bill::inputs::GroupMonth;
use crate::bill::late::bill_late;
use crate::bill::result::{Bill, BillError, CategorySubtotal, Converted, ProjectSubtotal};
use crate::bill::rounding::round_to_zero;
use crate::bill::services::{Services, bill_services};
use crate::bill::tally::{Overflow, Tally};
use crate::bill::taxation::{Taxation, tax};
use crate::invoice::item::Item;
use crate::invoice::line::Line;
use crate::invoice::line_type::LineType;
use crate::money::amount::Money;
use crate::name::Name;
use crate::problem::Problem;
use crate::tenancy::organization::Organization;

/// Computes the bill of a group for a month.
///
/// The result depends on the values of the inputs alone, not on the order in which they were observed.
/// A record that cannot be billed becomes a problem, and the bill goes on without it.
///
/// # Errors
/// The group has no currency, or a sum is larger than a document can carry.
pub fn bill_group_month(month: &GroupMonth<'_>) -> Result<Bill, BillError> {
    let unknown = || BillError::CurrencyUnknown(month.group.name.clone());
    let currency = month.group.currency.ok_or_else(unknown)?;
    bill_with(month, bill_services(month, currency)?, bill_late)
}

/// Computes what follows from services and adjustments that are given: all of the bill but the lines of usage. No record
/// is asked.
///
/// # Errors
/// The group has no currency, or a sum is larger than a document can carry.
pub fn bill_with_services(month: &GroupMonth<'_>, services: ServiceTotals) -> Result<Bill, BillError> {
    let ServiceTotals { projects, subtotal, adjustments } = services;
    let services = Services { lines: Vec::new(), projects, subtotal, problems: Vec::new() };
    bill_with(month, services, |_, tally| tally.adjust(adjustments).map(|()| Vec::new()))
}

/// The steps of a bill. `adjust` puts on it what adjusts closed months, and answers with the records that are left off.
fn bill_with(
    month: &GroupMonth<'_>,
    services: Services,
    adjust: impl FnOnce(&GroupMonth<'_>, &mut Tally) -> Result<Vec<Problem>, Overflow>,
) -> Result<Bill, BillError> {
    let terms = month.group.terms.as_ref().map_err(|error| BillError::terms(month, error))?;
    let Services { lines, projects, subtotal, mut problems } = services;
    let mut tally = Tally::new(subtotal);
    let overflow = |_| BillError::overflow(month);
    bill_terms(month, terms, &mut tally).map_err(overflow)?;
    let brought_forward = bring_forward(month, &mut tally).map_err(overflow)?;
    add_problems(&mut problems, adjust(month, &mut tally).map_err(overflow)?);
    let carried_forward = carry_forward(month, &mut tally).map_err(overflow)?;
    let Consumption { uses: credits, hold: too_many } = use_credits(month, &projects, &mut tally).map_err(overflow)?;
    round_to_zero(month, &mut tally).map_err(overflow)?;
    let (items, subtotal) = tally.finish();
    let Taxation { taxes, untaxed, tax, total, hold } = tax(month, subtotal).map_err(|_| BillError::overflow(month))?;
    let categories = categories(&lines, &items).ok_or_else(|| BillError::overflow(month))?;
    let converted = converted(month, &lines).ok_or_else(|| BillError::overflow(month))?;
    let replaced = replaced(month.organization, &lines, &items);
    let month = month.month;
    Ok(Bill {
        month,
        lines,
        items,
        projects,
        categories,
        subtotal,
        carried_forward,
        credits,
        converted,
        taxes,
        untaxed,
        tax,
        total,
        holds: brought_forward.into_iter().chain(too_many).chain(hold).collect(),
        replaced,
        problems,
    })
}

fn replaced(organization: &Organization, lines: &[Line], items: &[Item]) -> BTreeMap<Name, Vec<Name>> {
    let late = items.iter().filter_map(|item| item.adjustment.as_ref()?.late_line());
    let replacing = lines.iter().chain(late).map(|line| &line.usage).filter(|usage| usage.replaces.is_some());
    replacing.map(|usage| (usage.name.clone(), organization.replaced_records(usage))).collect()
}

/// Adds problems; a record has one.
fn add_problems(problems: &mut Vec<Problem>, others: Vec<Problem>) {
    let mut named: BTreeSet<Name> = problems.iter().map(|problem| problem.usage.name.clone()).collect();
    problems.extend(others.into_iter().filter(|problem| named.insert(problem.usage.name.clone())));
}

/// What services cost, and what adjusts closed months, as somebody else computed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceTotals {
    /// By project.
    pub projects: Vec<ProjectSubtotal>,
    /// In all.
    pub subtotal: Money,
    /// What adjusts closed months, in all.
    pub adjustments: Money,
}

/// What the lines are in the currency of their prices; `None` inside where that is the bill's, and where there are none.
fn converted(month: &GroupMonth<'_>, lines: &[Line]) -> Option<Option<Converted>> {
    let Some(conversion) = month.conversion().ok().flatten().filter(|_| !lines.is_empty()) else { return Some(None) };
    let nothing = Money::zero(conversion.from.currency);
    let prices = lines.iter().filter_map(|line| line.price_total);
    let price_subtotal = prices.into_iter().try_fold(nothing, |sum, price| sum.checked_add(price))?;
    Some(Some(Converted { conversion, price_subtotal }))
}

fn categories(lines: &[Line], items: &[Item]) -> Option<Vec<CategorySubtotal>> {
    let mut sums: BTreeMap<LineType, Money> = BTreeMap::new();
    let services = lines.iter().map(|line| (line.kind(), line.total));
    for (kind, total) in services.chain(items.iter().map(|item| (item.kind, item.total))) {
        let sum = sums.entry(kind).or_insert_with(|| Money::zero(total.currency()));
        *sum = sum.checked_add(total)?;
    }
    Some(sums.into_iter().map(|(kind, subtotal)| CategorySubtotal { kind, subtotal }).collect())
}
