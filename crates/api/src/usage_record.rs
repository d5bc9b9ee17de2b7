//! What ran, how much of it, and for how long.

use super::{
    Coverage, Name, ObjectName, Quantity, Time, condition,
    text::{KEYS_ARE_LINES, LINE},
    time,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_derive::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Create a UsageRecord in the organization's namespace when a service of a project starts to cost
/// something; set its `end` when it stops. To correct a record, create one that replaces it. A record with `readings` is metered: it
/// is charged by what a counter has counted.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    attr = "x_kube(crates(kube_core = \"::kube_core\"))",
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "UsageRecord",
    namespaced,
    status = "UsageRecordStatus",
    derive = "PartialEq",
    shortname = "ur",
    category = "billing",
    selectable = ".spec.project",
    printcolumn(name = "Project", type_ = "string", json_path = ".spec.project"),
    printcolumn(name = "Service", type_ = "string", json_path = ".spec.service.name"),
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.service.type"),
    printcolumn(name = "Plan", type_ = "string", json_path = ".spec.service.plan"),
    printcolumn(name = "Start", type_ = "string", json_path = ".spec.start"),
    printcolumn(name = "End", type_ = "string", json_path = ".spec.end"),
    printcolumn(name = "Reading", type_ = "string", json_path = ".spec.readings[-1:].quantity"),
    printcolumn(name = "Read At", type_ = "string", json_path = ".spec.readings[-1:].at", priority = 1),
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.cluster", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("!has(self.metadata.generateName)")
        .message("generateName is not allowed: set metadata.name, so that a retry is refused and is not billed twice"),
    validation = Rule::new("!has(self.spec.replaces) || self.spec.replaces != self.metadata.name")
        .message("a record cannot replace itself: set spec.replaces to the record that it corrects"),
)]
#[x_kube(
    validation = Rule::new("!has(self.end) || self.start < self.end").message("end must be after start"),
    validation = Rule::new("self.project == oldSelf.project && self.service == oldSelf.service && self.quantity == oldSelf.quantity && self.start == oldSelf.start && has(self.tags) == has(oldSelf.tags) && (!has(self.tags) || self.tags == oldSelf.tags) && has(self.replaces) == has(oldSelf.replaces) && (!has(self.replaces) || self.replaces == oldSelf.replaces)")
        .message("only end can be set after creation; correct the record with one that replaces it"),
    validation = Rule::new("has(self.cluster) == has(oldSelf.cluster) && (!has(self.cluster) || self.cluster == oldSelf.cluster)")
        .message("the cluster of a record cannot be changed; correct the record with one that replaces it"),
    validation = Rule::new("has(self.readings) == has(oldSelf.readings)")
        .message("a record is metered from its creation on, or never: give it readings, if only an empty list, when it is created"),
    validation = Rule::new("!has(self.readings) || self.quantity == '1'")
        .message("the quantity of a metered record is 1: what it counts is in its readings"),
    validation = Rule::new("!has(self.readings) || self.readings.size() == 0 || self.start < self.readings[0].at")
        .message("the first reading must be after start: readings tell what was counted since then"),
    validation = Rule::new("!has(self.readings) || !has(self.end) || self.readings.size() == 0 || self.readings[self.readings.size() - 1].at <= self.end")
        .message("no reading may be after end"),
    validation = Rule::new("!has(self.readings) || [has(self.end) ? self.end : self.readings.size() == 0 ? self.start + duration('1s') : self.readings[self.readings.size() - 1].at].all(last, (last - duration('1s')).getMonth() == self.start.getMonth() && (last - duration('1s')).getFullYear() == self.start.getFullYear())")
        .message("a metered record lies in the month (UTC) of its start: end it at the month's end at the latest, and begin the next there"),
    validation = Rule::new("!has(oldSelf.end) || (has(self.end) && self.end == oldSelf.end)")
        .message("end is set once and cannot be changed; correct the record with one that replaces it"),
)]
#[serde(rename_all = "camelCase")]
pub struct UsageRecordSpec {
    /// The project that the service belongs to.
    pub project: Name,
    /// What ran.
    pub service: Service,
    /// The name of the cluster where it ran, where that is another one: services of the same name in two clusters are two services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Name>,
    /// How many of it ran at once: above zero, with up to 6 decimals. Of a metered record 1.
    #[serde(default = "default_quantity")]
    #[x_kube(validation = Rule::new("self.matches('[1-9]')").message("quantity must be greater than zero"))]
    pub quantity: Quantity,
    /// The first second that it ran, in UTC.
    #[schemars(schema_with = "time::whole_seconds")]
    pub start: Time,
    /// The first second that it no longer ran, in UTC. Absent while it runs; set once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time::whole_seconds")]
    pub end: Option<Time>,
    /// What a counter has counted since `start`, reading by reading: up to 800. It makes the record metered, from its creation on, also
    /// while it is empty. A reading can only be added, at the end, one at a time; `at` grows, and `quantity` never falls. A metered
    /// record lies in one calendar month (UTC) and is priced by the `Unit`: of a time with one price and one payer, what the counter
    /// rose is charged. Add the reading at the month's end within an hour or so: the invoice of the month waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 800))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.size() <= oldSelf.size() + 1")
            .message("readings are added one at a time"),
        validation = Rule::new("oldSelf.size() == 0 || self.filter(r, r.at <= oldSelf[oldSelf.size() - 1].at) == oldSelf")
            .message("readings is append-only: a reading can only be added at the end, after those that are there"),
        validation = Rule::new("self.size() < 2 || self[self.size() - 2].at < self[self.size() - 1].at")
            .message("readings must be in order of time, no two at the same instant"),
        validation = Rule::new("self.size() < 2 || quantity(self[self.size() - 2].quantity).compareTo(quantity(self[self.size() - 1].quantity)) <= 0")
            .message("the quantity of a reading is what was counted since the record's start: it never falls"),
    )]
    pub readings: Option<Vec<Reading>>,
    /// Tags of your own, copied to the invoice line: up to 8.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags")]
    #[x_kube(validation = Rule::new("self.all(k, k.size() <= 63)").message("the key of a tag must have at most 63 characters"))]
    #[x_kube(validation = Rule::new(KEYS_ARE_LINES).message("the key of a tag must be a line of text without control or invisible characters"))]
    pub tags: BTreeMap<String, String>,
    /// The name of the record that this one corrects; the replaced record is not billed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<ObjectName>,
}

/// What a counter had counted at an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// When it was read, in UTC, in whole seconds. All that was counted before this instant is in it.
    #[schemars(schema_with = "time::whole_seconds")]
    pub at: Time,
    /// How much was counted since the record's start, in the unit of the price, with up to 6 decimals. It may be zero.
    pub quantity: Quantity,
    /// How much of the time since the reading before was measured, from 0 to 1. Absent: all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
}

fn default_quantity() -> Quantity {
    "1".into()
}

/// The schema of tags.
pub(super) fn tags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 8,
        "additionalProperties": {"type": "string", "maxLength": 128, "pattern": LINE},
    })
}

/// A service: what prices are looked up by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// The service's own name.
    #[schemars(length(min = 1, max = 128), regex(pattern = LINE))]
    pub name: String,
    /// What kind of service it is, as price lists call it ("PostgreSQL").
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 64), regex(pattern = LINE))]
    pub kind: String,
    /// Its size ("Hobbyist").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = LINE))]
    pub plan: Option<String>,
    /// Where it runs ("google-europe-north1").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = LINE))]
    pub cloud: Option<String>,
}

/// Whether anything prevents a record from being billed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsageRecordStatus {
    /// `Billable`, written only when it is `False`, with the reason. Absent: nothing prevents billing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::conditions")]
    pub conditions: Vec<Condition>,
}
