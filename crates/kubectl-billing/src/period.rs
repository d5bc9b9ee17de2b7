//! Months as people name them: `2026-10`, `this`, `last`, `october`.

use billing_domain::{Month, Timestamp};

/// The names of months, in order; three letters are enough.
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The month that a word names. A name without a year is the last such month that has begun.
///
/// # Errors
/// It names none, with what to write.
pub fn month(word: &str, now: Timestamp) -> Result<Month, String> {
    let this = Month::of(now);
    let lower = word.trim().to_lowercase().replace(['_', ' '], "-");
    match lower.as_str() {
        "this" | "this-month" | "current" | "now" | "today" | "open" => return Ok(this),
        "last" | "last-month" | "previous" | "previous-month" | "prev" => return Ok(this.prev()),
        _ => {}
    }
    if let Some(month) = spelled(&lower).and_then(|written| written.parse().ok()) {
        return Ok(month);
    }
    named(&lower, this).ok_or_else(|| format!("{word:?} is no month; write it like 2026-10, or this, or last"))
}

/// `2026-10`, `2026/10`, `202610` and `2026-1` as `2026-10`.
fn spelled(word: &str) -> Option<String> {
    let digits: String = word.chars().filter(char::is_ascii_digit).collect();
    if word.chars().any(|c| !(c.is_ascii_digit() || matches!(c, '-' | '/' | '.'))) {
        return None;
    }
    let (year, month) = (digits.get(..4)?, digits.get(4..)?);
    match month.len() {
        1 => Some(format!("{year}-0{month}")),
        2 => Some(format!("{year}-{month}")),
        _ => None,
    }
}

/// `october`, `oct` and `oct-2025`.
fn named(word: &str, this: Month) -> Option<Month> {
    let (name, year) = match word.split_once('-') {
        Some((name, year)) => (name, Some(year)),
        None => (word, None),
    };
    let at = MONTHS.iter().position(|month| name.len() >= 3 && month.starts_with(name))? + 1;
    if let Some(year) = year {
        return format!("{year}-{at:02}").parse().ok();
    }
    let mut month = this;
    for _ in 0..MONTHS.len() {
        if month.to_string().ends_with(&format!("-{at:02}")) {
            return Some(month);
        }
        month = month.prev();
    }
    None
}

/// What a month is, to the second: for standard error, so that nobody has to guess.
pub fn echo(month: Month) -> String {
    let time = |instant: Timestamp| billing_api::Time(instant).to_string();
    format!("period {month}: from {} to before {}", time(month.start()), time(month.next().start()))
}

#[cfg(test)]
mod tests {
    use super::{echo, month};

    #[track_caller]
    fn check(word: &str, expected: &str) {
        let now = "2026-01-21T12:00:00Z".parse().unwrap();
        assert_eq!(month(word, now).map(|month| month.to_string()), Ok(expected.to_owned()), "{word}");
    }

    #[test]
    fn months_are_what_people_write() {
        for word in
            ["this", "this-month", "This Month", "current", "2026-01", "2026/01", "202601", "2026-1", "jan", "January"]
        {
            check(word, "2026-01");
        }
        for word in ["last", "last-month", "LAST_MONTH", "previous", "2025-12", "december", "dec-2025"] {
            check(word, "2025-12");
        }
        check("may", "2025-05");
        check("oct-2024", "2024-10");
    }

    #[test]
    fn what_is_no_month_says_how_to_write_one() {
        let now = "2026-01-21T12:00:00Z".parse().unwrap();
        for word in ["", "ma", "13", "2026", "2026-13", "2026-10-01", "yesterday", "1e2"] {
            let error = month(word, now).unwrap_err();
            assert!(error.contains("write it like 2026-10, or this, or last"), "{word}: {error}");
        }
    }

    #[test]
    fn a_month_is_said_to_the_second() {
        let now = "2026-11-21T12:00:00Z".parse().unwrap();
        let said = echo(month("last", now).unwrap());
        assert_eq!(said, "period 2026-10: from 2026-10-01T00:00:00Z to before 2026-11-01T00:00:00Z");
    }
}
