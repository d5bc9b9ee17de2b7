//! Normal forms of policies and bindings: what decides which requests they refuse, and nothing else.

use k8s_openapi::api::admissionregistration::v1::{
    NamedRuleWithOperations, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use serde_json::{Value, json};

/// What a policy refuses: failure policy, rules, match conditions, variables, validations; exclusions and selectors, of which ours
/// have none. Words, metadata and what the API server fills in count as nothing.
pub fn policy(policy: &ValidatingAdmissionPolicy) -> Value {
    let spec = policy.spec.clone().unwrap_or_default();
    let matched = spec.match_constraints.unwrap_or_default();
    let conditions = spec.match_conditions.unwrap_or_default();
    let variables = spec.variables.unwrap_or_default();
    let validations = spec.validations.unwrap_or_default();
    let named = |name: &str, expression: &str| json!({ "name": name, "expression": expression.trim() });
    json!({
        "failurePolicy": spec.failure_policy.as_deref().unwrap_or("Fail"),
        "paramKind": spec.param_kind,
        "matchConstraints": {
            "matchPolicy": matched.match_policy.as_deref().unwrap_or("Equivalent"),
            "namespaceSelector": selector(&json!(matched.namespace_selector)),
            "objectSelector": selector(&json!(matched.object_selector)),
            "resourceRules": rules(matched.resource_rules),
            "excludeResourceRules": rules(matched.exclude_resource_rules),
        },
        "matchConditions": conditions.iter().map(|one| named(&one.name, &one.expression)).collect::<Vec<_>>(),
        "variables": variables.iter().map(|one| named(&one.name, &one.expression)).collect::<Vec<_>>(),
        "validations": validations.iter().map(|one| one.expression.trim()).collect::<Vec<_>>(),
    })
}

/// What a binding applies: its policy, that it denies, and what it leaves out. More actions take nothing away.
pub fn binding(binding: &ValidatingAdmissionPolicyBinding) -> Value {
    let spec = binding.spec.clone().unwrap_or_default();
    let denies = spec.validation_actions.unwrap_or_default().iter().any(|action| action == "Deny");
    let matched = spec.match_resources.unwrap_or_default();
    json!({
        "policyName": spec.policy_name,
        "validationActions": if denies { json!(["Deny"]) } else { json!([]) },
        "paramRef": spec.param_ref,
        "matchResources": {
            "namespaceSelector": selector(&json!(matched.namespace_selector)),
            "objectSelector": selector(&json!(matched.object_selector)),
            "resourceRules": rules(matched.resource_rules),
            "excludeResourceRules": rules(matched.exclude_resource_rules),
        },
    })
}

/// The binding that belongs to a policy of ours: it has its name, and leaves out nothing.
pub fn binding_of(policy: &str) -> Value {
    let spec = json!({ "policyName": policy, "validationActions": ["Deny"] });
    let object = ValidatingAdmissionPolicyBinding {
        spec: serde_json::from_value(spec).ok(),
        ..ValidatingAdmissionPolicyBinding::default()
    };
    binding(&object)
}

/// A selector that selects everything is none.
fn selector(selector: &Value) -> Value {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    let says_nothing = selector.as_object().is_none_or(|fields| fields.values().all(empty));
    if says_nothing { Value::Null } else { selector.clone() }
}

fn rules(rules: Option<Vec<NamedRuleWithOperations>>) -> Vec<Value> {
    let form = |rule: NamedRuleWithOperations| {
        json!({
            "apiGroups": rule.api_groups,
            "apiVersions": rule.api_versions,
            "operations": rule.operations,
            "resources": rule.resources,
            "resourceNames": rule.resource_names.unwrap_or_default(),
            "scope": rule.scope.as_deref().unwrap_or("*"),
        })
    };
    rules.unwrap_or_default().into_iter().map(form).collect()
}

/// Where two forms differ first: `validations[2]`; `None` where they do not.
pub fn first_difference(built: &Value, found: &Value) -> Option<String> {
    let within = |at: String, inner: String| match inner.strip_prefix('[') {
        Some(_) => format!("{at}{inner}"),
        None if inner.is_empty() => at,
        None => format!("{at}.{inner}"),
    };
    match (built, found) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<_> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            keys.into_iter().find_map(|key| {
                let (a, b) = (a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null));
                first_difference(a, b).map(|inner| within(key.clone(), inner))
            })
        }
        (Value::Array(a), Value::Array(b)) => {
            let longest = a.len().max(b.len());
            (0..longest).find_map(|at| {
                let (a, b) = (a.get(at).unwrap_or(&Value::Null), b.get(at).unwrap_or(&Value::Null));
                first_difference(a, b).map(|inner| within(format!("[{at}]"), inner))
            })
        }
        _ => (built != found).then(String::new),
    }
}
