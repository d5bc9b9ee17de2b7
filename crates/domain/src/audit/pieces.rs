//! The month in elementary pieces: in each of them nothing about a record changes.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::records::{Offer, ledger_instants, offers};
use crate::bill::inputs::GroupMonth;
use crate::catalog::price::PriceEntry;
use crate::catalog::spelling::folded;
use crate::catalog::unit_price::UnitPrice;
use crate::name::Name;
use crate::tenancy::organization::Project;
use crate::time::period::{Period, Timestamp};
use crate::usage::Usage;

/// The record has no place on any bill as it is.
pub(super) struct Unbillable;

/// Until when readings count, as of an instant: a minute ahead of it, as clocks differ.
fn read_until(usage: &Usage, as_of: Timestamp) -> Timestamp {
    let ahead = as_of.checked_add_signed(TimeDelta::minutes(1)).unwrap_or(as_of);
    let readings = usage.metering.iter().flat_map(|metering| metering.readings.iter());
    let read = readings.map(|reading| reading.at).filter(|at| *at <= ahead).chain([as_of]).max();
    let until = read.unwrap_or(as_of);
    usage.end.map_or(until, |end| until.min(end))
}

/// Until when a record is looked at.
pub(super) fn ended(month: &GroupMonth<'_>, usage: &Usage) -> Timestamp {
    if usage.is_metered() {
        return read_until(usage, month.as_of);
    }
    match usage.end {
        Some(end) if end < month.as_of => end,
        _ => month.as_of,
    }
}

/// The month cut at every instant at which anything about the record can change.
pub(super) fn elementary(
    month: &GroupMonth<'_>,
    project: &Project,
    usage: &Usage,
    entries: &[&PriceEntry],
    billed: &[Period],
) -> Vec<(Timestamp, Timestamp)> {
    let mut instants = BTreeSet::from([month.month.start(), month.month.end(), usage.start, ended(month, usage)]);
    instants.extend(ledger_instants(project));
    instants.extend(entries.iter().map(|entry| entry.valid_from));
    instants.extend(entries.iter().filter_map(|entry| entry.valid_until));
    instants.extend(billed.iter().flat_map(|period| [period.start(), period.end()]));
    let within: Vec<_> = instants.range(month.month.start()..=month.month.end()).copied().collect();
    within.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

/// The entries for the service as each list spells it, where one has it in no other spelling than by letter case or Unicode form, and
/// no list has it as it is written.
pub(super) fn meant<'a>(month: &GroupMonth<'a>, usage: &Usage) -> Option<Vec<Offer<'a>>> {
    type Word = fn(&PriceEntry) -> &Option<Name>;
    let service = &usage.service;
    let of_all = || month.prices.iter().flat_map(|list| list.entries_for(&service.kind));
    let offers = offers(month, &service.kind);
    let spelled = |rank: Option<usize>, word: &Option<Name>, of: Word| -> Option<Name> {
        let word = word.as_ref().filter(|word| !of_all().any(|entry| of(entry).as_ref() == Some(word)))?;
        let of_list = offers.iter().filter(|offer| rank.is_none_or(|rank| rank == offer.rank));
        let known = of_list.filter_map(|offer| of(offer.entry).as_ref());
        known.filter(|known| folded(known) == folded(word)).min().cloned()
    };
    let (of_plan, of_cloud): (Word, Word) = (|entry| &entry.plan, |entry| &entry.cloud);
    let is_other = spelled(None, &service.plan, of_plan).or(spelled(None, &service.cloud, of_cloud)).is_some();
    if !month.prices.tells_spellings() || !is_other {
        return None;
    }
    let fits = |rank: usize, word: &Option<Name>, entry: &PriceEntry, of: Word| {
        let Some(wanted) = of(entry) else { return true };
        spelled(Some(rank), word, of).as_ref().or(word.as_ref()) == Some(wanted)
    };
    let fitting = |Offer { rank, entry }: &Offer<'_>| {
        fits(*rank, &service.plan, entry, of_plan) && fits(*rank, &service.cloud, entry, of_cloud)
    };
    let mut meant = offers.clone();
    meant.retain(fitting);
    Some(meant)
}

pub(super) fn costs(entry: Option<&PriceEntry>) -> Option<&UnitPrice> {
    entry.map(|entry| &entry.price)
}
