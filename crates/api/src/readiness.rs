//! How far the operator is with an object, where nothing else is to be said of it.

use super::condition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How far the operator is with an object that people apply: of a PriceList, an InvoiceIssuer and an ExchangeRates, whether all of it
/// can be used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadinessStatus {
    /// `Ready`: whether every part can be used; if not, which cannot, and why. `Stalled`, there only while it is true: somebody has
    /// to change it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::conditions")]
    pub conditions: Vec<Condition>,
    /// The generation of the object that this status was computed from; -1 before the operator has looked at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}
