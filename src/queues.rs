//! The work queues: one for each kind of key, so that none starves another.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use billing_domain::Uid;
use billing_state::Key;
use operator_kit::queue::{QueueHealth, QueueSettings, WorkQueue};

/// Two looks at one group are this far apart: what happens in between is one write.
const GROUP_INTERVAL: Duration = Duration::from_secs(1);

/// Two looks at a whole organization's usage, at the periods, or at what of an organization can become final.
const OVERVIEW_INTERVAL: Duration = Duration::from_secs(2);

/// How long an organization gathers groups that can become final: one pass reads everything once for all of them.
const CLOSING_DELAY: Duration = Duration::from_millis(500);

/// What there is to do.
pub struct Queues {
    /// Projects, and other objects that each are quickly looked at.
    pub projects: WorkQueue<Key>,
    /// Groups.
    pub groups: WorkQueue<Key>,
    /// Groups whose invoices have slices: they take much memory until these are written, so few are looked at at once.
    pub large_groups: WorkQueue<Key>,
    /// Everything that looks at much at once.
    pub overviews: WorkQueue<Key>,
    /// Organizations with months that can become final: they take as long as they have records.
    pub closings: WorkQueue<Key>,
    /// The large ones among the groups.
    large: Mutex<HashSet<Uid>>,
    open: AtomicBool,
}

impl Queues {
    /// Empty queues, which take nothing before they are [opened](Self::open).
    pub fn new() -> Self {
        let queue = |min_interval| WorkQueue::new(QueueSettings { min_interval, ..QueueSettings::default() });
        Self {
            projects: queue(Duration::ZERO),
            groups: queue(GROUP_INTERVAL),
            large_groups: queue(GROUP_INTERVAL),
            overviews: queue(OVERVIEW_INTERVAL),
            closings: queue(OVERVIEW_INTERVAL),
            large: Mutex::default(),
            open: AtomicBool::new(false),
        }
    }

    /// Begins to take keys: before, the state is not complete, and everything is looked at when they are.
    pub fn open(&self) {
        self.open.store(true, Ordering::Release);
    }

    /// Adds work.
    pub fn add(&self, keys: impl IntoIterator<Item = Key>) {
        if !self.open.load(Ordering::Acquire) {
            return;
        }
        for key in keys {
            let delay = if matches!(key, Key::Closing(_)) { CLOSING_DELAY } else { Duration::ZERO };
            self.queue_of(&key).add_after(key, delay);
        }
    }

    /// The queue that a key belongs to.
    pub fn queue_of(&self, key: &Key) -> &WorkQueue<Key> {
        match key {
            Key::Project(_) | Key::Credit { .. } | Key::Published { .. } => &self.projects,
            Key::Group { group, .. } if self.is_large(*group) => &self.large_groups,
            Key::Group { .. } => &self.groups,
            Key::Closing(_) => &self.closings,
            Key::CreditNote { .. }
            | Key::Usage(_)
            | Key::Finals(_)
            | Key::Periods
            | Key::Receivables
            | Key::Settled => &self.overviews,
        }
    }

    /// Whether the invoices of a group have slices, as far as was seen.
    pub fn is_large(&self, group: Uid) -> bool {
        self.large().contains(&group)
    }

    /// The invoices of a group have slices, or have none.
    pub fn mark_large(&self, group: Uid, is_large: bool) {
        let mut large = self.large();
        if is_large {
            large.insert(group);
        } else {
            large.remove(&group);
        }
    }

    fn large(&self) -> MutexGuard<'_, HashSet<Uid>> {
        self.large.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The queues by name, with how they are.
    pub fn health(&self) -> [(&'static str, QueueHealth); 5] {
        [
            ("project", self.projects.health()),
            ("group", self.groups.health()),
            ("large-group", self.large_groups.health()),
            ("overview", self.overviews.health()),
            ("closing", self.closings.health()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_groups_have_a_queue_of_their_own_as_long_as_they_are_large() {
        let queues = Queues::new();
        queues.open();
        let key = |group: u128| Key::Group { organization: "acme".into(), group: Uid(group) };
        queues.mark_large(Uid(1), true);
        queues.add([key(1), key(2), Key::Usage("acme".into())]);
        let waiting = || queues.health().map(|(name, health)| (name, health.waiting));
        assert_eq!(waiting(), [("project", 0), ("group", 1), ("large-group", 1), ("overview", 1), ("closing", 0)]);
        assert!(queues.queue_of(&key(1)).is(&queues.large_groups));
        queues.mark_large(Uid(1), false);
        assert!(queues.queue_of(&key(1)).is(&queues.groups));
    }
}
