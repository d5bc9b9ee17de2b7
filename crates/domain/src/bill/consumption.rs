//! What the credits of a group pay of a month.
//!
//! A credit reduces what is taxed. Where lines are taxed in different ways, it pays of each in proportion to what is left of it.

use std::collections::BTreeMap;

use crate::bill::tally::{Overflow, Tally};
use crate::catalog::tax_rule::TaxGroup;
use crate::closing::{Hold, HoldReason};
use crate::credit::{Application, CreditOffer, CreditUse, MAX_CREDITS};
use crate::invoice::item::Item;
use crate::invoice::line_type::LineType;
use crate::invoice::service_sum::ServiceSum;
use crate::invoice::source::{Source, SourceKind};
use crate::money::amount::{Currency, Money};
use crate::money::share::share_out;
use crate::name::Name;
use crate::time::month::Month;

/// What credits pay of a bill.
#[derive(Debug)]
pub(super) struct Consumption {
    pub(super) uses: Vec<CreditUse>,
    /// That there are more which could pay.
    pub(super) hold: Option<Hold>,
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

/// How much credits pay at most, all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CreditLimit {
    /// As much as there is to pay.
    Unlimited,
    /// So many minor units.
    Most(i128),
}

/// The credits that a month can use, in the order in which it uses them: expiry, start, name.
pub(super) fn usable(credits: &[CreditOffer], month: Month, currency: Currency) -> Vec<&CreditOffer> {
    let fits = |offer: &&CreditOffer| offer.remaining.currency() == currency && offer.validity.touches(month);
    let mut offers: Vec<_> = credits.iter().filter(fits).collect();
    offers.sort_by_key(|offer| {
        let validity = offer.validity;
        (validity.expires.is_none(), validity.expires, validity.starts, &offer.name)
    });
    offers
}

/// Those of them that reduce what is taxed.
pub(super) fn before_tax(credits: &[CreditOffer], month: Month, currency: Currency) -> Vec<&CreditOffer> {
    let mut offers = usable(credits, month, currency);
    offers.retain(|offer| offer.application == Application::BeforeTax);
    offers
}

/// Puts on the bill what credits, in this order, pay of it, down to zero at most.
pub(super) fn use_credits(
    services: &[ServiceSum],
    credits: &[&CreditOffer],
    limit: CreditLimit,
    general: Option<TaxGroup>,
    tally: &mut Tally,
) -> Result<Consumption, Overflow> {
    let mut unpaid = Unpaid::new(services);
    let mut left_in_all = match limit {
        CreditLimit::Unlimited => i128::MAX,
        CreditLimit::Most(most) => most,
    };
    let (mut uses, mut unused) = (Vec::new(), Vec::new());
    for offer in credits {
        let payable = unpaid.payable_by(offer, tally);
        let all: i128 = payable.iter().map(|(_, amount)| amount).sum();
        let amount = all.min(offer.remaining.minor()).min(left_in_all);
        if amount <= 0 {
            continue;
        }
        if uses.len() == MAX_CREDITS {
            unused.push(*offer);
            continue;
        }
        let used = Money::new(amount, tally.currency()).ok_or(Overflow)?;
        let remaining = offer.remaining.checked_sub(used).ok_or(Overflow)?;
        let weights: Vec<i128> = payable.iter().map(|(_, amount)| *amount).collect();
        for ((tax, _), share) in payable.iter().zip(share_out(amount, &weights)).filter(|(_, share)| *share > 0) {
            let share_of = Money::new(share, tally.currency()).ok_or(Overflow)?;
            tally.add(item(offer, share_of, remaining, *tax, *tax != general))?;
            unpaid.take(offer, *tax, share);
        }
        left_in_all -= amount;
        uses.push(CreditUse { name: offer.name.clone(), uid: offer.uid, used, remaining });
    }
    Ok(Consumption { uses, hold: too_many(&unused) })
}

/// What is left of projects' services for credits that are limited to projects, by what is taxed alike, in minor units.
struct Unpaid<'a>(BTreeMap<Option<TaxGroup>, BTreeMap<&'a Name, i128>>);

impl<'a> Unpaid<'a> {
    fn new(services: &'a [ServiceSum]) -> Self {
        let mut unpaid: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for sum in services {
            *unpaid.entry(sum.tax).or_default().entry(&sum.project).or_default() += sum.total.minor();
        }
        Unpaid(unpaid)
    }

    /// How much of what the credit may pay, by what is taxed alike: of what the bill comes to, no more than services of its projects.
    fn payable_by(&self, offer: &CreditOffer, tally: &Tally) -> Vec<(Option<TaxGroup>, i128)> {
        let of = |(tax, net): (&Option<TaxGroup>, &i128)| {
            let services = offer.projects.as_ref().map(|projects| {
                let of_group = self.0.get(tax);
                projects.iter().filter_map(|project| of_group?.get(project)).sum::<i128>()
            });
            let most = services.map_or(*net, |services| services.min(*net));
            (most > 0).then_some((*tax, most))
        };
        tally.groups().iter().filter_map(of).collect()
    }

    /// A credit that is limited to projects pays for them by name, one after the other.
    fn take(&mut self, offer: &CreditOffer, tax: Option<TaxGroup>, mut used: i128) {
        let Some(of_group) = self.0.get_mut(&tax) else { return };
        for project in offer.projects.iter().flatten() {
            let Some(left) = of_group.get_mut(project) else { continue };
            let part = used.min(*left);
            *left -= part;
            used -= part;
        }
    }
}

/// The line of a credit that is used.
fn item(offer: &CreditOffer, used: Money, remaining: Money, tax: Option<TaxGroup>, is_share: bool) -> Item {
    let CreditOffer { name, kind, .. } = offer;
    Item {
        kind: LineType::CreditConsumption,
        key: String::new(),
        project: None,
        period: None,
        pre_discount: None,
        total: used.negated(),
        tax,
        is_share,
        description: format!("{name}: credit ({kind}), {remaining} {} remain", remaining.currency()),
        source: Source { kind: SourceKind::Credit, name: name.clone(), uid: offer.uid },
        adjustment: None,
    }
}
