//! Billable hours.

use chrono::TimeDelta;

use crate::time::multiple::Multiple;
use crate::time::period::{Period, Timestamp};

const HOUR_MICROS: i64 = 3_600_000_000;

/// How running time becomes hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HourRule {
    /// Whole hours from the record's start, begun hours counted as whole ones, at least one. A piece
    /// counts the hours that begin in it, so that the pieces of a record add up to its hours.
    #[default]
    Ceil,
    /// The exact time.
    Exact,
}

impl HourRule {
    /// Whether a piece of something that runs since `start` is within an hour that began before it, in one of these periods: whoever
    /// charges whole hours there charges nothing for the piece.
    pub fn is_within_begun_hour(self, start: Timestamp, piece: Period, charged: impl Iterator<Item = Period>) -> bool {
        let is_none = self == HourRule::Ceil && piece.start() > start && self.hours(start, piece).is_none();
        let elapsed = piece.start().timestamp_micros().saturating_sub(start.timestamp_micros());
        let began = piece.start() - TimeDelta::microseconds(elapsed.rem_euclid(HOUR_MICROS));
        let mut charged = charged;
        is_none && charged.any(|period| period.contains(began))
    }

    /// The hours of the piece `piece` of something that runs since `start`. The pieces of a period add up
    /// to the hours of the period, wherever it is cut.
    pub fn hours(self, start: Timestamp, piece: Period) -> Multiple {
        let (from, until) = (piece.start().timestamp_micros(), piece.end().timestamp_micros());
        match self {
            HourRule::Exact => Multiple::of(until - from, HOUR_MICROS),
            HourRule::Ceil => {
                let start = start.timestamp_micros();
                Multiple::of(begun_hours(start, until) - begun_hours(start, from), 1)
            }
        }
    }
}

/// The hours begun between `start` and `until`, in microseconds of the epoch.
fn begun_hours(start: i64, until: i64) -> i64 {
    let elapsed = until.saturating_sub(start);
    if elapsed <= 0 { 0 } else { (elapsed - 1) / HOUR_MICROS + 1 }
}
