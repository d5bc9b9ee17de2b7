//! Prices that depend on what comes together: of a closed month their scales are filled again.
//!
//! What comes late is billed at its place among all records of the month, and what was billed before moves: an earlier start takes
//! a lower tier from others. By how much the charges of a project differ is one line for each entry and project. A record that
//! counts as nothing any more is taken back by its own correction; one that is deleted keeps its place.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::adjustment::shortened;
use super::credited::{Correction, CreditedSoFar};
use crate::bill::fill::{Filler, Filling, Portions, fillings};
use crate::bill::inputs::GroupMonth;
use crate::bill::tally::Overflow;
use crate::catalog::price::EntryKey;
use crate::catalog::tax_rule::TaxGroup;
use crate::invoice::adjustment::{Adjustment, AdjustmentKind};
use crate::invoice::billed::scaled::{StatedRecord, StatedScales};
use crate::invoice::ids::refill_key;
use crate::invoice::item::Item;
use crate::invoice::line_type::LineType;
use crate::invoice::source::{Source, SourceKind};
use crate::invoice::statement::{ScaledRecord, StatedScale};
use crate::money::amount::{Currency, Money};
use crate::name::Name;
use crate::tenancy::attribution::Attribution;
use crate::time::month::Month;
use crate::time::period::{Period, Timestamp};
use crate::uid::Uid;

/// The portions of a month: of what documents of the group bill of it, where it is closed, and of what they do not.
pub(crate) fn closed_portions(closed: &GroupMonth<'_>) -> Portions {
    let stated = closed.billed.stated_scales(closed.group.uid, closed.month);
    let mut fillings = fillings(closed);
    for StatedRecord { billed: record, .. } in stated.records.iter().filter(|record| stands(closed, record)) {
        let Some(StatedScale { scale, amount, .. }) = stated.scales.get(&record.entry) else { continue };
        let none = || Filling { scale: scale.clone(), amount: *amount, fillers: Vec::new() };
        let filling = fillings.entry(record.entry.clone()).or_insert_with(none);
        // As it was billed, so it is filled.
        (filling.scale, filling.amount) = (scale.clone(), *amount);
        filling.fillers.push(Filler {
            start: record.start,
            project: record.project.clone(),
            service: record.service.clone(),
            record: record.record.clone(),
            quantity: quantity_now(closed, record),
        });
    }
    Portions::of_fillings(fillings)
}

/// Whether a record that is billed still is: nothing replaces it, and no earlier final bills it. One that is gone stands as documents
/// left it.
fn stands(closed: &GroupMonth<'_>, record: &StatedRecord<'_>) -> bool {
    let name = &record.billed.record;
    let Some(usage) = closed.organization.usage(name) else { return record.taken_back_at.is_none() };
    let first = closed.billed.unit_final(name, record.billed.start);
    closed.is_effective(usage) && first.is_none_or(|first| first.group == closed.group.uid)
}

/// How much a record that documents bill is now: of a metered one what is read of its interval.
fn quantity_now(closed: &GroupMonth<'_>, record: &ScaledRecord) -> Decimal {
    let metered = closed.organization.usage(&record.record).filter(|usage| usage.is_metered());
    let interval = Period::new(record.start, record.end);
    metered.zip(interval).map_or(record.quantity, |(usage, interval)| usage.quantity_in(interval))
}

/// The closed months of which a note may have been missed.
pub(super) fn noted_months(month: &GroupMonth<'_>) -> impl Iterator<Item = (Month, Attribution)> {
    let noted = month.billed.scaled_months_with_notes(month.group.uid);
    noted.into_iter().filter_map(|of| Some((of, *month.closed.get(&of)?)))
}

/// What differs of a project's charges at an entry.
pub(super) struct RefillDifference {
    pub(super) project: Name,
    pub(super) tax: Option<TaxGroup>,
    /// By how much what is due changes, in minor units.
    pub(super) change: i128,
    pub(super) item: Option<Item>,
}

/// What is said of a project's charges at an entry, and what is due. In minor units, before and after discounts.
#[derive(Default)]
struct Account {
    billed: (i128, i128),
    due: (i128, i128),
    credited: CreditedSoFar,
    before: Decimal,
}

/// By how much what documents say of a closed month at prices with a scale differs from what they should, by entry and project.
pub(super) fn refills(closed: &GroupMonth<'_>, portions: &Portions) -> Result<Vec<RefillDifference>, Overflow> {
    let stated = closed.billed.stated_scales(closed.group.uid, closed.month);
    let Some(month) = closed.billed.stated(closed.group.uid, closed.month) else { return Ok(Vec::new()) };
    let currency = month.invoice.currency;
    if month.is_reversed || closed.group.currency != Some(currency) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for ((entry, project, tax), account) in accounts(closed, portions, &stated, currency)? {
        let Some(scale) = stated.scales.get(&entry) else { continue };
        let after = portions.quantity(&entry, &project);
        let change = account.due.1 - account.credited.due_before(account.billed.1);
        let invoice = month.invoice.number.clone();
        // A reduction that notes took back already is said too, so that it is known from then on.
        let item = match account.is_as_said() {
            true => None,
            false => Some(account.item(
                (closed.month, closed.closed_by()),
                (invoice, entry, project.clone(), tax),
                (after, scale.list_uid),
                currency,
            )?),
        };
        if change != 0 || item.is_some() {
            found.push(RefillDifference { project, tax, change, item });
        }
    }
    Ok(found)
}

type AccountKey = (EntryKey, Name, Option<TaxGroup>);

fn accounts(
    closed: &GroupMonth<'_>,
    portions: &Portions,
    stated: &StatedScales<'_>,
    currency: Currency,
) -> Result<BTreeMap<AccountKey, Account>, Overflow> {
    let mut accounts: BTreeMap<AccountKey, Account> = BTreeMap::new();
    for known in stated.records.iter().filter(|record| stands(closed, record)) {
        let StatedRecord { billed: record, credited, .. } = known;
        let key = (record.entry.clone(), record.project.clone(), record.tax);
        let account = accounts.entry(key).or_default();
        account.billed.0 += record.pre_discount;
        account.billed.1 += record.total;
        account.credited.credit(credited.iter().cloned());
        for portion in portions.of_name(&record.record, record.start) {
            let exact = portion.amount_of(record.rating.price.per);
            let (pre_discount, total) = record.rating.rated(exact, currency).ok_or(Overflow)?;
            account.due.0 += pre_discount.minor();
            account.due.1 += total.minor();
        }
    }
    for (refill, at, credited) in &stated.refills {
        let account = accounts.entry((refill.entry.clone(), refill.project.clone(), refill.tax)).or_default();
        account.billed.0 += refill.pre_discount.minor();
        account.billed.1 += refill.total.minor();
        account.credited.credit(credited.iter().cloned());
        account.credited.correct(*at, refill.last.clone());
    }
    let quantities = quantities_before(closed, stated, portions);
    for ((entry, project, _), account) in &mut accounts {
        account.before = quantities.get(&place(portions, entry, project)).copied().unwrap_or_default();
    }
    Ok(accounts)
}

/// An entry, and the project where what comes together is a project's.
type Place<'a> = (&'a EntryKey, Option<&'a Name>);

fn place<'a>(portions: &Portions, entry: &'a EntryKey, project: &'a Name) -> Place<'a> {
    (entry, (!portions.is_shared(entry)).then_some(project))
}

/// How much came together by what documents say: as much as the last of them says that told it, and what they bill, less what they took
/// back, since then. So what was read on of a metered record is in it.
fn quantities_before<'a>(
    closed: &GroupMonth<'_>,
    stated: &StatedScales<'a>,
    portions: &Portions,
) -> BTreeMap<Place<'a>, Decimal> {
    // In the order of their issue.
    let refills = stated.refills.iter().map(|(refill, at, _)| (*refill, *at));
    let told: BTreeMap<Place<'a>, (Timestamp, Decimal)> =
        refills.map(|(refill, at)| (place(portions, &refill.entry, &refill.project), (at, refill.quantity))).collect();
    let mut quantities: BTreeMap<Place<'a>, Decimal> =
        told.iter().map(|(place, (_, quantity))| (*place, *quantity)).collect();
    for known in &stated.records {
        let record = known.billed;
        let place = place(portions, &record.entry, &record.project);
        let since = |at: Timestamp| told.get(&place).is_none_or(|(last, _)| *last < at);
        let sum = quantities.entry(place).or_default();
        match (since(known.billed_at), known.taken_back_at) {
            (true, None) => *sum = sum.saturating_add(record.quantity),
            (false, Some(at)) if since(at) => *sum = sum.saturating_sub(quantity_now(closed, record)),
            _ => {}
        }
    }
    quantities
}

impl Account {
    /// Whether nothing is to be billed, and what is due is what documents say.
    fn is_as_said(&self) -> bool {
        self.credited.correction(self.billed.1, self.due.1).total == 0
            && self.due.1 == self.credited.due_before(self.billed.1)
    }

    fn item(
        self,
        (month, closed_by): (Month, Option<Name>),
        (invoice, entry, project, tax): (Name, EntryKey, Name, Option<TaxGroup>),
        (after, list_uid): (Decimal, Uid),
        currency: Currency,
    ) -> Result<Item, Overflow> {
        let Account { billed, due, credited: so_far, before } = self;
        let Correction { total, credited } = so_far.correction(billed.1, due.1);
        let money = |minor| Money::new(minor, currency).ok_or(Overflow);
        let (before, after) = (before.normalize(), after.normalize());
        let less = if credited == 0 { String::new() } else { format!(", less {} credited", money(credited)?) };
        Ok(Item {
            kind: LineType::OtherEvent,
            key: refill_key(month, &entry.entry, &project),
            project: Some(project),
            period: None,
            pre_discount: (!so_far.is_credited()).then(|| money(due.0 - billed.0)).transpose()?,
            total: money(total)?,
            tax,
            is_share: false,
            description: shortened(format!(
                "Adjustment of {invoice} for {month}{less}: {}, {before} came together before, {after} now; {} billed, {} due",
                entry.entry,
                money(billed.1)?,
                money(due.1)?
            )),
            source: Source { kind: SourceKind::PriceList, name: entry.list.clone(), uid: list_uid },
            adjustment: Some(Adjustment {
                month,
                closed_by,
                kind: AdjustmentKind::Refill {
                    invoice,
                    entry,
                    before,
                    after,
                    billed: money(billed.1)?,
                    due: money(due.1)?,
                    settled_by_credit_notes: money(total - (due.1 - billed.1))?,
                    notes: so_far.notes(),
                },
            }),
        })
    }
}
