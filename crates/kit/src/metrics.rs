//! What an operator tells Prometheus about its work: looks, queues, calls, watches, clock, events.

use std::collections::BTreeSet;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};

use crate::queue::{Outcome, QueueHealth};

/// A gauge of seconds or of a point in time.
pub type Seconds = Gauge<f64, std::sync::atomic::AtomicU64>;

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
struct Build {
    version: &'static str,
}

/// Registers metrics one after the other, each under its name and help.
#[derive(Debug)]
pub struct Registrar(Registry);

impl Registrar {
    /// Every metric's name begins with `prefix`; `version` is that of the program.
    pub fn new(prefix: &str, version: &'static str) -> Self {
        let mut registrar = Self(Registry::with_prefix(prefix));
        // A gauge and no info metric: of those, only OpenMetrics knows.
        let build = registrar.add("build_info", "The operator's version", Family::<Build, Gauge>::default());
        build.get_or_create(&Build { version }).set(1);
        registrar
    }

    /// Registers `metric`, and gives it back.
    pub fn add<M: Metric + Clone>(&mut self, name: &str, help: &str, metric: M) -> M {
        self.0.register(name, help, metric.clone());
        metric
    }

    /// What Prometheus reads, once everything is registered.
    pub fn finish(self) -> Exposition {
        Exposition(Arc::new(self.0))
    }
}

/// All metrics of a process as Prometheus reads them; clones share them.
#[derive(Clone, Debug)]
pub struct Exposition(Arc<Registry>);

impl Exposition {
    /// The OpenMetrics text of all metrics.
    ///
    /// # Errors
    /// If a metric cannot be formatted, which is a defect of the metric.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.0)?;
        Ok(text)
    }

    /// The same as Prometheus' own text, version 0.0.4.
    ///
    /// # Errors
    /// As [`Exposition::encode`].
    pub fn encode_prometheus(&self) -> Result<String, fmt::Error> {
        plain(&self.encode()?)
    }
}

/// OpenMetrics as the older text, in which a counter's name has its `_total`, and neither units nor an end are written.
fn plain(open_metrics: &str) -> Result<String, fmt::Error> {
    let describes = |line: &'_ str| {
        let rest = line.strip_prefix("# ")?;
        let (keyword, rest) = rest.split_once(' ')?;
        let (name, rest) = rest.split_once(' ')?;
        Some((keyword.to_owned(), name.to_owned(), rest.to_owned()))
    };
    let described: Vec<_> = open_metrics.lines().map(|line| (line, describes(line))).collect();
    let counters: BTreeSet<_> = described
        .iter()
        .filter_map(|(_, described)| described.as_ref())
        .filter(|(keyword, _, rest)| keyword == "TYPE" && rest == "counter")
        .map(|(_, name, _)| name.clone())
        .collect();
    let mut text = String::with_capacity(open_metrics.len());
    for (line, described) in described {
        match described {
            None if line == "# EOF" => {}
            None => writeln!(text, "{line}")?,
            Some((keyword, ..)) if keyword == "UNIT" => {}
            Some((keyword, name, rest)) => {
                let total = if counters.contains(&name) { "_total" } else { "" };
                writeln!(text, "# {keyword} {name}{total} {rest}")?;
            }
        }
    }
    Ok(text)
}

/// What every operator counts of its work; clones share it.
#[derive(Clone, Debug)]
pub struct Metrics {
    reconciles: Family<ByResult, Counter>,
    reconcile_seconds: Family<ByController, Histogram, fn() -> Histogram>,
    errors: Family<ByError, Counter>,
    queue_waiting: Family<ByController, Gauge>,
    queue_running: Family<ByController, Gauge>,
    api_writes: Family<ByWrite, Counter>,
    api_errors: Family<ByStatus, Counter>,
    api_last_success: Seconds,
    watch_last_event: Family<ByResource, Seconds>,
    watch_restarts: Family<ByResource, Counter>,
    clock_offset: Seconds,
    events_dropped: Counter,
}

impl Metrics {
    /// All of them, at zero.
    pub fn register(all: &mut Registrar) -> Self {
        Self {
            reconciles: all.add("reconciles", "Reconciliations of one object, by result", Family::default()),
            reconcile_seconds: all.add(
                "reconcile_duration_seconds",
                "Duration of one reconciliation",
                Family::new_with_constructor(reconcile_histogram as fn() -> Histogram),
            ),
            errors: all.add("errors", "Reconciliations that ended with an error, by reason", Family::default()),
            queue_waiting: all.add("queue_waiting", "Keys that are due and waiting for a worker", Family::default()),
            queue_running: all.add("queue_running", "Keys that a worker is processing", Family::default()),
            api_writes: all.add("api_writes", "Writes sent to the API server, dry runs excepted", Family::default()),
            api_errors: all.add(
                "api_errors",
                "API calls that failed, by HTTP status, timeout or transport",
                Family::default(),
            ),
            api_last_success: all.add(
                "api_last_success_timestamp_seconds",
                "When the API server last answered a call or sent something to a watch, in Unix time; 0 before the first",
                Seconds::default(),
            ),
            watch_last_event: all.add(
                "watch_last_event_timestamp_seconds",
                "When a watch was last heard of, bookmarks included, in Unix time; 0 before the first",
                Family::default(),
            ),
            watch_restarts: all.add("watch_restarts", "Times a watch failed and was restarted", Family::default()),
            clock_offset: all.add(
                "clock_offset_seconds",
                "What is added to the local clock to match the API server's",
                Seconds::default(),
            ),
            events_dropped: all.add("events_dropped", "Events that were dropped by the rate limit", Counter::default()),
        }
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

    /// Counts one look of `controller` that ended with a panic.
    pub fn panicked(&self, controller: &'static str) {
        self.reconciles.get_or_create(&ByResult { controller, result: "panicked" }).inc();
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

    /// Notes that the API server was heard of.
    pub fn api_heard(&self, now: DateTime<Utc>) {
        self.api_last_success.set(unix_seconds(now));
    }

    /// Notes that there is a watch of `resource`, of which nothing was heard yet.
    pub fn watch_begins(&self, resource: &'static str) {
        self.watch_last_event.get_or_create(&ByResource { resource }).set(0.0);
    }

    /// Notes that the watch of `resource` was heard of.
    pub fn watch_event(&self, resource: &'static str, now: DateTime<Utc>) {
        self.watch_last_event.get_or_create(&ByResource { resource }).set(unix_seconds(now));
    }

    /// Counts that the watch of `resource` failed and began again.
    pub fn watch_restart(&self, resource: &'static str) {
        self.watch_restarts.get_or_create(&ByResource { resource }).inc();
    }

    /// Shows the correction of the local clock.
    pub fn clock_offset(&self, offset: TimeDelta) {
        self.clock_offset.set(offset.as_seconds_f64());
    }

    /// Counts an event that was not published.
    pub fn event_dropped(&self) {
        self.events_dropped.inc();
    }
}

/// A point in time as a gauge has it.
pub fn unix_seconds(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1000.0
}

/// From a millisecond to half a minute.
fn reconcile_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 16))
}

/// A count as a gauge has it.
pub fn as_gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Metrics as a program named `test` has them.
    pub(crate) fn registered() -> (Metrics, Exposition) {
        let mut all = Registrar::new("test", "1.2.3");
        (Metrics::register(&mut all), all.finish())
    }

    #[test]
    fn what_is_counted_can_be_read() {
        let (metrics, exposition) = registered();
        metrics.reconciled("invoice", Outcome::After(Duration::from_secs(5)), Duration::from_millis(3));
        metrics.api_write("invoices/status".to_owned(), "update");
        metrics.clock_offset(TimeDelta::milliseconds(-1500));
        let text = exposition.encode().expect("encodes");
        for line in [
            r#"test_build_info{version="1.2.3"} 1"#,
            r#"test_reconciles_total{controller="invoice",result="again_later"} 1"#,
            r#"test_reconcile_duration_seconds_count{controller="invoice"} 1"#,
            r#"test_api_writes_total{resource="invoices/status",verb="update"} 1"#,
            "test_clock_offset_seconds -1.5",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nin\n{text}");
        }
    }

    #[test]
    fn the_older_text_names_counters_by_their_samples_and_has_no_end() {
        let (metrics, exposition) = registered();
        metrics.api_error("get", "503".to_owned());
        metrics.reconciled("invoice", Outcome::Done, Duration::from_millis(3));
        let text = exposition.encode_prometheus().expect("encodes");
        for line in [
            "# TYPE test_build_info gauge",
            "# TYPE test_api_errors_total counter",
            r#"test_api_errors_total{verb="get",status="503"} 1"#,
            "# TYPE test_clock_offset_seconds gauge",
            "# TYPE test_reconcile_duration_seconds histogram",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nin\n{text}");
        }
        assert!(text.contains("# HELP test_api_errors_total API calls that failed"), "{text}");
        assert!(!text.contains("# EOF") && !text.contains("test_api_errors counter"), "{text}");
        let unit = plain("# HELP a A.\n# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n").expect("encodes");
        assert_eq!(unit, "# HELP a A.\n# TYPE a gauge\na 1\n");
    }
}
