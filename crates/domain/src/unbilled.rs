//! All usage of an organization that a month does not bill, and why.

use chrono::TimeDelta;

use crate::bill::charge::Charges;
use crate::bill::inputs::GroupMonth;
use crate::bill::inputs::{ClosedMonths, FormerPrices, NO_CLOSED_MONTHS, NO_FORMER_PRICES, NO_SUCCESSIONS};
use crate::bill::late::refill::closed_portions;
use crate::bill::records::BilledUsage;
use crate::bill::services::charge_project;
use crate::catalog::price_lists::PriceLists;
use crate::catalog::rates::Rates;
use crate::invoice::billed::BilledIndex;
use crate::invoice::month_terms::MonthTerms;
use crate::problem::{Problem, ProblemReason};
use crate::tenancy::attribution::{Attribution, Payer};
use crate::tenancy::group::Group;
use crate::tenancy::organization::{Organization, Project};
use crate::time::hours::HourRule;
use crate::time::month::Month;
use crate::time::period::{Period, Timestamp};
use crate::usage::Usage;

/// A month of an organization; the fields are those of a [`GroupMonth`].
#[derive(Debug, Clone, Copy)]
pub struct OrganizationMonth<'a> {
    /// All that is observed of the organization.
    pub organization: &'a Organization,
    /// The month.
    pub month: Month,
    /// How the month's cost is shared out.
    pub attribution: Attribution,
    /// How running time becomes hours.
    pub hours: HourRule,
    /// What finals of the organization bill already.
    pub billed: &'a BilledIndex,
    /// Nothing after this instant is looked at.
    pub as_of: Timestamp,
}

/// What makes amounts of a group's usage.
#[derive(Debug, Clone, Copy)]
pub struct Pricing<'a> {
    /// Its price list.
    pub prices: &'a PriceLists,
    /// The exchange rates of its issuer.
    pub rates: &'a Rates,
}

/// Every record of which something in the month is not billed, with the first reason found, by name of the
/// record: those that no group pays for, and those that their group's bill leaves off.
///
/// `pricing` finds the price list and the exchange rates of a group. For a group without a list, give an empty one of
/// the missing name: its usage then counts as unpriced. `gone` are the groups that are gone and closed the month.
pub fn unbilled<'a>(
    month: &OrganizationMonth<'a>,
    gone: &'a [Group],
    pricing: impl Fn(&Group) -> Option<Pricing<'a>>,
) -> Vec<Problem> {
    let mut problems = without_payer(month);
    for group in month.organization.groups().chain(gone) {
        if let Some(pricing) = pricing(group) {
            problems.extend(problems_of_bill(&month.of_group(group, pricing)));
        }
    }
    problems.sort_by(|a, b| a.usage.name.cmp(&b.usage.name));
    problems.dedup_by(|later, first| later.usage.name == first.usage.name);
    problems
}

/// The records of the month that belong to no group's invoice: of unknown projects, of projects that were
/// never bound, and of those whose payers are gone. By project, service, start and record.
pub fn without_payer(month: &OrganizationMonth<'_>) -> Vec<Problem> {
    month.organization.projects().flat_map(|project| problems_of(month, project)).collect()
}

/// How far in the future a record may start and nothing be said: clocks differ.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::hours(1);

/// Every record that is not what its writer can have meant, whatever is billed: those that start, or were read, in the future as of an
/// instant, and of records that replace each other in a circle the one whose `replaces` counts as not given. By project, service,
/// start and record.
///
/// Cost: one look at each record.
pub fn mistaken(organization: &Organization, as_of: Timestamp) -> Vec<Problem> {
    let future = as_of.checked_add_signed(CLOCK_TOLERANCE);
    let reason = |usage: &Usage| {
        if let Some(reading) = usage.reading_in_future(as_of).filter(|_| organization.is_effective(usage)) {
            return Some(ProblemReason::ReadingInFuture { at: reading.at });
        }
        let others = organization.replaces_cycle(usage);
        if !others.is_empty() {
            return Some(ProblemReason::ReplacesCycle { others });
        }
        let late = future.is_some_and(|future| usage.start > future) && organization.is_effective(usage);
        late.then_some(ProblemReason::StartsInFuture)
    };
    let all = organization.projects().flat_map(|project| project.usage());
    all.filter_map(|usage| Some(Problem { usage: usage.clone(), reason: reason(usage)? })).collect()
}

/// Every record that has time before `until` which no invoice will ever bill, with the reason: those of projects that
/// were never bound, and those of a time before the first period of its payer. By project, service, start and record.
///
/// Of the months before `until` all invoices are final, so no other reason still counts.
pub fn outside_periods(
    records: BilledUsage<'_>,
    attribution: impl Fn(Month) -> Attribution,
    until: Month,
) -> Vec<Problem> {
    let of_project = |project| outside_periods_of(records, project, &attribution, until);
    records.organization.projects().flat_map(of_project).collect()
}

/// Of one project: every record that has time before `until` which no invoice will ever bill, with the reason. By service, start and
/// record.
pub fn outside_periods_of(
    records: BilledUsage<'_>,
    project: &Project,
    attribution: &impl Fn(Month) -> Attribution,
    until: Month,
) -> Vec<Problem> {
    let uncovered = uncovered(records, project, attribution, until);
    let usage = project.usage().filter(|usage| records.organization.is_effective(usage));
    let outside = usage.filter_map(|usage| {
        let (_, reason) = uncovered.iter().find(|(period, _)| runs_in(usage, period))?;
        Some(Problem { usage: usage.clone(), reason: reason.clone() })
    });
    outside.collect()
}

/// The months before `until` in which nothing of the project was ever billed, and why; none before its first usage.
fn uncovered(
    records: BilledUsage<'_>,
    project: &Project,
    attribution: &impl Fn(Month) -> Attribution,
    until: Month,
) -> Vec<(Period, ProblemReason)> {
    let organization = records.organization;
    let Some(first) = project.usage().map(|usage| Month::of(usage.start)).min().filter(|first| *first < until) else {
        return Vec::new();
    };
    if project.ledger().is_none() {
        let all = Period::new(first.start(), until.start());
        return all.map(|period| (period, no_ledger(project))).into_iter().collect();
    }
    let months = first.through(until.prev()).filter(|month| !may_be_billed_by_default(organization, project, *month));
    let shares = months.flat_map(|month| {
        let shares = records.payers(project, month, attribution(month));
        shares.into_iter().map(move |(period, payer)| (month, period, payer))
    });
    let before = |(month, period, payer)| {
        let Payer::Group(uid) = payer else { return None };
        let group = organization.group(uid).filter(|group| month < group.first_period)?;
        let (group, first_period) = (group.name.clone(), group.first_period);
        Some((period, ProblemReason::BeforeFirstPeriod { group, first_period }))
    };
    shares.filter_map(before).collect()
}

/// Whether a group may have billed the month before its default yielded to the payer of now.
fn may_be_billed_by_default(organization: &Organization, project: &Project, month: Month) -> bool {
    let mut segments = project.ledger().into_iter().flat_map(|ledger| ledger.segments());
    let billed = |uid| organization.group(uid).is_none_or(|group| group.first_period <= month);
    segments.any(|segment| segment.default && billed(segment.group_uid))
}

fn runs_in(usage: &Usage, period: &Period) -> bool {
    period.contains(usage.start) || (usage.start < period.start() && usage.end.is_none_or(|end| period.start() < end))
}

fn no_ledger(project: &Project) -> ProblemReason {
    match project.namespace() {
        Some(_) => ProblemReason::ProjectUnbound,
        None => ProblemReason::ProjectUnknown,
    }
}

impl<'a> OrganizationMonth<'a> {
    /// The records of the organization, and what finals bill of them.
    pub fn records(&self) -> BilledUsage<'a> {
        BilledUsage { organization: self.organization, billed: self.billed }
    }

    /// The groups that are gone and closed the month, which their successors settle.
    pub fn successions(&self) -> Vec<Group> {
        let closed = ClosedMonths::from([(self.month, self.attribution)]);
        let none = |_: &Group, _: &ClosedMonths| (FormerPrices::new(), Vec::new());
        let primaries = self.organization.groups().filter(|group| group.primary);
        let of_primary = |group| self.records().successions(group, &closed, none);
        primaries.flat_map(of_primary).map(|succession| succession.group).collect()
    }

    /// The month of one of the organization's groups.
    pub fn of_group(&self, group: &'a Group, pricing: Pricing<'a>) -> GroupMonth<'a> {
        let OrganizationMonth { organization, month, attribution, hours, billed, as_of } = *self;
        let Pricing { prices, rates } = pricing;
        GroupMonth {
            organization,
            group,
            month,
            attribution,
            hours,
            lists_no_hours: false,
            prices,
            former_prices: &NO_FORMER_PRICES,
            rates,
            billed,
            closed: &NO_CLOSED_MONTHS,
            successions: NO_SUCCESSIONS,
            brought_forward: None,
            // What a record costs does not depend on its tax, nor on what pays for it.
            issuer: None,
            credits: &[],
            as_of,
        }
    }
}

fn problems_of_bill(month: &GroupMonth<'_>) -> Vec<Problem> {
    // Terms that contradict themselves hold the invoice. Which records have a place on it does not depend on them.
    let terms = month.terms().unwrap_or_else(|_| MonthTerms::untaxed());
    // In its place among all: what comes together may be too large where a record alone is not.
    let (portions, mut charges) = (closed_portions(month), Charges::default());
    for project in month.organization.candidate_projects(month.group) {
        charge_project(month, project, &terms, &portions, &mut charges);
        charges.lines.clear();
    }
    charges.problems
}

fn problems_of(month: &OrganizationMonth<'_>, project: &Project) -> Vec<Problem> {
    let (reason, periods_without_payer) = periods_without_payer(month, project);
    if periods_without_payer.is_empty() {
        return Vec::new();
    }
    let missing = project.usage().filter(|usage| is_open(month, usage, &periods_without_payer));
    missing.map(|usage| Problem { usage: usage.clone(), reason: reason.clone() }).collect()
}

/// The periods of the month in which nobody pays for the project, and why.
fn periods_without_payer(month: &OrganizationMonth<'_>, project: &Project) -> (ProblemReason, Vec<Period>) {
    if project.ledger().is_none() {
        return (no_ledger(project), vec![month.month.period()]);
    }
    let shares = month.records().payers(project, month.month, month.attribution);
    let gone = shares.into_iter().filter(|(_, payer)| *payer == Payer::Gone);
    (ProblemReason::PayerGone, gone.map(|(period, _)| period).collect())
}

/// Whether anything of the record lies in the periods and is on no final yet.
fn is_open(month: &OrganizationMonth<'_>, usage: &Usage, periods: &[Period]) -> bool {
    let until = usage.charged_until(month.as_of);
    let Some(run) = Period::new(usage.start, until) else { return false };
    if month.billed.has_unit_charge(&usage.name) {
        return false;
    }
    let billed = month.billed.billed_periods_in(&usage.name, month.month.period());
    let open = |period: &Period| {
        if run.is_empty() {
            return period.contains(run.start()) && run.start() < month.as_of;
        }
        let open = period.intersect(&run).map(|common| common.subtract(&billed)).unwrap_or_default();
        open.into_iter().any(|piece| !usage.is_metered() || !usage.quantity_in(piece).is_zero())
    };
    periods.iter().any(open) && month.records().is_effective(usage)
}
