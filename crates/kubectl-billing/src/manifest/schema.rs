//! The schema of a CRD as a JSON Schema that refuses what the API server refuses.

use billing_api::text::{EMAIL, LINE, LINES, is_hidden};
use jsonschema::{Keyword, PatternOptions, ValidationError, Validator, error::ValidationErrorKind, paths::Location};
use k8s_openapi::{api::core::v1::Namespace, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use thiserror::Error;

/// Why a kind cannot be validated.
#[derive(Debug, Error)]
pub enum SchemaError {
    /// Its definition has no schema.
    #[error("{kind} has no schema")]
    Missing {
        /// The kind.
        kind: String,
    },
    /// Its definition cannot be written as JSON.
    #[error("the definition of {kind} is not JSON")]
    Json {
        /// The kind.
        kind: String,
        /// Why.
        source: serde_json::Error,
    },
    /// Its schema is not one.
    #[error("the schema of {kind} is not a JSON Schema")]
    Invalid {
        /// The kind.
        kind: String,
        /// Why.
        source: Box<ValidationError<'static>>,
    },
}

/// The validator of a custom resource, from its OpenAPI schema.
pub fn custom_resource(kind: &str, open_api: &Value, namespaced: bool) -> Result<Validator, SchemaError> {
    let mut schema = open_api.clone();
    let properties = &mut schema["properties"];
    properties["apiVersion"] = json!({"type": "string"});
    properties["kind"] = json!({"type": "string"});
    properties["metadata"] = metadata(SUBDOMAIN, 253, namespaced);
    close(&mut schema);
    build(kind, &schema)
}

/// The validator of namespaces.
pub fn namespace() -> Result<Validator, SchemaError> {
    let mut schema = schema_of::<Namespace>();
    schema["properties"]["metadata"] = metadata(LABEL, 63, false);
    close(&mut schema);
    build("Namespace", &schema)
}

const LABEL: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
const SUBDOMAIN: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
const LABEL_KEY: &str = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";
const LABEL_VALUE: &str = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$";

/// The schema of an object's metadata. The API server checks names and labels in code; here it is in the
/// schema, with all else.
fn metadata(name: &str, longest: u32, namespaced: bool) -> Value {
    let mut schema = schema_of::<ObjectMeta>();
    let properties = &mut schema["properties"];
    properties["name"] = json!({"type": "string", "pattern": name, "maxLength": longest});
    properties["namespace"] = json!({"type": "string", "pattern": LABEL, "maxLength": 63});
    properties["labels"] = json!({
        "type": "object",
        "propertyNames": {"pattern": LABEL_KEY, "maxLength": 317},
        "additionalProperties": {"type": "string", "pattern": LABEL_VALUE, "maxLength": 63},
    });
    schema["required"] = if namespaced { json!(["name", "namespace"]) } else { json!(["name"]) };
    schema
}

fn schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Refuses fields that the schema does not name, as `kubectl` asks the API server to do, and says in JSON
/// Schema's words that a set has no two equal items.
fn close(schema: &mut Value) {
    let Some(node) = schema.as_object_mut() else { return };
    let open = node.contains_key("additionalProperties") || node.contains_key("x-kubernetes-preserve-unknown-fields");
    if node.contains_key("properties") && !open {
        node.insert("additionalProperties".to_owned(), json!(false));
    }
    if node.get("x-kubernetes-list-type") == Some(&json!("set")) {
        node.insert("uniqueItems".to_owned(), json!(true));
    }
    for property in node.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        close(property);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = node.get_mut(key) {
            close(inner);
        }
    }
}

fn build(kind: &str, schema: &Value) -> Result<Validator, SchemaError> {
    jsonschema::options()
        .should_validate_formats(true)
        // The API server's own expressions are of this family too: no look-around, linear time.
        .with_pattern_options(PatternOptions::regex())
        .with_keyword("x-kubernetes-list-map-keys", |_, keys, _| Ok(Box::new(UniqueKeys::new(keys))))
        .build(schema)
        .map_err(|source| SchemaError::Invalid { kind: kind.to_owned(), source: Box::new(source.to_owned()) })
}

/// No two items of a list have the same keys.
struct UniqueKeys {
    keys: Vec<String>,
}

impl UniqueKeys {
    fn new(keys: &Value) -> Self {
        let keys = keys.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        Self { keys }
    }

    fn duplicate(&self, list: &Value) -> Option<String> {
        let mut seen = HashSet::new();
        list.as_array()?
            .iter()
            .map(|item| self.keys.iter().map(|key| item[key].to_string()).collect::<Vec<_>>().join(", "))
            .find(|key| !seen.insert(key.clone()))
    }
}

impl<'i> Keyword<'i> for UniqueKeys {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        self.duplicate(instance).map_or(Ok(()), |key| {
            Err(ValidationError::custom(format!("two items have the {} {key}", self.keys.join(", "))))
        })
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        self.duplicate(instance).is_none()
    }
}

/// A violation in the API server's words: the path, what is wrong there, and why.
pub fn message(error: &ValidationError<'_>) -> String {
    let path = path(error.instance_path());
    let at = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let fields: Vec<_> = unexpected.iter().map(|field| format!("{:?}", at(field))).collect();
            format!("unknown field {}", fields.join(", "))
        }
        ValidationErrorKind::Required { property } => {
            format!("{}: Required value", property.as_str().map_or_else(|| property.to_string(), at))
        }
        ValidationErrorKind::Enum { .. } => format!("{path}: Unsupported value: {error}"),
        ValidationErrorKind::MaxItems { .. } => format!("{path}: Too many: {}", error.masked()),
        ValidationErrorKind::MaxLength { .. } => format!("{path}: Too long: {}", error.masked()),
        // The pattern would tell nobody which character it is about.
        ValidationErrorKind::Pattern { pattern } if [LINE, LINES, EMAIL].contains(&pattern.as_str()) => {
            format!("{path}: Invalid value: {}: {}", error.instance(), what_is_hidden(error.instance()))
        }
        ValidationErrorKind::Custom { .. } | ValidationErrorKind::UniqueItems => {
            format!("{path}: Duplicate value: {}", error.masked())
        }
        // A whole object or list in a message helps nobody.
        _ if error.instance().is_object() || error.instance().is_array() => {
            format!("{path}: Invalid value: {}", error.masked())
        }
        _ => format!("{path}: Invalid value: {error}"),
    }
}

/// What is wrong with a text, in words.
fn what_is_hidden(text: &Value) -> String {
    let hidden = text.as_str().unwrap_or_default().chars().find(|character| is_hidden(*character));
    hidden.map_or_else(
        || "is not an e-mail address".to_owned(),
        |character| format!("U+{:04X} steers what shows it, or shows as nothing: leave it out", u32::from(character)),
    )
}

/// `spec.entries[0].unit`
fn path(location: &Location) -> String {
    location.as_str().split('/').skip(1).fold(String::new(), |path, segment| {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        match segment.parse::<usize>() {
            Ok(index) => format!("{path}[{index}]"),
            Err(_) if path.is_empty() => segment,
            Err(_) => format!("{path}.{segment}"),
        }
    })
}
