//! What all workers share.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use chrono::{SubsecRound, TimeDelta};
use kube::core::{DeserializeGuard, ObjectMeta, error_boundary::InvalidObject};
use kube::{Client, Resource};
use tokio::sync::watch;

use crate::closing::{ClusterRead, DueGroups};
use crate::integrity::Integrity;
use crate::metrics::Metrics;
use crate::probe::PolicyState;
use crate::queues::Queues;
use crate::starting::UnreadSinceStart;
use crate::writer::{WriteError, Writer};
use billing_domain::{Name, Timestamp};
use billing_planning::billing_settings::BillingSettings;
use billing_planning::group::CoalescingStates;
use billing_planning::usage::ReportDebounce;
use billing_state::{Key, ObservedState, Observes};
use operator_kit::clock::ServerClock;
use operator_kit::events::{Events, Notice, Severity};
use operator_kit::queue::Outcome;
use operator_kit::trouble::Troubles;

/// How soon a write that lost a race is planned again, when the watch has caught up.
const CONFLICT_RETRY: Duration = Duration::from_millis(100);

/// What all workers share.
pub struct Context {
    /// For direct reads.
    pub client: Client,
    /// For all writes.
    pub writer: Writer,
    /// The API server's time.
    pub clock: ServerClock,
    /// How this operator bills.
    pub settings: BillingSettings,
    /// What is counted.
    pub metrics: Metrics,
    /// What people are told.
    pub events: Events,
    /// Whether every admission policy is in force.
    pub policies: watch::Receiver<PolicyState>,
    /// Whether definitions and policies are as they were built.
    pub integrity: watch::Receiver<Integrity>,
    /// What there is to do.
    pub queues: Queues,
    /// What waits for finals that are still to be read.
    pub unread_since_start: UnreadSinceStart,
    /// Projects seen without what they need, and since when.
    pub first_seen: FirstSeen,
    /// Groups that projects are on their way to.
    pub coalescing: CoalescingStates,
    /// Groups with a month that can become final.
    pub due: DueGroups,
    /// What closing passes share of the cluster.
    pub cluster_read: ClusterRead,
    /// Records that cannot be billed.
    pub unbilled_counts: UnbilledCounts,
    /// Records that cannot be billed, and may be in a moment.
    pub report_debounce: ReportDebounce,
    /// What fails, and was told.
    pub troubles: Troubles,
    state: RwLock<ObservedState>,
}

/// What a context is made of; the rest is empty at first.
pub struct ContextParts {
    /// For direct reads and all writes.
    pub client: Client,
    /// The API server's time.
    pub clock: ServerClock,
    /// How this operator bills.
    pub settings: BillingSettings,
    /// What is counted.
    pub metrics: Metrics,
    /// What people are told.
    pub events: Events,
    /// Whether every admission policy is in force.
    pub policies: watch::Receiver<PolicyState>,
    /// Whether definitions and policies are as they were built.
    pub integrity: watch::Receiver<Integrity>,
}

impl Context {
    /// A context that knows nothing yet.
    pub fn new(parts: ContextParts) -> Self {
        let ContextParts { client, clock, settings, metrics, events, policies, integrity } = parts;
        Self {
            writer: Writer::new(client.clone()),
            client,
            clock,
            settings,
            metrics,
            events,
            policies,
            integrity,
            queues: Queues::new(),
            unread_since_start: UnreadSinceStart::default(),
            first_seen: FirstSeen::default(),
            coalescing: CoalescingStates::default(),
            due: DueGroups::default(),
            cluster_read: ClusterRead::default(),
            unbilled_counts: UnbilledCounts::default(),
            report_debounce: ReportDebounce::default(),
            troubles: Troubles::default(),
            state: RwLock::default(),
        }
    }

    /// The API server's time in whole seconds, as documents and decisions have it.
    pub fn now(&self) -> Timestamp {
        self.clock.now().trunc_subsecs(0)
    }

    /// Reads the state; `read` must be quick, for watches wait for it.
    pub fn read<T>(&self, read: impl FnOnce(&ObservedState) -> T) -> T {
        read(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state.
    pub fn write<T>(&self, write: impl FnOnce(&mut ObservedState) -> T) -> T {
        write(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// As a check of `/healthz`: no change of the state panicked half-way. What is decided on such a state may be wrong.
    ///
    /// # Errors
    /// One did.
    pub fn check(&self) -> Result<(), String> {
        if self.state.is_poisoned() {
            Err("a change of what is observed was left half done".to_owned())
        } else {
            Ok(())
        }
    }

    /// Enters an object that a write returned, before its watch does.
    pub fn observe<K>(&self, object: K)
    where
        ObservedState: Observes<K>,
    {
        let keys = self.write(|state| state.observe(object));
        self.queues.add(keys);
    }

    /// An object that was read directly. One that does not decode is logged by name, counted, and stops nothing.
    pub fn decoded<K: Resource<DynamicType = ()>>(
        &self,
        controller: &'static str,
        guarded: DeserializeGuard<K>,
    ) -> Option<K> {
        let unreadable = |invalid: InvalidObject| {
            let (kind, ObjectMeta { namespace, name, .. }) = (K::kind(&()), invalid.metadata);
            tracing::error!(%kind, namespace, name, error = invalid.error, "an object does not decode; correct or restore it");
            self.metrics.work.failed(controller, "unreadable");
        };
        guarded.0.map_err(unreadable).ok()
    }

    /// Tells about an object.
    pub fn publish_event<K: Resource<DynamicType = ()>>(
        &self,
        object: &K,
        severity: Severity,
        reason: &'static str,
        action: &'static str,
        note: impl Into<String>,
    ) {
        let regarding = object.object_ref(&());
        let namespace = regarding.namespace.as_deref();
        let organization = self.read(|state| Some(state.namespace(namespace?)?.organization.to_string()));
        self.events.publish(Notice { regarding, organization, severity, reason, action, note: note.into() });
    }

    /// How a look ends that is to be followed by one at `wake`.
    pub fn requeue_at(&self, wake: Option<Timestamp>) -> Outcome {
        let Some(wake) = wake else { return Outcome::Done };
        let until = wake.signed_duration_since(self.clock.now()).max(TimeDelta::zero());
        // A moment later, so that the instant has passed for everybody.
        Outcome::After(until.to_std().unwrap_or_default() + Duration::from_millis(50))
    }

    /// What was to be written for `key` is written.
    pub fn after_success(&self, controller: &'static str, key: &Key) {
        self.troubles.over(|| failed_write(controller, key));
        // Hardly ever is there something to forget, and readers do not wait for each other.
        if self.read(|state| state.refused_write(key).is_some()) {
            self.queues.add(self.write(|state| state.accept_write(key, controller)));
        }
    }

    /// Nothing is written for `key` any more.
    pub fn forget_writes(&self, key: &Key) {
        if self.read(|state| state.refused_write(key).is_some()) {
            self.write(|state| state.forget_writes(key));
        }
    }

    /// How a look ends whose write, for `key`, did not happen. One that was refused is kept in mind, for conditions to tell.
    pub fn after_error(&self, controller: &'static str, key: &Key, error: &WriteError) -> Outcome {
        self.metrics.work.failed(controller, error.reason());
        if let WriteError::Refused { object, message } = error {
            let (delay, now) = (self.settings.defaults.delay, self.now());
            let keys = self.write(|state| state.refuse_write(key, controller, (object, message), delay, now));
            self.queues.add(keys);
        }
        match error {
            WriteError::Conflict { .. } | WriteError::Exists { .. } | WriteError::Gone { .. } => {
                tracing::debug!(controller, %error, "a write conflicted with another one; trying again");
                Outcome::After(CONFLICT_RETRY)
            }
            WriteError::Refused { .. } | WriteError::Altered { .. } | WriteError::Failed { .. } => {
                self.troubles.tell(failed_write(controller, key), error);
                Outcome::Failed
            }
        }
    }
}

/// What failed, in words.
fn failed_write(controller: &str, key: &Key) -> String {
    format!("a write for {key} failed ({controller})")
}

/// Since when something has been as it is.
#[derive(Debug, Default)]
pub struct FirstSeen(Mutex<HashMap<Name, Timestamp>>);

impl FirstSeen {
    /// When this was first asked about `name`, since it was last [ended](Self::end).
    pub fn first(&self, name: &Name, now: Timestamp) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(name.clone()).or_insert(now)
    }

    /// It is no longer so.
    pub fn end(&self, name: &Name) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// How many records of each organization cannot be billed, by reason.
#[derive(Debug, Default)]
pub struct UnbilledCounts(Mutex<HashMap<Name, BTreeMap<&'static str, usize>>>);

impl UnbilledCounts {
    /// The counts of an organization as they are now.
    pub fn set(&self, organization: &Name, counts: BTreeMap<&'static str, usize>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(organization.clone(), counts);
    }

    /// The counts of all organizations together.
    pub fn total(&self) -> BTreeMap<&'static str, usize> {
        let mut total = BTreeMap::new();
        for counts in self.0.lock().unwrap_or_else(PoisonError::into_inner).values() {
            for (reason, count) in counts {
                *total.entry(*reason).or_default() += count;
            }
        }
        total
    }
}
