//! Which months are over, and how their invoices stand.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::billing_settings::BillingSettings;
use crate::conditions::{self, WRITE_REFUSED};
use crate::months::oldest_open_month;
use crate::usage::problems_of_month;
use billing_api::{BillingGroupStatus, BillingPeriod, BillingPeriodStatus};
use billing_domain::closing::HoldReason;
use billing_domain::invoice::number;
use billing_domain::{Group, Month, Name, Problem, Timestamp, Uid};
use billing_state::{Estimate, Key, ObservedState, OrganizationState};

/// The most projects that a period's status names.
const MAX_PROJECTS: usize = 100;

/// What the periods need.
#[derive(Debug)]
pub struct PeriodPlan {
    /// Months that are over and have no BillingPeriod, the oldest first.
    pub create: Vec<Month>,
    /// Periods with a new status.
    pub statuses: Vec<BillingPeriod>,
    /// The next end of a month.
    pub wake: Timestamp,
}

/// Plans the periods. Cost: a look at each invoice, and at each group's months that are over and not final; and for each organization the problems of those months of which an invoice
/// of its is open. Months that are final cost nothing more.
pub fn plan_periods(state: &ObservedState, settings: &BillingSettings, now: Timestamp) -> PeriodPlan {
    let open = Month::of(now);
    let oldest = state.oldest_first_period().unwrap_or(open);
    let create = oldest.through(open.prev()).filter(|month| state.period(*month).is_none()).collect();
    let mut tallies: BTreeMap<Month, Tally> = state.periods().map(|(month, _)| (month, Tally::default())).collect();
    for (_, organization) in state.organizations() {
        count_invoices(&mut tallies, organization);
        for (_, month) in unwritten_months(organization, open) {
            tallies.entry(month).and_modify(|tally| tally.waiting += 1);
        }
        for month in open_months(organization) {
            if let Some(tally) = tallies.get_mut(&month) {
                tally.add_problems(problems_of_month(state, organization, month, settings, now));
            }
        }
    }
    let statuses = state.periods().filter_map(|(month, period)| {
        let status = tallies.remove(&month).unwrap_or_default().status(period);
        let changed = period.status.as_ref() != Some(&status);
        changed.then(|| BillingPeriod { status: Some(status), ..BillingPeriod::clone(period) })
    });
    PeriodPlan { create, statuses: statuses.collect(), wake: open.end() }
}

/// How the invoices of a month stand.
#[derive(Debug, Default)]
struct Tally {
    finals: usize,
    held: usize,
    waiting: usize,
    /// Records of organizations with an open invoice of the month.
    unbilled_records: usize,
    unbilled_projects: BTreeSet<Name>,
}

impl Tally {
    fn add_problems(&mut self, problems: Vec<Problem>) {
        self.unbilled_records += problems.len();
        self.unbilled_projects.extend(problems.into_iter().map(|problem| problem.usage.project.clone()));
    }

    /// Once all invoices are final, what was not billed stays as it was found then.
    fn status(self, period: &BillingPeriod) -> BillingPeriodStatus {
        let Self { finals, held, waiting, unbilled_records, unbilled_projects } = self;
        let (unbilled_records, unbilled_projects) = if held == 0 && waiting == 0 && finals > 0 {
            let known = period.status.clone().unwrap_or_default();
            (known.unbilled_records, known.unbilled_projects)
        } else {
            let named = unbilled_projects.iter().take(MAX_PROJECTS).map(|project| project.as_str().into());
            (count(unbilled_records), named.collect())
        };
        BillingPeriodStatus {
            finals: count(finals),
            held: count(held),
            waiting: count(waiting),
            unbilled_records,
            unbilled_projects,
        }
    }
}

/// The months of which an invoice of the organization is open.
fn open_months(organization: &OrganizationState) -> BTreeSet<Month> {
    organization.invoices.estimates().map(|estimate| estimate.month).collect()
}

fn count_invoices(tallies: &mut BTreeMap<Month, Tally>, organization: &OrganizationState) {
    for estimate in organization.invoices.estimates() {
        let Some(tally) = tallies.get_mut(&estimate.month) else { continue };
        match hold_of(estimate) {
            Some(_) => tally.held += 1,
            None => tally.waiting += 1,
        }
    }
    for (number, known) in organization.invoices.numbered() {
        let open = |month| organization.invoices.estimate(number).is_some_and(|estimate| estimate.month == month);
        let is_first = number::revision(number) == 0; // one that was issued again is no further one
        let Some(month) = known.month.filter(|month| is_first && !open(*month)) else { continue };
        if let Some(tally) = tallies.get_mut(&month) {
            tally.finals += 1;
        }
    }
}

/// The months that are over for which a group is billed and has no invoice: it is about to be written, or it cannot be.
fn unwritten_months(organization: &OrganizationState, open: Month) -> impl Iterator<Item = (Uid, Month)> {
    organization.groups().flat_map(move |(uid, object)| {
        let group = organization.organization.group(uid).filter(|group| !group.begins_too_early());
        let status = object.status.clone().unwrap_or_default();
        let months = group.into_iter().flat_map(|group| unwritten_months_of(organization, group, &status, open));
        months.map(|month| (uid, month)).collect::<Vec<_>>()
    })
}

fn unwritten_months_of(
    organization: &OrganizationState,
    group: &Group,
    status: &BillingGroupStatus,
    open: Month,
) -> Vec<Month> {
    let is_written = |month: &Month| {
        let series = status.invoice_series.as_deref();
        let number = series.zip(number::sequence(group.first_period, *month));
        let number = number.map(|(series, sequence)| number::number(series, sequence));
        number.is_some_and(|number| {
            organization.invoices.exists(&number) || organization.invoices.estimate(&number).is_some()
        })
    };
    let over = oldest_open_month(group, status).through(open.prev());
    over.filter(|month| group.pays_in(*month) && !is_written(month)).collect()
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// What holds an estimate, as its condition says.
fn hold_of(estimate: &Estimate) -> Option<HoldReason> {
    let ready = conditions::find(&estimate.conditions, "Ready").filter(|ready| ready.status == "False")?;
    HoldReason::ALL.into_iter().find(|hold| hold.as_str() == ready.reason)
}

/// What somebody else than the operator has to do something about before an estimate becomes final.
fn in_the_way(estimate: &Estimate) -> Option<&'static str> {
    let ready = conditions::find(&estimate.conditions, "Ready");
    let is_awaited = ready.is_some_and(|ready| ready.status == "False" && ready.reason == AWAITING_READING);
    hold_of(estimate).map(HoldReason::as_str).or(is_awaited.then_some(AWAITING_READING))
}

/// How much there is of everything.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Billing groups.
    pub groups: usize,
    /// Namespaces of projects.
    pub projects: usize,
    /// Invoices that are not final.
    pub estimates: usize,
    /// Invoices that are.
    pub finals: usize,
    /// Estimates that something holds, or that wait for a reading, by the reason of their condition; and invoices of months that are
    /// over which could not be written.
    pub held: BTreeMap<&'static str, usize>,
}

/// The reason of an estimate whose month waits for somebody to read a counter: not for ever, but what is read later is billed later.
const AWAITING_READING: &str = "AwaitingReading";

/// The reason under which an invoice is counted that does not exist, for whatever cause.
const NOT_WRITTEN: &str = "NotWritten";

/// Counts groups, projects and invoices: linear in all of them but the finals, which are counted already.
pub fn census(state: &ObservedState, now: Timestamp) -> Census {
    let organizations = || state.organizations().map(|(_, organization)| organization);
    let estimates: usize = organizations().map(|organization| organization.invoices.estimates().count()).sum();
    let all: usize = organizations().map(|organization| organization.invoices.count()).sum();
    let mut held: BTreeMap<&'static str, usize> = BTreeMap::new();
    for reason in organizations().flat_map(|organization| organization.invoices.estimates()).filter_map(in_the_way) {
        *held.entry(reason).or_default() += 1;
    }
    for (name, organization) in state.organizations() {
        for (group, _) in unwritten_months(organization, Month::of(now)) {
            let refused = state.refused_write(&Key::Group { organization: name.clone(), group });
            *held.entry(refused.map_or(NOT_WRITTEN, |_| WRITE_REFUSED)).or_default() += 1;
        }
    }
    Census {
        groups: organizations().map(|organization| organization.groups().count()).sum(),
        projects: state.namespaces().filter(|(name, namespace)| **name != namespace.organization).count(),
        estimates,
        finals: all.saturating_sub(estimates),
        held,
    }
}
