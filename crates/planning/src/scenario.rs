//! State for tests, written as manifests.

use k8s_openapi::api::core::v1::Namespace;
use kube_core::Resource;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::billing_settings::{BillingSettings, DEFAULT_LATE_USAGE_MONTHS};
use billing_api as api;
use billing_domain::tenancy::default_binding::{DefaultPolicy, DefaultSettings};
use billing_domain::{Attribution, HourRule, LateUsageWindow, Timestamp, Uid};
use billing_state::{Key, ObservedState, Observes};
use chrono::TimeDelta;

/// When everything was created, unless it says otherwise.
const CREATED: &str = "2026-11-10T00:00:00Z";

/// The state of these manifests: YAML documents, whose UIDs and times of creation are filled in.
pub fn state(manifests: &str) -> ObservedState {
    let mut state = ObservedState::new();
    let documents = manifests.split("\n---\n").filter(|document| !document.trim().is_empty());
    documents.for_each(|document| add(&mut state, document));
    state
}

/// Adds the object of a manifest, or puts it in the place of the one that has its name.
pub fn add(state: &mut ObservedState, document: &str) {
    change(state, document);
}

/// The same; answers with what is to be looked at for it.
pub fn change(state: &mut ObservedState, document: &str) -> Vec<Key> {
    let object: Value = serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{error}: {document}"));
    enter(state, completed(object))
}

/// The UID that an object of the manifests has.
pub fn uid(kind: &str, namespace: &str, name: &str) -> Uid {
    let hash = Sha256::digest(format!("{kind}/{namespace}/{name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Uid(u128::from_be_bytes(bytes))
}

/// An object as a server would have it: with a UID and a version.
pub fn stored<K: Resource<DynamicType = ()>>(mut object: K) -> K {
    let kind = K::kind(&());
    let metadata = object.meta_mut();
    let (namespace, name) = (metadata.namespace.as_deref().unwrap_or(""), metadata.name.as_deref().unwrap_or(""));
    let uid = uid(&kind, namespace, name).to_string();
    metadata.uid.get_or_insert(uid);
    metadata.resource_version.get_or_insert_with(|| "1".to_owned());
    object
}

/// An instant.
pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The operator's default settings.
pub fn settings() -> BillingSettings {
    BillingSettings {
        attribution: Attribution::MonthEnd,
        hours: HourRule::Ceil,
        usage_retention: None,
        late_usage_window: LateUsageWindow::of_months(DEFAULT_LATE_USAGE_MONTHS),
        min_closing_delay: TimeDelta::seconds(60),
        finalise: true,
        estimate_interval: TimeDelta::minutes(15),
        defaults: DefaultSettings { policy: DefaultPolicy::PrimaryOrDedicated, delay: TimeDelta::seconds(60) },
    }
}

fn completed(mut object: Value) -> Value {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (kind, metadata) = (text(&object["kind"]), &object["metadata"]);
    let uid = uid(&kind, &text(&metadata["namespace"]), &text(&metadata["name"])).to_string();
    let defaults = json!({ "uid": uid, "creationTimestamp": CREATED, "resourceVersion": "1", "generation": 1 });
    if let Some(metadata) = object["metadata"].as_object_mut() {
        let given = std::mem::take(metadata);
        metadata.extend(defaults.as_object().cloned().unwrap_or_else(Map::new));
        metadata.extend(given);
    }
    object
}

fn enter(state: &mut ObservedState, object: Value) -> Vec<Key> {
    match object["kind"].as_str().unwrap_or_default() {
        "Namespace" => observe::<Namespace>(state, object),
        "BillingGroup" => observe::<api::BillingGroup>(state, object),
        "ProjectBinding" => observe::<api::ProjectBinding>(state, object),
        "ProjectLedger" => observe::<api::ProjectLedger>(state, object),
        "UsageRecord" => observe::<api::UsageRecord>(state, object),
        "PriceList" => observe::<api::PriceList>(state, object),
        "ExchangeRates" => observe::<api::ExchangeRates>(state, object),
        "InvoiceIssuer" => observe::<api::InvoiceIssuer>(state, object),
        "BillingPeriod" => observe::<api::BillingPeriod>(state, object),
        "Invoice" => observe::<api::Invoice>(state, object),
        "Credit" => observe::<api::Credit>(state, object),
        "CreditCode" => observe::<api::CreditCode>(state, object),
        other => panic!("the tests know no {other}"),
    }
}

fn observe<K: DeserializeOwned>(state: &mut ObservedState, object: Value) -> Vec<Key>
where
    ObservedState: Observes<K>,
{
    let object = serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object}"));
    state.observe(object)
}

/// An organization `acme` with a primary group `main`, a group `shop`, and a project `acme-web`.
pub const ACME: &str = "
kind: Namespace
metadata: {name: acme, labels: {billing-operator.io/organization: acme}}
---
kind: Namespace
metadata: {name: acme-web, labels: {billing-operator.io/organization: acme}}
---
kind: BillingGroup
metadata: {name: main, namespace: acme, finalizers: [billing-operator.io/settle]}
spec: {primary: true}
status: {invoiceSeries: aaaaa}
---
kind: BillingGroup
metadata: {name: shop, namespace: acme, finalizers: [billing-operator.io/settle]}
spec: {}
status: {invoiceSeries: bbbbb, members: [{project: acme-web}]}
---
kind: PriceList
metadata: {name: default}
spec:
  currency: USD
  entries: [{name: pg, type: PostgreSQL, unit: Hour, unitPrice: '0.026', validFrom: '2020-01-01T00:00:00Z'}]
---
kind: InvoiceIssuer
metadata: {name: default}
spec: {legalName: Example}
";

/// A ledger of `acme-web` whose payers are these groups, one a day from the 11th on.
pub fn ledger(groups: &[&str]) -> String {
    let segment = |(day, group): (usize, &&str)| {
        let (uid, project) = (uid("BillingGroup", "acme", group), uid("Namespace", "", "acme-web"));
        let from = format!("2026-11-{:02}T00:00:00Z", 11 + day);
        json!({ "from": from, "billingGroup": group, "billingGroupUID": uid.to_string(), "projectUID": project.to_string() })
    };
    let segments: Vec<_> = groups.iter().enumerate().map(segment).collect();
    format!(
        "\n---\nkind: ProjectLedger\nmetadata: {{name: acme-web, namespace: acme}}\nspec: {{segments: {}}}\n",
        Value::Array(segments)
    )
}

/// A binding of `acme-web`.
pub fn binding(group: &str) -> String {
    format!(
        "\n---\nkind: ProjectBinding\nmetadata: {{name: billing, namespace: acme-web}}\nspec: {{billingGroup: {group}}}\n"
    )
}
