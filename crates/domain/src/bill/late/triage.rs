//! Which records need a look: of nearly all, finals bill exactly what they ran.

use std::collections::BTreeSet;

use crate::bill::inputs::ClosedMonths;
use crate::bill::records::BilledUsage;
use crate::catalog::unit_price::Unit;
use crate::invoice::billed::BilledPart;
use crate::invoice::rating::Rating;
use crate::money::amount::Money;
use crate::tenancy::attribution::Attribution;
use crate::time::hours::HourRule;
use crate::time::month::Month;
use crate::time::period::Period;
use crate::usage::Usage;

/// The closed months of which something of a record may stand on no final. Only those are worth a closer look.
pub fn months_to_review(records: BilledUsage<'_>, closed: &ClosedMonths) -> BTreeSet<Month> {
    let (span, mut open) = (span(closed), BTreeSet::new());
    let usage = records.organization.projects().flat_map(|project| project.usage());
    for usage in usage.filter(|usage| !records.is_fully_billed(span, usage)) {
        let months = records.months_of(closed, usage).map(|(month, _)| month);
        open.extend(months.filter(|month| records.is_open(*month, usage)));
    }
    open
}

/// The time of the closed months, when no month is missing between them.
pub(super) fn span(closed: &ClosedMonths) -> Option<Period> {
    let ((first, _), (last, _)) = (closed.first_key_value()?, closed.last_key_value()?);
    let count = usize::try_from(last.months_since(*first)).ok()?.checked_add(1)?;
    if count == closed.len() { Period::new(first.start(), last.end()) } else { None }
}

impl BilledUsage<'_> {
    /// Whether finals bill exactly what the record ran in the closed months, each instant once: a quick yes.
    pub(super) fn is_fully_billed(&self, span: Option<Period>, usage: &Usage) -> bool {
        let Some(span) = span else { return false };
        let (run, parts) = (self.run_within(usage, span), self.billed.parts(&usage.name));
        if parts.is_empty() && usage.is_metered() {
            return run.is_none_or(|run| usage.quantity_in(run).is_zero());
        }
        if parts.is_empty() {
            return run.is_none() && !span.contains(usage.start);
        }
        if !self.is_effective(usage) {
            return false;
        }
        let micros = |period: Period| (period.start().timestamp_micros(), period.end().timestamp_micros());
        let (from, until) = micros(span);
        let start = usage.start.timestamp_micros();
        let end = usage.end.map_or(i64::MAX, |end| end.timestamp_micros());
        let (mut free_from, mut covered) = (start, 0);
        let mut before: Option<&BilledPart> = None;
        for part in parts {
            let Some(rating) = self.billed.rating_of(part) else { return false };
            let (part_start, part_end) = part.micros();
            if self.billed.is_metered(part) {
                let is_tier = |before| self.billed.are_together(before, part) && before.period() == part.period();
                if before.replace(part).is_some_and(is_tier) {
                    continue; // the same interval, in another tier
                }
                if part_start < free_from || !self.is_billed_as_read(usage, part, rating) {
                    return false;
                }
                free_from = part_end;
                continue;
            }
            if rating.price.unit == Unit::Unit {
                // A line for each tier, of one final.
                let is_one = |other: &BilledPart| other.micros().0 == start && self.billed.are_together(part, other);
                return parts.iter().all(is_one);
            }
            if part_start < free_from || end < part_end {
                return false;
            }
            free_from = part_end;
            covered += (part_end.min(until) - part_start.max(from)).max(0);
        }
        if usage.is_metered() {
            return run.is_none_or(|run| self.has_nothing_uncounted(usage, run));
        }
        let (run_start, run_end) = run.map_or((0, 0), micros);
        covered == run_end - run_start
    }

    /// Whether a line bills what was counted in its interval, as that is read now.
    fn is_billed_as_read(&self, usage: &Usage, part: &BilledPart, rating: &Rating) -> bool {
        let Some(on) = self.billed.final_of(part) else { return false };
        match self.billed.scaled_quantity(&usage.name, part) {
            Some(quantity) => quantity == usage.quantity_in(part.period()),
            None => {
                let amounts = rating.amounts(usage, part.period(), on.currency);
                let minor = |(pre_discount, total): (Money, Money)| (pre_discount.minor(), total.minor());
                amounts.map(minor) == Some((part.pre_discount(), part.total()))
            }
        }
    }

    /// Whether nothing was counted of a record but in intervals that finals bill.
    fn has_nothing_uncounted(&self, usage: &Usage, run: Period) -> bool {
        let open = run.subtract(&self.billed.billed_periods_in(&usage.name, run));
        open.into_iter().all(|piece| usage.quantity_in(piece).is_zero())
    }

    /// The closed months that a record may have been billed in, or should have been.
    pub(super) fn months_of<'b>(
        &self,
        closed: &'b ClosedMonths,
        usage: &Usage,
    ) -> impl Iterator<Item = (Month, Attribution)> + use<'b> {
        let billed = self.billed.parts(&usage.name).iter().map(|part| part.month());
        let first = billed.clone().fold(Month::of(usage.start), Month::min);
        let last = usage.end.map(|end| billed.fold(Month::of(end), Month::max));
        let months = closed.range(first..).take_while(move |(of, _)| last.is_none_or(|last| **of <= last));
        months.map(|(of, attribution)| (*of, *attribution))
    }

    /// Whether something of the record in the month may stand on no final.
    pub(super) fn is_open(&self, month: Month, usage: &Usage) -> bool {
        let whole = month.period();
        if usage.is_metered() {
            return self.run_within(usage, whole).is_some_and(|run| !self.has_nothing_uncounted(usage, run));
        }
        if self.billed.parts(&usage.name).is_empty() {
            return self.is_effective(usage)
                && (self.run_within(usage, whole).is_some() || whole.contains(usage.start));
        }
        let run = self.run_within(usage, whole).filter(|_| !self.billed.has_unit_charge(&usage.name));
        run.is_some_and(|run| {
            let open = run.subtract(&self.billed.billed_periods_in(&usage.name, whole));
            open.into_iter().any(|piece| !self.is_charged_by_begun_hour(usage, piece))
        })
    }

    /// Whether a piece that no final bills is within an hour that one charges as a whole: nothing is due for it.
    fn is_charged_by_begun_hour(&self, usage: &Usage, piece: Period) -> bool {
        let begun = |part: &&BilledPart| {
            let rating = self.billed.rating_of(part);
            rating.is_some_and(|rating| rating.price.hours.unwrap_or(rating.hours) == HourRule::Ceil)
        };
        let charged = self.billed.parts(&usage.name).iter().filter(begun).map(BilledPart::period);
        HourRule::Ceil.is_within_begun_hour(usage.start, piece, charged)
    }
}
