//! From usage to lines: what the records of one project cost one group.

use std::sync::Arc;

use crate::bill::fill::Portions;
use crate::bill::inputs::GroupMonth;
use crate::bill::metered::{counted_intervals, open_pieces};
use crate::bill::unpriced::unpriced;
use crate::catalog::price::{PriceEntry, Tariff};
use crate::catalog::rates::MissingRate;
use crate::catalog::scale::{Portion, Scale};
use crate::catalog::unit_price::{Unit, UnitPrice};
use crate::invoice::line::Line;
use crate::invoice::month_terms::MonthTerms;
use crate::money::amount::{Currency, Money};
use crate::money::exact_amount::ExactAmount;
use crate::money::ratio::Ratio;
use crate::name::Name;
use crate::problem::{Problem, ProblemReason};
use crate::tenancy::organization::Project;
use crate::time::multiple::Multiple;
use crate::time::period::{Period, Timestamp};
use crate::usage::{Service, Usage};

/// Charges the usage of one project to one group.
///
/// Records come by service, start and name, which makes the search for overlaps a look at the record before.
/// A record with a problem is left off as a whole.
pub(crate) struct Charger<'a, 'out> {
    month: &'a GroupMonth<'a>,
    /// The periods of the project that the group pays for, in order of time.
    slices: &'a [Period],
    /// What records have of the month, where prices depend on what comes together in it.
    portions: &'a Portions,
    /// The service whose records are being charged, and where its lines begin.
    service: Option<(&'a Service, usize)>,
    /// Of the records of the service that are charged by time: the one that runs longest, until then.
    running: Option<(&'a Name, Timestamp)>,
    /// What holds for the month.
    terms: &'a MonthTerms,
    /// What the discounts of the month leave of a price, where there are any.
    discount: Option<Ratio>,
    /// What one unit of the prices' currency is in the group's, where that is another, or that nobody says so.
    rate: Result<Option<Ratio>, MissingRate>,
    charges: &'out mut Charges,
}

/// Lines in their order, and what is missing from them.
#[derive(Debug, Default)]
pub(crate) struct Charges {
    pub(crate) lines: Vec<Line>,
    pub(crate) problems: Vec<Problem>,
}

impl<'a, 'out> Charger<'a, 'out> {
    /// Charges all records of a project.
    pub(crate) fn charge_project(
        month: &'a GroupMonth<'a>,
        project: &'a Project,
        terms: &'a MonthTerms,
        (slices, portions): (&'a [Period], &'a Portions),
        charges: &'out mut Charges,
    ) {
        let discount = terms.discount_factor();
        let rate = month.rate_by(terms).map(|rate| rate.map(|rate| rate.ratio()));
        let mut charger =
            Charger { month, slices, portions, service: None, running: None, terms, discount, rate, charges };
        project.usage().for_each(|usage| charger.charge(usage));
        charger.end_service();
    }

    fn charge(&mut self, usage: &'a Arc<Usage>) {
        if self.service.is_none_or(|(service, _)| !is_one(service, &usage.service)) {
            self.end_service();
            self.service = Some((&usage.service, self.charges.lines.len()));
        }
        let before = self.charges.lines.len();
        if let Err(reason) = self.try_charge(usage) {
            self.charges.lines.truncate(before);
            self.charges.problems.push(Problem { usage: usage.clone(), reason });
        }
    }

    fn end_service(&mut self) {
        self.running = None;
        if let Some((_, first)) = self.service {
            self.charges.lines[first..].sort_by(|a, b| {
                (a.period.start().cmp(&b.period.start())).then_with(|| a.usage.name.cmp(&b.usage.name))
            });
        }
    }

    fn try_charge(&mut self, usage: &'a Arc<Usage>) -> Result<(), ProblemReason> {
        let until = usage.charged_until(self.month.as_of);
        if !self.may_charge(usage.start, until) || !self.month.is_effective(usage) {
            return Ok(());
        }
        if usage.is_metered() {
            return self.charge_readings(usage, until);
        }
        let tariff = self.month.prices.tariff(&usage.service);
        match (tariff.at(usage.start), Period::new(usage.start, until)) {
            (Some(entry), _) if entry.price.unit == Unit::Unit => self.charge_unit(usage, entry),
            (None, Some(run)) if run.is_empty() => self.refuse_unpriced_event(usage),
            (_, Some(run)) => self.charge_time(usage, run, tariff),
            (_, None) => Ok(()), // of the future
        }
    }

    /// Whether anything between the two instants, or at the first, can be on the bill: a quick no.
    fn may_charge(&self, start: Timestamp, until: Timestamp) -> bool {
        match (self.slices.first(), self.slices.last()) {
            (Some(first), Some(last)) => start < last.end() && until.max(start) >= first.start(),
            _ => false,
        }
    }

    fn charge_unit(&mut self, usage: &Arc<Usage>, entry: &Arc<PriceEntry>) -> Result<(), ProblemReason> {
        if !self.is_unbilled_unit(usage) {
            return Ok(());
        }
        self.check_group()?;
        if let Some((misspelling, meant)) = self.month.prices.misspelling(&usage.service)
            && meant.at(usage.start).map(price_of) != Some(price_of(entry))
        {
            return Err(ProblemReason::Misspelt { misspelling });
        }
        let Some(scale) = &entry.price.scale else { return self.push(usage, Period::at(usage.start), entry) };
        self.push_portions(usage, Period::at(usage.start), entry, scale)
    }

    fn push_portions(
        &mut self,
        usage: &Arc<Usage>,
        period: Period,
        entry: &Arc<PriceEntry>,
        scale: &Scale,
    ) -> Result<(), ProblemReason> {
        for portion in self.portions.of_record(usage, period, entry, scale) {
            let exact = portion.amount_of(entry.price.per);
            self.push_line(usage, period, entry, (Multiple::ONCE, exact), Some(Box::new(portion)))?;
        }
        Ok(())
    }

    /// Charges what a counter has counted: in each piece of time with one price and one payer what it rose.
    fn charge_readings(&mut self, usage: &Arc<Usage>, until: Timestamp) -> Result<(), ProblemReason> {
        let pieces = open_pieces(self.month, self.slices, usage, until);
        if pieces.is_empty() {
            return Ok(());
        }
        self.check_group()?;
        for (period, entry) in counted_intervals(self.month, usage, &pieces)? {
            match &entry.price.scale {
                None => self.push(usage, period, entry)?,
                Some(scale) => self.push_portions(usage, period, entry, scale)?,
            }
        }
        Ok(())
    }

    /// Without a price nobody knows whether a record that takes no time is a single unit: it may be.
    fn refuse_unpriced_event(&self, usage: &Usage) -> Result<(), ProblemReason> {
        if !self.is_unbilled_unit(usage) {
            return Ok(());
        }
        self.check_group()?;
        Err(unpriced(self.month.prices, usage, usage.start))
    }

    /// Whether the start of the record is the group's to pay for, and on no final yet.
    fn is_unbilled_unit(&self, usage: &Usage) -> bool {
        let ours = self.slices.iter().any(|slice| slice.contains(usage.start));
        ours && usage.start < self.month.as_of && !self.month.billed.has_unit_charge(&usage.name)
    }

    fn charge_time(&mut self, usage: &'a Arc<Usage>, run: Period, tariff: Tariff<'a>) -> Result<(), ProblemReason> {
        let before = self.charges.lines.len();
        let billed = self.month.billed.billed_periods_in(&usage.name, self.month.month.period());
        for piece in self.slices.iter().filter_map(|slice| slice.intersect(&run)) {
            if billed.is_empty() {
                self.charge_piece(usage, piece, tariff)?;
                continue;
            }
            for open in piece.subtract(&billed) {
                self.charge_piece(usage, open, tariff)?;
            }
        }
        self.check_overlap(usage, run, self.charges.lines.len() > before)
    }

    fn charge_piece(&mut self, usage: &Arc<Usage>, piece: Period, tariff: Tariff<'a>) -> Result<(), ProblemReason> {
        self.check_group()?;
        if let Some((misspelling, meant)) = self.month.prices.misspelling(&usage.service) {
            let is_event = meant.at(usage.start).is_some_and(|entry| entry.price.unit == Unit::Unit);
            let is_alike = prices_in(meant, piece).eq(prices_in(tariff, piece));
            if is_event || !is_alike {
                return Err(ProblemReason::Misspelt { misspelling });
            }
        }
        for (period, entry) in tariff.running(piece) {
            let entry = entry.ok_or_else(|| unpriced(self.month.prices, usage, period.start()))?;
            let multiple = entry.price.multiple(usage.start, period, self.month.hours);
            // Its time is within an hour that began, and is charged, before.
            if self.month.lists_no_hours || !multiple.is_none() {
                self.push(usage, period, entry)?;
            }
        }
        Ok(())
    }

    /// Refuses a record that is charged while an earlier one of the same service is, within the slices.
    fn check_overlap(&mut self, usage: &'a Arc<Usage>, run: Period, charged: bool) -> Result<(), ProblemReason> {
        if let Some((with, until)) = self.running {
            let common = Period::new(run.start(), until).and_then(|other| other.intersect(&run));
            let within = |common| self.slices.iter().any(|slice| slice.intersect(&common).is_some());
            if charged && common.is_some_and(within) {
                return Err(ProblemReason::OverlappingUsage { with: with.clone() });
            }
        }
        if self.running.is_none_or(|(_, until)| until < run.end()) {
            self.running = Some((&usage.name, run.end()));
        }
        Ok(())
    }

    /// Refuses what this group pays for nothing of in this month: not billed yet, or in another currency without a rate.
    fn check_group(&self) -> Result<(), ProblemReason> {
        let GroupMonth { group, month, prices, .. } = self.month;
        if *month < group.first_period {
            let (group, first_period) = (group.name.clone(), group.first_period);
            return Err(ProblemReason::BeforeFirstPeriod { group, first_period });
        }
        let missing =
            |missing: &MissingRate| ProblemReason::RateMissing { from: prices.currency(), missing: missing.clone() };
        self.rate.as_ref().map(drop).map_err(missing)
    }

    fn push(&mut self, usage: &Arc<Usage>, period: Period, entry: &Arc<PriceEntry>) -> Result<(), ProblemReason> {
        let priced = entry.price.amount_of(usage, period, self.month.hours);
        let multiple = entry.price.multiple(usage.start, period, self.month.hours);
        self.push_line(usage, period, entry, (multiple, priced), None)
    }

    fn push_line(
        &mut self,
        usage: &Arc<Usage>,
        period: Period,
        entry: &Arc<PriceEntry>,
        (multiple, priced): (Multiple, ExactAmount),
        portion: Option<Box<Portion>>,
    ) -> Result<(), ProblemReason> {
        let (exact, price_total) = match &self.rate {
            Ok(Some(rate)) => {
                let price_total = self.rounded(&self.discounted(priced.clone()), self.month.prices.currency())?;
                (priced.times(rate), Some(price_total))
            }
            Ok(None) | Err(_) => (priced, None), // without a rate nothing comes here: see `check_group`
        };
        let currency = self.month.group.currency.unwrap_or(self.month.prices.currency());
        let pre_discount = self.rounded(&exact, currency)?;
        let total = match &self.discount {
            None => pre_discount,
            Some(_) => self.rounded(&self.discounted(exact), currency)?,
        };
        let tax = self.terms.tax.treatment(Some(&usage.service.kind)).map(|treatment| treatment.group);
        let (usage, entry) = (usage.clone(), entry.clone());
        self.charges.lines.push(Line {
            usage,
            period,
            entry,
            multiple,
            pre_discount,
            total,
            tax,
            price_total,
            portion,
        });
        Ok(())
    }

    /// What discounts leave of an amount.
    fn discounted(&self, amount: ExactAmount) -> ExactAmount {
        match &self.discount {
            None => amount,
            Some(factor) => amount.times(factor),
        }
    }

    fn rounded(&self, exact: &ExactAmount, currency: Currency) -> Result<Money, ProblemReason> {
        exact.rounded(currency).ok_or(ProblemReason::Overflow)
    }
}

/// Whether two are one service, of whatever type and plan.
fn is_one(service: &Service, other: &Service) -> bool {
    service.name.same(&other.name) && service.cluster == other.cluster
}

/// The prices of a piece of running time, each with its time.
fn prices_in(tariff: Tariff<'_>, piece: Period) -> impl Iterator<Item = (Period, Option<&UnitPrice>)> {
    tariff.running(piece).map(|(period, entry)| (period, entry.map(price_of)))
}

/// What a price is compared by.
fn price_of(entry: &Arc<PriceEntry>) -> &UnitPrice {
    &entry.price
}
