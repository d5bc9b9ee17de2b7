//! What is left when somebody takes the guards away: the operator stops, and never makes a number of the past again.

use billing_api::{BillingGroup, Invoice, InvoiceSlice, PriceList, UsageRecord};
use billing_test_harness::User;
use kube::{ResourceExt, api::PostParams};
use serde_json::{Value, json};

use super::{
    records::group_ready,
    slices::{hourly, hourly_prices},
    stage::{
        awaited, back, database, document, domain, final_of, held, is_final, later, lines, make, message, terms, total,
    },
};
use crate::{
    Result,
    support::{LIMIT, Scene, World, open_month, reason, wait},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_the_past_is_never_made_again() -> Result {
    let world = World::start(&[])?;
    let scene = world.scene().await?;
    scene.organization("missing").await?;
    scene.group("missing", "main", terms(json!({ "firstPeriod": back(2).to_string() }))).await?;
    let lost = final_of(&scene, "missing", "main", back(2)).await?.name_any();
    let last = final_of(&scene, "missing", "main", back(1)).await?;
    let known = |group: &BillingGroup| {
        let sequence = group.status.as_ref().and_then(|status| status.last_final.as_ref()).map(|last| last.sequence);
        sequence == Some(2)
    };
    scene.wait_group("missing", "main", "knows its last final", known).await?;

    without_guard(&scene, "billing-operator-invoice", async || scene.delete::<Invoice>("missing", &lost).await).await?;

    let missing = |group: &BillingGroup| group_ready(group) == Some("InvoiceMissing");
    let group = scene.wait_group("missing", "main", "misses its invoice", missing).await?;
    let conditions = group.status.as_ref().map(|status| status.conditions.clone()).unwrap_or_default();
    assert!(conditions.iter().any(|condition| condition.message.contains(&lost)), "{conditions:?}");
    // It goes on with what is not lost, and does not make the number again, whatever happens to the group.
    let changed: BillingGroup = scene.patch("missing", "main", json!({ "spec": { "displayName": "Again" } })).await?;
    let generation = changed.metadata.generation;
    scene
        .wait_group("missing", "main", "has seen the change", |group| {
            group.status.as_ref().is_some_and(|status| status.observed_generation == generation)
        })
        .await?;
    let renamed = |invoice: &Invoice| {
        let document = invoice.status.as_ref().and_then(|status| status.document.as_ref());
        document.is_some_and(|document| document.buyer.display_name.as_deref() == Some("Again"))
    };
    let open = scene.wait_invoice("missing", "main", open_month(), "goes on", renamed).await?;
    let mut numbers: Vec<_> = scene
        .api::<Invoice>("missing")
        .list(&Default::default())
        .await?
        .iter()
        .map(|invoice| invoice.name_any())
        .collect();
    numbers.sort();
    assert_eq!(numbers, [last.name_any(), open.name_any()]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_auditor_names_a_final_whose_predecessor_is_gone() -> Result {
    let world = World::start(&["--audit-interval=1s"])?;
    let scene = world.scene().await?;
    scene.organization("audited").await?;
    scene.group("audited", "main", terms(json!({ "firstPeriod": back(2).to_string() }))).await?;
    let lost = final_of(&scene, "audited", "main", back(2)).await?.name_any();
    let last = final_of(&scene, "audited", "main", back(1)).await?.name_any();
    let failed = |invoice: &Invoice| {
        let conditions = invoice.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        reason(conditions, "AuditFailed") == Some("DocumentDiffers")
    };
    let audited = async || Ok((world.metric("billing_operator_last_audit_timestamp_seconds", "")? > 0.0).then_some(()));
    wait("the first audit ended", LIMIT, audited).await?;
    assert_eq!(world.metric("billing_operator_audit_failures", "")?, 0.0);
    assert!(!failed(&scene.api("audited").get(&last).await?));

    without_guard(&scene, "billing-operator-invoice", async || scene.delete::<Invoice>("audited", &lost).await).await?;

    scene.wait_invoice("audited", "main", back(1), "is named by the auditor", failed).await?;
    let counted = async || Ok((world.metric("billing_operator_audit_failures", "")? == 1.0).then_some(()));
    wait("the metric counts it", LIMIT, counted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_auditor_raises_no_alarm_when_late_usage_meets_a_credit() -> Result {
    let world = World::start(&["--audit-interval=1s"])?;
    let scene = world.scene().await?;
    awaited(&scene, "lately", "lately-shop", "main").await?;
    scene.usage("lately", "db", database("lately-shop", "db", back(2).start(), None)).await?;
    let amount = json!({ "amount": "1000", "currency": "USD" });
    scene.credit("lately", "promo", json!({ "billingGroup": "main", "type": "Promotion", "amount": amount })).await?;
    scene.group("lately", "main", terms(json!({ "firstPeriod": back(2).to_string() }))).await?;
    final_of(&scene, "lately", "main", back(2)).await?;
    let last = final_of(&scene, "lately", "main", back(1)).await?.name_any();
    let paid = |invoice: &Invoice| lines(invoice).iter().any(|line| line.contains("promo"));
    assert!(paid(&scene.api("lately").get(&last).await?), "the credit pays of it");

    // Usage of the first month, after both are final: the second is right as it is.
    scene.usage("lately", "domain", domain("lately-shop", later(back(2).start(), 5))).await?;
    let adjusts = |invoice: &Invoice| {
        let lines = document(invoice).map(|document| document.lines.as_slice()).unwrap_or_default();
        lines.iter().any(|line| line.adjusts.is_some())
    };
    scene.wait_invoice("lately", "main", open_month(), "adjusts the first month", adjusts).await?;
    for _ in 0..2 {
        let audited = world.metric("billing_operator_last_audit_timestamp_seconds", "")?;
        wait("an audit ended", LIMIT, async || {
            Ok((world.metric("billing_operator_last_audit_timestamp_seconds", "")? > audited).then_some(()))
        })
        .await?;
    }
    let invoice: Invoice = scene.api("lately").get(&last).await?;
    let conditions = invoice.status.as_ref().map(|status| status.conditions.clone()).unwrap_or_default();
    assert_eq!(reason(&conditions, "AuditFailed"), None, "{conditions:?}");
    assert_eq!(world.metric("billing_operator_audit_failures", "")?, 0.0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_read_holds_its_organization_and_no_other() -> Result {
    let world = World::start(&[])?;
    let scene = world.scene().await?;
    relax_quantities(&scene)?;
    for organization in ["unreadable", "readable"] {
        awaited(&scene, organization, &format!("{organization}-shop"), "main").await?;
        let usage = domain(&format!("{organization}-shop"), back(1).start());
        scene.usage(organization, "domain", usage).await?;
    }
    // One that the types take and the conversion does not, and one that the types do not take either.
    for (record, quantity) in [("many", json!("many")), ("number", json!(5))] {
        let mut spec = database("unreadable-shop", record, back(1).start(), Some(later(back(1).start(), 1)));
        spec["quantity"] = quantity;
        let object = json!({
            "apiVersion": "billing-operator.io/v1alpha1", "kind": "UsageRecord",
            "metadata": { "name": record, "namespace": "unreadable" }, "spec": spec,
        });
        wait("the API server takes the odd record", LIMIT, async || {
            Ok(Some(scene.control_plane.apply(User::ClusterAdmin, &object.to_string())?))
        })
        .await?;
    }
    for organization in ["unreadable", "readable"] {
        scene.group(organization, "main", terms(json!({ "firstPeriod": back(1).to_string() }))).await?;
    }
    assert_eq!(total(&final_of(&scene, "readable", "main", back(1)).await?), "12.50");
    let invoice = held(&scene, "unreadable", "main", back(1), "Unreadable").await?;
    assert!(message(&invoice).contains("UsageRecord unreadable/"), "{}", message(&invoice));
    // The estimate of the open month follows usage all the same.
    scene.usage("unreadable", "more", domain("unreadable-shop", open_month().start())).await?;
    scene.wait_invoice("unreadable", "main", open_month(), "follows", |invoice| total(invoice) == "12.50").await?;

    for record in ["many", "number"] {
        kubectl(&scene, &["delete", "usagerecord", record, "--namespace=unreadable"])?;
    }
    let invoice = final_of(&scene, "unreadable", "main", back(1)).await?;
    assert_eq!(lines(&invoice), ["domain 1 12.50"]);
    let there = scene.api::<UsageRecord>("unreadable").list(&Default::default()).await?;
    assert_eq!(there.items.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_that_is_missing_holds_its_organization_and_no_other() -> Result {
    let world = World::start(&[])?;
    let scene = world.scene().await?;
    make::<PriceList>(&scene, "hourly", json!({ "currency": "USD", "entries": hourly_prices() })).await?;
    awaited(&scene, "torn", "torn-shop", "large").await?;
    scene.organization("whole").await?;
    for service in ["one", "two"] {
        scene.usage("torn", service, hourly("torn-shop", service)).await?;
    }
    let spec = terms(json!({ "firstPeriod": back(1).to_string(), "priceList": "hourly" }));
    scene.group("torn", "large", spec).await?;
    let large = final_of(&scene, "torn", "large", back(1)).await?;
    let slice = &document(&large)?.slices[0].name;
    let slices = scene.api::<InvoiceSlice>("torn");
    let mut backup = slices.get(slice).await?;
    backup.metadata.resource_version = None;
    without_guard(&scene, "billing-operator-operator", async || scene.delete::<InvoiceSlice>("torn", slice).await)
        .await?;

    // What the final bills cannot be told any more, so nothing more of that month is billed in its organization.
    let spec = terms(json!({ "firstPeriod": back(1).to_string() }));
    scene.group("torn", "late", spec.clone()).await?;
    let late = held(&scene, "torn", "late", back(1), "Unreadable").await?;
    let expected = format!(
        "InvoiceSlice torn/{slice} cannot be read: it is missing, and final invoice {} lists it; restore it from a backup",
        large.name_any()
    );
    assert_eq!(message(&late), expected);
    scene.group("whole", "main", spec).await?;
    final_of(&scene, "whole", "main", back(1)).await?;
    let late = scene.wait_invoice("torn", "late", back(1), "is there", |_| true).await?;
    assert!(!is_final(&late), "{late:?}");

    // A slice is the operator's to write, and so is the label that a final's has.
    without_guard(&scene, "billing-operator-metadata", async || {
        without_guard(&scene, "billing-operator-operator", async || {
            Ok(slices.create(&PostParams::default(), &backup).await.map(drop)?)
        })
        .await
    })
    .await?;
    let late = final_of(&scene, "torn", "late", back(1)).await?;
    assert_eq!(total(&late), "0.00");
    Ok(())
}

/// Does what an admission policy refuses, while it is away.
pub async fn without_guard(scene: &Scene<'_>, policy: &str, act: impl AsyncFn() -> Result) -> Result {
    let binding = ["validatingadmissionpolicybinding", policy];
    let guard = without_server_fields(&kubectl(scene, &["get", binding[0], binding[1], "--output=json"])?)?;
    kubectl(scene, &["delete", binding[0], binding[1]])?;
    wait(&format!("{policy} is no longer in force"), LIMIT, async || Ok(act().await.is_ok().then_some(()))).await?;
    scene.control_plane.apply(User::Admin, &guard).map(drop)?;
    Ok(())
}

/// Lets usage records have any quantity, as a definition of another version might.
fn relax_quantities(scene: &Scene<'_>) -> Result {
    let spec = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
    let patch = json!([
        { "op": "remove", "path": format!("{spec}/x-kubernetes-validations") },
        { "op": "replace", "path": format!("{spec}/properties/quantity"), "value": { "x-kubernetes-preserve-unknown-fields": true } },
    ]);
    let patch = format!("--patch={patch}");
    kubectl(scene, &["patch", "crd", "usagerecords.billing-operator.io", "--type=json", &patch]).map(drop)
}

/// Runs kubectl, and takes no error.
pub fn kubectl(scene: &Scene<'_>, args: &[&str]) -> Result<String> {
    Ok(scene.control_plane.kubectl_ok(User::Admin, args)?)
}

/// An object as it can be applied again.
fn without_server_fields(object: &str) -> Result<String> {
    let mut object: Value = serde_json::from_str(object)?;
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"] {
            metadata.remove(field);
        }
    }
    Ok(object.to_string())
}
