//! Prices and quantities as FOCUS wants them: each cost is its unit price times the quantity, to the twelfth decimal place.

use super::charge::Category;
use crate::explain::{discounts_of, price_of_one, rate_of};
use crate::export::cell::Fixed;
use billing_api::{Document, Line, PriceUnit};
use billing_domain::{Percent, Ratio};
use rust_decimal::Decimal;

/// How the cost of a charge came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pricing {
    /// How many units.
    pub quantity: Fixed,
    /// Of what.
    pub unit: &'static str,
    /// In the currency of the invoice.
    pub billing: Prices,
    /// In the currency of the price.
    pub pricing: Prices,
    /// The currency of the price, where it is not that of the invoice.
    pub currency: Option<String>,
}

/// What a unit costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prices {
    /// Before discounts.
    pub list: Fixed,
    /// With them.
    pub contracted: Fixed,
}

impl Pricing {
    /// What so many units cost at a price.
    pub fn cost(&self, unit_price: Fixed) -> Option<Fixed> {
        unit_price.times(self.quantity)
    }
}

/// The prices of a line; `None` where it has none, as credits and corrections.
pub(super) fn pricing(document: &Document, line: &Line, category: Category, billed: Fixed) -> Option<Pricing> {
    if line.quantity.is_some() && line.unit.is_some() {
        return of_units(document, line, billed);
    }
    let is_sold = matches!(category, Category::Usage | Category::Purchase) && line.adjusts.is_none();
    let once = Prices { list: billed, contracted: billed };
    (is_sold && billed >= Fixed::default()).then_some(Pricing {
        quantity: Fixed::ONE,
        unit: "Charges",
        billing: once,
        pricing: once,
        currency: None,
    })
}

fn of_units(document: &Document, line: &Line, billed: Fixed) -> Option<Pricing> {
    let quantity = Fixed::parse(line.quantity.as_ref()?)?;
    let unit = match line.unit? {
        PriceUnit::Hour => "Hours",
        PriceUnit::Month => "Months",
        PriceUnit::Unit => "Units",
    };
    let before = line.pre_discount.as_deref().map_or(Some(billed), Fixed::parse)?;
    let rate = rate_of(document, line);
    let kept = kept(document, line)?;
    let price = price_of_one(line)?;
    let prices = |price: Ratio| -> Option<Prices> {
        Some(Prices { list: Fixed::rounded(&price)?, contracted: Fixed::rounded(&price.clone().times(kept.clone()))? })
    };
    let pricing = prices(price.clone())?;
    let billing = match rate {
        None => pricing,
        Some(rate) => {
            let to = Ratio::from(Decimal::from_str_exact(&rate.to_quote).ok()?);
            prices(price.times(to).divided_by(Decimal::from_str_exact(&rate.from_quote).ok()?)?)?
        }
    };
    let currency = rate.map(|rate| rate.from.to_string());
    let found = Pricing { quantity, unit, billing, pricing, currency };
    let smallest = smallest_unit(&line.total);
    let fits = |price: Fixed, amount: Fixed| {
        found.cost(price).is_some_and(|cost| (cost.units() - amount.units()).abs() <= smallest)
    };
    match fits(billing.list, before) && fits(billing.contracted, billed) {
        true => Some(found),
        // Tiers, caps and rounded quantities: the price of a unit is what it cost on average.
        false => averaged(found, before, billed),
    }
}

fn averaged(found: Pricing, before: Fixed, billed: Fixed) -> Option<Pricing> {
    let per_unit = |amount: Fixed| -> Option<Fixed> {
        let quantity = Ratio::Small { numerator: Fixed::ONE.units(), denominator: found.quantity.units() };
        if found.quantity.units() <= 0 { None } else { Fixed::rounded(&amount.ratio().times(quantity)) }
    };
    let billing = Prices { list: per_unit(before)?, contracted: per_unit(billed)? };
    Some(Pricing { billing, pricing: billing, currency: None, ..found })
}

/// The part of a price that discounts leave.
fn kept(document: &Document, line: &Line) -> Option<Ratio> {
    let rests = discounts_of(document, line).iter().map(|discount| discount.percent.parse::<Percent>().ok());
    rests.into_iter().try_fold(Ratio::from(1), |kept, percent| Some(kept.times(percent?.rest())))
}

/// The smallest amount of the currency that an amount is written in, in units of 10^-12.
fn smallest_unit(amount: &str) -> i128 {
    let places = amount.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    u32::try_from(places)
        .ok()
        .and_then(|places| Fixed::PLACES.checked_sub(places))
        .map_or(0, |zeros| 10_i128.pow(zeros))
}
