//! The price lists of a group.

use std::sync::Arc;

use billing_api::labels::DEFAULT_NAME;
use billing_domain::{Group, Name, PriceList, PriceLists, PriceListsError};
use thiserror::Error;

use super::{ObservedState, UnusableReason};

/// Why a group has no prices: of several lists, none is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PricesError {
    /// A list does not exist.
    #[error("there is no PriceList {0}; create it, or name another in spec.terms.priceLists")]
    Missing(Name),
    /// A list cannot be used.
    #[error("the PriceList {list} cannot be used: {error}")]
    Unusable {
        /// Its name.
        list: Name,
        /// Why.
        error: UnusableReason,
    },
    /// The lists do not go together.
    #[error("spec.terms.priceLists: {0}")]
    Contradictory(#[from] PriceListsError),
}

impl ObservedState {
    /// The price lists of a group, in the order in which they are asked.
    ///
    /// # Errors
    /// One of them is not there or cannot be used, or they do not go together.
    pub fn prices_of(&self, group: &Group) -> Result<PriceLists, PricesError> {
        self.prices_named(&group.price_lists)
    }

    /// Price lists by their names, in order.
    ///
    /// # Errors
    /// One of them is not there or cannot be used, or they do not go together.
    pub fn prices_named(&self, names: &[Name]) -> Result<PriceLists, PricesError> {
        let mut lists = names.iter().map(|name| self.usable_list(name));
        let first = lists.next().unwrap_or_else(|| Err(PricesError::Missing(DEFAULT_NAME.into())))?;
        Ok(PriceLists::new(first, lists.collect::<Result<_, _>>()?)?)
    }

    /// Those of a group's price lists that can be used, in order.
    pub fn usable_lists<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = &'a PriceList> {
        group.price_lists.iter().filter_map(|name| Some(self.price_list(name)?.as_ref().ok()?.as_ref()))
    }

    fn usable_list(&self, name: &Name) -> Result<Arc<PriceList>, PricesError> {
        match self.price_list(name) {
            Some(Ok(list)) => Ok(list.clone()),
            Some(Err(error)) => Err(PricesError::Unusable { list: name.clone(), error: error.clone() }),
            None => Err(PricesError::Missing(name.clone())),
        }
    }
}
