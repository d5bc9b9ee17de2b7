//! How often something is charged.

use crate::money::ratio::Ratio;

/// How often the quantity of a record is charged: for so many hours, for such a share of a month, or once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Multiple {
    above: i64,
    /// Above zero.
    below: i64,
}

impl Multiple {
    /// Exactly one: what a single unit counts as.
    pub const ONCE: Multiple = Multiple { above: 1, below: 1 };

    /// So much of so much, which is above zero.
    pub(crate) fn of(above: i64, below: i64) -> Self {
        Multiple { above, below }
    }

    /// Whether there is nothing to charge: no hour begins, or no time passes.
    pub fn is_none(self) -> bool {
        self.above == 0
    }

    /// The number as an exact ratio.
    pub fn ratio(self) -> Ratio {
        Ratio::Small { numerator: self.above.into(), denominator: self.below.into() }
    }
}
