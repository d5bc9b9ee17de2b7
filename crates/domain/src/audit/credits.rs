//! The second derivation of what credits pay.

use std::collections::BTreeMap;

use num_bigint::BigInt;

use super::difference::AuditDifference;
use super::items::DerivedItem;
use super::tax::Groups;
use crate::bill::inputs::GroupMonth;
use crate::bill::result::Bill;
use crate::catalog::tax_rule::TaxGroup;
use crate::credit::MAX_CREDITS;
use crate::credit::{Application, CreditOffer};
use crate::invoice::line_type::LineType;
use crate::money::amount::Currency;
use crate::name::Name;
use crate::time::month::Month;
use crate::uid::Uid;

/// Services by project and by what is taxed alike, in minor units.
pub(super) type Services = BTreeMap<(Name, Option<TaxGroup>), i128>;

/// What is used of a credit as derived, in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DerivedUse {
    pub(super) name: Name,
    pub(super) uid: Uid,
    pub(super) used: i128,
    pub(super) remaining: i128,
    pub(super) shares: Vec<(Option<TaxGroup>, i128)>,
}

/// The credits that a month can use, whatever they reduce, one after the other.
pub(super) fn in_order(
    offers: &[CreditOffer],
    month: Month,
    currency: Option<Currency>,
    application: Application,
) -> Vec<CreditOffer> {
    let mut open: Vec<&CreditOffer> = offers.iter().filter(|offer| is_usable(month, currency, offer)).collect();
    open.retain(|offer| offer.application == application);
    let mut ordered = Vec::new();
    while let Some(first) = (0..open.len()).reduce(|a, b| if precedes(open[b], open[a]) { b } else { a }) {
        ordered.push(open.swap_remove(first).clone());
    }
    ordered
}

/// What credits, in this order, pay of a bill that comes to so much without them, of which they may pay so much in all.
pub(super) fn derive_credits(
    services: &Services,
    groups: &mut Groups,
    offers: &[CreditOffer],
    mut most: i128,
) -> Vec<DerivedUse> {
    let (mut services, mut uses) = (services.clone(), Vec::new());
    for offer in offers {
        if uses.len() == MAX_CREDITS {
            break;
        }
        let open = open_for(offer, &services, groups);
        let used = open.values().sum::<i128>().min(offer.remaining.minor()).min(most);
        if used <= 0 {
            continue;
        }
        let shares = shares(used, &open);
        for (tax, share) in &shares {
            *groups.entry(*tax).or_default() -= share;
            let mut rest = *share;
            for ((project, _), left) in services.iter_mut().filter(|((_, of), _)| of == tax) {
                if offer.projects.as_ref().is_some_and(|projects| projects.contains(project.as_str())) {
                    let part = rest.min(*left);
                    rest -= part;
                    *left -= part;
                }
            }
        }
        most -= used;
        let remaining = offer.remaining.minor() - used;
        uses.push(DerivedUse { name: offer.name.clone(), uid: offer.uid, used, remaining, shares });
    }
    uses
}

/// How much the credit may pay of each way of being taxed.
fn open_for(offer: &CreditOffer, services: &Services, groups: &Groups) -> Groups {
    let mut open = Groups::new();
    for (tax, net) in groups {
        let mut most = *net;
        if let Some(projects) = &offer.projects {
            let theirs = services.iter().filter(|((project, of), _)| of == tax && projects.contains(project.as_str()));
            most = most.min(theirs.map(|(_, left)| left).sum());
        }
        if most > 0 {
            open.insert(*tax, most);
        }
    }
    open
}

/// By largest remainder: whole shares first, then one more for each of the largest rests.
fn shares(used: i128, open: &Groups) -> Vec<(Option<TaxGroup>, i128)> {
    let all: BigInt = open.values().copied().map(BigInt::from).sum();
    let mut shares: Vec<(Option<TaxGroup>, i128, BigInt)> = Vec::new();
    for (tax, amount) in open {
        let exact = BigInt::from(used) * *amount;
        let whole = i128::try_from(&exact / &all).unwrap_or(i128::MAX);
        shares.push((*tax, whole, exact % &all));
    }
    let mut missing = used - shares.iter().map(|(_, whole, _)| whole).sum::<i128>();
    while missing > 0 {
        let Some(largest) = (0..shares.len()).rev().max_by(|a, b| shares[*a].2.cmp(&shares[*b].2)) else { break };
        shares[largest].1 += 1;
        shares[largest].2 = BigInt::from(-1);
        missing -= 1;
    }
    shares.into_iter().map(|(tax, share, _)| (tax, share)).filter(|(_, share)| *share != 0).collect()
}

fn is_usable(month: Month, currency: Option<Currency>, offer: &CreditOffer) -> bool {
    let too_late = offer.validity.starts.is_some_and(|starts| starts >= month.end());
    let too_early = offer.validity.expires.is_some_and(|expires| expires <= month.start());
    !too_late && !too_early && Some(offer.remaining.currency()) == currency
}

/// Whether one credit is used before another.
fn precedes(one: &CreditOffer, other: &CreditOffer) -> bool {
    let (a, b) = (one.validity, other.validity);
    match (a.expires, b.expires) {
        (Some(_), None) => return true,
        (None, Some(_)) => return false,
        (a, b) if a != b => return a < b,
        _ => {}
    }
    if a.starts == b.starts { one.name < other.name } else { a.starts < b.starts }
}

impl DerivedUse {
    pub(super) fn items(&self) -> impl Iterator<Item = DerivedItem> {
        self.shares.iter().map(|(tax, share)| DerivedItem {
            notes: Vec::new(),
            kind: LineType::CreditConsumption,
            key: self.name.to_string(),
            tax: *tax,
            total: -share,
        })
    }
}

/// What is to be paid, as derived: what was paid in advance, what is due, and what goes to the next invoice.
pub(super) fn compare_payment(
    month: &GroupMonth<'_>,
    bill: &Bill,
    total: i128,
    offers: &[CreditOffer],
) -> (Option<AuditDifference>, Vec<DerivedUse>) {
    let brought = month.brought_forward.filter(|brought| brought.includes_tax);
    let brought = brought.filter(|brought| Some(brought.amount.currency()) == month.group.currency);
    let mut paid: Vec<(Name, i128)> =
        brought.map(|brought| (brought.invoice.clone(), brought.amount.minor())).into_iter().collect();
    let mut uses = Vec::new();
    for offer in in_order(offers, month.month, month.group.currency, Application::AfterTax) {
        let open = total - paid.iter().map(|(_, amount)| amount).sum::<i128>();
        let used = open.max(0).min(offer.remaining.minor());
        if used > 0 {
            paid.push((offer.name.clone(), used));
            let remaining = offer.remaining.minor() - used;
            uses.push(DerivedUse { name: offer.name.clone(), uid: offer.uid, used, remaining, shares: Vec::new() });
        }
    }
    let prepaid: i128 = paid.iter().map(|(_, amount)| amount).sum();
    let derived = (paid, prepaid, (total - prepaid).max(0), (prepaid > total).then_some(prepaid - total));
    let on_bill: Vec<(Name, i128)> =
        bill.prepayments.iter().map(|one| (one.source.name.clone(), one.amount.minor())).collect();
    let carried = bill.carried_forward.map(|amount| amount.minor());
    let billed = (on_bill, bill.prepaid.minor(), bill.amount_due.minor(), carried);
    let shown = |all: &(Vec<(Name, i128)>, i128, i128, Option<i128>)| format!("{all:?}");
    let difference =
        (billed != derived).then(|| AuditDifference::Payment { billed: shown(&billed), derived: shown(&derived) });
    (difference, uses)
}

/// Whether the bill says of its credits what was derived.
pub(super) fn compare_credits(bill: &Bill, derived: &[DerivedUse]) -> Option<AuditDifference> {
    let billed =
        bill.credits.iter().map(|billed| (&billed.name, billed.uid, billed.used.minor(), billed.remaining.minor()));
    let derived = derived.iter().map(|one| (&one.name, one.uid, one.used, one.remaining));
    let (billed, derived): (Vec<_>, Vec<_>) = (billed.collect(), derived.collect());
    let shown = |uses: &[(&Name, Uid, i128, i128)]| {
        let uses = uses.iter().map(|(name, _, used, remaining)| format!("{used} of {name} ({remaining} left)"));
        uses.collect::<Vec<_>>().join(", ")
    };
    (billed != derived).then(|| AuditDifference::Credits { billed: shown(&billed), derived: shown(&derived) })
}
