//! What things cost, and from when until when.

use super::{CurrencyCode, HourRule, Name, Price, Quantity, ReadinessStatus, Time, codes, text::LINE, time};
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
    validation = Rule::new("self.type == oldSelf.type && has(self.plan) == has(oldSelf.plan) && (!has(self.plan) || self.plan == oldSelf.plan) && has(self.cloud) == has(oldSelf.cloud) && (!has(self.cloud) || self.cloud == oldSelf.cloud) && self.unit == oldSelf.unit && has(self.unitPrice) == has(oldSelf.unitPrice) && (!has(self.unitPrice) || self.unitPrice == oldSelf.unitPrice) && self.validFrom == oldSelf.validFrom")
        .message("an entry cannot be changed; end it with validUntil and add another"),
    validation = Rule::new("has(self.per) == has(oldSelf.per) && (!has(self.per) || self.per == oldSelf.per) && has(self.unitName) == has(oldSelf.unitName) && (!has(self.unitName) || self.unitName == oldSelf.unitName)")
        .message("what a price is for cannot be changed; end the entry with validUntil and add another"),
    validation = Rule::new("has(self.maxPerMonth) == has(oldSelf.maxPerMonth) && (!has(self.maxPerMonth) || self.maxPerMonth == oldSelf.maxPerMonth) && has(self.hours) == has(oldSelf.hours) && (!has(self.hours) || self.hours == oldSelf.hours)")
        .message("maxPerMonth and hours of an entry cannot be changed; end it with validUntil and add another"),
    validation = Rule::new("has(self.roundUp) == has(oldSelf.roundUp) && (!has(self.roundUp) || self.roundUp == oldSelf.roundUp) && has(self.scope) == has(oldSelf.scope) && (!has(self.scope) || self.scope == oldSelf.scope)")
        .message("roundUp and scope of an entry cannot be changed; end it with validUntil and add another"),
    validation = Rule::new("has(self.tiers) == has(oldSelf.tiers) && (!has(self.tiers) || self.tiers == oldSelf.tiers) && has(self.mode) == has(oldSelf.mode) && (!has(self.mode) || self.mode == oldSelf.mode)")
        .message("the tiers of an entry cannot be changed; end it with validUntil and add another"),
    validation = Rule::new("has(self.unitPrice) != has(self.tiers)")
        .message("an entry has a unitPrice, or tiers"),
    validation = Rule::new("self.unit == 'Unit' || !has(self.tiers) && !has(self.roundUp)")
        .message("tiers and roundUp are for prices by the Unit"),
    validation = Rule::new("!has(self.roundUp) || !has(self.tiers)")
        .message("roundUp does not go with tiers"),
    validation = Rule::new("has(self.tiers) || !has(self.mode)")
        .message("mode is for tiers"),
    validation = Rule::new("has(self.tiers) || has(self.roundUp) || !has(self.scope)")
        .message("scope is for tiers and roundUp"),
    validation = Rule::new("!has(self.tiers) && !has(self.roundUp) || [self.validFrom, has(self.validUntil) ? self.validUntil : self.validFrom].all(t, t.getDayOfMonth() == 0 && t.getHours() == 0 && t.getMinutes() == 0 && t.getSeconds() == 0 && t.getMilliseconds() == 0)")
        .message("a price with tiers or roundUp begins and ends with a month: at 00:00 UTC on the 1st"),
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
    /// The price of one unit, or of as many as `per` says, in the list's currency, with up to 12 decimals. Absent with `tiers`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Price>,
    /// For how many units `unitPrice` is: 1000000 for a price per million. Absent: for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_000_i64))]
    pub per: Option<i64>,
    /// What one unit is called on invoices, in the singular: "GiB", "request", "vCPU". Absent: it has no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32), regex(pattern = LINE))]
    pub unit_name: Option<String>,
    /// Counts begun packages of `per` units whole, over all that the scope uses in a month. For prices by the unit without tiers,
    /// from the first of a month on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_up: Option<bool>,
    /// Prices that depend on how much the scope uses in a month: up to 20, each from where the one before ends. For prices by the
    /// unit, from the first of a month on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.filter(t, has(t.upTo)).size() == self.size() - 1 && !has(self[self.size() - 1].upTo)")
            .message("every tier has an upTo but the last one"),
        validation = Rule::new("[self.filter(t, has(t.upTo)).map(t, double(t.upTo))].all(ends, ends.isSorted() && ends.all(end, end > 0.0 && ends.indexOf(end) == ends.lastIndexOf(end)))")
            .message("each tier ends above the one before"),
    )]
    pub tiers: Vec<PriceTier>,
    /// How tiers price a quantity. Absent: `Graduated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<TierMode>,
    /// Whose usage comes together, with `tiers` and `roundUp`. Absent: `Project`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<PriceScope>,
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

/// A part of a month's quantity, and its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceTier {
    /// The last quantity that belongs to the tier, in units. Absent on the last tier, which has all that is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Quantity>,
    /// The price of one unit, or of as many as `per` says. A free tier costs 0.
    pub unit_price: Price,
}

/// How tiers price a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TierMode {
    /// Each part of the quantity at the price of its tier.
    Graduated,
    /// All of it at the price of the tier that it reaches.
    Volume,
}

/// Whose usage comes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PriceScope {
    /// What a project uses, as far as the group pays for it.
    Project,
    /// What all projects use, as far as the group pays for them.
    BillingGroup,
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
