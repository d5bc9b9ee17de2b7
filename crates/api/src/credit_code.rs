//! Codes that become credits.

use super::{CreditType, Money, Name, ObjectName, Time, Uid, condition, time};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Create a CreditCode for every code that you hand out; whoever has it can redeem it once, as a Credit. It is named by the
/// first 32 hexadecimal digits of the SHA-256 of the code, so that reading it does not give the code away:
/// `kubectl billing code` prints the name and the manifest.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    attr = "x_kube(crates(kube_core = \"::kube_core\"))",
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "CreditCode",
    status = "CreditCodeStatus",
    derive = "PartialEq",
    category = "billing-internal",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "Amount", type_ = "string", json_path = ".spec.amount.amount"),
    printcolumn(name = "Currency", type_ = "string", json_path = ".spec.amount.currency"),
    printcolumn(name = "For", type_ = "string", json_path = ".spec.organization"),
    printcolumn(name = "Until", type_ = "string", json_path = ".spec.redeemUntil"),
    printcolumn(name = "Redeemed By", type_ = "string", json_path = ".status.redeemedBy.organization"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[0-9a-f]{32}$')")
        .message("metadata.name must be the first 32 hexadecimal digits of the SHA-256 of the code; kubectl billing code prints it"),
    validation = Rule::new("self.spec == oldSelf.spec").message("spec is immutable: delete the CreditCode and create another"),
    validation = Rule::new("!has(oldSelf.status.redeemedBy) || (has(self.status) && has(self.status.redeemedBy) && self.status.redeemedBy == oldSelf.status.redeemedBy)")
        .message("a code can be redeemed only once")
        .reason(Reason::FieldValueForbidden),
)]
#[x_kube(
    validation = Rule::new("!has(self.startsAt) || !has(self.expiresAt) || self.startsAt < self.expiresAt")
        .message("expiresAt must be after startsAt"),
)]
#[allow(clippy::duplicated_attributes, reason = "two columns of one type are two columns")]
#[serde(rename_all = "camelCase")]
pub struct CreditCodeSpec {
    /// What the credit is granted for.
    #[serde(rename = "type")]
    pub kind: CreditType,
    /// The amount of the credit.
    #[x_kube(validation = Rule::new("self.amount.matches('[1-9]')").message("the amount of a credit must be greater than zero"))]
    pub amount: Money,
    /// When the credit can first be used, in UTC; absent: no start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time::whole_seconds")]
    pub starts_at: Option<Time>,
    /// When the credit expires, in UTC; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time::whole_seconds")]
    pub expires_at: Option<Time>,
    /// The code must be redeemed before this instant, in UTC; absent: at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time::whole_seconds")]
    pub redeem_until: Option<Time>,
    /// The only organization that can redeem the code; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Name>,
}

/// Whether a code was redeemed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreditCodeStatus {
    /// The Credit that redeemed the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redeemed_by: Option<Redeemer>,
    /// `Ready`: whether the code means something to the operator; the reason says whether it can still be redeemed. `Stalled`,
    /// there only while it is true: somebody has to create another code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::conditions")]
    pub conditions: Vec<Condition>,
    /// The generation of the code that this status was computed from; -1 before the operator has looked at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// A Credit that redeemed a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Redeemer {
    /// The organization, which is the namespace of the Credit.
    pub organization: Name,
    /// The name of the Credit.
    pub name: ObjectName,
    /// The UID of the Credit: a later one of the same name is another.
    pub uid: Uid,
    /// When it was redeemed.
    pub at: Time,
}
