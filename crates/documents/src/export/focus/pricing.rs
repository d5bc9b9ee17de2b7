//! Prices and quantities as FOCUS wants them: each cost is its unit price times the quantity, to the twelfth decimal place.

use super::charge::Category;
use crate::explain::price_of_one;
use crate::export::cell::{Fixed, decimal_places};
use billing_api::{AppliedDiscount, Document, DocumentRate, Line, PriceUnit};
use billing_domain::{Percent, Ratio};
use rust_decimal::Decimal;

/// How the cost of a charge came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pricing<'a> {
    /// How many units.
    pub quantity: Fixed,
    /// Of what.
    pub unit: &'static str,
    /// In the currency of the invoice.
    pub billing: Prices,
    /// So many units at these prices.
    pub costs: Prices,
    /// In the currency of the price.
    pub pricing: Prices,
    /// The currency of the price, where it is not that of the invoice.
    pub currency: Option<&'a str>,
}

/// Amounts of money: what a unit costs, or what all of them do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// Before discounts.
    pub list: Fixed,
    /// With them.
    pub contracted: Fixed,
}

impl Prices {
    /// What so many units cost.
    pub fn times(self, quantity: Fixed) -> Option<Self> {
        Some(Self { list: self.list.times(quantity)?, contracted: self.contracted.times(quantity)? })
    }

    /// Exact prices to the twelfth decimal place.
    fn rounded(list: &Ratio, kept: &Ratio) -> Option<Self> {
        Some(Self { list: Fixed::rounded(list)?, contracted: Fixed::rounded(&list.clone().times(kept.clone()))? })
    }
}

/// What the prices of an invoice's lines have alike: read once, and not for each of them. Lines that adjust a closed month have
/// their own.
#[derive(Debug, Clone)]
pub(super) struct Terms<'a> {
    /// The part of a price that discounts leave.
    kept: Ratio,
    /// What a price is times, in the currency of the invoice, and the currency that it is in.
    rate: Option<(Ratio, &'a str)>,
}

impl<'a> Terms<'a> {
    /// The terms of all lines that adjust nothing; `None` if they cannot be read.
    pub(super) fn of(document: &'a Document) -> Option<Self> {
        Self::read(&document.discounts, document.exchange_rate.as_ref())
    }

    fn read(discounts: &[AppliedDiscount], rate: Option<&'a DocumentRate>) -> Option<Self> {
        let rests = discounts.iter().map(|discount| discount.percent.parse::<Percent>().ok());
        let kept = rests.into_iter().try_fold(Ratio::from(1), |kept, percent| Some(kept.times(percent?.rest())))?;
        let factor = |rate: &'a DocumentRate| -> Option<(Ratio, &'a str)> {
            let to = Ratio::from(Decimal::from_str_exact(&rate.to_quote).ok()?);
            Some((to.divided_by(Decimal::from_str_exact(&rate.from_quote).ok()?)?, &*rate.from))
        };
        let rate = match rate {
            None => None,
            Some(rate) => Some(factor(rate)?),
        };
        Some(Self { kept, rate })
    }
}

/// The prices of a line; `None` where it has none, as credits and corrections.
pub(super) fn pricing<'a>(
    terms: Option<&Terms<'a>>,
    line: &'a Line,
    category: Category,
    billed: Fixed,
) -> Option<Pricing<'a>> {
    if line.quantity.is_some() && line.unit.is_some() {
        return match line.adjusts {
            None => of_units(terms?, line, billed),
            Some(_) => of_units(&Terms::read(&line.discounts, line.exchange_rate.as_ref())?, line, billed),
        };
    }
    let is_sold = matches!(category, Category::Usage | Category::Purchase) && line.adjusts.is_none();
    let once = Prices { list: billed, contracted: billed };
    (is_sold && billed >= Fixed::default()).then_some(Pricing {
        quantity: Fixed::ONE,
        unit: unit_of(None),
        billing: once,
        costs: once,
        pricing: once,
        currency: None,
    })
}

/// In what a line is counted.
pub(super) fn unit_of(line: Option<&Line>) -> &'static str {
    match line.and_then(|line| line.unit) {
        Some(PriceUnit::Hour) => "Hours",
        Some(PriceUnit::Month) => "Months",
        Some(PriceUnit::Unit) => "Units",
        None => "Charges",
    }
}

fn of_units<'a>(terms: &Terms<'a>, line: &Line, billed: Fixed) -> Option<Pricing<'a>> {
    let quantity = Fixed::parse(line.quantity.as_ref()?)?;
    let before = line.pre_discount.as_deref().map_or(Some(billed), Fixed::parse)?;
    let price = price_of_one(line)?;
    let pricing = Prices::rounded(&price, &terms.kept)?;
    let billing = match &terms.rate {
        None => pricing,
        Some((factor, _)) => Prices::rounded(&price.times(factor.clone()), &terms.kept)?,
    };
    let smallest = smallest_unit(&line.total);
    let fits = |cost: Fixed, amount: Fixed| (cost.units() - amount.units()).abs() <= smallest;
    let (unit, currency) = (unit_of(Some(line)), terms.rate.as_ref().map(|(_, currency)| *currency));
    match billing.times(quantity) {
        Some(costs) if fits(costs.list, before) && fits(costs.contracted, billed) => {
            Some(Pricing { quantity, unit, billing, costs, pricing, currency })
        }
        // Tiers, caps and rounded quantities: the price of a unit is what it cost on average.
        _ => {
            let billing = average(quantity, before, billed)?;
            let costs = billing.times(quantity)?;
            Some(Pricing { quantity, unit, billing, costs, pricing: billing, currency: None })
        }
    }
}

/// What each of so many units cost on average.
fn average(quantity: Fixed, before: Fixed, billed: Fixed) -> Option<Prices> {
    if quantity <= Fixed::default() {
        return None;
    }
    let share = Ratio::Small { numerator: Fixed::ONE.units(), denominator: quantity.units() };
    let per_unit = |amount: Fixed| Fixed::rounded(&amount.ratio().times(share.clone()));
    Some(Prices { list: per_unit(before)?, contracted: per_unit(billed)? })
}

/// The smallest amount of the currency that an amount is written in, in units of 10^-12.
fn smallest_unit(amount: &str) -> i128 {
    let zeros = Fixed::PLACES.checked_sub(decimal_places(amount).into());
    zeros.map_or(0, |zeros| 10_i128.pow(zeros))
}
