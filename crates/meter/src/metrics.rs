//! What the meter tells Prometheus about what it measures. What it tells about its work is in [`operator_kit::metrics`].

use std::collections::BTreeMap;

use operator_kit::metrics::{Exposition, Metrics as WorkMetrics, Registrar, Seconds, as_gauge, unix_seconds};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

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
        Self { work, exposition: all.finish(), open, skipped, through, opened, ended, orphans }
    }

    /// A record began.
    pub fn opened(&self, meter: &str) {
        self.opened.get_or_create(&ByMeter { meter: meter.to_owned() }).inc();
    }

    /// A record ended.
    pub fn ended(&self, meter: &str) {
        self.ended.get_or_create(&ByMeter { meter: meter.to_owned() }).inc();
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
    use crate::recipe::FaultReason;

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
