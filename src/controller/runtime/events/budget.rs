//! Which events are worth a write: no repetition, no flood. A pure function of what came and `now`.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use super::{Notice, Severity};

/// The same notice about the same object is not said again within this time.
const REPETITION: Duration = Duration::from_secs(600);

/// Once so many notices are remembered, the old ones are swept.
const REMEMBERED: usize = 4096;

/// So many events may be published at once …
const BURST: u32 = 25;

/// … and one more after each of these.
const REFILL: Duration = Duration::from_secs(1);

/// Notices of one kind that wait to be told in one event.
#[derive(Debug)]
struct Held {
    last: Notice,
    count: usize,
}

/// What notices are summarised by.
type Topic = (Severity, &'static str, Option<String>);

/// Lets a burst through, and then one event a second that stands for all of its kind.
#[derive(Debug)]
pub(super) struct Budget {
    tokens: u32,
    refilled: Instant,
    said: HashMap<(Option<String>, &'static str, String), Instant>,
    held: BTreeMap<Topic, Held>,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self { tokens: BURST, refilled: now, said: HashMap::new(), held: BTreeMap::new() }
    }

    /// Takes a notice; gives it back if it is to be published now. Otherwise it was said already, or
    /// waits for [`due`](Self::due).
    pub(super) fn take(&mut self, notice: Notice, now: Instant) -> Option<Notice> {
        if self.was_said(&notice, now) {
            return None;
        }
        self.refill(now);
        if self.tokens > 0 {
            self.tokens -= 1;
            return Some(notice);
        }
        let topic = (notice.severity, notice.reason, notice.regarding.namespace.clone());
        let held = self.held.entry(topic).or_insert_with(|| Held { last: notice.clone(), count: 0 });
        *held = Held { last: notice, count: held.count + 1 };
        None
    }

    /// A summary of notices that wait, once there is room for one.
    pub(super) fn due(&mut self, now: Instant) -> Option<Notice> {
        self.refill(now);
        if self.tokens == 0 {
            return None;
        }
        let (_, held) = self.held.pop_first()?;
        self.tokens -= 1;
        Some(held.summary())
    }

    /// When [`due`](Self::due) has something; none while nothing waits.
    pub(super) fn next(&self) -> Option<Instant> {
        if self.held.is_empty() {
            return None;
        }
        Some(if self.tokens > 0 { self.refilled } else { self.refilled + REFILL })
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.refilled).as_secs() / REFILL.as_secs();
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(passed).min(BURST);
        self.refilled += REFILL * passed;
    }

    fn was_said(&mut self, notice: &Notice, now: Instant) -> bool {
        let recent = |said: &Instant| now.saturating_duration_since(*said) < REPETITION;
        if self.said.len() >= REMEMBERED {
            self.said.retain(|_, said| recent(said));
        }
        let object = notice.regarding.uid.clone().or_else(|| notice.regarding.name.clone());
        let key = (object, notice.reason, notice.note.clone());
        if self.said.get(&key).is_some_and(recent) {
            return true;
        }
        self.said.insert(key, now);
        false
    }
}

impl Held {
    /// The last notice, which speaks for the others.
    fn summary(self) -> Notice {
        let others = self.count - 1;
        let mut notice = self.last;
        if others > 0 {
            notice.note = format!("{} (and {others} more of the kind)", notice.note);
        }
        notice
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ObjectReference;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn notice(name: &str, note: &str) -> Notice {
        let regarding = ObjectReference {
            name: Some(name.to_owned()),
            namespace: Some("acme".to_owned()),
            ..ObjectReference::default()
        };
        Notice { regarding, severity: Severity::Normal, reason: "Bound", action: "Bind", note: note.to_owned() }
    }

    #[test]
    fn a_repetition_is_said_once_and_again_much_later() {
        let t0 = Instant::now();
        let mut budget = Budget::new(t0);
        assert!(budget.take(notice("a", "x"), t0).is_some());
        assert!(budget.take(notice("a", "x"), t0 + SECOND * 599).is_none());
        assert!(budget.take(notice("a", "y"), t0 + SECOND * 599).is_some());
        assert!(budget.take(notice("b", "x"), t0 + SECOND * 599).is_some());
        assert!(budget.take(notice("a", "x"), t0 + SECOND * 600).is_some());
        assert_eq!(budget.next(), None);
    }

    #[test]
    fn a_flood_becomes_one_event_a_second_that_counts_the_others() {
        let t0 = Instant::now();
        let mut budget = Budget::new(t0);
        let published = (0..1000).filter_map(|number| budget.take(notice(&number.to_string(), "bound"), t0)).count();
        assert_eq!(published, 25);
        assert!(budget.due(t0).is_none());
        let next = budget.next().expect("some wait");
        assert_eq!(next, t0 + SECOND);
        let summary = budget.due(next).expect("room for one");
        assert_eq!(summary.note, "bound (and 974 more of the kind)");
        assert_eq!(summary.regarding.name.as_deref(), Some("999"));
        assert!(budget.due(next + SECOND).is_none() && budget.next().is_none());
    }

    #[test]
    fn what_is_remembered_is_swept() {
        let t0 = Instant::now();
        let mut budget = Budget::new(t0);
        for number in 0..REMEMBERED {
            budget.take(notice(&number.to_string(), "bound"), t0);
        }
        budget.take(notice("later", "bound"), t0 + SECOND * 600);
        assert_eq!(budget.said.len(), 1);
    }
}
