//! A group with projects is not deleted, whoever asks and however.

use billing_api::BillingGroup;
use billing_test_harness::User;
use kube::api::{DeleteParams, ListParams};
use serde_json::json;

use crate::{
    Result,
    chart::install::said,
    support::{Scene, World, refusal},
};

/// Makes an organization with the group `main`, which has a project.
async fn bound(scene: &Scene<'_>, organization: &str) -> Result {
    let project = format!("{organization}-shop");
    scene.organization(organization).await?;
    scene.group(organization, "main", json!({})).await?;
    scene.project(organization, &project).await?;
    scene.bind(&project, "main").await?;
    scene.wait_ready(&project).await?;
    Ok(())
}

/// The group is there, and nobody has begun to delete it.
async fn assert_untouched(scene: &Scene<'_>, organization: &str) -> Result {
    let group: BillingGroup = scene.api(organization).get("main").await?;
    assert_eq!(group.metadata.deletion_timestamp, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_with_projects_is_not_deleted_by_anybody() -> Result {
    let world = World::shared();
    bound(&world.scene().await?, "keep").await?;
    for user in [User::ClusterAdmin, User::Admin] {
        let scene = Scene::open(world, user).await?;
        let (code, message) = refusal(scene.delete::<BillingGroup>("keep", "main").await)?;
        assert_eq!(code, 403);
        assert!(message.contains("'billing-operator-billinggroup'"), "{message}");
        let remedy =
            "billing group keep/main still has 1 project(s), first of them keep-shop: bind them to another group first";
        assert!(message.contains(remedy), "{message}");
        assert_untouched(&scene, "keep").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_with_projects_is_not_deleted_with_all_others() -> Result {
    let scene = World::shared().scene().await?;
    bound(&scene, "keepall").await?;
    scene.group("keepall", "empty", json!({})).await?;

    let args = ["delete", "billinggroups", "--all", "--namespace=keepall", "--timeout=60s"];
    let output = scene.control_plane.kubectl(User::ClusterAdmin, &args)?;
    assert!(!output.status.success());
    assert!(said(&output).contains("billing group keepall/main still has 1 project(s)"), "{}", said(&output));
    assert_untouched(&scene, "keepall").await?;
    // The other one was free to go.
    scene.wait_gone::<BillingGroup>("keepall", "empty").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_with_projects_is_not_deleted_as_part_of_a_collection() -> Result {
    let scene = World::shared().scene().await?;
    bound(&scene, "collect").await?;

    let api = scene.api::<BillingGroup>("collect");
    let answer = api.delete_collection(&DeleteParams::default(), &ListParams::default()).await;
    let (code, message) = refusal(answer.map(drop).map_err(Into::into))?;
    assert_eq!(code, 403);
    assert!(message.contains("billing group collect/main still has 1 project(s)"), "{message}");
    assert_untouched(&scene, "collect").await?;
    Ok(())
}
