//! The running total of a bill.

use crate::invoice::item::Item;
use crate::money::amount::{Currency, Money};

/// The total of a bill while it is made: the services first, then item after item, in the order of
/// [`LineType`](crate::invoice::line::LineType).
#[derive(Debug)]
pub(crate) struct Tally {
    services: Money,
    net: Money,
    items: Vec<Item>,
}

/// The total is larger than a document can carry.
#[derive(Debug)]
pub(crate) struct Overflow;

impl Tally {
    /// The services' charges and nothing else yet.
    pub(crate) fn new(services: Money) -> Self {
        Tally { services, net: services, items: Vec::new() }
    }

    /// What the services cost, after discounts.
    pub(crate) fn services(&self) -> Money {
        self.services
    }

    /// What the bill comes to so far.
    pub(crate) fn net(&self) -> Money {
        self.net
    }

    /// The currency of the bill.
    pub(crate) fn currency(&self) -> Currency {
        self.net.currency()
    }

    /// Puts an item on the bill.
    pub(crate) fn add(&mut self, item: Item) -> Result<(), Overflow> {
        debug_assert!(self.items.last().is_none_or(|last| last.kind <= item.kind), "items come in the order of types");
        self.net = self.net.checked_add(item.total).ok_or(Overflow)?;
        self.items.push(item);
        Ok(())
    }

    /// Counts an amount whose items are elsewhere.
    pub(crate) fn adjust(&mut self, amount: Money) -> Result<(), Overflow> {
        self.net = self.net.checked_add(amount).ok_or(Overflow)?;
        Ok(())
    }

    /// The items, and what the bill comes to.
    pub(crate) fn finish(self) -> (Vec<Item>, Money) {
        (self.items, self.net)
    }
}
