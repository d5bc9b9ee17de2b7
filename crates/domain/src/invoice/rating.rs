//! At what something was billed.

use rust_decimal::Decimal;

use crate::catalog::unit_price::UnitPrice;
use crate::money::amount::{Currency, Money};
use crate::money::exact_amount::ExactAmount;
use crate::money::percent::Percent;
use crate::money::ratio::Ratio;
use crate::time::hours::HourRule;
use crate::time::period::Period;
use crate::usage::Usage;

/// At what an interval is billed: all that is needed to bill a part of it the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rating {
    /// What a unit costs.
    pub price: UnitPrice,
    /// The discounts that were in force.
    pub discounts: Vec<Percent>,
    /// What one unit of the price's currency was in the document's, where that is another: so much of so much.
    pub rate: Option<(Decimal, Decimal)>,
    /// How running time became hours.
    pub hours: HourRule,
    /// Where the tier of the line begins, where there are tiers.
    pub tier: Option<Decimal>,
}

impl Rating {
    /// What a piece of a record comes to at this rating, before and after discounts; `None` beyond what a document can
    /// carry.
    pub fn amounts(&self, usage: &Usage, piece: Period, currency: Currency) -> Option<(Money, Money)> {
        self.rated(self.price.amount_of(usage, piece, self.hours), currency)
    }

    /// What an amount of the price's currency comes to at this rating, before and after discounts.
    pub(crate) fn rated(&self, price: ExactAmount, currency: Currency) -> Option<(Money, Money)> {
        let exact = match self.rate {
            None => price,
            Some((quote_to, quote_from)) => price.times(&Ratio::from(quote_to).divided_by(quote_from)?),
        };
        let pre_discount = exact.rounded(currency)?;
        let discounted = self.discounts.iter().fold(exact, |exact, percent| exact.times(&percent.rest()));
        Some((pre_discount, discounted.rounded(currency)?))
    }
}
