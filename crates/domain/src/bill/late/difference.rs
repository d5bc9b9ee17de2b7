//! What a final bills too much of, or too little, of a record that it bills.

use super::adjustment::{Wrong, correction};
use super::closed_month::{ClosedMonth, heir};
use super::settled::{Correction, Settled};
use crate::bill::inputs::GroupMonth;
use crate::bill::records::Records;
use crate::catalog::price::Unit;
use crate::invoice::billed::{FinalFacts, Part, Rating};
use crate::invoice::item::Item;
use crate::money::amount::{Currency, Money};
use crate::name::Name;
use crate::problem::ProblemReason;
use crate::tenancy::organization::Project;
use crate::time::month::Month;
use crate::time::period::Period;
use crate::uid::Uid;
use crate::usage::Usage;

/// What finals of one group bill of a record in a month, and what they would bill now. In minor units.
struct Account {
    group: Uid,
    /// The final that billed it first.
    invoice: Name,
    currency: Currency,
    billed: Amounts,
    due: Amounts,
    settled: Settled,
    /// What is not to be billed any more, or all that was billed.
    taken_back: Option<Period>,
    whole: Period,
}

#[derive(Debug, Clone, Copy, Default)]
struct Amounts {
    pre_discount: i128,
    total: i128,
}

impl Amounts {
    fn of(part: &Part) -> Self {
        Amounts { pre_discount: part.pre_discount(), total: part.total() }
    }

    fn add(&mut self, other: Amounts) {
        self.pre_discount += other.pre_discount;
        self.total += other.total;
    }
}

/// The corrections of a record in a closed month that are the group's to pay or to get.
pub(super) fn differences(
    closed: &GroupMonth<'_>,
    project: &Project,
    usage: &Usage,
) -> Result<Vec<Item>, ProblemReason> {
    let month = ClosedMonth { records: closed.records(), month: closed.month, attribution: closed.attribution };
    let ours = |account: &Account| heir(&month, project, account.group) == Some(closed.group.uid);
    let accounts = Accounts::of(&month, usage)?.into_iter().filter(ours);
    accounts.filter_map(|account| account.item(closed, usage).transpose()).collect()
}

/// Whether finals of a group that is gone bill something wrong of a record in a closed month, and no group is in its place.
pub(super) fn is_unclaimed(closed: &ClosedMonth<'_>, project: &Project, usage: &Usage) -> bool {
    let unclaimed =
        |account: &Account| account.correction().total != 0 && heir(closed, project, account.group).is_none();
    Accounts::of(closed, usage).is_ok_and(|accounts| accounts.iter().any(unclaimed))
}

struct Accounts<'a> {
    records: Records<'a>,
    usage: &'a Usage,
    accounts: Vec<Account>,
    /// What finals made earlier bill.
    claimed: Vec<Period>,
    event: bool,
}

impl<'a> Accounts<'a> {
    /// What finals bill of a record in a closed month, and would bill now.
    fn of(closed: &ClosedMonth<'a>, usage: &'a Usage) -> Result<Vec<Account>, ProblemReason> {
        let billed = closed.records.billed;
        let parts = billed.parts(&usage.name).iter().filter(|part| part.month() == closed.month);
        let (corrections, mut rated): (Vec<&Part>, Vec<&Part>) = parts.partition(|part| part.is_correction());
        rated.sort_by(|a, b| billed.order(a, b));
        let (accounts, claimed) = (Vec::new(), Vec::new());
        let mut accounts = Accounts { records: closed.records, usage, accounts, claimed, event: false };
        for part in rated {
            accounts.rate(part)?;
        }
        for part in corrections {
            accounts.correct(part)?;
        }
        Ok(accounts.accounts)
    }

    /// An interval at a price: as much of it is due as the record ran and no earlier final bills.
    fn rate(&mut self, part: &Part) -> Result<(), ProblemReason> {
        let Some((facts, rating)) = self.records.billed.final_of(part).zip(self.records.billed.rating_of(part)) else {
            return Ok(());
        };
        let pieces = self.pieces(part, rating);
        let due = if pieces == [part.period()] {
            Amounts::of(part)
        } else {
            self.rated_again(&pieces, rating, facts.currency)?
        };
        let taken_back = part.period().subtract(&pieces);
        let credited = self.records.billed.credited(&self.usage.name, part);
        let account = self.account(facts, part.period());
        account.billed.add(Amounts::of(part));
        account.settled.credit(credited);
        account.due.add(due);
        if pieces != [part.period()] {
            let all = taken_back.first().zip(taken_back.last());
            let all = all.and_then(|(first, last)| Period::new(first.start(), last.end()));
            account.taken_back = Some(joined(account.taken_back, all.unwrap_or(part.period())));
        }
        Ok(())
    }

    fn pieces(&mut self, part: &Part, rating: &Rating) -> Vec<Period> {
        let period = part.period();
        if rating.unit == Unit::Unit {
            let stands = !self.event && self.records.counts(self.usage) && Month::of(self.usage.start) == part.month();
            self.event = true;
            return if stands { vec![period] } else { Vec::new() };
        }
        let run = self.records.run_in(self.usage, period);
        let pieces = run.map(|run| run.subtract(&self.claimed)).unwrap_or_default();
        self.claimed.push(period);
        pieces
    }

    fn rated_again(&self, pieces: &[Period], rating: &Rating, currency: Currency) -> Result<Amounts, ProblemReason> {
        let mut due = Amounts::default();
        for piece in pieces {
            let amounts = rating.amounts(self.usage, *piece, currency);
            let (pre_discount, total) = amounts.ok_or(ProblemReason::Overflow)?;
            due.add(Amounts { pre_discount: pre_discount.minor(), total: total.minor() });
        }
        Ok(due)
    }

    /// What was corrected already.
    fn correct(&mut self, part: &Part) -> Result<(), ProblemReason> {
        let billed = self.records.billed;
        let (Some(on), Some(about)) = (billed.final_of(part), billed.final_about(part)) else { return Ok(()) };
        if on.currency != about.currency {
            return Err(changed(about));
        }
        let credited = billed.credited(&self.usage.name, part);
        let account = self.account(about, part.period());
        account.billed.add(Amounts::of(part));
        account.settled.credit(credited);
        account.settled.correct(on.issued_at, part.total());
        Ok(())
    }

    fn account(&mut self, facts: &FinalFacts, period: Period) -> &mut Account {
        let same = |account: &Account| account.group == facts.group && account.currency == facts.currency;
        let place = self.accounts.iter().position(same).unwrap_or(self.accounts.len());
        if place == self.accounts.len() {
            let (group, invoice, currency) = (facts.group, facts.number.clone(), facts.currency);
            let (billed, due, settled) = Default::default();
            let account = Account { group, invoice, currency, billed, due, settled, taken_back: None, whole: period };
            self.accounts.push(account);
        }
        let account = &mut self.accounts[place];
        account.whole = joined(Some(account.whole), period);
        account
    }
}

impl Account {
    fn correction(&self) -> Correction {
        self.settled.correction(self.billed.total, self.due.total)
    }

    /// The correction; `None` when what is billed is what is due.
    fn item(self, closed: &GroupMonth<'_>, usage: &Usage) -> Result<Option<Item>, ProblemReason> {
        let Correction { total, credited } = self.correction();
        let Account { group: _, invoice, currency, billed, due, settled, taken_back, whole } = self;
        if total == 0 {
            return Ok(None);
        }
        if closed.group.currency != Some(currency) {
            return Err(ProblemReason::CurrencyChanged { invoice, currency });
        }
        let money = |minor| Money::new(minor, currency).ok_or(ProblemReason::Overflow);
        let pre_discount = (!settled.is_credited()).then_some(due.pre_discount - billed.pre_discount);
        let wrong = Wrong {
            invoice,
            period: taken_back.unwrap_or(whole),
            pre_discount: pre_discount.map(money).transpose()?,
            billed: money(billed.total)?,
            due: money(due.total)?,
            settled: money(total - (due.total - billed.total))?,
            total: money(total)?,
            credited: money(credited)?,
        };
        Ok(Some(correction(closed.month, usage, wrong, !closed.counts(usage))))
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
