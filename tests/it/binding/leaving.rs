//! A project leaves its group: its binding goes, or its whole namespace.

use billing_api::{BillingGroup, ProjectBinding, labels::BINDING_NAME};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::DeleteParams;
use serde_json::json;

use crate::{
    Result,
    support::{LIMIT, Scene, World, wait},
};

/// Makes an organization with the group `main`, and a project that it pays for and that gets nothing by default.
async fn bound(scene: &Scene<'_>, organization: &str, project: &str) -> Result {
    scene.organization(organization).await?;
    scene.group(organization, "main", json!({})).await?;
    scene.bare_project(organization, project).await?;
    scene.bind(project, "main").await?;
    scene.wait_ready(project).await?;
    Ok(())
}

async fn delete_namespace(scene: &Scene<'_>, name: &str) -> Result {
    let api = scene.cluster::<Namespace>();
    api.delete(name, &DeleteParams::default()).await?;
    wait(&format!("the namespace {name} is gone"), LIMIT, async || Ok(api.get_opt(name).await?.is_none().then_some(())))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_leaves_with_its_binding_and_its_ledger_stays() -> Result {
    let scene = World::shared().scene().await?;
    bound(&scene, "leave", "leave-shop").await?;
    let before = scene.segments("leave", "leave-shop").await?;

    scene.delete::<ProjectBinding>("leave-shop", BINDING_NAME).await?;
    scene.wait_members("leave", "main", &[]).await?;
    assert_eq!(scene.segments("leave", "leave-shop").await?, before);
    scene.delete::<BillingGroup>("leave", "main").await?;
    scene.wait_gone::<BillingGroup>("leave", "main").await?;
    assert_eq!(scene.segments("leave", "leave-shop").await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_made_again_under_its_name_is_another_payer() -> Result {
    let scene = World::shared().scene().await?;
    bound(&scene, "phoenix", "phoenix-shop").await?;
    scene.delete::<ProjectBinding>("phoenix-shop", BINDING_NAME).await?;
    scene.wait_members("phoenix", "main", &[]).await?;
    scene.delete::<BillingGroup>("phoenix", "main").await?;
    scene.wait_gone::<BillingGroup>("phoenix", "main").await?;

    let reborn = scene.group("phoenix", "main", json!({})).await?;
    scene.bind("phoenix-shop", "main").await?;
    scene.wait_ready("phoenix-shop").await?;
    let segments = scene.segments("phoenix", "phoenix-shop").await?;
    assert_eq!(segments.iter().map(|segment| segment.billing_group.as_str()).collect::<Vec<_>>(), ["main", "main"]);
    assert_ne!(segments[0].billing_group_uid, segments[1].billing_group_uid);
    assert_eq!(Some(segments[1].billing_group_uid.as_str()), reborn.metadata.uid.as_deref());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_whose_namespace_is_deleted_leaves_and_can_come_back_in_the_same_month() -> Result {
    let scene = World::shared().scene().await?;
    bound(&scene, "return", "return-shop").await?;
    scene.group("return", "other", json!({})).await?;
    let first = scene.segments("return", "return-shop").await?;

    delete_namespace(&scene, "return-shop").await?;
    scene.wait_members("return", "main", &[]).await?;
    assert_eq!(scene.segments("return", "return-shop").await?, first);

    // Back to the group that still pays: nothing is to be written into the ledger.
    scene.bare_project("return", "return-shop").await?;
    scene.bind("return-shop", "main").await?;
    scene.wait_ready("return-shop").await?;
    scene.wait_members("return", "main", &["return-shop"]).await?;
    assert_eq!(scene.segments("return", "return-shop").await?, first);

    // And once more, to another group.
    delete_namespace(&scene, "return-shop").await?;
    scene.wait_members("return", "main", &[]).await?;
    let again = scene.bare_project("return", "return-shop").await?;
    scene.bind("return-shop", "other").await?;
    scene.wait_ready("return-shop").await?;
    let segments = scene.segments("return", "return-shop").await?;
    assert_eq!(segments[..1], first);
    assert_eq!(segments[1].billing_group.as_str(), "other");
    assert_eq!(Some(segments[1].project_uid.as_str()), again.metadata.uid.as_deref());
    assert_eq!(segments.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_the_operator_is_down_is_made_good_when_it_is_back() -> Result {
    let mut world = World::start(&[])?;
    let scene = world.scene().await?;
    bound(&scene, "down", "down-shop").await?;
    scene.group("down", "other", json!({})).await?;
    for project in ["down-mover", "down-goner"] {
        scene.bare_project("down", project).await?;
        scene.bind(project, "main").await?;
        scene.wait_ready(project).await?;
    }
    scene.wait_members("down", "main", &["down-goner", "down-mover", "down-shop"]).await?;
    drop(scene);
    world.operator.kill9();

    let scene = world.scene().await?;
    scene.delete::<ProjectBinding>("down-shop", BINDING_NAME).await?;
    delete_namespace(&scene, "down-goner").await?;
    scene.rebind("down-mover", "other").await?;
    scene.bare_project("down", "down-comer").await?;
    scene.bind("down-comer", "main").await?;
    assert_eq!(scene.members("down", "main").await?, ["down-goner", "down-mover", "down-shop"]);
    drop(scene);
    world.restart_operator()?;

    let scene = world.scene().await?;
    scene.wait_members("down", "main", &["down-comer"]).await?;
    scene.wait_members("down", "other", &["down-mover"]).await?;
    scene.wait_ready("down-mover").await?;
    scene.wait_ready("down-comer").await?;
    assert_eq!(scene.payers("down", "down-shop").await?, ["main"]);
    assert_eq!(scene.payers("down", "down-mover").await?, ["main", "other"]);
    Ok(())
}
