//! Books for tests, written as manifests.

use k8s_openapi::api::core::v1::Namespace;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::rules::Rules;
use billing_api as api;
use billing_domain::tenancy::default_binding::{DefaultPolicy, DefaultSettings};
use billing_domain::{Attribution, HourRule, Timestamp, Uid};
use billing_state::{Books, Observes};
use chrono::TimeDelta;

/// When everything was created, unless it says otherwise.
const CREATED: &str = "2026-11-10T00:00:00Z";

/// The books of these manifests: YAML documents, whose UIDs and times of creation are filled in.
pub fn books(manifests: &str) -> Books {
    let mut books = Books::new();
    let documents = manifests.split("\n---\n").filter(|document| !document.trim().is_empty());
    documents.for_each(|document| add(&mut books, document));
    books
}

/// Adds the object of a manifest, or puts it in the place of the one that has its name.
pub fn add(books: &mut Books, document: &str) {
    let object: Value = serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{error}: {document}"));
    enter(books, completed(object));
}

/// The UID that an object of the manifests has.
pub fn uid(kind: &str, namespace: &str, name: &str) -> Uid {
    let hash = Sha256::digest(format!("{kind}/{namespace}/{name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Uid(u128::from_be_bytes(bytes))
}

/// An instant.
pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The operator's default settings.
pub fn rules() -> Rules {
    Rules {
        attribution: Attribution::MonthEnd,
        hours: HourRule::Ceil,
        settle: TimeDelta::seconds(60),
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

fn enter(books: &mut Books, object: Value) {
    match object["kind"].as_str().unwrap_or_default() {
        "Namespace" => observe::<Namespace>(books, object),
        "BillingGroup" => observe::<api::BillingGroup>(books, object),
        "ProjectBinding" => observe::<api::ProjectBinding>(books, object),
        "ProjectLedger" => observe::<api::ProjectLedger>(books, object),
        "UsageRecord" => observe::<api::UsageRecord>(books, object),
        "PriceList" => observe::<api::PriceList>(books, object),
        "ExchangeRates" => observe::<api::ExchangeRates>(books, object),
        "InvoiceIssuer" => observe::<api::InvoiceIssuer>(books, object),
        "BillingPeriod" => observe::<api::BillingPeriod>(books, object),
        "Invoice" => observe::<api::Invoice>(books, object),
        "Credit" => observe::<api::Credit>(books, object),
        "CreditCode" => observe::<api::CreditCode>(books, object),
        other => panic!("the tests know no {other}"),
    }
}

fn observe<K: DeserializeOwned>(books: &mut Books, object: Value)
where
    Books: Observes<K>,
{
    let object = serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object}"));
    books.observe(object);
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
