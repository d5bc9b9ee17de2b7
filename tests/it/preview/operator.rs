//! The operator's own invoices, from the objects of its cluster: the same to the cent, and to the byte where no clock
//! is in between.

use std::fmt::Debug;

use billing_api::{BillingGroup, Invoice, InvoiceIssuer, InvoicePhase, PriceList, ProjectBinding, UsageRecord};
use billing_domain::Month;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Run, preview};
use crate::Result;
use crate::support::{Scene, World, open_month};

const ORGANIZATION: &str = "previewed";
const GROUPS: [&str; 2] = ["previewed-main", "previewed-side"];

/// What a document says of the instants at which it was made; the digests follow them.
const OF_THE_CLOCK: [&str; 4] = ["issuedAt", "dueAt", "previousDigest", "digest"];

/// Usage that runs, ends, is corrected and is by the piece, over months that are over and the one that runs.
fn records(first: Month) -> Vec<(&'static str, Value)> {
    let service = |name| json!({ "name": name, "type": "PostgreSQL", "plan": "Hobbyist" });
    let at = |month: Month, time: &str| format!("{month}-{time}Z");
    let next = first.next();
    let main = |mut spec: Value| {
        spec["project"] = "previewed-shop".into();
        spec
    };
    vec![
        ("runs", main(json!({ "service": service("runs"), "start": at(first, "01T00:00:00"), "tags": {"team": "a"} }))),
        (
            "ended",
            main(json!({
                "service": service("ended"), "quantity": "2.5",
                "start": at(first, "27T13:14:15"), "end": at(next, "03T00:06:47"),
            })),
        ),
        (
            "corrected",
            main(json!({ "service": service("ended"), "start": at(next, "05T00:00:00"), "replaces": "wrong" })),
        ),
        (
            "wrong",
            main(json!({
                "service": service("ended"), "start": at(next, "04T00:00:00"), "end": at(next, "09T00:00:00"),
            })),
        ),
        (
            "domain",
            main(json!({
                "service": { "name": "example.org", "type": "Domain" }, "start": at(next, "02T00:00:00"),
                "end": at(next.next().next(), "02T00:00:00"),
            })),
        ),
        ("side", json!({ "project": "previewed-lab", "service": service("side"), "start": at(next, "10T22:30:00") })),
    ]
}

/// Two groups that are billed from a month on that is over.
async fn prepare(scene: &Scene<'_>, first: Month) -> Result {
    scene.organization(ORGANIZATION).await?;
    // Usage and bindings get the time that they need on a busy machine.
    scene.issuer(ORGANIZATION, json!({ "legalName": "Provider Ltd", "grace": "15s", "paymentTermDays": 7 })).await?;
    for (name, spec) in records(first) {
        scene.usage(ORGANIZATION, name, spec).await?;
    }
    for (project, (group, first)) in
        ["previewed-shop", "previewed-lab"].iter().zip(GROUPS.iter().zip([first, first.next()]))
    {
        let terms = json!({ "issuer": ORGANIZATION, "firstPeriod": first.to_string() });
        let spec = json!({ "displayName": "Previewed", "company": "Acme", "terms": terms });
        scene.group(ORGANIZATION, group, spec).await?;
        scene.bare_project(ORGANIZATION, project).await?;
        scene.bind(project, group).await?;
    }
    Ok(())
}

/// The objects of a kind that concern the test, without what the operator says of them.
async fn dump<K>(api: Api<K>) -> Result<Vec<Value>>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize,
{
    let mut objects = Vec::new();
    for object in api.list(&ListParams::default()).await?.items {
        let mut value = serde_json::to_value(&object)?;
        value["apiVersion"] = K::api_version(&()).into();
        value["kind"] = K::kind(&()).into();
        if let Some(fields) = value.as_object_mut() {
            fields.remove("status");
        }
        objects.push(value);
    }
    Ok(objects)
}

/// What `kubectl get` would print of the organization.
async fn manifests(scene: &Scene<'_>) -> Result<String> {
    let mut items = dump::<Namespace>(scene.cluster()).await?;
    items.retain(|item| item["metadata"]["labels"]["billing-operator.io/organization"] == ORGANIZATION);
    items.extend(dump::<PriceList>(scene.cluster()).await?);
    items.extend(dump::<InvoiceIssuer>(scene.cluster()).await?);
    items.extend(dump::<BillingGroup>(scene.api(ORGANIZATION)).await?);
    items.extend(dump::<UsageRecord>(scene.api(ORGANIZATION)).await?);
    for project in ["previewed-shop", "previewed-lab"] {
        items.extend(dump::<ProjectBinding>(scene.api(project)).await?);
    }
    Ok(json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string())
}

/// The previewed document with this number, as of an instant.
fn previewed(manifests: &str, number: &str, as_of: &str) -> Result<Value> {
    let arguments = ["-f", "-", "-o", "json", "--settle-time", "1s", "--as-of", as_of];
    let Run { stdout, stderr, .. } = preview(&arguments, manifests)?;
    let list: Value = serde_json::from_str(&stdout)?;
    let mut items = list["items"].as_array().into_iter().flatten();
    let found = items.find(|item| item["metadata"]["name"] == number);
    found.cloned().ok_or_else(|| format!("no {number} as of {as_of}: {stderr}{stdout}").into())
}

/// Compares an invoice of the operator with the same by preview.
fn check(manifests: &str, invoice: &Invoice) -> Result {
    let number = invoice.name_any();
    let document = invoice.status.as_ref().and_then(|status| status.document.clone()).ok_or("no document")?;
    let is_final = document.issued_at.is_some();
    let as_of = document.issued_at.or(document.as_of).ok_or("no instant")?;
    let preview = previewed(manifests, &number, &as_of.to_string())?;
    assert_eq!(preview["spec"], serde_json::to_value(&invoice.spec)?);
    assert_eq!(preview["metadata"]["labels"], json!(invoice.labels()));
    let mut expected = serde_json::to_value(&document)?;
    let mut document = preview["status"]["document"].clone();
    for fields in [&mut expected, &mut document].into_iter().filter(|_| is_final).filter_map(Value::as_object_mut) {
        fields.retain(|field, _| !OF_THE_CLOCK.contains(&field.as_str()));
    }
    assert_eq!(document, expected, "{number}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_and_the_preview_write_the_same_documents() -> Result {
    let scene = World::shared().scene().await?;
    let (open, first) = (open_month(), open_month().prev().prev());
    prepare(&scene, first).await?;
    let mut invoices = Vec::new();
    for (group, first) in GROUPS.iter().zip([first, first.next()]) {
        let is_final =
            |invoice: &Invoice| invoice.status.as_ref().is_some_and(|status| status.phase == Some(InvoicePhase::Final));
        for month in first.through(open.prev()) {
            invoices.push(scene.wait_invoice(ORGANIZATION, group, month, "final", is_final).await?);
        }
        let has_document = |invoice: &Invoice| invoice.status.as_ref().is_some_and(|status| status.document.is_some());
        invoices.push(scene.wait_invoice(ORGANIZATION, group, open, "an estimate", has_document).await?);
    }
    let manifests = manifests(&scene).await?;
    assert_eq!(invoices.len(), 5);
    for invoice in &invoices {
        check(&manifests, invoice)?;
    }
    Ok(())
}
