//! Late and corrected usage: what finals of closed months are short of, or have too much of.
//!
//! A final never changes. What it should have said and does not is billed by the oldest month of its payer that is
//! not final, line by line: usage that stands on no final, at the prices, discounts and rates of its month; and, for
//! a record that a final bills, the exact difference to what it would bill now that the record ended earlier, is
//! replaced, or stands on another final too, at the price, discounts and rate of that final's line.
//!
//! Only records tell of a difference. One that does not exist says nothing: absence is never a correction.

mod adjustment;
mod closed_month;
mod credited;
mod difference;
pub(crate) mod triage;

use std::collections::BTreeSet;

use crate::bill::charge::Charges;
use crate::bill::inputs::{ClosedMonths, GroupMonth};
use crate::bill::records::BilledUsage;
use crate::bill::services::charge_project;
use crate::bill::tally::{Overflow, Tally};
use crate::invoice::adjustment::LateLine;
use crate::invoice::item::Item;
use crate::invoice::line::Line;
use crate::name::Name;
use crate::problem::{Problem, ProblemReason};
use crate::tenancy::organization::Project;
use crate::time::month::Month;
use crate::usage::Usage;

use closed_month::ClosedMonth;
use difference::{differences, is_unclaimed};

/// The records of which finals of a group that is gone bill too much or too little in a closed month, when no group is in
/// its place to get or to pay the difference.
pub fn unclaimed_differences(records: BilledUsage<'_>, closed: &ClosedMonths) -> Vec<Problem> {
    let (span, mut problems) = (triage::span(closed), Vec::new());
    for project in records.organization.projects() {
        for usage in project.usage().filter(|usage| !records.is_fully_billed(span, usage)) {
            let mut months = records.months_of(closed, usage);
            if months
                .any(|(month, attribution)| is_unclaimed(&ClosedMonth { records, month, attribution }, project, usage))
            {
                problems.push(Problem { usage: usage.clone(), reason: ProblemReason::PayerGone });
            }
        }
    }
    problems
}

/// Puts on the bill what its group's closed months are short of or have too much of, by month, project, service, start
/// and record. Returns the records that are left off.
pub(super) fn bill_late(month: &GroupMonth<'_>, tally: &mut Tally) -> Result<Vec<Problem>, Overflow> {
    if month.closed.is_empty() {
        return Ok(Vec::new());
    }
    let mut adjustments = Adjustments::default();
    for project in projects(month) {
        collect_adjustments(month, project, &mut adjustments);
    }
    let Adjustments { mut items, problems } = adjustments;
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    items.into_iter().try_for_each(|(_, item)| tally.add(item))?;
    Ok(problems)
}

/// Adjustments in the order in which they are found, and what is missing from them.
#[derive(Default)]
struct Adjustments {
    items: Vec<(AdjustmentOrder, Item)>,
    problems: Vec<Problem>,
}

/// The order of adjustments: month, project, service, start, record; of one record, the correction of an invoice comes
/// before what no invoice had.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct AdjustmentOrder(Month, Name, Name, i64, Name, bool, Name);

impl Adjustments {
    fn add(&mut self, of: Month, usage: &Usage, item: Item) {
        let start = item.period.map_or(0, |period| period.start().timestamp_micros());
        let is_new = item.adjustment.as_ref().is_some_and(|adjustment| adjustment.late_line().is_some());
        let key = item.key.as_str().into();
        let service = usage.service.name.clone();
        self.items
            .push((AdjustmentOrder(of, usage.project.clone(), service, start, usage.name.clone(), is_new, key), item));
    }
}

/// The projects of which the group has paid for something, or can have to.
fn projects<'a>(month: &GroupMonth<'a>) -> impl Iterator<Item = &'a Project> {
    let near = month.organization.candidate_projects(month.group).map(Project::name);
    let names: BTreeSet<&Name> = near.chain(month.billed.projects_of(month.group.uid)).collect();
    names.into_iter().filter_map(|name| month.organization.project(name))
}

fn collect_adjustments(month: &GroupMonth<'_>, project: &Project, adjustments: &mut Adjustments) {
    let (records, span) = (month.records(), triage::span(month.closed));
    let mut open = BTreeSet::new();
    for usage in project.usage().filter(|usage| !records.is_fully_billed(span, usage)) {
        for (of, attribution) in records.months_of(month.closed, usage) {
            let closed = month.closed_month(of, attribution);
            match differences(&closed, project, usage) {
                Ok(items) => items.into_iter().for_each(|item| adjustments.add(of, usage, item)),
                Err(reason) => adjustments.problems.push(Problem { usage: usage.clone(), reason }),
            }
            if records.is_open(of, usage) {
                open.insert((of, attribution));
            }
        }
    }
    for (of, attribution) in open {
        bill_late_usage(&month.closed_month(of, attribution), project, adjustments);
    }
}

/// Bills what stands on no final as the month itself would have.
fn bill_late_usage(closed: &GroupMonth<'_>, project: &Project, adjustments: &mut Adjustments) {
    let mut charges = Charges::default();
    charge_project(closed, project, &mut charges);
    for line in charges.lines {
        let usage = line.usage.clone();
        adjustments.add(closed.month, &usage, late_item(closed, line));
    }
    adjustments.problems.extend(charges.problems);
}

fn late_item(closed: &GroupMonth<'_>, line: Line) -> Item {
    let terms = closed.group.terms.as_ref().ok();
    let discounts = terms.map(|terms| terms.discounts_in(closed.month).cloned().collect()).unwrap_or_default();
    let conversion = closed.conversion().ok().flatten(); // without a rate there is no line
    adjustment::late_item(closed.month, LateLine { line, discounts, conversion })
}
