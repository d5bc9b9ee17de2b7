//! What has no term of its own, in words.

use billing_api::{DocumentPeriod, DocumentRate, Time};
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

use crate::model::Days;

/// Texts one after the other.
pub(super) fn joined(texts: impl IntoIterator<Item = String>, between: &str) -> Option<String> {
    let texts: Vec<_> = texts.into_iter().collect();
    (!texts.is_empty()).then(|| texts.join(between))
}

pub(super) fn date(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%d").to_string()
}

/// The days of a half-open interval.
pub(super) fn days(start: DateTime<Utc>, end: DateTime<Utc>) -> Days {
    let first = start.date_naive();
    let last = end.checked_sub_signed(TimeDelta::nanoseconds(1)).unwrap_or(end).date_naive();
    Days { first, last: last.max(first) }
}

pub(super) fn month_of(period: &DocumentPeriod) -> Days {
    days(period.start.0, period.end.0)
}

/// Whether something began and ended with a day.
pub(super) fn is_by_days(start: Time, end: Time) -> bool {
    [start, end].iter().all(|instant| instant.0.time() == NaiveTime::MIN)
}

/// When something ran: by days, or to the second where it began or ended within one.
pub(super) fn interval(start: Time, end: Time) -> String {
    let by_days = is_by_days(start, end);
    let (start, end) = (start.0, end.0);
    if by_days {
        let Days { first, last } = days(start, end);
        return if first == last { first.to_string() } else { format!("{first} to {last}") };
    }
    let instant = |instant: DateTime<Utc>| instant.format("%Y-%m-%d %H:%M:%S").to_string();
    format!("{} to {} UTC", instant(start), instant(end))
}

/// How prices became amounts.
pub(super) fn conversion(rate: &DocumentRate) -> String {
    let DocumentRate { source, from, to, rate, base: _, from_quote: _, to_quote: _, quote_date } = rate;
    format!("Converted at 1 {from} = {rate} {to} ({source}, {}).", &**quote_date)
}
