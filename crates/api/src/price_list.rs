//! What things cost, and from when until when.

use super::{CurrencyCode, HourRule, Name, Price, ReadinessStatus, Time, codes, text::LINE, time};
use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Create a PriceList for every set of prices that you agree with groups of customers; `default` is the
/// one for groups whose terms name none. Prices change by ending an entry and adding another.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    attr = "x_kube(crates(kube_core = \"::kube_core\"))",
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "PriceList",
    status = "ReadinessStatus",
    derive = "PartialEq",
    shortname = "prices",
    category = "billing",
    printcolumn(name = "Currency", type_ = "string", json_path = ".spec.currency"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')")
        .message("metadata.name must be a DNS label: at most 63 lower-case letters, digits and '-'"),
)]
#[serde(rename_all = "camelCase")]
pub struct PriceListSpec {
    /// The currency of every price in the list, by its ISO 4217 code. Never changes.
    #[x_kube(validation = Rule::new("self == oldSelf").message("the currency of a price list is immutable: create another price list"))]
    #[x_kube(validation = codes::currency_rule())]
    pub currency: CurrencyCode,
    /// The prices: up to 1000. The most specific entry that is valid wins: type, plan and cloud; type and
    /// plan; type and cloud; type. Two equally specific ones must not overlap in time.
    #[schemars(length(max = 1000))]
    #[x_kube(
        merge_strategy = ListMerge::Map(vec!["name".to_owned()]),
        // Lists with keys are merged by `+`: the sum has an item more for each that was taken away. In linear
        // time, where `sets.contains` runs into the cost limit.
        validation = Rule::new("(oldSelf + self).size() == self.size()")
            .message("an entry can never be removed; end it with validUntil"),
    )]
    pub entries: Vec<PriceEntry>,
}

/// The price of one kind of service.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[x_kube(
    validation = Rule::new("!has(self.validUntil) || self.validFrom < self.validUntil")
        .message("validUntil must be after validFrom"),
    validation = Rule::new("self.type == oldSelf.type && has(self.plan) == has(oldSelf.plan) && (!has(self.plan) || self.plan == oldSelf.plan) && has(self.cloud) == has(oldSelf.cloud) && (!has(self.cloud) || self.cloud == oldSelf.cloud) && self.unit == oldSelf.unit && self.unitPrice == oldSelf.unitPrice && self.validFrom == oldSelf.validFrom")
        .message("an entry cannot be changed; end it with validUntil and add another"),
    validation = Rule::new("has(self.per) == has(oldSelf.per) && (!has(self.per) || self.per == oldSelf.per) && has(self.unitName) == has(oldSelf.unitName) && (!has(self.unitName) || self.unitName == oldSelf.unitName)")
        .message("what a price is for cannot be changed; end the entry with validUntil and add another"),
    validation = Rule::new("has(self.maxPerMonth) == has(oldSelf.maxPerMonth) && (!has(self.maxPerMonth) || self.maxPerMonth == oldSelf.maxPerMonth) && has(self.hours) == has(oldSelf.hours) && (!has(self.hours) || self.hours == oldSelf.hours)")
        .message("maxPerMonth and hours of an entry cannot be changed; end it with validUntil and add another"),
    validation = Rule::new("self.unit == 'Hour' || !has(self.maxPerMonth) && !has(self.hours)")
        .message("maxPerMonth and hours are for prices by the Hour"),
    validation = Rule::new("!has(oldSelf.validUntil) || (has(self.validUntil) && self.validUntil == oldSelf.validUntil)")
        .message("validUntil is set once and cannot be changed"),
)]
#[serde(rename_all = "camelCase")]
pub struct PriceEntry {
    /// The entry's own name in the list.
    pub name: Name,
    /// The type of service that it prices.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 64), regex(pattern = LINE))]
    pub kind: String,
    /// Restricts the price to this plan of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = LINE))]
    pub plan: Option<String>,
    /// Restricts the price to this cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64), regex(pattern = LINE))]
    pub cloud: Option<String>,
    /// What the price is for.
    pub unit: PriceUnit,
    /// The price of one unit, or of as many as `per` says, in the list's currency, with up to 12 decimals.
    pub unit_price: Price,
    /// For how many units `unitPrice` is: 1000000 for a price per million. Absent: for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_000_i64))]
    pub per: Option<i64>,
    /// What one unit is called on invoices, in the singular: "GiB", "request", "vCPU". Absent: it has no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), regex(pattern = LINE))]
    pub unit_name: Option<String>,
    /// The most that a record costs in a month at a price by the hour: of one unit, or of as many as `per` says, in the list's
    /// currency, before discounts. Absent: there is no maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_per_month: Option<Price>,
    /// How running time becomes hours at this price. Absent: as the operator's setting says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<HourRule>,
    /// The first second that the price is valid, in UTC.
    #[schemars(schema_with = "time::whole_seconds")]
    pub valid_from: Time,
    /// The first second that it is no longer valid, in UTC. Set once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time::whole_seconds")]
    pub valid_until: Option<Time>,
}

/// What a price is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PriceUnit {
    /// Per hour: hours × quantity × price.
    Hour,
    /// Per calendar month: quantity × price × the share of the month that it runs, in exact seconds. The parts of a month add up
    /// to the cent.
    Month,
    /// Per unit, however long it runs: quantity × price, in full, in the month in which it starts.
    Unit,
}
