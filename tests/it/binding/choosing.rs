//! Binding a project to a group.

use std::collections::BTreeMap;

use billing_api::{BillingGroup, Invoice, ProjectBinding, Time, labels::BINDING_NAME};
use chrono::TimeDelta;
use futures::{StreamExt, TryStreamExt, stream};
use kube::{ResourceExt, api::ListParams};
use serde_json::json;

use crate::{
    Result,
    support::{LIMIT, World, open_month, refusal, stands, wait},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_is_bound_is_paid_by_its_group() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("bind").await?;
    scene.group("bind", "main", json!({})).await?;
    let project = scene.project("bind", "bind-shop").await?;
    scene.bind("bind-shop", "main").await?;

    let binding = scene.wait_ready("bind-shop").await?;
    let status = binding.status.ok_or("a status")?;
    assert_eq!(status.organization.as_deref(), Some("bind"));
    assert_eq!(status.billing_group.as_deref(), Some("main"));
    assert!(stands(&status.conditions, "Accepted"));
    let segments = scene.segments("bind", "bind-shop").await?;
    assert_eq!(segments.len(), 1);
    assert_eq!(Some(segments[0].from), status.since);
    assert_eq!(Some(segments[0].project_uid.as_str()), project.metadata.uid.as_deref());
    assert!(!segments[0].default);
    assert_eq!(scene.members("bind", "main").await?, ["bind-shop"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_binding_is_refused_and_the_same_one_changes_nothing() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("twice").await?;
    scene.group("twice", "main", json!({})).await?;
    scene.group("twice", "other", json!({})).await?;
    scene.project("twice", "twice-shop").await?;
    scene.bind("twice-shop", "main").await?;
    let bound = scene.wait_ready("twice-shop").await?;

    let (code, _) = refusal(scene.bind("twice-shop", "other").await)?;
    assert_eq!(code, 409);
    let (code, message) = refusal(scene.bind_as("twice-shop", "second", "other").await)?;
    assert_eq!(code, 422);
    assert!(message.contains("exactly one ProjectBinding, named 'billing'"), "{message}");

    let again = scene.rebind("twice-shop", "main").await?;
    assert_eq!(again.resource_version(), bound.resource_version());
    assert_eq!(scene.payers("twice", "twice-shop").await?, ["main"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_projects_are_bound_at_once() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("crowd").await?;
    scene.group("crowd", "even", json!({})).await?;
    scene.group("crowd", "odd", json!({})).await?;
    let names: Vec<_> = (0..200).map(|index| format!("crowd-{index:03}")).collect();
    let group = |index: usize| if index.is_multiple_of(2) { "even" } else { "odd" };
    stream::iter(&names)
        .map(Ok)
        .try_for_each_concurrent(16, async |name| scene.project("crowd", name).await.map(drop))
        .await?;
    stream::iter(names.iter().enumerate())
        .map(Ok)
        .try_for_each_concurrent(32, async |(index, name)| scene.bind(name, group(index)).await.map(drop))
        .await?;

    wait("all 200 bindings are ready", LIMIT, async || {
        let bindings = scene.cluster::<ProjectBinding>().list(&ListParams::default()).await?;
        let ready = bindings.iter().filter(|binding| {
            let conditions = binding.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
            binding.namespace().is_some_and(|project| project.starts_with("crowd-")) && stands(conditions, "Ready")
        });
        Ok((ready.count() == 200).then_some(()))
    })
    .await?;
    for (index, name) in names.iter().enumerate() {
        assert_eq!(scene.payers("crowd", name).await?, [group(index)]);
    }
    for (parity, group) in ["even", "odd"].into_iter().enumerate() {
        let expected: Vec<_> = names.iter().skip(parity).step_by(2).map(String::as_str).collect();
        scene.wait_members("crowd", group, &expected).await?;
        let group: BillingGroup = scene.api("crowd").get(group).await?;
        assert_eq!(group.status.and_then(|status| status.projects), Some(100));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_applied_before_its_group_becomes_ready_when_that_appears() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("early").await?;
    scene.bare_project("early", "early-shop").await?;
    scene.bind("early-shop", "main").await?;
    let refused = scene.wait_refused("early-shop", "BillingGroupNotFound").await?;
    assert_eq!(refused.status.and_then(|status| status.billing_group), None);
    assert_eq!(scene.segments("early", "early-shop").await?, []);

    scene.group("early", "main", json!({})).await?;
    scene.wait_ready("early-shop").await?;
    assert_eq!(scene.payers("early", "early-shop").await?, ["main"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_binding_applied_before_its_organization_becomes_ready_when_that_appears() -> Result {
    let scene = World::shared().scene().await?;
    scene.bare_project("late", "late-shop").await?;
    scene.bind("late-shop", "main").await?;
    scene.wait_refused("late-shop", "OrganizationMissing").await?;

    scene.organization("late").await?;
    scene.group("late", "main", json!({})).await?;
    scene.wait_ready("late-shop").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_another_organization_is_out_of_reach() -> Result {
    let scene = World::shared().scene().await?;
    for organization in ["near", "far"] {
        scene.organization(organization).await?;
        scene.group(organization, "main", json!({})).await?;
    }
    let theirs = scene.group("far", "secret", json!({})).await?;

    // Nothing that a binding can say leads out of its organization.
    scene.bare_project("near", "near-spy").await?;
    scene.bind("near-spy", "secret").await?;
    let refused = scene.wait_refused("near-spy", "BillingGroupNotFound").await?;
    assert_eq!(refused.status.and_then(|status| status.billing_group), None);
    assert_eq!(scene.segments("near", "near-spy").await?, []);
    assert_eq!(scene.segments("far", "near-spy").await?, []);

    // A name that both organizations have is one's own group.
    scene.project("near", "near-shop").await?;
    scene.bind("near-shop", "main").await?;
    scene.wait_ready("near-shop").await?;
    let ours: BillingGroup = scene.api("near").get("main").await?;
    let segments = scene.segments("near", "near-shop").await?;
    assert_eq!(Some(segments[0].billing_group_uid.as_str()), ours.metadata.uid.as_deref());
    assert_eq!(scene.members("far", "main").await?, [""; 0]);
    assert_eq!(scene.members("far", &theirs.name_any()).await?, [""; 0]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_change_leaves_the_payer_in_force_and_says_so() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("slip").await?;
    scene.group("slip", "main", json!({})).await?;
    scene.project("slip", "slip-shop").await?;
    scene.bind("slip-shop", "main").await?;
    let bound = scene.wait_ready("slip-shop").await?;

    scene.rebind("slip-shop", "mian").await?;
    let refused = scene.wait_refused("slip-shop", "BillingGroupNotFound").await?;
    let status = refused.status.ok_or("a status")?;
    assert_eq!(status.billing_group.as_deref(), Some("main"));
    assert_eq!(status.since, bound.status.and_then(|status| status.since));
    let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").ok_or("a condition Ready")?;
    let accepted =
        status.conditions.iter().find(|condition| condition.type_ == "Accepted").ok_or("a condition Accepted")?;
    assert_eq!(
        ready.message,
        format!("billing group main pays, because the binding is not accepted: {}", accepted.message)
    );
    assert_eq!(scene.payers("slip", "slip-shop").await?, ["main"]);
    assert_eq!(scene.members("slip", "main").await?, ["slip-shop"]);

    scene.rebind("slip-shop", "main").await?;
    scene.wait_ready("slip-shop").await?;
    assert_eq!(scene.payers("slip", "slip-shop").await?, ["main"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_group_keeps_everything() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("rename").await?;
    scene.group("rename", "main", json!({ "displayName": "Default billing group" })).await?;
    scene.project("rename", "rename-shop").await?;
    scene.bind("rename-shop", "main").await?;
    let bound = scene.wait_ready("rename-shop").await?;
    let named = |name: &'static str| {
        move |invoice: &Invoice| {
            let document = invoice.status.as_ref().and_then(|status| status.document.as_ref());
            document.is_some_and(|document| {
                document.buyer.display_name.as_deref() == Some(name) && document.projects.len() == 1
            })
        }
    };
    let month = open_month();
    let before = scene.wait_invoice("rename", "main", month, "the old name", named("Default billing group")).await?;

    let renamed = json!({ "spec": { "displayName": "My consolidated invoice" } });
    scene.patch::<BillingGroup>("rename", "main", renamed).await?;
    let after = scene.wait_invoice("rename", "main", month, "the new name", named("My consolidated invoice")).await?;
    assert_eq!((after.name_any(), after.uid()), (before.name_any(), before.uid()));
    assert_eq!(scene.members("rename", "main").await?, ["rename-shop"]);
    assert_eq!(scene.payers("rename", "rename-shop").await?, ["main"]);
    let binding: ProjectBinding = scene.api("rename-shop").get(BINDING_NAME).await?;
    assert_eq!(binding.resource_version(), bound.resource_version());
    Ok(())
}

/// The walk-through of November 2020, with 24 services of one begun hour each instead of one of 24 hours: the month that
/// runs may be as young as it likes.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_was_renamed_consolidates_two_projects() -> Result {
    let scene = World::shared().scene().await?;
    let month = open_month();
    scene.organization("walk").await?;
    scene.group("walk", "default", json!({ "displayName": "Default billing group for test" })).await?;
    scene.group("walk", "another", json!({})).await?;
    for (project, group) in [("walk-test", "default"), ("walk-another", "another")] {
        scene.project("walk", project).await?;
        scene.bind(project, group).await?;
        scene.wait_ready(project).await?;
    }
    let (start, end) = (Time(month.start()), Time(month.start() + TimeDelta::seconds(1)));
    for record in ["testservice-1", "testservice-2"] {
        let service =
            json!({ "name": record, "type": "PostgreSQL", "plan": "Hobbyist", "cloud": "google-europe-north1" });
        let spec = json!({ "project": "walk-test", "service": service, "quantity": "24", "start": start, "end": end });
        scene.usage("walk", record, spec).await?;
    }

    scene
        .patch::<BillingGroup>("walk", "default", json!({ "spec": { "displayName": "My consolidated invoice" } }))
        .await?;
    scene.rebind("walk-another", "default").await?;
    scene.wait_ready("walk-another").await?;
    let expected = BTreeMap::from([("walk-another", "0.00"), ("walk-test", "1.24")]);
    let consolidated = scene
        .wait_invoice("walk", "default", month, "0.00 and 1.24", |invoice| {
            let document = invoice.status.as_ref().and_then(|status| status.document.as_ref());
            document.is_some_and(|document| {
                let subtotals = document.projects.iter().map(|row| (row.project.as_str(), row.subtotal.as_str()));
                subtotals.collect::<BTreeMap<_, _>>() == expected
            })
        })
        .await?;
    let document = consolidated.status.and_then(|status| status.document).ok_or("a document")?;
    assert_eq!(document.total.as_str(), "1.24");
    assert_eq!(document.buyer.display_name.as_deref(), Some("My consolidated invoice"));
    let lines: Vec<_> = document.lines.iter().map(|line| (line.description.as_str(), line.total.as_str())).collect();
    let described = |service: &str| format!("{service}: PostgreSQL Hobbyist google-europe-north1");
    let (first, second) = (described("testservice-1"), described("testservice-2"));
    assert_eq!(lines, [(first.as_str(), "0.62"), (second.as_str(), "0.62")]);

    scene.wait_members("walk", "another", &[]).await?;
    scene.delete::<BillingGroup>("walk", "another").await?;
    scene.wait_gone::<BillingGroup>("walk", "another").await?;
    let (code, message) = refusal(scene.delete::<BillingGroup>("walk", "default").await)?;
    assert_eq!(code, 403);
    assert!(message.contains("still has 2 project(s)"), "{message}");
    Ok(())
}
