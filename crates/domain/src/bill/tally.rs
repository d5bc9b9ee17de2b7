//! The running total of a bill.

use std::collections::BTreeMap;

use crate::catalog::tax_rule::TaxGroup;
use crate::invoice::item::Item;
use crate::invoice::service_sum::ServiceSum;
use crate::money::amount::{Currency, Money};

/// The total of a month while it is made: the services first, then item after item, in the order of
/// [`LineType`](crate::invoice::line::LineType); in all, and by what is taxed alike.
#[derive(Debug)]
pub(crate) struct Tally {
    services: Money,
    net: Money,
    groups: BTreeMap<Option<TaxGroup>, i128>,
    items: Vec<Item>,
}

/// The total is larger than a document can carry.
#[derive(Debug)]
pub(crate) struct Overflow;

impl Tally {
    /// The services' charges and nothing else yet.
    pub(crate) fn new(currency: Currency, sums: &[ServiceSum]) -> Result<Self, Overflow> {
        let (mut services, mut groups) = (Money::zero(currency), BTreeMap::new());
        for sum in sums {
            services = services.checked_add(sum.total).ok_or(Overflow)?;
            *groups.entry(sum.tax).or_default() += sum.total.minor();
        }
        Ok(Tally { services, net: services, groups, items: Vec::new() })
    }

    /// What the services cost, after discounts.
    pub(crate) fn services(&self) -> Money {
        self.services
    }

    /// What the bill comes to so far.
    pub(crate) fn net(&self) -> Money {
        self.net
    }

    /// What it comes to so far, by what is taxed alike, in minor units.
    pub(crate) fn groups(&self) -> &BTreeMap<Option<TaxGroup>, i128> {
        &self.groups
    }

    /// The currency of the bill.
    pub(crate) fn currency(&self) -> Currency {
        self.net.currency()
    }

    /// Counts an amount whose line is elsewhere.
    pub(crate) fn count(&mut self, tax: Option<TaxGroup>, amount: Money) -> Result<(), Overflow> {
        self.net = self.net.checked_add(amount).ok_or(Overflow)?;
        *self.groups.entry(tax).or_default() += amount.minor();
        Ok(())
    }

    /// Puts an item on the bill.
    pub(crate) fn add(&mut self, item: Item) -> Result<(), Overflow> {
        debug_assert!(self.items.last().is_none_or(|last| last.kind <= item.kind), "items come in the order of types");
        self.count(item.tax, item.total)?;
        self.items.push(item);
        Ok(())
    }

    /// The items.
    pub(crate) fn into_items(self) -> Vec<Item> {
        self.items
    }
}
