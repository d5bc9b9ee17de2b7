//! How far back closed months are settled.

use std::fmt;
use std::num::NonZeroU16;

use crate::time::month::Month;

/// How many months before its own the oldest is that a document settles. What is found later than that is billed no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateUsageWindow(Option<NonZeroU16>);

impl LateUsageWindow {
    /// Closed months are settled for ever.
    pub const UNLIMITED: Self = Self(None);

    /// So many months; 0 is no limit.
    pub const fn of_months(months: u16) -> Self {
        Self(NonZeroU16::new(months))
    }

    /// How many months it has; `None` without a limit.
    pub fn months(self) -> Option<u16> {
        self.0.map(NonZeroU16::get)
    }

    /// The oldest month that the document of `month` settles, of those from `first` on.
    pub fn oldest_settled(self, month: Month, first: Month) -> Month {
        self.0.map_or(first, |months| first.max(month.earlier(months.get().into())))
    }
}

impl fmt::Display for LateUsageWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("no limit"),
            Some(months) if months.get() == 1 => f.write_str("1 month"),
            Some(months) => write!(f, "{months} months"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_month_is_so_many_before() {
        let month = |text: &str| text.parse::<Month>().unwrap();
        let oldest =
            |months| LateUsageWindow::of_months(months).oldest_settled(month("2021-03"), month("2020-11")).to_string();
        assert_eq!(
            (oldest(1), oldest(4), oldest(5)),
            ("2021-02".to_owned(), "2020-11".to_owned(), "2020-11".to_owned())
        );
        assert_eq!((oldest(0), oldest(u16::MAX)), ("2020-11".to_owned(), "2020-11".to_owned()));
    }
}
