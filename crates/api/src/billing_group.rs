//! Who pays, and how.

use super::{
    Address, Amount, CommitmentProgress, CurrencyCode, ElectronicAddress, GroupVatId, Language, Month, Name,
    ObjectName, PlainAmount, SeriesName, Terms, Uid, codes, condition, is_false,
    text::{EMAIL, LINE, LINES},
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Create a BillingGroup in an organization's namespace for every party that is to get an invoice of
/// its own. Projects are assigned to it by their ProjectBinding; it gets one invoice a month.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    attr = "x_kube(crates(kube_core = \"::kube_core\"))",
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "BillingGroup",
    namespaced,
    status = "BillingGroupStatus",
    derive = "PartialEq",
    shortname = "bg",
    category = "billing",
    printcolumn(name = "Display Name", type_ = "string", json_path = ".spec.displayName"),
    printcolumn(name = "Projects", type_ = "integer", json_path = ".status.projects"),
    printcolumn(name = "Estimate", type_ = "string", json_path = ".status.estimatedBalance"),
    printcolumn(name = "Currency", type_ = "string", json_path = ".spec.currency"),
    printcolumn(name = "Commitment Left", type_ = "string", json_path = ".status.commitment.left"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')")
        .message("metadata.name must be a DNS label: at most 63 lower-case letters, digits and '-'; use displayName for any other text"),
    validation = Rule::new("!has(oldSelf.status.invoiceSeries) || (has(self.status) && has(self.status.invoiceSeries) && self.status.invoiceSeries == oldSelf.status.invoiceSeries)")
        .message("status.invoiceSeries is set once and cannot be changed"),
    validation = Rule::new("!has(oldSelf.status.firstPeriod) || (has(self.status) && has(self.status.firstPeriod) && self.status.firstPeriod == oldSelf.status.firstPeriod)")
        .message("status.firstPeriod is set once and cannot be changed"),
    validation = Rule::new("!has(oldSelf.status.lastFinal) || (has(self.status) && has(self.status.lastFinal) && self.status.lastFinal.sequence >= oldSelf.status.lastFinal.sequence)")
        .message("status.lastFinal cannot go back to an earlier invoice"),
    validation = Rule::new("!has(oldSelf.status.firstPeriod) || self.spec.currency == oldSelf.spec.currency || (has(oldSelf.status.lastFinal) && has(oldSelf.status.lastFinal.carriedForward) && self.spec.currency == oldSelf.status.lastFinal.carriedForward.currency)")
        .message("spec.currency cannot be changed after the first final invoice: create another group for another currency, and bind the projects to it")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(oldSelf.status.firstPeriod) || (has(self.spec.terms) ? self.spec.terms.issuer : 'default') == (has(oldSelf.spec.terms) ? oldSelf.spec.terms.issuer : 'default')")
        .message("spec.terms.issuer cannot be changed after the first final invoice: create another group for another legal entity, and bind the projects to it")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.spec.terms) || !has(self.spec.terms.commitment) || self.spec.terms.commitment.amount.currency == self.spec.currency")
        .message("spec.terms.commitment must be in the currency of the group (spec.currency)"),
    validation = Rule::new("!has(self.spec.terms) || !has(self.spec.terms.charges) || self.spec.terms.charges.all(c, (!has(c.amount) || c.amount.currency == self.spec.currency) && (!has(c.minimum) || c.minimum.currency == self.spec.currency))")
        .message("the amounts in spec.terms.charges must be in the currency of the group (spec.currency)"),
)]
#[serde(rename_all = "camelCase")]
pub struct BillingGroupSpec {
    /// What people call the group; printed on its invoices. May change at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), regex(pattern = LINE))]
    pub display_name: Option<String>,
    /// Whether this group pays for the projects of the organization that have no binding of their own.
    /// Of several primary groups the oldest counts.
    #[serde(default)]
    pub primary: bool,
    /// The name of the company that pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), regex(pattern = LINE))]
    pub company: Option<String>,
    /// Where the company is; printed on invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Address>,
    /// Where goods would be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Address>,
    /// The VAT or tax number of the company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = LINE))]
    pub vat_id: Option<String>,
    /// The number of the company in its register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = LINE))]
    pub registration: Option<String>,
    /// What the company wants to find on an invoice to know whose it is: a cost centre, a Leitweg-ID. Up to 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = LINE))]
    pub buyer_reference: Option<String>,
    /// The number of the company's order: up to 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = LINE))]
    pub purchase_order: Option<String>,
    /// The address of the company in the networks of e-invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = codes::address_scheme_rule())]
    pub electronic_address: Option<ElectronicAddress>,
    /// The language of the group's invoices, by its tag of BCP 47 (`de`). Absent: that of the issuer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = codes::language_rule())]
    pub language: Option<Language>,
    /// The currency of the invoices, by its ISO 4217 code. Once the group has a series, only who may `negotiate` changes it, and
    /// after the first final invoice nobody: another currency is another group.
    #[serde(default = "default_currency")]
    pub currency: CurrencyCode,
    /// Who gets the invoice: up to 10 e-mail addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(max = 254), regex(pattern = EMAIL)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub invoice_emails: Vec<String>,
    /// Who is asked about problems: up to 10 e-mail addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(max = 254), regex(pattern = EMAIL)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub contact_emails: Vec<String>,
    /// Printed on every invoice. Up to 1000 characters; for an order's number and a cost centre there are `purchaseOrder` and
    /// `buyerReference`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1000), regex(pattern = LINES))]
    pub invoice_text: Option<String>,
    /// How the group pays. Anything but `Card` is agreed with the provider.
    #[serde(default)]
    pub payment_method: PaymentMethod,
    /// The projects that may be bound to the group. Absent: every project of the organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_projects: Option<AllowedProjects>,
    /// The commercial terms. Written by the provider only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Terms>,
}

fn default_currency() -> CurrencyCode {
    "USD".into()
}

/// How a group pays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentMethod {
    /// The way of payment.
    #[serde(rename = "type", default)]
    pub kind: PaymentMethodType,
    /// The Secret in the organization's namespace that holds what the payment system needs, such as
    /// the token of a card. The operator never reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}

/// Ways of payment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PaymentMethodType {
    /// By card.
    #[default]
    Card,
    /// By bank transfer, against the invoice.
    BankTransfer,
    /// Through the AWS Marketplace.
    #[serde(rename = "AWSMarketplace")]
    AwsMarketplace,
    /// Through the Google Cloud Marketplace.
    GoogleMarketplace,
    /// Through the Azure Marketplace.
    AzureMarketplace,
    /// No payment is expected: the invoices are for information only.
    NoPaymentExpected,
}

/// A Secret in the same namespace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// The name of the Secret.
    pub name: ObjectName,
}

/// The projects that may be bound to a group.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct AllowedProjects {
    /// The projects, by name: up to 200. One name dedicates the group to that project; an empty list admits no project.
    #[schemars(length(max = 200))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub names: Vec<Name>,
}

/// The observed state of a group.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct BillingGroupStatus {
    /// The prefix of the group's invoice numbers; claimed once, for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_series: Option<SeriesName>,
    /// The month of invoice number 1; fixed before the first invoice becomes final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_period: Option<Month>,
    /// The projects bound to the group, by name: up to 2000. While there are any, the group is not deleted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2000))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub members: Vec<Member>,
    /// How many projects are bound to the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2000))]
    pub projects: Option<i32>,
    /// What this month costs so far, before tax, in the group's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimated_balance: Option<Amount>,
    /// How far the group has come with its commitment this month, where that is over a term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment: Option<CommitmentProgress>,
    /// The remaining credits that later invoices can use, in the group's currency; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits_remaining: Option<Amount>,
    /// The VAT id of the group, and whether it is confirmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat_id: Option<GroupVatId>,
    /// The newest invoice that is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_final: Option<LastFinal>,
    /// The charges of the terms that have a last period and were billed, each with the newest final month that contains it:
    /// up to 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub billed_charges: Vec<BilledCharge>,
    /// `Ready`; `Stalled`, there only while somebody has to do something before the group is ready; and one condition for everything
    /// that needs attention.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::conditions")]
    pub conditions: Vec<Condition>,
    /// The generation of the group that this status was computed from; -1 before the operator has looked at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// A project of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The project, which is the name of its namespace.
    pub project: Name,
}

/// A charge that is on a final invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BilledCharge {
    /// Its name in the terms.
    #[schemars(length(max = 64))]
    pub name: String,
    /// The newest final month that contains it.
    pub period: Month,
}

/// A final invoice, as the next one refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastFinal {
    /// The number of the invoice.
    pub number: Name,
    /// Its place in the series, from 1.
    #[schemars(range(min = 1, max = 9999))]
    pub sequence: i32,
    /// The digest of its document.
    #[schemars(length(max = 80))]
    pub digest: String,
    /// The balance that this invoice carries forward: the next one is lower by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_forward: Option<CarriedForward>,
}

/// A balance in the group's favour that is carried forward to the next invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CarriedForward {
    /// The amount.
    pub amount: PlainAmount,
    /// The currency, by its ISO 4217 code.
    pub currency: CurrencyCode,
    /// The UID of the invoice that it comes from.
    #[serde(rename = "invoiceUID")]
    pub invoice_uid: Uid,
    /// Whether the amount includes tax, and so reduces what is to be paid of the next invoice. Invoices of older versions left
    /// amounts before tax, which are a line of the next one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub includes_tax: bool,
}
