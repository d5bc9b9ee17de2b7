//! Usage records as meters write them.
//!
//! A record's name is made of its Meter, its object and its start, so that a retry is refused and billed once. Labels say which
//! object it is of, and that it runs: the one that is taken off with its end is what the watch selects by. What other clusters write
//! is told apart by a label, too.

use std::collections::BTreeMap;

use billing_api::{Meter, MeterStatus, Name, Quantity, Time, UsageRecord, UsageRecordSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value as Json, json};

use crate::life::{Cost, Running, Target, Timestamp};

pub use billing_api::labels::METER_LABEL;
/// On a record: the uid of its object.
pub const OBJECT_LABEL: &str = "meter.billing-operator.io/object";
/// On a record, while it runs: `"true"`.
pub const RUNNING_LABEL: &str = "meter.billing-operator.io/running";
/// On a record: the name of the cluster that it is of, where that is another than the one that bills.
pub const CLUSTER_LABEL: &str = "meter.billing-operator.io/cluster";
/// On a Meter: it stays until its records are ended.
pub const FINALIZER: &str = "meter.billing-operator.io/end-usage";
/// On a role of the cluster: what it grants, the meter has.
pub const AGGREGATE_LABEL: &str = "billing-operator.io/aggregate-to-meter";

/// Whose records they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer<'a> {
    /// The Meter.
    pub meter: &'a str,
    /// The name of the cluster, where that is another than the one that bills.
    pub cluster: Option<&'a str>,
}

impl Writer<'_> {
    /// What the names of its records begin with.
    pub fn prefix(&self) -> String {
        let cluster = self.cluster.map(|cluster| format!("-{cluster}")).unwrap_or_default();
        format!("{}{cluster}", self.meter)
    }

    /// The labels of its records, with more.
    pub fn labels(&self, more: &[(&str, &str)]) -> BTreeMap<String, String> {
        let own = [(METER_LABEL, self.meter)].into_iter().chain(self.cluster.map(|cluster| (CLUSTER_LABEL, cluster)));
        own.chain(more.iter().copied()).map(|(label, value)| (label.to_owned(), value.to_owned())).collect()
    }

    /// The name of the record of an object that begins then.
    pub fn name(&self, uid: &str, start: Timestamp) -> String {
        let short: String = uid.chars().take(8).collect();
        format!("{}-{short}-{}", self.prefix(), start.timestamp())
    }

    /// The record of an object that begins then.
    pub fn record(&self, uid: &str, target: &Target, start: Timestamp) -> UsageRecord {
        let Target { cost: Cost { organization, project, service, quantity }, tags } = target;
        let spec = UsageRecordSpec {
            project: Name::from(project.as_str()),
            service: service.clone(),
            cluster: self.cluster.map(Name::from),
            quantity: Quantity::from(quantity.as_str()),
            start: Time(start),
            end: None,
            readings: None,
            tags: tags.clone(),
            replaces: None,
        };
        let metadata = ObjectMeta {
            name: Some(self.name(uid, start)),
            namespace: Some(organization.clone()),
            labels: Some(self.labels(&[(OBJECT_LABEL, uid), (RUNNING_LABEL, "true")])),
            ..ObjectMeta::default()
        };
        UsageRecord { metadata, spec, status: None }
    }
}

/// Selects the records of a cluster among those of all: by the absence of a cluster where it is the one that bills.
pub fn of_cluster(cluster: Option<&str>) -> String {
    cluster.map_or_else(|| format!("!{CLUSTER_LABEL}"), |cluster| format!("{CLUSTER_LABEL}={cluster}"))
}

/// A status as a merge patch has it: what is empty is taken away.
pub fn status(status: &MeterStatus) -> Json {
    let mut patch = json!(status);
    if status.skipped.is_empty() {
        patch["skipped"] = Json::Null;
    }
    patch
}

/// The merge patch that ends a record.
pub fn end(at: Timestamp) -> Json {
    json!({ "metadata": { "labels": { RUNNING_LABEL: null } }, "spec": { "end": Time(at) } })
}

/// The Meter and the uid of the object that a record is of, and what it says. `None`: it is not a meter's.
pub fn read(record: &UsageRecord) -> Option<(String, String, Running)> {
    let labels = record.metadata.labels.as_ref()?;
    let (meter, uid) = (labels.get(METER_LABEL)?, labels.get(OBJECT_LABEL)?);
    let (organization, name) = (record.metadata.namespace.clone()?, record.metadata.name.clone()?);
    let UsageRecordSpec { project, service, quantity, start, .. } = &record.spec;
    let cost =
        Cost { organization, project: project.to_string(), service: service.clone(), quantity: quantity.to_string() };
    Some((meter.clone(), uid.clone(), Running::new(name, cost, start.0)))
}

/// Whether a Meter waits for its records when it is deleted.
pub fn is_held(meter: &Meter) -> bool {
    meter.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER)
}

/// The finalizers of a Meter with ours, or without it.
pub fn finalizers(meter: &Meter, held: bool) -> Vec<String> {
    let others = meter.metadata.finalizers.iter().flatten().filter(|finalizer| *finalizer != FINALIZER);
    others.cloned().chain(held.then(|| FINALIZER.to_owned())).collect()
}
