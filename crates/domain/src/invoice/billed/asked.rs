//! Which finals are asked about a month.
//!
//! A month is settled by what its final and later ones say of it: so many are looked at, and not all of the organization's.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::by_month::places_in;
use super::{BilledIndex, FinalFacts};
use crate::name::Name;
use crate::time::month::Month;
use crate::uid::Uid;
use crate::work::{Look, count};

impl BilledIndex {
    /// The places of a group's finals, by their month.
    pub(super) fn months_of(&self, group: Uid) -> impl DoubleEndedIterator<Item = (Month, u32)> {
        self.by_month.finals.get(&group).into_iter().flatten().map(|(month, place)| (*month, *place))
    }

    /// The place of a group's final of a month.
    pub(super) fn place_of_month(&self, group: Uid, month: Month) -> Option<u32> {
        self.by_month.finals.get(&group)?.get(&month).copied()
    }

    /// The groups with finals.
    pub fn groups(&self) -> impl Iterator<Item = Uid> {
        self.groups.keys().copied()
    }

    /// A group's oldest final and its youngest.
    pub fn first_and_last_final(&self, group: Uid) -> Option<(&FinalFacts, &FinalFacts)> {
        let known = |(_, place): (Month, u32)| self.finals.get(place as usize)?.as_ref();
        self.months_of(group).find_map(known).zip(self.months_of(group).rev().find_map(known))
    }

    /// A group's final of a month.
    pub fn final_of_month(&self, group: Uid, month: Month) -> Option<&FinalFacts> {
        self.finals.get(self.place_of_month(group, month)? as usize)?.as_ref()
    }

    /// The price lists that a group's final of a month names.
    pub fn price_lists_of(&self, group: Uid, month: Month) -> &[Name] {
        let place = self.place_of_month(group, month).map(|place| place as usize);
        let terms = place.and_then(|place| self.statements[place].terms.as_deref());
        terms.map_or(&[], |terms| &terms.price_lists)
    }

    /// Whether a final of a group names a price list. Cost: a look at each of its finals.
    pub fn names_price_list(&self, group: Uid, list: &str) -> bool {
        let mut months = self.months_of(group);
        months.any(|(month, _)| self.price_lists_of(group, month).iter().any(|name| name.as_str() == list))
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
        let known = places
            .into_iter()
            .inspect(|_| count(Look::Final))
            .filter_map(|on| Some((on as usize, self.finals.get(on as usize)?.as_ref()?)));
        let mut order: Vec<_> = known.map(|(on, facts)| (facts.issued_at, &facts.number, on)).collect();
        order.sort_unstable();
        order.into_iter().map(|(.., on)| on).collect()
    }
}
