//! The estimate of the month that runs.

use std::time::Duration;

use billing_api::{BillingGroup, Invoice, Time, UsageRecord};
use chrono::{SubsecRound, TimeDelta, Utc};
use kube::ResourceExt;
use serde_json::json;

use super::stage::{back, database, document, domain, is_final, later, lines, ready, revision, terms, total, written};
use crate::{
    Result,
    support::{World, open_month, wait},
};

/// How soon an estimate follows on a machine that is busy with other tests, far below the refresh of 15 minutes.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_appears_and_follows_usage_within_seconds() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("estimate").await?;
    scene.group("estimate", "main", json!({ "displayName": "Main", "invoiceText": "PO 1" })).await?;
    scene.project("estimate", "estimate-shop").await?;
    scene.bind("estimate-shop", "main").await?;
    scene.wait_ready("estimate-shop").await?;

    let month = open_month();
    let listed = |invoice: &Invoice| written(invoice).is_some_and(|document| !document.projects.is_empty());
    let empty = scene.wait_invoice("estimate", "main", month, "lists its project", listed).await?;
    assert_eq!((ready(&empty), total(&empty)), (Some("Open"), "0.00"));
    assert!(empty.name_any().ends_with("-1"), "the first month has number 1: {}", empty.name_any());
    let buyer = &document(&empty)?.buyer;
    assert_eq!((buyer.display_name.as_deref(), buyer.invoice_text.as_deref()), (Some("Main"), Some("PO 1")));

    scene.usage("estimate", "domain", domain("estimate-shop", month.start())).await?;
    let api = scene.api::<Invoice>("estimate");
    let number = empty.name_any();
    let billed = wait("the domain is on the estimate", SOON, async || {
        Ok(Some(api.get(&number).await?).filter(|invoice| total(invoice) == "12.50"))
    });
    let billed = billed.await?;
    assert_eq!(lines(&billed), ["domain 1 12.50"]);
    let record: UsageRecord = scene.api("estimate").get("domain").await?;
    let source = document(&billed)?.lines[0].source.clone().ok_or("a source")?;
    assert_eq!(Some(source.uid.to_string()), record.uid());
    scene
        .wait_group("estimate", "main", "tells its balance", |group: &BillingGroup| {
            group.status.as_ref().and_then(|status| status.estimated_balance.as_deref()) == Some("12.50")
        })
        .await?;
    assert_eq!(document(&api.get(&number).await?)?.lines[0].id, document(&billed)?.lines[0].id, "ids stay");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_that_starts_this_second_or_in_a_moment_is_on_the_estimate_within_seconds() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("estimate-now").await?;
    scene.group("estimate-now", "main", json!({})).await?;
    scene.project("estimate-now", "estimate-now-shop").await?;
    scene.bind("estimate-now-shop", "main").await?;
    scene.wait_ready("estimate-now-shop").await?;

    let now = Utc::now().trunc_subsecs(0);
    let soon = now + TimeDelta::seconds(5);
    scene.usage("estimate-now", "now", database("estimate-now-shop", "now", now, None)).await?;
    scene.usage("estimate-now", "soon", database("estimate-now-shop", "soon", soon, None)).await?;
    let api = scene.api::<Invoice>("estimate-now");
    let billed = wait("both records have their line", SOON, async || {
        let invoices = api.list(&Default::default()).await?.items;
        Ok(invoices.into_iter().find(|invoice| written(invoice).is_some_and(|document| document.lines.len() == 2)))
    })
    .await?;
    assert_eq!(lines(&billed), ["now 1 0.03", "soon 1 0.03"], "a begun hour counts as a whole one");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_takes_the_whole_month_from_one_estimate_to_the_other() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("estimate-move").await?;
    for group in ["old", "new"] {
        scene.group("estimate-move", group, json!({})).await?;
    }
    for project in ["estimate-move-shop", "estimate-move-stays"] {
        scene.project("estimate-move", project).await?;
        scene.bind(project, "old").await?;
        scene.usage("estimate-move", project, domain(project, open_month().start())).await?;
    }
    let month = open_month();
    scene.wait_invoice("estimate-move", "old", month, "bills both", |invoice| total(invoice) == "25.00").await?;

    scene.rebind("estimate-move-shop", "new").await?;
    let new =
        scene.wait_invoice("estimate-move", "new", month, "bills one", |invoice| total(invoice) == "12.50").await?;
    let old =
        scene.wait_invoice("estimate-move", "old", month, "bills one", |invoice| total(invoice) == "12.50").await?;
    assert_eq!(
        (lines(&old), lines(&new)),
        (vec!["estimate-move-stays 1 12.50".into()], vec!["estimate-move-shop 1 12.50".into()])
    );
    let projects = |invoice: &Invoice| document(invoice).map(|document| document.projects.len());
    assert_eq!((projects(&old)?, projects(&new)?), (1, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_is_written_again_only_while_something_runs() -> Result {
    let world = World::start(&["--estimate-interval=1s"])?;
    let scene = world.scene().await?;
    scene.organization("refresh").await?;
    let month = open_month();
    for group in ["quiet", "running"] {
        let project = format!("refresh-{group}");
        scene.project("refresh", &project).await?;
        scene.bind(&project, group).await?;
        scene.group("refresh", group, json!({})).await?;
        scene.usage("refresh", &format!("{group}-domain"), domain(&project, month.start())).await?;
    }
    scene.usage("refresh", "database", database("refresh-running", "db", month.start(), None)).await?;
    // A record that ended, of a month before, runs no more.
    scene
        .usage("refresh", "ended", database("refresh-quiet", "db", back(2).start(), Some(later(back(2).start(), 5))))
        .await?;
    let quiet =
        scene.wait_invoice("refresh", "quiet", month, "bills the domain", |invoice| total(invoice) == "12.50").await?;
    let mut running =
        scene.wait_invoice("refresh", "running", month, "bills both", |invoice| lines_of(invoice) == 2).await?;
    let group: BillingGroup = scene
        .wait_group("refresh", "quiet", "knows its balance", |group| {
            group.status.as_ref().is_some_and(|status| status.estimated_balance.as_deref() == Some("12.50"))
        })
        .await?;

    for _ in 0..4 {
        let (before, revision_before) = (as_of(&running), revision(&running)?);
        let newer = |invoice: &Invoice| as_of(invoice) > before;
        running = scene.wait_invoice("refresh", "running", month, "follows the clock", newer).await?;
        assert!(revision(&running)? > revision_before);
    }
    let after = scene.wait_invoice("refresh", "quiet", month, "is there", |invoice| !is_final(invoice)).await?;
    assert_eq!(revision(&after)?, revision(&quiet)?, "nothing changed, and nothing was written");
    let group_after: BillingGroup = scene.api("refresh").get("quiet").await?;
    assert_eq!(revision(&group_after)?, revision(&group)?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_snapshot_of_the_buyer_follows_the_group() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("estimate-buyer").await?;
    scene.group("estimate-buyer", "main", terms(json!({ "paymentTermDays": 30 }))).await?;
    let month = open_month();
    scene.wait_invoice("estimate-buyer", "main", month, "is written", |invoice| written(invoice).is_some()).await?;
    scene.patch::<BillingGroup>("estimate-buyer", "main", json!({ "spec": { "company": "Acme" } })).await?;
    let named =
        |invoice: &Invoice| written(invoice).is_some_and(|document| document.buyer.company.as_deref() == Some("Acme"));
    scene.wait_invoice("estimate-buyer", "main", month, "names the company", named).await?;
    Ok(())
}

fn as_of(invoice: &Invoice) -> Option<Time> {
    written(invoice).and_then(|document| document.as_of)
}

fn lines_of(invoice: &Invoice) -> usize {
    written(invoice).map_or(0, |document| document.lines.len())
}
