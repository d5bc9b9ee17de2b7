//! The second derivation of what closed months settle beside records.

use std::collections::{BTreeMap, BTreeSet};

use super::commitment::{counted, derive_spent_before, due_with, said};
use super::credits::{DerivedUse, Services, derive_credits, in_order};
use super::items::{DerivedItem, derive_items, derive_rounding};
use super::noted::Noted;
use super::tax::{Groups, Reasons, note};
use crate::bill::inputs::GroupMonth;
use crate::catalog::tax_rule::TaxGroup;
use crate::credit::{Application, CreditOffer, CreditType, CreditValidity};
use crate::invoice::billed::stated::{StatedAmount, StatedMonth};
use crate::invoice::line_type::LineType;
use crate::invoice::month_terms::MonthTerms;
use crate::invoice::part::PartKey;
use crate::money::amount::Money;
use crate::name::Name;
use crate::time::month::Month;
use crate::uid::Uid;

/// By closed month: by how much what is due for services changes.
pub(super) type Changes = BTreeMap<Month, Services>;

/// What goes back: the credit, the month that it paid for, the final of that where its group is gone, how much.
pub(super) type DerivedReturn = (Name, Month, Option<Name>, i128);

/// What closed months settle.
#[derive(Debug, Default)]
pub(super) struct DerivedSettlement {
    pub(super) items: Vec<DerivedItem>,
    pub(super) offers: Vec<CreditOffer>,
    pub(super) uses: Vec<DerivedUse>,
    /// What goes back to credits.
    pub(super) returned: Vec<DerivedReturn>,
    pub(super) reasons: Reasons,
    /// What counts of months towards a commitment, of those that were looked at.
    pub(super) spent: BTreeMap<Month, i128>,
}

/// The parts of closed months of which documents say something else than these months are worth now; `None` when that cannot be
/// told. Cost: for each month with a change, what documents say of it, and its bill without its lines.
pub(super) fn derive_settlement(month: &GroupMonth<'_>, changes: &Changes) -> Option<DerivedSettlement> {
    let mut settled = DerivedSettlement { offers: month.credits.to_vec(), ..DerivedSettlement::default() };
    let none = Services::new();
    let mut all: BTreeMap<Month, &Services> = changes.iter().map(|(of, changes)| (*of, changes)).collect();
    for of in month.billed.months_with_notes(month.group.uid).filter(|of| month.closed.contains_key(of)) {
        let stated = month.billed.stated(month.group.uid, of);
        if stated.is_some_and(|stated| stated.parts.values().any(|said| noted(Some(said)).overlooked() != 0)) {
            all.entry(of).or_insert(&none);
        }
    }
    let again = month.billed.adjusted_months_issued_again(month.group.uid);
    again.filter(|of| month.closed.contains_key(of)).for_each(|of| {
        all.entry(of).or_insert(&none);
    });
    // What changes a month of a term that is over changes what was missing to it, and so does a note that took one back.
    for term in month.billed.settled_terms(month.group.uid) {
        let mut months = term.first.through(term.last);
        let changed = months.any(|of| all.contains_key(&of) || month.billed.is_month_reversed(month.group.uid, of));
        if changed && month.closed.contains_key(&term.last) {
            all.entry(term.last).or_insert(&none);
        }
    }
    for (of, changes) in &all {
        let Some(stated) = month.billed.stated(month.group.uid, *of) else { continue };
        let same_currency = Some(stated.invoice.currency) == month.group.currency;
        if let Some(terms) = stated.terms.filter(|_| same_currency && !stated.is_reversed) {
            settle(month, *of, terms, &stated, changes, &mut settled)?;
        } else {
            settled.spent.insert(*of, said(&stated) + changes.values().sum::<i128>());
        }
    }
    Some(settled)
}

/// What documents say of a part.
fn noted(known: Option<&StatedAmount>) -> Noted {
    let Some(StatedAmount { billed, credited, corrected, source: _ }) = known else { return Noted::default() };
    Noted { billed: *billed, credited: credited.clone(), corrected: corrected.clone() }
}

fn settle(
    month: &GroupMonth<'_>,
    of: Month,
    terms: &MonthTerms,
    stated: &StatedMonth<'_>,
    changes: &Services,
    settled: &mut DerivedSettlement,
) -> Option<()> {
    let mut services = stated.services.clone();
    for (key, change) in changes {
        *services.entry(key.clone()).or_default() += change;
    }
    let all: i128 = services.values().sum();
    let before = derive_spent_before(month, of, terms, &settled.spent)?;
    settled.spent.insert(of, counted(terms, all));
    let mut items = derive_items(terms, all, due_with(terms, of, before))?;
    let mut groups = Groups::new();
    let amounts = services.iter().map(|((_, tax), sum)| (*tax, *sum));
    for (tax, amount) in amounts.chain(items.iter().map(|item| (item.tax, item.total))) {
        *groups.entry(tax).or_default() += amount;
    }
    let due: i128 = groups.values().sum();
    let said_before: i128 =
        stated.services.values().sum::<i128>() + of_kind(stated, |kind| kind < LineType::CreditConsumption);
    let paid = paid_by_credits(stated);
    let most = paid.values().map(|(amount, _)| amount).sum::<i128>() + (due - said_before).max(0);
    let offers = offers_of(month, of, settled, &paid)?;
    let uses = derive_credits(&services, &mut groups, &offers, most);
    items.extend(uses.iter().flat_map(DerivedUse::items));
    items.extend(derive_rounding(terms, &groups));
    compare(month, of, terms, stated, &items, settled);
    let is_gone = !month.organization.groups().any(|group| group.uid == month.group.uid);
    let closed_by = is_gone.then(|| stated.invoice.number.clone());
    account((of, closed_by), &paid, &uses, settled);
    Some(())
}

fn of_kind(stated: &StatedMonth<'_>, wanted: impl Fn(LineType) -> bool) -> i128 {
    stated.parts.iter().filter(|(key, _)| wanted(key.kind)).map(|(_, amount)| amount.billed).sum()
}

/// What each credit paid of the month so far, and its uid.
fn paid_by_credits(stated: &StatedMonth<'_>) -> BTreeMap<Name, (i128, Uid)> {
    let mut paid: BTreeMap<Name, (i128, Uid)> = BTreeMap::new();
    for (key, amount) in stated.parts.iter().filter(|(key, _)| key.kind == LineType::CreditConsumption) {
        paid.entry(key.name.clone()).or_insert((0, amount.source.uid)).0 -= amount.billed;
    }
    paid.retain(|_, (amount, _)| *amount != 0);
    paid
}

/// What may pay of the month: what is left of credits that were valid then, with what they paid; and what others paid.
fn offers_of(
    month: &GroupMonth<'_>,
    of: Month,
    settled: &DerivedSettlement,
    paid: &BTreeMap<Name, (i128, Uid)>,
) -> Option<Vec<CreditOffer>> {
    let currency = month.group.currency?;
    let mut offers = in_order(&settled.offers, of, Some(currency), Application::BeforeTax);
    for offer in &mut offers {
        let paid = paid.get(&offer.name).map_or(0, |(amount, _)| *amount);
        offer.remaining = Money::new(offer.remaining.minor() + paid, currency)?;
    }
    for (name, (amount, uid)) in paid {
        if !offers.iter().any(|offer| offer.name == *name) {
            offers.push(CreditOffer {
                name: name.clone(),
                uid: *uid,
                kind: CreditType::Other,
                application: Application::BeforeTax,
                validity: CreditValidity::default(),
                projects: None,
                remaining: Money::new(*amount, currency)?,
            });
        }
    }
    Some(offers)
}

/// Notes what is said and what is due of each part, where the two differ by more than notes took back.
fn compare(
    month: &GroupMonth<'_>,
    of: Month,
    terms: &MonthTerms,
    stated: &StatedMonth<'_>,
    items: &[DerivedItem],
    settled: &mut DerivedSettlement,
) {
    let mut parts: BTreeMap<(LineType, Name, Option<TaxGroup>), i128> = BTreeMap::new();
    for item in items {
        parts.insert((item.kind, item.key.as_str().into(), item.tax), item.total);
    }
    let said = stated.parts.keys().map(|key| (key.kind, key.name.clone(), key.tax));
    let keys: BTreeSet<_> = said.chain(parts.keys().cloned()).collect();
    for (kind, name, tax) in keys {
        let key = PartKey { kind, name: name.clone(), tax };
        let known = stated.parts.get(&key);
        let noted = noted(known);
        let total = noted.difference(parts.get(&(kind, name.clone(), tax)).copied().unwrap_or(0));
        if total != 0 {
            let tax_text = tax.map(|tax| format!(" {tax}")).unwrap_or_default();
            let source = known.map(|known| known.source.name.clone()).unwrap_or_else(|| match kind {
                LineType::CreditConsumption => name.clone(),
                LineType::Rounding => terms.minimum_charge.as_ref().map_or(name.clone(), |one| one.issuer.name.clone()),
                _ => month.group.name.clone(),
            });
            let which = if kind == LineType::CreditConsumption { String::new() } else { format!(" {name}") };
            let owner = format!("{source}/{of} {}{which}{tax_text}", kind.as_str());
            stated.treatments_of(tax).into_iter().for_each(|one| note(&mut settled.reasons, one));
            let notes = noted.notes();
            settled.items.push(DerivedItem { kind: LineType::OtherEvent, key: owner, tax, total, notes });
        }
    }
}

/// What each credit pays more or less than before.
fn account(
    (of, closed_by): (Month, Option<Name>),
    paid: &BTreeMap<Name, (i128, Uid)>,
    uses: &[DerivedUse],
    settled: &mut DerivedSettlement,
) {
    let names: BTreeSet<&Name> = paid.keys().chain(uses.iter().map(|one| &one.name)).collect();
    for name in names {
        let now: i128 = uses.iter().filter(|one| one.name == *name).map(|one| one.used).sum();
        let more = now - paid.get(name).map_or(0, |(amount, _)| *amount);
        let place = settled.offers.iter().position(|offer| offer.name == *name);
        if more < 0 {
            let until = place.and_then(|place| settled.offers[place].validity.expires);
            if until.is_none_or(|until| of.end() < until) {
                settled.returned.push((name.clone(), of, closed_by.clone(), -more));
            }
        }
        let Some(offer) = place.filter(|_| more > 0).map(|place| &mut settled.offers[place]) else { continue };
        let left = offer.remaining.minor() - more;
        offer.remaining = Money::new(left, offer.remaining.currency()).unwrap_or(offer.remaining);
        match settled.uses.iter_mut().find(|one| one.name == *name) {
            Some(known) => (known.used, known.remaining) = (known.used + more, left),
            None => settled.uses.push(DerivedUse {
                name: name.clone(),
                uid: offer.uid,
                used: more,
                remaining: left,
                shares: Vec::new(),
            }),
        }
    }
}
