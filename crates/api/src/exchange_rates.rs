//! What currencies cost, day by day.

use super::{CurrencyCode, Name, ReadinessStatus, codes, text::text};
use kube_derive::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Create an ExchangeRates for every source of rates and year, such as `ecb-2026`, where groups pay in another currency
/// than that of their price list; `spec.exchangeRates` of their InvoiceIssuer names the source. `kubectl billing rates
/// import` writes it from what the European Central Bank publishes. Quotes can be added, and never change.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    attr = "x_kube(crates(kube_core = \"::kube_core\"))",
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "ExchangeRates",
    plural = "exchangerates",
    status = "ReadinessStatus",
    derive = "PartialEq",
    shortname = "rates",
    category = "billing",
    printcolumn(name = "Source", type_ = "string", json_path = ".spec.source"),
    printcolumn(name = "Year", type_ = "integer", json_path = ".spec.year"),
    printcolumn(name = "Base", type_ = "string", json_path = ".spec.base"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() == self.spec.source.size() + 5 && self.metadata.name.startsWith(self.spec.source + '-') && self.metadata.name.matches('-[1-9][0-9]{3}$') && int(self.metadata.name.substring(self.metadata.name.size() - 4)) == self.spec.year")
        .message("metadata.name must be the source and the year, such as ecb-2026"),
    validation = Rule::new("self.spec.source == oldSelf.spec.source && self.spec.year == oldSelf.spec.year && self.spec.base == oldSelf.spec.base")
        .message("source, year and base are immutable: create another ExchangeRates"),
    validation = Rule::new("self.spec.quotes.all(q, int(q.date.substring(0, 4)) == self.spec.year)")
        .message("every date must be in spec.year"),
    validation = Rule::new("self.spec.quotes.all(q, !(self.spec.base in q.rates))")
        .message("rates must not contain the base currency: its rate is always 1"),
)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeRatesSpec {
    /// The source of the rates, as `spec.exchangeRates` of an InvoiceIssuer names it.
    #[x_kube(validation = Rule::new("self.size() <= 58").message("source must have at most 58 characters"))]
    pub source: Name,
    /// The year of every date.
    #[schemars(range(min = 1999, max = 9999))]
    pub year: i32,
    /// The base currency, whose price in other currencies is quoted, by its ISO 4217 code.
    #[x_kube(validation = codes::currency_rule())]
    pub base: CurrencyCode,
    /// The quotes: one item a day, up to 366. An invoice uses those of its rate date, or of the last day before it that
    /// quotes both currencies, at most 10 days earlier.
    #[schemars(length(max = 366))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["date".to_owned()]),
        // As with the entries of a price list: the sum has an item more for each that was taken away.
        validation = Rule::new("(oldSelf + self).size() == self.size()").message("the quotes of a day can never be removed"),
    )]
    pub quotes: Vec<DayOfQuotes>,
}

/// The quotes of one day.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct DayOfQuotes {
    /// The day.
    pub date: QuoteDate,
    /// By currency, by its ISO 4217 code: how many units of it one unit of the base costs, such as `USD: "1.0850"`.
    /// Up to 200. Codes of currencies that no longer exist are ignored.
    #[schemars(schema_with = "rates")]
    #[x_kube(
        merge_strategy = StructMerge::Atomic,
        validation = Rule::new("oldSelf.all(c, c in self && self[c] == oldSelf[c])")
            .message("a rate cannot be changed or removed"),
        validation = Rule::new("self.all(c, c.matches('^[A-Z]{3}$'))").message("the keys of rates must be ISO 4217 currency codes"),
    )]
    pub rates: BTreeMap<String, ExchangeRate>,
}

/// A map of rates by currency.
fn rates(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 200,
        "additionalProperties": ExchangeRate::json_schema(generator),
    })
}

text!(
    /// How many units of a currency one unit of another costs: positive, with up to 12 decimals ("1.0850").
    ExchangeRate, max: 23,
    pattern: "^([1-9][0-9]{0,9}([.][0-9]{1,12})?|0[.]0{0,11}[1-9][0-9]{0,11})$"
);

text!(
    /// A day, written "2026-11-21".
    QuoteDate, max: 10,
    pattern: "^[1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))$"
);
