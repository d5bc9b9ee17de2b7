//! When a schema number must rise.
//!
//! `schemas/` has, for each definition, the schema that its number stands for and the release that it came with. Within that
//! release it may still change. Afterwards a change of which the stored schema would lose or refuse something needs a higher
//! number, and nothing else may have one. `UPDATE=1` writes what is new.

use std::{collections::BTreeSet, env, fs, path::Path};

use serde_json::{Map, Value, json};

use super::{all, schema_number};

/// The release that is being made.
const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// What an older schema would lose or refuse of what a newer one lets be stored, by path.
fn losses(path: &str, older: &Value, newer: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let keeps = older["x-kubernetes-preserve-unknown-fields"] == true;
    for (name, property) in newer["properties"].as_object().into_iter().flatten() {
        let below = format!("{path}.{name}");
        match older["properties"].get(name) {
            Some(known) => found.extend(losses(&below, known, property)),
            None if keeps => {}
            None => found.push(format!("{below} would be lost")),
        }
    }
    for (key, suffix) in [("items", "[]"), ("additionalProperties", "{}")] {
        if let (Some(older), Some(newer)) = (older.get(key), newer.get(key)) {
            found.extend(losses(&format!("{path}{suffix}"), older, newer));
        }
    }
    let none = Map::new();
    let keys = |schema: &Value| schema.as_object().unwrap_or(&none).keys().cloned().collect::<BTreeSet<_>>();
    let stricter = keys(older)
        .union(&keys(newer))
        .filter(|key| is_stricter(key, &older[*key], &newer[*key]))
        .cloned()
        .collect::<Vec<_>>();
    found.extend(stricter.into_iter().map(|key| format!("{path}: {key} is another")));
    found
}

/// Whether something of the newer schema does not pass this part of the older one; `null` where it has none.
fn is_stricter(key: &str, older: &Value, newer: &Value) -> bool {
    let has_all_of = |all: &Value, some: &Value| {
        let all = all.as_array().map_or(&[][..], Vec::as_slice);
        some.as_array().into_iter().flatten().all(|one| all.contains(one))
    };
    match key {
        "properties" | "items" | "additionalProperties" | "description" | "title" | "default" => false, // elsewhere, or only told
        // Without a rule the older one lets in what the newer one then refuses to change.
        "x-kubernetes-validations" | "x-kubernetes-preserve-unknown-fields" => older != newer,
        _ if older.is_null() => false,
        "enum" => newer.is_null() || !has_all_of(older, newer),
        "required" => !has_all_of(newer, older),
        "maxLength" | "maxItems" | "maxProperties" | "maximum" => {
            newer.as_f64().is_none_or(|newer| older.as_f64().is_none_or(|older| newer > older))
        }
        "minLength" | "minItems" | "minProperties" | "minimum" => {
            newer.as_f64().is_none_or(|newer| older.as_f64().is_none_or(|older| newer < older))
        }
        _ => older != newer,
    }
}

/// Without what is only told.
fn bare(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(fields) => {
            // A property may have that name, too.
            if fields.get("description").is_some_and(Value::is_string) {
                fields.remove("description");
            }
            fields.values_mut().for_each(|field| *field = bare(field.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = bare(item.take())),
        _ => {}
    }
    schema
}

/// What is wrong with the number of a definition, given what is stored of it.
fn judge(stored: &Value, number: u32, schema: &Value) -> Result<(), String> {
    let losses = losses("", &stored["schema"], schema);
    let same = stored["number"] == number;
    match (same, losses.first()) {
        _ if stored["release"] == RELEASE && stored["schema"] == *schema && same => Ok(()),
        _ if stored["release"] == RELEASE => Err("its file is stale: run `make generate`".to_owned()),
        (true, None) => Ok(()),
        (true, Some(first)) => Err(format!(
            "an older definition would lose or refuse something ({first}): raise its number in SCHEMA_NUMBERS, and run `make generate`"
        )),
        (false, None) => {
            Err("an older definition would lose and refuse nothing: leave its number as it was".to_owned())
        }
        (false, Some(_)) => Err("its number is another: run `make generate`".to_owned()),
    }
}

/// Whether `UPDATE=1` writes a definition anew: it is of this release, or has a number that it may have.
fn is_new(stored: &Value, number: u32, schema: &Value) -> bool {
    let rose = stored["number"].as_u64().is_none_or(|stored| stored < number.into());
    stored["release"] == RELEASE || (rose && !losses("", &stored["schema"], schema).is_empty())
}

#[test]
fn the_schema_numbers_rise_when_an_older_definition_would_lose_or_refuse_something() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let mut expected = BTreeSet::new();
    for definition in all() {
        let plural = definition.spec.names.plural;
        let file = folder.join(format!("{plural}.json"));
        let schema = serde_json::to_value(&definition.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema);
        let (schema, number) = (bare(schema.unwrap()), schema_number(&plural));
        let stored: Value = fs::read(&file).ok().map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap());
        if env::var_os("UPDATE").is_some() && (stored.is_null() || is_new(&stored, number, &schema)) {
            let text = json!({ "number": number, "release": RELEASE, "schema": schema }).to_string() + "\n";
            fs::write(&file, text).unwrap();
        }
        let stored: Value = serde_json::from_slice(&fs::read(&file).unwrap_or_default()).unwrap_or(Value::Null);
        if let Err(message) = judge(&stored, number, &schema) {
            panic!("the definition of {plural}: {message}");
        }
        expected.insert(format!("{plural}.json"));
    }
    let found = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(found.collect::<BTreeSet<_>>(), expected);
}

#[test]
fn what_an_older_definition_loses_or_refuses_is_named_and_nothing_else() {
    let check =
        |older: Value, newer: Value, expected: &[&str]| assert_eq!(losses("", &older, &newer), expected, "{newer}");
    let with = |name: &str, schema: Value| json!({ "type": "object", "properties": { name: schema } });
    let text = json!({ "type": "string", "maxLength": 10, "enum": ["a", "b"], "pattern": "^a" });
    let changed = |key: &str, value: Value| {
        let mut changed = text.clone();
        changed[key] = value;
        with("a", changed)
    };
    let older = with("a", text.clone());
    check(older.clone(), older.clone(), &[]);
    check(older.clone(), with("b", text.clone()), &[".b would be lost"]);
    check(older.clone(), json!({ "type": "object" }), &[]);
    check(older.clone(), changed("enum", json!(["a"])), &[]);
    check(older.clone(), changed("enum", json!(["a", "c"])), &[".a: enum is another"]);
    check(older.clone(), changed("enum", Value::Null), &[".a: enum is another"]);
    check(older.clone(), changed("maxLength", json!(9)), &[]);
    check(older.clone(), changed("maxLength", json!(11)), &[".a: maxLength is another"]);
    check(older.clone(), changed("minLength", json!(1)), &[]);
    check(changed("minLength", json!(1)), older.clone(), &[".a: minLength is another"]);
    check(older.clone(), changed("pattern", json!("^b")), &[".a: pattern is another"]);
    check(older.clone(), changed("description", json!("told")), &[]);
    check(
        older.clone(),
        changed("x-kubernetes-validations", json!([{ "rule": "true" }])),
        &[".a: x-kubernetes-validations is another"],
    );
    let required = |fields: Value| json!({ "type": "object", "required": fields });
    check(required(json!(["a"])), required(json!(["a", "b"])), &[]);
    check(required(json!(["a", "b"])), required(json!(["a"])), &[": required is another"]);
    let kept = |names: &[&str]| {
        let properties: Map<String, Value> = names.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
        json!({ "properties": properties, "x-kubernetes-preserve-unknown-fields": true })
    };
    check(kept(&["a"]), kept(&["a", "b"]), &[]);
    check(json!({ "properties": {} }), kept(&[]), &[": x-kubernetes-preserve-unknown-fields is another"]);
    let list = |items: Value| json!({ "type": "array", "items": items });
    check(list(with("a", json!({}))), list(with("b", json!({}))), &["[].b would be lost"]);
    let map = |values: Value| json!({ "type": "object", "additionalProperties": values });
    check(map(json!({ "maxLength": 1 })), map(json!({ "maxLength": 2 })), &["{}: maxLength is another"]);
}

#[test]
fn a_number_rises_once_for_a_release_and_only_for_a_reason() {
    let (narrow, wide) = (json!({ "maxLength": 1 }), json!({ "maxLength": 2 }));
    let stored = |release: &str| json!({ "number": 1, "release": release, "schema": narrow });
    let check = |release: &str, number: u32, schema: &Value, expected: &str, new: bool| {
        let judged = judge(&stored(release), number, schema);
        let message = judged.err().unwrap_or_default();
        assert!(message.contains(expected) && message.is_empty() == expected.is_empty(), "{message}");
        assert_eq!(is_new(&stored(release), number, schema), new, "{release} {number} {schema}");
    };
    check(RELEASE, 1, &narrow, "", true);
    check(RELEASE, 1, &wide, "stale", true);
    check("0.0.1", 1, &narrow, "", false);
    check("0.0.1", 1, &json!({ "maxLength": 1, "minLength": 1 }), "", false);
    check("0.0.1", 1, &wide, ": maxLength is another): raise its number", false);
    check("0.0.1", 2, &wide, "make generate", true);
    check("0.0.1", 2, &narrow, "leave its number", false);
}
