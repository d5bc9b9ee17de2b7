//! What all tasks share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::SubsecRound;
use kube::{Client, Resource};
use operator_kit::clock::ServerClock;
use operator_kit::events::{Events, Notice, Severity};
use operator_kit::queue::{QueueSettings, WorkQueue};
use operator_kit::trouble::Troubles;
use tokio::sync::Notify;

use billing_api::Meter;

use crate::life::Timestamp;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::world::{Key, World};

/// What all tasks share.
pub struct Shared {
    /// How the meter is set up.
    pub settings: Settings,
    /// The API server.
    pub client: Client,
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
    clock: ServerClock,
    world: Mutex<World>,
    last: Mutex<Option<Timestamp>>,
}

impl Shared {
    /// What knows nothing yet.
    pub fn new(settings: Settings, client: Client, clock: ServerClock, metrics: Metrics, events: Events) -> Self {
        Self {
            settings,
            client,
            metrics,
            events,
            queue: WorkQueue::new(QueueSettings { drain: Duration::from_secs(20), ..QueueSettings::default() }),
            troubles: Troubles::default(),
            kinds_changed: Notify::new(),
            clock,
            world: Mutex::default(),
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
