//! Objects as a Git repository has them: what somebody decided, and nothing that a server or a tool added.

use serde_json::{Map, Value, json};

/// Annotations and labels that tools write by themselves.
const OF_TOOLS: [&str; 4] =
    ["kubectl.kubernetes.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/", "argocd.argoproj.io/"];

/// The manifest of an object.
pub fn manifest(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let mut kept = Map::new();
    for field in ["name", "namespace", "labels", "annotations"] {
        match &metadata[field] {
            Value::Null => {}
            Value::Object(marks) => {
                let own = |key: &String| !OF_TOOLS.iter().any(|prefix| key.starts_with(prefix));
                let own: Map<_, _> =
                    marks.iter().filter(|(key, _)| own(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
                if !own.is_empty() {
                    kept.insert(field.to_owned(), Value::Object(own));
                }
            }
            value => drop(kept.insert(field.to_owned(), value.clone())),
        }
    }
    let mut manifest = json!({ "apiVersion": object["apiVersion"], "kind": object["kind"], "metadata": kept });
    if let (Some(fields), Some(spec)) = (manifest.as_object_mut(), object.get("spec")) {
        fields.insert("spec".to_owned(), spec.clone());
    }
    manifest
}

/// A merge patch applied to a value (RFC 7396).
pub fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    let Value::Object(fields) = value else { return };
    for (name, change) in patch {
        match change {
            Value::Null => drop(fields.remove(name)),
            change => merge(fields.entry(name.clone()).or_insert(Value::Null), change),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{manifest, merge};

    #[test]
    fn a_manifest_has_what_somebody_decided() {
        let object = json!({
            "apiVersion": "billing-operator.io/v1alpha1", "kind": "BillingGroup",
            "metadata": {
                "name": "main", "namespace": "acme", "uid": "1", "resourceVersion": "2", "managedFields": [{}], "finalizers": ["f"],
                "labels": { "team": "a", "kustomize.toolkit.fluxcd.io/name": "acme" },
                "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{}" },
            },
            "spec": { "currency": "USD" }, "status": { "projects": 2 },
        });
        let expected = json!({
            "apiVersion": "billing-operator.io/v1alpha1", "kind": "BillingGroup",
            "metadata": { "name": "main", "namespace": "acme", "labels": { "team": "a" } },
            "spec": { "currency": "USD" },
        });
        assert_eq!(manifest(&object), expected);
    }

    #[test]
    fn a_patch_sets_replaces_and_clears() {
        let mut value = json!({ "spec": { "a": 1, "b": { "c": 2, "d": 3 }, "e": [1] } });
        merge(&mut value, &json!({ "spec": { "a": null, "b": { "c": 4 }, "e": [2], "f": { "g": 5 } } }));
        assert_eq!(value, json!({ "spec": { "b": { "c": 4, "d": 3 }, "e": [2], "f": { "g": 5 } } }));
    }
}
