//! Windows of time, aligned to days in UTC: so none crosses the end of a month.

use std::time::Duration;

/// A day in milliseconds.
const DAY: i64 = 86_400_000;

/// A window, in milliseconds since 1970: what happens after its start, up to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// Where it begins.
    pub start: i64,
    /// Where it ends, and the next one begins.
    pub end: i64,
}

/// Why a length is none of windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a window must divide a day: 15m, 1h, 6h, 24h")]
pub struct WindowError;

/// All windows of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    length: i64,
}

impl Windows {
    /// Windows that are so long.
    ///
    /// # Errors
    /// The length does not divide a day, in whole seconds.
    pub fn of(length: Duration) -> Result<Self, WindowError> {
        let length = i64::try_from(length.as_millis()).map_err(|_| WindowError)?;
        let divides = length > 0 && length % 1000 == 0 && DAY % length == 0;
        if divides { Ok(Self { length }) } else { Err(WindowError) }
    }

    /// The windows that are over, `delay` included, of those that begin at `after` or later, in order. `now` and `after` are
    /// milliseconds since 1970.
    pub fn over(self, after: i64, now: i64, delay: i64) -> impl Iterator<Item = Window> {
        let first = after.div_euclid(self.length) * self.length;
        let first = if first < after { first + self.length } else { first };
        let window = move |at: i64| Window { start: at, end: at + self.length };
        (0..)
            .map(move |number| window(first + number * self.length))
            .take_while(move |window| window.end + delay <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_window_divides_a_day() {
        for seconds in [1, 900, 3600, 6 * 3600, 86_400] {
            assert!(Windows::of(Duration::from_secs(seconds)).is_ok(), "{seconds}");
        }
        for length in [0, 7, 5 * 3600, 48 * 3600] {
            assert_eq!(Windows::of(Duration::from_secs(length)), Err(WindowError), "{length}");
        }
        assert_eq!(Windows::of(Duration::from_millis(1500)), Err(WindowError));
    }

    #[test]
    fn windows_are_over_when_their_delay_is_and_come_in_order() {
        let windows = Windows::of(Duration::from_secs(6 * 3600)).unwrap();
        let over = |after: i64, now: i64| -> Vec<_> {
            windows.over(after, now, 900_000).map(|window| (window.start / HOUR, window.end / HOUR)).collect()
        };
        assert_eq!(over(0, 6 * HOUR), []);
        assert_eq!(over(0, 6 * HOUR + 900_000), [(0, 6)]);
        assert_eq!(over(1, 24 * HOUR), [(6, 12), (12, 18)]);
        assert_eq!(over(6 * HOUR, 25 * HOUR), [(6, 12), (12, 18), (18, 24)], "an outage is caught up");
        assert_eq!(over(-6 * HOUR, 900_000), [(-6, 0)]);
    }
}
