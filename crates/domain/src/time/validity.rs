//! From which month to which something that was agreed is in force.

use crate::time::month::Month;

/// The months in which a term is in force, the first and the last included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Validity {
    /// The first month; `None`: from the group's first period on.
    pub first: Option<Month>,
    /// The last month; `None`: without end.
    pub last: Option<Month>,
}

impl Validity {
    /// Whether the term is in force in the month.
    pub fn contains(self, month: Month) -> bool {
        self.first.is_none_or(|first| first <= month) && self.last.is_none_or(|last| month <= last)
    }
}
