//! Calendar months in UTC: the unit of invoicing.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Months, NaiveDate, NaiveTime};
use thiserror::Error;

use crate::time::multiple::Multiple;
use crate::time::period::{Period, Timestamp};

/// A calendar month in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    first_day: NaiveDate,
}

/// A text that names no month.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a month; write it like \"2026-11\"")]
pub struct MonthError(pub String);

impl Month {
    /// The month of a year (1 is January); `None` when there is none such.
    pub fn new(year: i32, month: u32) -> Option<Self> {
        NaiveDate::from_ymd_opt(year, month, 1).map(|first_day| Month { first_day })
    }

    /// The month that an instant belongs to.
    pub fn of(instant: Timestamp) -> Self {
        let day = instant.date_naive();
        Month { first_day: day.with_day(1).unwrap_or(day) } // every month has a first day
    }

    /// Its first instant.
    pub fn start(self) -> Timestamp {
        self.first_day.and_time(NaiveTime::MIN).and_utc()
    }

    /// The first instant of the next month.
    pub fn end(self) -> Timestamp {
        self.next().start()
    }

    /// The whole month.
    pub fn period(self) -> Period {
        Period::new(self.start(), self.end()).unwrap_or(Period::at(self.start()))
    }

    /// The share of it that a piece of it has, in exact time.
    pub fn share(self, piece: Period) -> Multiple {
        let length = |period: Period| period.end().timestamp_micros() - period.start().timestamp_micros();
        Multiple::of(length(piece), length(self.period()).max(1))
    }

    /// What of it is over at an instant of it.
    pub fn until(self, instant: Timestamp) -> Period {
        Period::new(self.start(), instant).unwrap_or(Period::at(self.start()))
    }

    /// The month after it.
    #[must_use]
    pub fn next(self) -> Self {
        self.later(1)
    }

    /// The month before it.
    #[must_use]
    pub fn prev(self) -> Self {
        let first_day = self.first_day.checked_sub_months(Months::new(1));
        Month { first_day: first_day.unwrap_or(self.first_day) }
    }

    /// The month so many months after it.
    #[must_use]
    pub fn later(self, months: u32) -> Self {
        let first_day = self.first_day.checked_add_months(Months::new(months));
        Month { first_day: first_day.unwrap_or(self.first_day) } // the calendar ends in the year 262142
    }

    /// The month so many months before it.
    #[must_use]
    pub fn earlier(self, months: u32) -> Self {
        let first_day = self.first_day.checked_sub_months(Months::new(months));
        Month { first_day: first_day.unwrap_or(NaiveDate::MIN) }
    }

    /// How many months it is later than `earlier`; negative when it is earlier.
    pub fn months_since(self, earlier: Month) -> i32 {
        let ordinal = |month: Month| month.first_day.year() * 12 + month.first_day.month0() as i32;
        ordinal(self) - ordinal(earlier)
    }

    /// This month and those after it, up to and including `last`.
    pub fn through(self, last: Month) -> impl Iterator<Item = Month> {
        std::iter::successors(Some(self), |month| Some(month.next())).take_while(move |month| *month <= last)
    }
}

impl FromStr for Month {
    type Err = MonthError;

    /// Reads `YYYY-MM`, and nothing else.
    fn from_str(text: &str) -> Result<Self, MonthError> {
        let error = || MonthError(text.to_owned());
        let bytes = text.as_bytes();
        let digits = |at: usize, byte: &u8| {
            if at == 4 { *byte == b'-' } else { byte.is_ascii_digit() }
        };
        if bytes.len() != 7 || !bytes.iter().enumerate().all(|(at, byte)| digits(at, byte)) {
            return Err(error());
        }
        let year = text[..4].parse().map_err(|_| error())?;
        let month = text[5..].parse().map_err(|_| error())?;
        Month::new(year, month).ok_or_else(error)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.first_day.year(), self.first_day.month())
    }
}

impl fmt::Debug for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
