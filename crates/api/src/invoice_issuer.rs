//! The legal entity that bills.

use super::{
    Address, Contact, DocumentStyle, ElectronicAddress, Language, Money, Name, ReadinessStatus, ReverseChargeRequires,
    TaxRule, codes, is_false, text::LINE,
};
use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Create an InvoiceIssuer for every legal entity of yours that bills; `default` is the one for groups
/// whose terms name none.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    attr = "x_kube(crates(kube_core = \"::kube_core\"))",
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "InvoiceIssuer",
    status = "ReadinessStatus",
    derive = "PartialEq",
    shortname = "issuer",
    category = "billing",
    printcolumn(name = "Legal Name", type_ = "string", json_path = ".spec.legalName"),
    printcolumn(name = "Grace", type_ = "string", json_path = ".spec.grace"),
    printcolumn(name = "Suspended", type_ = "boolean", json_path = ".spec.suspend"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')")
        .message("metadata.name must be a DNS label: at most 63 lower-case letters, digits and '-'"),
)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceIssuerSpec {
    /// The name of the company, as the register has it.
    #[schemars(length(min = 1, max = 128), regex(pattern = LINE))]
    pub legal_name: String,
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = codes::country_rule())]
    pub address: Option<Address>,
    /// Its VAT or tax number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = LINE))]
    pub vat_id: Option<String>,
    /// Its number in the companies' register, and which register that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), regex(pattern = LINE))]
    pub registration: Option<String>,
    /// The account for bank transfers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bank_account: Option<BankAccount>,
    /// Its address in the networks of e-invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = codes::address_scheme_rule())]
    pub electronic_address: Option<ElectronicAddress>,
    /// Whom buyers ask about invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// The language of invoices for groups that name none, by its tag of BCP 47 (`de`). Absent: English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = codes::language_rule())]
    pub language: Option<Language>,
    /// How its invoices look as PDF.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<DocumentStyle>,
    /// How long a month stays open for late usage after its end, in whole seconds, minutes or hours
    /// ("90s", "30m", "1h"): up to 240 hours.
    #[serde(default = "default_grace")]
    #[schemars(length(max = 8), regex(pattern = "^[0-9]{1,6}[smh]$"))]
    #[x_kube(validation = Rule::new("duration(self) <= duration('240h')").message("grace must be at most 240h"))]
    pub grace: String,
    /// How long a month waits after its end for the last readings of metered usage records, in whole seconds, minutes or hours
    /// ("90s", "30m", "24h"): up to 240 hours. Then it becomes final with those that are there, and what is read later is billed as
    /// late usage.
    #[serde(default = "default_readings_wait")]
    #[schemars(length(max = 8), regex(pattern = "^[0-9]{1,6}[smh]$"))]
    #[x_kube(validation = Rule::new("duration(self) <= duration('240h')").message("readingsWait must be at most 240h"))]
    pub readings_wait: String,
    /// Days from issue until an invoice is due, where a group's terms say nothing else.
    #[serde(default = "default_payment_term_days")]
    #[schemars(range(min = 0, max = 365))]
    pub payment_term_days: i32,
    /// The source of the exchange rates, for groups whose currency is not that of their price list: `spec.source` of
    /// ExchangeRates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_rates: Option<Name>,
    /// The lowest subtotal before tax that is charged, by currency: up to 50. A lower one is
    /// brought to zero by a line of the type `Rounding`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["currency".to_owned()]))]
    pub minimum_charge: Vec<Money>,
    /// How buyers are taxed: up to 100 rules. Each line is taxed by the first that matches the buyer and the line's service. If there
    /// are rules and none matches, the invoice is held. Without rules, no tax is charged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(r, self.exists_one(o, o.name == r.name))").message("the names of tax rules must be unique"),
    )]
    pub tax_rules: Vec<TaxRule>,
    /// How a buyer's VAT id must have been checked for a rule of the category `AE` to match.
    #[serde(default)]
    pub reverse_charge_requires: ReverseChargeRequires,
    /// Makes estimates only: no invoice of this issuer becomes final while it is set.
    #[serde(default, skip_serializing_if = "is_false")]
    pub suspend: bool,
}

fn default_grace() -> String {
    "1h".to_owned()
}

fn default_readings_wait() -> String {
    "24h".to_owned()
}

fn default_payment_term_days() -> i32 {
    14
}

/// An account that takes bank transfers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BankAccount {
    /// The IBAN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 34), regex(pattern = "^[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}$"))]
    pub iban: Option<String>,
    /// The BIC of the bank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 11), regex(pattern = "^[A-Z0-9]{8}([A-Z0-9]{3})?$"))]
    pub bic: Option<String>,
    /// The name of the bank, or of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), regex(pattern = LINE))]
    pub name: Option<String>,
}
