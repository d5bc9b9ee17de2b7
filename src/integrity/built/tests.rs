//! Each kind of weakening is found, and nothing that weakens nothing.

use serde::de::DeserializeOwned;
use serde_json::json;

use super::*;
use crate::probe::probed_policies;

const USER: &str = "system:serviceaccount:money:operator";
const PROBE: &str = "system:serviceaccount:money:probe";

fn built() -> Built {
    Built::new(USER, PROBE).unwrap()
}

fn read<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

/// A policy in the words of the API server, of which the normal form is the one built in.
fn policy_value(name: &str) -> Value {
    let form = built().policies[name].clone();
    let validations: Vec<_> = form["validations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!({ "expression": one, "message": "no" }))
        .collect();
    json!({
        "metadata": { "name": name, "labels": { "injected": "by-a-controller" }, "generation": 3 },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {},
                "resourceRules": form["matchConstraints"]["resourceRules"],
            },
            "variables": form["variables"],
            "validations": validations,
        },
    })
}

fn policy_deviation(name: &str, policy: Value) -> Option<String> {
    built().policy_deviation(name, Some(&read(policy))).map(|deviation| deviation.what)
}

#[test]
fn every_policy_is_probed_or_in_the_table_of_those_that_cannot_be() {
    let mut known: Vec<_> = probed_policies().into_iter().chain(WITHOUT_PROBE).collect();
    known.sort_unstable();
    assert_eq!(built().policies().collect::<Vec<_>>(), known);
}

#[test]
fn labels_words_and_what_the_server_fills_in_are_no_weakening() {
    let built = built();
    for name in built.policies() {
        assert_eq!(policy_deviation(name, policy_value(name)), None, "{name}");
    }
}

#[test]
fn each_kind_of_weakening_of_a_policy_is_found() {
    let name = "billing-operator-invoice";
    let weakened = |pointer: &str, value: Value| {
        let mut policy = policy_value(name);
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        policy.pointer_mut(parent).unwrap()[key] = value;
        policy_deviation(name, policy)
    };
    let spares =
        json!({ "matchExpressions": [{ "key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["o"] }] });
    let rule = json!([{ "apiGroups": ["billing-operator.io"], "apiVersions": ["*"], "operations": ["DELETE"], "resources": ["*"] }]);
    let first = policy_value(name)["spec"]["validations"][0].clone();
    let cases = [
        ("/spec/failurePolicy", json!("Ignore"), "failurePolicy"),
        ("/spec/matchConstraints/namespaceSelector", spares.clone(), "matchConstraints.namespaceSelector"),
        ("/spec/matchConstraints/objectSelector", spares, "matchConstraints.objectSelector"),
        ("/spec/matchConstraints/excludeResourceRules", rule.clone(), "matchConstraints.excludeResourceRules[0]"),
        ("/spec/matchConstraints/resourceRules", rule, "matchConstraints.resourceRules[0]"),
        ("/spec/matchConditions", json!([{ "name": "never", "expression": "false" }]), "matchConditions[0]"),
        ("/spec/paramKind", json!({ "apiVersion": "v1", "kind": "ConfigMap" }), "paramKind"),
        ("/spec/validations", json!([first]), "validations[1]"),
        ("/spec/validations", json!([{ "expression": "true" }]), "validations[0]"),
        ("/spec/variables", json!([]), "variables[0]"),
    ];
    for (pointer, value, place) in cases {
        let found = weakened(pointer, value).unwrap_or_else(|| panic!("{pointer} is not found"));
        assert!(found.starts_with(&format!("differs at {place}")), "{found}");
    }
    assert_eq!(built().policy_deviation(name, None).map(|one| one.what).as_deref(), Some("is missing"));
}

#[test]
fn another_account_in_a_policy_is_found() {
    let name = "billing-operator-operator";
    let text = policy_value(name).to_string();
    assert!(text.contains(USER), "{text}");
    let theirs: Value = serde_json::from_str(&text.replace(USER, "system:serviceaccount:evil:operator")).unwrap();
    assert!(policy_deviation(name, theirs).is_some());
}

#[test]
fn each_kind_of_weakening_of_a_binding_is_found() {
    let name = "billing-operator-invoice";
    let whole = json!({ "metadata": { "name": name }, "spec": { "policyName": name, "validationActions": ["Deny"] } });
    let deviation = |binding: Value| built().binding_deviation(name, Some(&read(binding))).map(|one| one.what);
    assert_eq!(deviation(whole.clone()), None);
    for (key, value, place) in [
        ("validationActions", json!(["Audit"]), "validationActions[0]"),
        ("policyName", json!("another"), "policyName"),
        ("paramRef", json!({ "name": "x", "parameterNotFoundAction": "Allow" }), "paramRef"),
        (
            "matchResources",
            json!({ "objectSelector": { "matchLabels": { "a": "b" } } }),
            "matchResources.objectSelector",
        ),
    ] {
        let mut weakened = whole.clone();
        weakened["spec"][key] = value;
        let found = deviation(weakened).unwrap_or_else(|| panic!("{key} is not found"));
        assert!(found.starts_with(&format!("differs at {place}")), "{found}");
    }
    let mut more = whole;
    more["spec"]["validationActions"] = json!(["Deny", "Audit"]);
    more["spec"]["matchResources"] = json!({ "matchPolicy": "Equivalent", "namespaceSelector": {} });
    assert_eq!(deviation(more), None, "it refuses as much");
    assert!(built().binding_deviation(name, None).is_some());
}

#[test]
fn a_definition_without_a_rule_is_found_and_a_newer_one_is_not() {
    let name = "invoices.billing-operator.io";
    let whole = built().definitions[name].clone();
    assert_eq!(built().definition_deviation(name, Some(&whole)), None);
    let mut weakened = json!(whole);
    weakened["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["x-kubernetes-validations"] = json!([]);
    let deviation = |definition: &Value| built().definition_deviation(name, Some(&read(definition.clone())));
    let found = deviation(&weakened).expect("found");
    assert!(found.what.contains("x-kubernetes-validations"), "{found:?}");
    // A higher number alone is no excuse; with its own digest it is a newer operator's.
    weakened["metadata"]["annotations"][definition::SCHEMA_ANNOTATION] = json!("999");
    assert!(deviation(&weakened).is_some());
    let digest = definition::digest(&read(weakened.clone()));
    weakened["metadata"]["annotations"][definition::SCHEMA_DIGEST_ANNOTATION] = json!(digest);
    assert_eq!(deviation(&weakened), None);
    // And the digest alone is none either.
    weakened["metadata"]["annotations"][definition::SCHEMA_ANNOTATION] = json!("0");
    assert!(deviation(&weakened).is_some());
    assert!(built().definition_deviation(name, None).is_some());
}
