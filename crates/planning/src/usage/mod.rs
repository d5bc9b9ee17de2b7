//! Which records cannot be billed, and what is to be written about it.

mod report_debounce;
mod retention;
#[cfg(test)]
mod tests;

pub use report_debounce::ReportDebounce;
pub use retention::plan_retention;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::billing_settings::BillingSettings;
use crate::conditions::{self, DesiredCondition};
use crate::invoice::no_prices;
use crate::pending_projects::awaiting_ledger;
use billing_domain::unbilled::{OrganizationMonth, Pricing, mistaken, outside_periods, unbilled};
use billing_domain::{
    BilledIndex, BilledUsage, Group, Month, Name, PriceLists, Problem, Timestamp, Uid, Usage, months_to_review,
    too_late, unclaimed_differences,
};
use billing_state::{ObservedState, OrganizationState};

/// The reason by which records are counted that were deleted before they were billed.
pub const PURGED: &str = "Purged";

/// The conditions of a record that differ from what is written.
#[derive(Debug)]
pub struct Report {
    /// The record.
    pub usage: Arc<Usage>,
    /// Its conditions; none when it can be billed.
    pub conditions: Vec<Condition>,
}

/// What is to be written on the records of an organization.
#[derive(Debug, Default)]
pub struct ReportPlan {
    /// The records whose condition changes.
    pub reports: Vec<Report>,
    /// How many records are not billed, by reason.
    pub counts: BTreeMap<&'static str, usize>,
    /// Whether nothing is said of some records yet, because their project waits for its ledger.
    pub waits: bool,
}

/// Plans the reports of an organization, and counts its unbilled records by reason.
///
/// Of the records of a project nothing is said while it waits for its ledger: whatever is wrong with them, with who pays it
/// changes. Cost: the problems of each month that is open for some group.
pub fn plan_reports(
    state: &ObservedState,
    organization: &Name,
    settings: &BillingSettings,
    now: Timestamp,
) -> ReportPlan {
    let Some(organization_state) = state.organization(organization) else { return ReportPlan::default() };
    let oldest = oldest_open_month(organization_state, Month::of(now));
    let problems = problems_since(state, organization_state, oldest, settings, now);
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for problem in problems.values() {
        *counts.entry(problem.reason.as_str()).or_default() += 1;
    }
    let purged = organization_state.purged().count();
    if purged > 0 {
        counts.insert(PURGED, purged);
    }
    let new = problems.values().filter(|problem| {
        let known = organization_state.reported(&problem.usage.name);
        known.is_none_or(|known| {
            *known.reason != *problem.reason.as_str() || known.generation != Some(problem.usage.generation)
        })
    });
    let report = |problem| report(problem, organization_state, now);
    let mut reports: Vec<_> = new.map(report).collect();
    reports.extend(resolved(organization_state, &problems));
    let projects: BTreeSet<_> = reports.iter().map(|report| report.usage.project.clone()).collect();
    let waiting = awaiting_ledger(state, organization, projects, settings, now);
    reports.retain(|report| !waiting.contains(&report.usage.project));
    ReportPlan { reports, counts, waits: !waiting.is_empty() }
}

/// By record: why something of it is not billed, in the months from the oldest on or in no month of a payer.
pub fn problems_since(
    state: &ObservedState,
    organization_state: &OrganizationState,
    oldest: Month,
    settings: &BillingSettings,
    now: Timestamp,
) -> HashMap<Name, Problem> {
    let outside = outside_periods(
        BilledUsage { organization: &organization_state.organization, billed: &organization_state.billed().read() },
        |month| state.attribution(month, settings.attribution),
        oldest,
    );
    let months = oldest
        .through(Month::of(now))
        .flat_map(|month| problems_of_month(state, organization_state, month, settings, now));
    let mut problems: HashMap<Name, Problem> = HashMap::new();
    let (late_usage, left_off) = late_usage(state, organization_state, oldest, settings);
    let late_usage =
        late_usage.into_iter().flat_map(|month| problems_of_month(state, organization_state, month, settings, now));
    let mistaken = mistaken(&organization_state.organization, now);
    for problem in outside.into_iter().chain(left_off).chain(late_usage).chain(months).chain(mistaken) {
        match problems.get(&problem.usage.name) {
            // Of several, the one that somebody has to solve before an invoice becomes final.
            Some(first) if first.reason.holds() || !problem.reason.holds() => {}
            _ => drop(problems.insert(problem.usage.name.clone(), problem)),
        }
    }
    problems
}

/// The months before the oldest one that is not final, of which something may stand on no final; and what finals bill
/// wrongly, when nobody is left to get or to pay the difference, or when it is too late for that.
fn late_usage(
    state: &ObservedState,
    organization_state: &OrganizationState,
    oldest: Month,
    settings: &BillingSettings,
) -> (BTreeSet<Month>, Vec<Problem>) {
    let first_periods = organization_state.organization.groups().filter(|group| !group.begins_too_early());
    let of_gone = organization_state.first_month_of_gone_groups();
    let first = first_periods.map(|group| group.first_period).chain(of_gone).min();
    let Some(first) = first else { return Default::default() };
    let mut closed =
        organization_state.fully_read_months(first, oldest, |month| state.attribution(month, settings.attribution));
    let records =
        BilledUsage { organization: &organization_state.organization, billed: &organization_state.billed().read() };
    let settled = closed.split_off(&settings.late_usage_window.oldest_settled(oldest, first));
    let mut left_off = unclaimed_differences(records, &settled);
    left_off.extend(too_late(records, &closed, settings.late_usage_window));
    (months_to_review(records, &settled), left_off)
}

/// The oldest month that is not final for some group.
fn oldest_open_month(organization_state: &OrganizationState, open: Month) -> Month {
    organization_state.invoices.estimates().map(|estimate| estimate.month).min().unwrap_or(open).min(open)
}

fn report(problem: &Problem, organization_state: &OrganizationState, now: Timestamp) -> Report {
    let usage = problem.usage.clone();
    let desired = DesiredCondition::no("Billable", problem.reason.as_str(), problem.to_string());
    let mut conditions = conditions::merge(&[], &[desired], Some(usage.generation), now);
    if let (Some(known), [condition]) = (organization_state.reported(&usage.name), conditions.as_mut_slice()) {
        condition.last_transition_time = known.since.clone(); // it was False before
    }
    Report { usage, conditions }
}

/// Records whose condition is no longer true.
fn resolved(organization_state: &OrganizationState, problems: &HashMap<Name, Problem>) -> Vec<Report> {
    let gone = organization_state.reported_records().filter(|record| !problems.contains_key(*record));
    gone.filter_map(|record| organization_state.organization.usage(record))
        .map(|usage| Report { usage: usage.clone(), conditions: Vec::new() })
        .collect()
}

/// The records of which something in the month is not billed, and why.
pub fn problems_of_month(
    state: &ObservedState,
    organization_state: &OrganizationState,
    month: Month,
    settings: &BillingSettings,
    now: Timestamp,
) -> Vec<Problem> {
    let billed = organization_state.billed().read();
    let view = OrganizationMonth {
        organization: &organization_state.organization,
        month,
        attribution: state.attribution(month, settings.attribution),
        hours: settings.hours,
        billed: &billed,
        as_of: now,
    };
    let gone = view.successions();
    let priced = |group: &Group, prices: Option<PriceLists>| Some((group.uid, (prices?, state.rates_of(group))));
    let now = organization_state.organization.groups().map(|group| priced(group, prices_of(state, group)));
    let then = gone.iter().map(|group| priced(group, prices_of_month(state, &billed, group, month)));
    let pricing: HashMap<Uid, _> = now.chain(then).flatten().collect();
    unbilled(&view, &gone, |group| pricing.get(&group.uid).map(|(prices, rates)| Pricing { prices, rates }))
}

/// The price lists by which a group that is gone billed a month.
fn prices_of_month(state: &ObservedState, billed: &BilledIndex, gone: &Group, month: Month) -> Option<PriceLists> {
    let named = billed.price_lists_of(gone.uid, month);
    if named.is_empty() {
        return prices_of(state, gone);
    }
    prices_of(state, &Group { price_lists: named.to_vec(), ..gone.clone() })
}

/// The price lists of a group, or empty ones of these names: then its usage is unpriced.
fn prices_of(state: &ObservedState, group: &Group) -> Option<PriceLists> {
    state.prices_of(group).ok().or_else(|| no_prices(group))
}
