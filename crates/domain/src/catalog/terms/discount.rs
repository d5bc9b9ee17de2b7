//! Discounts: percentages off the price of services.

use crate::money::percent::Percent;
use crate::name::Name;
use crate::time::validity::Validity;

/// A percentage off the price of every service of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discount {
    /// What it is called; printed.
    pub name: Name,
    /// How much it takes off.
    pub percent: Percent,
    /// When it is in force.
    pub validity: Validity,
}
