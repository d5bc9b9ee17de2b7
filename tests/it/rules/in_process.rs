//! The CRDs' part of the table without a server: the rules in CEL give the same answers in process, where
//! `kubectl billing preview` asks them.

use std::collections::BTreeMap;

use billing_operator::api;
use kube::core::cel::{ErrorKind, Validator};
use serde_json::{Value, json};

use super::{
    server,
    table::{self, Case, Expect, Operation},
};
use crate::Result;

/// A rule that the evaluator in process answers otherwise, by its message: there `+` does not merge lists that are maps. (Nothing
/// is updated in a preview, so it never asks this one.)
const NOT_IN_PROCESS: &str = "an entry is never taken away; end it with validUntil";

/// A definition's schema and the messages of its rules.
struct Definition {
    schema: Value,
    messages: Vec<String>,
}

fn definitions() -> Result<BTreeMap<String, Definition>> {
    let read = api::crds::all().into_iter().map(|definition| {
        let schema = serde_json::to_value(&definition.spec.versions[0].schema)?["openAPIV3Schema"].take();
        let mut messages = Vec::new();
        collect_messages(&schema, &mut messages);
        Ok((definition.spec.names.plural, Definition { schema, messages }))
    });
    read.collect()
}

fn collect_messages(value: &Value, messages: &mut Vec<String>) {
    let rules = value.get("x-kubernetes-validations").and_then(Value::as_array);
    messages.extend(rules.into_iter().flatten().filter_map(|rule| Some(rule["message"].as_str()?.to_owned())));
    match value {
        Value::Object(fields) => fields.values().for_each(|value| collect_messages(value, messages)),
        Value::Array(items) => items.iter().for_each(|value| collect_messages(value, messages)),
        _ => {}
    }
}

/// The object before and after the request of a case.
fn before_and_after(case: &Case, world: &[Value]) -> Result<(Option<Value>, Value)> {
    if let Some(object) = &case.object {
        return Ok((None, object.clone()));
    }
    let target = case.target()?;
    let is_it = |object: &&Value| {
        server::plural(object["kind"].as_str().unwrap_or_default()) == target.resource
            && object["metadata"]["name"] == target.name
            && object["metadata"]["namespace"].as_str() == target.namespace.as_deref()
    };
    let old = world.iter().find(is_it).ok_or_else(|| format!("{}: {target:?} is not in the world", case.name))?;
    let mut new = old.clone();
    table::merge(&mut new, case.with()?);
    // The API server takes nothing but the status from one, and everything but the status from the other.
    let part = if target.subresource.is_some() { "spec" } else { "status" };
    table::merge(&mut new, &json!({part: old.get(part)}));
    Ok((Some(old.clone()), new))
}

/// Which rules an object breaks, by their messages, as far as they can be told here.
fn broken(definition: &Definition, old: Option<&Value>, new: &Value) -> Result<Vec<String>> {
    let Err(errors) = Validator::new().validate(&definition.schema, new, old) else { return Ok(Vec::new()) };
    let messages = errors.into_vec().into_iter().map(|error| match error.kind {
        ErrorKind::ValidationFailure => Ok(error.message),
        _ => Err(format!("{}: {error}", error.rule)),
    });
    let mut messages = messages.collect::<Result<Vec<_>, _>>()?;
    messages.retain(|message| message != NOT_IN_PROCESS);
    Ok(messages)
}

/// Says what is wrong with what the rules make of a case, if anything.
fn fault(case: &Case, definition: &Definition, world: &[Value]) -> Result<Option<String>> {
    let (old, new) = before_and_after(case, world)?;
    let expected = match &case.expect {
        // Not about a rule: a pattern, a bound, a missing field.
        Expect::Deny { deny_by, message } if deny_by == "crd" => {
            let rule = definition.messages.iter().find(|rule| rule.contains(message.as_str()));
            match rule {
                Some(rule) if rule != NOT_IN_PROCESS => Some(rule),
                _ => return Ok(None),
            }
        }
        _ => None,
    };
    let broken = broken(definition, old.as_ref(), &new)?;
    let right = match expected {
        Some(rule) => broken.contains(rule),
        None => broken.is_empty(),
    };
    Ok((!right).then(|| format!("{}: breaks {broken:?}, not {expected:?}", case.name)))
}

#[test]
fn the_rules_of_the_definitions_give_the_same_answers_in_process() -> Result {
    let (definitions, world) = (definitions()?, table::world()?);
    let mut faults = Vec::new();
    for case in table::cases()? {
        if matches!(case.operation, Operation::Delete | Operation::DeleteCollection) {
            continue;
        }
        if let Some(definition) = definitions.get(&server::resource_of(&case)) {
            faults.extend(fault(&case, definition, &world)?);
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}
