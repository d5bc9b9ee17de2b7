//! Taking back a final invoice, or a part of it.

use super::{
    Amount, Buyer, CurrencyCode, DocumentPeriod, Name, ObjectName, PlainAmount, Seller, TaxSubtotal, Time,
    address::LINE, condition, is_false,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Create a CreditNote beside a final invoice to take it back, or a part of it: the operator computes it, gives it a
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
    validation = Rule::new("self.spec == oldSelf.spec").message("spec is immutable: make another credit note"),
    validation = Rule::new("(has(self.spec.full) && self.spec.full) != has(self.spec.lines)")
        .message("a credit note takes back an invoice in full, or the amounts in lines"),
    validation = Rule::new("!has(oldSelf.status) || !has(oldSelf.status.phase) || oldSelf.status.phase != 'Final' || (has(self.status) && has(self.status.phase) && self.status.phase == 'Final' && has(self.status.document) && self.status.document == oldSelf.status.document)")
        .message("a credit note that was issued never changes")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.status) || (has(self.status.phase) && self.status.phase == 'Final') == has(self.status.document)")
        .message("a credit note is final when it has a document, and not before"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || (has(self.status.number) && self.status.number == self.status.document.number && self.status.document.invoice.number == self.spec.invoice)")
        .message("number and invoice are those of the document"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || (has(self.status.document.lines) ? self.status.document.lines.map(l, int(l.total.replace('.', ''))).sum() : 0) == int(self.status.document.subtotal.replace('.', ''))")
        .message("subtotal is the sum of the lines"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || int(self.status.document.subtotal.replace('.', '')) + int(self.status.document.tax.replace('.', '')) == int(self.status.document.total.replace('.', ''))")
        .message("total is subtotal plus tax"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || !has(self.status.document.taxes) || self.status.document.taxes.map(t, int(t.amount.replace('.', ''))).sum() == int(self.status.document.tax.replace('.', ''))")
        .message("tax is the sum of the taxes"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || int(self.status.document.total.replace('.', '')) <= 0")
        .message("a credit note takes back, so its total is not above zero"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || !has(self.status.document.credits) || (has(self.spec.full) && self.spec.full)")
        .message("credits are given back with all of the invoice"),
    validation = Rule::new("!has(self.status) || !has(self.status.document) || !has(self.status.document.credits) || self.status.document.credits.all(c, c.name.startsWith(self.status.document.number + '-'))")
        .message("a credit that is given back is named after the credit note"),
)]
#[serde(rename_all = "camelCase")]
pub struct CreditNoteSpec {
    /// The number of the final invoice, which is in the same namespace.
    pub invoice: Name,
    /// Takes back all that earlier credit notes left of the invoice.
    #[serde(default, skip_serializing_if = "is_false")]
    pub full: bool,
    /// What is taken back, unless it is all: up to 100 amounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 100))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub lines: Vec<CreditNoteRequest>,
    /// Why; it is printed on the credit note.
    #[schemars(length(min = 1, max = 512), regex(pattern = LINE))]
    pub reason: String,
}

/// An amount to take back.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[x_kube(
    validation = Rule::new("has(self.line) || has(self.description)").message("name a line of the invoice, or describe what is credited"),
    validation = Rule::new("self.amount.matches('[1-9]')").message("an amount is above zero: it is what is taken back")
)]
#[serde(rename_all = "camelCase")]
pub struct CreditNoteRequest {
    /// The id of the invoice's line that it is about. Without one it is about the invoice as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub line: Option<String>,
    /// What to print; of a line, what the invoice says if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512), regex(pattern = LINE))]
    pub description: Option<String>,
    /// How much, before tax and above zero, in the invoice's currency.
    pub amount: PlainAmount,
}

/// The credit note itself.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct CreditNoteStatus {
    /// How far it is; absent while it is not on its way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<CreditNotePhase>,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<Name>,
    /// The document; never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(merge_strategy = StructMerge::Atomic)]
    pub document: Option<CreditNoteDocument>,
    /// `Ready`: whether it was issued; if not, why. `CreditsReturned`, where the invoice used any: whether they are given
    /// back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::conditions")]
    pub conditions: Vec<Condition>,
}

/// How far a credit note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CreditNotePhase {
    /// Its amounts are being taken from the invoice, and its number from the series. It stays.
    Issuing,
    /// Never changes again.
    Final,
}

/// What is printed on a credit note. What it takes back is negative.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct CreditNoteDocument {
    /// The number.
    pub number: Name,
    /// When it was issued.
    pub issued_at: Time,
    /// What it takes back.
    pub invoice: CreditedInvoice,
    /// The currency of every amount, by its ISO 4217 code.
    pub currency: CurrencyCode,
    /// Who billed, as on the invoice.
    pub seller: Seller,
    /// Who was to pay, as on the invoice.
    pub buyer: Buyer,
    /// Why.
    #[schemars(length(max = 512), regex(pattern = LINE))]
    pub reason: String,
    /// The amounts that are taken back: up to 800.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 800))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub lines: Vec<CreditNoteLine>,
    /// The sum of the lines, before tax.
    pub subtotal: Amount,
    /// The tax that goes back with it, once per category and rate, as on the invoice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["category".to_owned(), "rate".to_owned()]))]
    pub taxes: Vec<TaxSubtotal>,
    /// The tax that goes back in all.
    pub tax: Amount,
    /// Subtotal and tax.
    pub total: Amount,
    /// What the invoice used of credits, each of which goes back as a credit of its own, beside the total: up to 200.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub credits: Vec<ReturnedCredit>,
    /// The digest of the credit note before, in the same series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 80))]
    pub previous_digest: Option<String>,
    /// SHA-256 over the canonical JSON (RFC 8785) of the document without this field.
    #[schemars(length(max = 80))]
    pub digest: String,
}

/// What goes back of a credit. The Credit is made when the credit note is final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReturnedCredit {
    /// The name of the Credit that is made of it: the number of the credit note, and the name of the other.
    pub name: ObjectName,
    /// The Credit that the invoice used.
    pub credit: ObjectName,
    /// How much.
    pub amount: Amount,
}

/// The invoice that a credit note takes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreditedInvoice {
    /// Its number.
    pub number: Name,
    /// When it was issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Time>,
    /// What it bills.
    pub period: DocumentPeriod,
    /// The digest of its document.
    #[schemars(length(max = 80))]
    pub digest: String,
}

/// One amount of a credit note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreditNoteLine {
    /// The id of the invoice's line that it takes back, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub line: Option<String>,
    /// What it says.
    #[schemars(length(max = 512), regex(pattern = LINE))]
    pub description: String,
    /// How much: negative, unless it undoes something negative.
    pub total: Amount,
}
