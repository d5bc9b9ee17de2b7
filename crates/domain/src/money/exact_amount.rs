//! An amount before its rounding.

use crate::money::amount::{Currency, Money, round_half_away};
use crate::money::ratio::Ratio;

/// An exact amount, and how it is rounded.
#[derive(Debug, Clone)]
pub enum ExactAmount {
    /// By itself.
    Whole(Ratio),
    /// As the difference of two that are rounded: from the first to the second. Amounts that follow each other like this add up
    /// to the rounding of the last, wherever they are cut.
    Between(Ratio, Ratio),
}

impl ExactAmount {
    /// The product with a ratio.
    #[must_use]
    pub fn times(self, factor: &Ratio) -> Self {
        match self {
            ExactAmount::Whole(exact) => ExactAmount::Whole(exact.times(factor.clone())),
            ExactAmount::Between(from, to) => {
                ExactAmount::Between(from.times(factor.clone()), to.times(factor.clone()))
            }
        }
    }

    /// The amount in the digits of a currency; `None` where something of it is beyond what a document can carry.
    pub fn rounded(&self, currency: Currency) -> Option<Money> {
        match self {
            ExactAmount::Whole(exact) => round_half_away(exact, currency),
            ExactAmount::Between(from, to) => {
                round_half_away(to, currency)?.checked_sub(round_half_away(from, currency)?)
            }
        }
    }
}
