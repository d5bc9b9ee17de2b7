//! Which events are worth a write: no repetition, no flood. A pure function of what came and `now`.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use super::{Notice, Severity};

/// The same notice about the same object is not said again within this time.
const REPEAT_INTERVAL: Duration = Duration::from_secs(600);

/// Once so many notices are remembered, the old ones are swept.
const MAX_REMEMBERED: usize = 4096;

/// What may be published of all organizations together.
const TOTAL_RATE: RefillRate = RefillRate { burst: 100, refill: Duration::from_millis(200) };

/// What may be published of one organization.
const ORGANIZATION_RATE: RefillRate = RefillRate { burst: 25, refill: Duration::from_secs(1) };

/// So many events at once, and one more after each `refill`.
#[derive(Debug, Clone, Copy)]
struct RefillRate {
    burst: u32,
    refill: Duration,
}

/// Room for events.
#[derive(Debug)]
struct Bucket {
    rate: RefillRate,
    tokens: u32,
    refilled: Instant,
}

/// Notices of one kind that wait to be told in one event.
#[derive(Debug)]
struct PendingNotices {
    last: Notice,
    count: usize,
    since: Instant,
}

/// What notices of an organization are summarised by.
type Topic = (Severity, &'static str);

/// The room of one organization, and its notices that wait.
#[derive(Debug)]
struct OrganizationBudget {
    bucket: Bucket,
    pending: BTreeMap<Topic, PendingNotices>,
}

/// Lets a burst through, and then now and then an event that stands for all of its kind. Each organization has room of its
/// own, so a flood in one delays no news of another.
#[derive(Debug)]
pub(super) struct Budget {
    all: Bucket,
    organizations: BTreeMap<Option<String>, OrganizationBudget>,
    published: HashMap<(Option<String>, &'static str, String), Instant>,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self { all: Bucket::new(TOTAL_RATE, now), organizations: BTreeMap::new(), published: HashMap::new() }
    }

    /// Takes a notice; gives it back if it is to be published now. Otherwise it was said already, or
    /// waits for [`due`](Self::due).
    pub(super) fn take(&mut self, notice: Notice, now: Instant) -> Option<Notice> {
        if self.is_repetition(&notice, now) {
            return None;
        }
        let share =
            self.organizations.entry(notice.organization.clone()).or_insert_with(|| OrganizationBudget::new(now));
        if self.all.has_room(now) && share.bucket.has_room(now) {
            self.all.tokens -= 1;
            share.bucket.tokens -= 1;
            return Some(notice);
        }
        share.hold(notice, now);
        None
    }

    /// A summary of notices that wait, once there is room for one: of the organization that waits longest.
    pub(super) fn due(&mut self, now: Instant) -> Option<Notice> {
        if !self.all.has_room(now) {
            return None;
        }
        let waiting = self.organizations.values_mut().filter(|share| !share.pending.is_empty());
        let share = waiting
            .filter_map(|share| share.bucket.has_room(now).then_some(share))
            .min_by_key(|share| share.since())?;
        let (_, pending) = share.pending.pop_first()?;
        self.all.tokens -= 1;
        share.bucket.tokens -= 1;
        Some(pending.summary())
    }

    /// When [`due`](Self::due) has something; none while nothing waits.
    pub(super) fn next(&self) -> Option<Instant> {
        let waiting = self.organizations.values().filter(|share| !share.pending.is_empty());
        let first = waiting.map(|share| share.bucket.room_at()).min()?;
        Some(first.max(self.all.room_at()))
    }

    fn is_repetition(&mut self, notice: &Notice, now: Instant) -> bool {
        let recent = |published: &Instant| now.saturating_duration_since(*published) < REPEAT_INTERVAL;
        if self.published.len() >= MAX_REMEMBERED {
            self.published.retain(|_, published| recent(published));
        }
        let object = notice.regarding.uid.clone().or_else(|| notice.regarding.name.clone());
        let key = (object, notice.reason, notice.note.clone());
        if self.published.get(&key).is_some_and(recent) {
            return true;
        }
        self.published.insert(key, now);
        false
    }
}

impl Bucket {
    fn new(rate: RefillRate, now: Instant) -> Self {
        Self { rate, tokens: rate.burst, refilled: now }
    }

    fn has_room(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.refilled).as_nanos() / self.rate.refill.as_nanos();
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        self.tokens = self.tokens.saturating_add(passed).min(self.rate.burst);
        self.refilled += self.rate.refill * passed;
        self.tokens > 0
    }

    fn room_at(&self) -> Instant {
        if self.tokens > 0 { self.refilled } else { self.refilled + self.rate.refill }
    }
}

impl OrganizationBudget {
    fn new(now: Instant) -> Self {
        Self { bucket: Bucket::new(ORGANIZATION_RATE, now), pending: BTreeMap::new() }
    }

    fn hold(&mut self, notice: Notice, now: Instant) {
        match self.pending.entry((notice.severity, notice.reason)) {
            Entry::Vacant(place) => drop(place.insert(PendingNotices { last: notice, count: 1, since: now })),
            Entry::Occupied(mut pending) => {
                pending.get_mut().last = notice;
                pending.get_mut().count += 1;
            }
        }
    }

    /// Since when something waits.
    fn since(&self) -> Option<Instant> {
        self.pending.values().map(|pending| pending.since).min()
    }
}

impl PendingNotices {
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
        let organization = Some("acme".to_owned());
        Notice {
            regarding,
            organization,
            severity: Severity::Normal,
            reason: "Bound",
            action: "Bind",
            note: note.to_owned(),
        }
    }

    fn notice_of(organization: &str, name: &str) -> Notice {
        Notice { organization: Some(organization.to_owned()), ..notice(name, "bound") }
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
    fn a_flood_in_one_organization_delays_no_news_of_another() {
        let t0 = Instant::now();
        let mut budget = Budget::new(t0);
        (0..1000).for_each(|number| drop(budget.take(notice_of("acme", &number.to_string()), t0)));
        for number in 0..25 {
            assert!(budget.take(notice_of("umbra", &format!("u-{number}")), t0).is_some(), "{number}");
        }
        assert!(budget.take(notice_of("umbra", "late"), t0).is_none(), "its own share is used up");
    }

    #[test]
    fn all_together_have_a_limit_too_and_who_waits_longest_is_next() {
        let t0 = Instant::now();
        let mut budget = Budget::new(t0);
        let organizations: Vec<_> = (0..9).map(|number| format!("org-{number}")).collect();
        let all = (0..20).flat_map(|round| organizations.iter().map(move |organization| (round, organization)));
        let notices: Vec<_> = all.map(|(round, name)| notice_of(name, &format!("{name}-{round}"))).collect();
        assert_eq!(notices.into_iter().filter_map(|notice| budget.take(notice, t0)).count(), 100);
        let late = notice_of("late", "late");
        assert!(budget.take(late, t0 + SECOND / 10).is_none());
        let mut served = Vec::new();
        while let Some(next) = budget.next() {
            served.push((budget.due(next).expect("room").organization.expect("named"), next - t0));
        }
        assert_eq!(served.len(), 10);
        assert_eq!(served[0], ("org-0".to_owned(), SECOND / 5));
        assert_eq!(served[9], ("late".to_owned(), SECOND * 2));
    }

    #[test]
    fn what_is_remembered_is_swept() {
        let t0 = Instant::now();
        let mut budget = Budget::new(t0);
        for number in 0..MAX_REMEMBERED {
            budget.take(notice(&number.to_string(), "bound"), t0);
        }
        budget.take(notice("later", "bound"), t0 + SECOND * 600);
        assert_eq!(budget.published.len(), 1);
    }
}
