//! The second derivation of metered records: rise by rise, each where it was read.

use rust_decimal::Decimal;

use super::pieces::{Unbillable, costs, elementary, ended, meant};
use super::records::{best, matching, pays};
use crate::bill::inputs::GroupMonth;
use crate::catalog::price::PriceEntry;
use crate::catalog::unit_price::Unit;
use crate::tenancy::organization::Project;
use crate::time::period::Timestamp;
use crate::usage::Usage;

/// How much was counted after an instant and until another: the sum of the rises that were read then.
pub(super) fn counted(usage: &Usage, after: Timestamp, until: Timestamp) -> Decimal {
    let (mut sum, mut before) = (Decimal::ZERO, Decimal::ZERO);
    for reading in usage.metering.iter().flat_map(|metering| metering.readings.iter()) {
        if after < reading.at && reading.at <= until {
            sum += reading.quantity - before;
        }
        before = reading.quantity;
    }
    sum.normalize()
}

/// An interval of a metered record with one price and one payer, and how much was counted in it.
pub(super) struct CountedInterval<'a> {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    pub(super) entry: &'a PriceEntry,
    pub(super) quantity: Decimal,
}

/// What of a metered record is the group's to pay and on no final, where it has prices by the unit for all of it. `check` refuses what
/// has no place on a bill whatever it costs.
pub(super) fn intervals<'a>(
    month: &GroupMonth<'a>,
    project: &Project,
    usage: &Usage,
    check: impl Fn() -> Result<(), Unbillable>,
) -> Result<Vec<CountedInterval<'a>>, Unbillable> {
    let (entries, meant) = (matching(month, usage), meant(month, usage));
    let billed = month.billed.billed_periods_in(&usage.name, month.month.period());
    let in_time: Vec<&PriceEntry> = entries.iter().chain(meant.iter().flatten()).map(|offer| offer.entry).collect();
    let until = ended(month, usage);
    let mut found: Vec<(Timestamp, Timestamp, &PriceEntry)> = Vec::new();
    for (from, to) in elementary(month, project, usage, &in_time, &billed) {
        let is_open = !billed.iter().any(|period| period.contains(from)) && pays(month, project, from);
        if from < usage.start || until <= from || !is_open {
            continue;
        }
        check()?;
        let entry = best(&entries, from).ok_or(Unbillable)?;
        let is_other = meant.as_ref().is_some_and(|meant| costs(best(meant, from)) != costs(Some(entry)));
        if is_other || entry.price.unit != Unit::Unit {
            return Err(Unbillable);
        }
        match found.last_mut() {
            Some(last) if last.1 == from && last.2.price == entry.price => last.1 = to,
            _ => found.push((from, to, entry)),
        }
    }
    let counted = found.into_iter().map(|(from, to, entry)| {
        let quantity = counted(usage, from, to);
        CountedInterval { from, to, entry, quantity }
    });
    Ok(counted.filter(|interval| !interval.quantity.is_zero()).collect())
}
