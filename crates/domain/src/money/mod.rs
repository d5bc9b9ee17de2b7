//! Exact amounts: money in the minor units of a currency, and the exact numbers that become it by one rounding.

pub mod amount;
pub mod exact_amount;
pub mod percent;
pub mod ratio;
pub(crate) mod share;
