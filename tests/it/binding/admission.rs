//! Which projects a group takes, and how often a project may move.

use billing_api::BillingGroup;
use billing_domain::tenancy::membership::MAX_MOVES;
use serde_json::json;

use crate::{
    Result,
    support::{World, reason, stands},
};

#[tokio::test(flavor = "multi_thread")]
async fn allowed_projects_admit_and_refuse() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("admit").await?;
    scene.group("admit", "own", json!({ "allowedProjects": { "names": ["admit-shop"] } })).await?;
    for project in ["admit-shop", "admit-blog"] {
        scene.bare_project("admit", project).await?;
        scene.bind(project, "own").await?;
    }
    scene.wait_ready("admit-shop").await?;
    scene.wait_refused("admit-blog", "ProjectNotAllowed").await?;
    assert_eq!(scene.segments("admit", "admit-blog").await?, []);
    assert_eq!(scene.members("admit", "own").await?, ["admit-shop"]);

    let wider = json!({ "spec": { "allowedProjects": { "names": ["admit-shop", "admit-blog"] } } });
    scene.patch::<BillingGroup>("admit", "own", wider).await?;
    scene.wait_ready("admit-blog").await?;
    scene.wait_members("admit", "own", &["admit-blog", "admit-shop"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_narrowed_later_keeps_its_projects_and_has_a_condition() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("narrow").await?;
    scene.group("narrow", "main", json!({})).await?;
    for project in ["narrow-blog", "narrow-shop"] {
        scene.project("narrow", project).await?;
        scene.bind(project, "main").await?;
        scene.wait_ready(project).await?;
    }

    let narrower = json!({ "spec": { "allowedProjects": { "names": ["narrow-shop"] } } });
    scene.patch::<BillingGroup>("narrow", "main", narrower).await?;
    let group = scene
        .wait_group("narrow", "main", "it says that it pays for a project it does not allow", |group| {
            let conditions = group.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
            stands(conditions, "ProjectsNotAllowed")
        })
        .await?;
    let status = group.status.ok_or("a status")?;
    let told = status.conditions.iter().find(|condition| condition.type_ == "ProjectsNotAllowed").ok_or("told")?;
    assert!(
        told.message.starts_with("the group pays for narrow-blog, which spec.allowedProjects does not list"),
        "{}",
        told.message
    );
    assert!(stands(&status.conditions, "Ready"));
    assert_eq!(scene.members("narrow", "main").await?, ["narrow-blog", "narrow-shop"]);
    scene.wait_ready("narrow-blog").await?;

    let wider = json!({ "spec": { "allowedProjects": null } });
    scene.patch::<BillingGroup>("narrow", "main", wider).await?;
    scene
        .wait_group("narrow", "main", "the condition is gone", |group| {
            let conditions = group.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
            reason(conditions, "ProjectsNotAllowed").is_none()
        })
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_moves_24_times_a_month_and_no_more() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("nomad").await?;
    for group in ["east", "west"] {
        scene.group("nomad", group, json!({})).await?;
    }
    scene.project("nomad", "nomad-shop").await?;
    scene.bind("nomad-shop", "east").await?;
    scene.wait_ready("nomad-shop").await?;
    let mut groups = ["west", "east"].into_iter().cycle();
    for group in groups.by_ref().take(MAX_MOVES) {
        scene.rebind("nomad-shop", group).await?;
        scene.wait_ready("nomad-shop").await?;
    }
    assert_eq!(MAX_MOVES, 24);
    assert_eq!(scene.segments("nomad", "nomad-shop").await?.len(), 25);

    let group = groups.next().ok_or("another group")?;
    scene.rebind("nomad-shop", group).await?;
    let refused = scene.wait_refused("nomad-shop", "TooManyMoves").await?;
    assert_eq!(refused.status.and_then(|status| status.billing_group).as_deref(), Some("east"));
    assert_eq!(scene.segments("nomad", "nomad-shop").await?.len(), 25);
    scene.wait_members("nomad", "east", &["nomad-shop"]).await?;
    scene.wait_members("nomad", "west", &[]).await?;
    Ok(())
}
