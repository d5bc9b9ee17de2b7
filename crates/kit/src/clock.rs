//! The API server's clock, which decides every time that money depends on.
//!
//! The local clock may be wrong. Each answer of the API server carries a `Date` header, in whole
//! seconds: the server wrote it at some moment between our sending the request and our receiving
//! the answer. So one answer confines the offset between the clocks to an interval a little wider
//! than a second, and the intersection over many answers is soon a few milliseconds wide.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// An offset beyond this is logged: somebody should repair the node's clock.
const NOTABLE_OFFSET: TimeDelta = TimeDelta::seconds(2);

/// How fast clocks may drift apart between two measurements: one part in this many (500 ppm, the
/// fastest that NTP slews a clock).
const DRIFT_DIVISOR: i32 = 2000;

/// Where the local time comes from; tests and `--local-clock-offset` put another in its place.
pub trait LocalTime: Send + Sync {
    /// The local clock's time.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl LocalTime for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The machine's clock, set wrong by a fixed amount: what a test of a wrong clock runs with.
#[derive(Clone, Copy, Debug)]
pub struct ShiftedClock(pub TimeDelta);

impl LocalTime for ShiftedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + self.0
    }
}

/// One answer of the API server, seen by the local clock.
#[derive(Clone, Copy, Debug)]
pub struct Measurement {
    /// Local time just before the request was sent.
    pub sent: DateTime<Utc>,
    /// Local time just after the answer's head was received.
    pub received: DateTime<Utc>,
    /// The answer's `Date`: the server's time, cut to the second.
    pub date: DateTime<Utc>,
}

/// What is known of `server time − local time`: it lies in `[low, high]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// The least that it can be.
    pub low: TimeDelta,
    /// The most that it can be.
    pub high: TimeDelta,
}

impl Offset {
    /// What one answer proves.
    fn of(measurement: Measurement) -> Self {
        Self {
            low: measurement.date - measurement.received,
            high: measurement.date + TimeDelta::seconds(1) - measurement.sent,
        }
    }

    /// The value to correct the local clock by: nothing while the clocks may well agree, else the
    /// middle of what is possible.
    pub fn correction(self) -> TimeDelta {
        if self.low <= TimeDelta::zero() && self.high >= TimeDelta::zero() {
            return TimeDelta::zero();
        }
        self.low + (self.high - self.low) / 2
    }

    /// This knowledge, `elapsed` later.
    fn aged(self, elapsed: TimeDelta) -> Self {
        let drift = elapsed.max(TimeDelta::zero()) / DRIFT_DIVISOR;
        Self { low: self.low - drift, high: self.high + drift }
    }

    /// Both pieces of knowledge together; the newer one alone if they contradict each other, which
    /// they do when a clock was set, or another API server with another clock answered.
    fn refined_by(self, newer: Self) -> Self {
        let both = Self { low: self.low.max(newer.low), high: self.high.min(newer.high) };
        if both.low <= both.high { both } else { newer }
    }
}

/// The API server's clock, as well as it is known; clones share what was measured.
///
/// The only place that asks the local clock. It may step back a little when a measurement corrects
/// it: who needs increasing times makes them so.
#[derive(Clone)]
pub struct ServerClock {
    local: Arc<dyn LocalTime>,
    measured: Arc<Mutex<Option<Measured>>>,
}

#[derive(Clone, Copy, Debug)]
struct Measured {
    offset: Offset,
    /// Local time of the last measurement.
    at: DateTime<Utc>,
}

impl fmt::Debug for ServerClock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ServerClock").field("measured", &*self.measured()).finish_non_exhaustive()
    }
}

impl ServerClock {
    /// A clock that knows nothing yet: it follows `local` until the first answer.
    pub fn new(local: Arc<dyn LocalTime>) -> Self {
        Self { local, measured: Arc::default() }
    }

    /// The API server's time.
    pub fn now(&self) -> DateTime<Utc> {
        self.local.now() + self.correction()
    }

    /// The local clock's time, uncorrected: what [`Measurement`] wants.
    pub fn local_now(&self) -> DateTime<Utc> {
        self.local.now()
    }

    /// How much is added to the local clock; zero before the first measurement.
    pub fn correction(&self) -> TimeDelta {
        self.measured().map_or(TimeDelta::zero(), |measured| measured.offset.correction())
    }

    /// What is known of the offset; none before the first measurement.
    pub fn offset(&self) -> Option<Offset> {
        self.measured().map(|measured| measured.offset)
    }

    /// Learns from an answer of the API server.
    pub fn record(&self, measurement: Measurement) {
        let newer = Offset::of(measurement);
        let mut measured = self.measured();
        let before = *measured;
        let offset = before.map_or(newer, |known| known.offset.aged(measurement.received - known.at).refined_by(newer));
        *measured = Some(Measured { offset, at: measurement.received });
        drop(measured);
        report(before.map(|known| known.offset.correction()), offset.correction());
    }

    fn measured(&self) -> MutexGuard<'_, Option<Measured>> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says so when the clocks begin, and when they cease, to differ notably.
fn report(before: Option<TimeDelta>, after: TimeDelta) {
    let notable = |offset: TimeDelta| offset.abs() > NOTABLE_OFFSET;
    let seconds = after.as_seconds_f64();
    match (before.is_some_and(notable), notable(after)) {
        (false, true) => tracing::warn!(
            offset_seconds = seconds,
            "the local clock and the API server's differ; billing follows the API server's: check NTP on both"
        ),
        (true, false) => tracing::info!(offset_seconds = seconds, "the local clock and the API server's agree again"),
        (true, true) | (false, false) => {}
    }
}

/// A local clock that stands still, at a time of the test's choice.
#[cfg(test)]
pub(super) struct StoppedClock(pub DateTime<Utc>);

#[cfg(test)]
impl LocalTime for StoppedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + millis(seconds)
    }

    fn millis(seconds: f64) -> TimeDelta {
        TimeDelta::milliseconds((seconds * 1000.0).round() as i64)
    }

    /// The answer to a request sent at `sent` and received at `received` (local seconds) by a
    /// server whose clock is `ahead`, written half-way.
    fn answer(sent: f64, received: f64, ahead: f64) -> Measurement {
        let date = (f64::midpoint(sent, received) + ahead).floor();
        Measurement { sent: at(sent), received: at(received), date: at(date) }
    }

    fn clock(local: f64) -> ServerClock {
        ServerClock::new(Arc::new(StoppedClock(at(local))))
    }

    #[test]
    fn without_an_answer_it_is_the_local_clock() {
        let clock = clock(1000.0);
        assert_eq!((clock.now(), clock.offset()), (at(1000.0), None));
    }

    #[test]
    fn clocks_that_may_agree_are_not_corrected() {
        let clock = clock(1000.0);
        clock.record(answer(1000.2, 1000.3, 0.0));
        assert_eq!(clock.now(), at(1000.0));
    }

    #[test]
    fn a_clock_five_minutes_slow_is_known_within_a_second_after_one_answer() {
        let clock = clock(1000.0);
        clock.record(answer(1000.2, 1000.24, 300.0));
        let error = clock.now() - at(1300.0);
        assert!(error.abs() <= millis(0.52), "{error}");
    }

    #[test]
    fn answers_at_other_moments_of_the_second_narrow_the_offset() {
        let clock = clock(1000.0);
        for step in 0..40 {
            let sent = 1000.0 + f64::from(step) * 1.07;
            clock.record(answer(sent, sent + 0.004, -7.25));
        }
        let offset = clock.offset().expect("measured");
        assert!(offset.low <= millis(-7.25) && millis(-7.25) <= offset.high, "{offset:?}");
        assert!(offset.high - offset.low < millis(0.1), "{offset:?}");
        assert!((clock.now() - at(992.75)).abs() < millis(0.05));
    }

    #[test]
    fn a_clock_that_was_set_is_followed_by_the_next_contradicting_answer() {
        let clock = clock(1000.0);
        clock.record(answer(1000.0, 1000.1, 60.0));
        clock.record(answer(1001.0, 1001.1, 0.0));
        assert_eq!(clock.correction(), TimeDelta::zero());
    }

    #[test]
    fn old_knowledge_yields_to_drift() {
        let known = Offset { low: millis(5.0), high: millis(5.1) };
        let aged = known.aged(TimeDelta::seconds(100));
        assert_eq!(aged, Offset { low: millis(4.95), high: millis(5.15) });
    }
}
