//! What usage is worth, in large integers.

use chrono::{Datelike, Months, NaiveTime};
use num_bigint::BigInt;
use rust_decimal::Decimal;

use crate::catalog::unit_price::{Unit, UnitPrice};
use crate::invoice::rating::Rating;
use crate::time::hours::HourRule;
use crate::time::period::Timestamp;

/// Hours as a fraction: for `Ceil` the whole hours since the record's start that begin in the piece.
pub(super) fn hours(rule: HourRule, start: Timestamp, from: Timestamp, to: Timestamp) -> (BigInt, BigInt) {
    const HOUR: i128 = 3_600_000_000;
    let micros = |instant: Timestamp| i128::from(instant.timestamp_micros());
    match rule {
        HourRule::Exact => ((micros(to) - micros(from)).into(), HOUR.into()),
        HourRule::Ceil => {
            let into_hour = (micros(from) - micros(start)).rem_euclid(HOUR);
            let first = micros(from) + (HOUR - into_hour) % HOUR;
            let begin = if first < micros(to) { (micros(to) - 1 - first) / HOUR + 1 } else { 0 };
            (begin.into(), 1.into())
        }
    }
}

/// What one of a piece of running time costs: what it comes to until the piece ends, less what it comes to until it starts; each is
/// so much of so much, and rounded.
pub(super) struct Worth {
    pub(super) before: BigInt,
    pub(super) until: BigInt,
    pub(super) of: BigInt,
}

/// Hours are rounded by themselves, so nothing comes before; of a month all of it that is over counts.
pub(super) fn worth(price: &UnitPrice, rule: HourRule, start: Timestamp, from: Timestamp, to: Timestamp) -> Worth {
    let (amount, scale) = (BigInt::from(price.amount.mantissa()), BigInt::from(10).pow(price.amount.scale()));
    match price.unit {
        Unit::Unit => Worth { before: 0.into(), until: amount, of: scale },
        Unit::Hour => {
            let rule = price.hours.unwrap_or(rule);
            let Some(most) = price.max_per_month else {
                let (count, per_hour) = hours(rule, start, from, to);
                return Worth { before: 0.into(), until: count * amount, of: per_hour * scale };
            };
            // All hours of the record in the month count, and no more than the maximum.
            let since = start.max(first_of_month(from));
            let finer = BigInt::from(10).pow(most.scale());
            let over = |instant: Timestamp| {
                let (count, per_hour) = hours(rule, start, since, instant);
                ((count * &amount * &finer).min(&per_hour * &scale * most.mantissa()), per_hour)
            };
            let ((before, _), (until, per_hour)) = (over(from), over(to));
            Worth { before, until, of: per_hour * scale * finer }
        }
        Unit::Month => {
            let first = first_of_month(from);
            let next = first.checked_add_months(Months::new(1)).unwrap_or(to);
            let since = |instant: Timestamp| BigInt::from((instant - first).num_microseconds().unwrap_or_default());
            Worth { before: since(from) * &amount, until: since(to) * amount, of: since(next) * scale }
        }
    }
}

fn first_of_month(instant: Timestamp) -> Timestamp {
    instant.with_day(1).and_then(|day| day.with_time(NaiveTime::MIN).single()).unwrap_or(instant)
}

/// So many at what one is worth.
pub(super) fn at_rating(rating: &Rating, worth: Worth, quantity: Decimal, digits: u32) -> Option<i128> {
    let ten = BigInt::from(10);
    let Worth { before, until, of } = worth;
    let mut above = quantity.mantissa() * ten.pow(digits);
    let mut below = of * ten.pow(quantity.scale());
    if let Some((quote_to, quote_from)) = rating.rate {
        above = above * quote_to.mantissa() * ten.pow(quote_from.scale());
        below = below * quote_from.mantissa() * ten.pow(quote_to.scale());
    }
    for percent in rating.discounts.iter().map(|percent| percent.decimal()) {
        let hundred = BigInt::from(100) * ten.pow(percent.scale());
        above *= &hundred - BigInt::from(percent.mantissa());
        below *= hundred;
    }
    let rounded = |one: BigInt| -> BigInt { (one * &above * 2 + &below) / (&below * 2) };
    (rounded(until) - rounded(before)).try_into().ok()
}
