//! The bill of one group for one month.

use std::collections::BTreeMap;

use thiserror::Error;

use super::attribution::{Attribution, Payer};
use super::billed::Billed;
use super::charge::{Charger, Charges};
use super::group::Group;
use super::hours::HourRule;
use super::line::{Line, LineType};
use super::money::{Currency, Money};
use super::month::Month;
use super::name::Name;
use super::organization::{Organization, Project};
use super::period::{Period, Timestamp};
use super::price::PriceList;
use super::problem::Problem;

/// What a bill is computed from.
#[derive(Debug, Clone, Copy)]
pub struct GroupMonth<'a> {
    /// All that is observed of the group's organization.
    pub organization: &'a Organization,
    /// Who pays.
    pub group: &'a Group,
    /// The month that is billed.
    pub month: Month,
    /// How the month's cost is shared out.
    pub attribution: Attribution,
    /// How running time becomes hours.
    pub hours: HourRule,
    /// The group's price list.
    pub prices: &'a PriceList,
    /// What finals of the organization bill already.
    pub billed: &'a Billed,
    /// Nothing after this instant is billed: what still runs is charged until here.
    pub as_of: Timestamp,
}

/// What a group owes for a month, before tax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// The month.
    pub month: Month,
    /// The lines, by type, project, service, start and record.
    pub lines: Vec<Line>,
    /// Every project that the group pays for in the month, by name: those with a line, and those that exist.
    pub projects: Vec<ProjectSubtotal>,
    /// The lines' total by type, in the order of types; types without a line are left out.
    pub categories: Vec<CategorySubtotal>,
    /// The lines' total.
    pub subtotal: Money,
    /// What is not on the bill and why, in the order of lines.
    pub problems: Vec<Problem>,
}

/// What a project cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectSubtotal {
    /// The project.
    pub project: Name,
    /// The total of its lines.
    pub subtotal: Money,
}

/// What the lines of a type add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CategorySubtotal {
    /// The type.
    pub kind: LineType,
    /// The total of its lines.
    pub subtotal: Money,
}

/// Why there is no bill at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BillError {
    /// The group's currency is none.
    #[error("billing group {0} has no currency that is in use; correct its spec.currency")]
    CurrencyUnknown(Name),
    /// A sum is larger than a document can carry.
    #[error(
        "the invoice of billing group {group} for {month} adds up to more than a document can carry; check quantities and prices"
    )]
    Overflow {
        /// The group.
        group: Name,
        /// The month.
        month: Month,
    },
}

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
    let mut charges = Charges::default();
    let mut projects = Vec::new();
    let mut sum = Money::zero(currency);
    for project in month.organization.projects_near(month.group) {
        let before = charges.lines.len();
        if charge_project(month, project, &mut charges) {
            let subtotal = total(&charges.lines[before..], currency).ok_or_else(|| month.overflow())?;
            sum = sum.checked_add(subtotal).ok_or_else(|| month.overflow())?;
            // One that is long gone is not listed for ever.
            if charges.lines.len() > before || project.namespace().is_some() {
                projects.push(ProjectSubtotal { project: project.name().clone(), subtotal });
            }
        }
    }
    let Charges { lines, problems } = charges;
    let categories = categories(&lines).ok_or_else(|| month.overflow())?;
    Ok(Bill { month: month.month, lines, projects, categories, subtotal: sum, problems })
}

/// Charges a project to the group, where it pays for any of the month; returns whether it does.
pub(super) fn charge_project(month: &GroupMonth<'_>, project: &Project, charges: &mut Charges) -> bool {
    let slices = slices(month, project);
    if !slices.is_empty() {
        Charger::charge_project(month, project, &slices, charges);
    }
    !slices.is_empty()
}

impl GroupMonth<'_> {
    fn overflow(&self) -> BillError {
        BillError::Overflow { group: self.group.name.clone(), month: self.month }
    }
}

/// The periods of the month in which the group pays for the project.
fn slices(month: &GroupMonth<'_>, project: &Project) -> Vec<Period> {
    let shares = month.organization.payers(project, month.month, month.attribution);
    let ours = |(period, payer)| (payer == Payer::Group(month.group.uid)).then_some(period);
    shares.into_iter().filter_map(ours).collect()
}

fn total(lines: &[Line], currency: Currency) -> Option<Money> {
    lines.iter().try_fold(Money::zero(currency), |sum, line| sum.checked_add(line.total))
}

fn categories(lines: &[Line]) -> Option<Vec<CategorySubtotal>> {
    let mut sums: BTreeMap<LineType, Money> = BTreeMap::new();
    for line in lines {
        let sum = sums.entry(line.kind()).or_insert_with(|| Money::zero(line.total.currency()));
        *sum = sum.checked_add(line.total)?;
    }
    Some(sums.into_iter().map(|(kind, subtotal)| CategorySubtotal { kind, subtotal }).collect())
}
