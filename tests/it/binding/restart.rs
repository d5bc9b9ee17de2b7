//! A group that is full, and an operator that starts on top of it.

use std::time::Duration;

use billing_api::{BillingGroup, ProjectBinding, labels::BINDING_NAME};
use billing_domain::tenancy::membership::MAX_MEMBERS;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::{
    Result,
    support::{Scene, World, open_month, wait},
};

/// Thousands of objects take a while on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

fn project(index: usize) -> String {
    format!("full-{index:04}")
}

async fn fill(scene: &Scene<'_>) -> Result {
    scene.organization("full").await?;
    scene.group("full", "main", json!({})).await?;
    let one = async |index: usize| -> Result {
        let name = project(index);
        scene.bare_project("full", &name).await?;
        scene.bind(&name, "main").await?;
        Ok(())
    };
    stream::iter(0..MAX_MEMBERS).map(Ok).try_for_each_concurrent(32, one).await?;
    let what = format!("{MAX_MEMBERS} projects are bound, and told so");
    wait(&what, PATIENCE, async || {
        let bindings = scene.cluster::<ProjectBinding>().list(&Default::default()).await?;
        let told = |binding: &&ProjectBinding| {
            binding.status.as_ref().is_some_and(|status| status.billing_group.as_deref() == Some("main"))
        };
        Ok((bindings.iter().filter(told).count() == MAX_MEMBERS).then_some(()))
    })
    .await
}

/// Waits until the operator has nothing left to do that it knows of.
async fn wait_idle(world: &World) -> Result {
    wait("the operator is idle", PATIENCE, async || {
        let looks = world.metric("billing_operator_reconciles_total", r#"controller="project""#)?;
        let busy =
            world.metric("billing_operator_queue_waiting", "")? + world.metric("billing_operator_queue_running", "")?;
        Ok((looks >= MAX_MEMBERS as f64 && busy == 0.0).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_takes_2000_projects_and_a_start_on_top_of_them_writes_nothing() -> Result {
    let mut world = World::start(&[])?;
    fill(&world.scene().await?).await?;

    // One more than fits, until another leaves.
    let scene = world.scene().await?;
    scene.bare_project("full", "full-extra").await?;
    scene.bind("full-extra", "main").await?;
    scene.wait_refused("full-extra", "BillingGroupFull").await?;
    assert_eq!(scene.segments("full", "full-extra").await?, []);
    scene.delete::<ProjectBinding>(&project(0), BINDING_NAME).await?;
    scene.wait_ready("full-extra").await?;
    let group: BillingGroup = scene.api("full").get("main").await?;
    assert_eq!(group.status.and_then(|status| status.projects), i32::try_from(MAX_MEMBERS).ok());
    // Who left is still paid for by its last group.
    scene
        .wait_invoice("full", "main", open_month(), "it lists all that it pays for", |invoice| {
            let document = invoice.status.as_ref().and_then(|status| status.document.as_ref());
            document.is_some_and(|document| document.projects.len() == MAX_MEMBERS + 1)
        })
        .await?;
    drop(scene);
    wait_idle(&world).await?;

    world.restart_operator()?;
    wait_idle(&world).await?;
    assert_eq!(world.writes()?, [""; 0]);

    // It is awake all the same: the first change is worked on.
    let scene = world.scene().await?;
    scene.group("full", "other", json!({})).await?;
    scene.rebind("full-extra", "other").await?;
    scene.wait_ready("full-extra").await?;
    drop(scene);
    assert!(!world.writes()?.is_empty());
    Ok(())
}
