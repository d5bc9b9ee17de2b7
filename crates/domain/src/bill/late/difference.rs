//! What a final bills too much of, or too little, of a record that it bills.

use std::collections::BTreeSet;

use super::adjustment::{Discrepancy, correction};
use super::closed_month::ClosedMonth;
use super::credited::{Correction, CreditedSoFar};
use crate::bill::inputs::GroupMonth;
use crate::bill::records::BilledUsage;
use crate::catalog::tax_rule::TaxGroup;
use crate::catalog::unit_price::Unit;
use crate::invoice::billed::{BilledPart, FinalFacts};
use crate::invoice::item::Item;
use crate::invoice::rating::Rating;
use crate::money::amount::{Currency, Money};
use crate::name::Name;
use crate::problem::ProblemReason;
use crate::time::month::Month;
use crate::time::period::Period;
use crate::uid::Uid;
use crate::usage::Usage;

/// What finals of one group bill of a record in a month, and what they would bill now. In minor units.
struct Account {
    group: Uid,
    /// The final that billed it first; of usage that came late for a group that is gone, the final of the month.
    invoice: Name,
    currency: Currency,
    issuer: Option<Name>,
    tax: Option<TaxGroup>,
    billed: Amounts,
    due: Amounts,
    credited_so_far: CreditedSoFar,
    /// The corrections that were made of it.
    corrections: Vec<BilledPart>,
    /// Whether its price depends on what comes together in a month.
    is_scaled: bool,
    /// What is not to be billed any more, or all that was billed.
    reversed: Option<Period>,
    billed_period: Period,
}

#[derive(Debug, Clone, Copy, Default)]
struct Amounts {
    pre_discount: i128,
    total: i128,
}

impl Amounts {
    fn of(part: &BilledPart) -> Self {
        Amounts { pre_discount: part.pre_discount(), total: part.total() }
    }

    fn add(&mut self, other: Amounts) {
        self.pre_discount += other.pre_discount;
        self.total += other.total;
    }
}

/// What is different about a record in a closed month of a group's.
#[derive(Debug)]
pub(super) struct RecordDifference {
    /// How it is taxed.
    pub(super) tax: Option<TaxGroup>,
    /// By how much what is due of it changes, in minor units.
    pub(super) change: i128,
    /// The line that corrects it; `None` where credit notes took back as much.
    pub(super) item: Option<Item>,
}

/// What is different about a record in a closed month of the group.
pub(super) fn differences(closed: &GroupMonth<'_>, usage: &Usage) -> Result<Vec<RecordDifference>, ProblemReason> {
    let month = ClosedMonth { records: closed.records(), month: closed.month };
    let ours = |account: &Account| account.group == closed.group.uid;
    let mut invoices = BTreeSet::new();
    let mut found = Vec::new();
    for account in Accounts::of(&month, usage)?.into_iter().filter(ours) {
        let is_share = !invoices.insert(account.invoice.clone());
        let (tax, change) = (account.tax, account.change());
        let item = account.item(closed, usage, is_share)?;
        if change != 0 || item.is_some() {
            found.push(RecordDifference { tax, change, item });
        }
    }
    Ok(found)
}

/// Whether finals of a group that is gone bill something wrong of a record in a closed month, and no group is in its place.
pub(super) fn is_unclaimed(closed: &ClosedMonth<'_>, usage: &Usage) -> bool {
    let organization = closed.records.organization;
    let successor = |account: &Account| organization.successor_in(account.currency, account.issuer.as_ref());
    let nobodys = |account: &Account| organization.group(account.group).is_none() && successor(account).is_none();
    let unclaimed = |account: &Account| account.correction().total != 0 && nobodys(account);
    Accounts::of(closed, usage).is_ok_and(|accounts| accounts.iter().any(unclaimed))
}

/// Whether finals bill something wrong of a record in a closed month.
pub(super) fn is_wrong(closed: &ClosedMonth<'_>, usage: &Usage) -> bool {
    let is_wrong = |account: &Account| account.correction().total != 0;
    Accounts::of(closed, usage).is_ok_and(|accounts| accounts.iter().any(is_wrong))
}

struct Accounts<'a> {
    records: BilledUsage<'a>,
    usage: &'a Usage,
    accounts: Vec<Account>,
    /// What finals made earlier bill.
    billed_periods: Vec<Period>,
    /// The final that bills it by the unit, the first of them. It has a line for each tier.
    unit_billed: Option<Name>,
}

impl<'a> Accounts<'a> {
    /// What finals bill of a record in a closed month, and would bill now.
    fn of(closed: &ClosedMonth<'a>, usage: &'a Usage) -> Result<Vec<Account>, ProblemReason> {
        let billed = closed.records.billed;
        let parts = billed.parts(&usage.name).iter().filter(|part| part.month() == closed.month);
        let (corrections, mut rated): (Vec<&BilledPart>, Vec<&BilledPart>) =
            parts.partition(|part| part.is_correction());
        rated.sort_by(|a, b| billed.order(a, b));
        let (accounts, billed_periods) = (Vec::new(), Vec::new());
        let mut accounts = Accounts { records: closed.records, usage, accounts, billed_periods, unit_billed: None };
        for part in rated {
            accounts.rate(part)?;
        }
        for part in corrections {
            accounts.correct(part)?;
        }
        accounts.find_last_corrections();
        Ok(accounts.accounts)
    }

    /// An interval at a price: as much of it is due as the record ran and no earlier final bills.
    fn rate(&mut self, part: &BilledPart) -> Result<(), ProblemReason> {
        let Some((facts, rating)) = self.records.billed.final_about(part).zip(self.records.billed.rating_of(part))
        else {
            return Ok(());
        };
        let pieces = self.pieces(part, rating);
        // What was counted may have been read since. At a price with a scale that is told with all that came together.
        let is_read_again = self.records.billed.is_metered(part) && !self.records.billed.is_scaled(&self.usage.name);
        let due = match pieces == [part.period()] && !is_read_again {
            true => Amounts::of(part),
            false => self.rerate(&pieces, rating, facts.currency)?,
        };
        let reversed = part.period().subtract(&pieces);
        let credited = self.records.billed.credited_amounts(&self.usage.name, part);
        let account = self.account(facts, part);
        account.billed.add(Amounts::of(part));
        account.credited_so_far.credit(credited);
        account.due.add(due);
        if pieces != [part.period()] {
            let all = reversed.first().zip(reversed.last());
            let all = all.and_then(|(first, last)| Period::new(first.start(), last.end()));
            account.reversed = Some(joined(account.reversed, all.unwrap_or(part.period())));
        }
        Ok(())
    }

    fn pieces(&mut self, part: &BilledPart, rating: &Rating) -> Vec<Period> {
        let period = part.period();
        if self.records.billed.is_metered(part) {
            return self.counted_pieces(part);
        }
        if rating.price.unit == Unit::Unit {
            let on = self.records.billed.final_of(part).map(|on| on.number.clone());
            let is_first = self.unit_billed.is_none() || self.unit_billed == on;
            let stands =
                is_first && self.records.is_effective(self.usage) && Month::of(self.usage.start) == part.month();
            self.unit_billed = self.unit_billed.take().or(on);
            return if stands { vec![period] } else { Vec::new() };
        }
        let run = self.records.run_within(self.usage, period);
        let pieces = run.map(|run| run.subtract(&self.billed_periods)).unwrap_or_default();
        self.billed_periods.push(period);
        pieces
    }

    /// What of an interval of a metered record still counts: that the record ended since takes nothing away, for nothing was counted
    /// then. At a price with a scale it counts as a whole or not at all.
    fn counted_pieces(&mut self, part: &BilledPart) -> Vec<Period> {
        let (billed, period) = (self.records.billed, part.period());
        if !self.records.is_effective(self.usage) {
            return Vec::new();
        }
        if billed.is_scaled(&self.usage.name) {
            let number = |part| billed.final_of(part).map(|on| &on.number);
            let first = billed.first_by_unit(&self.usage.name, period.start()).map(number);
            let is_first = first == Some(number(part));
            return if is_first { vec![period] } else { Vec::new() };
        }
        let pieces = period.subtract(&self.billed_periods);
        self.billed_periods.push(period);
        pieces
    }

    fn rerate(&self, pieces: &[Period], rating: &Rating, currency: Currency) -> Result<Amounts, ProblemReason> {
        let mut due = Amounts::default();
        for piece in pieces {
            let amounts = rating.amounts(self.usage, *piece, currency);
            let (pre_discount, total) = amounts.ok_or(ProblemReason::Overflow)?;
            due.add(Amounts { pre_discount: pre_discount.minor(), total: total.minor() });
        }
        Ok(due)
    }

    /// What was corrected already.
    fn correct(&mut self, part: &BilledPart) -> Result<(), ProblemReason> {
        let billed = self.records.billed;
        let (Some(on), Some(about)) = (billed.final_of(part), billed.final_about(part)) else { return Ok(()) };
        if on.currency != about.currency {
            return Err(changed(about));
        }
        let credited = billed.credited_amounts(&self.usage.name, part);
        let account = self.account(about, part);
        account.billed.add(Amounts::of(part));
        account.credited_so_far.credit(credited);
        account.corrections.push(*part);
        Ok(())
    }

    fn find_last_corrections(&mut self) {
        let billed = self.records.billed;
        for account in &mut self.accounts {
            let newest = account.corrections.iter().max_by(|a, b| billed.order(a, b));
            let last = newest
                .and_then(|part| Some((billed.final_of(part)?.issued_at, billed.correction(&self.usage.name, part)?)));
            if let Some((at, last)) = last {
                account.credited_so_far.correct(at, last);
            }
        }
    }

    fn account(&mut self, facts: &FinalFacts, part: &BilledPart) -> &mut Account {
        let (period, tax) = (part.period(), part.tax());
        let same = |account: &Account| {
            account.group == facts.group && account.currency == facts.currency && account.tax == tax
        };
        let place = self.accounts.iter().position(same).unwrap_or(self.accounts.len());
        if place == self.accounts.len() {
            let (group, invoice, currency) = (facts.group, facts.number.clone(), facts.currency);
            let issuer = facts.issuer.clone();
            let (billed, due, credited_so_far) = Default::default();
            let account = Account {
                group,
                invoice,
                currency,
                issuer,
                tax,
                billed,
                due,
                credited_so_far,
                corrections: Vec::new(),
                is_scaled: self.records.billed.is_scaled(&self.usage.name),
                reversed: None,
                billed_period: period,
            };
            self.accounts.push(account);
        }
        let account = &mut self.accounts[place];
        account.billed_period = joined(Some(account.billed_period), period);
        account
    }
}

impl Account {
    fn correction(&self) -> Correction {
        self.credited_so_far.correction(self.billed.total, self.due.total)
    }

    /// By how much what is due is another than what was.
    fn change(&self) -> i128 {
        self.due.total - self.credited_so_far.due_before(self.billed.total)
    }

    /// Whether a record with which others come together does not any more, and no final says so yet. It is said also of one that cost
    /// nothing: its place is free.
    fn leaves_its_place(&self) -> bool {
        self.is_scaled && self.reversed.is_some() && self.corrections.is_empty()
    }

    /// The correction; `None` when what is billed is what is due.
    fn item(self, closed: &GroupMonth<'_>, usage: &Usage, is_share: bool) -> Result<Option<Item>, ProblemReason> {
        let Correction { total, credited } = self.correction();
        let leaves_its_place = self.leaves_its_place() && closed.group.currency == Some(self.currency);
        let Account { invoice, currency, tax, billed, due, credited_so_far, reversed, billed_period, .. } = self;
        if total == 0 && !leaves_its_place {
            return Ok(None);
        }
        if closed.group.currency != Some(currency) {
            return Err(ProblemReason::CurrencyChanged { invoice, currency });
        }
        let money = |minor| Money::new(minor, currency).ok_or(ProblemReason::Overflow);
        let pre_discount = (!credited_so_far.is_credited()).then_some(due.pre_discount - billed.pre_discount);
        let discrepancy = Discrepancy {
            invoice,
            period: reversed.unwrap_or(billed_period),
            pre_discount: pre_discount.map(money).transpose()?,
            billed: money(billed.total)?,
            due: money(due.total)?,
            tax,
            is_share,
            settled_by_credit_notes: money(total - (due.total - billed.total))?,
            total: money(total)?,
            credited: money(credited)?,
            notes: credited_so_far.notes(),
        };
        let of = (closed.month, closed.closed_by());
        Ok(Some(correction(of, usage, discrepancy, !closed.is_effective(usage))))
    }
}

/// The shortest period that has both.
fn joined(first: Option<Period>, second: Period) -> Period {
    let Some(first) = first else { return second };
    let (start, end) = (first.start().min(second.start()), first.end().max(second.end()));
    Period::new(start, end).unwrap_or(second)
}

fn changed(billed_on: &FinalFacts) -> ProblemReason {
    ProblemReason::CurrencyChanged { invoice: billed_on.number.clone(), currency: billed_on.currency }
}
