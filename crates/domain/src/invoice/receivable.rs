//! Invoices that are to be paid: how much is open, and for how long it should have been paid.

use crate::money::amount::Money;
use crate::time::period::Timestamp;

/// A final invoice whose money is still expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receivable {
    /// How much is expected.
    pub open: Money,
    /// When it is due.
    pub due_at: Timestamp,
}

impl Receivable {
    /// Whether it should have been paid by now.
    pub fn is_past_due(&self, now: Timestamp) -> bool {
        self.due_at <= now
    }

    /// How old it is.
    pub fn aging_bucket(&self, now: Timestamp) -> AgingBucket {
        if !self.is_past_due(now) {
            return AgingBucket::NotDue;
        }
        // The day that begins with the due instant is the first.
        match now.signed_duration_since(self.due_at).num_days() + 1 {
            ..=30 => AgingBucket::UpTo30,
            31..=60 => AgingBucket::UpTo60,
            61..=90 => AgingBucket::UpTo90,
            _ => AgingBucket::Over90,
        }
    }
}

/// For how many days an invoice has been past due, as receivables are usually listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgingBucket {
    /// It is not.
    NotDue,
    /// 1 to 30.
    UpTo30,
    /// 31 to 60.
    UpTo60,
    /// 61 to 90.
    UpTo90,
    /// More.
    Over90,
}

impl AgingBucket {
    /// A word for it, as a label of metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotDue => "not_due",
            Self::UpTo30 => "1-30",
            Self::UpTo60 => "31-60",
            Self::UpTo90 => "61-90",
            Self::Over90 => "over_90",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The age of an invoice that was due on the 1st of October at noon.
    #[track_caller]
    fn check(now: &str, age: AgingBucket) {
        let instant = |text: &str| text.parse().unwrap();
        let open = Money::zero("USD".parse().unwrap());
        let receivable = Receivable { open, due_at: instant("2026-10-01T12:00:00Z") };
        assert_eq!(receivable.aging_bucket(instant(now)), age, "{now}");
        assert_eq!(receivable.is_past_due(instant(now)), age != AgingBucket::NotDue, "{now}");
    }

    #[test]
    fn a_receivable_ages_by_whole_days_from_the_instant_it_is_due() {
        check("2026-10-01T11:59:59Z", AgingBucket::NotDue);
        check("2026-10-01T12:00:00Z", AgingBucket::UpTo30);
        check("2026-10-31T11:59:59Z", AgingBucket::UpTo30);
        check("2026-10-31T12:00:00Z", AgingBucket::UpTo60);
        check("2026-11-30T11:59:59Z", AgingBucket::UpTo60);
        check("2026-11-30T12:00:00Z", AgingBucket::UpTo90);
        check("2026-12-30T11:59:59Z", AgingBucket::UpTo90);
        check("2026-12-30T12:00:00Z", AgingBucket::Over90);
    }
}
