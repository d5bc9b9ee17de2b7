//! The claim to a prefix of invoice numbers.

use super::{Name, ObjectName, Time, Uid, is_false};
use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Created by the operator when a billing group claims the prefix of its invoice numbers, and named like
/// the prefix. Once an invoice of the series is final the claim lasts for ever, so that no number is used twice in the cluster;
/// before that it goes with its group.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    attr = "x_kube(crates(kube_core = \"::kube_core\"))",
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "InvoiceSeries",
    plural = "invoiceseries",
    status = "InvoiceSeriesStatus",
    derive = "PartialEq",
    category = "billing-internal",
    printcolumn(name = "Organization", type_ = "string", json_path = ".spec.organization"),
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.billingGroup"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]{1,32}$')")
        .message("metadata.name must be the series: lower-case letters and digits"),
    validation = Rule::new("self.spec == oldSelf.spec").message("spec is immutable: an invoice series belongs to one billing group for ever"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.creditNotes) || (has(self.status) && has(self.status.creditNotes) && self.status.creditNotes.filter(n, n.sequence <= oldSelf.status.creditNotes.size()) == oldSelf.status.creditNotes)")
        .message("status.creditNotes is append-only: a credit note keeps its number")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.status) || !has(self.status.creditNotes) || self.status.creditNotes.all(n, n.sequence <= self.status.creditNotes.size())")
        .message("the numbers of credit notes must have no gaps"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.used) || !oldSelf.status.used || (has(self.status) && has(self.status.used) && self.status.used)")
        .message("status.used stays true: an invoice of the series is final")
        .reason(Reason::FieldValueForbidden),
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

/// What the numbers of the series are used for.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[serde(rename_all = "camelCase")]
pub struct InvoiceSeriesStatus {
    /// Whether the series has numbers on final invoices: set before the first of them is final, and never taken back. A series
    /// that is not used goes with its billing group.
    #[serde(default, skip_serializing_if = "is_false")]
    pub used: bool,
    /// The credit notes of the series, in the order of their numbers: the first is `<series>-cn1`. Up to 1000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["sequence".to_owned()]))]
    pub credit_notes: Vec<NumberedNote>,
}

/// A credit note that has a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NumberedNote {
    /// Its position: the note's number is `<series>-cn<sequence>`.
    #[schemars(range(min = 1, max = 1000))]
    pub sequence: i32,
    /// The name of the CreditNote, in the namespace of the series' organization.
    pub name: ObjectName,
    /// Its UID.
    pub uid: Uid,
    /// When it got the number, which is when it is issued.
    pub issued_at: Time,
    /// The digest of its document.
    #[schemars(length(max = 80))]
    pub digest: String,
}
