//! The table of rules, through the command: what it decides as the API server does, and what only that can decide.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use super::{check_golden, preview};
use crate::Result;
use crate::rules::table::{self, Case, Expect, Operation};

/// The cases that say what comes of a manifest: the others are about a change of what is stored.
fn creations() -> Result<Vec<Case>> {
    Ok(table::cases()?.into_iter().filter(|case| case.operation == Operation::Create).collect())
}

/// The namespaces of the table's world, as they are when the cases are asked.
fn namespaces() -> Result<Vec<Value>> {
    let mut world = table::world()?;
    world.retain(|object| object["apiVersion"] == "v1" && object["kind"] == "Namespace");
    for namespace in &mut world {
        let then = namespace["then"].take();
        if then.is_object() {
            table::merge(namespace, &then);
        }
        table::merge(namespace, &json!({ "then": null, "deleted": null }));
    }
    Ok(world)
}

/// What an object is called.
fn key(object: &Value) -> String {
    let metadata = &object["metadata"];
    format!("{} {} {} {}", object["kind"], metadata["namespace"], metadata["name"], metadata["generateName"])
}

/// Cases of different objects: those of one object would be refused for standing there twice.
fn batches(cases: &[Case]) -> Vec<Vec<&Case>> {
    let mut batches: Vec<(BTreeSet<String>, Vec<&Case>)> = Vec::new();
    for case in cases {
        let key = case.object.as_ref().map(key).unwrap_or_default();
        match batches.iter_mut().find(|(keys, _)| !keys.contains(&key)) {
            Some((keys, batch)) => {
                keys.insert(key);
                batch.push(case);
            }
            None => batches.push((BTreeSet::from([key]), vec![case])),
        }
    }
    batches.into_iter().map(|(_, batch)| batch).collect()
}

/// By name of the case: what was refused of its object, by rules and not by the state of a world that is not there.
fn refusals(batch: &[&Case], namespaces: &[Value]) -> Result<BTreeMap<String, Vec<String>>> {
    let own: BTreeSet<_> = batch.iter().filter_map(|case| case.object.as_ref()).map(key).collect();
    let world = namespaces.iter().filter(|namespace| !own.contains(&key(namespace)));
    let objects: Vec<_> = batch.iter().filter_map(|case| case.object.as_ref()).chain(world).collect();
    let text: String = objects.iter().map(|object| format!("{object}\n")).collect();
    let stderr = preview(&["-f", "-"], &text)?.stderr;
    let mut refusals: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in stderr.lines().filter_map(|line| line.strip_prefix("refused: -, document ")) {
        let (document, rest) = line.split_once(": ").ok_or("a document has a number")?;
        let case = batch.get(document.parse::<usize>()? - 1).ok_or_else(|| format!("of the world: {rest}"))?;
        let (_, message) = rest.split_once(": ").ok_or("an object has a name")?;
        if !is_of_controllers(message) {
            refusals.entry(case.name.clone()).or_default().push(message.to_owned());
        }
    }
    Ok(refusals)
}

/// Whether a refusal begins with the reason of a condition.
fn is_of_controllers(message: &str) -> bool {
    let reason = message.split(':').next().unwrap_or_default();
    reason.starts_with(|first: char| first.is_ascii_uppercase()) && reason.chars().all(|c| c.is_ascii_alphabetic())
}

/// What is wrong with the verdict on a case; `Ok(false)` when only the API server can give it.
fn verdict(case: &Case, refused: Option<&Vec<String>>) -> Result<bool, String> {
    let name = &case.name;
    match (&case.expect, refused) {
        (Expect::Allow(_), None) => Ok(true),
        (Expect::Allow(_), Some(messages)) => Err(format!("{name}: refused, {messages:?}")),
        (Expect::Deny { message, .. }, Some(messages)) => {
            let said = messages.iter().any(|refusal| refusal.contains(message.as_str()));
            if said { Ok(true) } else { Err(format!("{name}: not for {message:?}, but {messages:?}")) }
        }
        (Expect::Deny { deny_by, .. }, None) if deny_by == "crd" => Err(format!("{name}: accepted")),
        (Expect::Deny { .. }, None) => Ok(false),
    }
}

#[test]
fn manifests_are_judged_as_by_the_api_server() -> Result {
    let (cases, namespaces) = (creations()?, namespaces()?);
    let (mut failures, mut who_asks) = (Vec::new(), Vec::new());
    for batch in batches(&cases) {
        let refusals = refusals(&batch, &namespaces)?;
        for case in batch {
            match verdict(case, refusals.get(&case.name)) {
                Ok(true) => {}
                Ok(false) => who_asks.push(format!("{} ({})\n", case.name, case.user)),
                Err(failure) => failures.push(failure),
            }
        }
    }
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
    who_asks.sort();
    let title = "Cases of creation that depend on who asks, so that only the API server can decide them:\n\n";
    check_golden(Path::new("tests/it/preview/who-asks.txt"), &format!("{title}{}", who_asks.concat()))?;
    assert!(
        cases.len() - who_asks.len() >= 65,
        "{} of {} cases are decided",
        cases.len() - who_asks.len(),
        cases.len()
    );
    Ok(())
}

#[test]
fn an_object_of_the_table_is_refused_where_it_stands() -> Result {
    let binding = json!({
        "apiVersion": "billing-operator.io/v1alpha1", "kind": "ProjectBinding",
        "metadata": { "name": "other", "namespace": "shop" }, "spec": { "billingGroup": "main" },
    });
    let stderr = preview(&["-f", "-"], &binding.to_string())?.stderr;
    assert!(stderr.starts_with("refused: -, document 1: ProjectBinding shop/other: "), "{stderr}");
    Ok(())
}
