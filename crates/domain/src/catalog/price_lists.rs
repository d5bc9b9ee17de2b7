//! The price lists of a group: a few negotiated prices over the common ones.

use std::iter;
use std::sync::Arc;

use thiserror::Error;

use crate::catalog::price::{MAX_LISTS, PriceList, PriceListError, Tariff, UnknownWords};
use crate::catalog::spelling::Misspelling;
use crate::money::amount::Currency;
use crate::name::Name;
use crate::usage::Service;

/// Price lists in the order in which they are asked: the first with an entry for a service at an instant prices it then. All have their
/// prices in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceLists {
    first: Arc<PriceList>,
    others: Vec<Arc<PriceList>>,
}

/// Why lists cannot be asked one after another.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PriceListsError {
    /// Two of them have their prices in different currencies.
    #[error(
        "the PriceList {first} is in {currency}, and {other} in {other_currency}; name price lists of one currency"
    )]
    Currencies {
        /// The first list.
        first: Name,
        /// Its currency.
        currency: Currency,
        /// The first one in another.
        other: Name,
        /// That one's currency.
        other_currency: Currency,
    },
    /// There are more of them than can be.
    #[error("{0} price lists are too many; name at most {max}", max = PriceLists::MAX)]
    TooMany(usize),
}

impl PriceLists {
    /// How many there can be.
    pub const MAX: usize = MAX_LISTS;

    /// Lists in their order.
    ///
    /// # Errors
    /// There are too many, or they have different currencies.
    pub fn new(first: Arc<PriceList>, others: Vec<Arc<PriceList>>) -> Result<Self, PriceListsError> {
        let count = 1 + others.len();
        if count > Self::MAX {
            return Err(PriceListsError::TooMany(count));
        }
        let currency = first.currency();
        match others.iter().find(|other| other.currency() != currency) {
            None => Ok(PriceLists { first, others }),
            Some(other) => Err(PriceListsError::Currencies {
                first: first.name().clone(),
                currency,
                other: other.name().clone(),
                other_currency: other.currency(),
            }),
        }
    }

    /// Each list, in order.
    pub fn iter(&self) -> impl Iterator<Item = &PriceList> {
        iter::once(&self.first).chain(&self.others).map(Arc::as_ref)
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.iter().map(PriceList::name)
    }

    /// What all prices are in.
    pub fn currency(&self) -> Currency {
        self.first.currency()
    }

    /// The first list with an entry for a type of service that cannot be used, and why. Lists after it are not asked for that type:
    /// nobody knows whether the entry was for it.
    pub fn unusable(&self, kind: &str) -> Option<(&Name, &PriceListError)> {
        self.iter().find_map(|list| Some((list.name(), list.unusable(kind)?)))
    }

    /// The entries that can apply to a service.
    pub fn tariff(&self, service: &Service) -> Tariff<'_> {
        Tariff::of(self.iter().map_while(|list| list.levels(service)))
    }

    /// What of a service a list spells in another way, and what all have for it, each in its spelling. A word that any of them has is
    /// no slip.
    pub fn misspelling(&self, service: &Service) -> Option<(Misspelling, Tariff<'_>)> {
        let unknown = self.unknown_words(service);
        let mut usable = self.iter().take_while(|list| list.unusable(&service.kind).is_none());
        let (first, _) = usable.find_map(|list| list.respelled(service, unknown))?;
        let levels = self.iter().map_while(|list| match list.respelled(service, unknown) {
            Some((_, meant)) => list.levels(&meant),
            None => list.levels(service),
        });
        Some((first, Tariff::of(levels)))
    }

    fn unknown_words(&self, service: &Service) -> UnknownWords {
        let kind = !self.iter().any(|list| list.has_type(&service.kind));
        let none_has = |word: &Option<Name>, has: fn(&PriceList, &str, &str) -> bool| {
            let has_word = |list: &PriceList| {
                let meant = if kind { list.type_like(&service.kind) } else { Some(&service.kind) };
                meant.zip(word.as_ref()).is_some_and(|(kind, word)| has(list, kind, word))
            };
            !self.iter().any(has_word)
        };
        let plan = none_has(&service.plan, PriceList::has_plan);
        UnknownWords { kind, plan, cloud: none_has(&service.cloud, PriceList::has_cloud) }
    }

    /// Whether what comes together in a month matters to any of their prices.
    pub fn has_scales(&self) -> bool {
        self.iter().any(PriceList::has_scales)
    }

    /// Whether they know of other spellings.
    pub(crate) fn tells_spellings(&self) -> bool {
        self.iter().any(PriceList::tells_spellings)
    }

    /// The lists as they are written: ones that know of no other spelling. A final was made of what they have so.
    #[must_use]
    pub fn as_written(&self) -> Self {
        let as_written = |list: &Arc<PriceList>| Arc::new(list.as_written());
        PriceLists { first: as_written(&self.first), others: self.others.iter().map(as_written).collect() }
    }
}

impl From<Arc<PriceList>> for PriceLists {
    /// A list alone.
    fn from(list: Arc<PriceList>) -> Self {
        PriceLists { first: list, others: Vec::new() }
    }
}

impl From<PriceList> for PriceLists {
    fn from(list: PriceList) -> Self {
        Arc::new(list).into()
    }
}
