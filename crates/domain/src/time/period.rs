//! Half-open periods of time.

use chrono::{DateTime, NaiveDate, Utc};

/// An instant, in UTC. Arithmetic on instants is done in whole microseconds.
pub type Timestamp = DateTime<Utc>;

/// A day of the calendar, in UTC.
pub type Date = NaiveDate;

/// A half-open period: `start` belongs to it, `end` does not. May be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    start: Timestamp,
    end: Timestamp,
}

impl Period {
    /// The period from `start` until `end`; `None` when it would end before it starts.
    pub fn new(start: Timestamp, end: Timestamp) -> Option<Self> {
        (start <= end).then_some(Period { start, end })
    }

    /// The empty period at an instant: when something happened that takes no time.
    pub fn at(instant: Timestamp) -> Self {
        Period { start: instant, end: instant }
    }

    /// The first instant.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// The first instant after it.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// Whether no instant belongs to it.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether the instant belongs to it.
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }

    /// What both have in common; `None` when that is nothing.
    pub fn intersect(&self, other: &Period) -> Option<Period> {
        let start = self.start.max(other.start);
        let end = self.end.min(other.end);
        (start < end).then_some(Period { start, end })
    }

    /// What is left without the `taken` periods (in any order, overlapping or not), in order of time.
    pub fn subtract(&self, taken: &[Period]) -> Vec<Period> {
        let mut taken: Vec<Period> = taken.iter().filter_map(|one| one.intersect(self)).collect();
        taken.sort_unstable();
        let mut left = Vec::with_capacity(taken.len() + 1);
        let mut from = self.start;
        for one in taken {
            if from < one.start {
                left.push(Period { start: from, end: one.start });
            }
            from = from.max(one.end);
        }
        if from < self.end {
            left.push(Period { start: from, end: self.end });
        }
        left
    }
}
