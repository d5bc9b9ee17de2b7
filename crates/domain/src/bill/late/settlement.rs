//! Closed months, settled as a whole: what follows from services that changed is looked at again.
//!
//! The bill of a closed month is made again as the month itself would make it now, from what its services are worth now and the
//! terms that its final recorded. What documents say of each part of it is compared with that, and the difference is a
//! line of the oldest month that is not final. So a final and all later adjustments add up, part by part, to the bill that knew
//! everything.
//!
//! An example: October had services of 200.00 and a commitment of 300.00, so its final has a fee of 100.00. Then 100.00 of usage come
//! in late. The month is worth 300.00 without a fee, and documents say 100.00 of fee: November has a line of 100.00 for the late usage,
//! and one of -100.00 for the fee.
//!
//! **Credits** of a closed month may pay what they paid of it and what is left of them now, if they were valid then; all together
//! at most what they paid, and what the month is due more before credits. So a credit that is granted later never pays what
//! money has paid. What a credit paid and is no longer due goes back to the credit, and is never money.
//!
//! After the group's own months come those of the groups that it [succeeds](super::succession).

use std::collections::{BTreeMap, BTreeSet};

use super::adjustment::shortened;
use super::credited::{Correction, CreditedSoFar};
use super::{LateUsage, ServiceChanges, late_usage};
use crate::bill::commitment::Spending;
use crate::bill::consumption::{Consumption, CreditLimit, before_tax};
use crate::bill::inputs::GroupMonth;
use crate::bill::own_month::OwnMonth;
use crate::bill::tally::Overflow;
use crate::catalog::terms::commitment::Term;
use crate::closing::Hold;
use crate::credit::restoration::ReturnedCredit;
use crate::credit::{Application, CreditOffer, CreditType, CreditUse, CreditValidity};
use crate::invoice::adjustment::{Adjustment, AdjustmentKind};
use crate::invoice::billed::stated::{StatedAmount, StatedMonth};
use crate::invoice::item::Item;
use crate::invoice::line_type::LineType;
use crate::invoice::month_terms::TaxReasons;
use crate::invoice::part::PartKey;
use crate::invoice::service_sum::ServiceSum;
use crate::invoice::source::{Source, SourceKind};
use crate::money::amount::{Currency, Money};
use crate::name::Name;
use crate::problem::Problem;
use crate::time::month::Month;
use crate::uid::Uid;

/// What a bill says of closed months.
#[derive(Debug, Default)]
pub(crate) struct Settlement {
    /// Its lines: those of records, and then those of parts, by month and part.
    pub(crate) items: Vec<Item>,
    /// The credits of the group, as the bill's own month finds them.
    pub(crate) offers: Vec<CreditOffer>,
    /// What closed months use of credits beside what they used before, the first to be used first.
    pub(crate) uses: Vec<CreditUse>,
    /// What goes back to credits.
    pub(crate) returned: Vec<ReturnedCredit>,
    /// Why lines are not taxed, where that is so.
    pub(crate) reasons: TaxReasons,
    /// The records that are left off.
    pub(crate) problems: Vec<Problem>,
    /// What counts of closed months towards a commitment, in minor units, of those that were looked at.
    pub(crate) spent: BTreeMap<Month, i128>,
    /// That a month could be paid by more credits than an invoice has room for.
    pub(crate) hold: Option<Hold>,
}

/// By group, its own and those that it succeeds, and by closed month: by how much what is due for services changes.
pub(crate) type ClosedChanges = BTreeMap<Uid, BTreeMap<Month, ServiceChanges>>;

/// Settles the closed months of a group, the oldest first: each finds the credits that those before it leave. And then in the same way
/// those of each group that it succeeds.
///
/// Cost: a look at each record of the projects that the group paid for; and for each month in which one of them differs, or of which a
/// part was adjusted and a note took something back, what documents say of it, and its bill without its lines.
pub(crate) fn settle(month: &GroupMonth<'_>, currency: Currency) -> Result<Settlement, Overflow> {
    Settlement::with_successions(month, |month| {
        let LateUsage { items, changes, reasons, problems } = late_usage(month)?;
        let offers = month.credits.to_vec();
        let mut settlement = Settlement { items, offers, reasons, problems, ..Settlement::default() };
        settlement.settle_parts(month, currency, &changes)?;
        Ok(settlement)
    })
}

impl Settlement {
    /// What other code found of records, with the parts that follow from it.
    pub(crate) fn of_changes(
        month: &GroupMonth<'_>,
        currency: Currency,
        changes: &ClosedChanges,
    ) -> Result<Self, Overflow> {
        let none = BTreeMap::new();
        Self::with_successions(month, |month| {
            let mut settlement = Settlement { offers: month.credits.to_vec(), ..Settlement::default() };
            settlement.settle_parts(month, currency, changes.get(&month.group.uid).unwrap_or(&none))?;
            Ok(settlement)
        })
    }

    /// What is settled of the group's own months, and of those of the groups that it succeeds.
    fn with_successions(
        month: &GroupMonth<'_>,
        settle: impl Fn(&GroupMonth<'_>) -> Result<Settlement, Overflow>,
    ) -> Result<Settlement, Overflow> {
        let mut settlement = settle(month)?;
        for succession in month.successions {
            let of = month.succeeding(succession);
            // Its credits pay no more than they did, so none is used; and nobody's commitment counts what another group spent.
            let Settlement { items, offers: _, uses: _, returned, reasons, problems, spent: _, hold } = settle(&of)?;
            settlement.items.extend(items);
            settlement.returned.extend(returned);
            settlement.reasons.extend(reasons);
            settlement.problems.extend(problems);
            settlement.hold = settlement.hold.take().or(hold);
        }
        Ok(settlement)
    }

    fn settle_parts(
        &mut self,
        month: &GroupMonth<'_>,
        currency: Currency,
        changes: &BTreeMap<Month, ServiceChanges>,
    ) -> Result<(), Overflow> {
        let (none, group) = (ServiceChanges::new(), &month.source());
        let mut all: BTreeMap<Month, &ServiceChanges> = changes.iter().map(|(of, changes)| (*of, changes)).collect();
        let again = month.billed.adjusted_months_issued_again(month.group.uid);
        for of in months_with_missed_notes(month).chain(again.filter(|of| month.closed.contains_key(of))) {
            all.entry(of).or_insert(&none);
        }
        for term in terms_of(month, &all) {
            all.entry(term.last).or_insert(&none);
        }
        for (of, changes) in &all {
            let Some(stated) = month.billed.stated(month.group.uid, *of) else { continue };
            // In another currency nothing can be settled; what of it is due is a problem of its records.
            let Some(terms) = stated.terms.filter(|_| !stated.is_reversed && stated.invoice.currency == currency)
            else {
                self.spent.insert(*of, stated.spent() + changes.values().sum::<i128>());
                continue;
            };
            let spending = Spending::before(month, *of, terms, group, currency, &self.spent)?;
            let spent_before = spending.as_ref().and_then(Spending::settled);
            let own = OwnMonth { group, terms, spent_before };
            let closed_by = month.closed_month(*of, month.attribution).closed_by();
            let closed = ClosedBill { month: *of, closed_by, currency, own, stated: &stated };
            closed.settle(changes, self)?;
            self.hold = self.hold.take().or(spending.and_then(|spending| spending.hold));
        }
        self.uses.retain(|used| !used.used.is_zero());
        Ok(())
    }

    /// The offer of a credit, if there still is one.
    fn offer(&mut self, name: &Name) -> Option<&mut CreditOffer> {
        self.offers.iter_mut().find(|offer| offer.name == *name)
    }

    /// A closed month uses more of a credit.
    fn use_more(&mut self, name: &Name, more: i128, currency: Currency) -> Result<(), Overflow> {
        let used = Money::new(more, currency).ok_or(Overflow)?;
        let Some(offer) = self.offer(name) else { return Ok(()) };
        offer.remaining = offer.remaining.checked_sub(used).ok_or(Overflow)?;
        let (uid, remaining) = (offer.uid, offer.remaining);
        match self.uses.iter_mut().find(|known| known.name == *name) {
            Some(known) => {
                known.used = known.used.checked_add(used).ok_or(Overflow)?;
                known.remaining = remaining;
            }
            None => self.uses.push(CreditUse { name: name.clone(), uid, used, remaining }),
        }
        Ok(())
    }
}

/// The terms that finals of the group settled, of which a month is among these, or was taken back in full: what is missing to such a
/// commitment is another amount then. When that was taken back does not matter.
fn terms_of<'a>(month: &GroupMonth<'a>, months: &BTreeMap<Month, &ServiceChanges>) -> Vec<Term> {
    let reversed = month.billed.reversed_months(month.group.uid);
    let changed = |term: &Term| {
        let within = term.first..=term.last;
        months.range(within.clone()).next().is_some() || reversed.range(within).next().is_some()
    };
    let is_quiet = months.is_empty() && reversed.is_empty();
    let terms = if is_quiet { Vec::new() } else { month.billed.settled_terms(month.group.uid) };
    terms.into_iter().filter(|term| month.closed.contains_key(&term.last)).filter(changed).collect()
}

/// The closed months of a group of which a part was adjusted without a note that had taken something of it back.
fn months_with_missed_notes(month: &GroupMonth<'_>) -> impl Iterator<Item = Month> {
    let noted = month.billed.months_with_notes(month.group.uid).filter(|of| month.closed.contains_key(of));
    noted.filter(|of| {
        let stated = month.billed.stated(month.group.uid, *of);
        stated.is_some_and(|stated| stated.parts.values().any(|part| credited_so_far(part).missed() > 0))
    })
}

/// What was done about a part of a month.
fn credited_so_far(stated: &StatedAmount) -> CreditedSoFar {
    let mut credited = CreditedSoFar::default();
    credited.credit(stated.credited.iter().cloned());
    if let Some((at, last)) = &stated.corrected {
        credited.correct(*at, last.clone());
    }
    credited
}

/// A closed month of a group.
struct ClosedBill<'a> {
    month: Month,
    /// Its final, where the group is gone.
    closed_by: Option<Name>,
    currency: Currency,
    own: OwnMonth<'a>,
    stated: &'a StatedMonth<'a>,
}

impl ClosedBill<'_> {
    fn settle(&self, changes: &ServiceChanges, settlement: &mut Settlement) -> Result<(), Overflow> {
        let services = self.services(changes)?;
        let before = self.own.bill(self.currency, &services)?;
        settlement.spent.insert(self.month, before.spent().minor());
        let paid = self.paid_by_credits();
        let more = before.net().minor() - self.stated_before_credits();
        let limit = CreditLimit::Most(paid.values().sum::<i128>() + more.max(0));
        let offers = self.offers(&settlement.offers, &paid)?;
        let (due, Consumption { uses, hold }) = before.pay(&offers.iter().collect::<Vec<_>>(), limit)?;
        settlement.hold = settlement.hold.take().or(hold);
        let used: BTreeMap<&Name, i128> = uses.iter().map(|used| (&used.name, used.used.minor())).collect();
        let mut returns = BTreeMap::new();
        for name in used.keys().copied().chain(paid.keys()).collect::<BTreeSet<_>>() {
            let difference = used.get(name).copied().unwrap_or(0) - paid.get(name).copied().unwrap_or(0);
            if difference > 0 {
                settlement.use_more(name, difference, self.currency)?;
            } else if difference < 0 {
                let amount = Money::new(-difference, self.currency).ok_or(Overflow)?;
                let validity = settlement.offer(name).map(|offer| offer.validity);
                let closed_by = self.closed_by.clone();
                let returned = ReturnedCredit { credit: name.clone(), month: self.month, closed_by, amount };
                let expired =
                    validity.is_some_and(|validity| validity.expires.is_some_and(|at| at <= self.month.end()));
                returns.insert(name.clone(), expired);
                settlement.returned.extend((!expired).then_some(returned));
            }
        }
        self.compare(&due, &returns, settlement)
    }

    /// What services of the month are worth now.
    fn services(&self, changes: &ServiceChanges) -> Result<Vec<ServiceSum>, Overflow> {
        let mut sums = self.stated.services.clone();
        for (key, change) in changes {
            *sums.entry(key.clone()).or_default() += change;
        }
        let sum = |((project, tax), minor)| {
            let total = Money::new(minor, self.currency).ok_or(Overflow)?;
            Ok(ServiceSum { project, tax, total })
        };
        sums.into_iter().map(sum).collect()
    }

    /// What credits paid of the month, less what went back to them.
    fn paid_by_credits(&self) -> BTreeMap<Name, i128> {
        let mut paid = BTreeMap::new();
        let of_credits = self.stated.parts.iter().filter(|(key, _)| key.kind == LineType::CreditConsumption);
        for (key, stated) in of_credits {
            *paid.entry(key.name.clone()).or_default() -= stated.billed;
        }
        paid.retain(|_, amount| *amount != 0);
        paid
    }

    /// What documents say of the month before credits and the minimum charge.
    fn stated_before_credits(&self) -> i128 {
        let parts = self.stated.parts.iter().filter(|(key, _)| key.kind < LineType::CreditConsumption);
        self.stated.services.values().sum::<i128>() + parts.map(|(_, stated)| stated.billed).sum::<i128>()
    }

    /// The credits that may pay of the month, in the order of their use: what they paid of it, and what is left of them. One that is
    /// gone keeps what it paid, and comes last.
    fn offers(&self, left: &[CreditOffer], paid: &BTreeMap<Name, i128>) -> Result<Vec<CreditOffer>, Overflow> {
        let mut offers = Vec::new();
        for offer in before_tax(left, self.month, self.currency) {
            let paid = paid.get(&offer.name).copied().unwrap_or(0);
            let remaining = Money::new(offer.remaining.minor() + paid, self.currency).ok_or(Overflow)?;
            offers.push(CreditOffer { remaining, ..offer.clone() });
        }
        for (name, paid) in paid {
            if offers.iter().all(|offer| offer.name != *name) {
                let of_credit =
                    |(key, _): &(&PartKey, &StatedAmount)| key.kind == LineType::CreditConsumption && key.name == *name;
                let Some((_, stated)) = self.stated.parts.iter().find(of_credit) else { continue };
                offers.push(CreditOffer {
                    name: name.clone(),
                    uid: stated.source.uid,
                    kind: CreditType::Other,
                    application: Application::BeforeTax,
                    validity: CreditValidity::default(),
                    projects: None,
                    remaining: Money::new(*paid, self.currency).ok_or(Overflow)?,
                });
            }
        }
        Ok(offers)
    }

    /// A line for each part of which documents say something else than is due.
    fn compare(
        &self,
        due: &[Item],
        returns: &BTreeMap<Name, bool>,
        settlement: &mut Settlement,
    ) -> Result<(), Overflow> {
        let due: BTreeMap<PartKey, &Item> = due.iter().filter_map(|item| Some((item.part()?, item))).collect();
        let keys: BTreeSet<&PartKey> = due.keys().chain(self.stated.parts.keys()).collect();
        for key in keys {
            let (item, stated) = (due.get(key), self.stated.parts.get(key));
            let Some(source) = stated.map(|stated| &stated.source).or(item.map(|item| &item.source)) else { continue };
            let due = item.map_or(0, |item| item.total.minor());
            let billed = stated.map_or(0, |stated| stated.billed);
            let so_far = stated.map(credited_so_far).unwrap_or_default();
            let Correction { total, credited } = so_far.correction(billed, due);
            if total != 0 {
                let goes_back = returns.get(&key.name).copied().filter(|_| total > 0);
                let amounts = PartAmounts { billed, due, total, credited };
                settlement.items.push(self.item(key, source, amounts, so_far.notes(), goes_back)?);
                self.stated.treatments_of(key.tax).into_iter().for_each(|one| settlement.reasons.add(one));
            }
        }
        Ok(())
    }

    fn item(
        &self,
        key: &PartKey,
        source: &Source,
        amounts: PartAmounts,
        notes: Vec<Name>,
        goes_back: Option<bool>,
    ) -> Result<Item, Overflow> {
        let PartAmounts { billed, due, total, credited } = amounts;
        let money = |minor| Money::new(minor, self.currency).ok_or(Overflow);
        let (month, kind) = (self.month, key.kind.as_str());
        let invoice = self.stated.invoice.number.clone();
        let less = if credited == 0 { String::new() } else { format!(", less {} credited", money(credited)?) };
        let back = match goes_back.filter(|_| key.kind == LineType::CreditConsumption) {
            None => "",
            Some(false) => "; the difference goes back to the credit",
            Some(true) => "; the credit has expired, so nothing goes back to it",
        };
        let name = if source.kind == SourceKind::Credit { String::new() } else { format!(" {}", key.name) };
        let tax = key.tax.map(|tax| format!(" {tax}")).unwrap_or_default();
        Ok(Item {
            kind: LineType::OtherEvent,
            key: format!("{month} {kind}{name}{tax}"),
            project: None,
            period: None,
            pre_discount: None,
            total: money(total)?,
            tax: key.tax,
            is_share: false,
            description: shortened(format!(
                "Adjustment of {invoice} for {month}{less}: {kind} {}, {} billed, {} due{back}",
                key.name,
                money(billed)?,
                money(due)?
            )),
            source: source.clone(),
            adjustment: Some(Adjustment {
                month,
                closed_by: self.closed_by.clone(),
                kind: AdjustmentKind::Part {
                    invoice,
                    part: key.clone(),
                    billed: money(billed)?,
                    due: money(due)?,
                    settled_by_credit_notes: money(total - (due - billed))?,
                    notes,
                },
            }),
        })
    }
}

/// In minor units.
#[derive(Debug, Clone, Copy)]
struct PartAmounts {
    billed: i128,
    due: i128,
    total: i128,
    credited: i128,
}
