//! Records that cannot be billed say so, and stop saying so when they can.

use billing_api::{BillingGroup, BillingPeriod, PriceList, ProjectBinding, UsageRecord, labels::BINDING_NAME};
use chrono::TimeDelta;
use serde_json::json;

use super::{
    closing::terms_patch,
    stage::{awaited, back, change, database, domain, final_of, later, lines, make, priced, suspended, terms, total},
};
use crate::{
    Result,
    support::{Scene, World, open_month, reason},
};

#[tokio::test(flavor = "multi_thread")]
async fn usage_of_an_unknown_or_unbound_project_is_reported_until_it_is_bound() -> Result {
    let scene = World::shared().scene().await?;
    let organization = "records-project";
    suspended(&scene, "records-project").await?;
    scene.organization(organization).await?;
    scene.bare_project(organization, "records-project-unbound").await?;
    let spec = terms(json!({ "firstPeriod": back(1).to_string(), "issuer": "records-project" }));
    scene.group(organization, "main", spec).await?;
    // One of them long before any group was billed.
    for (record, project, start) in [
        ("unknown", "records-project-unknown", back(1).start()),
        ("unknown-long-ago", "records-project-unknown", back(30).start()),
        ("unbound", "records-project-unbound", open_month().start()),
    ] {
        scene.usage(organization, record, domain(project, start)).await?;
    }
    wait_reason(&scene, organization, "unknown", Some("ProjectUnknown")).await?;
    wait_reason(&scene, organization, "unknown-long-ago", Some("ProjectUnknown")).await?;
    let unbound = wait_reason(&scene, organization, "unbound", Some("ProjectUnbound")).await?;
    let status = unbound.status.ok_or("a status")?;
    assert_eq!((status.conditions[0].type_.as_str(), status.conditions[0].status.as_str()), ("Billable", "False"));
    assert!(status.conditions[0].message.contains("records-project-unbound"), "{status:?}");
    counted(&scene, back(1), "records-project-unknown", true).await?;

    scene.bare_project(organization, "records-project-unknown").await?;
    wait_reason(&scene, organization, "unknown", Some("ProjectUnbound")).await?;
    for project in ["records-project-unknown", "records-project-unbound"] {
        scene.bind(project, "main").await?;
    }
    wait_reason(&scene, organization, "unknown", None).await?;
    wait_reason(&scene, organization, "unbound", None).await?;
    wait_reason(&scene, organization, "unknown-long-ago", Some("BeforeFirstPeriod")).await?;
    counted(&scene, back(1), "records-project-unknown", false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_before_the_first_period_is_reported_until_that_is_moved() -> Result {
    let scene = World::shared().scene().await?;
    suspended(&scene, "records-before").await?;
    awaited(&scene, "records-before", "records-before-shop", "main").await?;
    scene.usage("records-before", "early", domain("records-before-shop", back(2).start())).await?;
    scene.group("records-before", "main", terms(json!({ "issuer": "records-before" }))).await?;
    wait_reason(&scene, "records-before", "early", Some("BeforeFirstPeriod")).await?;

    let earlier = terms_patch(json!({ "firstPeriod": back(2).to_string() }));
    scene.patch::<BillingGroup>("records-before", "main", earlier).await?;
    wait_reason(&scene, "records-before", "early", None).await?;
    scene.wait_invoice("records-before", "main", back(2), "bills it", |invoice| total(invoice) == "12.50").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_without_a_price_is_reported_until_there_is_one() -> Result {
    let scene = World::shared().scene().await?;
    let entry = |kind: &str| json!({ "name": kind.to_lowercase(), "type": kind, "unit": "Unit", "unitPrice": "1", "validFrom": "2020-01-01T00:00:00Z" });
    make::<PriceList>(&scene, "records-prices", json!({ "currency": "USD", "entries": [entry("Known")] })).await?;
    awaited(&scene, "records-prices", "records-prices-shop", "main").await?;
    let at = open_month().start();
    scene.usage("records-prices", "strange", priced("records-prices-shop", "Strange", at)).await?;
    scene.usage("records-prices", "known", priced("records-prices-shop", "Known", at)).await?;
    scene.group("records-prices", "main", terms(json!({ "priceList": "records-prices" }))).await?;
    wait_reason(&scene, "records-prices", "strange", Some("Unpriced")).await?;
    let known: UsageRecord = scene.api("records-prices").get("known").await?;
    assert!(known.status.is_none(), "nothing is written for a good record: {known:?}");

    change::<PriceList>(&scene, "records-prices", json!({ "entries": [entry("Known"), entry("Strange")] })).await?;
    wait_reason(&scene, "records-prices", "strange", None).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_that_overlaps_is_reported_until_one_of_the_two_is_replaced() -> Result {
    let scene = World::shared().scene().await?;
    awaited(&scene, "records-overlap", "records-overlap-shop", "main").await?;
    scene.group("records-overlap", "main", json!({})).await?;
    let start = open_month().start() - TimeDelta::hours(2);
    let runs = database("records-overlap-shop", "db", start, None);
    scene.usage("records-overlap", "first", runs.clone()).await?;
    scene.usage("records-overlap", "second", database("records-overlap-shop", "db", later(start, 1), None)).await?;
    wait_reason(&scene, "records-overlap", "second", Some("OverlappingUsage")).await?;
    let mut correction = database("records-overlap-shop", "other", later(start, 1), None);
    correction["replaces"] = "second".into();
    scene.usage("records-overlap", "third", correction).await?;
    wait_reason(&scene, "records-overlap", "second", None).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_whose_payers_are_gone_is_reported_until_a_primary_group_takes_it() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("records-gone").await?;
    scene.group("records-gone", "short", json!({})).await?;
    scene.bare_project("records-gone", "records-gone-shop").await?;
    scene.bind("records-gone-shop", "short").await?;
    scene.wait_ready("records-gone-shop").await?;
    scene.delete::<ProjectBinding>("records-gone-shop", BINDING_NAME).await?;
    scene.wait_members("records-gone", "short", &[]).await?;
    scene.delete::<BillingGroup>("records-gone", "short").await?;
    scene.wait_gone::<BillingGroup>("records-gone", "short").await?;
    scene.usage("records-gone", "domain", domain("records-gone-shop", open_month().start())).await?;
    wait_reason(&scene, "records-gone", "domain", Some("PayerGone")).await?;

    scene.group("records-gone", "main", json!({ "primary": true })).await?;
    wait_reason(&scene, "records-gone", "domain", None).await?;
    let billed =
        scene.wait_invoice("records-gone", "main", open_month(), "bills it", |invoice| total(invoice) == "12.50");
    assert_eq!(lines(&billed.await?), ["domain 1 12.50"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_old_records_changes_no_invoice() -> Result {
    let scene = World::shared().scene().await?;
    awaited(&scene, "records-purge", "records-purge-shop", "main").await?;
    scene.usage("records-purge", "domain", domain("records-purge-shop", back(1).start())).await?;
    scene.group("records-purge", "main", terms(json!({ "firstPeriod": back(1).to_string() }))).await?;
    let before = final_of(&scene, "records-purge", "main", back(1)).await?;
    scene.delete::<UsageRecord>("records-purge", "domain").await?;
    // The operator has seen it when it has seen what came after it.
    scene.usage("records-purge", "later", domain("records-purge-shop", open_month().start())).await?;
    scene.wait_invoice("records-purge", "main", open_month(), "goes on", |invoice| total(invoice) == "12.50").await?;
    assert_eq!(final_of(&scene, "records-purge", "main", back(1)).await?, before);
    Ok(())
}

/// The reason of a group's condition `Ready`.
pub fn group_ready(group: &BillingGroup) -> Option<&str> {
    reason(&group.status.as_ref()?.conditions, "Ready")
}

/// Waits until a record's condition `Billable` has a reason, or is not there.
pub async fn wait_reason(
    scene: &Scene<'_>,
    organization: &str,
    record: &str,
    why: Option<&str>,
) -> Result<UsageRecord> {
    let what = format!("usage {organization}/{record} is reported as {why:?}");
    let reported = |record: &UsageRecord| {
        let conditions = record.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        reason(conditions, "Billable") == why
    };
    scene.wait_object(organization, record, &what, reported).await
}

/// Waits until a month's period names a project among those with unbilled records, or does not.
async fn counted(scene: &Scene<'_>, month: billing_domain::Month, project: &str, counted: bool) -> Result {
    let what = format!("the period {month} names {project} among the unbilled: {counted}");
    let periods = scene.cluster::<BillingPeriod>();
    crate::support::wait(&what, crate::support::LIMIT, async || {
        let status = periods.get(&month.to_string()).await?.status.unwrap_or_default();
        let named = status.unbilled_projects.iter().any(|named| **named == *project);
        Ok((named == counted).then_some(()))
    })
    .await
}
