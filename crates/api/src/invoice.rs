//! One group's invoice of one month.

use super::{Amount, Document, Month, Name, ObjectName, SeriesName, Time, Uid, address::LINE, condition, is_false};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Made by the operator for every billing group and month, named by its number: an estimate while the
/// month runs, final when it is over. The whole document is in its status.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    attr = "x_kube(crates(kube_core = \"::kube_core\"))",
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "Invoice",
    namespaced,
    status = "InvoiceStatus",
    derive = "PartialEq",
    shortname = "inv",
    category = "billing",
    selectable = ".status.phase",
    selectable = ".status.payment.state",
    selectable = ".status.overdueSince",
    selectable = ".spec.period",
    selectable = ".spec.billingGroup",
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.billingGroup"),
    printcolumn(name = "Period", type_ = "string", json_path = ".spec.period"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Total", type_ = "string", json_path = ".status.document.total"),
    printcolumn(name = "Currency", type_ = "string", json_path = ".status.document.currency"),
    printcolumn(name = "Payment", type_ = "string", json_path = ".status.payment.state"),
    printcolumn(name = "Credited", type_ = "string", json_path = ".status.credited.total"),
    printcolumn(name = "Overdue", type_ = "date", json_path = ".status.overdueSince"),
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
    validation = Rule::new("!has(self.status) || has(self.status.payment) == (has(self.status.phase) && self.status.phase == 'Final')")
        .message("a final invoice says how its payment stands, an estimate does not"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.payment) || (has(self.status) && has(self.status.payment) && (self.status.payment == oldSelf.status.payment || oldSelf.status.payment.state + '>' + self.status.payment.state in ['Due>Due', 'Due>Paid', 'Due>Failed', 'Due>Uncollectible', 'Due>Waived', 'Due>Credited', 'Failed>Failed', 'Failed>Due', 'Failed>Paid', 'Failed>Uncollectible', 'Failed>Waived', 'Failed>Credited', 'Paid>Paid', 'Paid>Due', 'Paid>Failed', 'Paid>Refunded', 'Uncollectible>Uncollectible', 'Uncollectible>Due', 'Uncollectible>Paid', 'Uncollectible>Credited']))")
        .message("a payment goes from Due or Failed to Due, Failed, Paid, Uncollectible or Waived, from Uncollectible to Due or Paid, from Paid to Due, Failed or Refunded; what else it is stays")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || !has(self.status.document.taxes) || self.status.document.taxes.map(t, int(t.amount.replace('.', ''))).sum() == int(self.status.document.tax.replace('.', ''))")
        .message("tax is the sum of the taxes"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || !has(self.status.document.taxes) || self.status.document.taxes.map(t, int(t.base.replace('.', ''))).sum() == int(self.status.document.subtotal.replace('.', ''))")
        .message("what is taxed adds up to the subtotal"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || !has(self.status.document.taxes) || self.status.document.taxes.size() == 1 || !self.status.document.taxes.exists(t, t.category == 'O')")
        .message("what is outside the scope of tax (O) is not mixed with anything else"),
    validation = Rule::new("!has(self.status) || !has(self.status.payment) || self.status.payment.state != 'Credited' || (has(self.status.credited) && self.status.credited.total == self.status.document.total)")
        .message("an invoice is Credited when its credit notes add up to its total"),
    validation = Rule::new("!has(self.status) || !has(self.status.credited) || (has(self.status.phase) && self.status.phase == 'Final' && int(self.status.credited.total.replace('.', '')) <= int(self.status.document.total.replace('.', '')))")
        .message("credit notes are of final invoices, and add up to no more than the total"),
    validation = Rule::new("!has(self.status) || !has(self.status.credited) || self.status.credited.notes.map(n, int(n.total.replace('.', ''))).sum() == int(self.status.credited.total.replace('.', ''))")
        .message("credited is the sum of its credit notes"),
    validation = Rule::new("!has(self.status) || !has(self.status.credited) || self.status.credited.notes.filter(n, has(n.full) && n.full).size() <= 1")
        .message("an invoice is taken back in full once, and its credits are given back once"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.credited) || (has(self.status) && has(self.status.credited) && self.status.credited.notes.filter(n, n.sequence <= oldSelf.status.credited.notes.size()) == oldSelf.status.credited.notes)")
        .message("what was credited stays so: status.credited.notes only grows")
        .reason(Reason::FieldValueForbidden),
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
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct InvoiceStatus {
    /// Whether the document is still an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<InvoicePhase>,
    /// The document; never changes once the invoice is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = StructMerge::Atomic)]
    pub document: Option<Document>,
    /// How the payment of a final invoice stands: first as the operator finds it, then as finance records it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("!(self.state in ['Paid', 'Refunded']) || (has(self.at) && has(self.reference))")
        .message("Paid and Refunded have at and reference: when the bank booked it, and under which reference"))]
    pub payment: Option<Payment>,
    /// What credit notes took back of the final invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = StructMerge::Atomic)]
    pub credited: Option<Credited>,
    /// Since when the final invoice is past due; absent while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_since: Option<Time>,
    /// `Ready`: whether the document is what it should be by now; if not, what holds it. `PastDue`: it is final, and not
    /// paid in time.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// How it stands.
    pub state: PaymentState,
    /// When it came to that: of a payment, when it was booked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Time>,
    /// The reference of the bank or of the payment system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = LINE))]
    pub reference: Option<String>,
}

impl Payment {
    /// A payment that is in a state since it is known.
    pub fn new(state: PaymentState) -> Self {
        Self { state, at: None, reference: None }
    }
}

/// How the payment of an invoice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PaymentState {
    /// The money is expected.
    Due,
    /// It was tried, or came and was taken back by the bank: the money is still expected.
    Failed,
    /// The money is there.
    Paid,
    /// The money was given back; for good.
    Refunded,
    /// It is not expected any more, though still owed. Should it come after all, it is paid.
    Uncollectible,
    /// The debt was forgiven; for good.
    Waived,
    /// Credit notes took back all of it before it was paid; for good. Written by the operator.
    Credited,
    /// The total is zero.
    NothingDue,
    /// The group is one of which no payment is expected.
    NoPaymentExpected,
    /// A marketplace collects it.
    PartnerMetering,
}

impl PaymentState {
    /// Whether the money is still expected.
    pub fn is_open(self) -> bool {
        match self {
            Self::Due | Self::Failed => true,
            Self::Paid
            | Self::Refunded
            | Self::Uncollectible
            | Self::Waived
            | Self::Credited
            | Self::NothingDue
            | Self::NoPaymentExpected
            | Self::PartnerMetering => false,
        }
    }
}

/// What credit notes took back of an invoice: the decision, written before each of them is final.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct Credited {
    /// The credit notes, in the order in which they took: up to 100.
    #[schemars(length(min = 1, max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["sequence".to_owned()]))]
    pub notes: Vec<CreditedBy>,
    /// What they took back in all, with tax.
    pub total: Amount,
}

/// What one credit note took back of an invoice; the amounts are positive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreditedBy {
    /// Its position among them, from 1.
    #[schemars(range(min = 1, max = 100))]
    pub sequence: i32,
    /// The name of the CreditNote, in the same namespace.
    pub name: ObjectName,
    /// Its UID.
    pub uid: Uid,
    /// Whether it took back all that was left.
    #[serde(default, skip_serializing_if = "is_false")]
    pub full: bool,
    /// How much before tax.
    pub subtotal: Amount,
    /// How much tax.
    pub tax: Amount,
    /// Subtotal and tax.
    pub total: Amount,
}
