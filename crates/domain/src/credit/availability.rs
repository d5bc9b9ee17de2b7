//! How a credit stands.

use super::Credit;
use crate::time::month::Month;

/// How a credit stands for the months of its group that are not final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// An invoice that is not final can use it.
    Usable,
    /// It starts after the month that runs.
    NotYet,
    /// It expired before the oldest month that is not final.
    Expired,
    /// All of it is consumed.
    Exhausted,
    /// It is being deleted.
    Withdrawn,
}

impl Availability {
    /// Its name, as the reason of a condition.
    pub fn as_str(self) -> &'static str {
        match self {
            Availability::Usable => "Usable",
            Availability::NotYet => "NotYet",
            Availability::Expired => "Expired",
            Availability::Exhausted => "Exhausted",
            Availability::Withdrawn => "Deleted",
        }
    }
}

impl Credit {
    /// How it stands while `oldest` is the first month of its group that is not final, and `current` the one that
    /// runs. A credit that expired within a month still pays for that month, until that is final.
    pub fn availability(&self, oldest: Month, current: Month) -> Availability {
        if self.consumed() == self.amount {
            return Availability::Exhausted;
        }
        if self.withdrawn {
            return Availability::Withdrawn;
        }
        if self.validity.expires.is_some_and(|expires| expires <= oldest.start()) {
            return Availability::Expired;
        }
        match self.validity.starts {
            Some(starts) if current.end() <= starts => Availability::NotYet,
            _ => Availability::Usable,
        }
    }
}
