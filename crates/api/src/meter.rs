//! How usage is measured without a program.

use super::{
    Name, Time, condition,
    text::{KEYS_ARE_LINES, LINE, LINES},
    time,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_derive::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Create a Meter for every kind of objects whose existence costs something, and for every counter or gauge of Prometheus whose
/// value does: the program `billing-meter` writes UsageRecords for each object for as long as it is as the Meter says, and for each
/// project what its counters count.
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
    printcolumn(name = "Server", type_ = "string", json_path = ".spec.metrics.server"),
    printcolumn(name = "Open", type_ = "integer", json_path = ".status.open"),
    printcolumn(name = "Skipped", type_ = "integer", json_path = ".status.skippedObjects"),
    printcolumn(name = "Observed Through", type_ = "string", json_path = ".status.observedThrough"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')")
        .message("metadata.name must be a DNS label of at most 63 characters: the names of records begin with it"),
)]
#[x_kube(
    validation = Rule::new("has(self.resource) != has(self.metrics)")
        .message("a Meter measures objects or metrics: set one of spec.resource and spec.metrics"),
    validation = Rule::new("!has(self.metrics) || !(has(self.selector) || has(self.when) || has(self.quantity) || has(self.project) || has(self.minimum))")
        .message("selector, when, quantity, project and minimum are about objects: a Meter of metrics has its own in spec.metrics"),
    validation = Rule::new("has(self.metrics) == has(oldSelf.metrics)")
        .message("a Meter stays one of objects or of metrics: make another one"),
)]
#[allow(clippy::duplicated_attributes, reason = "two columns of one type are two columns")]
#[serde(rename_all = "camelCase")]
pub struct MeterSpec {
    /// The kind of the objects. Either this or `metrics` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<MeteredResource>,
    /// What is counted of metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<MeteredMetrics>,
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

/// What is counted of the samples of a server of metrics: each project has a metered UsageRecord for each month, with a reading at
/// the end of each window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[x_kube(
    validation = Rule::new("duration(self.delay) >= duration(self.scrapeInterval) + duration(self.scrapeInterval)")
        .message("delay must be at least two scrape intervals: so late is known which series went on"),
    validation = Rule::new("duration(self.window) >= duration(self.delay) + duration(self.delay)")
        .message("delay must be at most half of the window: readings are spread over a delay"),
)]
#[serde(rename_all = "camelCase")]
pub struct MeteredMetrics {
    /// The name of the MetricsServer that has the samples.
    pub server: Name,
    /// Which series: a name with matchers, as in PromQL (`http_requests_total{ingress="public"}`), without functions, ranges and
    /// offsets.
    #[schemars(length(min = 1, max = 1024), regex(pattern = LINE))]
    pub selector: String,
    /// What is counted of them.
    #[serde(rename = "as")]
    pub aggregate: Aggregate,
    /// Whose usage it is.
    pub project: LabelledProject,
    /// Labels by which a project has records of its own, up to 4. Expressions read them as `object.labels`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "label_names")]
    #[x_kube(validation = Rule::new("self.all(l, self.exists_one(o, o == l))").message("each label must be named once"))]
    pub labels: Vec<String>,
    /// How long a window is: there is a reading at the end of each.
    #[serde(default)]
    pub window: WindowLength,
    /// How long after its end a window is looked at, in whole seconds, minutes or hours ("15m"), at most 6 hours. What comes later
    /// is not counted. The readings are written within as long again.
    #[serde(default = "default_delay")]
    #[schemars(length(max = 6), regex(pattern = DURATION))]
    #[x_kube(validation = Rule::new("duration(self) <= duration('6h')").message("delay must be at most 6h"))]
    pub delay: String,
    /// How often the server takes a sample, in whole seconds or minutes ("60s"), at most an hour. A sample holds for at most two of
    /// them.
    #[serde(default = "default_scrape_interval")]
    #[schemars(length(max = 6), regex(pattern = DURATION))]
    #[x_kube(validation = Rule::new("duration(self) <= duration('1h')").message("scrapeInterval must be at most 1h"))]
    pub scrape_interval: String,
    /// The share of a window in which there must be samples of any series: with less, `maxWait` is waited for more.
    #[serde(default = "default_coverage")]
    #[schemars(length(max = 6), regex(pattern = "^(0|0[.][0-9]{1,4}|1)$"))]
    pub coverage: String,
    /// How long after its end a window with too few samples is recorded as it is, in whole seconds, minutes or hours ("12h"), at
    /// most 240 hours. A month should be open for as long: see `readingsWait` of the InvoiceIssuer.
    #[serde(default = "default_max_wait")]
    #[schemars(length(max = 6), regex(pattern = DURATION))]
    #[x_kube(validation = Rule::new("duration(self) <= duration('240h')").message("maxWait must be at most 240h"))]
    pub max_wait: String,
    /// How much of the metric is one of what is recorded: a whole number ("3600" makes hours of seconds).
    #[serde(default = "default_per")]
    #[schemars(length(max = 21), regex(pattern = "^[1-9][0-9]{0,20}$"))]
    pub per: String,
}

/// A time in whole seconds, minutes or hours.
pub(super) const DURATION: &str = "^[1-9][0-9]{0,4}[smh]$";

fn default_delay() -> String {
    "15m".to_owned()
}

fn default_scrape_interval() -> String {
    "60s".to_owned()
}

fn default_coverage() -> String {
    "0.95".to_owned()
}

fn default_max_wait() -> String {
    "12h".to_owned()
}

fn default_per() -> String {
    "1".to_owned()
}

/// What is counted of series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Aggregate {
    /// Of counters: what they rose by. A fall is a reset.
    Increase,
    /// Of gauges: their value times the seconds that they had it.
    Integral,
}

/// How long a window is. All of them divide a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WindowLength {
    /// An hour.
    #[serde(rename = "1h")]
    Hour,
    /// Two hours.
    #[serde(rename = "2h")]
    TwoHours,
    /// Three hours.
    #[serde(rename = "3h")]
    ThreeHours,
    /// Four hours.
    #[serde(rename = "4h")]
    FourHours,
    /// Six hours.
    #[default]
    #[serde(rename = "6h")]
    SixHours,
    /// Eight hours.
    #[serde(rename = "8h")]
    EightHours,
    /// Half a day.
    #[serde(rename = "12h")]
    HalfDay,
    /// A day.
    #[serde(rename = "24h")]
    Day,
}

impl WindowLength {
    /// In hours.
    pub fn hours(self) -> u32 {
        match self {
            Self::Hour => 1,
            Self::TwoHours => 2,
            Self::ThreeHours => 3,
            Self::FourHours => 4,
            Self::SixHours => 6,
            Self::EightHours => 8,
            Self::HalfDay => 12,
            Self::Day => 24,
        }
    }
}

/// Whose usage a series is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LabelledProject {
    /// The label of the series that names the project ("namespace"). A series without it is nobody's.
    #[schemars(schema_with = "label_name")]
    pub label: String,
}

fn label_name(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "maxLength": 63, "pattern": "^[a-zA-Z_][a-zA-Z0-9_]*$" })
}

fn label_names(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "maxItems": 4, "items": label_name(generator) })
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

/// What is recorded as the service: expressions in CEL that are texts, about `object`; of metrics this is an object with the
/// `project` and the `labels` that the Meter names.
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
    /// Until when every change of the objects was seen, in UTC; written once a minute. What ends while nobody looks ends here. Of
    /// metrics: the end of the last window that is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time::whole_seconds")]
    pub observed_through: Option<Time>,
    /// How many records run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<i64>,
    /// How many objects, or series of metrics by project and labels, cannot be recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped_objects: Option<i64>,
    /// The objects that cannot be recorded, by the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub skipped: Vec<SkippedObjects>,
    /// `Ready`: whether objects are measured; if not, why not. `Stalled`, there only while it is true: somebody has to change the
    /// Meter. `Forbidden`, there only while it is true: the meter may not read the objects, and which role lets it. `Gap`, there only
    /// while it is true: a window has too few samples, and until when they are waited for.
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
