//! The second derivation of what credits pay.

use std::collections::BTreeMap;

use super::derived::Derived;
use super::difference::AuditDifference;
use super::items::DerivedItem;
use crate::bill::inputs::GroupMonth;
use crate::bill::result::Bill;
use crate::credit::CreditOffer;
use crate::credit::MAX_CREDITS;
use crate::invoice::line_type::LineType;
use crate::name::Name;
use crate::uid::Uid;

/// What is used of a credit as derived, in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DerivedUse {
    name: Name,
    uid: Uid,
    used: i128,
    remaining: i128,
}

/// What credits pay of a bill that comes to `net` minor units without them: the first in the order of use pays as much as
/// it can, and so on with the rest.
pub(super) fn derive_credits(month: &GroupMonth<'_>, derived: &Derived, mut net: i128) -> Vec<DerivedUse> {
    let mut services: BTreeMap<&Name, i128> = BTreeMap::new();
    for (key, charge) in &derived.charges {
        *services.entry(&key.project).or_default() += charge.total;
    }
    let mut offers: Vec<&CreditOffer> = month.credits.iter().filter(|offer| is_usable(month, offer)).collect();
    let mut uses = Vec::new();
    while net > 0 && uses.len() < MAX_CREDITS {
        let Some(first) = (0..offers.len()).reduce(|a, b| if precedes(offers[b], offers[a]) { b } else { a }) else {
            break;
        };
        let offer = offers.swap_remove(first);
        let used = match &offer.projects {
            None => net.min(offer.remaining.minor()),
            Some(projects) => {
                let mut open = net.min(offer.remaining.minor());
                let before = open;
                for (_, remaining) in services.iter_mut().filter(|(project, _)| projects.contains(project.as_str())) {
                    let part = open.min(*remaining);
                    open -= part;
                    *remaining -= part;
                }
                before - open
            }
        };
        if used > 0 {
            let remaining = offer.remaining.minor() - used;
            uses.push(DerivedUse { name: offer.name.clone(), uid: offer.uid, used, remaining });
            net -= used;
        }
    }
    uses
}

fn is_usable(month: &GroupMonth<'_>, offer: &CreditOffer) -> bool {
    let too_late = offer.validity.starts.is_some_and(|starts| starts >= month.month.end());
    let too_early = offer.validity.expires.is_some_and(|expires| expires <= month.month.start());
    !too_late && !too_early && Some(offer.remaining.currency()) == month.group.currency
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
    pub(super) fn item(&self) -> DerivedItem {
        DerivedItem { kind: LineType::CreditConsumption, key: self.name.to_string(), total: -self.used }
    }
}

/// Whether the bill says of its credits what was derived.
pub(super) fn compare_credits(bill: &Bill, derived: &[DerivedUse]) -> Option<AuditDifference> {
    let on_bill: Vec<_> = bill
        .credits
        .iter()
        .map(|billed| DerivedUse {
            name: billed.name.clone(),
            uid: billed.uid,
            used: billed.used.minor(),
            remaining: billed.remaining.minor(),
        })
        .collect();
    let shown = |uses: &[DerivedUse]| {
        let uses = uses.iter().map(|one| format!("{} of {} ({} left)", one.used, one.name, one.remaining));
        uses.collect::<Vec<_>>().join(", ")
    };
    (on_bill != derived).then(|| AuditDifference::Credits { billed: shown(&on_bill), derived: shown(derived) })
}
