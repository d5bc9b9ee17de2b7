//! Tax: an issuer's rules, a group's VAT id, and what a document says.

use super::{
    Amount, Month, codes,
    text::{LINE, text},
};
use kube_derive::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

text!(
    /// A rate of tax in per cent, from 0 to 100, with up to 4 decimals ("25.5", "0").
    TaxRate, max: 8, pattern: "^(100|[1-9]?[0-9]([.][0-9]{1,4})?)$"
);

/// Whom an issuer taxes, and how. Each line is taxed by the first rule that matches the buyer and its service.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[x_kube(
    validation = Rule::new("!has(self.firstPeriod) || !has(self.lastPeriod) || self.firstPeriod <= self.lastPeriod")
        .message("lastPeriod must not be before firstPeriod"),
    validation = Rule::new("(self.category == 'S') == (has(self.rate) && double(self.rate) > 0.0)")
        .message("rate must be above 0 for category S, and 0 for every other category"),
    validation = Rule::new("has(self.reason) == (self.category in ['E', 'AE', 'O'])")
        .message("reason is required for categories E, AE and O, and not allowed for S and Z"),
    validation = Rule::new("self.category != 'AE' || !has(self.buyer) || self.buyer != 'Consumer'")
        .message("category AE (reverse charge) is not allowed for consumers"),
    validation = codes::tax_countries_rule(),
    validation = Rule::new("(!has(self.postalCodes) && !has(self.regions)) || (has(self.countries) && self.countries.size() == 1 && self.countries[0] != 'EU')")
        .message("postalCodes and regions are those of one country: name that one in countries"),
)]
#[serde(rename_all = "camelCase")]
pub struct TaxRule {
    /// The name of the rule.
    #[schemars(length(min = 1, max = 64), regex(pattern = LINE))]
    pub name: String,
    /// Where the buyers are: ISO 3166-1 codes of two letters, and `EU` for the VAT area of the European Union, without the
    /// territories outside it. Absent: everywhere. But a rule without countries that charges no tax applies only to countries that no rule in force names,
    /// and not to buyers whose country is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 250), inner(length(max = 2), regex(pattern = "^[A-Z]{2}$")))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub countries: Vec<String>,
    /// The buyers' postal codes: one ("78266"), or with an asterisk all that begin so ("35*"); up to 100. Blanks, hyphens and the sign
    /// of the country before them do not count. Absent: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 100),
        inner(length(min = 1, max = 32), regex(pattern = r"^[A-Za-z0-9][-A-Za-z0-9 ]*[*]?$"))
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub postal_codes: Vec<String>,
    /// The buyers' states or provinces, as their addresses have them, in capitals or not: up to 100. Absent: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 128), regex(pattern = LINE)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub regions: Vec<String>,
    /// The types of services that it taxes: up to 100. Absent: everything on the invoice. Lines without a service are taxed only by
    /// rules without it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 64), regex(pattern = LINE)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub service_types: Vec<String>,
    /// Who the buyers are. Absent: `Any`.
    #[serde(default)]
    pub buyer: TaxBuyer,
    /// The kind of tax, as in UNTDID 5305 and EN 16931.
    pub category: TaxCategory,
    /// How much it is, in per cent: above 0 for `S`, 0 for all others. Absent: 0.
    #[serde(default = "no_tax")]
    pub rate: TaxRate,
    /// Why no tax is charged; printed. For `E`, `AE` and `O`: "Reverse charge, Article 196 of Directive 2006/112/EC".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = LINE))]
    pub reason: Option<String>,
    /// The first month in which it is in force; absent: no start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_period: Option<Month>,
    /// The last month in which it is in force; absent: without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_period: Option<Month>,
}

fn no_tax() -> TaxRate {
    "0".into()
}

/// Kinds of buyers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaxBuyer {
    /// Buyers with a VAT id that is not known to be invalid.
    Business,
    /// Buyers without a VAT id, or with an invalid one.
    Consumer,
    /// Every buyer.
    #[default]
    Any,
}

/// Kinds of tax, by their codes in UNTDID 5305 and EN 16931.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum TaxCategory {
    /// Taxed at a rate above zero.
    S,
    /// Taxed at the rate zero.
    Z,
    /// Exempt from tax.
    E,
    /// Reverse charge: the buyer owes the tax. Only for buyers with a VAT id of the country where they are.
    AE,
    /// Outside the scope of tax.
    O,
}

/// How a buyer's VAT id must have been checked for reverse charge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReverseChargeRequires {
    /// Its format and check digits are valid, as far as the operator can tell without looking it up.
    Format,
    /// Finance confirmed it in the group's status.
    #[default]
    Confirmed,
}

/// The VAT id of a billing group, and whether it is confirmed.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[x_kube(
    validation = Rule::new("has(self.reference) ? self.state != 'Unconfirmed' : self.state != 'Confirmed'")
        .message("reference is required for state Confirmed, and not allowed for Unconfirmed"),
)]
#[serde(rename_all = "camelCase")]
pub struct GroupVatId {
    /// The id with its country's prefix, without separators: "FI20774740".
    #[schemars(length(min = 1, max = 72))]
    pub value: String,
    /// The country that gave it, by its ISO 3166-1 code, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2), regex(pattern = "^[A-Z]{2}$"))]
    pub country: Option<String>,
    /// Its state. Whoever may `settle` invoices can confirm or refuse it, with a reference; that is void once the
    /// value or the country changes.
    pub state: VatIdState,
    /// The reference of the confirmation or refusal, such as the number of a VIES consultation. Without one, the
    /// state was set by the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = LINE))]
    pub reference: Option<String>,
}

/// The state of a VAT id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum VatIdState {
    /// Not looked up; its format and check digits are valid, or cannot be checked.
    Unconfirmed,
    /// Its format or check digits are invalid, or finance refused it.
    Invalid,
    /// Finance confirmed it.
    Confirmed,
}

/// The part of a document that has one category and rate of tax.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaxSubtotal {
    /// The kind of tax.
    pub category: TaxCategory,
    /// The rate, in per cent.
    pub rate: TaxRate,
    /// The taxed amount.
    pub base: Amount,
    /// The tax.
    pub amount: Amount,
    /// Why no tax is charged; several reasons one after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub reason: Option<String>,
}

/// How a line is taxed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineTax {
    /// The kind of tax.
    pub category: TaxCategory,
    /// The rate, in per cent.
    pub rate: TaxRate,
}
