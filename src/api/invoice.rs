//! One group's invoice of one month.

use super::{Document, Month, Name, SeriesName, Time, Uid, address::LINE, condition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Made by the operator for every billing group and month, named by its number: an estimate while the
/// month runs, final when it is over. The whole document is in its status.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "Invoice",
    namespaced,
    status = "InvoiceStatus",
    derive = "PartialEq",
    shortname = "inv",
    category = "billing",
    selectable = ".status.phase",
    selectable = ".spec.period",
    selectable = ".spec.billingGroup",
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.billingGroup"),
    printcolumn(name = "Period", type_ = "string", json_path = ".spec.period"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Total", type_ = "string", json_path = ".status.document.total"),
    printcolumn(name = "Currency", type_ = "string", json_path = ".status.document.currency"),
    printcolumn(name = "Payment", type_ = "string", json_path = ".status.payment.state"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]{1,32}-[1-9][0-9]{0,3}$') && self.metadata.name.split('-')[0] == self.spec.series && int(self.metadata.name.split('-')[1]) == self.spec.sequence")
        .message("the name is the invoice number: the group's series and the month's sequence"),
    validation = Rule::new("self.spec == oldSelf.spec").message("spec is immutable"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.phase) || oldSelf.status.phase != 'Final' || (has(self.status) && has(self.status.phase) && self.status.phase == 'Final' && has(self.status.document) && self.status.document == oldSelf.status.document)")
        .message("a final invoice never changes")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.status) || !has(self.status.phase) || (self.status.phase == 'Final' ? has(self.status.document) && has(self.status.document.issuedAt) && !has(self.status.document.asOf) : !has(self.status.document) || (has(self.status.document.asOf) && !has(self.status.document.issuedAt)))")
        .message("a final invoice has a document with issuedAt, an estimate one with asOf"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || self.status.document.number == self.metadata.name")
        .message("the document's number is the invoice's name"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || (has(self.status.document.lines) ? self.status.document.lines.map(l, int(l.total.replace('.', ''))).sum() : 0) + (has(self.status.document.slices) ? self.status.document.slices.map(l, int(l.subtotal.replace('.', ''))).sum() : 0) == int(self.status.document.subtotal.replace('.', ''))")
        .message("subtotal is the sum of the lines and slices"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || int(self.status.document.subtotal.replace('.', '')) + int(self.status.document.tax.replace('.', '')) == int(self.status.document.total.replace('.', ''))")
        .message("total is subtotal plus tax"),
)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceSpec {
    /// The billing group that pays, by name.
    pub billing_group: Name,
    /// Its UID.
    #[serde(rename = "billingGroupUID")]
    pub billing_group_uid: Uid,
    /// The month that is billed, in UTC.
    pub period: Month,
    /// The prefix of the number.
    pub series: SeriesName,
    /// Months since the group's first period, plus one.
    #[schemars(range(min = 1, max = 9999))]
    pub sequence: i32,
}

/// The invoice itself.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceStatus {
    /// Whether the document is still an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<InvoicePhase>,
    /// The document; never changes once the invoice is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = StructMerge::Atomic)]
    pub document: Option<Document>,
    /// What became of the payment; written by finance once the invoice is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment>,
    /// `Ready`: whether the document is what it should be by now; if not, what holds it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::conditions")]
    pub conditions: Vec<Condition>,
}

/// Whether an invoice may still change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InvoicePhase {
    /// Follows the usage of a month that runs, or is not closed yet.
    Estimate,
    /// Never changes again.
    Final,
}

/// What became of the payment of an invoice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// How it stands.
    pub state: PaymentState,
    /// When it came to that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// The reference of the bank or of the payment system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), regex(pattern = LINE))]
    pub reference: Option<String>,
}

/// How the payment of an invoice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PaymentState {
    /// It is under way.
    Pending,
    /// The money is there.
    Paid,
    /// It was tried, and did not succeed.
    Failed,
    /// The money was given back.
    Refunded,
    /// It is not expected any more.
    WrittenOff,
}
