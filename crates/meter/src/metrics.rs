//! What the meter tells Prometheus about what it measures. What it tells about its work is in [`operator_kit::metrics`].

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use operator_kit::metrics::{Exposition, Metrics as WorkMetrics, Registrar, Seconds, as_gauge, unix_seconds};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use crate::recipe::FaultReason;
use crate::world::Counts;

/// Every metric's name begins with this.
const PREFIX: &str = "billing_meter";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByMeter {
    meter: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    meter: String,
    reason: &'static str,
}

/// All that the meter counts; clones share it.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// What it does.
    pub work: WorkMetrics,
    /// All of it, as Prometheus reads it.
    pub exposition: Exposition,
    open: Family<ByMeter, Gauge>,
    skipped: Family<ByReason, Gauge>,
    through: Family<ByMeter, Seconds>,
    opened: Family<ByMeter, Counter>,
    ended: Family<ByMeter, Counter>,
    orphans: Gauge,
    windows: Family<ByMeter, Counter>,
    readings: Family<ByMeter, Counter>,
    unanswered: Family<ByMeter, Counter>,
    recorded: Family<ByMeter, Seconds>,
    due: Family<ByMeter, Seconds>,
    counting: Family<ByMeter, Gauge>,
    uncounted: Family<ByReason, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics, at zero.
    pub fn new() -> Self {
        let mut all = Registrar::new(PREFIX, env!("CARGO_PKG_VERSION"));
        let work = WorkMetrics::register(&mut all);
        let open = all.add("records_running", "Usage records that run, by Meter", Family::default());
        let skipped =
            all.add("objects_skipped", "Objects that cannot be recorded, by Meter and reason", Family::default());
        let through = all.add(
            "observed_through_timestamp_seconds",
            "Until when every change was seen, by Meter",
            Family::default(),
        );
        let opened = all.add("records_opened", "Usage records that were begun, by Meter", Family::default());
        let ended = all.add("records_ended", "Usage records that were ended, by Meter", Family::default());
        let orphans = all.add("records_orphaned", "Usage records that run for Meters that are gone", Gauge::default());
        let windows = all.add("windows_recorded", "Windows of metrics that were recorded, by Meter", Family::default());
        let readings = all.add("readings_written", "Readings that were written, by Meter", Family::default());
        let unanswered = all.add(
            "server_failures",
            "How often a server of metrics has not answered, or not all, by Meter",
            Family::default(),
        );
        let recorded = all.add(
            "recorded_through_timestamp_seconds",
            "The end of the last window of metrics that is recorded, by Meter",
            Family::default(),
        );
        let due = all.add(
            "window_due_timestamp_seconds",
            "When the next window of metrics is to be recorded, by Meter",
            Family::default(),
        );
        let counting = all.add("records_counting", "Metered records that are not ended, by Meter", Family::default());
        let uncounted = all.add(
            "series_skipped",
            "Series of the last window that could not be recorded, by Meter and reason",
            Family::default(),
        );
        Self {
            work,
            exposition: all.finish(),
            open,
            skipped,
            through,
            opened,
            ended,
            orphans,
            windows,
            readings,
            unanswered,
            recorded,
            due,
            counting,
            uncounted,
        }
    }

    /// A record began.
    pub fn opened(&self, meter: &str) {
        self.opened.get_or_create(&ByMeter { meter: meter.to_owned() }).inc();
    }

    /// A record ended.
    pub fn ended(&self, meter: &str) {
        self.ended.get_or_create(&ByMeter { meter: meter.to_owned() }).inc();
    }

    /// A reading was written.
    pub fn reading_written(&self, meter: &str) {
        self.readings.get_or_create(&ByMeter { meter: meter.to_owned() }).inc();
    }

    /// A server of metrics has not answered, or not all.
    pub fn unanswered(&self, meter: &str) {
        self.unanswered.get_or_create(&ByMeter { meter: meter.to_owned() }).inc();
    }

    /// When the next window is to be recorded.
    pub fn due(&self, meter: &str, at: DateTime<Utc>) {
        self.due.get_or_create(&ByMeter { meter: meter.to_owned() }).set(unix_seconds(at));
    }

    /// A window is recorded until then; so many records are open, and so many series could not be recorded.
    pub fn window_recorded(
        &self,
        meter: &str,
        through: DateTime<Utc>,
        open: usize,
        skipped: BTreeMap<FaultReason, usize>,
    ) {
        let labels = ByMeter { meter: meter.to_owned() };
        self.windows.get_or_create(&labels).inc();
        self.recorded.get_or_create(&labels).set(unix_seconds(through));
        self.counting.get_or_create(&labels).set(as_gauge(open));
        for reason in FaultReason::ALL {
            let labels = ByReason { meter: meter.to_owned(), reason: reason.as_str() };
            match skipped.get(&reason) {
                Some(count) => {
                    self.uncounted.get_or_create(&labels).set(as_gauge(*count));
                }
                None => {
                    self.uncounted.remove(&labels);
                }
            }
        }
    }

    /// A Meter of metrics is gone.
    pub fn forget(&self, meter: &str) {
        let labels = ByMeter { meter: meter.to_owned() };
        self.recorded.remove(&labels);
        self.due.remove(&labels);
        self.counting.remove(&labels);
        for reason in FaultReason::ALL {
            self.uncounted.remove(&ByReason { meter: meter.to_owned(), reason: reason.as_str() });
        }
    }

    /// How things stand. What is not among the counts is not shown any more.
    pub fn show(&self, counts: &BTreeMap<String, Counts>, orphans: usize) {
        self.orphans.set(as_gauge(orphans));
        self.open.clear();
        self.skipped.clear();
        self.through.clear();
        for (meter, Counts { open, skipped, through }) in counts {
            let labels = ByMeter { meter: meter.clone() };
            self.open.get_or_create(&labels).set(as_gauge(*open));
            if let Some(through) = through {
                self.through.get_or_create(&labels).set(unix_seconds(*through));
            }
            for (reason, count) in skipped {
                let labels = ByReason { meter: meter.clone(), reason: reason.as_str() };
                self.skipped.get_or_create(&labels).set(as_gauge(*count));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_can_be_read() {
        let metrics = Metrics::new();
        let skipped = BTreeMap::from([(FaultReason::MissingField, 2)]);
        let counts = Counts { open: 3, skipped, through: chrono::DateTime::from_timestamp(60, 0) };
        metrics.show(&BTreeMap::from([("volumes".to_owned(), counts)]), 1);
        metrics.opened("volumes");
        let text = metrics.exposition.encode().expect("encodes");
        for line in [
            r#"billing_meter_records_running{meter="volumes"} 3"#,
            r#"billing_meter_objects_skipped{meter="volumes",reason="MissingField"} 2"#,
            r#"billing_meter_observed_through_timestamp_seconds{meter="volumes"} 60.0"#,
            r#"billing_meter_records_opened_total{meter="volumes"} 1"#,
            "billing_meter_records_orphaned 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nin\n{text}");
        }
        metrics.show(&BTreeMap::new(), 0);
        assert!(!metrics.exposition.encode().expect("encodes").contains("records_running{"), "a Meter that is gone");
    }
}
