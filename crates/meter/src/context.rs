//! What all tasks share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::SubsecRound;
use kube::{Client, Resource};
use operator_kit::clock::ServerClock;
use operator_kit::events::{Events, Notice, Severity};
use operator_kit::queue::{QueueSettings, WorkQueue};
use operator_kit::trouble::Troubles;
use tokio::sync::{Notify, watch};

use billing_api::Meter;

use crate::life::Timestamp;
use crate::metrics::Metrics;
use crate::recorder::Counted;
use crate::settings::Settings;
use crate::world::{Key, World};

/// What all tasks share.
pub struct Shared {
    /// How the meter is set up.
    pub settings: Settings,
    /// The API server whose objects are measured.
    pub client: Client,
    /// The API server that has the projects and the records: the same, unless the cluster is one of several.
    pub billing: Client,
    /// What is counted.
    pub metrics: Metrics,
    /// What people are told.
    pub events: Events,
    /// What there is to do.
    pub queue: WorkQueue<Key>,
    /// What fails, and was told.
    pub troubles: Troubles,
    /// Tells that other kinds are to be watched.
    pub kinds_changed: Notify,
    /// Tells that Meters of metrics, or their servers, are others.
    pub counting: watch::Sender<()>,
    clock: ServerClock,
    world: Mutex<World>,
    counted: Mutex<Counted>,
    last: Mutex<Option<Timestamp>>,
}

impl Shared {
    /// What knows nothing yet.
    pub fn new(
        settings: Settings,
        (client, billing): (Client, Client),
        clock: ServerClock,
        metrics: Metrics,
        events: Events,
    ) -> Self {
        Self {
            settings,
            client,
            billing,
            metrics,
            events,
            queue: WorkQueue::new(QueueSettings { drain: Duration::from_secs(20), ..QueueSettings::default() }),
            troubles: Troubles::default(),
            kinds_changed: Notify::new(),
            counting: watch::Sender::new(()),
            clock,
            world: Mutex::default(),
            counted: Mutex::default(),
            last: Mutex::default(),
        }
    }

    /// The API server's time in whole seconds, as records have it. It never goes back.
    pub fn now(&self) -> Timestamp {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now().trunc_subsecs(0).max(last.unwrap_or_default());
        *last = Some(now);
        now
    }

    /// The clock, for those who measure it.
    pub fn clock(&self) -> &ServerClock {
        &self.clock
    }

    /// What is observed; whoever holds it must be quick.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The Meters of metrics and their servers; whoever holds them must be quick.
    pub fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes them, and tells who follows them.
    pub fn change_counted(&self, change: impl FnOnce(&mut Counted)) {
        change(&mut self.counted());
        self.counting.send_replace(());
    }

    /// The name of the cluster on what is recorded.
    pub fn cluster(&self) -> Option<&str> {
        self.settings.cluster.as_deref()
    }

    /// The namespace that the meter runs in.
    pub fn namespace(&self) -> &str {
        self.settings.namespace.as_deref().unwrap_or(self.client.default_namespace())
    }

    /// As a check of `/healthz`: no change of the world panicked half-way. What is decided on such a world may be wrong.
    ///
    /// # Errors
    /// One did.
    pub fn check(&self) -> Result<(), String> {
        if self.world.is_poisoned() {
            Err("a change of what is observed was left half done".to_owned())
        } else {
            Ok(())
        }
    }

    /// Changes what is observed, and adds the work that follows.
    pub fn change(&self, change: impl FnOnce(&mut World, Timestamp) -> Vec<Key>) {
        let now = self.now();
        let keys = change(&mut self.world(), now);
        for key in keys {
            self.queue.add(key);
        }
    }

    /// Tells about a Meter.
    pub fn tell(&self, meter: &Meter, severity: Severity, reason: &'static str, action: &'static str, note: String) {
        let regarding = meter.object_ref(&());
        self.events.publish(Notice { regarding, organization: None, severity, reason, action, note });
    }
}
