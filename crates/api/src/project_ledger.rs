//! Who pays for a project from when on.

use super::{Name, Time, Uid, is_false};
use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Created by the operator for every project that a group ever paid for, named like the project: who pays for
/// it from when on. It is append-only, and the only record that decides.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "ProjectLedger",
    namespaced,
    derive = "PartialEq",
    shortname = "pl",
    category = "billing-internal",
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.segments[-1:].billingGroup"),
    printcolumn(name = "Since", type_ = "string", json_path = ".spec.segments[-1:].from"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[allow(clippy::duplicated_attributes, reason = "two columns of one type are two columns")]
#[serde(rename_all = "camelCase")]
pub struct ProjectLedgerSpec {
    /// The payers in order of time, each until the next begins: up to 400. The first also pays for all
    /// time before it, the last for all time after it.
    #[schemars(length(min = 1, max = 400))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.filter(s, s.from <= oldSelf[oldSelf.size() - 1].from) == oldSelf")
            .message("segments is append-only: a segment can only be added at the end"),
        validation = Rule::new("[self.map(s, s.from)].all(times, times.isSorted() && times.all(t, times.indexOf(t) == times.lastIndexOf(t)))")
            .message("segments must be in order of time, no two from the same instant"),
    )]
    pub segments: Vec<Segment>,
}

/// One payer of a project, from an instant on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    /// The first instant that the group pays for.
    pub from: Time,
    /// The billing group, by name.
    pub billing_group: Name,
    /// The UID of the billing group: a later group of the same name is another payer.
    #[serde(rename = "billingGroupUID")]
    pub billing_group_uid: Uid,
    /// The UID of the project's namespace.
    #[serde(rename = "projectUID")]
    pub project_uid: Uid,
    /// Whether the group pays by default: such a segment yields to a chosen one of the same month.
    #[serde(default, skip_serializing_if = "is_false")]
    pub default: bool,
}
