//! What the operator tells Prometheus about itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry};

use super::queue::{Outcome, QueueHealth};

/// Every metric's name begins with this.
const PREFIX: &str = "billing_operator";

/// A gauge of seconds or of a point in time.
type Seconds = Gauge<f64, std::sync::atomic::AtomicU64>;

/// A gauge of money, in major units: to look at, not to compute with.
type Sum = Gauge<f64, std::sync::atomic::AtomicU64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByController {
    controller: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    controller: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByError {
    controller: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByWrite {
    resource: String,
    verb: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    verb: &'static str,
    status: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResource {
    resource: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPhase {
    phase: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAge {
    currency: &'static str,
    days_overdue: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

/// The operator's metrics; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    reconciles: Family<ByResult, Counter>,
    reconcile_seconds: Family<ByController, Histogram, fn() -> Histogram>,
    errors: Family<ByError, Counter>,
    queue_waiting: Family<ByController, Gauge>,
    queue_running: Family<ByController, Gauge>,
    api_writes: Family<ByWrite, Counter>,
    api_errors: Family<ByStatus, Counter>,
    watch_last_event: Family<ByResource, Seconds>,
    watch_restarts: Family<ByResource, Counter>,
    clock_offset: Seconds,
    policies_missing: Gauge,
    events_dropped: Counter,
    groups: Gauge,
    projects: Gauge,
    invoices: Family<ByPhase, Gauge>,
    held_invoices: Family<ByReason, Gauge>,
    unbilled_records: Family<ByReason, Gauge>,
    audit_failures: Gauge,
    last_audit: Seconds,
    receivables: Family<ByAge, Sum>,
    receivable_invoices: Family<ByAge, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Registers metrics one after the other, each under its name and help.
struct Registrar(Registry);

impl Registrar {
    fn add<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }
}

impl Metrics {
    /// All metrics, at zero.
    pub fn new() -> Self {
        let mut all = Registrar(Registry::with_prefix(PREFIX));
        let build = Info::new(Build { version: env!("CARGO_PKG_VERSION") });
        all.0.register("build", "The operator's version", build);
        Self {
            reconciles: all.add("reconciles", "Looks at one object, by how they ended", Family::default()),
            reconcile_seconds: all.add(
                "reconcile_duration_seconds",
                "Time that one look took",
                Family::new_with_constructor(reconcile_histogram as fn() -> Histogram),
            ),
            errors: all.add("errors", "Errors that a look ended with, by reason", Family::default()),
            queue_waiting: all.add("queue_waiting", "Keys that are due and wait for a worker", Family::default()),
            queue_running: all.add("queue_running", "Keys that a worker has", Family::default()),
            api_writes: all.add("api_writes", "Writes sent to the API server, dry runs excepted", Family::default()),
            api_errors: all.add(
                "api_errors",
                "Calls that the API server did not grant, by HTTP status, timeout or transport",
                Family::default(),
            ),
            watch_last_event: all.add(
                "watch_last_event_timestamp_seconds",
                "When a watch was last heard of, in Unix time",
                Family::default(),
            ),
            watch_restarts: all.add("watch_restarts", "Times a watch failed and began again", Family::default()),
            clock_offset: all.add(
                "clock_offset_seconds",
                "What is added to the local clock to have the API server's",
                Seconds::default(),
            ),
            policies_missing: all.add(
                "policies_missing",
                "Admission policies that did not refuse their probe; above 0, no money work is done",
                Gauge::default(),
            ),
            events_dropped: all.add("events_dropped", "Events that were too many to publish", Counter::default()),
            groups: all.add("groups", "Billing groups", Gauge::default()),
            projects: all.add("projects", "Projects with a payer", Gauge::default()),
            invoices: all.add("invoices", "Invoices by phase", Family::default()),
            held_invoices: all.add(
                "held_invoices",
                "Invoices of months that are over which something holds, by the reason of their condition",
                Family::default(),
            ),
            unbilled_records: all.add(
                "unbilled_records",
                "Usage records that no invoice bills, by the reason of their condition",
                Family::default(),
            ),
            audit_failures: all.add(
                "audit_failures",
                "Final invoices of the last two months that are not right, as the last audit found",
                Gauge::default(),
            ),
            last_audit: all.add(
                "last_audit_timestamp_seconds",
                "When the last audit ended, in Unix time; 0 before the first",
                Seconds::default(),
            ),
            receivables: all.add(
                "receivables",
                "Money of final invoices that is still expected, by currency and days past due",
                Family::default(),
            ),
            receivable_invoices: all.add(
                "receivable_invoices",
                "Final invoices whose money is still expected, by currency and days past due",
                Family::default(),
            ),
            registry: Arc::new(all.0),
        }
    }

    /// The OpenMetrics text of all metrics.
    ///
    /// # Errors
    /// If a metric cannot be formatted, which is a defect of the metric.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// Counts one look of `controller` that ended with `outcome`.
    pub fn reconciled(&self, controller: &'static str, outcome: Outcome, took: Duration) {
        let result = match outcome {
            Outcome::Done => "done",
            Outcome::After(_) => "again_later",
            Outcome::Failed => "failed",
        };
        self.reconciles.get_or_create(&ByResult { controller, result }).inc();
        self.reconcile_seconds.get_or_create(&ByController { controller }).observe(took.as_secs_f64());
    }

    /// Counts an error of `controller`; `reason` is a short word from a fixed set.
    pub fn failed(&self, controller: &'static str, reason: &'static str) {
        self.errors.get_or_create(&ByError { controller, reason }).inc();
    }

    /// Shows how full a queue is.
    pub fn queue(&self, controller: &'static str, health: QueueHealth) {
        let labels = ByController { controller };
        self.queue_waiting.get_or_create(&labels).set(as_gauge(health.waiting));
        self.queue_running.get_or_create(&labels).set(as_gauge(health.running));
    }

    /// Counts a write that was sent, for example `update` of `invoices/status`.
    pub fn api_write(&self, resource: String, verb: &'static str) {
        self.api_writes.get_or_create(&ByWrite { resource, verb }).inc();
    }

    /// Counts a call that failed, with its HTTP status or `timeout` or `transport`.
    pub fn api_error(&self, verb: &'static str, status: String) {
        self.api_errors.get_or_create(&ByStatus { verb, status }).inc();
    }

    /// Notes that the watch of `resource` was heard of.
    pub fn watch_event(&self, resource: &'static str, now: DateTime<Utc>) {
        let seconds = now.timestamp_millis() as f64 / 1000.0;
        self.watch_last_event.get_or_create(&ByResource { resource }).set(seconds);
    }

    /// Counts that the watch of `resource` failed and began again.
    pub fn watch_restart(&self, resource: &'static str) {
        self.watch_restarts.get_or_create(&ByResource { resource }).inc();
    }

    /// Shows the correction of the local clock.
    pub fn clock_offset(&self, offset: TimeDelta) {
        self.clock_offset.set(offset.as_seconds_f64());
    }

    /// Shows how many policies are not in force.
    pub fn policies_missing(&self, count: usize) {
        self.policies_missing.set(as_gauge(count));
    }

    /// Counts an event that was not published.
    pub fn event_dropped(&self) {
        self.events_dropped.inc();
    }

    /// Shows how many groups and projects there are.
    pub fn books(&self, groups: usize, projects: usize) {
        self.groups.set(as_gauge(groups));
        self.projects.set(as_gauge(projects));
    }

    /// Shows how many invoices there are in each phase; a phase that is not named has none.
    pub fn invoices(&self, by_phase: impl IntoIterator<Item = (&'static str, usize)>) {
        replace(&self.invoices, by_phase.into_iter().map(|(phase, count)| (ByPhase { phase }, count)));
    }

    /// Shows how many invoices are held, by reason; a reason that is not named holds none.
    pub fn held_invoices(&self, by_reason: impl IntoIterator<Item = (&'static str, usize)>) {
        replace(&self.held_invoices, by_reason.into_iter().map(|(reason, count)| (ByReason { reason }, count)));
    }

    /// Shows how many usage records are not billed, by reason; a reason not named has none.
    pub fn unbilled_records(&self, by_reason: impl IntoIterator<Item = (&'static str, usize)>) {
        replace(&self.unbilled_records, by_reason.into_iter().map(|(reason, count)| (ByReason { reason }, count)));
    }

    /// Shows how many finals an audit found wrong.
    pub fn audited(&self, wrong: usize, now: DateTime<Utc>) {
        self.audit_failures.set(as_gauge(wrong));
        self.last_audit.set(now.timestamp_millis() as f64 / 1000.0);
    }

    /// Shows what is to be paid: currency, days past due, how many invoices, how much; what is not named is nothing.
    pub fn receivables(&self, sums: impl IntoIterator<Item = (&'static str, &'static str, usize, f64)>) {
        self.receivables.clear();
        self.receivable_invoices.clear();
        for (currency, days_overdue, count, amount) in sums {
            let labels = ByAge { currency, days_overdue };
            self.receivables.get_or_create(&labels).set(amount);
            self.receivable_invoices.get_or_create(&labels).set(as_gauge(count));
        }
    }
}

/// From a millisecond to half a minute.
fn reconcile_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

/// Sets a family to exactly these counts.
fn replace<L>(family: &Family<L, Gauge>, counts: impl Iterator<Item = (L, usize)>)
where
    L: Clone + std::hash::Hash + Eq,
{
    family.clear();
    for (labels, count) in counts {
        family.get_or_create(&labels).set(as_gauge(count));
    }
}

fn as_gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(metrics: &Metrics) -> String {
        metrics.encode().expect("encodes")
    }

    #[test]
    fn what_was_counted_can_be_read() {
        let metrics = Metrics::new();
        metrics.reconciled("invoice", Outcome::After(Duration::from_secs(5)), Duration::from_millis(3));
        metrics.api_write("invoices/status".to_owned(), "update");
        metrics.clock_offset(TimeDelta::milliseconds(-1500));
        let text = encoded(&metrics);
        for line in [
            r#"billing_operator_reconciles_total{controller="invoice",result="again_later"} 1"#,
            r#"billing_operator_reconcile_duration_seconds_count{controller="invoice"} 1"#,
            r#"billing_operator_api_writes_total{resource="invoices/status",verb="update"} 1"#,
            "billing_operator_clock_offset_seconds -1.5",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nin\n{text}");
        }
    }

    #[test]
    fn a_reason_that_holds_nothing_any_more_is_gone() {
        let metrics = Metrics::new();
        metrics.held_invoices([("Unpriced", 2), ("Suspended", 1)]);
        metrics.held_invoices([("Suspended", 3)]);
        let text = encoded(&metrics);
        assert!(!text.contains("Unpriced"), "{text}");
        assert!(text.contains(r#"billing_operator_held_invoices{reason="Suspended"} 3"#), "{text}");
    }
}
