//! One group's invoice of one month.

use super::{
    Amount, Document, Month, Name, ObjectName, SeriesName, TaxSubtotal, Time, Uid, condition, is_false, text::LINE,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Created by the operator for every billing group and month, named by its number: an estimate while the
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
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]{1,32}-[1-9][0-9]{0,3}(-r[1-9][0-9]?)?$') && self.metadata.name.split('-')[0] == self.spec.series && int(self.metadata.name.split('-')[1]) == self.spec.sequence && (has(self.spec.revision) ? self.metadata.name.split('-').size() == 3 && int(self.metadata.name.split('-')[2].substring(1)) == self.spec.revision : self.metadata.name.split('-').size() == 2)")
        .message("metadata.name must be the invoice number: <series>-<sequence>, and -r<revision> of an invoice that is issued again"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || has(self.status.document.reissues) == has(self.spec.revision)")
        .message("the document of an invoice with spec.revision, and no other, must say in reissues which invoice it replaces"),
    validation = Rule::new("self.spec == oldSelf.spec").message("spec is immutable"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.phase) || oldSelf.status.phase != 'Final' || (has(self.status) && has(self.status.phase) && self.status.phase == 'Final' && has(self.status.document) && self.status.document == oldSelf.status.document)")
        .message("a final invoice cannot be changed")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.status) || !has(self.status.phase) || (self.status.phase == 'Final' ? has(self.status.document) && has(self.status.document.issuedAt) && !has(self.status.document.asOf) : !has(self.status.document) || (has(self.status.document.asOf) && !has(self.status.document.issuedAt)))")
        .message("a final invoice must have a document with issuedAt, an estimate one with asOf"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || !has(self.status.document.issuedAt) || self.status.document.issuedAt.getFullYear() * 12 + self.status.document.issuedAt.getMonth() >= int(self.spec.period.split('-')[0]) * 12 + int(self.spec.period.split('-')[1])")
        .message("status.document.issuedAt must not be before the end of spec.period: an invoice is final only when its month is over"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || self.status.document.number == self.metadata.name")
        .message("the document's number must be metadata.name"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || (has(self.status.document.lines) ? self.status.document.lines.map(l, int(l.total.replace('.', ''))).sum() : 0) + (has(self.status.document.slices) ? self.status.document.slices.map(l, int(l.subtotal.replace('.', ''))).sum() : 0) == int(self.status.document.subtotal.replace('.', ''))")
        .message("subtotal must be the sum of the lines and slices"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || int(self.status.document.subtotal.replace('.', '')) + int(self.status.document.tax.replace('.', '')) == int(self.status.document.total.replace('.', ''))")
        .message("total must be subtotal plus tax"),
    validation = Rule::new("!has(self.status) || has(self.status.payment) == (has(self.status.phase) && self.status.phase == 'Final')")
        .message("a final invoice must have status.payment, and an estimate must not"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.payment) || (has(self.status) && has(self.status.payment) && (self.status.payment == oldSelf.status.payment || oldSelf.status.payment.state + '>' + self.status.payment.state in ['Due>Due', 'Due>Paid', 'Due>Failed', 'Due>Uncollectible', 'Due>Waived', 'Due>Credited', 'Failed>Failed', 'Failed>Due', 'Failed>Paid', 'Failed>Uncollectible', 'Failed>Waived', 'Failed>Credited', 'Paid>Paid', 'Paid>Due', 'Paid>Failed', 'Paid>Refunded', 'Uncollectible>Uncollectible', 'Uncollectible>Due', 'Uncollectible>Paid', 'Uncollectible>Credited']))")
        .message("status.payment.state can change from Due or Failed to Due, Failed, Paid, Uncollectible or Waived, from Uncollectible to Due or Paid, and from Paid to Due, Failed or Refunded; the other states are final")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || !has(self.status.document.taxes) || self.status.document.taxes.map(t, int(t.amount.replace('.', ''))).sum() == int(self.status.document.tax.replace('.', ''))")
        .message("tax must be the sum of the taxes"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || !has(self.status.document.taxes) || self.status.document.taxes.map(t, int(t.base.replace('.', ''))).sum() == int(self.status.document.subtotal.replace('.', ''))")
        .message("the bases of the taxes must add up to the subtotal"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || (has(self.status.document.prepayments) ? self.status.document.prepayments.map(p, int(p.amount.replace('.', ''))).sum() : 0) == (has(self.status.document.prepaid) ? int(self.status.document.prepaid.replace('.', '')) : 0)")
        .message("prepaid must be the sum of the prepayments"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || !has(self.status.document.amountDue) || int(self.status.document.total.replace('.', '')) - (has(self.status.document.prepaid) ? int(self.status.document.prepaid.replace('.', '')) : 0) == int(self.status.document.amountDue.replace('.', '')) - (has(self.status.document.carriedForward) ? int(self.status.document.carriedForward.replace('.', '')) : 0)")
        .message("total less prepaid must be amountDue, or below zero what is carried forward"),
    validation = Rule::new("!has(self.status) || !has(self.status.payment) || self.status.payment.state != 'Credited' || (has(self.status.credited) && int(self.status.credited.total.replace('.', '')) >= int((has(self.status.document.amountDue) ? self.status.document.amountDue : self.status.document.total).replace('.', '')))")
        .message("status.payment.state can be Credited only when the credit notes add up to what is due"),
    validation = Rule::new("!has(self.status) || !has(self.status.credited) || (has(self.status.phase) && self.status.phase == 'Final' && int(self.status.credited.total.replace('.', '')) <= int(self.status.document.total.replace('.', '')))")
        .message("only a final invoice can be credited, and only up to its total"),
    validation = Rule::new("!has(self.status) || !has(self.status.credited) || self.status.credited.notes.map(n, int(n.total.replace('.', ''))).sum() == int(self.status.credited.total.replace('.', ''))")
        .message("status.credited.total must be the sum of its credit notes"),
    validation = Rule::new("!has(self.status) || !has(self.status.credited) || self.status.credited.notes.filter(n, has(n.full) && n.full).size() <= 1")
        .message("only one credit note can credit an invoice in full"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.credited) || (has(self.status) && has(self.status.credited) && self.status.credited.notes.filter(n, n.sequence <= oldSelf.status.credited.notes.size()) == oldSelf.status.credited.notes)")
        .message("status.credited.notes is append-only: a credit note cannot be withdrawn")
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
    /// How often the invoice of the month was issued again; absent on the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 99))]
    pub revision: Option<i32>,
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
    /// The payment of a final invoice: set by the operator at first, then recorded by finance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("!(self.state in ['Paid', 'Refunded']) || (has(self.at) && has(self.reference))")
        .message("state Paid or Refunded requires at, when the payment was booked, and reference, the bank's reference"))]
    pub payment: Option<Payment>,
    /// What credit notes credited of the final invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = StructMerge::Atomic)]
    pub credited: Option<Credited>,
    /// When the final invoice became past due; absent while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_since: Option<Time>,
    /// `Ready`: whether the document is up to date, or final; if not, what holds it. `PastDue`: it is final, and was not
    /// paid in time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::conditions")]
    pub conditions: Vec<Condition>,
}

/// Whether an invoice may still change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InvoicePhase {
    /// Updated with usage while the month runs, or is not closed yet.
    Estimate,
    /// Never changes again.
    Final,
}

/// The payment of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// The state of the payment.
    pub state: PaymentState,
    /// When the payment reached this state: for `Paid`, when it was booked.
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

/// The state of the payment of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PaymentState {
    /// Payment is expected.
    Due,
    /// The payment failed, or was reversed by the bank: payment is still expected.
    Failed,
    /// The payment was received.
    Paid,
    /// The payment was refunded. This state is final.
    Refunded,
    /// Payment is no longer expected, though still owed. If it arrives after all, it is `Paid`.
    Uncollectible,
    /// The debt was forgiven. This state is final.
    Waived,
    /// Credit notes credited all of it before it was paid. This state is final, and written by the operator.
    Credited,
    /// The total is zero.
    NothingDue,
    /// No payment is expected of the group.
    NoPaymentExpected,
    /// A marketplace collects the payment.
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

/// What credit notes credited of an invoice: written before each of them becomes final.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct Credited {
    /// The credit notes, in the order in which they were recorded: up to 100.
    #[schemars(length(min = 1, max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["sequence".to_owned()]))]
    pub notes: Vec<CreditedBy>,
    /// What they credited in all, with tax.
    pub total: Amount,
}

/// What one credit note credited of an invoice; the amounts are positive.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[x_kube(
    validation = Rule::new("!has(self.taxes) || (self.taxes.map(t, int(t.base.replace('.', ''))).sum() == int(self.subtotal.replace('.', '')) && self.taxes.map(t, int(t.amount.replace('.', ''))).sum() == int(self.tax.replace('.', '')))")
        .message("the taxes must add up to subtotal and tax")
)]
#[serde(rename_all = "camelCase")]
pub struct CreditedBy {
    /// Its position among them, from 1.
    #[schemars(range(min = 1, max = 100))]
    pub sequence: i32,
    /// The name of the CreditNote, in the same namespace.
    pub name: ObjectName,
    /// Its UID.
    pub uid: Uid,
    /// Whether it credited all that was left.
    #[serde(default, skip_serializing_if = "is_false")]
    pub full: bool,
    /// The number under which it lets the invoice be issued again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reissued_as: Option<Name>,
    /// The credited amount before tax.
    pub subtotal: Amount,
    /// The credited tax.
    pub tax: Amount,
    /// Both by category and rate, where the invoice is taxed in several ways.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["category".to_owned(), "rate".to_owned()]))]
    pub taxes: Vec<TaxSubtotal>,
    /// Subtotal and tax.
    pub total: Amount,
}
