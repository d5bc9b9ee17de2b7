//! Metered records: what of them is open at which prices, and which readings a month waits for.

use std::sync::Arc;

use crate::bill::inputs::GroupMonth;
use crate::bill::unpriced::unpriced;
use crate::catalog::price::PriceEntry;
use crate::catalog::unit_price::{Unit, UnitPrice};
use crate::problem::ProblemReason;
use crate::readings::AwaitedReading;
use crate::time::period::{Period, Timestamp};
use crate::usage::Usage;

/// The pieces of a metered record's time until an instant that a group pays for, whose periods these are, and that no final bills.
pub(crate) fn open_pieces(month: &GroupMonth<'_>, slices: &[Period], usage: &Usage, until: Timestamp) -> Vec<Period> {
    let Some(run) = Period::new(usage.start, until).filter(|run| !run.is_empty()) else { return Vec::new() };
    let billed = month.billed.billed_periods_in(&usage.name, month.month.period());
    slices.iter().filter_map(|slice| slice.intersect(&run)).flat_map(|piece| piece.subtract(&billed)).collect()
}

/// An interval with one price and one payer in which something was counted.
pub(crate) type CountedInterval<'a> = (Period, &'a Arc<PriceEntry>);

/// The intervals of pieces of a metered record in which something was counted, in order of time.
///
/// # Errors
/// Something of the pieces has no price by the unit. Nobody guesses one, and nobody waits with that until something is counted.
pub(crate) fn counted_intervals<'a>(
    month: &GroupMonth<'a>,
    usage: &Usage,
    pieces: &[Period],
) -> Result<Vec<CountedInterval<'a>>, ProblemReason> {
    let (prices, tariff) = (month.prices, month.prices.tariff(&usage.service));
    let misspelling = prices.misspelling(&usage.service);
    let mut intervals = Vec::new();
    for piece in pieces {
        if let Some((misspelling, meant)) = &misspelling
            && !meant.applying(*piece).map(of_price).eq(tariff.applying(*piece).map(of_price))
        {
            return Err(ProblemReason::Misspelt { misspelling: misspelling.clone() });
        }
        for (period, entry) in tariff.applying(*piece) {
            let entry = entry.ok_or_else(|| unpriced(prices, usage, period.start()))?;
            if entry.price.unit != Unit::Unit {
                return Err(ProblemReason::PricedByTime { entry: entry.key(), unit: entry.price.unit });
            }
            intervals.extend((!usage.quantity_in(period).is_zero()).then_some((period, entry)));
        }
    }
    Ok(intervals)
}

fn of_price((period, entry): (Period, Option<&Arc<PriceEntry>>)) -> (Period, Option<&UnitPrice>) {
    (period, entry.map(|entry| &entry.price))
}

/// The metered records of a month that a group pays for something of, and that have neither an end nor a reading at the end of what it
/// pays for. By project, service, start and record.
///
/// Cost: a look at each record of the projects that the group can have to pay for.
pub fn awaited_readings(month: &GroupMonth<'_>) -> Vec<AwaitedReading> {
    let mut awaited = Vec::new();
    for project in month.organization.candidate_projects(month.group) {
        let here = |usage: &&_| Usage::is_metered(usage) && month.month.period().contains(usage.start);
        let mut slices = None;
        for usage in project.usage().map(AsRef::as_ref).filter(here).filter(|usage| month.is_effective(usage)) {
            let slices = slices.get_or_insert_with(|| month.periods_of(project));
            awaited.extend(awaited_of(month, slices, usage));
        }
    }
    awaited
}

fn awaited_of(month: &GroupMonth<'_>, slices: &[Period], usage: &Usage) -> Option<AwaitedReading> {
    let metering = usage.metering.as_ref().filter(|metering| !metering.is_ended)?;
    let last_piece = open_pieces(month, slices, usage, month.month.end()).pop()?;
    let (at, last) = (last_piece.end(), metering.readings.last().map(|reading| reading.at));
    let is_missing = last.is_none_or(|last| last < at);
    is_missing.then(|| AwaitedReading { record: usage.name.clone(), meter: metering.meter.clone(), at, last })
}
