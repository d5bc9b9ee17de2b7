//! A month that is over.

use super::{Name, Time, time};
use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Created by the operator for every month that is over, as soon as it is over by the API server's clock,
/// and named like the month: from then on the month's invoices become final.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    attr = "x_kube(crates(kube_core = \"::kube_core\"))",
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "BillingPeriod",
    status = "BillingPeriodStatus",
    derive = "PartialEq",
    shortname = "bp",
    category = "billing",
    printcolumn(name = "Start", type_ = "string", json_path = ".spec.start"),
    printcolumn(name = "End", type_ = "string", json_path = ".spec.end"),
    printcolumn(name = "Final", type_ = "integer", json_path = ".status.final"),
    printcolumn(name = "Held", type_ = "integer", json_path = ".status.held"),
    printcolumn(name = "Waiting", type_ = "integer", json_path = ".status.waiting"),
    validation = Rule::new("self.spec == oldSelf.spec").message("spec is immutable: a closed month never changes"),
    validation = Rule::new("self.metadata.name.matches('^[0-9]{4}-(0[1-9]|1[0-2])$') && self.spec.start == timestamp(self.metadata.name + '-01T00:00:00Z')")
        .message("metadata.name must be the month, YYYY-MM, and spec.start its first instant"),
    validation = Rule::new("self.spec.end > self.spec.start + duration('648h') && self.spec.end < self.spec.start + duration('768h') && self.spec.end.getDayOfMonth() == 0 && self.spec.end.getHours() == 0 && self.spec.end.getMinutes() == 0 && self.spec.end.getSeconds() == 0 && self.spec.end.getMilliseconds() == 0")
        .message("spec.end must be the first instant of the next month"),
)]
#[serde(rename_all = "camelCase")]
pub struct BillingPeriodSpec {
    /// The first instant of the month, in UTC.
    #[schemars(schema_with = "time::whole_seconds")]
    pub start: Time,
    /// The first instant of the next month, in UTC.
    #[schemars(schema_with = "time::whole_seconds")]
    pub end: Time,
    /// Who pays for a project that moved within the month; decided for the whole month when it ended.
    pub attribution: Attribution,
}

/// Who pays for a project that moves from one group to another within a month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Attribution {
    /// The group that holds the project at the first instant of the next month pays for the whole month.
    #[default]
    MonthEnd,
    /// Each group pays for the time that it held the project.
    Prorated,
}

/// The progress of the month's invoices.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct BillingPeriodStatus {
    /// How many invoices of the month are final.
    #[serde(rename = "final", default)]
    #[schemars(range(min = 0))]
    pub finals: i32,
    /// How many are due to become final, but are held; their condition `Ready` says why.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub held: i32,
    /// How many wait for the end of the grace time, or for an earlier month.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub waiting: i32,
    /// How many usage records of the month are on no invoice; their condition `Billable` says why.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub unbilled_records: i32,
    /// The projects that these records name, in order: the first 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub unbilled_projects: Vec<Name>,
}
