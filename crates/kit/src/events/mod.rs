//! Kubernetes Events: what a person would want to know, told without holding up any work.
//!
//! A notice that cannot be published is lost: an event is a courtesy, conditions and logs hold the
//! facts. Repetitions and floods are summarised before they are written.

mod budget;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::ServerClock;
use crate::metrics::Metrics;
use crate::timer::sleep_until;
use budget::Budget;

/// So many notices wait for the publisher at most.
const QUEUE_CAPACITY: usize = 1024;

/// The API server's limit for a note is 1 KiB; ours, in characters, stays below it in UTF-8.
const MAX_NOTE: usize = 250;

/// Events about an object without a namespace live here.
const CLUSTER_NAMESPACE: &str = "default";

/// Whether somebody should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something went wrong, or waits for a person.
    Warning,
    /// It went as it should.
    Normal,
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "Warning",
            Self::Normal => "Normal",
        }
    }
}

/// Something to tell about an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The object; `Resource::object_ref` makes one.
    pub regarding: ObjectReference,
    /// The organization that it concerns, if it is one's: each has room for so many events.
    pub organization: Option<String>,
    /// Whether somebody should look.
    pub severity: Severity,
    /// A word for what happened, in CamelCase: `Bound`.
    pub reason: &'static str,
    /// A word for what was done: `Bind`.
    pub action: &'static str,
    /// A sentence for people.
    pub note: String,
}

/// Where notices are handed in; clones share it.
#[derive(Clone, Debug)]
pub struct Events {
    notices: mpsc::Sender<Notice>,
    metrics: Metrics,
}

impl Events {
    /// A handle, and the publisher to be [run](Publisher::run) beside the controllers.
    ///
    /// `controller` is who reports, as a domain and a name; `kubectl describe` shows it.
    pub fn channel(controller: &'static str, metrics: Metrics) -> (Self, Publisher) {
        let (notices, receiver) = mpsc::channel(QUEUE_CAPACITY);
        (Self { notices, metrics: metrics.clone() }, Publisher { controller, notices: receiver, metrics })
    }

    /// Hands in a notice. Never waits: when too many are queued, it is dropped and counted.
    pub fn publish(&self, notice: Notice) {
        if self.notices.try_send(notice).is_err() {
            self.metrics.event_dropped();
        }
    }
}

/// Writes what was handed in.
#[derive(Debug)]
pub struct Publisher {
    controller: &'static str,
    notices: mpsc::Receiver<Notice>,
    metrics: Metrics,
}

impl Publisher {
    /// Publishes notices until `cancel`. What waits then is lost.
    pub async fn run(mut self, client: Client, clock: ServerClock, cancel: CancellationToken) {
        // In a pod, its name.
        let instance = std::env::var("HOSTNAME").unwrap_or_else(|_| self.controller.to_owned());
        let mut budget = Budget::new(Instant::now());
        loop {
            let notice = tokio::select! {
                () = cancel.cancelled() => return,
                notice = self.notices.recv() => match notice {
                    Some(notice) => budget.take(notice, Instant::now()),
                    None => return,
                },
                () = sleep_until(budget.next()) => budget.due(Instant::now()),
            };
            if let Some(notice) = notice {
                let event = event(notice, (self.controller, &instance), clock.now().timestamp_micros());
                cancel.run_until_cancelled(self.write(&client, &event)).await;
            }
        }
    }

    async fn write(&self, client: &Client, event: &Event) {
        let namespace = event.metadata.namespace.as_deref().unwrap_or(CLUSTER_NAMESPACE);
        let events: Api<Event> = Api::namespaced(client.clone(), namespace);
        if let Err(error) = events.create(&PostParams::default(), event).await {
            // A namespace that is going accepts none, for example.
            tracing::debug!(%error, reason = event.reason, note = event.note, "an event was not published");
            self.metrics.event_dropped();
        }
    }
}

/// The event on the wire. Its name has the time in it, so that no two are the same.
fn event(notice: Notice, (controller, instance): (&str, &str), now_micros: i64) -> Event {
    let Notice { regarding, organization: _, severity, reason, action, note } = notice;
    let object = regarding.name.as_deref().unwrap_or("cluster");
    let namespace = regarding.namespace.clone().unwrap_or_else(|| CLUSTER_NAMESPACE.to_owned());
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{now_micros:x}", cut(object, 200))),
            namespace: Some(namespace),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(Timestamp::from_microsecond(now_micros).unwrap_or(Timestamp::UNIX_EPOCH))),
        type_: Some(severity.as_str().to_owned()),
        reason: Some(reason.to_owned()),
        action: Some(action.to_owned()),
        note: Some(cut(&note, MAX_NOTE)),
        regarding: Some(regarding),
        reporting_controller: Some(controller.to_owned()),
        reporting_instance: Some(cut(instance, 128)),
        ..Event::default()
    }
}

/// The first `max` characters of `text`.
fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::tests::registered;

    fn notice(note: String) -> Notice {
        let regarding = ObjectReference { name: Some("2026-11".to_owned()), ..ObjectReference::default() };
        Notice { regarding, organization: None, severity: Severity::Warning, reason: "Held", action: "Close", note }
    }

    #[test]
    fn an_event_has_what_the_api_server_asks_for() {
        let event = event(notice("ü".repeat(2000)), ("example.io/test", "pod-1"), 0xabc);
        assert_eq!(event.metadata.name.as_deref(), Some("2026-11.abc"));
        assert_eq!(event.metadata.namespace.as_deref(), Some("default"));
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        assert!(event.note.is_some_and(|note| note.len() <= 1024 && note.chars().all(|c| c == 'ü')));
        assert!(event.event_time.is_some() && event.reporting_instance.is_some());
    }

    #[test]
    fn handing_in_never_waits() {
        let (metrics, exposition) = registered();
        let (events, publisher) = Events::channel("example.io/test", metrics);
        for number in 0..=QUEUE_CAPACITY {
            events.publish(notice(number.to_string()));
        }
        assert_eq!(publisher.notices.len(), QUEUE_CAPACITY);
        let text = exposition.encode().expect("encodes");
        assert!(text.lines().any(|line| line == "test_events_dropped_total 1"), "{text}");
    }
}
