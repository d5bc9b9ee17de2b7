//! Where finals are found that say something of a month.
//!
//! A month is settled by what its final and later ones say of it: so many are looked at, and not all of the organization's.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use super::{BilledIndex, FinalFacts};
use crate::invoice::statement::{About, FinalStatement};
use crate::time::month::Month;
use crate::uid::Uid;

/// The places of finals, by what they say something of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ByMonth {
    /// The finals of a group, by their month.
    finals: HashMap<Uid, BTreeMap<Month, u32>>,
    /// The finals of a group that say something of one of its months: of their own, of late usage, of a part that they adjust.
    own: HashMap<Uid, BTreeMap<Month, BTreeSet<u32>>>,
    /// Those of any group that correct something of a month that a final before billed.
    correcting: BTreeMap<Month, BTreeSet<u32>>,
}

impl ByMonth {
    /// A final stands at a place and says this. The same again changes nothing.
    pub(super) fn insert(&mut self, on: u32, facts: &FinalFacts, statement: &FinalStatement) {
        self.finals.entry(facts.group).or_default().entry(facts.month).or_insert(on);
        let own = self.own.entry(facts.group).or_default();
        own.entry(facts.month).or_default().insert(on);
        let services = statement.services.keys().map(|key| key.about);
        for about in services.chain(statement.parts.iter().map(|part| part.about)) {
            match about {
                About::Own(month) => own.entry(month).or_default().insert(on),
                About::Of(_, month) => self.correcting.entry(month).or_default().insert(on),
            };
        }
        for refill in &statement.refills {
            own.entry(refill.month).or_default().insert(on);
        }
    }
}

/// The places by months of a range, which may be empty.
fn places_in(by_month: &BTreeMap<Month, BTreeSet<u32>>, months: &RangeInclusive<Month>) -> impl Iterator<Item = u32> {
    let range = (!months.is_empty()).then(|| by_month.range(months.clone()));
    range.into_iter().flatten().flat_map(|(_, places)| places).copied()
}

impl BilledIndex {
    /// The places of a group's finals, by their month.
    pub(super) fn months_of(&self, group: Uid) -> impl DoubleEndedIterator<Item = (Month, u32)> {
        self.by_month.finals.get(&group).into_iter().flatten().map(|(month, place)| (*month, *place))
    }

    /// The place of a group's final of a month.
    pub(super) fn place_of_month(&self, group: Uid, month: Month) -> Option<u32> {
        self.by_month.finals.get(&group)?.get(&month).copied()
    }

    /// A group's final of a month.
    pub fn final_of_month(&self, group: Uid, month: Month) -> Option<&FinalFacts> {
        self.finals.get(self.place_of_month(group, month)? as usize)?.as_ref()
    }

    /// The finals of a group that say something of its own in these months, in the order in which they were made.
    pub(super) fn saying(&self, group: Uid, months: RangeInclusive<Month>) -> Vec<usize> {
        let own = self.by_month.own.get(&group);
        self.in_order_of_issue(own.into_iter().flat_map(|own| places_in(own, &months)).collect())
    }

    /// The finals of any group that correct something of these months, in the order in which they were made.
    pub(super) fn correcting(&self, months: RangeInclusive<Month>) -> Vec<usize> {
        self.in_order_of_issue(places_in(&self.by_month.correcting, &months).collect())
    }

    /// All finals that say something of these months of a group, in the order in which they were made: more than that, but not many.
    pub(super) fn saying_or_correcting(&self, group: Uid, months: RangeInclusive<Month>) -> Vec<usize> {
        let own = self.by_month.own.get(&group);
        let places = own.into_iter().chain([&self.by_month.correcting]).flat_map(|by| places_in(by, &months));
        self.in_order_of_issue(places.collect())
    }

    /// The places of all finals that correct something of an earlier one.
    pub(super) fn all_correcting(&self) -> BTreeSet<u32> {
        self.by_month.correcting.values().flatten().copied().collect()
    }

    fn in_order_of_issue(&self, places: BTreeSet<u32>) -> Vec<usize> {
        let known = places.into_iter().filter_map(|on| Some((on as usize, self.finals.get(on as usize)?.as_ref()?)));
        let mut order: Vec<_> = known.map(|(on, facts)| (facts.issued_at, &facts.number, on)).collect();
        order.sort_unstable();
        order.into_iter().map(|(.., on)| on).collect()
    }
}
