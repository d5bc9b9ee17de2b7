//! What must be so whatever is accepted, in terms of what there was and what there is.

use std::collections::{BTreeMap, BTreeSet};

use billing_api as api;
use serde_json::{Value, json};

use super::super::server::Server;
use crate::Result;

/// What the project's own labels and annotations begin with.
const MARK: &str = "billing-operator.io/";

/// Marks that anybody may take off our kinds: it means that what the operator made is chosen.
const CHOSEN: [&str; 2] = [api::labels::DEFAULT_ANNOTATION, api::labels::DEDICATED_ANNOTATION];

/// Records of money: nothing holds or owns one.
const RECORDS: [&str; 9] = [
    "billingperiods",
    "creditcodes",
    "creditnotes",
    "credits",
    "invoices",
    "invoiceseries",
    "invoiceslices",
    "projectledgers",
    "usagerecords",
];

/// What nobody but the operator writes, and nobody deletes.
const KEPT: [&str; 3] = ["billingperiods", "invoiceseries", "projectledgers"];

/// Namespaces of the world whose deletion nobody has begun or confirmed.
const NAMESPACES: [&str; 6] = ["acme", "shop", "lab", "den", "globex", "foreign"];

/// Every object that the invariants are about, by resource and then namespace and name.
pub struct Snapshot(BTreeMap<String, BTreeMap<String, Value>>);

impl Snapshot {
    /// Reads everything.
    pub async fn take(server: &Server) -> Result<Self> {
        let ours = api::crds::all().into_iter().map(|definition| definition.spec.names.plural);
        let mut all = BTreeMap::new();
        for resource in ours.chain(["namespaces".to_owned()]) {
            let objects = server.all(&resource).await?;
            let inside = objects.into_iter().filter(|object| is_watched(&resource, object));
            let named = inside.map(|object| (key(&object), object));
            all.insert(resource.clone(), named.collect());
        }
        Ok(Self(all))
    }

    /// The resources.
    pub fn resources(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The objects of a resource.
    pub fn of(&self, resource: &str) -> impl Iterator<Item = &Value> {
        self.0.get(resource).into_iter().flat_map(BTreeMap::values)
    }

    /// What no longer holds, given what there is now.
    pub fn violations(&self, now: &Snapshot) -> Vec<String> {
        let mut broken = Vec::new();
        for (resource, before) in &self.0 {
            let after = now.0.get(resource);
            for (name, was) in before {
                let is = after.and_then(|after| after.get(name)).filter(|is| uid(is) == uid(was));
                broken.extend(lost(resource, was, is).map(|what| format!("{resource} {name} {what}")));
            }
            for (name, is) in after.into_iter().flatten() {
                let was = before.get(name).filter(|was| uid(was) == uid(is)).unwrap_or(&Value::Null);
                broken.extend(gained(resource, was, is).into_iter().map(|what| format!("{resource} {name} {what}")));
            }
        }
        broken
    }
}

fn is_watched(resource: &str, object: &Value) -> bool {
    let at = if resource == "namespaces" { &object["metadata"]["name"] } else { &object["metadata"]["namespace"] };
    at.as_str().is_none_or(|namespace| NAMESPACES.contains(&namespace))
}

fn key(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (namespace, name) = (text(&object["metadata"]["namespace"]), text(&object["metadata"]["name"]));
    if namespace.is_empty() { name } else { format!("{namespace}/{name}") }
}

fn uid(object: &Value) -> &Value {
    &object["metadata"]["uid"]
}

/// What went, or changed, that had to stay: invariants 3, 5, 7, 9, 10, 11, 12 and 16.
fn lost(resource: &str, was: &Value, is: Option<&Value>) -> Option<String> {
    let final_ = was["status"]["phase"] == "Final" || was["spec"]["final"] == true;
    let reserved = was["status"]["reservations"].as_array().is_some_and(|all| !all.is_empty());
    let running = resource == "usagerecords" && was["spec"].get("end").is_none();
    // A project may go, and loses nothing by that; an organization has the books.
    let organization = resource == "namespaces"
        && was["metadata"]["labels"][api::labels::ORGANIZATION_LABEL] == was["metadata"]["name"];
    let Some(is) = is else {
        let stays = final_ || running || KEPT.contains(&resource) || organization;
        return stays.then(|| "is gone".to_owned());
    };
    let begins =
        is["metadata"].get("deletionTimestamp").is_some() && was["metadata"].get("deletionTimestamp").is_none();
    if begins && (final_ || KEPT.contains(&resource) || organization) {
        return Some("is being deleted".to_owned());
    }
    if (final_ || KEPT.contains(&resource)) && was["spec"] != is["spec"] {
        return Some("has another spec".to_owned());
    }
    if final_ && was["status"]["document"] != is["status"]["document"] {
        return Some("has another document".to_owned());
    }
    if reserved && was["spec"] != is["spec"] {
        return Some("is another credit than was reserved".to_owned());
    }
    if resource == "usagerecords" && without_end(&was["spec"]) != without_end(&is["spec"]) {
        return Some("is other usage".to_owned());
    }
    if resource == "namespaces" {
        return None; // its status is the cluster's
    }
    let status = [without_reported(resource, was), without_reported(resource, is)];
    (status[0] != status[1]).then(|| format!("has another status: {} was {}", status[1], status[0]))
}

fn without_end(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(fields) = spec.as_object_mut() {
        fields.remove("end");
    }
    spec
}

/// A status without what finance may say: payments, and whether a VAT id is the group's.
fn without_reported(resource: &str, object: &Value) -> Value {
    let mut status = object["status"].clone();
    match (resource, status.as_object_mut()) {
        ("invoices", Some(fields)) => drop(fields.remove("payment")),
        ("billinggroups", Some(fields)) => drop(fields.remove("vatId")),
        _ => {}
    }
    status
}

/// What came that must not: invariants 3 and 17. `was` is null for what was made since.
fn gained(resource: &str, was: &Value, is: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for texts in ["labels", "annotations"] {
        let (before, after) = (marks(was, texts), marks(is, texts));
        let first_organization =
            |key: &str| resource == "namespaces" && key == api::labels::ORGANIZATION_LABEL && !before.contains_key(key);
        let new = after.iter().filter(|(key, value)| before.get(*key) != Some(*value) && !first_organization(key));
        found.extend(new.map(|(key, value)| format!("bears the mark {key}={value}")));
        let gone = before.keys().filter(|key| !after.contains_key(*key));
        let gone = gone.filter(|key| resource == "namespaces" || !CHOSEN.contains(&key.as_str()));
        found.extend(gone.map(|key| format!("lost the mark {key}")));
    }
    if RECORDS.contains(&resource) {
        let held = |object: &Value| set(&object["metadata"]["finalizers"], |one| one.clone());
        let owned = |object: &Value| set(&object["metadata"]["ownerReferences"], |one| one["uid"].clone());
        found.extend(held(is).difference(&held(was)).map(|finalizer| format!("is held by {finalizer}")));
        found.extend(owned(is).difference(&owned(was)).map(|owner| format!("is owned by {owner}")));
    }
    if resource == "namespaces" && !was.is_null() {
        let kept = |object: &Value| set(&object["spec"]["finalizers"], |one| one.clone());
        found.extend(kept(was).difference(&kept(is)).map(|finalizer| format!("lost its finalizer {finalizer}")));
    }
    found
}

fn marks(object: &Value, texts: &str) -> BTreeMap<String, String> {
    let all = object["metadata"][texts].as_object();
    let all = all.into_iter().flatten().filter(|(key, _)| key.starts_with(MARK));
    all.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

fn set(list: &Value, of: impl Fn(&Value) -> Value) -> BTreeSet<String> {
    list.as_array().into_iter().flatten().map(|one| of(one).to_string()).collect()
}

#[test]
fn each_kind_of_damage_is_seen() {
    let was = json!({
        "metadata": {"name": "a-1", "namespace": "acme", "uid": "1", "finalizers": ["x"]},
        "spec": {"period": "2026-09"}, "status": {"phase": "Final", "document": {"total": "1"}, "payment": {"state": "Due"}},
    });
    let snapshot = |object: &Value| {
        let objects = BTreeMap::from([("acme/a-1".to_owned(), object.clone())]);
        Snapshot(BTreeMap::from([("invoices".to_owned(), objects)]))
    };
    let broken = |change: Value| {
        let mut is = was.clone();
        super::super::table::merge(&mut is, &change);
        snapshot(&was).violations(&snapshot(&is))
    };
    assert_eq!(broken(json!({})), Vec::<String>::new());
    assert_eq!(broken(json!({ "status": { "payment": { "state": "Paid" } } })), Vec::<String>::new());
    for (change, expected) in [
        (json!({ "metadata": { "uid": "2" } }), "is gone"),
        (json!({ "metadata": { "deletionTimestamp": "now" } }), "is being deleted"),
        (json!({ "spec": { "period": "2026-10" } }), "has another spec"),
        (json!({ "status": { "document": { "total": "2" } } }), "has another document"),
        (json!({ "status": { "overdueSince": "now" } }), "has another status"),
        (json!({ "metadata": { "finalizers": ["x", "y"] } }), "is held by"),
        (json!({ "metadata": { "ownerReferences": [{ "uid": "7" }] } }), "is owned by"),
        (json!({ "metadata": { "labels": { "billing-operator.io/final": "true" } } }), "bears the mark"),
    ] {
        let found = broken(change.clone());
        assert!(found.iter().any(|violation| violation.contains(expected)), "{change}: {found:?}");
    }
}
