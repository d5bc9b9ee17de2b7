//! Windows of time that end where days in UTC are divided: so none crosses the end of a month.

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

    /// The window that begins at `start`: as long as it takes to the next boundary, and shorter than the others where `start` is
    /// none. So nothing is left out when a length changes, or before the first boundary.
    pub fn from(self, start: i64) -> Window {
        Window { start, end: (start.div_euclid(self.length) + 1) * self.length }
    }
}

impl Window {
    /// Its parts, none of them longer than `length`, in order.
    pub fn parts(self, length: i64) -> impl Iterator<Item = Self> {
        let Self { start, end } = self;
        (0..).map(move |number| start + number * length).take_while(move |start| *start < end).map(move |start| {
            let end = end.min(start + length);
            Self { start, end }
        })
    }

    /// How many milliseconds it lasts.
    pub fn length(self) -> i64 {
        self.end - self.start
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
    fn windows_follow_each_other_and_end_at_boundaries() {
        let windows = Windows::of(Duration::from_secs(6 * 3600)).unwrap();
        let window = |start: i64, end: i64| Window { start, end };
        assert_eq!(windows.from(0), window(0, 6 * HOUR));
        assert_eq!(windows.from(6 * HOUR), window(6 * HOUR, 12 * HOUR));
        assert_eq!(windows.from(HOUR), window(HOUR, 6 * HOUR), "the first one is shorter");
        assert_eq!(windows.from(-1), window(-1, 0));
    }

    #[test]
    fn the_parts_of_a_window_are_all_of_it() {
        let window = Window { start: HOUR / 2, end: 2 * HOUR };
        let parts: Vec<_> = window.parts(HOUR).map(|part| (part.start, part.end)).collect();
        assert_eq!(parts, [(HOUR / 2, HOUR * 3 / 2), (HOUR * 3 / 2, 2 * HOUR)]);
        assert_eq!(window.parts(3 * HOUR).collect::<Vec<_>>(), [window]);
        assert_eq!(window.length(), HOUR * 3 / 2);
    }
}
