//! The second derivation of the exchange rate.

use std::fmt;

use chrono::Datelike;
use num_bigint::BigInt;
use rust_decimal::Decimal;

use super::derived::Derived;
use super::difference::AuditDifference;
use crate::bill::inputs::GroupMonth;
use crate::bill::result::{Bill, Converted};
use crate::catalog::rates::{CrossRate, MAX_QUOTE_AGE_DAYS, Quote, YearlyQuotes};
use crate::invoice::month_terms::MonthTerms;
use crate::money::amount::Currency;
use crate::time::period::Date;

/// A rate as derived: so much of one currency is so much of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DerivedRate {
    pub(super) from: Currency,
    pub(super) to: Currency,
    /// So many of the group's currency ...
    pub(super) numerator: BigInt,
    /// ... are so many of the prices'.
    pub(super) denominator: BigInt,
    /// The day of the quotes and the two of them; `None` where both currencies are the same.
    quotes: Option<(Date, Decimal, Decimal)>,
}

impl fmt::Display for DerivedRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DerivedRate { from, to, quotes, .. } = self;
        let Some((date, of_from, of_to)) = quotes else { return write!(f, "in {to}") };
        write!(f, "converted from {from} to {to} by {of_from} and {of_to} of {date}")
    }
}

/// The rate between the prices and the group: of the latest day of all those on which both were quoted.
pub(super) fn derive_rate(month: &GroupMonth<'_>) -> Option<DerivedRate> {
    let (from, to) = (month.prices.currency(), month.group.currency?);
    if from == to {
        return Some(DerivedRate { from, to, numerator: 1.into(), denominator: 1.into(), quotes: None });
    }
    let last = if month.as_of < month.month.end() { month.as_of } else { month.month.end() }.date_naive();
    let counts = |date: Date| date <= last && (last - date).num_days() <= i64::from(MAX_QUOTE_AGE_DAYS);
    let mut best: Option<(Date, Decimal, Decimal)> = None;
    for quotes in month.rates.years().filter_map(|(_, quotes)| quotes.as_ref().ok()) {
        for (date, quoted) in quotes.days().filter(|(date, _)| counts(*date)) {
            if let (Some(of_from), Some(of_to)) = (price_of(quotes, quoted, from), price_of(quotes, quoted, to)) {
                best = best.filter(|(known, ..)| date < *known).or(Some((date, of_from, of_to)));
            }
        }
    }
    let (date, of_from, of_to) = best?;
    let mut unreadable = month.rates.years().filter(|(_, quotes)| quotes.is_err()).map(|(year, _)| year);
    if unreadable.any(|year| date.year() < year && year <= last.year()) {
        return None; // it may hold a later day
    }
    Some(crossed((from, to), (date, of_from, of_to)))
}

/// The rate at which a month is derived: what its final recorded of these two currencies, or what the quotes say now.
pub(super) fn derive_rate_by(month: &GroupMonth<'_>, terms: &MonthTerms) -> Option<DerivedRate> {
    let (from, to) = (month.prices.currency(), month.group.currency?);
    if let Some(CrossRate { quote_date, from: of_from, to: of_to, .. }) = &terms.exchange_rate
        && (of_from.currency, of_to.currency) == (from, to)
    {
        return Some(crossed((from, to), (*quote_date, of_from.rate.decimal(), of_to.rate.decimal())));
    }
    derive_rate(month)
}

fn crossed((from, to): (Currency, Currency), quotes: (Date, Decimal, Decimal)) -> DerivedRate {
    let (ten, (_, of_from, of_to)) = (BigInt::from(10), quotes);
    let numerator = BigInt::from(of_to.mantissa()) * ten.pow(of_from.scale());
    let denominator = BigInt::from(of_from.mantissa()) * ten.pow(of_to.scale());
    DerivedRate { from, to, numerator, denominator, quotes: Some(quotes) }
}

/// What one of the base costs in a currency.
fn price_of(quotes: &YearlyQuotes, of_day: &[Quote], currency: Currency) -> Option<Decimal> {
    if currency == quotes.base() {
        return Some(Decimal::ONE);
    }
    of_day.iter().find(|quote| quote.currency == currency).map(|quote| quote.rate.decimal())
}

/// Compares what the bill says of its rate.
pub(super) fn compare_rates(month: &GroupMonth<'_>, bill: &Bill, derived: &Derived) -> Option<AuditDifference> {
    let billed = bill.converted.as_ref().map(of_bill);
    let rate = derive_rate(month).filter(|rate| rate.quotes.is_some() && !derived.charges.is_empty());
    let prices = || derived.charges.values().filter_map(|charge| charge.price_total).sum::<i128>();
    let derived = rate.map(|rate| format!("{rate} from {} minor units", prices()));
    (billed != derived).then_some(AuditDifference::Rate { billed, derived })
}

fn of_bill(converted: &Converted) -> String {
    let Converted { conversion, price_subtotal } = converted;
    let (from, to) = (conversion.rate.from, conversion.rate.to);
    let quotes = Some((conversion.rate.quote_date, from.rate.decimal(), to.rate.decimal()));
    let (numerator, denominator) = (0.into(), 0.into()); // not shown
    let rate = DerivedRate { from: from.currency, to: to.currency, numerator, denominator, quotes };
    format!("{rate} from {} minor units", price_subtotal.minor())
}
