//! What the tests of months are set up with.
//!
//! Where a test wants months that are over to become final with everything in them, it makes the group last: a
//! group's months wait for bindings that are there already, and everything is read directly when they are closed.

use std::fmt::Debug;

use billing_api::{Document, Invoice, InvoiceIssuer, InvoicePhase, Time};
use billing_domain::{Month, Timestamp};
use chrono::TimeDelta;
use kube::{Resource, ResourceExt, api::PostParams};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    Result,
    support::{Scene, reason},
};

pub use crate::support::back;

/// An instant so many hours later.
pub fn later(instant: Timestamp, hours: i64) -> Timestamp {
    instant + TimeDelta::hours(hours)
}

/// A database that costs 0.026 an hour.
pub fn database(project: &str, service: &str, start: Timestamp, end: Option<Timestamp>) -> Value {
    let mut spec = json!({
        "project": project,
        "service": { "name": service, "type": "PostgreSQL", "plan": "Hobbyist", "cloud": "google-europe-north1" },
        "start": Time(start),
    });
    if let Some(end) = end {
        spec["end"] = json!(Time(end));
    }
    spec
}

/// A domain that costs 12.50 once.
pub fn domain(project: &str, at: Timestamp) -> Value {
    priced(project, "Domain", at)
}

/// Something of a type that happened once.
pub fn priced(project: &str, kind: &str, at: Timestamp) -> Value {
    json!({ "project": project, "service": { "name": "example.com", "type": kind }, "start": Time(at), "end": Time(later(at, 1)) })
}

/// A group's spec with terms.
pub fn terms(terms: Value) -> Value {
    json!({ "terms": terms })
}

/// An organization with a project that is bound to a group which is still to come.
pub async fn awaited(scene: &Scene<'_>, organization: &str, project: &str, group: &str) -> Result {
    scene.organization(organization).await?;
    scene.project(organization, project).await?;
    scene.bind(project, group).await?;
    Ok(())
}

/// Makes an object that has no namespace.
pub async fn make<K>(scene: &Scene<'_>, name: &str, spec: Value) -> Result<K>
where
    K: Resource<DynamicType = ()> + Clone + Serialize + DeserializeOwned + Debug,
{
    let object = json!({
        "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": { "name": name }, "spec": spec,
    });
    Ok(scene.cluster().create(&PostParams::default(), &serde_json::from_value(object)?).await?)
}

/// Changes an object that has no namespace by a merge patch.
pub async fn change<K>(scene: &Scene<'_>, name: &str, spec: Value) -> Result<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    scene.patch_cluster(name, json!({ "spec": spec })).await
}

/// An issuer that lets nothing become final until it is [resumed](resume).
pub async fn suspended(scene: &Scene<'_>, name: &str) -> Result {
    let spec = json!({ "legalName": "Provider Ltd", "grace": "0s", "suspend": true });
    make::<InvoiceIssuer>(scene, name, spec).await.map(drop)
}

/// Lets the invoices of an issuer become final.
pub async fn resume(scene: &Scene<'_>, issuer: &str) -> Result {
    change::<InvoiceIssuer>(scene, issuer, json!({ "suspend": false })).await.map(drop)
}

/// The final invoice of a month.
pub async fn final_of(scene: &Scene<'_>, organization: &str, group: &str, month: Month) -> Result<Invoice> {
    scene.wait_invoice(organization, group, month, "is final", is_final).await
}

/// An estimate that is not final, for the reason given.
pub async fn held(scene: &Scene<'_>, organization: &str, group: &str, month: Month, because: &str) -> Result<Invoice> {
    let fits = |invoice: &Invoice| !is_final(invoice) && ready(invoice) == Some(because);
    scene.wait_invoice(organization, group, month, &format!("is held by {because}"), fits).await
}

/// Whether an invoice is final.
pub fn is_final(invoice: &Invoice) -> bool {
    invoice.status.as_ref().is_some_and(|status| status.phase == Some(InvoicePhase::Final))
}

/// The document of an invoice, if it has one.
pub fn written(invoice: &Invoice) -> Option<&Document> {
    invoice.status.as_ref()?.document.as_ref()
}

/// The document of an invoice.
pub fn document(invoice: &Invoice) -> Result<&Document> {
    written(invoice).ok_or_else(|| format!("invoice {} has no document", invoice.name_any()).into())
}

/// The total of an invoice that has a document.
pub fn total(invoice: &Invoice) -> &str {
    written(invoice).map_or("", |document| &document.total)
}

/// The records that an invoice bills, line by line, with the quantity and the amount of each.
pub fn lines(invoice: &Invoice) -> Vec<String> {
    let lines = written(invoice).into_iter().flat_map(|document| &document.lines);
    let shown = lines.map(|line| {
        let record = line.source.as_ref().map_or("", |source| source.name.as_str());
        format!("{record} {} {}", line.quantity.as_deref().unwrap_or_default(), &*line.total)
    });
    shown.collect()
}

/// The reason of an invoice's condition `Ready`.
pub fn ready(invoice: &Invoice) -> Option<&str> {
    reason(&invoice.status.as_ref()?.conditions, "Ready")
}

/// What the condition `Ready` says in words.
pub fn message(invoice: &Invoice) -> &str {
    let conditions = invoice.status.iter().flat_map(|status| &status.conditions);
    conditions
        .filter(|condition| condition.type_ == "Ready")
        .map(|condition| condition.message.as_str())
        .next()
        .unwrap_or("")
}

/// The revision of an object, which grows with every write.
pub fn revision(object: &impl ResourceExt) -> Result<u64> {
    Ok(object.resource_version().unwrap_or_default().parse()?)
}
