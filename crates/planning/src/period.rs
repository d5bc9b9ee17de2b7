//! Which months are over, and how their invoices stand.

use std::collections::{BTreeMap, BTreeSet};

use crate::billing_settings::BillingSettings;
use crate::conditions;
use crate::usage::problems_of_month;
use billing_api::{BillingPeriod, BillingPeriodStatus};
use billing_domain::closing::HoldReason;
use billing_domain::{Month, Name, Timestamp};
use billing_state::{Estimate, ObservedState, OrganizationState};

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

/// Plans the periods.
pub fn plan_periods(state: &ObservedState, settings: &BillingSettings, now: Timestamp) -> PeriodPlan {
    let open = Month::of(now);
    let oldest = state.oldest_first_period().unwrap_or(open);
    let create = oldest.through(open.prev()).filter(|month| state.period(*month).is_none()).collect();
    let statuses = state.periods().filter_map(|(month, period)| {
        let status = status_of(state, month, period, settings, now);
        let changed = period.status.as_ref() != Some(&status);
        changed.then(|| BillingPeriod { status: Some(status), ..BillingPeriod::clone(period) })
    });
    PeriodPlan { create, statuses: statuses.collect(), wake: open.end() }
}

/// How the invoices of a month stand.
fn status_of(
    state: &ObservedState,
    month: Month,
    period: &BillingPeriod,
    settings: &BillingSettings,
    now: Timestamp,
) -> BillingPeriodStatus {
    let mut counts = BillingPeriodStatus::default();
    let mut projects = BTreeSet::new();
    let mut records = 0;
    for (_, organization) in state.organizations() {
        count_invoices(&mut counts, organization, month);
        if !is_month_final(organization, month) {
            let problems = problems_of_month(state, organization, month, settings, now);
            records += problems.len();
            projects.extend(problems.into_iter().map(|problem| problem.usage.project.clone()));
        }
    }
    // Once all invoices are final, what was not billed stays as it was found then.
    if counts.held == 0 && counts.waiting == 0 && counts.finals > 0 {
        let known = period.status.clone().unwrap_or_default();
        return BillingPeriodStatus {
            unbilled_records: known.unbilled_records,
            unbilled_projects: known.unbilled_projects,
            ..counts
        };
    }
    counts.unbilled_records = count(records);
    counts.unbilled_projects = projects.iter().take(MAX_PROJECTS).map(|project| project.as_str().into()).collect();
    counts
}

fn is_month_final(organization: &OrganizationState, month: Month) -> bool {
    organization.invoices.estimates().all(|estimate| estimate.month != month)
        && organization.invoices.of_month(month).next().is_some()
}

fn count_invoices(counts: &mut BillingPeriodStatus, organization: &OrganizationState, month: Month) {
    let mut open: BTreeMap<&Name, Option<HoldReason>> = BTreeMap::new();
    for estimate in organization.invoices.estimates().filter(|estimate| estimate.month == month) {
        open.insert(&estimate.number, hold_of(estimate));
    }
    let finals = organization.invoices.of_month(month).filter(|number| !open.contains_key(number)).count();
    counts.finals += count(finals);
    counts.held += count(open.values().filter(|hold| hold.is_some()).count());
    counts.waiting += count(open.values().filter(|hold| hold.is_none()).count());
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// What holds an estimate, as its condition says.
fn hold_of(estimate: &Estimate) -> Option<HoldReason> {
    let ready = conditions::find(&estimate.conditions, "Ready").filter(|ready| ready.status == "False")?;
    HoldReason::ALL.into_iter().find(|hold| hold.as_str() == ready.reason)
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
    /// Estimates of months that are over and that something holds, by the reason of their condition.
    pub held: BTreeMap<&'static str, usize>,
}

/// Counts groups, projects and invoices: linear in all of them but the finals, which are counted already.
pub fn census(state: &ObservedState) -> Census {
    let organizations = || state.organizations().map(|(_, organization)| organization);
    let estimates: usize = organizations().map(|organization| organization.invoices.estimates().count()).sum();
    let all: usize = organizations().map(|organization| organization.invoices.count()).sum();
    let mut held: BTreeMap<&'static str, usize> = BTreeMap::new();
    for hold in organizations().flat_map(|organization| organization.invoices.estimates()).filter_map(hold_of) {
        *held.entry(hold.as_str()).or_default() += 1;
    }
    Census {
        groups: organizations().map(|organization| organization.groups().count()).sum(),
        projects: state.namespaces().filter(|(name, namespace)| **name != namespace.organization).count(),
        estimates,
        finals: all.saturating_sub(estimates),
        held,
    }
}
