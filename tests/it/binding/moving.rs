//! Moving a project from one group to another.

use billing_api::BillingGroup;
use serde_json::json;

use crate::{
    Result,
    support::{LIMIT, Scene, World, refusal, wait},
};

/// Makes an organization with the groups `old` and `new`, and a project of it that the old one pays for.
async fn bound_to_old(scene: &Scene<'_>, organization: &str, project: &str) -> Result {
    scene.organization(organization).await?;
    for group in ["old", "new"] {
        scene.group(organization, group, json!({})).await?;
    }
    scene.project(organization, project).await?;
    scene.bind(project, "old").await?;
    scene.wait_ready(project).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_moved_project_is_paid_by_the_new_group_from_then_on() -> Result {
    let scene = World::shared().scene().await?;
    bound_to_old(&scene, "move", "move-shop").await?;

    scene.rebind("move-shop", "new").await?;
    let status = scene.wait_ready("move-shop").await?.status.ok_or("a status")?;
    assert_eq!(status.billing_group.as_deref(), Some("new"));
    let segments = scene.segments("move", "move-shop").await?;
    assert_eq!(segments.iter().map(|segment| segment.billing_group.as_str()).collect::<Vec<_>>(), ["old", "new"]);
    assert!(segments[0].from < segments[1].from);
    assert_eq!(status.since, Some(segments[1].from));
    assert_eq!(scene.members("move", "new").await?, ["move-shop"]);
    scene.wait_members("move", "old", &[]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_moved_back_before_the_move_is_finished_stays_where_it_was() -> Result {
    let scene = World::shared().scene().await?;
    bound_to_old(&scene, "waver", "waver-shop").await?;

    for _ in 0..10 {
        scene.rebind("waver-shop", "new").await?;
        scene.rebind("waver-shop", "old").await?;
    }
    scene.wait_ready("waver-shop").await?;
    scene.wait_members("waver", "new", &[]).await?;
    assert_eq!(scene.members("waver", "old").await?, ["waver-shop"]);
    // Whether a move came to the ledger before it was taken back is a matter of time; that it leads back is not.
    let payers = scene.payers("waver", "waver-shop").await?;
    assert!(payers.iter().enumerate().all(|(index, payer)| *payer == ["old", "new"][index % 2]), "{payers:?}");
    assert_eq!(payers.last().map(String::as_str), Some("old"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_group_can_be_deleted_as_soon_as_its_last_project_has_moved() -> Result {
    let scene = World::shared().scene().await?;
    bound_to_old(&scene, "vacate", "vacate-shop").await?;

    let (code, message) = refusal(scene.delete::<BillingGroup>("vacate", "old").await)?;
    assert_eq!(code, 403);
    assert!(message.contains("still has 1 project(s), first of them vacate-shop"), "{message}");
    scene.rebind("vacate-shop", "new").await?;
    // Whoever is impatient is refused, until the project is safe with its new group.
    wait("the old group takes its deletion", LIMIT, async || {
        Ok(scene.delete::<BillingGroup>("vacate", "old").await.is_ok().then_some(()))
    })
    .await?;
    assert_eq!(scene.members("vacate", "new").await?, ["vacate-shop"]);
    assert_eq!(scene.payers("vacate", "vacate-shop").await?, ["old", "new"]);
    scene.wait_gone::<BillingGroup>("vacate", "old").await?;
    scene.wait_ready("vacate-shop").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_being_deleted_takes_no_project() -> Result {
    let scene = World::shared().scene().await?;
    bound_to_old(&scene, "doomed", "doomed-shop").await?;
    hold(&scene, "doomed", "new", true).await?;
    scene.delete::<BillingGroup>("doomed", "new").await?;

    scene.rebind("doomed-shop", "new").await?;
    let refused = scene.wait_refused("doomed-shop", "BillingGroupDeleting").await?;
    assert_eq!(refused.status.and_then(|status| status.billing_group).as_deref(), Some("old"));
    hold(&scene, "doomed", "new", false).await?;
    scene.wait_gone::<BillingGroup>("doomed", "new").await?;
    scene.wait_refused("doomed-shop", "BillingGroupNotFound").await?;
    assert_eq!(scene.payers("doomed", "doomed-shop").await?, ["old"]);
    assert_eq!(scene.members("doomed", "old").await?, ["doomed-shop"]);
    Ok(())
}

/// Adds or removes a finalizer of our own, which keeps a deleted group from going.
async fn hold(scene: &Scene<'_>, organization: &str, group: &str, held: bool) -> Result {
    const HOLD: &str = "example.com/hold";
    wait("the finalizer is changed", LIMIT, async || {
        let object: BillingGroup = scene.api(organization).get(group).await?;
        let mut finalizers = object.metadata.finalizers.unwrap_or_default();
        finalizers.retain(|finalizer| finalizer != HOLD);
        finalizers.extend(held.then(|| HOLD.to_owned()));
        // With the version: the operator puts a finalizer on and takes it off, too.
        let metadata = json!({ "finalizers": finalizers, "resourceVersion": object.metadata.resource_version });
        scene.patch::<BillingGroup>(organization, group, json!({ "metadata": metadata })).await?;
        Ok(Some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_and_the_deletion_of_its_target_never_both_win() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("race").await?;
    scene.group("race", "old", json!({})).await?;
    let pairs: Vec<_> = (0..8).map(|index| (format!("race-{index}"), format!("target-{index}"))).collect();
    for (project, target) in &pairs {
        scene.group("race", target, json!({})).await?;
        scene.project("race", project).await?;
        scene.bind(project, "old").await?;
    }
    for (project, target) in &pairs {
        scene.wait_ready(project).await?;
        scene
            .wait_group("race", target, "it has a series", |group| {
                group.status.as_ref().is_some_and(|status| status.invoice_series.is_some())
            })
            .await?;
    }
    for (index, (project, target)) in pairs.iter().enumerate() {
        scene.rebind(project, target).await?;
        if index.is_multiple_of(2) {
            // The lock is what counts, whether the ledger is written yet or not.
            scene.wait_members("race", target, &[project]).await?;
        }
        let payer = match scene.delete::<BillingGroup>("race", target).await {
            // The group was empty when it was deleted: the project stays.
            Ok(()) => {
                assert!(!index.is_multiple_of(2), "{target} had a member and was deleted");
                scene.wait_gone::<BillingGroup>("race", target).await?;
                scene.wait_refused(project, "BillingGroupNotFound").await?;
                "old"
            }
            Err(_) => {
                scene.wait_ready(project).await?;
                target
            }
        };
        assert_eq!(scene.payers("race", project).await?.last().map(String::as_str), Some(payer));
    }
    Ok(())
}
