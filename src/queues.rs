//! The work queues: one for each kind of key, so that none starves another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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
    /// Everything that looks at much at once.
    pub overviews: WorkQueue<Key>,
    /// Organizations with months that can become final: they take as long as they have records.
    pub closings: WorkQueue<Key>,
    open: AtomicBool,
}

impl Queues {
    /// Empty queues, which take nothing before they are [opened](Self::open).
    pub fn new() -> Self {
        let queue = |min_interval| WorkQueue::new(QueueSettings { min_interval, ..QueueSettings::default() });
        Self {
            projects: queue(Duration::ZERO),
            groups: queue(GROUP_INTERVAL),
            overviews: queue(OVERVIEW_INTERVAL),
            closings: queue(OVERVIEW_INTERVAL),
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
            match key {
                Key::Project(_) | Key::Credit { .. } | Key::Published { .. } => self.projects.add(key),
                Key::Group { .. } => self.groups.add(key),
                Key::Closing(_) => self.closings.add_after(key, CLOSING_DELAY),
                Key::CreditNote { .. }
                | Key::Usage(_)
                | Key::Finals(_)
                | Key::Periods
                | Key::Receivables
                | Key::Settled => self.overviews.add(key),
            }
        }
    }

    /// The queues by name, with how they are.
    pub fn health(&self) -> [(&'static str, QueueHealth); 4] {
        [
            ("project", self.projects.health()),
            ("group", self.groups.health()),
            ("overview", self.overviews.health()),
            ("closing", self.closings.health()),
        ]
    }
}
