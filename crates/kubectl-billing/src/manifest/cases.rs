//! The table of rules (`tests/it/rules`), as far as it can be decided in process: what the CRDs accept and
//! refuse. The same table runs against the API server.

use super::admission::{Kind, Kinds};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::PathBuf};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    name: String,
    operation: Operation,
    object: Option<Value>,
    on: Option<String>,
    with: Option<Value>,
    /// Asked of a definition that has no rules.
    #[serde(default)]
    without_rules: bool,
    expect: Expectation,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Operation {
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Expectation {
    Allow(Allow),
    Deny {
        #[serde(rename = "denyBy")]
        by: String,
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Allow {
    Allow,
}

/// The API server merges lists that have keys when they are added, the library here appends: these rules are
/// for the server alone.
const MERGED_LISTS: &str = "can never be removed";

impl Expectation {
    fn is_for_the_server(&self) -> bool {
        matches!(self, Self::Deny { message, .. } if message.contains(MERGED_LISTS))
    }
}

/// What exists before a case: stored objects by resource, namespace and name.
struct World {
    kinds: Kinds,
    objects: BTreeMap<String, Value>,
}

impl World {
    fn new() -> Self {
        let kinds = Kinds::new().unwrap();
        let mut objects = BTreeMap::new();
        for mut object in read::<Value>("world.yaml") {
            let fields = object.as_object_mut().unwrap();
            for for_the_server in ["then", "deleted"] {
                fields.remove(for_the_server);
            }
            let Some(kind) = kinds.of(&object).ok().flatten() else { continue };
            let object = kind.prepare(object);
            let name = match object["metadata"]["namespace"].as_str() {
                Some(namespace) => format!("{namespace}/{}", object["metadata"]["name"].as_str().unwrap()),
                None => object["metadata"]["name"].as_str().unwrap().to_owned(),
            };
            kind.check(&object, None).unwrap_or_else(|messages| panic!("{name} of the world: {messages:?}"));
            objects.insert(format!("{} {name}", plural(&object)), object);
        }
        Self { kinds, objects }
    }

    /// What the CRD says to the case's request; `None` when it is not asked.
    fn answer(&self, case: &Case) -> Option<Result<(), Vec<String>>> {
        match case.operation {
            Operation::Create => {
                let object = case.object.clone().unwrap();
                let kind = self.kinds.of(&object).unwrap()?;
                Some(kind.create(object).map(drop))
            }
            Operation::Update | Operation::Patch => {
                let on = case.on.as_deref().unwrap();
                let (resource, name) = on.split_once(' ').unwrap();
                let (plural, subresource) = resource.split_once('/').unwrap_or((resource, ""));
                let old = self.objects.get(&format!("{plural} {name}"))?;
                let kind = self.kinds.of(old).unwrap()?;
                let new = merged(kind, old, case.with.as_ref().unwrap(), subresource);
                Some(answer_to_change(kind, new, old))
            }
            Operation::Delete | Operation::DeleteCollection => None,
        }
    }
}

/// The answer to a change, without what cannot be told here.
fn answer_to_change(kind: &Kind, new: Value, old: &Value) -> Result<(), Vec<String>> {
    kind.check(&kind.prepare(new), Some(old)).or_else(|mut messages| {
        messages.retain(|message| !message.contains(MERGED_LISTS));
        if messages.is_empty() { Ok(()) } else { Err(messages) }
    })
}

/// What a request asks to be stored: of spec and status, only what it can write.
fn merged(kind: &Kind, old: &Value, patch: &Value, subresource: &str) -> Value {
    let mut new = old.clone();
    merge(&mut new, patch);
    if kind.has_status {
        let other = if subresource == "status" { "spec" } else { "status" };
        new[other] = old.get(other).cloned().unwrap_or(Value::Null);
    }
    new
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in fields {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut target[name.as_str()], value);
        }
    }
}

fn plural(object: &Value) -> String {
    let kind = object["kind"].as_str().unwrap().to_lowercase();
    if kind.ends_with("series") || kind.ends_with("rates") { kind } else { format!("{kind}s") }
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../..", "tests", "it", "rules"].iter().collect()
}

fn read<T: for<'de> Deserialize<'de>>(file: &str) -> Vec<T> {
    let text = fs::read_to_string(folder().join(file)).unwrap();
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn cases() -> Vec<(String, Case)> {
    let mut files: Vec<_> = fs::read_dir(folder().join("cases"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let in_file = |file: String| {
        let cases: Vec<Vec<Case>> = read(&format!("cases/{file}"));
        cases.into_iter().flatten().map(move |case| (file.clone(), case))
    };
    files.into_iter().flat_map(in_file).collect()
}

/// What is wrong with the answer, if anything.
fn complaint(case: &Case, answer: Result<(), Vec<String>>) -> Option<String> {
    match (&case.expect, answer) {
        (Expectation::Deny { by, .. }, Ok(())) if by == "crd" => Some("is accepted".to_owned()),
        (Expectation::Deny { by, message }, Err(messages)) if by == "crd" => {
            let said = messages.iter().any(|said| said.contains(message.as_str()));
            (!said).then(|| format!("is refused, but with {messages:?}"))
        }
        (_, Ok(())) => None,
        (_, Err(messages)) => Some(format!("is refused: {messages:?}")),
    }
}

#[test]
fn the_rules_of_the_crds_answer_in_process_as_on_the_server() {
    let world = World::new();
    let mut refused = 0;
    let mut complaints = Vec::new();
    for (file, case) in cases().into_iter().filter(|(_, case)| !case.without_rules && !case.expect.is_for_the_server())
    {
        let Some(answer) = world.answer(&case) else { continue };
        refused += usize::from(answer.is_err());
        complaints.extend(complaint(&case, answer).map(|complaint| format!("{file}: {}: {complaint}", case.name)));
    }
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
    assert!(refused > 0, "no case was decided by a CRD");
}
