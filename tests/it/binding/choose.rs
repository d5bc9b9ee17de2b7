//! Binding a project to a group.

use serde_json::json;

use crate::{Result, support::World};

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_is_bound_is_paid_by_its_group() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("bind").await?;
    scene.group("bind", "main", json!({})).await?;
    scene.project("bind", "bind-shop").await?;
    scene.bind("bind-shop", "main").await?;

    let binding = scene.wait_ready("bind-shop").await?;
    let status = binding.status.ok_or("a status")?;
    assert_eq!(status.organization.as_deref(), Some("bind"));
    assert_eq!(status.billing_group.as_deref(), Some("main"));
    let segments = scene.segments("bind", "bind-shop").await?;
    assert_eq!(segments.len(), 1);
    assert_eq!(Some(segments[0].from), status.since);
    assert!(!segments[0].default);
    assert_eq!(scene.members("bind", "main").await?, ["bind-shop"]);
    Ok(())
}
