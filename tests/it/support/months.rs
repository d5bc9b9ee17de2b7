//! The months of a run.
//!
//! The API server's clock is this machine's, and cannot be set: the month that runs is open to the operator, and whoever writes
//! "the open month" means that one. So a run asks once, and does not begin where the month could end during it: it waits for the
//! next one. A run that takes longer than [`LONGEST_RUN`] can still see the end of its month.

use std::{sync::LazyLock, thread, time::Duration};

use billing_domain::{Month, Timestamp};
use chrono::{TimeDelta, Utc};

/// How long a run of all tests takes at most.
const LONGEST_RUN: TimeDelta = TimeDelta::minutes(40);

/// Clocks and leap seconds: when a month is waited for, it has begun for everybody.
const MARGIN: TimeDelta = TimeDelta::seconds(2);

static OPEN_MONTH: LazyLock<Month> = LazyLock::new(|| {
    let (month, wait) = month_of_a_run(Utc::now());
    if !wait.is_zero() {
        eprintln!("the month ends soon: the tests wait {} s for {month}", wait.as_secs());
        thread::sleep(wait);
    }
    month
});

/// The month that runs, for all of this run.
pub fn open_month() -> Month {
    *OPEN_MONTH
}

/// The month so many months before the open one.
pub fn back(months: usize) -> Month {
    (0..months).fold(open_month(), |month, _| month.prev())
}

/// The month in which a run that is to begin now runs from its start to its end, and how long it is until then.
fn month_of_a_run(now: Timestamp) -> (Month, Duration) {
    let month = Month::of(now);
    let left = month.end() - now;
    if left > LONGEST_RUN {
        return (month, Duration::ZERO);
    }
    (month.next(), (left + MARGIN).to_std().unwrap_or(Duration::ZERO))
}

#[test]
fn a_run_that_could_see_the_end_of_its_month_begins_in_the_next() {
    let check = |now: &str, month: &str, seconds: u64| {
        let (found, wait) = month_of_a_run(now.parse().unwrap());
        assert_eq!((found.to_string().as_str(), wait.as_secs()), (month, seconds), "{now}");
    };
    check("2026-11-01T00:00:00Z", "2026-11", 0);
    check("2026-11-30T23:19:59Z", "2026-11", 0);
    check("2026-11-30T23:20:00Z", "2026-12", 2402);
    check("2026-12-31T23:59:59.5Z", "2027-01", 2);
    check("2028-02-29T23:59:00Z", "2028-03", 62);
}
