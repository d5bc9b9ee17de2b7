//! Where finals are found that say something of a month.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use crate::invoice::statement::{About, FinalStatement};
use crate::time::month::Month;
use crate::uid::Uid;

/// The places of finals, by what they say something of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ByMonth {
    /// The finals of a group, by their month.
    pub(super) finals: HashMap<Uid, BTreeMap<Month, u32>>,
    /// The finals of a group that say something of one of its months: of their own, of late usage, of a part that they adjust.
    pub(super) own: HashMap<Uid, BTreeMap<Month, BTreeSet<u32>>>,
    /// Those of any group that correct something of a month that a final before billed, or settle the month of a group that is gone.
    pub(super) correcting: BTreeMap<Month, BTreeSet<u32>>,
}

impl ByMonth {
    /// A final stands at a place and says this. The same again changes nothing.
    pub(super) fn insert(&mut self, on: u32, (group, month): (Uid, Month), statement: &FinalStatement) {
        self.finals.entry(group).or_default().entry(month).or_insert(on);
        let own = self.own.entry(group).or_default();
        own.entry(month).or_default().insert(on);
        let services = statement.services.keys().map(|key| key.about);
        for about in services.chain(statement.parts.iter().map(|part| part.about)) {
            match about {
                About::Own(month) => own.entry(month).or_default().insert(on),
                About::Succeeded(_, month) | About::Of(_, month) => {
                    self.correcting.entry(month).or_default().insert(on)
                }
            };
        }
        for refill in statement.refills.iter().filter(|refill| refill.closed_by.is_none()) {
            own.entry(refill.month).or_default().insert(on);
        }
    }
}

/// The places by months of a range, which may be empty.
pub(super) fn places_in(
    by_month: &BTreeMap<Month, BTreeSet<u32>>,
    months: &RangeInclusive<Month>,
) -> impl Iterator<Item = u32> {
    let range = (!months.is_empty()).then(|| by_month.range(months.clone()));
    range.into_iter().flatten().flat_map(|(_, places)| places).copied()
}
