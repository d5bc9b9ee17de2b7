//! Commitments: what a group pays at least.

use crate::money::amount::Money;
use crate::name::Name;
use crate::time::validity::Validity;

/// An amount that the group pays every month in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    /// What it is called; printed.
    pub name: Name,
    /// How much a month.
    pub amount: Money,
    /// When it is in force.
    pub validity: Validity,
}
