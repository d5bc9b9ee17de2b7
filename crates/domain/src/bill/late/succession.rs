//! Months that a group closed which is gone.
//!
//! Its successor settles them in its place, each as a whole: by the terms that the final recorded, against what documents say of
//! that month. So records and all that follows from them go to one group, whoever pays for the projects since.
//!
//! Credits of the group that is gone pay no more than they paid. What of that is no longer due goes back to the successor.

use crate::bill::inputs::{ClosedMonths, FormerPrices, GroupMonth, NO_SUCCESSIONS, Succession};
use crate::bill::records::BilledUsage;
use crate::credit::CreditOffer;
use crate::invoice::source::{Source, SourceKind};
use crate::money::amount::Money;
use crate::name::Name;
use crate::tenancy::group::Group;
use crate::time::month::Month;
use crate::uid::Uid;

impl BilledUsage<'_> {
    /// The groups that are gone and that this one succeeds, by name and UID, each with those of the closed months of which it has a
    /// final. It is asked about the price lists and the credits of each.
    pub fn successions(
        &self,
        successor: &Group,
        closed: &ClosedMonths,
        with: impl Fn(&Group, &ClosedMonths) -> (FormerPrices, Vec<CreditOffer>),
    ) -> Vec<Succession> {
        let gone = self.billed.groups().filter(|uid| self.organization.group(*uid).is_none());
        let mut succeeded = self.closed_by_gone(successor, gone, closed);
        let is_ours = |uid, month: &Month| self.succeeds(successor, uid, *month);
        succeeded.iter_mut().for_each(|(group, closed)| closed.retain(|month, _| is_ours(group.uid, month)));
        made(succeeded, with)
    }

    /// Those of these groups that are gone, whoever succeeds them now.
    pub fn successions_of(
        &self,
        successor: &Group,
        gone: impl Iterator<Item = Uid>,
        closed: &ClosedMonths,
        with: impl Fn(&Group, &ClosedMonths) -> (FormerPrices, Vec<CreditOffer>),
    ) -> Vec<Succession> {
        made(self.closed_by_gone(successor, gone, closed), with)
    }

    /// Groups that are gone, by name and UID, with those of the months that they closed in the successor's currency.
    fn closed_by_gone(
        &self,
        successor: &Group,
        gone: impl Iterator<Item = Uid>,
        closed: &ClosedMonths,
    ) -> Vec<(Group, ClosedMonths)> {
        let mut groups: Vec<Group> = gone.filter_map(|uid| self.as_its_finals_have_it(uid, successor)).collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.uid.cmp(&b.uid)));
        let months_of = |group: &Group| {
            let is_its = |month: &Month| {
                let closed = self.billed.final_of_month(group.uid, *month);
                closed.is_some_and(|closed| successor.currency == Some(closed.currency))
            };
            closed
                .iter()
                .filter(|(month, _)| is_its(month))
                .map(|(month, attribution)| (*month, *attribution))
                .collect()
        };
        groups.into_iter().map(|group| (months_of(&group), group)).map(|(closed, group)| (group, closed)).collect()
    }

    fn as_its_finals_have_it(&self, gone: Uid, successor: &Group) -> Option<Group> {
        let (first, last) = self.billed.first_and_last_final(gone)?;
        Some(Group {
            name: last.group_name.clone(),
            uid: gone,
            deleted: None,
            primary: false,
            allowed: None,
            first_period: first.month,
            ..successor.clone()
        })
    }

    fn succeeds(&self, successor: &Group, gone: Uid, month: Month) -> bool {
        let closed = self.billed.final_of_month(gone, month);
        let found = closed.and_then(|closed| self.organization.successor_in(closed.currency, closed.issuer.as_ref()));
        found.is_some_and(|found| found.uid == successor.uid)
    }
}

fn made(
    succeeded: Vec<(Group, ClosedMonths)>,
    with: impl Fn(&Group, &ClosedMonths) -> (FormerPrices, Vec<CreditOffer>),
) -> Vec<Succession> {
    let nothing_left = |offer: CreditOffer| {
        let remaining = Money::zero(offer.remaining.currency());
        CreditOffer { remaining, ..offer }
    };
    let succession = |(group, closed): (Group, ClosedMonths)| {
        let (former_prices, credits) = with(&group, &closed);
        Succession { group, closed, former_prices, credits: credits.into_iter().map(nothing_left).collect() }
    };
    succeeded.into_iter().filter(|(_, closed)| !closed.is_empty()).map(succession).collect()
}

impl<'a> GroupMonth<'a> {
    /// The same document's bill of the months of a group that is gone.
    pub(crate) fn succeeding(&self, succession: &'a Succession) -> GroupMonth<'a> {
        let Succession { group, closed, former_prices, credits } = succession;
        let (successions, brought_forward) = (NO_SUCCESSIONS, None);
        GroupMonth { group, closed, former_prices, credits, successions, brought_forward, ..*self }
    }

    /// The final with which a group that is gone closed the month; `None` for one that is there.
    pub(crate) fn closed_by(&self) -> Option<Name> {
        let is_gone = self.organization.group(self.group.uid).is_none();
        let closed = self.billed.final_of_month(self.group.uid, self.month).filter(|_| is_gone);
        closed.map(|closed| closed.number.clone())
    }

    /// The group as what it agreed names it.
    pub(crate) fn source(&self) -> Source {
        Source { kind: SourceKind::BillingGroup, name: self.group.name.clone(), uid: self.group.uid }
    }
}
