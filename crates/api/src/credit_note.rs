//! Taking back a final invoice, or a part of it.

use super::{
    Amount, Buyer, CreditApplication, CurrencyCode, DocumentPeriod, LineTax, Name, ObjectName, PlainAmount, Seller,
    TaxSubtotal, Time, condition, is_false, text::LINE,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Create a CreditNote in the namespace of a final invoice to credit it in full or in part: the operator computes it, gives it a
/// number of its own and freezes it. Its status is the document.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    attr = "x_kube(crates(kube_core = \"::kube_core\"))",
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "CreditNote",
    namespaced,
    status = "CreditNoteStatus",
    derive = "PartialEq",
    shortname = "cn",
    category = "billing",
    selectable = ".spec.invoice",
    selectable = ".status.phase",
    printcolumn(name = "Number", type_ = "string", json_path = ".status.number"),
    printcolumn(name = "Invoice", type_ = "string", json_path = ".spec.invoice"),
    printcolumn(name = "Total", type_ = "string", json_path = ".status.document.total"),
    printcolumn(name = "Currency", type_ = "string", json_path = ".status.document.currency"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Credits", type_ = "string", json_path = ".status.conditions[?(@.type==\"CreditsReturned\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.spec == oldSelf.spec").message("spec is immutable: create another credit note"),
    validation = Rule::new("(has(self.spec.full) && self.spec.full) != has(self.spec.lines)")
        .message("set either full, to credit the whole invoice, or lines with the amounts to credit"),
    validation = Rule::new("!has(self.spec.reissue) || !self.spec.reissue || (has(self.spec.full) && self.spec.full)")
        .message("reissue requires full: an invoice is issued again once all of it is credited"),
    validation = Rule::new("!has(oldSelf.status.phase) || oldSelf.status.phase != 'Final' || (has(self.status) && has(self.status.phase) && self.status.phase == 'Final' && has(self.status.document) && self.status.document == oldSelf.status.document)")
        .message("an issued credit note cannot be changed")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.status) || (has(self.status.phase) && self.status.phase == 'Final') == has(self.status.document)")
        .message("status.phase must be Final exactly when status.document is set"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || (has(self.status.number) && self.status.number == self.status.document.number && self.status.document.invoice.number == self.spec.invoice)")
        .message("status.number and spec.invoice must be those of status.document"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || (has(self.status.document.lines) ? self.status.document.lines.map(l, int(l.total.replace('.', ''))).sum() : 0) == int(self.status.document.subtotal.replace('.', ''))")
        .message("subtotal must be the sum of the lines"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || int(self.status.document.subtotal.replace('.', '')) + int(self.status.document.tax.replace('.', '')) == int(self.status.document.total.replace('.', ''))")
        .message("total must be subtotal plus tax"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || !has(self.status.document.taxes) || self.status.document.taxes.map(t, int(t.amount.replace('.', ''))).sum() == int(self.status.document.tax.replace('.', ''))")
        .message("tax must be the sum of the taxes"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || int(self.status.document.total.replace('.', '')) <= 0")
        .message("the total of a credit note must not be above zero"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || !has(self.status.document.taxes) || self.status.document.taxes.map(t, int(t.base.replace('.', ''))).sum() == int(self.status.document.subtotal.replace('.', ''))")
        .message("the bases of the taxes must add up to the subtotal"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || !has(self.status.document.credits) || (has(self.spec.full) && self.spec.full) || self.status.document.credits.all(c, has(c.application) && c.application == 'AfterTax')")
        .message("credits before tax are returned only when the whole invoice is credited (spec.full)"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || !has(self.status.document.credits) || self.status.document.credits.all(c, c.name.startsWith(self.status.document.number + '-'))")
        .message("the name of a returned credit must begin with the number of the credit note"),
)]
#[serde(rename_all = "camelCase")]
pub struct CreditNoteSpec {
    /// The number of the final invoice, which is in the same namespace.
    pub invoice: Name,
    /// Credits everything that earlier credit notes left of the invoice.
    #[serde(default, skip_serializing_if = "is_false")]
    pub full: bool,
    /// Issues the invoice again, for the buyer as the billing group is now: to correct a name, an address, a VAT id or the tax. Requires
    /// `full`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reissue: bool,
    /// The amounts to credit, unless `full` is set: up to 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 100))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub lines: Vec<CreditNoteRequest>,
    /// The reason, printed on the credit note.
    #[schemars(length(min = 1, max = 512), regex(pattern = LINE))]
    pub reason: String,
}

/// An amount to credit.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[x_kube(
    validation = Rule::new("has(self.line) || has(self.description)").message("set line to the id of an invoice line, or description to what is credited"),
    validation = Rule::new("self.amount.matches('[1-9]')").message("the amount to credit must be greater than zero"),
    validation = Rule::new("!has(self.tax) || !has(self.line)").message("a line is credited with the tax that it has on the invoice: leave tax out")
)]
#[serde(rename_all = "camelCase")]
pub struct CreditNoteRequest {
    /// The id of the invoice line to credit; absent: the amount is credited to the invoice as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = LINE))]
    pub line: Option<String>,
    /// The text to print; absent: the description of the invoice line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = LINE))]
    pub description: Option<String>,
    /// The amount, before tax and greater than zero, in the invoice's currency.
    pub amount: PlainAmount,
    /// The tax of an amount of the invoice as a whole. Required where the invoice has several taxes, of which it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<LineTax>,
}

/// The credit note itself.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct CreditNoteStatus {
    /// The phase of the credit note; absent until it is being issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<CreditNotePhase>,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Name>,
    /// The document; never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = StructMerge::Atomic)]
    pub document: Option<CreditNoteDocument>,
    /// `Ready`: whether it was issued; if not, why. `Stalled`, there only while it is true: somebody has to do something.
    /// `CreditsReturned`, where the invoice used any: whether they were returned. `Reissued`, with `spec.reissue`: whether the invoice was
    /// issued again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::conditions")]
    pub conditions: Vec<Condition>,
    /// The generation of the credit note that this status was computed from; -1 before the operator has looked at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// The phase of a credit note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CreditNotePhase {
    /// It is being recorded on its invoice and numbered in the series. It can no longer be deleted.
    Issuing,
    /// Never changes again.
    Final,
}

/// The document of a credit note. Credited amounts are negative.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct CreditNoteDocument {
    /// The number.
    pub number: Name,
    /// When it was issued.
    pub issued_at: Time,
    /// The invoice that it credits.
    pub invoice: CreditedInvoice,
    /// The currency of every amount, by its ISO 4217 code.
    pub currency: CurrencyCode,
    /// The seller, as on the invoice.
    pub seller: Seller,
    /// The buyer, as on the invoice.
    pub buyer: Buyer,
    /// The reason.
    #[schemars(length(max = 512), regex(pattern = LINE))]
    pub reason: String,
    /// The credited amounts: up to 1800.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1800))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub lines: Vec<CreditNoteLine>,
    /// The sum of the lines, before tax.
    pub subtotal: Amount,
    /// The credited tax, once per category and rate, as on the invoice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["category".to_owned(), "rate".to_owned()]))]
    pub taxes: Vec<TaxSubtotal>,
    /// The credited tax in all.
    pub tax: Amount,
    /// Subtotal and tax.
    pub total: Amount,
    /// What is returned of the credits that the invoice used, each as a Credit of its own, up to 1000: in addition to the total what
    /// they paid before tax, and as a part of the total what they paid in advance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub credits: Vec<ReturnedCredit>,
    /// The number under which the invoice is issued again, with `spec.reissue`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reissued_as: Option<Name>,
    /// The digest of the previous credit note in the same series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80))]
    pub previous_digest: Option<String>,
    /// SHA-256 over the canonical JSON (RFC 8785) of the document without this field.
    #[schemars(length(max = 80))]
    pub digest: String,
}

/// The part of a credit that is returned. The new Credit is created once the credit note is final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReturnedCredit {
    /// The name of the new Credit: the number of the credit note, and the name of the Credit that was used.
    pub name: ObjectName,
    /// The Credit that the invoice used.
    pub credit: ObjectName,
    /// The amount that is returned.
    pub amount: Amount,
    /// `AfterTax` where the credit paid in advance: the amount is then a part of the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<CreditApplication>,
}

/// The invoice that a credit note credits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreditedInvoice {
    /// Its number.
    pub number: Name,
    /// When it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Time>,
    /// The month that it bills.
    pub period: DocumentPeriod,
    /// The digest of its document.
    #[schemars(length(max = 80))]
    pub digest: String,
}

/// One amount of a credit note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreditNoteLine {
    /// The id of the invoice line that it credits, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub line: Option<String>,
    /// The text.
    #[schemars(length(max = 512), regex(pattern = LINE))]
    pub description: String,
    /// The amount: negative, unless it reverses a negative one.
    pub total: Amount,
    /// How it is taxed, where the invoice is taxed in several ways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<LineTax>,
}
