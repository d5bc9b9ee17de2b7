//! How usage is measured without a program.

use super::{
    Time, condition,
    text::{KEYS_ARE_LINES, LINE, LINES},
    time,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_derive::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Create a Meter for every kind of objects whose existence costs something: for each object that it finds there is a running
/// UsageRecord, written by the program `billing-meter`, for as long as the object is as the Meter says.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    attr = "x_kube(crates(kube_core = \"::kube_core\"))",
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "Meter",
    status = "MeterStatus",
    derive = "PartialEq",
    category = "billing",
    printcolumn(name = "Kind", type_ = "string", json_path = ".spec.resource.kind"),
    printcolumn(name = "Open", type_ = "integer", json_path = ".status.open"),
    printcolumn(name = "Skipped", type_ = "integer", json_path = ".status.skippedObjects"),
    printcolumn(name = "Observed Through", type_ = "string", json_path = ".status.observedThrough"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')")
        .message("metadata.name must be a DNS label of at most 63 characters: the names of records begin with it"),
)]
#[x_kube(
    validation = Rule::new("has(self.resource)").message("a Meter measures objects: set spec.resource"),
)]
#[allow(clippy::duplicated_attributes, reason = "two columns of one type are two columns")]
#[serde(rename_all = "camelCase")]
pub struct MeterSpec {
    /// The kind of the objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<MeteredResource>,
    /// Which of them, by their labels. Absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<Selector>,
    /// Which projects, by the labels of their namespaces. Absent: every project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Selector>,
    /// While this is true, the object costs something: an expression in CEL that is true or false, about `object`. Absent: for as
    /// long as it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "expression")]
    pub when: Option<String>,
    /// What is recorded as the service.
    pub service: MeteredService,
    /// How many of the service the object stands for: an expression in CEL that is a whole number, or the text of a decimal with up
    /// to 6 decimals. At zero nothing is recorded. Absent: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "expression")]
    pub quantity: Option<String>,
    /// Whose usage it is. Absent: of the project whose namespace the object is in, or is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<MeteredProject>,
    /// How long an object must cost something before it is recorded, from the beginning then; shorter lives are not. In whole
    /// seconds, minutes or hours ("60s"), at most an hour. Absent: no time at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "minimum")]
    pub minimum: Option<String>,
    /// Tags of the records: up to 8 keys, each with an expression in CEL that is text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "tags")]
    #[x_kube(validation = Rule::new("self.all(k, k.size() <= 63)").message("the key of a tag must have at most 63 characters"))]
    #[x_kube(validation = Rule::new(KEYS_ARE_LINES).message("the key of a tag must be a line of text without control or invisible characters"))]
    pub tags: BTreeMap<String, String>,
}

/// A kind of objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, KubeSchema)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[x_kube(
    validation = Rule::new("!(self.group in ['', 'events.k8s.io']) || !(self.kind in ['ConfigMap', 'Event', 'Secret'])")
        .message("Secret, ConfigMap and Event are not metered: what they hold is not to be read, or changes all the time"),
)]
#[serde(rename_all = "camelCase")]
pub struct MeteredResource {
    /// The group of its API; empty for Kubernetes' core.
    #[schemars(
        length(max = 253),
        regex(pattern = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$")
    )]
    pub group: String,
    /// The version of its API ("v1").
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub version: String,
    /// The kind ("PersistentVolumeClaim").
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[A-Z][A-Za-z0-9]*$"))]
    pub kind: String,
}

/// Chooses objects by their labels: all that is said must be so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// Labels with their values, up to 16.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "labels")]
    #[x_kube(validation = Rule::new(KEYS_ARE_LINES).message("a label must be a line of text without control or invisible characters"))]
    pub match_labels: BTreeMap<String, String>,
    /// What else is so of labels, up to 16.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub match_expressions: Vec<Requirement>,
}

/// Something that must be so of a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[x_kube(
    validation = Rule::new("(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)")
        .message("values belong to the operators In and NotIn, and to no other"),
)]
#[serde(rename_all = "camelCase")]
pub struct Requirement {
    /// The label.
    #[schemars(length(min = 1, max = 317), regex(pattern = LINE))]
    pub key: String,
    /// How it is compared.
    pub operator: SelectorOperator,
    /// What it is compared with, up to 32.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "values")]
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SelectorOperator {
    /// It has one of the values.
    In,
    /// It has none of the values, or is absent.
    NotIn,
    /// It is there.
    Exists,
    /// It is absent.
    DoesNotExist,
}

/// What is recorded as the service: expressions in CEL that are texts, about `object`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeteredService {
    /// The service's own name, at most 128 characters ("object.metadata.name").
    #[schemars(schema_with = "expression")]
    pub name: String,
    /// What kind of service it is, as price lists call it ("'Block storage'").
    #[serde(rename = "type")]
    #[schemars(schema_with = "expression")]
    pub kind: String,
    /// Its size or class ("object.spec.storageClassName"). Empty text: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "expression")]
    pub plan: Option<String>,
    /// Where it runs. Empty text: nowhere in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "expression")]
    pub cloud: Option<String>,
}

/// Whose usage an object is: one of two. (By the count of fields, because CEL does not let a rule say `namespace`.)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
#[serde(rename_all = "camelCase")]
pub struct MeteredProject {
    /// The project whose namespace the object is in, or is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<OwnNamespace>,
    /// The project that a label of the object names: for kinds without a namespace. An object without the label costs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 317), regex(pattern = LINE))]
    pub label: Option<String>,
}

/// Says that a project is its namespace, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnNamespace {}

/// An expression in CEL.
fn expression(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_EXPRESSION, "pattern": LINES })
}

/// How long an expression is at most, in characters.
pub const MAX_EXPRESSION: usize = 512;

fn minimum(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": 5,
        "pattern": "^(0s|[1-9][0-9]{0,2}s|[12][0-9]{3}s|3[0-5][0-9]{2}s|3600s|[1-9]m|[1-5][0-9]m|60m|1h)$",
    })
}

fn tags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 8,
        "additionalProperties": {"type": "string", "minLength": 1, "maxLength": MAX_EXPRESSION, "pattern": LINES},
    })
}

fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": {"type": "string", "maxLength": 63, "pattern": LINE},
    })
}

fn values(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 32,
        "items": {"type": "string", "maxLength": 63, "pattern": LINE},
    })
}

/// How far a Meter is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeterStatus {
    /// The generation of the Meter that this status was computed from; -1 before it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Until when every change of the objects was seen, in UTC; written once a minute. What ends while nobody looks ends here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time::whole_seconds")]
    pub observed_through: Option<Time>,
    /// How many records run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<i64>,
    /// How many objects cannot be recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped_objects: Option<i64>,
    /// The objects that cannot be recorded, by the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub skipped: Vec<SkippedObjects>,
    /// `Ready`: whether objects are measured; if not, why not. `Stalled`, there only while it is true: somebody has to change the
    /// Meter. `Forbidden`, there only while it is true: the meter may not read the objects, and which role lets it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::conditions")]
    pub conditions: Vec<Condition>,
}

/// Objects that cannot be recorded for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkippedObjects {
    /// The reason: one documented word in CamelCase.
    #[schemars(length(min = 1, max = 63), regex(pattern = "^[A-Z][A-Za-z]*$"))]
    pub reason: String,
    /// How many there are.
    pub count: i64,
    /// One of them, as "namespace/name".
    #[schemars(length(max = 320))]
    pub example: String,
    /// What is wrong with that one, and where.
    #[schemars(length(max = 512))]
    pub message: String,
}
