//! Which records cannot be billed, and what is to be written about it.

mod suspects;

pub use suspects::Suspects;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::conditions::{self, DesiredCondition};
use crate::rules::Rules;
use billing_domain::unbilled::{OrganizationMonth, Pricing, outside_periods, unbilled};
use billing_domain::{
    Attribution, Group, Month, Name, PriceList, Problem, Records, Timestamp, Uid, Usage, months_in_question, unclaimed,
};
use billing_state::{Books, OrganizationBooks, convert};

/// The conditions of a record that differ from what is written.
#[derive(Debug)]
pub struct Report {
    /// The record.
    pub usage: Arc<Usage>,
    /// Its conditions; none when it can be billed.
    pub conditions: Vec<Condition>,
}

/// Plans the reports of an organization, and counts its unbilled records by reason.
pub fn plan_reports(
    books: &Books,
    organization: &Name,
    rules: &Rules,
    now: Timestamp,
) -> (Vec<Report>, BTreeMap<&'static str, usize>) {
    let Some(known) = books.organization(organization) else { return Default::default() };
    let oldest = oldest_unsettled(known, Month::of(now));
    let problems = problems_since(books, known, oldest, rules, now);
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for problem in problems.values() {
        *counts.entry(problem.reason.as_str()).or_default() += 1;
    }
    let new = problems
        .values()
        .filter(|problem| known.reported(&problem.usage.name).map(Name::as_str) != Some(problem.reason.as_str()));
    let mut reports: Vec<_> = new.map(|problem| report(problem, now)).collect();
    reports.extend(solved(known, &problems));
    (reports, counts)
}

/// By record: why something of it is not billed, in the months from the oldest on or in no month of a payer.
pub fn problems_since(
    books: &Books,
    known: &OrganizationBooks,
    oldest: Month,
    rules: &Rules,
    now: Timestamp,
) -> HashMap<Name, Problem> {
    let outside = outside_periods(&known.organization, |month| attribution(books, month, rules), oldest);
    let months = oldest.through(Month::of(now)).flat_map(|month| problems_of_month(books, known, month, rules, now));
    let mut problems: HashMap<Name, Problem> = HashMap::new();
    let (late, unclaimed) = late(books, known, oldest, rules);
    let late = late.into_iter().flat_map(|month| problems_of_month(books, known, month, rules, now));
    for problem in outside.into_iter().chain(unclaimed).chain(late).chain(months) {
        match problems.get(&problem.usage.name) {
            // Of several, the one that somebody has to solve before an invoice becomes final.
            Some(known) if known.reason.holds() || !problem.reason.holds() => {}
            _ => drop(problems.insert(problem.usage.name.clone(), problem)),
        }
    }
    problems
}

/// The months before the oldest one that is not final, of which something may stand on no final; and what finals bill
/// wrongly, when nobody is left to get or to pay the difference.
fn late(books: &Books, known: &OrganizationBooks, oldest: Month, rules: &Rules) -> (BTreeSet<Month>, Vec<Problem>) {
    let first_periods = known.organization.groups().filter(|group| !group.begins_too_early());
    let Some(first) = first_periods.map(|group| group.first_period).min() else { return Default::default() };
    let closed = known.read_months(first, oldest, |month| attribution(books, month, rules));
    let records = Records { organization: &known.organization, billed: &known.billed().read() };
    (months_in_question(records, &closed), unclaimed(records, &closed))
}

/// The oldest month that is not final for some group.
fn oldest_unsettled(known: &OrganizationBooks, open: Month) -> Month {
    known.invoices.estimates().map(|estimate| estimate.month).min().unwrap_or(open).min(open)
}

fn report(problem: &Problem, now: Timestamp) -> Report {
    let desired = DesiredCondition::no("Billable", problem.reason.as_str(), problem.to_string());
    Report { usage: problem.usage.clone(), conditions: conditions::merge(&[], &[desired], None, now) }
}

/// Records whose condition is no longer true.
fn solved(known: &OrganizationBooks, problems: &HashMap<Name, Problem>) -> Vec<Report> {
    let gone = known.reported_records().filter(|record| !problems.contains_key(*record));
    gone.filter_map(|record| known.organization.usage(record))
        .map(|usage| Report { usage: usage.clone(), conditions: Vec::new() })
        .collect()
}

/// The records of which something in the month is not billed, and why.
pub fn problems_of_month(
    books: &Books,
    known: &OrganizationBooks,
    month: Month,
    rules: &Rules,
    now: Timestamp,
) -> Vec<Problem> {
    let billed = known.billed().read();
    let view = OrganizationMonth {
        organization: &known.organization,
        month,
        attribution: attribution(books, month, rules),
        hours: rules.hours,
        billed: &billed,
        as_of: now,
    };
    let pricing = |group: &Group| Some((group.uid, (prices_of(books, group)?, books.rates_of(group))));
    let pricing: HashMap<Uid, _> = known.organization.groups().filter_map(pricing).collect();
    unbilled(&view, |group| pricing.get(&group.uid).map(|(prices, rates)| Pricing { prices, rates }))
}

fn attribution(books: &Books, month: Month, rules: &Rules) -> Attribution {
    books.period(month).map_or(rules.attribution, |period| convert::attribution(period.spec.attribution))
}

/// The price list of a group, or an empty one of that name: then its usage is unpriced.
fn prices_of(books: &Books, group: &Group) -> Option<Arc<PriceList>> {
    match books.price_list(&group.price_list) {
        Some(Ok(list)) => Some(list.clone()),
        Some(Err(_)) | None => {
            PriceList::new(group.price_list.clone(), Uid(0), Name::from(""), group.currency?, Vec::new())
                .ok()
                .map(Arc::new)
        }
    }
}
