//! Which key is due when: the queue's state, as a pure function of what happened and of `now`.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use super::progress::Progress;
use super::{Backoff, Outcome, QueueHealth};

/// What is known of one key; a key without an entry was never seen or is long done.
#[derive(Debug, Default)]
struct Entry {
    /// When it wants to run next. While it runs: when it wants to run again afterwards.
    due: Option<Instant>,
    /// When the queue looks at it next; its place in `Schedule::order`. None while it runs.
    wake: Option<Instant>,
    /// When it last started, for the minimum interval.
    started: Option<Instant>,
    /// How the handler that works on it gets on; `None` while none does.
    running: Option<Progress>,
    /// Failures in a row.
    failures: u32,
}

/// The keys of a queue in the order in which they are due.
///
/// Guarantees: a key never runs twice at once; an [`add`](Self::add) is followed by a start that
/// begins after it; two starts of a key are at least the minimum interval apart.
#[derive(Debug)]
pub(super) struct Schedule<K> {
    entries: HashMap<K, Entry>,
    order: BTreeSet<(Instant, K)>,
    min_interval: Duration,
    backoff: Backoff,
}

impl<K: Hash + Eq + Clone + Ord> Schedule<K> {
    pub(super) fn new(min_interval: Duration, backoff: Backoff) -> Self {
        Self { entries: HashMap::new(), order: BTreeSet::new(), min_interval, backoff }
    }

    /// Wants `key` to run at `due`, or as soon after it as the minimum interval allows. The
    /// earliest wish wins.
    pub(super) fn add(&mut self, key: K, due: Instant) {
        let entry = self.entries.entry(key.clone()).or_default();
        let floor = entry.started.map_or(due, |started| started + self.min_interval);
        let due = due.max(floor);
        let due = entry.due.map_or(due, |earlier| earlier.min(due));
        entry.due = Some(due);
        if entry.running.is_none() {
            self.wake_at(key, due);
        }
    }

    /// Starts the key that has been due for longest, if one is.
    pub(super) fn start(&mut self, now: Instant) -> Option<K> {
        while self.order.first().is_some_and(|(wake, _)| *wake <= now) {
            let (_, key) = self.order.pop_first()?;
            if self.start_or_forget(&key, now) {
                return Some(key);
            }
        }
        None
    }

    /// Starts `key`, or drops it if nothing wants it to run any more.
    fn start_or_forget(&mut self, key: &K, now: Instant) -> bool {
        let Some(entry) = self.entries.get_mut(key) else {
            return false;
        };
        if entry.due.take().is_none() {
            self.entries.remove(key);
            return false;
        }
        entry.wake = None;
        entry.started = Some(now);
        entry.running = Some(Progress::new(now));
        true
    }

    /// How the handler of a key that was started gets on.
    pub(super) fn progress(&self, key: &K) -> Option<Progress> {
        self.entries.get(key)?.running.clone()
    }

    /// Takes note of how a started key ended.
    pub(super) fn finish(&mut self, key: K, outcome: Outcome, now: Instant) {
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        entry.running = None;
        let again = match outcome {
            Outcome::Done => None,
            Outcome::After(delay) => Some(now + delay),
            Outcome::Failed => {
                // What was added during the run is served by the retry: a key that changes while
                // it fails does not escape its back-off.
                entry.due = None;
                Some(now + self.backoff.delay(&key, entry.failures + 1))
            }
        };
        entry.failures = if outcome == Outcome::Failed { entry.failures + 1 } else { 0 };
        match (again, entry.due) {
            (Some(due), _) => self.add(key, due),
            (None, Some(due)) => self.wake_at(key, due),
            (None, None) => self.forget_later(key, now),
        }
    }

    /// Keeps an idle key for as long as its last start matters to the minimum interval.
    fn forget_later(&mut self, key: K, now: Instant) {
        let started = self.entries.get(&key).and_then(|entry| entry.started);
        match started.map(|started| started + self.min_interval) {
            Some(until) if until > now => self.wake_at(key, until),
            _ => {
                self.entries.remove(&key);
            }
        }
    }

    fn wake_at(&mut self, key: K, wake: Instant) {
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        if let Some(before) = entry.wake.replace(wake) {
            self.order.remove(&(before, key.clone()));
        }
        self.order.insert((wake, key));
    }

    /// When [`start`](Self::start) is worth calling again; none while nothing waits.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.order.first().map(|(wake, _)| *wake)
    }

    /// What a health check and the metrics want to know.
    pub(super) fn health(&self, now: Instant) -> QueueHealth {
        let running = || self.entries.values().filter(|entry| entry.running.is_some());
        let due = |entry: &&Entry| entry.running.is_none() && entry.due.is_some_and(|due| due <= now);
        QueueHealth {
            waiting: self.entries.values().filter(due).count(),
            running: running().count(),
            longest_running: running()
                .filter_map(|entry| entry.started)
                .map(|started| now.saturating_duration_since(started))
                .max()
                .unwrap_or_default(),
            longest_silence: running()
                .filter_map(|entry| entry.running.as_ref())
                .map(|progress| progress.silence(now))
                .max()
                .unwrap_or_default(),
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn schedule(min_interval: Duration) -> (Schedule<&'static str>, Instant) {
        let backoff = Backoff { first: SECOND * 8, cap: SECOND * 60 };
        (Schedule::new(min_interval, backoff), Instant::now())
    }

    #[test]
    fn the_earliest_wish_wins() {
        let (mut schedule, t0) = schedule(Duration::ZERO);
        schedule.add("a", t0 + SECOND * 9);
        schedule.add("a", t0 + SECOND * 3);
        schedule.add("a", t0 + SECOND * 5);
        assert_eq!(schedule.start(t0 + SECOND * 2), None);
        assert_eq!(schedule.start(t0 + SECOND * 3), Some("a"));
        schedule.finish("a", Outcome::Done, t0 + SECOND * 4);
        assert_eq!(schedule.start(t0 + SECOND * 20), None);
    }

    #[test]
    fn keys_start_in_the_order_in_which_they_were_due() {
        let (mut schedule, t0) = schedule(Duration::ZERO);
        schedule.add("b", t0 + SECOND);
        schedule.add("a", t0 + SECOND * 2);
        let now = t0 + SECOND * 5;
        assert_eq!([schedule.start(now), schedule.start(now), schedule.start(now)], [Some("b"), Some("a"), None]);
    }

    #[test]
    fn an_add_during_a_run_runs_the_key_once_more_and_never_twice_at_once() {
        let (mut schedule, t0) = schedule(Duration::ZERO);
        schedule.add("a", t0);
        assert_eq!(schedule.start(t0), Some("a"));
        schedule.add("a", t0);
        schedule.add("a", t0);
        assert_eq!(schedule.start(t0 + SECOND), None);
        schedule.finish("a", Outcome::Done, t0 + SECOND);
        assert_eq!(schedule.start(t0 + SECOND), Some("a"));
        schedule.finish("a", Outcome::Done, t0 + SECOND);
        assert_eq!(schedule.start(t0 + SECOND * 99), None);
    }

    #[test]
    fn the_first_add_runs_at_once_and_later_ones_wait_for_the_interval() {
        let (mut schedule, t0) = schedule(SECOND * 10);
        schedule.add("a", t0);
        assert_eq!(schedule.start(t0), Some("a"));
        schedule.finish("a", Outcome::Done, t0 + SECOND);
        schedule.add("a", t0 + SECOND * 2);
        schedule.add("a", t0 + SECOND * 3);
        assert_eq!(schedule.start(t0 + SECOND * 9), None);
        assert_eq!(schedule.start(t0 + SECOND * 10), Some("a"));
    }

    #[test]
    fn an_idle_key_is_forgotten_once_its_interval_is_over() {
        let (mut schedule, t0) = schedule(SECOND * 10);
        schedule.add("a", t0);
        assert_eq!(schedule.start(t0), Some("a"));
        schedule.finish("a", Outcome::Done, t0 + SECOND);
        assert_eq!(schedule.len(), 1);
        assert_eq!(schedule.start(t0 + SECOND * 10), None);
        assert_eq!(schedule.len(), 0);
    }

    #[test]
    fn failures_back_off_and_a_success_resets_them() {
        let (mut schedule, t0) = schedule(Duration::ZERO);
        let mut now = t0;
        schedule.add("a", now);
        let mut waits = Vec::new();
        for outcome in [Outcome::Failed, Outcome::Failed, Outcome::After(SECOND), Outcome::Failed] {
            now = schedule.next_wake().expect("due");
            assert_eq!(schedule.start(now), Some("a"));
            schedule.add("a", now); // does not escape the back-off
            schedule.finish("a", outcome, now);
            waits.push(schedule.next_wake().expect("due") - now);
        }
        assert!(waits[0] > SECOND * 6 && waits[1] > SECOND * 12, "{waits:?}");
        assert_eq!(waits[2], Duration::ZERO, "the add during the run is earlier than After");
        assert_eq!(waits[3], waits[0], "counted from one again");
    }

    #[test]
    fn an_add_after_a_failure_hastens_the_retry() {
        let (mut schedule, t0) = schedule(Duration::ZERO);
        schedule.add("a", t0);
        assert_eq!(schedule.start(t0), Some("a"));
        schedule.finish("a", Outcome::Failed, t0);
        schedule.add("a", t0 + SECOND);
        assert_eq!(schedule.start(t0 + SECOND), Some("a"));
    }

    #[test]
    fn health_tells_what_waits_and_how_long_the_slowest_runs() {
        let (mut schedule, t0) = schedule(Duration::ZERO);
        for key in ["a", "b"] {
            schedule.add(key, t0);
        }
        schedule.add("later", t0 + SECOND * 60);
        assert_eq!(schedule.start(t0), Some("a"));
        let health = schedule.health(t0 + SECOND * 5);
        assert_eq!(
            health,
            QueueHealth { waiting: 1, running: 1, longest_running: SECOND * 5, longest_silence: SECOND * 5 }
        );
        assert!(health.check(SECOND * 5).is_ok() && health.check(SECOND * 4).is_err());
    }
}
