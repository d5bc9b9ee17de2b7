//! What the API server would do with an object: take nulls out, apply defaults, check the schema, then the
//! rules in CEL.

use super::schema::{self, SchemaError};
use billing_api::{GROUP, VERSION, crds};
use jsonschema::Validator;
use kube::core::cel::{self, CompiledSchema};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Every kind that means something to billing.
pub struct Kinds {
    custom: BTreeMap<String, Kind>,
    namespace: Kind,
}

/// How one kind is checked.
pub struct Kind {
    namespaced: bool,
    /// Whether status is written apart from the rest.
    pub(super) has_status: bool,
    schema: Validator,
    /// The schema as the API server has it: for defaults.
    open_api: Value,
    rules: CompiledSchema,
    evaluator: cel::Validator,
}

impl Kinds {
    /// Compiles the schema of every kind.
    pub fn new() -> Result<Self, SchemaError> {
        let custom = crds::all()
            .into_iter()
            .map(|definition| {
                let kind = definition.spec.names.kind.clone();
                let namespaced = definition.spec.scope == "Namespaced";
                let version = definition.spec.versions.into_iter().find(|version| version.name == VERSION);
                let has_status = version
                    .as_ref()
                    .and_then(|version| version.subresources.as_ref())
                    .is_some_and(|subresources| subresources.status.is_some());
                let open_api = version
                    .and_then(|version| version.schema?.open_api_v3_schema)
                    .ok_or_else(|| SchemaError::Missing { kind: kind.clone() })?;
                let open_api = serde_json::to_value(open_api)
                    .map_err(|source| SchemaError::Json { kind: kind.clone(), source })?;
                let schema = schema::custom_resource(&kind, &open_api, namespaced)?;
                let rules = cel::compile_schema(&open_api);
                Ok((kind, Kind { namespaced, has_status, schema, open_api, rules, evaluator: cel::Validator::new() }))
            })
            .collect::<Result<_, SchemaError>>()?;
        Ok(Self { custom, namespace: Kind::namespace()? })
    }

    /// The kind of an object; `None` when it means nothing to billing.
    ///
    /// # Errors
    ///
    /// Of our API group, but there is no such kind or version.
    pub fn of(&self, object: &Value) -> Result<Option<&Kind>, String> {
        let (Some(api_version), Some(kind)) = (object["apiVersion"].as_str(), object["kind"].as_str()) else {
            return Ok(None);
        };
        match api_version.split_once('/') {
            None if api_version == "v1" && kind == "Namespace" => Ok(Some(&self.namespace)),
            Some((GROUP, version)) => match self.custom.get(kind) {
                Some(found) if version == VERSION => Ok(Some(found)),
                Some(_) => Err(format!("{api_version} is not a version of {kind}; use {GROUP}/{VERSION}")),
                None => Err(format!("{api_version} has no kind {kind}")),
            },
            _ => Ok(None),
        }
    }
}

impl Kind {
    fn namespace() -> Result<Self, SchemaError> {
        Ok(Self {
            namespaced: false,
            has_status: true,
            schema: schema::namespace()?,
            open_api: json!({}),
            rules: cel::compile_schema(&json!({})),
            evaluator: cel::Validator::new(),
        })
    }

    /// The object as it would be stored if somebody made it, or every reason why not. One that was read from a
    /// cluster, which gave it its UID, has a status already.
    pub fn create(&self, object: Value) -> Result<Value, Vec<String>> {
        let mut object = object;
        let is_stored = object["metadata"]["uid"].is_string();
        if let Some(fields) = object.as_object_mut()
            && self.has_status
            && !is_stored
        {
            fields.remove("status");
        }
        self.keep(object)
    }

    /// The object with the status that it says it has, or every reason why it cannot be stored so.
    pub fn keep(&self, object: Value) -> Result<Value, Vec<String>> {
        let object = self.prepare(object);
        self.check(&object, None)?;
        Ok(object)
    }

    /// The object without nulls and with its defaults.
    pub(super) fn prepare(&self, mut object: Value) -> Value {
        remove_nulls(&mut object);
        let metadata = &mut object["metadata"];
        if let (None, Some(prefix)) = (metadata.get("name"), metadata["generateName"].as_str()) {
            // The API server appends five characters of its own.
            metadata["name"] = format!("{prefix}00000").into();
        }
        if let (false, Some(metadata)) = (self.namespaced, metadata.as_object_mut()) {
            metadata.remove("namespace");
        }
        cel::apply_defaults(&self.open_api, &object)
    }

    /// Every reason to refuse an object, made anew or in the place of `old`. Rules run only on what the
    /// schema admits: they rely on it.
    pub(super) fn check(&self, object: &Value, old: Option<&Value>) -> Result<(), Vec<String>> {
        let violations: Vec<_> = self.schema.iter_errors(object).map(|error| schema::message(&error)).collect();
        if !violations.is_empty() {
            return Err(violations);
        }
        self.evaluator
            .validate_compiled(&self.rules, object, old)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }
}

/// A null means that a field is absent, everywhere but in a list.
fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(remove_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::Kinds;
    use serde_json::{Value, json};
    use std::sync::LazyLock;

    static KINDS: LazyLock<Kinds> = LazyLock::new(|| Kinds::new().unwrap());

    fn create(object: Value) -> Result<Value, Vec<String>> {
        KINDS.of(&object).unwrap().unwrap().create(object)
    }

    #[track_caller]
    fn check(object: Value, expected: &[&str]) {
        assert_eq!(create(object).err().unwrap_or_default(), expected);
    }

    fn group(metadata: Value, spec: Value) -> Value {
        json!({"apiVersion": "billing-operator.io/v1alpha1", "kind": "BillingGroup", "metadata": metadata, "spec": spec})
    }

    fn price_list(entries: Value) -> Value {
        json!({
            "apiVersion": "billing-operator.io/v1alpha1", "kind": "PriceList", "metadata": {"name": "default"},
            "spec": {"currency": "USD", "entries": entries},
        })
    }

    #[test]
    fn defaults_are_applied_and_status_is_not_taken() {
        let mut applied = group(
            json!({"name": "main", "namespace": "acme", "creationTimestamp": null}),
            json!({"company": null, "currency": null, "terms": {}}),
        );
        applied["status"] = json!({"projects": 7});
        let mut stored = group(
            json!({"name": "main", "namespace": "acme"}),
            json!({
                "currency": "USD", "primary": false, "paymentMethod": {"type": "Card"},
                "terms": {"issuer": "default"},
            }),
        );
        stored["status"] = json!({"observedGeneration": -1});
        assert_eq!(create(applied), Ok(stored));
    }

    #[test]
    fn a_refusal_names_the_field_and_every_reason() {
        let metadata = json!({"name": "main", "namespace": "acme"});
        check(group(metadata.clone(), json!({"displayname": "x"})), &["unknown field \"spec.displayname\""]);
        check(
            group(metadata.clone(), json!({"displayName": 1, "paymentMethod": {"type": "Cash"}})),
            &[
                "spec.displayName: Invalid value: 1 is not of type \"string\"",
                "spec.paymentMethod.type: Unsupported value: \"Cash\" is not one of \"Card\", \"BankTransfer\" or 4 other candidates",
            ],
        );
        check(
            group(metadata.clone(), json!({"displayName": "x".repeat(129)})),
            &["spec.displayName: Too long: value is longer than 128 characters"],
        );
        check(
            group(metadata.clone(), json!({"displayName": "clear\u{1b}[2J"})),
            &[
                "spec.displayName: Invalid value: \"clear\\u001b[2J\": U+001B steers what shows it, or shows as nothing: leave it out",
            ],
        );
        check(
            group(metadata, json!({"invoiceEmails": ["a@example.com", "a@example.com"]})),
            &["spec.invoiceEmails: Duplicate value: value has non-unique elements"],
        );
    }

    #[test]
    fn names_and_labels_are_checked() {
        check(group(json!({"name": "main"}), json!({})), &["metadata.namespace: Required value"]);
        check(group(json!({"namespace": "acme"}), json!({})), &["metadata.name: Required value"]);
        check(
            group(json!({"name": "a.b", "namespace": "acme"}), json!({})),
            &[
                "metadata.name must be a DNS label: at most 63 lower-case letters, digits and '-'; use displayName for any other text",
            ],
        );
        check(
            group(json!({"name": "main", "namespace": "acme", "lables": {}}), json!({})),
            &["unknown field \"metadata.lables\""],
        );
        let namespace = json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "acme", "labels": {"billing-operator.io/organization": "-acme"}},
        });
        let messages = create(namespace).unwrap_err();
        assert!(
            messages[0].starts_with("metadata.labels.billing-operator.io/organization: Invalid value"),
            "{messages:?}"
        );
    }

    #[test]
    fn lists_with_keys_have_every_key_once() {
        let entry = |name: &str| json!({"name": name, "type": "T", "unit": "Hour", "unitPrice": "1", "validFrom": "2026-01-01T00:00:00Z"});
        check(price_list(json!([entry("a"), entry("b")])), &[]);
        check(
            price_list(json!([entry("a"), entry("a")])),
            &["spec.entries: Duplicate value: two items have the name \"a\""],
        );
        check(
            price_list(
                json!([{"name": "a", "type": "T", "unit": "Hour", "unitPrice": 1, "validFrom": "2026-02-30T00:00:00Z"}]),
            ),
            &[
                "spec.entries[0].unitPrice: Invalid value: 1 is not of type \"string\"",
                "spec.entries[0].validFrom: Invalid value: \"2026-02-30T00:00:00Z\" is not a \"date-time\"",
            ],
        );
    }
}
