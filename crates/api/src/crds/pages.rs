//! The pages in `docs/api`: of every kind each field with its type, its bounds, its default and the rules that it must keep.

use std::{collections::BTreeMap, fmt::Display};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, JSONSchemaProps, JSONSchemaPropsOrArray,
    JSONSchemaPropsOrBool, ValidationRule,
};
use kube_core::ResourceExt;

use super::{EMAIL, LINE, LINES};

/// A page's first line but one: what not to edit.
const MADE: &str = "<!-- Made from the types in crates/api by `make generate`. -->";

/// Texts in the expression of a message that are longer are left out: lists of codes.
const LONGEST_LITERAL: usize = 60;

/// The pages by the names of their files: the first one, and one for each kind.
pub(super) fn pages(definitions: &[CustomResourceDefinition]) -> BTreeMap<String, String> {
    let mut pages: BTreeMap<String, String> =
        definitions.iter().map(|definition| (file_name(definition), Page::of(definition).text)).collect();
    pages.insert("README.md".to_owned(), first_page(definitions));
    pages
}

fn file_name(definition: &CustomResourceDefinition) -> String {
    format!("{}.md", definition.spec.names.plural)
}

fn first_page(definitions: &[CustomResourceDefinition]) -> String {
    let mut text = format!(
        "# API reference\n{MADE}\n\nEvery kind of `billing-operator.io`, with each field, its bounds and the rules that the API server \
         holds it to. The definitions\nthemselves are in [`crds/`](../../crds); `kubectl explain` says the same in a terminal. Which \
         verbs, conditions and labels there\nare is in [the reference](../reference.md).\n\n\
         | kind | short | scope | what it is for |\n| --- | --- | --- | --- |\n"
    );
    for definition in definitions {
        let names = &definition.spec.names;
        let short: Vec<String> = names.short_names.iter().flatten().map(|name| code(name)).collect();
        let about = schema(version(definition)).description.as_deref().unwrap_or_default();
        text.push_str(&format!(
            "| [{}]({}) | {} | {} | {} |\n",
            names.kind,
            file_name(definition),
            short.join(", "),
            definition.spec.scope,
            cell(first_sentence(about))
        ));
    }
    text
}

/// A kind has one version; of several, the stored one is described.
fn version(definition: &CustomResourceDefinition) -> &CustomResourceDefinitionVersion {
    definition.spec.versions.iter().find(|version| version.storage).expect("a definition stores one version")
}

fn schema(version: &CustomResourceDefinitionVersion) -> &JSONSchemaProps {
    version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref()).expect("a version has a schema")
}

/// The page of one kind while it is written.
struct Page {
    text: String,
    /// Where an object of a certain form is described, by that form: what occurs again is told once.
    described: BTreeMap<String, String>,
}

impl Page {
    fn of(definition: &CustomResourceDefinition) -> Self {
        let (kind, version) = (&definition.spec.names.kind, version(definition));
        let schema = schema(version);
        let about = escaped(schema.description.as_deref().unwrap_or_default());
        let mut page = Self { text: format!("# {kind}\n{MADE}\n\n{about}\n\n"), described: BTreeMap::new() };
        page.facts(definition, version);
        page.rules("What the API server refuses:", rules_of("", schema));
        for (name, node) in schema.properties.iter().flatten() {
            page.object(name, node, node.description != schema.description);
        }
        page
    }

    fn facts(&mut self, definition: &CustomResourceDefinition, version: &CustomResourceDefinitionVersion) {
        let names = &definition.spec.names;
        let codes = |names: &[String]| names.iter().map(|name| code(name)).collect::<Vec<_>>().join(", ");
        let columns: Vec<_> =
            version.additional_printer_columns.iter().flatten().map(|column| column.name.clone()).collect();
        let selectable: Vec<_> = version
            .selectable_fields
            .iter()
            .flatten()
            .map(|field| field.json_path.trim_start_matches('.').to_owned())
            .collect();
        let facts = [
            ("`apiVersion`", code(&format!("{}/{}", definition.spec.group, version.name))),
            ("definition", code(&definition.name_any())),
            ("scope", definition.spec.scope.clone()),
            ("short names", codes(names.short_names.as_deref().unwrap_or_default())),
            ("categories", codes(names.categories.as_deref().unwrap_or_default())),
            ("field selectors", codes(&selectable)),
            ("columns", columns.join(", ")),
        ];
        self.text.push_str("| | |\n| --- | --- |\n");
        for (name, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
            self.text.push_str(&format!("| {name} | {value} |\n"));
        }
        self.text.push('\n');
    }

    /// The section of an object, and those of the objects in it.
    fn object(&mut self, path: &str, node: &JSONSchemaProps, described: bool) {
        self.described.insert(form(node), path.to_owned());
        self.text.push_str(&format!("## {path}\n\n"));
        if let Some(about) = node.description.as_ref().filter(|_| described) {
            self.text.push_str(&format!("{}\n\n", escaped(about)));
        }
        // What is below is described behind this section, so it must be known first which of it is.
        let below = self.claim_below(path, node);
        let mut rows = String::new();
        for (name, field) in node.properties.iter().flatten() {
            let required = node.required.iter().flatten().any(|required| required == name);
            let type_ = self.type_of(field);
            let about = escaped(field.description.as_deref().unwrap_or_default());
            let bounds = bounds(field, required);
            rows.push_str(&format!("| `{name}` | {type_} | {} | {} |\n", cell(&bounds), cell(&about)));
        }
        if !rows.is_empty() {
            self.text.push_str(&format!("| field | type | bounds | what it is |\n| --- | --- | --- | --- |\n{rows}\n"));
        }
        let mut rules = rules_of("", node);
        for (name, field) in node.properties.iter().flatten() {
            if object_in(field).is_none() {
                rules.extend(rules_of(name, field));
            } else if field.type_.as_deref() == Some("array") || field.additional_properties.is_some() {
                rules.extend(own_rules(name, field));
            }
        }
        self.rules("Rules:", rules);
        for (path, object) in below {
            self.object(&path, object, true);
        }
    }

    /// The objects in an object that are not described yet, each with the path that it is described under from now on.
    fn claim_below<'a>(&mut self, path: &str, node: &'a JSONSchemaProps) -> Vec<(String, &'a JSONSchemaProps)> {
        let mut claimed = Vec::new();
        for (name, field) in node.properties.iter().flatten() {
            if let Some((suffix, object)) = object_in(field)
                && !self.described.contains_key(&form(object))
            {
                let path = format!("{path}.{name}{suffix}");
                self.described.insert(form(object), path.clone());
                claimed.push((path, object));
            }
        }
        claimed
    }

    /// What a field is, with a link to the section of the object in it.
    fn type_of(&self, field: &JSONSchemaProps) -> String {
        let link = |node: &JSONSchemaProps, text: &str| match self.described.get(&form(node)) {
            Some(path) => format!("[{text}](#{})", anchor(path)),
            None => text.to_owned(),
        };
        let plural = |node: &JSONSchemaProps| match object_in(node) {
            Some((_, object)) => link(object, "objects"),
            None => format!("{}s", simple(node)),
        };
        match (&field.items, &field.additional_properties) {
            (Some(JSONSchemaPropsOrArray::Schema(items)), _) => format!("list of {}", plural(items)),
            (_, Some(JSONSchemaPropsOrBool::Schema(values))) => format!("map of {}", plural(values)),
            _ if field.properties.is_some() => link(field, "object"),
            _ => simple(field),
        }
    }

    fn rules(&mut self, heading: &str, rules: Vec<String>) {
        if !rules.is_empty() {
            self.text.push_str(&format!("{heading}\n\n"));
            rules.iter().for_each(|rule| self.text.push_str(&format!("* {rule}\n")));
            self.text.push('\n');
        }
    }
}

/// The name of a type without a section of its own.
fn simple(node: &JSONSchemaProps) -> String {
    match (node.x_kubernetes_int_or_string, node.format.as_deref(), node.type_.as_deref()) {
        (Some(true), ..) => "integer or string".to_owned(),
        (_, Some("date-time"), _) => "time".to_owned(),
        (_, _, Some(name)) => name.to_owned(),
        _ => "anything".to_owned(),
    }
}

/// The object with fields in a field, which may be a list or a map of them, and what is written behind the field's path for it.
fn object_in(field: &JSONSchemaProps) -> Option<(&'static str, &JSONSchemaProps)> {
    let (suffix, node) = match (&field.items, &field.additional_properties) {
        (Some(JSONSchemaPropsOrArray::Schema(items)), _) => ("[]", &**items),
        (_, Some(JSONSchemaPropsOrBool::Schema(values))) => ("{}", &**values),
        _ => ("", field),
    };
    node.properties.is_some().then_some((suffix, node))
}

/// An object without what is said of it where it is used.
fn form(node: &JSONSchemaProps) -> String {
    let bare = JSONSchemaProps { description: None, default: None, ..node.clone() };
    serde_json::to_string(&bare).expect("a schema is JSON")
}

/// What a field must be: whether it must be there, its default and its bounds.
fn bounds(field: &JSONSchemaProps, required: bool) -> String {
    let mut bounds = Vec::new();
    if required {
        bounds.push("required".to_owned());
    }
    bounds.extend(field.default.iter().map(|default| format!("default {}", code(&default.0.to_string()))));
    bounds.extend(own_bounds(field));
    let inner = match (&field.items, &field.additional_properties) {
        (Some(JSONSchemaPropsOrArray::Schema(inner)), _) | (_, Some(JSONSchemaPropsOrBool::Schema(inner))) => {
            Some(inner)
        }
        _ => None,
    };
    if let Some(inner) = inner.filter(|inner| inner.properties.is_none()) {
        bounds.extend(own_bounds(inner).map(|bound| format!("each {bound}")));
    }
    bounds.join("; ")
}

/// What the schema itself asks of a value.
fn own_bounds(node: &JSONSchemaProps) -> impl Iterator<Item = String> {
    let values: Vec<_> = node.enum_.iter().flatten().map(|value| code(value.0.as_str().unwrap_or_default())).collect();
    [
        (!values.is_empty()).then(|| format!("one of {}", values.join(", "))),
        between(node.minimum, node.maximum),
        between(node.min_length, node.max_length).map(|count| format!("{count} characters")),
        node.pattern.as_deref().map(pattern),
        between(node.min_items, node.max_items).map(|count| format!("{count} elements")),
        between(node.min_properties, node.max_properties).map(|count| format!("{count} keys")),
    ]
    .into_iter()
    .flatten()
}

fn between<N: Display>(least: Option<N>, most: Option<N>) -> Option<String> {
    match (least, most) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}")),
        (Some(least), None) => Some(format!("at least {least}")),
        (None, Some(most)) => Some(format!("at most {most}")),
        (None, None) => None,
    }
}

fn pattern(pattern: &str) -> String {
    match pattern {
        LINE => "one line, without characters that nobody sees".to_owned(),
        LINES => "lines, without characters that nobody sees".to_owned(),
        EMAIL => "an e-mail address".to_owned(),
        other => code(other),
    }
}

/// The rules of a field and of what is in it, up to objects, which have a section of their own.
fn rules_of(name: &str, node: &JSONSchemaProps) -> Vec<String> {
    let mut rules = own_rules(name, node);
    if let Some(JSONSchemaPropsOrArray::Schema(inner)) = &node.items {
        rules.extend(own_rules(&format!("{name}[]"), inner));
    }
    rules
}

fn own_rules(name: &str, node: &JSONSchemaProps) -> Vec<String> {
    let prefix = if name.is_empty() { String::new() } else { format!("`{name}`: ") };
    let rules = node.x_kubernetes_validations.iter().flatten();
    rules.map(|rule| format!("{prefix}{}", refusal(rule))).collect()
}

/// What whoever breaks a rule is told.
fn refusal(rule: &ValidationRule) -> String {
    match (&rule.message_expression, &rule.message) {
        (Some(expression), _) => code(&shortened(expression)),
        (None, Some(message)) => escaped(message),
        (None, None) => format!("must hold: {}", code(&shortened(&rule.rule))),
    }
}

/// An expression without long literals.
fn shortened(expression: &str) -> String {
    let parts = expression.split('\'').enumerate().map(|(index, part)| {
        let literal = index % 2 == 1;
        if literal && part.len() > LONGEST_LITERAL { "…" } else { part }
    });
    parts.collect::<Vec<_>>().join("'")
}

/// A heading's id, as GitHub and mdBook make it.
pub(super) fn anchor(heading: &str) -> String {
    heading.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').flat_map(char::to_lowercase).collect()
}

fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// Text whose `<` begin no tags, except in code.
fn escaped(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(index, part)| match index % 2 {
        0 => part.replace('<', "&lt;").replace('*', "\\*"),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("`")
}

/// Text that ends no cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn first_sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |end| &text[..=end])
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, env, fs, path::Path};

    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

    use super::{anchor, pages};
    use crate::crds::all;

    /// `docs/api` is what the definitions say. `UPDATE=1` writes it.
    #[test]
    fn the_pages_in_docs_are_current() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api");
        let pages = pages(&all());
        if env::var_os("UPDATE").is_some() {
            fs::create_dir_all(&folder).unwrap();
            for (file, text) in &pages {
                fs::write(folder.join(file), text).unwrap();
            }
        }
        for (file, text) in &pages {
            let written = fs::read_to_string(folder.join(file)).unwrap_or_default();
            assert!(written == *text, "docs/api/{file} is stale: run `make generate`");
        }
        let found: BTreeSet<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(found, pages.into_keys().collect());
    }

    #[test]
    fn every_section_has_an_anchor_of_its_own_and_every_link_finds_one() {
        let mut links = 0;
        for (file, text) in pages(&all()) {
            let headings: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("## ")).map(anchor).collect();
            let anchors: BTreeSet<_> = headings.iter().cloned().collect();
            assert_eq!(anchors.len(), headings.len(), "two sections of {file} have one anchor: {headings:?}");
            for link in text.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
                assert!(anchors.contains(link), "{file} has no section {link}");
                links += 1;
            }
        }
        assert!(links > 50, "{links}");
    }

    fn definition(spec: &str) -> CustomResourceDefinition {
        serde_saphyr::from_str(&format!(
            "metadata: {{name: things.example.com}}
spec:
  group: example.com
  scope: Namespaced
  names: {{kind: Thing, plural: things, shortNames: [th], categories: [billing]}}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{{name: Size, jsonPath: .spec.size, type: integer}}]
    selectableFields: [{{jsonPath: .spec.size}}]
    schema:
      openAPIV3Schema:
        description: Create a Thing. Or do not.
        properties:
          spec:
            description: Create a Thing. Or do not.
{spec}"
        ))
        .unwrap()
    }

    const SPEC: &str = "
            required: [size]
            x-kubernetes-validations: [{rule: 'self.size > 0', message: 'a thing needs a <size>'}]
            properties:
              size: {type: integer, description: 'The size, in mm.', minimum: 1, maximum: 9, default: 2}
              colours:
                type: array
                maxItems: 3
                description: Its colours.
                items: {type: string, enum: [Red, Blue]}
                x-kubernetes-validations: [{rule: 'true', messageExpression: \"'no ' + self[0]\"}]
              code: {type: string, pattern: '^(a|b)$', maxLength: 1, description: A code.}
              left: {description: The left one., properties: {name: {type: string, description: Its name.}}}
              right: {description: The right one., properties: {name: {type: string, description: Its name.}}}
";

    #[test]
    fn a_page_says_types_bounds_defaults_and_what_is_refused() {
        let page = pages(&[definition(SPEC)]).remove("things.md").unwrap();
        for expected in [
            "# Thing\n",
            "| `apiVersion` | `example.com/v1` |",
            "| short names | `th` |",
            "| field selectors | `spec.size` |",
            "| columns | Size |",
            "| `size` | integer | required; default `2`; 1 to 9 | The size, in mm. |",
            "| `colours` | list of strings | at most 3 elements; each one of `Red`, `Blue` | Its colours. |",
            r"| `code` | string | at most 1 characters; `^(a\|b)$` | A code. |",
            "| `left` | [object](#specleft) |  | The left one. |",
            "* a thing needs a &lt;size>",
            "* `colours`: `'no ' + self[0]`",
            "## spec.left\n",
        ] {
            assert!(page.contains(expected), "no {expected:?} in\n{page}");
        }
    }

    #[test]
    fn what_has_the_same_form_is_described_once() {
        let page = pages(&[definition(SPEC)]).remove("things.md").unwrap();
        assert!(page.contains("| `right` | [object](#specleft) |  | The right one. |"), "{page}");
        assert!(!page.contains("## spec.right"), "{page}");
    }

    #[test]
    fn the_first_page_lists_the_kinds_by_their_first_sentence() {
        let first = pages(&[definition(SPEC)]).remove("README.md").unwrap();
        assert!(first.contains("| [Thing](things.md) | `th` | Namespaced | Create a Thing. |"), "{first}");
    }

    #[test]
    fn a_change_of_a_definition_changes_its_page() {
        let page = |spec: &str| pages(&[definition(spec)]).remove("things.md");
        for (from, to) in [("maximum: 9", "maximum: 8"), ("Red", "Green"), ("needs a", "wants a"), ("in mm", "in m")] {
            assert!(SPEC.contains(from) && page(SPEC) != page(&SPEC.replace(from, to)), "{from} is not on the page");
        }
    }
}
