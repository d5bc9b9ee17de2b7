//! The CustomResourceDefinitions of every kind.

use super::{
    BillingGroup, BillingPeriod, Credit, CreditCode, CreditNote, ExchangeRates, Invoice, InvoiceIssuer, InvoiceSeries,
    InvoiceSlice, Meter, MetricsServer, PriceList, ProjectBinding, ProjectLedger, UsageRecord,
    definition::{SCHEMA_DIGEST_ANNOTATION, digest},
    text::{EMAIL, LINE, LINES},
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube_core::CustomResourceExt;
use serde_json::json;

use super::labels::SCHEMA_ANNOTATION;

/// The schema numbers that are above one, by the plural of the kind.
///
/// The number of a definition rises, once for a release, when the one before would lose or refuse what is stored by this one: a
/// field outside of [`FROZEN`], another value of an enum, a wider bound, a rule that is gone. A test beside this says when.
const SCHEMA_NUMBERS: [(&str, u32); 0] = [];

/// What is kept as it was written, by kind and path: an older definition must not prune what it does not know.
const FROZEN: [(&str, &[&str]); 4] = [
    ("Invoice", &["status", "document"]),
    ("Invoice", &["status", "credited"]),
    ("InvoiceSlice", &["spec"]),
    ("CreditNote", &["status", "document"]),
];

/// The kinds that people apply. An object of them that the operator has not looked at has a status that says so, or tools that wait
/// for what they applied would take it for ready: to kstatus, an object without status is.
const APPLIED: [&str; 9] = [
    "BillingGroup",
    "Credit",
    "CreditCode",
    "CreditNote",
    "ExchangeRates",
    "InvoiceIssuer",
    "Meter",
    "PriceList",
    "ProjectBinding",
];

/// The definition of every kind, in the order of their names.
pub fn all() -> Vec<CustomResourceDefinition> {
    let mut definitions = vec![
        BillingGroup::crd(),
        BillingPeriod::crd(),
        CreditCode::crd(),
        Credit::crd(),
        CreditNote::crd(),
        ExchangeRates::crd(),
        InvoiceIssuer::crd(),
        Invoice::crd(),
        InvoiceSeries::crd(),
        InvoiceSlice::crd(),
        Meter::crd(),
        MetricsServer::crd(),
        PriceList::crd(),
        ProjectBinding::crd(),
        ProjectLedger::crd(),
        UsageRecord::crd(),
    ];
    for definition in &mut definitions {
        let number = schema_number(&definition.spec.names.plural).to_string();
        definition.metadata.annotations.get_or_insert_default().insert(SCHEMA_ANNOTATION.to_owned(), number);
        let kind = definition.spec.names.kind.clone();
        for version in &mut definition.spec.versions {
            if let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) {
                describe(schema);
                if APPLIED.contains(&&*kind) {
                    begin_unobserved(schema);
                }
                revise(schema, &|node| {
                    refuse_null(node);
                    forget_defaults_of_items(node);
                    unwrap_lines(node);
                });
                for (_, path) in FROZEN.iter().filter(|(frozen, _)| *frozen == kind) {
                    if let Some(frozen) = node_at(schema, path) {
                        revise(frozen, &|node| {
                            forget_texts(node);
                            keep_unknown_fields(node);
                        });
                    }
                }
            }
        }
    }
    definitions.iter_mut().for_each(annotate);
    definitions
}

/// Writes on a definition what it is by its digest.
fn annotate(definition: &mut CustomResourceDefinition) {
    let digest = digest(definition);
    definition.metadata.annotations.get_or_insert_default().insert(SCHEMA_DIGEST_ANNOTATION.to_owned(), digest);
}

/// The schema number of a definition.
pub fn schema_number(plural: &str) -> u32 {
    SCHEMA_NUMBERS.iter().find(|(numbered, _)| *numbered == plural).map_or(1, |(_, number)| *number)
}

/// The node at a path of properties.
fn node_at<'a>(schema: &'a mut JSONSchemaProps, path: &[&str]) -> Option<&'a mut JSONSchemaProps> {
    path.iter().try_fold(schema, |node, name| node.properties.as_mut()?.get_mut(*name))
}

/// Says of a new object that no generation of it was looked at.
fn begin_unobserved(schema: &mut JSONSchemaProps) {
    if let Some(status) = node_at(schema, &["status"]) {
        status.default = Some(JSON(json!({ "observedGeneration": -1 })));
    }
}

/// Keeps what the schema does not know. It ends at a node that declares properties, so each of them says it.
fn keep_unknown_fields(node: &mut JSONSchemaProps) {
    if node.properties.is_some() {
        node.x_kubernetes_preserve_unknown_fields = Some(true);
    }
}

/// Applies a revision to every node of a schema.
fn revise(schema: &mut JSONSchemaProps, revision: &dyn Fn(&mut JSONSchemaProps)) {
    revision(schema);
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        revise(property, revision);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        revise(items, revision);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        revise(values, revision);
    }
}

/// Takes back the patterns of free text. A document repeats what specs said when it was written, so whatever a spec may have held
/// at any time must fit: what people write is judged where they write it.
fn forget_texts(node: &mut JSONSchemaProps) {
    if node.pattern.as_deref().is_some_and(|pattern| [LINE, LINES, EMAIL].contains(&pattern)) {
        node.pattern = None;
    }
}

/// Takes back the defaults of what is in a list: who reads takes absence for the default. Who compares a manifest with the object
/// compares lists as a whole, and would find every list changed that the API server wrote something into.
fn forget_defaults_of_items(node: &mut JSONSchemaProps) {
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut node.items {
        revise(items, &|node| node.default = None);
    }
}

/// Takes back the leave to write `null`, which the derive gives to every optional field: with it a
/// server-side apply would own a null, and two spellings would mean "absent".
fn refuse_null(node: &mut JSONSchemaProps) {
    node.nullable = None;
}

/// Joins the lines of a doc comment: `kubectl explain` wraps them to its own width.
fn unwrap_lines(node: &mut JSONSchemaProps) {
    if let Some(description) = &mut node.description {
        *description = description.replace('\n', " ");
    }
}

/// Says of the kind what its spec's doc comment says, which is where a reader of the code looks for it.
fn describe(schema: &mut JSONSchemaProps) {
    let spec = schema.properties.as_ref().and_then(|properties| properties.get("spec"));
    schema.description = spec.and_then(|spec| spec.description.clone());
}

/// The definitions as YAML, each with the name of its file in `crds/`.
///
/// # Errors
///
/// When a definition cannot be written as YAML, which no definition of this crate is.
pub fn yaml() -> Result<Vec<(String, String)>, serde_saphyr::SerializeError> {
    all()
        .into_iter()
        .map(|definition| {
            let file = format!("{}.yaml", definition.spec.names.plural);
            Ok((file, serde_saphyr::to_string(&definition)?))
        })
        .collect()
}

#[cfg(test)]
mod history;
#[cfg(test)]
mod pages;

#[cfg(test)]
mod tests {
    use super::{APPLIED, EMAIL, FROZEN, LINE, LINES, all, forget_defaults_of_items, revise, yaml};
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
    };
    use regex::Regex;
    use serde_json::{Value, json};
    use std::{collections::BTreeSet, env, fs, path::Path};

    /// `crds/` is what the types say. `UPDATE=1` writes it.
    #[test]
    fn the_files_in_crds_are_current() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds");
        let files = yaml().unwrap();
        if env::var_os("UPDATE").is_some() {
            fs::create_dir_all(&folder).unwrap();
            for (file, text) in &files {
                fs::write(folder.join(file), text).unwrap();
            }
        }
        for (file, text) in &files {
            let written = fs::read_to_string(folder.join(file)).unwrap_or_default();
            assert!(written == *text, "crds/{file} is stale: run `make generate`");
        }
        let expected: BTreeSet<_> = files.iter().map(|(file, _)| file.clone()).collect();
        let found: BTreeSet<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(found, expected);
    }

    /// Calls `visit` with every node of every schema and the path to it.
    fn visit_all(visit: &mut impl FnMut(&str, &JSONSchemaProps)) {
        for definition in all() {
            let schema = definition.spec.versions[0].schema.clone().unwrap().open_api_v3_schema.unwrap();
            visit_node(&definition.spec.names.kind, &schema, visit);
        }
    }

    fn visit_node(path: &str, schema: &JSONSchemaProps, visit: &mut impl FnMut(&str, &JSONSchemaProps)) {
        visit(path, schema);
        for (name, property) in schema.properties.iter().flatten() {
            visit_node(&format!("{path}.{name}"), property, visit);
        }
        if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
            visit_node(&format!("{path}[]"), items, visit);
        }
        if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
            visit_node(&format!("{path}{{}}"), values, visit);
        }
    }

    #[test]
    fn every_text_list_and_map_has_a_bound() {
        visit_all(&mut |path, schema| {
            let bounded = match schema.type_.as_deref() {
                Some("string") => schema.max_length.is_some() || schema.enum_.is_some(),
                Some("array") => schema.max_items.is_some(),
                Some("object") if schema.additional_properties.is_some() => schema.max_properties.is_some(),
                _ => true,
            };
            assert!(bounded, "{path} has no bound");
        });
    }

    #[test]
    fn every_field_is_documented() {
        visit_all(&mut |path, schema| {
            let named = !path.ends_with("[]") && !path.ends_with("{}");
            let documented = schema.description.is_some() || path.ends_with(".status");
            assert!(documented || !named, "{path} has no description");
        });
    }

    #[test]
    fn what_is_frozen_keeps_fields_that_an_older_definition_does_not_know() {
        let mut kept = BTreeSet::new();
        visit_all(&mut |path, schema| {
            let frozen = FROZEN.iter().find(|(kind, below)| {
                let prefix = format!("{kind}.{}", below.join("."));
                path.strip_prefix(&prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', '{']))
            });
            let expected = (frozen.is_some() && schema.properties.is_some()).then_some(true);
            assert_eq!(schema.x_kubernetes_preserve_unknown_fields, expected, "{path}");
            kept.extend(frozen.filter(|_| expected.is_some()).map(|(kind, below)| (*kind, *below)));
        });
        assert_eq!(kept.len(), FROZEN.len(), "{kept:?}");
    }

    /// The paths in lists that have a default.
    fn defaults_in_lists(path: &str, schema: &JSONSchemaProps) -> Vec<String> {
        let mut found = Vec::new();
        visit_node(path, schema, &mut |path, schema| {
            if path.contains("[]") && schema.default.is_some() {
                found.push(path.to_owned());
            }
        });
        found
    }

    #[test]
    fn nothing_in_a_list_has_a_default() {
        for definition in all() {
            let schema = definition.spec.versions[0].schema.clone().unwrap().open_api_v3_schema.unwrap();
            assert_eq!(defaults_in_lists(&definition.spec.names.kind, &schema), Vec::<String>::new());
        }
        // One that is there is found, however deep, and taken back; one outside of lists stays.
        let text = json!({ "type": "string", "default": "x" });
        let inner = json!({ "type": "array", "items": { "properties": { "deep": text } } });
        let mut schema: JSONSchemaProps = serde_json::from_value(json!({
            "properties": {
                "plain": text,
                "rules": { "type": "array", "items": { "properties": { "name": text, "inner": inner } } },
            },
        }))
        .unwrap();
        assert_eq!(defaults_in_lists("Kind", &schema), ["Kind.rules[].inner[].deep", "Kind.rules[].name"]);
        revise(&mut schema, &forget_defaults_of_items);
        assert_eq!(defaults_in_lists("Kind", &schema), Vec::<String>::new());
        assert!(schema.properties.unwrap()["plain"].default.is_some());
    }

    #[test]
    fn nothing_has_a_default_or_is_null_in_a_document() {
        visit_all(&mut |path, schema| {
            assert!(!is_of_a_document(path) || schema.default.is_none(), "{path} has a default");
            assert_eq!(schema.nullable, None, "{path} may be null");
        });
    }

    #[test]
    fn what_people_apply_is_not_ready_before_it_was_looked_at() {
        let mut begin = BTreeSet::new();
        for definition in all() {
            let (kind, version) = (definition.spec.names.kind, &definition.spec.versions[0]);
            let schema = serde_json::to_value(version.schema.as_ref().unwrap()).unwrap();
            let status = &schema["openAPIV3Schema"]["properties"]["status"];
            if status["default"].is_null() {
                continue;
            }
            assert_eq!(status["default"], json!({ "observedGeneration": -1 }), "{kind}");
            assert_eq!(status["required"], Value::Null, "{kind}: a new object's status has nothing else");
            assert_eq!(status["properties"]["observedGeneration"]["minimum"], Value::Null, "{kind}");
            assert!(status["properties"]["conditions"].is_object(), "{kind}");
            assert!(version.subresources.as_ref().is_some_and(|known| known.status.is_some()), "{kind}");
            begin.insert(kind);
        }
        assert_eq!(begin.iter().map(String::as_str).collect::<Vec<_>>(), APPLIED);
    }

    /// Whether a node is part of a document, which is a copy of what people wrote elsewhere.
    fn is_of_a_document(path: &str) -> bool {
        ["Invoice.status.document", "InvoiceSlice.", "CreditNote.status.document"]
            .iter()
            .any(|prefix| path.starts_with(prefix))
    }

    #[test]
    fn every_text_that_people_write_has_a_pattern_without_hidden_characters_and_no_document_has() {
        let hostile =
            ["\0", "\t", "\r", "\x1B", "\x7F", "\u{9B}", "\u{200B}", "\u{202E}", "\u{2066}", "\u{FEFF}", "\u{E0041}"];
        let mut judged = 0;
        visit_all(&mut |path, schema| {
            let text = schema.type_.as_deref() == Some("string") && schema.enum_.is_none();
            let written = path.contains(".spec") || path.starts_with("Invoice.status.payment");
            let pattern = schema.pattern.as_deref();
            if is_of_a_document(path) {
                assert!(pattern.is_none_or(|pattern| ![LINE, LINES, EMAIL].contains(&pattern)), "{path} is a copy");
            } else if text && written && !path.ends_with(".at") {
                let pattern = Regex::new(pattern.unwrap_or_else(|| panic!("{path} has no pattern"))).unwrap();
                let accepted = hostile.iter().filter(|text| pattern.is_match(&format!("1{text}1")));
                assert_eq!(accepted.count(), 0, "{path} admits characters that nobody sees");
                judged += 1;
            }
            if schema.additional_properties.is_some() && written && !is_of_a_document(path) {
                let rules = schema.x_kubernetes_validations.iter().flatten();
                assert!(rules.map(|rule| &rule.rule).any(|rule| rule.contains(".matches(")), "{path}: any key");
            }
        });
        assert!(judged > 80, "{judged}");
    }

    #[test]
    fn yaml_reads_back_as_the_same_definition() {
        for (definition, (_, text)) in all().into_iter().zip(yaml().unwrap()) {
            assert_eq!(serde_saphyr::from_str::<CustomResourceDefinition>(&text).unwrap(), definition);
        }
    }
}
