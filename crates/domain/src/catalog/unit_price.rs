//! What a unit of a service costs.

use std::fmt;
use std::num::NonZeroU64;

use rust_decimal::Decimal;

use crate::money::ratio::Ratio;
use crate::name::Name;

/// What a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// One hour of one.
    Hour,
    /// One of it, whole, in the month in which it happened.
    Unit,
}

impl Unit {
    /// Its name on documents and in price lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Hour => "Hour",
            Unit::Unit => "Unit",
        }
    }
}

/// A price, and what it is for: all of an entry that decides about amounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitPrice {
    /// What it is for.
    pub unit: Unit,
    /// How much, in the currency of the prices.
    pub amount: Decimal,
    /// For how many units.
    pub per: NonZeroU64,
    /// What a unit is called ("GiB"), where it has a name.
    pub unit_name: Option<Name>,
}

impl UnitPrice {
    /// The price of one unit without a name.
    pub fn of_one(unit: Unit, amount: Decimal) -> Self {
        UnitPrice { unit, amount, per: NonZeroU64::MIN, unit_name: None }
    }

    /// The price of one unit, exactly.
    pub fn each(&self) -> Ratio {
        let amount = Ratio::from(self.amount);
        match self.per {
            NonZeroU64::MIN => amount,
            per => amount.times(Ratio::Small { numerator: 1, denominator: per.get().into() }),
        }
    }
}

impl fmt::Display for UnitPrice {
    /// `0.4 per 1000000 Unit request`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnitPrice { unit, amount, per, unit_name } = self;
        write!(f, "{amount} per ")?;
        if *per > NonZeroU64::MIN {
            write!(f, "{per} ")?;
        }
        f.write_str(unit.as_str())?;
        unit_name.as_ref().map_or(Ok(()), |name| write!(f, " {name}"))
    }
}
