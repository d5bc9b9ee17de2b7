//! Price lists: which price a service has at an instant.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use thiserror::Error;

use crate::catalog::spelling::{Misspelling, Spellings};
use crate::catalog::unit_price::{Unit, UnitPrice};
use crate::money::amount::{Currency, Money, round_half_away};
use crate::money::ratio::Ratio;
use crate::name::Name;
use crate::time::month::Month;
use crate::time::period::{Period, Timestamp};
use crate::uid::Uid;
use crate::usage::Service;

/// One price with the time of its validity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceEntry {
    /// The list that it is of; whoever indexes it says which.
    pub list: Name,
    /// The entry's name in its list.
    pub name: Name,
    /// The type of service.
    pub kind: Name,
    /// Only this plan; `None` for any.
    pub plan: Option<Name>,
    /// Only this cloud; `None` for any.
    pub cloud: Option<Name>,
    /// What it costs, in the list's currency.
    pub price: UnitPrice,
    /// The first instant at which it is valid.
    pub valid_from: Timestamp,
    /// The first instant at which it no longer is; `None` for ever.
    pub valid_until: Option<Timestamp>,
}

/// Which entry of which list: names are unique within one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryKey {
    /// The name of the list.
    pub list: Name,
    /// The name of the entry.
    pub entry: Name,
}

impl PriceEntry {
    /// Which one it is.
    pub fn key(&self) -> EntryKey {
        EntryKey { list: self.list.clone(), entry: self.name.clone() }
    }

    fn until(&self) -> Timestamp {
        self.valid_until.unwrap_or(Timestamp::MAX_UTC)
    }

    /// Why it cannot be used by itself.
    fn fault(&self) -> Option<PriceListError> {
        let entry = || self.name.clone();
        if self.until() <= self.valid_from {
            return Some(PriceListError::NeverValid { entry: entry() });
        }
        let scale = self.price.scale.as_ref()?;
        let is_whole = |instant: Timestamp| Month::of(instant).start() == instant;
        if !is_whole(self.valid_from) || !self.valid_until.is_none_or(is_whole) {
            return Some(PriceListError::PartOfMonth { entry: entry() });
        }
        (!scale.is_in_order()).then(|| PriceListError::Tiers { entry: entry() })
    }
}

/// Why entries are no price list.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PriceListError {
    /// Two entries for the same thing at the same time.
    #[error(
        "the entries {first} and {second} are equally specific and both valid at {}; end one of them with validUntil",
        at.format("%FT%TZ")
    )]
    Overlap {
        /// The entry that begins earlier.
        first: Name,
        /// The other one.
        second: Name,
        /// The first instant at which both are valid.
        at: Timestamp,
    },
    /// An entry that ends before it begins.
    #[error("the entry {entry} is never valid: validUntil is not after validFrom")]
    NeverValid {
        /// Its name.
        entry: Name,
    },
    /// An entry of which a part of a month has the price, and whole months must.
    #[error("the entry {entry}: a price with tiers or roundUp begins and ends with a month")]
    PartOfMonth {
        /// Its name.
        entry: Name,
    },
    /// An entry whose tiers are none.
    #[error("the entry {entry}: its tiers must follow each other, and the last one has no upTo")]
    Tiers {
        /// Its name.
        entry: Name,
    },
    /// An entry that says something which does not go with its unit.
    #[error("the entry {entry}: {field} is for prices by the {unit}")]
    Unfit {
        /// Its name.
        entry: Name,
        /// The field, as in the manifest.
        field: &'static str,
        /// The unit that has such.
        unit: &'static str,
    },
    /// An entry of which something cannot be read.
    #[error("{path}: {text:?} is no price")]
    Unreadable {
        /// The field, as in the manifest.
        path: String,
        /// What it holds.
        text: String,
    },
}

/// Entries equally specific for the same thing: in order of time, not overlapping.
type Timeline = Vec<Arc<PriceEntry>>;

/// The entries for one type of service, by how specific they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Entries {
    plan_and_cloud: HashMap<Name, HashMap<Name, Timeline>>,
    plan: HashMap<Name, Timeline>,
    cloud: HashMap<Name, Timeline>,
    any: Timeline,
    /// The plans and clouds that entries name.
    plans: Spellings,
    clouds: Spellings,
}

/// A price list, indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceList {
    name: Name,
    uid: Uid,
    generation: i64,
    currency: Currency,
    by_kind: HashMap<Name, Entries>,
    /// The types of service that it has entries for.
    kinds: Spellings,
    /// Whether what comes together in a month matters to any of them.
    has_scales: bool,
    /// The types of which an entry cannot be used, and why: nobody knows what they cost.
    unusable: BTreeMap<Name, PriceListError>,
}

/// How many lists one after another are asked for a price.
pub(super) const MAX_LISTS: usize = 4;

/// The entries of a list that can apply to one service, the most specific first.
pub(super) type Levels<'a> = [&'a [Arc<PriceEntry>]; 4];

/// The entries that can apply to one service: those of one list after another, of each the most specific first.
#[derive(Debug, Clone, Copy)]
pub struct Tariff<'a> {
    levels: [Levels<'a>; MAX_LISTS],
}

/// Which words of a service no list of several knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnknownWords {
    pub(super) kind: bool,
    pub(super) plan: bool,
    pub(super) cloud: bool,
}

impl PriceList {
    /// Indexes the entries, in whatever order they come.
    ///
    /// # Errors
    /// Two equally specific entries that overlap in time, or one that is never valid.
    pub fn new(
        name: Name,
        uid: Uid,
        generation: i64,
        currency: Currency,
        entries: Vec<PriceEntry>,
    ) -> Result<Self, PriceListError> {
        let list = Self::by_type(name, uid, generation, currency, entries, BTreeMap::new());
        match list.unusable.values().next() {
            Some(error) => Err(error.clone()),
            None => Ok(list),
        }
    }

    /// Indexes the entries, and those of types of which each can be used: a type with a slip in one of its entries has no price,
    /// all others have theirs. `unreadable` has the types of which an entry could not be read.
    pub fn by_type(
        name: Name,
        uid: Uid,
        generation: i64,
        currency: Currency,
        entries: Vec<PriceEntry>,
        unreadable: BTreeMap<Name, PriceListError>,
    ) -> Self {
        let (mut by_kind, mut unusable): (HashMap<Name, Entries>, _) = (HashMap::new(), unreadable);
        let mut has_scales = false;
        for entry in entries {
            let (list, price) = (name.clone(), entry.price.normalized());
            let (kind, entry) = (entry.kind.clone(), PriceEntry { list, price, ..entry });
            has_scales |= entry.price.scale.is_some();
            let inserted = match entry.fault() {
                Some(error) => Err(error),
                None => insert(by_kind.entry(kind.clone()).or_default().timeline_of(&entry), Arc::new(entry)),
            };
            if let Err(error) = inserted {
                unusable.entry(kind).or_insert(error);
            }
        }
        by_kind.retain(|kind, _| !unusable.contains_key(kind));
        let mut kinds = Spellings::default();
        by_kind.keys().for_each(|kind| kinds.add(kind));
        PriceList { name, uid, generation, currency, by_kind, kinds, has_scales, unusable }
    }

    /// Whether what comes together in a month matters to any of its prices.
    pub fn has_scales(&self) -> bool {
        self.has_scales
    }

    /// Why a type of service has no price: one of its entries cannot be used.
    pub fn unusable(&self, kind: &str) -> Option<&PriceListError> {
        self.unusable.get(kind)
    }

    /// The types of service of which an entry cannot be used, and why.
    pub fn unusable_types(&self) -> impl Iterator<Item = (&Name, &PriceListError)> {
        self.unusable.iter()
    }

    /// The list's name.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The list's UID.
    pub fn uid(&self) -> Uid {
        self.uid
    }

    /// The generation of the list as it was read: it counts the changes of its spec.
    pub fn generation(&self) -> i64 {
        self.generation
    }

    /// What its prices are in.
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The entries whose price by the unit is nothing once it is rounded, in no particular order: what is recorded unit by unit is
    /// free.
    pub fn small_prices(&self) -> impl Iterator<Item = &PriceEntry> {
        let is_small = |entry: &&PriceEntry| {
            let rounded = round_half_away(&Ratio::from(entry.price.amount), self.currency);
            entry.price.unit == Unit::Unit
                && entry.price.scale.is_none()
                && !entry.price.amount.is_zero()
                && rounded.is_some_and(Money::is_zero)
        };
        self.by_kind.keys().flat_map(|kind| self.entries_for(kind)).filter(is_small)
    }

    /// The types of service that it has entries for.
    #[cfg(test)]
    pub(crate) fn types(&self) -> impl Iterator<Item = &Name> {
        self.by_kind.keys().chain(self.unusable.keys())
    }

    /// All entries for a type of service, in no particular order.
    pub fn entries_for(&self, kind: &str) -> impl Iterator<Item = &PriceEntry> {
        self.by_kind.get(kind).into_iter().flat_map(|entries| {
            let Entries { plan_and_cloud, plan, cloud, any, .. } = entries;
            let timelines = plan_and_cloud.values().flat_map(HashMap::values).chain(plan.values());
            timelines.chain(cloud.values()).flatten().chain(any).map(Arc::as_ref)
        })
    }

    /// The entries that can apply to a service; `None` where one for its type cannot be used: nobody knows what it costs.
    pub(super) fn levels(&self, service: &Service) -> Option<Levels<'_>> {
        if self.unusable.contains_key(&service.kind) {
            return None;
        }
        let Some(entries) = self.by_kind.get(&service.kind) else { return Some([&[]; 4]) };
        let plan = service.plan.as_ref();
        let cloud = service.cloud.as_ref();
        let both = plan.and_then(|plan| entries.plan_and_cloud.get(plan)).zip(cloud);
        Some([
            both.and_then(|(clouds, cloud)| clouds.get(cloud)).map_or(&[], Vec::as_slice),
            plan.and_then(|plan| entries.plan.get(plan)).map_or(&[], Vec::as_slice),
            cloud.and_then(|cloud| entries.cloud.get(cloud)).map_or(&[], Vec::as_slice),
            &entries.any,
        ])
    }
}

impl PriceList {
    /// Whether it has entries for a type of service, written so.
    pub(super) fn has_type(&self, kind: &str) -> bool {
        self.by_kind.contains_key(kind) || self.unusable.contains_key(kind)
    }

    /// The type of service that it has entries for, and that another, which it has none for, differs from only by letter case or
    /// Unicode form.
    pub(super) fn type_like(&self, kind: &str) -> Option<&Name> {
        self.kinds.like(kind)
    }

    /// Whether an entry for a type of service names a plan, written so.
    pub(super) fn has_plan(&self, kind: &str, plan: &str) -> bool {
        self.by_kind.get(kind).is_some_and(|entries| entries.plans.has(plan))
    }

    /// Whether an entry for a type of service names a cloud, written so.
    pub(super) fn has_cloud(&self, kind: &str, cloud: &str) -> bool {
        self.by_kind.get(kind).is_some_and(|entries| entries.clouds.has(cloud))
    }

    /// A service as the list spells it, and the first word of it that it spells in another way: of those that no list knows, one
    /// that differs from one that an entry has only by letter case or Unicode form.
    ///
    /// Cost: looks at the words; one that no entry has is folded where entries have others in its place.
    pub(super) fn respelled(&self, service: &Service, unknown: UnknownWords) -> Option<(Misspelling, Service)> {
        let (mut first, mut meant) = (None, None);
        let mut correct = |field, written: &Name, known: &Name| {
            let (written, known, list) = (written.clone(), known.clone(), self.name.clone());
            first.get_or_insert(Misspelling { list, field, written, known: known.clone() });
            known
        };
        let mut kind = &service.kind;
        if unknown.kind {
            kind = self.type_like(kind)?;
            meant.get_or_insert_with(|| service.clone()).kind = correct("type", &service.kind, kind);
        }
        let entries = self.by_kind.get(kind)?;
        let plan = service.plan.as_ref().filter(|_| unknown.plan);
        if let Some((written, known)) = plan.and_then(|plan| Some((plan, entries.plans.like(plan)?))) {
            meant.get_or_insert_with(|| service.clone()).plan = Some(correct("plan", written, known));
        }
        let cloud = service.cloud.as_ref().filter(|_| unknown.cloud);
        if let Some((written, known)) = cloud.and_then(|cloud| Some((cloud, entries.clouds.like(cloud)?))) {
            meant.get_or_insert_with(|| service.clone()).cloud = Some(correct("cloud", written, known));
        }
        first.zip(meant)
    }

    /// Whether it knows of other spellings.
    pub(crate) fn tells_spellings(&self) -> bool {
        self.kinds != Spellings::default()
    }

    /// The list as it is written: one that knows of no other spelling. A final was made of what it has so.
    #[must_use]
    pub fn as_written(&self) -> Self {
        let mut list = PriceList { kinds: Spellings::default(), ..self.clone() };
        for entries in list.by_kind.values_mut() {
            (entries.plans, entries.clouds) = Default::default();
        }
        list
    }
}

impl Entries {
    fn timeline_of(&mut self, entry: &PriceEntry) -> &mut Timeline {
        entry.plan.iter().for_each(|plan| self.plans.add(plan));
        entry.cloud.iter().for_each(|cloud| self.clouds.add(cloud));
        match (&entry.plan, &entry.cloud) {
            (Some(plan), Some(cloud)) => {
                self.plan_and_cloud.entry(plan.clone()).or_default().entry(cloud.clone()).or_default()
            }
            (Some(plan), None) => self.plan.entry(plan.clone()).or_default(),
            (None, Some(cloud)) => self.cloud.entry(cloud.clone()).or_default(),
            (None, None) => &mut self.any,
        }
    }
}

fn insert(timeline: &mut Timeline, entry: Arc<PriceEntry>) -> Result<(), PriceListError> {
    let at = timeline.partition_point(|other| other.valid_from < entry.valid_from);
    let overlap = |first: &PriceEntry, second: &PriceEntry| PriceListError::Overlap {
        first: first.name.clone(),
        second: second.name.clone(),
        at: second.valid_from,
    };
    if let Some(before) = at.checked_sub(1).map(|before| &timeline[before])
        && before.until() > entry.valid_from
    {
        return Err(overlap(before, &entry));
    }
    if let Some(after) = timeline.get(at)
        && entry.until() > after.valid_from
    {
        return Err(overlap(&entry, after));
    }
    timeline.insert(at, entry);
    Ok(())
}

impl<'a> Tariff<'a> {
    /// The entries of lists, in the order of the lists.
    pub(super) fn of(lists: impl Iterator<Item = Levels<'a>>) -> Self {
        let mut levels: [Levels<'a>; MAX_LISTS] = [[&[]; 4]; MAX_LISTS];
        levels.iter_mut().zip(lists).for_each(|(place, list)| *place = list);
        Tariff { levels }
    }

    /// The most specific entry valid at an instant, of the first list that has one.
    pub fn at(&self, instant: Timestamp) -> Option<&'a Arc<PriceEntry>> {
        self.levels.iter().flatten().find_map(|level| valid_at(level, instant))
    }

    /// The prices of running time in a period, by the hour or the month, cut where the price changes, in order of time.
    /// `None` where there is none.
    pub fn running(self, period: Period) -> impl Iterator<Item = (Period, Option<&'a Arc<PriceEntry>>)> {
        self.pieces(period, |entry| entry.price.unit != Unit::Unit)
    }

    /// The prices in a period, whatever they are for, cut where the price changes, in order of time. `None` where there is none.
    pub fn applying(self, period: Period) -> impl Iterator<Item = (Period, Option<&'a Arc<PriceEntry>>)> {
        self.pieces(period, |_| true)
    }

    fn pieces(
        self,
        period: Period,
        counts: fn(&PriceEntry) -> bool,
    ) -> impl Iterator<Item = (Period, Option<&'a Arc<PriceEntry>>)> {
        let mut from = period.start();
        std::iter::from_fn(move || {
            let start = from;
            let (entry, mut until) = (start < period.end()).then(|| self.lasting_from(start, counts))?;
            while until < period.end() {
                let (next, after) = self.lasting_from(until, counts);
                if price(next) != price(entry) {
                    break;
                }
                until = after;
            }
            from = until.min(period.end());
            Period::new(start, from).map(|piece| (piece, entry))
        })
    }

    /// The entry that applies from an instant on, of those that count, and until when it does.
    ///
    /// The levels are asked from the most specific down, list by list, and the first with such an entry at the instant has it. That
    /// lasts until the entry ends, or until an entry begins on a level that was passed by: from then on that one may
    /// come first. An entry that does not count, as one per unit for running time, is passed by as if it were not there, so its end
    /// changes nothing.
    ///
    /// A database costs 1.00, without end, and its plan "Hobbyist" 0.80 from the 10th until the 20th:
    ///
    /// | from | asked | answer |
    /// | ---- | ----- | ------ |
    /// | 1st | the plan has nothing yet, begins on the 10th; any plan: 1.00 | 1.00 until the 10th |
    /// | 10th | the plan: 0.80 | 0.80 until the 20th |
    /// | 20th | the plan has nothing any more; any plan: 1.00 | 1.00 for ever |
    fn lasting_from(
        &self,
        instant: Timestamp,
        counts: fn(&PriceEntry) -> bool,
    ) -> (Option<&'a Arc<PriceEntry>>, Timestamp) {
        let mut until = Timestamp::MAX_UTC;
        for level in self.levels.into_iter().flatten() {
            let next = level.partition_point(|entry| entry.valid_from <= instant);
            if let Some(entry) = next.checked_sub(1).map(|current| &level[current])
                && instant < entry.until()
                && counts(entry)
            {
                return (Some(entry), until.min(entry.until()));
            }
            if let Some(following) = level.get(next) {
                until = until.min(following.valid_from);
            }
        }
        (None, until)
    }
}

fn valid_at(timeline: &[Arc<PriceEntry>], instant: Timestamp) -> Option<&Arc<PriceEntry>> {
    let next = timeline.partition_point(|entry| entry.valid_from <= instant);
    next.checked_sub(1).map(|current| &timeline[current]).filter(|entry| instant < entry.until())
}

fn price(entry: Option<&Arc<PriceEntry>>) -> Option<&UnitPrice> {
    entry.map(|entry| &entry.price)
}
