//! The claim to a prefix of invoice numbers.

use super::{Name, Uid};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Made by the operator when a billing group claims the prefix of its invoice numbers, and named like
/// the prefix: the claim lasts for ever, so that no number is used twice in the cluster.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "InvoiceSeries",
    plural = "invoiceseries",
    derive = "PartialEq",
    category = "billing-internal",
    printcolumn(name = "Organization", type_ = "string", json_path = ".spec.organization"),
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.billingGroup"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]{1,32}$')")
        .message("the name is the series: lower-case letters and digits"),
    validation = Rule::new("self.spec == oldSelf.spec").message("a series belongs to one billing group for ever"),
)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceSeriesSpec {
    /// The organization of the billing group.
    pub organization: Name,
    /// The billing group, by name.
    pub billing_group: Name,
    /// The UID of the billing group.
    #[serde(rename = "billingGroupUID")]
    pub billing_group_uid: Uid,
}
