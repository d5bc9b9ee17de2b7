//! Reading conditions.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// The reason of a condition, if it is there.
pub fn reason<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a str> {
    conditions.iter().find(|condition| condition.type_ == kind).map(|condition| condition.reason.as_str())
}

/// Whether a condition is there and `True`.
pub fn stands(conditions: &[Condition], kind: &str) -> bool {
    conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True")
}
