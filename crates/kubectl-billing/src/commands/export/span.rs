//! The months that are exported.

use std::fmt;

use billing_domain::{Month, Timestamp};

use crate::period;

/// Months that follow each other; at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    first: Month,
    last: Month,
}

impl Span {
    /// Reads `2026-10`, `2026-01..2026-10` or `2026-01..last`. Both ends belong to it.
    ///
    /// # Errors
    /// It is no such text, with what to write.
    pub fn read(text: &str, now: Timestamp) -> Result<Self, String> {
        let (first, last) = match text.split_once("..") {
            None => (text, text),
            Some((first, last)) => (first, last.strip_prefix('=').unwrap_or(last)),
        };
        let (first, last) = (period::month(first, now)?, period::month(last, now)?);
        match first <= last {
            true => Ok(Self { first, last }),
            false => {
                Err(format!("{text:?} ends before it begins; write the earlier month first, like {last}..{first}"))
            }
        }
    }

    /// Its months, in order.
    pub fn months(self) -> impl Iterator<Item = Month> {
        let next = move |month: &Month| Some(month.next()).filter(|next| *next <= self.last);
        std::iter::successors(Some(self.first), next)
    }

    /// Whether a month is one of them.
    pub fn contains(self, month: &str) -> bool {
        month.parse::<Month>().is_ok_and(|month| self.first <= month && month <= self.last)
    }
}

impl fmt::Display for Span {
    /// What it is to the second, so that nobody has to guess.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last } = self;
        let time = |instant: Timestamp| billing_api::Time(instant);
        let to = if first == last { String::new() } else { format!("..{last}") };
        write!(f, "period {first}{to}: from {} to before {}", time(first.start()), time(last.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    fn read(text: &str) -> Result<Span, String> {
        Span::read(text, "2026-11-21T12:00:00Z".parse().unwrap())
    }

    #[track_caller]
    fn check(text: &str, said: &str, months: usize) {
        let span = read(text).unwrap();
        assert_eq!((span.to_string().as_str(), span.months().count()), (said, months));
    }

    #[test]
    fn one_month_or_several_are_said_to_the_second() {
        check("2026-10", "period 2026-10: from 2026-10-01T00:00:00Z to before 2026-11-01T00:00:00Z", 1);
        check("last", "period 2026-10: from 2026-10-01T00:00:00Z to before 2026-11-01T00:00:00Z", 1);
        check("2025-12..last", "period 2025-12..2026-10: from 2025-12-01T00:00:00Z to before 2026-11-01T00:00:00Z", 11);
        check("2026-10..2026-10", "period 2026-10: from 2026-10-01T00:00:00Z to before 2026-11-01T00:00:00Z", 1);
    }

    #[test]
    fn what_is_no_span_says_how_to_write_one() {
        assert_eq!(
            read("2026-10..2026-01").unwrap_err(),
            "\"2026-10..2026-01\" ends before it begins; write the earlier month first, like 2026-01..2026-10"
        );
        for text in ["", "..", "2026-10..", "..2026-10", "2026"] {
            assert!(read(text).unwrap_err().contains("write it like 2026-10"), "{text}");
        }
    }

    #[test]
    fn a_month_is_in_it_or_not() {
        let span = read("2025-12..2026-02").unwrap();
        for (month, inside) in
            [("2025-11", false), ("2025-12", true), ("2026-02", true), ("2026-03", false), ("x", false)]
        {
            assert_eq!(span.contains(month), inside, "{month}");
        }
    }
}
