//! What a group agreed with the provider.

use super::{Money, Month, Name, Percent, SeriesName, labels, text::LINE};
use kube_derive::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The commercial terms of a group, agreed with the provider.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[x_kube(
    validation = Rule::new("!has(self.priceLists) || !has(self.priceList)")
        .message("set either priceLists or the deprecated priceList, and not both; priceList: null takes that one off"),
)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// The PriceLists that usage is priced with: up to 4, in the order in which they are asked. The first with a valid entry for a
    /// service prices it, so a list of a few negotiated prices comes before the common one. All must be in one currency. Absent:
    /// `default` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4))]
    #[x_kube(
        merge_strategy = ListMerge::Atomic,
        validation = Rule::new("self.all(list, self.exists_one(other, other == list))")
            .message("priceLists must not name a price list twice"),
    )]
    pub price_lists: Option<Vec<Name>>,
    /// Deprecated: `priceLists` takes its place, and names this one alone or with others. The PriceList that usage is priced with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_list: Option<Name>,
    /// The InvoiceIssuer that bills. Cannot be changed after the first final invoice: another legal entity is another group.
    #[serde(default = "default_name")]
    pub issuer: Name,
    /// The preferred prefix of the invoice numbers, for groups that have one already. Has no effect once
    /// the series is claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_series: Option<SeriesName>,
    /// Bill from this month on; absent: from the month in which the group was created. Up to 24 months
    /// before that. Has no effect once the first invoice is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_period: Option<Month>,
    /// Days from issue until an invoice is due; absent: the issuer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 365))]
    pub payment_term_days: Option<i32>,
    /// Percentages off the price of every service: up to 20. Several multiply: 10 % and 20 % make 28 %.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub discounts: Vec<Discount>,
    /// What the group pays in addition to services: up to 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub charges: Vec<Charge>,
    /// The minimum that the group pays: a `CommitmentFee` adds what services, extra charges and support fall short of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment: Option<Commitment>,
}

impl Terms {
    /// The names of the price lists, in order. Of `priceList` and `priceLists` a rule lets only one be set.
    pub fn price_lists(&self) -> Vec<Name> {
        let alone = || vec![self.price_list.clone().unwrap_or_else(default_name)];
        self.price_lists.clone().filter(|lists| !lists.is_empty()).unwrap_or_else(alone)
    }
}

fn default_name() -> Name {
    labels::DEFAULT_NAME.into()
}

/// The terms of a group that says nothing about them.
impl Default for Terms {
    fn default() -> Self {
        Self {
            price_lists: None,
            price_list: None,
            issuer: default_name(),
            invoice_series: None,
            first_period: None,
            payment_term_days: None,
            discounts: Vec::new(),
            charges: Vec::new(),
            commitment: None,
        }
    }
}

/// A percentage off the price of every service.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[x_kube(
    validation = Rule::new("!has(self.firstPeriod) || !has(self.lastPeriod) || self.firstPeriod <= self.lastPeriod")
        .message("lastPeriod must not be before firstPeriod"),
)]
#[serde(rename_all = "camelCase")]
pub struct Discount {
    /// Its name, printed on invoices.
    #[schemars(length(min = 1, max = 64), regex(pattern = LINE))]
    pub name: String,
    /// The discount, in per cent: "10", "7.5".
    pub percent: Percent,
    /// The first month in which it is in force; absent: the group's first month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_period: Option<Month>,
    /// The last month in which it is in force; absent: without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_period: Option<Month>,
}

/// An amount for every month in which it is in force.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[x_kube(
    validation = Rule::new("!has(self.firstPeriod) || !has(self.lastPeriod) || self.firstPeriod <= self.lastPeriod")
        .message("lastPeriod must not be before firstPeriod"),
    validation = Rule::new("has(self.amount) != has(self.percent)")
        .message("set either amount or percent, and not both"),
    validation = Rule::new("!has(self.minimum) || has(self.percent)")
        .message("minimum is allowed only with percent"),
    validation = Rule::new("!has(self.per) || has(self.amount)")
        .message("per is allowed only with amount"),
)]
#[serde(rename_all = "camelCase")]
pub struct Charge {
    /// Its name, printed on invoices.
    #[schemars(length(min = 1, max = 64), regex(pattern = LINE))]
    pub name: String,
    /// The type of its line.
    #[serde(rename = "type")]
    pub kind: ChargeType,
    /// The amount per month. Set either this or `percent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// What the amount is for; absent: `Group`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per: Option<ChargePer>,
    /// The charge in per cent of what services cost after discounts: "4.5".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<Percent>,
    /// The minimum amount, with `percent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Money>,
    /// The first month in which it is charged; absent: the group's first month. A single charge has the same month in
    /// `firstPeriod` and `lastPeriod`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_period: Option<Month>,
    /// The last month in which it is charged; absent: without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_period: Option<Month>,
}

/// What the amount of a charge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ChargePer {
    /// The group, whatever it pays for.
    Group,
    /// Each project that the group pays for at the end of the month.
    Project,
}

/// Types of charges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ChargeType {
    /// Agreed in addition to services.
    ExtraCharge,
    /// Support.
    SupportCharge,
    /// Anything else. Does not count towards a commitment.
    OtherEvent,
}

/// The minimum that a group pays.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[x_kube(
    validation = Rule::new("!has(self.firstPeriod) || !has(self.lastPeriod) || self.firstPeriod <= self.lastPeriod")
        .message("lastPeriod must not be before firstPeriod"),
    validation = Rule::new("!has(self.settlement) || self.settlement != 'Term' || (has(self.firstPeriod) && has(self.lastPeriod))")
        .message("settlement Term needs firstPeriod and lastPeriod"),
)]
#[serde(rename_all = "camelCase")]
pub struct Commitment {
    /// Its name, printed on invoices.
    #[schemars(length(min = 1, max = 64), regex(pattern = LINE))]
    pub name: String,
    /// The amount: per month, or with `settlement: Term` for all months together.
    pub amount: Money,
    /// When what is missing is billed; absent: `Month`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<CommitmentSettlement>,
    /// The first month in which it is in force; absent: the group's first month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_period: Option<Month>,
    /// The last month in which it is in force; absent: without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_period: Option<Month>,
}

/// When what is missing to a commitment is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CommitmentSettlement {
    /// With every month, what is missing in that month.
    Month,
    /// With `lastPeriod`, what is missing over all months from `firstPeriod` on. Nothing is prorated. When the group is deleted, its
    /// last invoice ends the term.
    Term,
}
