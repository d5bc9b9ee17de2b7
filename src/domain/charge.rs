//! From usage to lines: what the records of one project cost one group.

use std::sync::Arc;

use super::billing::GroupMonth;
use super::hours::Hours;
use super::line::Line;
use super::money::{Currency, round_half_away};
use super::name::Name;
use super::period::{Period, Timestamp};
use super::price::{PriceEntry, Tariff, Unit};
use super::problem::{Problem, ProblemReason};
use super::product::Ratio;
use super::usage::Usage;

/// Charges the usage of one project to one group, record by record.
///
/// Records come by service, start and name, which makes the search for overlaps a look at the record before.
/// A record with a problem is left off as a whole.
pub(super) struct Charger<'a> {
    month: &'a GroupMonth<'a>,
    currency: Currency,
    /// The periods of the project that the group pays for, in order of time.
    slices: &'a [Period],
    /// The service whose records are being charged, and where its lines begin.
    service: Option<(&'a Name, usize)>,
    /// Of the records of the service that are charged by the hour: the one that runs longest, until then.
    running: Option<(&'a Name, Timestamp)>,
    lines: Vec<Line>,
    problems: Vec<Problem>,
}

impl<'a> Charger<'a> {
    pub(super) fn new(month: &'a GroupMonth<'a>, currency: Currency, slices: &'a [Period]) -> Self {
        Charger { month, currency, slices, service: None, running: None, lines: Vec::new(), problems: Vec::new() }
    }

    /// The lines in their order, and what is missing from them.
    pub(super) fn finish(mut self) -> (Vec<Line>, Vec<Problem>) {
        self.end_service();
        (self.lines, self.problems)
    }

    /// Charges one record.
    pub(super) fn charge(&mut self, usage: &'a Arc<Usage>) {
        if self.service.is_none_or(|(name, _)| !name.same(&usage.service.name)) {
            self.end_service();
            self.service = Some((&usage.service.name, self.lines.len()));
        }
        let before = self.lines.len();
        if let Err(reason) = self.try_charge(usage) {
            self.lines.truncate(before);
            self.problems.push(Problem { usage: usage.clone(), reason });
        }
    }

    fn end_service(&mut self) {
        self.running = None;
        if let Some((_, first)) = self.service {
            self.lines[first..].sort_by(|a, b| {
                (a.period.start().cmp(&b.period.start())).then_with(|| a.usage.name.cmp(&b.usage.name))
            });
        }
    }

    fn try_charge(&mut self, usage: &'a Arc<Usage>) -> Result<(), ProblemReason> {
        let until = usage.end.map_or(self.month.as_of, |end| end.min(self.month.as_of));
        if !self.touches(usage.start, until) || !self.month.organization.counts(usage) {
            return Ok(());
        }
        let tariff = self.month.prices.tariff(&usage.service);
        match tariff.at(usage.start) {
            Some(entry) if entry.unit == Unit::Unit => self.charge_unit(usage, entry),
            _ => match Period::new(usage.start, until) {
                Some(run) => self.charge_hours(usage, run, &tariff),
                None => Ok(()),
            },
        }
    }

    /// Whether anything between the two instants, or at the first, can be on the bill: a quick no.
    fn touches(&self, start: Timestamp, until: Timestamp) -> bool {
        match (self.slices.first(), self.slices.last()) {
            (Some(first), Some(last)) => start < last.end() && until.max(start) >= first.start(),
            _ => false,
        }
    }

    fn charge_unit(&mut self, usage: &Arc<Usage>, entry: &PriceEntry) -> Result<(), ProblemReason> {
        let here = self.slices.iter().any(|slice| slice.contains(usage.start));
        let happened = here && usage.start < self.month.as_of;
        if !happened || self.month.billed.has_event(&usage.name) {
            return Ok(());
        }
        self.check_period()?;
        self.check_currency()?;
        self.push(usage, Period::at(usage.start), Hours::ONE, entry)
    }

    fn charge_hours(&mut self, usage: &'a Arc<Usage>, run: Period, tariff: &Tariff<'_>) -> Result<(), ProblemReason> {
        let open = self.open_pieces(usage, run);
        if !open.is_empty() {
            self.check_period()?;
        }
        let mut priced = Vec::with_capacity(open.len());
        for (piece, entry) in open.into_iter().flat_map(|piece| tariff.hourly(piece)) {
            let unpriced =
                || ProblemReason::Unpriced { price_list: Some(self.month.prices.name().clone()), at: piece.start() };
            priced.push((piece, entry.ok_or_else(unpriced)?));
        }
        self.check_overlap(usage, run, !priced.is_empty())?;
        for (piece, entry) in priced {
            self.check_currency()?;
            let hours = self.month.hours.hours(usage.start, piece);
            self.push(usage, piece, hours, entry)?;
        }
        Ok(())
    }

    /// What of the run is the group's and on no final yet.
    fn open_pieces(&self, usage: &Usage, run: Period) -> Vec<Period> {
        let billed = self.month.billed.periods(&usage.name);
        let ours = self.slices.iter().filter_map(|slice| slice.intersect(&run));
        ours.flat_map(|piece| piece.subtract(billed)).collect()
    }

    /// Refuses a record that runs while an earlier one of the same service does, within the slices.
    fn check_overlap(&mut self, usage: &'a Arc<Usage>, run: Period, charged: bool) -> Result<(), ProblemReason> {
        if let Some((with, until)) = self.running {
            let common = Period::new(run.start(), until).and_then(|other| other.intersect(&run));
            let overlaps =
                common.is_some_and(|common| self.slices.iter().any(|slice| slice.intersect(&common).is_some()));
            if overlaps && charged {
                return Err(ProblemReason::OverlappingUsage { with: with.clone() });
            }
        }
        if self.running.is_none_or(|(_, until)| until < run.end()) {
            self.running = Some((&usage.name, run.end()));
        }
        Ok(())
    }

    fn check_period(&self) -> Result<(), ProblemReason> {
        let (group, first_period) = (&self.month.group.name, self.month.group.first_period);
        if self.month.month < first_period {
            return Err(ProblemReason::BeforeFirstPeriod { group: group.clone(), first_period });
        }
        Ok(())
    }

    fn check_currency(&self) -> Result<(), ProblemReason> {
        let from = self.month.prices.currency();
        if from != self.currency {
            return Err(ProblemReason::RateMissing { from, to: Some(self.currency) });
        }
        Ok(())
    }

    fn push(
        &mut self,
        usage: &Arc<Usage>,
        period: Period,
        hours: Hours,
        entry: &PriceEntry,
    ) -> Result<(), ProblemReason> {
        let exact = hours.ratio().times(Ratio::from(usage.quantity)).times(Ratio::from(entry.unit_price));
        let pre_discount = round_half_away(&exact, self.currency).ok_or(ProblemReason::Overflow)?;
        let (unit, unit_price) = (entry.unit, entry.unit_price);
        let total = pre_discount; // a discount multiplies `exact`, before its own rounding
        self.lines.push(Line { usage: usage.clone(), period, unit, unit_price, hours, pre_discount, total });
        Ok(())
    }
}
