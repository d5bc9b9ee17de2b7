//! What a group agreed with its provider: discounts, charges and a commitment.
//!
//! Terms hold for months. What is agreed for a month is the same whether its bill is an estimate or final, and
//! from the month's first instant on.

pub mod charge;
pub mod commitment;
pub mod discount;
pub mod error;

use crate::catalog::terms::charge::AgreedCharge;
use crate::catalog::terms::commitment::Commitment;
use crate::catalog::terms::discount::Discount;
use crate::time::month::Month;

/// The commercial terms of a group. By default there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// Percentages off the price of services; several multiply.
    pub discounts: Vec<Discount>,
    /// Amounts beside services.
    pub charges: Vec<AgreedCharge>,
    /// What the group pays at least.
    pub commitment: Option<Commitment>,
}

impl Terms {
    /// The discounts in force in the month, in the order in which they are written.
    pub fn discounts_in(&self, month: Month) -> impl Iterator<Item = &Discount> {
        self.discounts.iter().filter(move |discount| discount.validity.contains(month))
    }
}
