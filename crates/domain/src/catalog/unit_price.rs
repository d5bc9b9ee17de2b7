//! What a unit of a service costs.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::catalog::scale::Scale;
use crate::money::exact_amount::ExactAmount;
use crate::money::ratio::Ratio;
use crate::name::Name;
use crate::time::hours::HourRule;
use crate::time::month::Month;
use crate::time::multiple::Multiple;
use crate::time::period::{Period, Timestamp};
use crate::usage::Usage;

/// What a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// One hour of one.
    Hour,
    /// One month of one: of a part of a month its share, in exact time.
    Month,
    /// One of it, whole, in the month in which it happened.
    Unit,
}

impl Unit {
    /// Its name on documents and in price lists.
    pub fn as_str(self) -> &'static str {
        match self {
            Unit::Hour => "Hour",
            Unit::Month => "Month",
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
    /// The most that as many as the price is for cost in a month, of a price by the hour.
    pub max_per_month: Option<Decimal>,
    /// How running time becomes hours, where the price says so itself.
    pub hours: Option<HourRule>,
    /// How what comes together in a month is priced, of a price by the unit; `None` for each by itself.
    pub scale: Option<Arc<Scale>>,
}

impl UnitPrice {
    /// The price of one unit without a name.
    pub fn of_one(unit: Unit, amount: Decimal) -> Self {
        UnitPrice { unit, amount, per: NonZeroU64::MIN, unit_name: None, max_per_month: None, hours: None, scale: None }
    }

    /// How often the quantity of a record that began at `start` is charged for a piece of a month.
    pub fn multiple(&self, start: Timestamp, piece: Period, hours: HourRule) -> Multiple {
        match self.unit {
            Unit::Hour => self.hours.unwrap_or(hours).hours(start, piece),
            Unit::Month => Month::of(piece.start()).share(piece),
            Unit::Unit => Multiple::ONCE,
        }
    }

    /// What a piece of a record comes to, which lies in one month.
    ///
    /// By the month, and with a maximum by the hour, it is what the month comes to until the end of the piece, less what it comes to
    /// until its start, each rounded: R(b) − R(a). So pieces add up to the cent, whoever pays for them, and wherever they are cut.
    pub fn amount_of(&self, usage: &Usage, piece: Period, hours: HourRule) -> ExactAmount {
        let each = self.each().times(Ratio::from(usage.quantity_in(piece)));
        let month = Month::of(piece.start());
        match (self.unit, self.max_per_month) {
            (Unit::Month, _) => {
                let until = |instant| each.clone().times(month.share(month.until(instant)).ratio());
                ExactAmount::Between(until(piece.start()), until(piece.end()))
            }
            (Unit::Hour, Some(most)) => {
                let count = self.for_one(Ratio::from(usage.quantity));
                let most = count.clone().times(Ratio::from(most));
                // The record runs from then on, in this month.
                let first = usage.start.max(month.start());
                let until = |instant| {
                    let over = Period::new(first, instant).unwrap_or(Period::at(first));
                    self.multiple(usage.start, over, hours).ratio().times(each.clone()).at_most(&most)
                };
                ExactAmount::Between(until(piece.start()), until(piece.end()))
            }
            (Unit::Hour | Unit::Unit, _) => {
                ExactAmount::Whole(self.multiple(usage.start, piece, hours).ratio().times(each))
            }
        }
    }

    /// The same without zeros that say nothing.
    #[must_use]
    pub fn normalized(self) -> Self {
        UnitPrice {
            amount: self.amount.normalize(),
            max_per_month: self.max_per_month.map(|most| most.normalize()),
            scale: self.scale.map(|scale| Arc::new(scale.normalized())),
            ..self
        }
    }

    /// The price of one unit, exactly.
    pub fn each(&self) -> Ratio {
        self.for_one(Ratio::from(self.amount))
    }

    /// What is for one, of what is for as many as the price.
    fn for_one(&self, for_all: Ratio) -> Ratio {
        match self.per {
            NonZeroU64::MIN => for_all,
            per => for_all.times(Ratio::Small { numerator: 1, denominator: per.get().into() }),
        }
    }
}

impl fmt::Display for UnitPrice {
    /// `0.4 per 1000000 Unit request`, `0.006 per Hour, at most 3.79 a month`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnitPrice { unit, amount, per, unit_name, max_per_month, hours, scale } = self;
        write!(f, "{amount} per ")?;
        if *per > NonZeroU64::MIN {
            write!(f, "{per} ")?;
        }
        f.write_str(unit.as_str())?;
        unit_name.as_ref().map_or(Ok(()), |name| write!(f, " {name}"))?;
        max_per_month.map_or(Ok(()), |most| write!(f, ", at most {most} a month"))?;
        hours.map_or(Ok(()), |rule| write!(f, ", hours {rule:?}"))?;
        scale.as_ref().map_or(Ok(()), |scale| write!(f, ", by {scale:?}"))
    }
}
