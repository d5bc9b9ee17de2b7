//! What the credits of a group pay of a month.

use std::collections::BTreeMap;

use crate::bill::inputs::GroupMonth;
use crate::bill::result::ProjectSubtotal;
use crate::bill::tally::{Overflow, Tally};
use crate::closing::{Hold, HoldReason};
use crate::credit::{CreditOffer, CreditUse, MAX_CREDITS};
use crate::invoice::item::Item;
use crate::invoice::line_type::LineType;
use crate::invoice::source::{Source, SourceKind};
use crate::money::amount::{Currency, Money};
use crate::name::Name;

/// What credits pay of a bill.
pub(super) struct Consumption {
    pub(super) uses: Vec<CreditUse>,
    /// That there are more which could pay.
    pub(super) hold: Option<Hold>,
}

/// Puts on the bill what the group's credits pay of it: the first to expire first, down to zero at most.
pub(super) fn use_credits(
    month: &GroupMonth<'_>,
    projects: &[ProjectSubtotal],
    tally: &mut Tally,
) -> Result<Consumption, Overflow> {
    let mut limits = Limits::new(projects);
    let (mut uses, mut unused) = (Vec::new(), Vec::new());
    for offer in usable(month, tally.currency()) {
        let most = limits.of(offer).min(tally.net().minor()).min(offer.remaining.minor());
        if most <= 0 {
            continue;
        }
        if uses.len() == MAX_CREDITS {
            unused.push(offer);
            continue;
        }
        let used = Money::new(most, tally.currency()).ok_or(Overflow)?;
        let remaining = offer.remaining.checked_sub(used).ok_or(Overflow)?;
        tally.add(item(offer, used, remaining))?;
        limits.take(offer, most);
        uses.push(CreditUse { name: offer.name.clone(), uid: offer.uid, used, remaining });
    }
    Ok(Consumption { uses, hold: too_many(&unused) })
}

/// The credits that an invoice has no room for must not expire unused.
fn too_many(unused: &[&CreditOffer]) -> Option<Hold> {
    let first = unused.first()?;
    let others = match unused.len() - 1 {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    let message = format!(
        "an invoice uses up to {MAX_CREDITS} credits, and {}{others} could pay for this month too; grant one credit for the sum of several, and delete those",
        first.name
    );
    Some(Hold { reason: HoldReason::TooManyCredits, message })
}

/// The credits that the month can use, in the order in which it uses them: expiry, start, name.
fn usable<'a>(month: &GroupMonth<'a>, currency: Currency) -> Vec<&'a CreditOffer> {
    let fits = |offer: &&CreditOffer| offer.remaining.currency() == currency && offer.validity.touches(month.month);
    let mut offers: Vec<_> = month.credits.iter().filter(fits).collect();
    offers.sort_by_key(|offer| {
        let validity = offer.validity;
        (validity.expires.is_none(), validity.expires, validity.starts, &offer.name)
    });
    offers
}

/// What is left of projects' services for credits that are limited to projects, in minor units.
struct Limits<'a>(BTreeMap<&'a Name, i128>);

impl<'a> Limits<'a> {
    fn new(projects: &'a [ProjectSubtotal]) -> Self {
        Limits(projects.iter().map(|listed| (&listed.project, listed.subtotal.minor())).collect())
    }

    /// How much the credit may pay.
    fn of(&self, offer: &CreditOffer) -> i128 {
        let Some(projects) = &offer.projects else { return i128::MAX };
        projects.iter().filter_map(|project| self.0.get(project)).sum()
    }

    /// A credit that is limited to projects pays for them by name, one after the other.
    fn take(&mut self, offer: &CreditOffer, mut used: i128) {
        for project in offer.projects.iter().flatten() {
            let Some(left) = self.0.get_mut(project) else { continue };
            let part = used.min(*left);
            *left -= part;
            used -= part;
        }
    }
}

/// The line of a credit that is used.
fn item(offer: &CreditOffer, used: Money, remaining: Money) -> Item {
    let CreditOffer { name, kind, .. } = offer;
    Item {
        kind: LineType::CreditConsumption,
        key: String::new(),
        project: None,
        period: None,
        pre_discount: None,
        total: used.negated(),
        description: format!("{name}: credit ({kind}), {remaining} {} remain", remaining.currency()),
        source: Source { kind: SourceKind::Credit, name: name.clone(), uid: offer.uid },
        adjustment: None,
    }
}
