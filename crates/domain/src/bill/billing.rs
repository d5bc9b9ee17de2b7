//! The bill of one group for one month.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::bill::carry::{bring_forward, carry_forward};
use crate::bill::charge::{Charger, Charges};
use crate::bill::consumption::{CreditUse, use_credits};
use crate::bill::late::{ClosedMonths, Records, bill_late};
use crate::bill::rounding::round_to_zero;
use crate::bill::tally::Tally;
use crate::catalog::issuer::Issuer;
use crate::catalog::price::PriceList;
use crate::catalog::rates::{Conversion, Rates};
use crate::catalog::tax::{TaxSubtotal, Taxation, Untaxed, tax};
use crate::catalog::terms::bill_terms;
use crate::catalog::terms::error::TermsError;
use crate::closing::Hold;
use crate::credit::CreditOffer;
use crate::invoice::billed::Billed;
use crate::invoice::brought::Brought;
use crate::invoice::item::Item;
use crate::invoice::line::Line;
use crate::invoice::line_type::LineType;
use crate::money::amount::{Currency, Money};
use crate::name::Name;
use crate::problem::Problem;
use crate::tenancy::attribution::{Attribution, Payer};
use crate::tenancy::group::Group;
use crate::tenancy::organization::{Organization, Project};
use crate::time::hours::HourRule;
use crate::time::month::Month;
use crate::time::period::{Period, Timestamp};
use crate::usage::Usage;

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
    /// The exchange rates of the group's issuer, where its prices are in another currency than the group's.
    pub rates: &'a Rates,
    /// Who bills: its minimum charge and its tax. `None` while that is not known.
    pub issuer: Option<&'a Issuer>,
    /// What finals of the organization bill already.
    pub billed: &'a Billed,
    /// The group's credits, as the month's invoice finds them.
    pub credits: &'a [CreditOffer],
    /// The closed months that the bill is to adjust: those of the group, when it is for its oldest month that is not final.
    pub closed: &'a ClosedMonths,
    /// What the invoice of the month before leaves to this one.
    pub brought: Option<&'a Brought>,
    /// Nothing after this instant is billed: what still runs is charged until here.
    pub as_of: Timestamp,
}

/// What a group owes for a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// The month.
    pub month: Month,
    /// The lines of services, by project, service, start and record.
    pub lines: Vec<Line>,
    /// All other lines, which follow them, by type.
    pub items: Vec<Item>,
    /// Every project that the group pays for in the month, by name: those with a line, and those that exist.
    pub projects: Vec<ProjectSubtotal>,
    /// The total of lines and items by type, in the order of types; types without a line are left out.
    pub categories: Vec<CategorySubtotal>,
    /// The total of lines and items, before tax.
    pub subtotal: Money,
    /// What is used of which credit, in the order of its lines.
    pub credits: Vec<CreditUse>,
    /// How prices became amounts, where there are lines and their prices are in another currency.
    pub converted: Option<Converted>,
    /// How that is taxed, by category and rate.
    pub taxes: Vec<TaxSubtotal>,
    /// Why nothing is said of tax, where that is so.
    pub untaxed: Option<Untaxed>,
    /// The tax.
    pub tax: Money,
    /// Subtotal and tax.
    pub total: Money,
    /// How far below zero it would be without the line that brings it to zero: the next invoice is so much less.
    pub carried_forward: Option<Money>,
    /// By record on the bill that replaces another: the records that count as nothing because of it.
    pub replaced: BTreeMap<Name, Vec<Name>>,
    /// What is not on the bill and why: what the month leaves off, in the order of lines, then what its adjustments of
    /// closed months do.
    pub problems: Vec<Problem>,
    /// What keeps the bill from becoming final, beside its problems.
    pub holds: Vec<Hold>,
}

/// What services cost in the currency of their prices, and how that became the currency of the bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The rate.
    pub conversion: Conversion,
    /// The sum of the lines of services, each rounded to the digits of the prices' currency.
    pub price_subtotal: Money,
}

/// What a project cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectSubtotal {
    /// The project.
    pub project: Name,
    /// The total of its services.
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
    #[error("the currency of billing group {0} is not in use; correct its spec.currency")]
    CurrencyUnknown(Name),
    /// Its terms contradict themselves.
    #[error("billing group {group}: {error}")]
    Terms {
        /// The group.
        group: Name,
        /// What is wrong with them.
        error: TermsError,
    },
    /// A sum is larger than a document can carry.
    #[error(
        "the invoice of billing group {group} for {month} adds up to more than an invoice can hold; check quantities and prices"
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
    bill_with(month, bill_services(month, currency)?)
}

/// Computes what follows from services that are given: all of the bill but their lines.
///
/// # Errors
/// The group has no currency, or a sum is larger than a document can carry.
pub fn bill_given(month: &GroupMonth<'_>, services: GivenServices) -> Result<Bill, BillError> {
    let GivenServices { projects, subtotal, adjustments } = services;
    bill_with(month, Services { lines: Vec::new(), projects, subtotal, adjustments, problems: Vec::new() })
}

fn bill_with(month: &GroupMonth<'_>, services: Services) -> Result<Bill, BillError> {
    let terms = month.group.terms.as_ref().map_err(|error| month.no_terms(error))?;
    let Services { lines, projects, subtotal, adjustments, mut problems } = services;
    let mut tally = Tally::new(subtotal);
    let overflow = |_| month.overflow();
    bill_terms(month, terms, &mut tally).map_err(overflow)?;
    let brought = bring_forward(month, &mut tally).map_err(overflow)?;
    tally.adjust(adjustments).map_err(overflow)?;
    add_problems(&mut problems, bill_late(month, &mut tally).map_err(overflow)?);
    let carried_forward = carry_forward(month, &mut tally).map_err(overflow)?;
    let credits = use_credits(month, &projects, &mut tally).map_err(overflow)?;
    round_to_zero(month, &mut tally).map_err(overflow)?;
    let (items, subtotal) = tally.finish();
    let Taxation { taxes, untaxed, tax, total, hold } = tax(month, subtotal).map_err(|_| month.overflow())?;
    let categories = categories(&lines, &items).ok_or_else(|| month.overflow())?;
    let converted = converted(month, &lines).ok_or_else(|| month.overflow())?;
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
        holds: brought.into_iter().chain(hold).collect(),
        replaced,
        problems,
    })
}

fn replaced(organization: &Organization, lines: &[Line], items: &[Item]) -> BTreeMap<Name, Vec<Name>> {
    let late = items.iter().filter_map(|item| item.adjustment.as_ref()?.new_line());
    let replacing = lines.iter().chain(late).map(|line| &line.usage).filter(|usage| usage.replaces.is_some());
    replacing.map(|usage| (usage.name.clone(), organization.replaced_by(usage))).collect()
}

/// Adds problems; a record has one.
fn add_problems(problems: &mut Vec<Problem>, others: Vec<Problem>) {
    let mut named: BTreeSet<Name> = problems.iter().map(|problem| problem.usage.name.clone()).collect();
    problems.extend(others.into_iter().filter(|problem| named.insert(problem.usage.name.clone())));
}

/// What services cost, and what adjusts closed months, as somebody else computed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenServices {
    /// By project.
    pub projects: Vec<ProjectSubtotal>,
    /// In all.
    pub subtotal: Money,
    /// What adjusts closed months, in all.
    pub adjustments: Money,
}

/// What the services of the group's projects cost.
struct Services {
    lines: Vec<Line>,
    projects: Vec<ProjectSubtotal>,
    subtotal: Money,
    /// What adjusts closed months and is given; zero where it is to be computed.
    adjustments: Money,
    problems: Vec<Problem>,
}

fn bill_services(month: &GroupMonth<'_>, currency: Currency) -> Result<Services, BillError> {
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
    Ok(Services { lines, projects, subtotal: sum, adjustments: Money::zero(currency), problems })
}

/// Charges a project to the group, where it pays for any of the month; returns whether it does.
pub(crate) fn charge_project(month: &GroupMonth<'_>, project: &Project, charges: &mut Charges) -> bool {
    let slices = slices(month, project);
    if !slices.is_empty() {
        Charger::charge_project(month, project, &slices, charges);
    }
    !slices.is_empty()
}

impl Bill {
    /// Whether anything is charged or credited: lines that only tell do not count, nor do amounts that only go from
    /// one invoice to the next.
    pub fn charges_anything(&self) -> bool {
        !self.lines.is_empty() || self.items.iter().any(|item| !item.total.is_zero() && !item.is_carried())
    }
}

impl GroupMonth<'_> {
    /// The records of the organization, and what finals bill of them.
    pub(crate) fn records(&self) -> Records<'_> {
        Records { organization: self.organization, billed: self.billed }
    }

    /// Whether the record counts.
    pub(crate) fn counts(&self, usage: &Usage) -> bool {
        self.records().counts(usage)
    }

    fn no_terms(&self, error: &TermsError) -> BillError {
        BillError::Terms { group: self.group.name.clone(), error: error.clone() }
    }

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
