//! Which objects a selector chooses.

use std::collections::BTreeMap;

use billing_api::{Requirement, Selector, SelectorOperator};

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// Whether `selector` chooses what has these labels. No selector chooses everything.
pub fn chooses(selector: Option<&Selector>, labels: &Labels) -> bool {
    let Some(Selector { match_labels, match_expressions }) = selector else { return true };
    match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
        && match_expressions.iter().all(|requirement| is_met(requirement, labels))
}

fn is_met(requirement: &Requirement, labels: &Labels) -> bool {
    let Requirement { key, operator, values } = requirement;
    let value = labels.get(key);
    match operator {
        SelectorOperator::In => value.is_some_and(|value| values.contains(value)),
        SelectorOperator::NotIn => value.is_none_or(|value| !values.contains(value)),
        SelectorOperator::Exists => value.is_some(),
        SelectorOperator::DoesNotExist => value.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(selector: Value, chosen: &[Value], left_out: &[Value]) {
        let selector: Selector = serde_json::from_value(selector).unwrap();
        let is_chosen = |labels: &Value| chooses(Some(&selector), &serde_json::from_value(labels.clone()).unwrap());
        assert!(chosen.iter().all(is_chosen), "{selector:?} {chosen:?}");
        assert!(!left_out.iter().any(is_chosen), "{selector:?} {left_out:?}");
    }

    #[test]
    fn everything_that_a_selector_says_must_be_so() {
        check(json!({}), &[json!({}), json!({"a": "1"})], &[]);
        check(json!({"matchLabels": {"a": "1"}}), &[json!({"a": "1", "b": "2"})], &[json!({}), json!({"a": "2"})]);
        let one = |operator: &str, values: Value| json!({"matchExpressions": [{"key": "a", "operator": operator, "values": values}]});
        check(one("In", json!(["1", "2"])), &[json!({"a": "2"})], &[json!({}), json!({"a": "3"})]);
        check(one("NotIn", json!(["1", "2"])), &[json!({}), json!({"a": "3"})], &[json!({"a": "2"})]);
        check(one("Exists", json!([])), &[json!({"a": ""})], &[json!({"b": "1"})]);
        check(one("DoesNotExist", json!([])), &[json!({"b": "1"})], &[json!({"a": ""})]);
        let both = json!({"matchLabels": {"b": "1"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]});
        check(both, &[json!({"a": "1", "b": "1"})], &[json!({"a": "1"}), json!({"b": "1"})]);
        assert!(chooses(None, &Labels::new()));
    }
}
