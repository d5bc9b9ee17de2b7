//! What all workers share.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use chrono::{SubsecRound, TimeDelta};
use kube::{Client, Resource};
use tokio::sync::watch;

use crate::closing::Due;
use crate::metrics::Metrics;
use crate::probe::PolicyState;
use crate::queues::Queues;
use crate::writer::{WriteError, Writer};
use billing_domain::{Name, Timestamp};
use billing_planning::group::Gatherings;
use billing_planning::rules::Rules;
use billing_planning::usage::Suspects;
use billing_state::{Books, Observes};
use operator_kit::clock::ServerClock;
use operator_kit::events::{Events, Notice, Severity};
use operator_kit::queue::Outcome;

/// How soon a write that lost a race is planned again, when the watch has caught up.
const CONFLICT: Duration = Duration::from_millis(100);

/// What all workers share.
pub struct Context {
    /// For direct reads.
    pub client: Client,
    /// For all writes.
    pub writer: Writer,
    /// The API server's time.
    pub clock: ServerClock,
    /// How this operator bills.
    pub rules: Rules,
    /// What is counted.
    pub metrics: Metrics,
    /// What people are told.
    pub events: Events,
    /// Whether every admission policy is in force.
    pub policies: watch::Receiver<PolicyState>,
    /// What there is to do.
    pub queues: Queues,
    /// Projects seen without what they need, and since when.
    pub since: Since,
    /// Groups that projects are on their way to.
    pub gatherings: Gatherings,
    /// Groups with a month that can become final.
    pub due: Due,
    /// Records that cannot be billed.
    pub unbilled: Unbilled,
    /// Records that cannot be billed, and may be in a moment.
    pub suspects: Suspects,
    books: RwLock<Books>,
}

/// What a context is made of; the rest is empty at first.
pub struct Parts {
    /// For direct reads and all writes.
    pub client: Client,
    /// The API server's time.
    pub clock: ServerClock,
    /// How this operator bills.
    pub rules: Rules,
    /// What is counted.
    pub metrics: Metrics,
    /// What people are told.
    pub events: Events,
    /// Whether every admission policy is in force.
    pub policies: watch::Receiver<PolicyState>,
}

impl Context {
    /// A context that knows nothing yet.
    pub fn new(parts: Parts) -> Self {
        let Parts { client, clock, rules, metrics, events, policies } = parts;
        Self {
            writer: Writer::new(client.clone()),
            client,
            clock,
            rules,
            metrics,
            events,
            policies,
            queues: Queues::new(),
            since: Since::default(),
            gatherings: Gatherings::default(),
            due: Due::default(),
            unbilled: Unbilled::default(),
            suspects: Suspects::default(),
            books: RwLock::default(),
        }
    }

    /// The API server's time in whole seconds, as documents and decisions have it.
    pub fn now(&self) -> Timestamp {
        self.clock.now().trunc_subsecs(0)
    }

    /// Reads the books; `read` must be quick, for watches wait for it.
    pub fn read<T>(&self, read: impl FnOnce(&Books) -> T) -> T {
        read(&self.books.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the books.
    pub fn write<T>(&self, write: impl FnOnce(&mut Books) -> T) -> T {
        write(&mut self.books.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Enters an object that a write returned, before its watch does.
    pub fn observe<K>(&self, object: K)
    where
        Books: Observes<K>,
    {
        let keys = self.write(|books| books.observe(object));
        self.queues.add(keys);
    }

    /// Tells about an object.
    pub fn tell<K: Resource<DynamicType = ()>>(
        &self,
        object: &K,
        severity: Severity,
        reason: &'static str,
        action: &'static str,
        note: impl Into<String>,
    ) {
        let regarding = object.object_ref(&());
        let namespace = regarding.namespace.as_deref();
        let organization = self.read(|books| Some(books.namespace(namespace?)?.organization.to_string()));
        self.events.publish(Notice { regarding, organization, severity, reason, action, note: note.into() });
    }

    /// How a look ends that is to be followed by one at `wake`.
    pub fn look_again(&self, wake: Option<Timestamp>) -> Outcome {
        let Some(wake) = wake else { return Outcome::Done };
        let until = wake.signed_duration_since(self.clock.now()).max(TimeDelta::zero());
        // A moment later, so that the instant has passed for everybody.
        Outcome::After(until.to_std().unwrap_or_default() + Duration::from_millis(50))
    }

    /// How a look ends whose write did not happen.
    pub fn after_error(&self, controller: &'static str, error: &WriteError) -> Outcome {
        self.metrics.work.failed(controller, error.reason());
        match error {
            WriteError::Conflict { .. } | WriteError::Exists { .. } | WriteError::Gone { .. } => {
                tracing::debug!(controller, %error, "a write conflicted with another one; trying again");
                Outcome::After(CONFLICT)
            }
            WriteError::Refused { .. } | WriteError::Failed { .. } => {
                let cause = std::error::Error::source(error).map(ToString::to_string);
                tracing::warn!(controller, %error, cause, "a write failed; trying again");
                Outcome::Failed
            }
        }
    }
}

/// Since when something has been as it is.
#[derive(Debug, Default)]
pub struct Since(Mutex<HashMap<Name, Timestamp>>);

impl Since {
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
pub struct Unbilled(Mutex<HashMap<Name, BTreeMap<&'static str, usize>>>);

impl Unbilled {
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
