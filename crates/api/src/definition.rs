//! What matters of a definition: its normal form, in which two definitions are the same if the API server treats objects the same by
//! them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube_core::ResourceExt;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The annotation with the number of a definition's schema, which only rises.
pub const SCHEMA_ANNOTATION: &str = "billing-operator.io/schema";

/// The annotation with the digest of a definition's normal form: by it an older operator knows that a newer definition is whole.
pub const SCHEMA_DIGEST_ANNOTATION: &str = "billing-operator.io/schema-digest";

/// Names, scope, versions, conversion, and the schemas without what only people read. What the API server fills in by itself, and
/// metadata, count as nothing.
pub fn normal_form(definition: &CustomResourceDefinition) -> Value {
    let spec = &definition.spec;
    let versions = spec.versions.iter().map(|version| {
        let mut schema = json!(version.schema);
        strip(&mut schema);
        json!({
            "name": version.name,
            "served": version.served,
            "storage": version.storage,
            "subresources": version.subresources,
            "selectableFields": version.selectable_fields,
            "schema": schema,
        })
    });
    let strategy = spec.conversion.as_ref().map_or("None", |conversion| conversion.strategy.as_str());
    json!({
        "group": spec.group,
        "scope": spec.scope,
        "names": { "kind": spec.names.kind, "plural": spec.names.plural },
        "conversion": strategy,
        "preserveUnknownFields": spec.preserve_unknown_fields.unwrap_or_default(),
        "versions": versions.collect::<Vec<_>>(),
    })
}

/// The SHA-256 of the normal form, as `sha256:…`.
pub fn digest(definition: &CustomResourceDefinition) -> String {
    // Maps are sorted, so one value has one text.
    let hash = Sha256::digest(sorted(normal_form(definition)).to_string());
    hash.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

/// The number of a definition's schema; 0 while it has none.
pub fn schema_number(definition: &CustomResourceDefinition) -> u64 {
    definition.annotations().get(SCHEMA_ANNOTATION).and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// Whether a definition says what it is by its digest.
pub fn is_whole(definition: &CustomResourceDefinition) -> bool {
    definition.annotations().get(SCHEMA_DIGEST_ANNOTATION).is_some_and(|annotated| *annotated == digest(definition))
}

/// Takes off what only people read: descriptions, examples, and the words of refusals.
fn strip(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            // Below `properties` these are names of fields.
            for (key, value) in fields.iter_mut() {
                match (key.as_str(), value) {
                    ("properties" | "patternProperties" | "definitions", Value::Object(named)) => {
                        named.values_mut().for_each(strip);
                    }
                    ("default" | "enum" | "example", _) => {}
                    (_, value) => strip(value),
                }
            }
            for told in ["description", "title", "example", "externalDocs", "message", "messageExpression"] {
                fields.remove(told);
            }
            fields.retain(|_, value| !value.is_null());
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut all: Vec<_> = fields.into_iter().collect();
            all.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(all.into_iter().map(|(key, value)| (key, sorted(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::{SCHEMA_DIGEST_ANNOTATION, digest, is_whole, normal_form};
    use crate::crds;
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    use serde_json::{Value, json};

    fn credit_note() -> Value {
        let all = crds::all();
        json!(all.iter().find(|definition| definition.spec.names.plural == "creditnotes").unwrap())
    }

    fn read(value: &Value) -> CustomResourceDefinition {
        serde_json::from_value(value.clone()).unwrap()
    }

    #[test]
    fn words_labels_and_what_the_server_fills_in_count_as_nothing() {
        let ours = credit_note();
        let mut theirs = ours.clone();
        theirs["metadata"]["labels"] = json!({ "team": "platform" });
        theirs["metadata"]["annotations"] = json!({ "helm.sh/resource-policy": "keep" });
        theirs["spec"]["conversion"] = json!({ "strategy": "None" });
        theirs["spec"]["names"]["listKind"] = json!("CreditNoteList");
        let schema = &mut theirs["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        schema["description"] = json!("other words");
        schema["properties"]["spec"]["description"] = json!(null);
        schema["x-kubernetes-validations"][0]["message"] = json!("other words");
        assert_eq!(normal_form(&read(&ours)), normal_form(&read(&theirs)));
        assert_eq!(digest(&read(&ours)), digest(&read(&theirs)));
        theirs["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["description"] =
            json!({ "type": "string" });
        assert_ne!(normal_form(&read(&ours)), normal_form(&read(&theirs)), "a field may be called so");
    }

    #[test]
    fn every_weakening_counts() {
        let ours = credit_note();
        let schema = "/spec/versions/0/schema/openAPIV3Schema";
        for (pointer, value) in [
            (format!("{schema}/x-kubernetes-validations"), json!([])),
            (format!("{schema}/properties/spec/properties/reason/pattern"), json!(".*")),
            (format!("{schema}/properties/spec/properties/reason/maxLength"), json!(100_000)),
            ("/spec/versions/0/subresources".to_owned(), json!({})),
            ("/spec/versions/0/served".to_owned(), json!(false)),
            ("/spec/scope".to_owned(), json!("Cluster")),
        ] {
            let mut weakened = ours.clone();
            *weakened.pointer_mut(&pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
            assert_ne!(digest(&read(&ours)), digest(&read(&weakened)), "{pointer}");
        }
    }

    #[test]
    fn a_definition_is_whole_that_has_its_own_digest() {
        for definition in crds::all() {
            assert!(is_whole(&definition), "{}", definition.spec.names.plural);
        }
        let mut weakened = credit_note();
        weakened["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["x-kubernetes-validations"] = json!([]);
        assert!(!is_whole(&read(&weakened)));
        weakened["metadata"]["annotations"][SCHEMA_DIGEST_ANNOTATION] = json!(null);
        weakened["metadata"]["annotations"] = json!({});
        assert!(!is_whole(&read(&weakened)));
    }
}
