//! Metered records: one for each series of a Meter and each month.
//!
//! A record's name is made of its Meter, what it counts and its month, so that there is one. Its last reading says how far it is, so
//! whoever adds the next looks at that first: the same window again changes nothing.

use billing_api::{Coverage, Name, Quantity, Reading, Time, UsageRecord, UsageRecordSpec};
use chrono::{DateTime, Datelike};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Counted;
use crate::life::Timestamp;
use crate::records::Writer;

/// On a record: which series of its Meter it counts.
pub const SERIES_LABEL: &str = "meter.billing-operator.io/series";
/// On a record, until it is ended: `"true"`.
pub const COUNTING_LABEL: &str = "meter.billing-operator.io/counting";

/// How many digits tell series of a Meter apart.
const DIGITS: usize = 12;

/// An instant of milliseconds since 1970, in whole seconds.
pub fn second(millis: i64) -> Timestamp {
    DateTime::from_timestamp(millis.div_euclid(1000), 0).unwrap_or_default()
}

/// What tells series of a Meter apart: everything that a record says for ever. With another service it is another record.
pub fn series(counted: &Counted) -> String {
    let Counted { project, labels, service, tags: _ } = counted;
    let text = json!([project, labels, service]).to_string();
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().chars().take(DIGITS).collect()
}

impl Writer<'_> {
    /// The name of the record of a series in the month of `start`.
    pub fn monthly_name(&self, series: &str, start: Timestamp) -> String {
        format!("{}-{series}-{:04}-{:02}", self.prefix(), start.year(), start.month())
    }

    /// The name of the record that follows where so many of a month were ended before it.
    pub fn monthly_name_after(&self, series: &str, start: Timestamp, ended: usize) -> String {
        let name = self.monthly_name(series, start);
        if ended == 0 { name } else { format!("{name}-{}", ended + 1) }
    }

    /// A metered record that begins at `start`, with its first reading.
    pub fn monthly(&self, organization: &str, counted: &Counted, start: Timestamp, reading: Reading) -> UsageRecord {
        let Counted { project, labels: _, service, tags } = counted;
        let series = series(counted);
        let metadata = ObjectMeta {
            name: Some(self.monthly_name(&series, start)),
            namespace: Some(organization.to_owned()),
            labels: Some(self.labels(&[(SERIES_LABEL, &series), (COUNTING_LABEL, "true")])),
            ..ObjectMeta::default()
        };
        let spec = UsageRecordSpec {
            project: Name::from(project.as_str()),
            service: service.clone(),
            cluster: self.cluster.map(Name::from),
            quantity: Quantity::from("1"),
            start: Time(start),
            end: None,
            readings: Some(vec![reading]),
            tags: tags.clone(),
            replaces: None,
        };
        UsageRecord { metadata, spec, status: None }
    }
}

/// A reading. `coverage` is in ten thousandths of the time since the one before; at all of it, it is left out.
pub fn reading(at: Timestamp, quantity: &str, coverage: Option<i64>) -> Reading {
    let coverage = coverage.map(|share| match share {
        ..=0 => "0".to_owned(),
        10_000.. => "1".to_owned(),
        share => format!("0.{share:04}").trim_end_matches('0').to_owned(),
    });
    Reading { at: Time(at), quantity: Quantity::from(quantity), coverage: coverage.map(Coverage::from) }
}
