//! Which group pays for a project.

use super::{Name, Time, condition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Create a ProjectBinding named `billing` in a project's namespace to say which billing group of its
/// organization pays for it; change it to move the project.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    attr = "x_kube(crates(kube_core = \"::kube_core\"))",
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "ProjectBinding",
    namespaced,
    status = "ProjectBindingStatus",
    derive = "PartialEq",
    shortname = "pb",
    category = "billing",
    selectable = ".spec.billingGroup",
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.billingGroup"),
    printcolumn(name = "Organization", type_ = "string", json_path = ".status.organization"),
    printcolumn(name = "Accepted", type_ = "string", json_path = ".status.conditions[?(@.type==\"Accepted\")].reason"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name == 'billing'")
        .message("a project has exactly one ProjectBinding, named 'billing'"),
)]
#[serde(rename_all = "camelCase")]
pub struct ProjectBindingSpec {
    /// The billing group that pays, by its name in the namespace of the project's organization.
    pub billing_group: Name,
}

/// Who pays now: a report of the project's ledger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectBindingStatus {
    /// The organization that the project belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Name>,
    /// The billing group that pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_group: Option<Name>,
    /// Since when that group pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// `Accepted`: whether the group that is named can pay. `Ready`: whether it does. `Stalled`, there only while it is true:
    /// somebody has to do something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::conditions")]
    pub conditions: Vec<Condition>,
    /// The generation of the binding that this status was computed from; -1 before the operator has looked at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}
