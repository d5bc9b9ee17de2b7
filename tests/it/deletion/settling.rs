//! What a deleted group still waits for, and what it leaves behind.

use billing_api::{
    BillingGroup, Invoice, InvoiceIssuer, InvoicePhase, InvoiceSeries, ProjectBinding, Time, UsageRecord,
    labels::BINDING_NAME,
};
use billing_domain::{Month, Timestamp};
use chrono::TimeDelta;
use kube::{
    ResourceExt,
    api::{ListParams, ObjectList},
};
use serde_json::{Value, json};

use crate::{
    Result,
    support::{LIMIT, Scene, World, open_month, reason, wait},
};

/// Makes an organization with the group `main`, which paid for a project that has left it since, with usage.
async fn left(scene: &Scene<'_>, organization: &str, terms: Value, usage: Value) -> Result {
    let project = format!("{organization}-shop");
    scene.organization(organization).await?;
    scene.group(organization, "main", json!({ "terms": terms })).await?;
    scene.bare_project(organization, &project).await?;
    scene.bind(&project, "main").await?;
    scene.wait_ready(&project).await?;
    scene.usage(organization, "record", usage).await?;
    scene.delete::<ProjectBinding>(&project, BINDING_NAME).await?;
    scene.wait_members(organization, "main", &[]).await
}

/// Usage of one hour at 0.026, from `start` on.
fn one_hour(organization: &str, start: Timestamp) -> Value {
    json!({
        "project": format!("{organization}-shop"),
        "service": { "name": "db", "type": "PostgreSQL", "plan": "Hobbyist" },
        "start": Time(start),
        "end": Time(start + TimeDelta::hours(1)),
    })
}

/// One domain, which is billed whole in the month of `start`.
fn domain(organization: &str, start: Timestamp) -> Value {
    let service = json!({ "name": "www", "type": "Domain" });
    json!({ "project": format!("{organization}-shop"), "service": service, "start": Time(start) })
}

fn total(invoice: &Invoice) -> Option<&str> {
    Some(invoice.status.as_ref()?.document.as_ref()?.total.as_str())
}

fn phase(invoice: &Invoice) -> Option<InvoicePhase> {
    invoice.status.as_ref()?.phase
}

async fn invoices(scene: &Scene<'_>, organization: &str) -> Result<ObjectList<Invoice>> {
    Ok(scene.api(organization).list(&ListParams::default()).await?)
}

/// Waits until the group says that it waits for a month, and returns what it says.
async fn wait_closing(scene: &Scene<'_>, organization: &str, month: Month) -> Result<String> {
    let closing = format!(" of {month} is final, after ");
    let said = |group: &BillingGroup| {
        let ready = group.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == "Ready")?;
        let closes = ready.status == "False" && ready.reason == "Closing" && ready.message.contains(&closing);
        closes.then(|| ready.message.clone())
    };
    let what = format!("it waits for {month}");
    let group = scene.wait_group(organization, "main", &what, |group| said(group).is_some()).await?;
    assert!(group.metadata.deletion_timestamp.is_some());
    Ok(said(&group).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_group_goes_at_once_with_its_empty_estimate() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("vain").await?;
    scene.group("vain", "main", json!({})).await?;
    let estimate = scene
        .wait_invoice("vain", "main", open_month(), "an estimate of nothing", |invoice| total(invoice) == Some("0.00"));
    let estimate = estimate.await?;

    scene.delete::<BillingGroup>("vain", "main").await?;
    scene.wait_gone::<BillingGroup>("vain", "main").await?;
    scene.wait_gone::<Invoice>("vain", &estimate.name_any()).await?;
    // No number of it was final: it is free again, and nothing is left of the group.
    let series = scene.cluster::<InvoiceSeries>();
    assert!(series.get_opt(&estimate.spec.series).await?.is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_waits_for_the_month_that_it_pays_for() -> Result {
    let scene = World::shared().scene().await?;
    let month = open_month();
    left(&scene, "owing", json!({}), domain("owing", month.start())).await?;
    scene.wait_invoice("owing", "main", month, "12.50 so far", |invoice| total(invoice) == Some("12.50")).await?;
    scene.delete::<BillingGroup>("owing", "main").await?;
    let said = wait_closing(&scene, "owing", month).await?;
    // The month's end, and the second that settles.
    assert!(said.ends_with(&Time(month.end() + TimeDelta::seconds(1)).to_string()), "{said}");

    // A chosen payer who begins this month takes the month over: nothing is left to wait for.
    scene.group("owing", "heir", json!({})).await?;
    scene.bind("owing-shop", "heir").await?;
    scene.wait_gone::<BillingGroup>("owing", "main").await?;
    scene
        .wait_invoice("owing", "heir", month, "12.50 are the heir's", |invoice| total(invoice) == Some("12.50"))
        .await?;
    assert_eq!(invoices(&scene, "owing").await?.items.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_goes_with_its_last_final_and_its_invoices_survive() -> Result {
    let scene = World::shared().scene().await?;
    let past = open_month().prev();
    scene.issuer("wake", json!({ "legalName": "Provider Ltd", "grace": "0s", "suspend": true })).await?;
    let terms = json!({ "issuer": "wake", "firstPeriod": past.to_string() });
    left(&scene, "wake", terms, one_hour("wake", past.start())).await?;
    scene.wait_invoice("wake", "main", past, "0.03", |invoice| total(invoice) == Some("0.03")).await?;
    scene.delete::<BillingGroup>("wake", "main").await?;
    wait_closing(&scene, "wake", past).await?;

    let resumed = json!({ "spec": { "suspend": false } });
    scene.patch_cluster::<InvoiceIssuer>("wake", resumed).await?;
    scene.wait_gone::<BillingGroup>("wake", "main").await?;
    let left_behind = invoices(&scene, "wake").await?.items;
    let seen: Vec<_> =
        left_behind.iter().map(|invoice| (invoice.spec.sequence, phase(invoice), total(invoice))).collect();
    assert_eq!(seen, [(1, Some(InvoicePhase::Final), Some("0.03"))]);
    assert_eq!(left_behind[0].metadata.owner_references, None);
    // Its numbers stay taken, for ever.
    let series = scene.cluster::<InvoiceSeries>().get(&left_behind[0].spec.series).await?;
    assert!(series.status.is_some_and(|status| status.used));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_after_the_end_of_its_payer_goes_to_the_primary_group_or_says_that_nobody_pays() -> Result {
    let scene = World::shared().scene().await?;
    let month = open_month();
    scene.organization("orphan").await?;
    scene.group("orphan", "main", json!({})).await?;
    scene.bare_project("orphan", "orphan-shop").await?;
    scene.bind("orphan-shop", "main").await?;
    scene.wait_ready("orphan-shop").await?;
    scene.delete::<ProjectBinding>("orphan-shop", BINDING_NAME).await?;
    scene.wait_members("orphan", "main", &[]).await?;
    scene.delete::<BillingGroup>("orphan", "main").await?;
    scene.wait_gone::<BillingGroup>("orphan", "main").await?;

    scene.usage("orphan", "record", domain("orphan", month.start())).await?;
    let why = |record: &UsageRecord| {
        let status = record.status.as_ref()?;
        reason(&status.conditions, "Billable").map(str::to_owned)
    };
    let unpaid = |record: &UsageRecord| why(record).as_deref() == Some("PayerGone");
    scene.wait_object("orphan", "record", "the record says that nobody pays", unpaid).await?;

    scene.group("orphan", "estate", json!({ "primary": true })).await?;
    scene
        .wait_invoice("orphan", "estate", month, "the primary group pays", |invoice| total(invoice) == Some("12.50"))
        .await?;
    wait("the record says nothing any more", LIMIT, async || {
        let record: UsageRecord = scene.api("orphan").get("record").await?;
        Ok(why(&record).is_none().then_some(()))
    })
    .await
}
