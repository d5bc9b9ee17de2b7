//! Late and corrected usage: what finals of closed months are short of, or have too much of.
//!
//! A final never changes. What it should have said and does not is billed by the oldest month of its payer that is
//! not final, line by line: usage that stands on no final, at the prices, discounts and rates of its month; and, for
//! a record that a final bills, the exact difference to what it would bill now that the record ended earlier, is
//! replaced, or stands on another final too, at the price, discounts and rate of that final's line. Each is taxed as its month
//! was. What follows from services (percentages, the commitment, credits) is looked at again by `settlement`.
//!
//! Only records tell of a difference. One that does not exist says nothing: absence is never a correction.

mod adjustment;
mod closed_month;
mod credited;
mod difference;
pub(crate) mod refill;
pub(super) mod settlement;
pub mod succession;
pub(crate) mod triage;

use std::collections::{BTreeMap, BTreeSet};

use crate::bill::charge::Charges;
use crate::bill::fill::Portions;
use crate::bill::inputs::{ClosedMonths, GroupMonth};
use crate::bill::records::BilledUsage;
use crate::bill::services::charge_project;
use crate::bill::tally::Overflow;
use crate::catalog::tax_rule::TaxGroup;
use crate::catalog::unit_price::Unit;
use crate::invoice::adjustment::LateLine;
use crate::invoice::item::Item;
use crate::invoice::line::Line;
use crate::invoice::month_terms::{MonthTerms, TaxReasons, TaxScheme};
use crate::name::Name;
use crate::problem::{Problem, ProblemReason};
use crate::tenancy::attribution::Attribution;
use crate::tenancy::organization::Project;
use crate::time::hours::HourRule;
use crate::time::late_usage_window::LateUsageWindow;
use crate::time::month::Month;
use crate::usage::Usage;

use closed_month::ClosedMonth;
use difference::{RecordDifference, differences, is_unclaimed, is_wrong};
use refill::{RefillDifference, closed_portions, refills};

/// The records of which finals of a group that is gone bill too much or too little in a closed month, when it has no successor to get
/// or to pay the difference.
pub fn unclaimed_differences(records: BilledUsage<'_>, closed: &ClosedMonths) -> Vec<Problem> {
    let (span, mut problems) = (triage::span(closed), Vec::new());
    for project in records.organization.projects() {
        for usage in project.usage().filter(|usage| !records.is_fully_billed(span, usage)) {
            if records.months_of(closed, usage).any(|(month, _)| is_unclaimed(&ClosedMonth { records, month }, usage)) {
                problems.push(Problem { usage: usage.clone(), reason: ProblemReason::PayerGone });
            }
        }
    }
    problems
}

/// The records of which finals bill too much or too little in closed months that are older than any document settles. Of each the
/// oldest such month is told.
pub fn too_late(records: BilledUsage<'_>, too_old: &ClosedMonths, window: LateUsageWindow) -> Vec<Problem> {
    let mut problems = Vec::new();
    if too_old.is_empty() {
        return problems;
    }
    let span = triage::span(too_old);
    for usage in records.organization.projects().flat_map(Project::usage) {
        if records.is_fully_billed(span, usage) {
            continue;
        }
        if let Some(month) = first_difference(records, too_old, usage) {
            problems.push(Problem { usage: usage.clone(), reason: ProblemReason::TooLate { month, window } });
        }
    }
    problems
}

/// Whether a record ran and ended within closed months, of which none is missing, and finals bill of it what is due.
pub fn is_settled_within(records: BilledUsage<'_>, closed: &ClosedMonths, usage: &Usage) -> bool {
    let Some(span) = triage::span(closed) else { return false };
    let is_ended = usage.metering.as_ref().is_none_or(|metering| metering.is_ended);
    let is_within = is_ended && usage.start >= span.start() && usage.end.is_some_and(|end| end <= span.end());
    is_within && first_difference(records, closed, usage).is_none()
}

/// The oldest of closed months of which finals bill too much or too little of a record.
fn first_difference(records: BilledUsage<'_>, closed: &ClosedMonths, usage: &Usage) -> Option<Month> {
    let differs = |(month, _): &(Month, Attribution)| {
        records.is_open(*month, usage) || is_wrong(&ClosedMonth { records, month: *month }, usage)
    };
    records.months_of(closed, usage).find(differs).map(|(month, _)| month)
}

/// By how much what is due for services of a closed month changes: by project and by what is taxed alike, in minor units.
pub(super) type ServiceChanges = BTreeMap<(Name, Option<TaxGroup>), i128>;

/// What adjusts the records of closed months.
#[derive(Debug, Default)]
pub(super) struct LateUsage {
    /// The lines, by month, project, service, start and record.
    pub(super) items: Vec<Item>,
    /// By closed month of the group with a difference: what that changes.
    pub(super) changes: BTreeMap<Month, ServiceChanges>,
    /// Why lines are not taxed, where that is so.
    pub(super) reasons: TaxReasons,
    /// The records that are left off.
    pub(super) problems: Vec<Problem>,
}

/// What the group's closed months are short of or have too much of.
pub(super) fn late_usage(month: &GroupMonth<'_>) -> Result<LateUsage, Overflow> {
    if month.closed.is_empty() {
        return Ok(LateUsage::default());
    }
    let mut adjustments = Adjustments::default();
    for project in projects(month) {
        collect_adjustments(month, project, &mut adjustments);
    }
    adjustments.scaled.extend(refill::noted_months(month));
    let refills = adjustments.refill(month)?;
    adjustments.add_reasons_of_corrections(month);
    let Adjustments { mut items, changes, reasons, problems, .. } = adjustments;
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    let items = items.into_iter().map(|(_, item)| item).chain(refills).collect();
    Ok(LateUsage { items, changes, reasons, problems })
}

/// Adjustments in the order in which they are found, and what is missing from them.
#[derive(Default)]
struct Adjustments {
    items: Vec<(AdjustmentOrder, Item)>,
    changes: BTreeMap<Month, ServiceChanges>,
    reasons: TaxReasons,
    problems: Vec<Problem>,
    /// What is corrected: of which month, and how that is taxed.
    taxed: BTreeSet<(Month, TaxGroup)>,
    /// What late usage of a month is billed by, once it was asked for.
    terms: BTreeMap<Month, MonthTerms>,
    /// What records have of a month at prices with a scale, once it was asked for.
    portions: BTreeMap<Month, Portions>,
    /// The months of which something at such prices may differ.
    scaled: BTreeMap<Month, Attribution>,
}

/// The order of adjustments: month, project, service, start, record; of one record, the correction of an invoice comes
/// before what no invoice had.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct AdjustmentOrder(Month, Name, Name, i64, Name, bool, Name, Option<TaxGroup>);

impl Adjustments {
    fn add(&mut self, of: Month, usage: &Usage, item: Item) {
        let start = item.period.map_or(0, |period| period.start().timestamp_micros());
        let is_new = item.adjustment.as_ref().is_some_and(|adjustment| adjustment.late_line().is_some());
        let key = item.key.as_str().into();
        let (project, service) = (usage.project.clone(), usage.service.name.clone());
        let order = AdjustmentOrder(of, project, service, start, usage.name.clone(), is_new, key, item.tax);
        self.items.push((order, item));
    }

    fn change(&mut self, of: Month, project: &Name, tax: Option<TaxGroup>, change: i128) {
        *self.changes.entry(of).or_default().entry((project.clone(), tax)).or_default() += change;
    }

    fn correct(&mut self, closed: &GroupMonth<'_>, usage: &Usage, difference: RecordDifference) {
        let RecordDifference { tax, change, item } = difference;
        // All of a final that was taken back is settled.
        if !closed.billed.is_month_reversed(closed.group.uid, closed.month) {
            self.change(closed.month, &usage.project, tax, change);
        }
        if let Some(item) = item {
            self.taxed.extend(tax.map(|tax| (closed.month, tax)));
            self.add(closed.month, usage, item);
        }
    }

    /// Why corrections are not taxed: what the finals that they correct say.
    fn add_reasons_of_corrections(&mut self, month: &GroupMonth<'_>) {
        for (of, tax) in std::mem::take(&mut self.taxed) {
            let Some(stated) = month.billed.stated(month.group.uid, of) else { continue };
            let only = stated.only_tax.as_ref().filter(|only| only.group() == tax);
            only.into_iter().for_each(|only| self.reasons.add_reason(tax, only.reason.as_deref()));
            stated.treatments_of(Some(tax)).into_iter().for_each(|one| self.reasons.add(one));
        }
    }

    /// The lines for charges with which others came together, by month, entry and project.
    fn refill(&mut self, month: &GroupMonth<'_>) -> Result<Vec<Item>, Overflow> {
        let mut items = Vec::new();
        for (of, attribution) in std::mem::take(&mut self.scaled) {
            let closed = month.closed_month(of, attribution);
            let portions = self.portions.entry(of).or_insert_with(|| closed_portions(&closed));
            for RefillDifference { project, tax, change, item } in refills(&closed, portions)? {
                self.change(of, &project, tax, change);
                if item.is_some() {
                    self.taxed.extend(tax.map(|tax| (of, tax)));
                }
                items.extend(item);
            }
        }
        Ok(items)
    }

    /// Bills what stands on no final as the month itself would have.
    fn bill_late_usage(&mut self, closed: &GroupMonth<'_>, project: &Project) {
        let now = closed.hours;
        let closed = &by_hours_of_its_final(closed);
        let terms = self.terms.entry(closed.month).or_insert_with(|| terms_of_late_usage(closed)).clone();
        let mut charges = Charges::default();
        let portions = self.portions.entry(closed.month).or_insert_with(|| closed_portions(closed));
        charge_project(closed, project, &terms, portions, &mut charges);
        for line in charges.lines {
            if let Some(treatment) = terms.tax.treatment(Some(&line.usage.service.kind)) {
                self.reasons.add(treatment);
            }
            self.change(closed.month, &line.usage.project, line.tax, line.total.minor());
            let usage = line.usage.clone();
            self.add(closed.month, &usage, late_item(closed, now, &terms, line));
        }
        self.problems.extend(charges.problems);
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
            match differences(&closed, usage) {
                Ok(found) => found.into_iter().for_each(|one| adjustments.correct(&closed, usage, one)),
                Err(reason) => adjustments.problems.push(Problem { usage: usage.clone(), reason }),
            }
            let is_open = records.is_open(of, usage);
            if is_open {
                open.insert((of, attribution));
            }
            if (is_open && closed.prices.has_scales()) || month.billed.is_scaled(&usage.name) {
                adjustments.scaled.insert(of, attribution);
            }
        }
    }
    for (of, attribution) in open {
        adjustments.bill_late_usage(&month.closed_month(of, attribution), project);
    }
}

/// By what late usage of a closed month is billed: what its final recorded. Where that recorded no terms, by what is agreed for
/// the month now, taxed as the final is. Where it was taken back in full, taxed for the buyer as that is now.
fn terms_of_late_usage(closed: &GroupMonth<'_>) -> MonthTerms {
    let now = closed.terms().unwrap_or_else(|_| MonthTerms::untaxed());
    let Some(stated) = closed.billed.stated(closed.group.uid, closed.month) else { return now };
    match (stated.terms, stated.is_reversed) {
        (Some(terms), false) => terms.clone(),
        (Some(terms), true) => MonthTerms { tax: now.tax, ..terms.clone() },
        (None, true) => now,
        (None, false) => MonthTerms { tax: TaxScheme::only(stated.only_tax.clone()), ..now },
    }
}

/// A closed month in which running time becomes hours as in its final.
fn by_hours_of_its_final<'a>(closed: &GroupMonth<'a>) -> GroupMonth<'a> {
    let its_final = closed.billed.final_of_month(closed.group.uid, closed.month);
    GroupMonth { hours: its_final.map_or(closed.hours, |facts| facts.hours), ..*closed }
}

/// `now` is how the hours of the invoice that has the line are counted.
fn late_item(closed: &GroupMonth<'_>, now: HourRule, terms: &MonthTerms, line: Line) -> Item {
    let exchange_rate = closed.rate_by(terms).ok().flatten(); // without a rate there is no line
    let hours = (line.unit() == Unit::Hour && closed.hours != now).then_some(closed.hours);
    adjustment::late_item(
        closed.month,
        closed.closed_by(),
        LateLine { line, discounts: terms.discounts.clone(), exchange_rate, hours },
    )
}
