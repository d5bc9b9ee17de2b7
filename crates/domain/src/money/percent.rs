//! Percentages.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use thiserror::Error;

use crate::money::ratio::Ratio;

/// A percentage above 0 and at most 100, with up to 4 decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(Decimal);

/// A text that is no percentage.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a percentage above 0 and at most 100, with at most 4 decimals")]
pub struct PercentError(pub String);

impl Percent {
    /// This part of a whole.
    pub fn part(self) -> Ratio {
        Ratio::from(self.0).times(HUNDREDTH)
    }

    /// What is left of a whole without this part.
    pub fn rest(self) -> Ratio {
        Ratio::from(Decimal::ONE_HUNDRED - self.0).times(HUNDREDTH)
    }

    /// The number: 25 for 25 %.
    pub fn decimal(self) -> Decimal {
        self.0
    }
}

const HUNDREDTH: Ratio = Ratio::Small { numerator: 1, denominator: 100 };

impl FromStr for Percent {
    type Err = PercentError;

    fn from_str(text: &str) -> Result<Self, PercentError> {
        let number = Decimal::from_str_exact(text).ok().filter(|number| number.scale() <= 4);
        let within = number.filter(|number| Decimal::ZERO < *number && *number <= Decimal::ONE_HUNDRED);
        within.map(Percent).ok_or_else(|| PercentError(text.to_owned()))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0.normalize())
    }
}
