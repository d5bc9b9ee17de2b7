//! What becomes of a project that nobody bound.

use std::time::Duration;

use billing_api::{
    BillingGroup, ProjectBinding,
    labels::{BINDING_NAME, DEDICATED_ANNOTATION, DEFAULT_ANNOTATION},
};
use billing_test_harness::User;
use chrono::{TimeDelta, Utc};
use kube::{ResourceExt, api::ListParams};
use serde_json::json;

use crate::{
    Result,
    support::{LIMIT, Scene, World, reason, stands, wait},
};

/// Waits until a project has a binding made by default, which is in force, and returns it.
async fn wait_default(scene: &Scene<'_>, project: &str) -> Result<ProjectBinding> {
    let binding = scene.wait_ready(project).await?;
    let marked = binding.annotations().get(DEFAULT_ANNOTATION).map(String::as_str);
    assert_eq!(marked, Some(binding.spec.billing_group.as_str()), "{binding:#?}");
    Ok(binding)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_nobody_bound_is_paid_by_the_primary_group() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("primary").await?;
    scene.group("primary", "other", json!({})).await?;
    scene.group("primary", "main", json!({ "primary": true })).await?;
    scene.project("primary", "primary-shop").await?;

    let binding = wait_default(&scene, "primary-shop").await?;
    assert_eq!(binding.spec.billing_group.as_str(), "main");
    let segments = scene.segments("primary", "primary-shop").await?;
    assert_eq!((segments.len(), segments[0].default), (1, true));
    assert_eq!(scene.members("primary", "main").await?, ["primary-shop"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_of_an_organization_without_primary_group_gets_one_of_its_own() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("alone").await?;
    scene.project("alone", "alone-shop").await?;
    // Somebody else's group has the name of this project.
    scene.group("alone", "alone-blog", json!({})).await?;
    let blog = scene.project("alone", "alone-blog").await?;

    let binding = wait_default(&scene, "alone-shop").await?;
    assert_eq!(binding.spec.billing_group.as_str(), "alone-shop");
    let group: BillingGroup = scene.api("alone").get("alone-shop").await?;
    assert_eq!(group.annotations().get(DEDICATED_ANNOTATION).map(String::as_str), Some("alone-shop"));
    assert_eq!(group.spec.allowed_projects, None);

    let digits: String = blog.uid().unwrap_or_default().chars().filter(char::is_ascii_hexdigit).take(5).collect();
    let binding = wait_default(&scene, "alone-blog").await?;
    assert_eq!(binding.spec.billing_group.to_string(), format!("alone-blog-{digits}"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_whose_binding_is_deleted_is_bound_to_its_last_group_again() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("again").await?;
    scene.group("again", "main", json!({ "primary": true })).await?;
    scene.group("again", "chosen", json!({})).await?;
    scene.project("again", "again-shop").await?;
    scene.bind("again-shop", "chosen").await?;
    scene.wait_ready("again-shop").await?;

    scene.delete::<ProjectBinding>("again-shop", BINDING_NAME).await?;
    let binding = wait_default(&scene, "again-shop").await?;
    assert_eq!(binding.spec.billing_group.as_str(), "chosen");
    assert_eq!(scene.payers("again", "again-shop").await?, ["chosen"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_can_opt_out() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("optout").await?;
    scene.group("optout", "main", json!({ "primary": true })).await?;
    scene.bare_project("optout", "optout-sandbox").await?;
    scene.project("optout", "optout-shop").await?;
    // It came later, so the sandbox has been decided about when this one is bound.
    wait_default(&scene, "optout-shop").await?;
    assert_eq!(scene.api::<ProjectBinding>("optout-sandbox").get_opt(BINDING_NAME).await?, None);

    let opted_in = json!({ "metadata": { "labels": { "billing-operator.io/default-binding": null } } });
    scene.patch_cluster::<k8s_openapi::api::core::v1::Namespace>("optout-sandbox", opted_in).await?;
    wait_default(&scene, "optout-sandbox").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_primary_groups_the_oldest_counts_and_the_others_say_so() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("several").await?;
    let older = scene.group("several", "older", json!({ "primary": true })).await?;
    let created = older.metadata.creation_timestamp.ok_or("a time of creation")?.0.as_second();
    wait("the next group is a second younger", Duration::from_secs(5), async || {
        Ok((Utc::now() >= chrono::DateTime::from_timestamp(created, 0).unwrap_or_default() + TimeDelta::seconds(1))
            .then_some(()))
    })
    .await?;
    // Younger, but first by name.
    scene.group("several", "another", json!({ "primary": true })).await?;
    scene.project("several", "several-shop").await?;

    assert_eq!(wait_default(&scene, "several-shop").await?.spec.billing_group.as_str(), "older");
    let ignored = |group: &BillingGroup| {
        stands(group.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default(), "PrimaryIgnored")
    };
    let younger = scene.wait_group("several", "another", "it says that it is ignored", ignored).await?;
    let conditions = younger.status.unwrap_or_default().conditions;
    assert_eq!(reason(&conditions, "PrimaryIgnored"), Some("OlderPrimary"));
    assert!(stands(&conditions, "Ready"));
    let group: BillingGroup = scene.api("several").get("older").await?;
    assert!(!ignored(&group));

    scene.patch::<BillingGroup>("several", "older", json!({ "spec": { "primary": false } })).await?;
    scene.wait_group("several", "another", "it is the primary group now", |group| !ignored(group)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_group_that_does_not_allow_the_project_is_passed_over() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("passed").await?;
    let others = json!({ "names": ["passed-blog"] });
    scene.group("passed", "main", json!({ "primary": true, "allowedProjects": others })).await?;
    for project in ["passed-blog", "passed-shop"] {
        scene.project("passed", project).await?;
    }
    assert_eq!(wait_default(&scene, "passed-blog").await?.spec.billing_group.as_str(), "main");
    assert_eq!(wait_default(&scene, "passed-shop").await?.spec.billing_group.as_str(), "passed-shop");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_takes_a_default_binding_over_and_the_group_made_for_it_goes() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("takeover").await?;
    scene.project("takeover", "takeover-shop").await?;
    wait_default(&scene, "takeover-shop").await?;
    scene.group("takeover", "main", json!({})).await?;

    let manifest = r#"
apiVersion: billing-operator.io/v1alpha1
kind: ProjectBinding
metadata: {name: billing, namespace: takeover-shop}
spec: {billingGroup: main}
"#;
    let applied = scene.control_plane.kubectl_with(User::ClusterAdmin, &["apply", "--filename=-"], manifest)?;
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    scene.wait_ready("takeover-shop").await?;
    assert_eq!(scene.payers("takeover", "takeover-shop").await?, ["takeover-shop", "main"]);
    assert!(!scene.segments("takeover", "takeover-shop").await?[1].default);
    scene
        .wait_binding("takeover-shop", "it is no default any more", |binding| {
            !binding.annotations().contains_key(DEFAULT_ANNOTATION)
        })
        .await?;
    scene.wait_gone::<BillingGroup>("takeover", "takeover-shop").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_made_by_default_stays_when_somebody_edited_it() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("edited").await?;
    scene.project("edited", "edited-shop").await?;
    wait_default(&scene, "edited-shop").await?;
    let edit = |text: &str| json!({ "spec": { "invoiceText": text } });
    scene.patch::<BillingGroup>("edited", "edited-shop", edit("order 1")).await?;
    scene.group("edited", "main", json!({})).await?;
    scene.rebind("edited-shop", "main").await?;
    scene.wait_ready("edited-shop").await?;
    scene.wait_members("edited", "edited-shop", &[]).await?;

    // One more look at the group, now that it has neither members nor ledgers.
    let edited = scene.patch::<BillingGroup>("edited", "edited-shop", edit("order 2")).await?;
    let group = scene
        .wait_group("edited", "edited-shop", "the edit was seen", |group| {
            group.status.as_ref().is_some_and(|status| status.observed_generation == edited.metadata.generation)
        })
        .await?;
    assert_eq!(group.metadata.deletion_timestamp, None);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_whose_binding_is_never_acceptable_is_paid_by_the_default() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("stuck").await?;
    scene.group("stuck", "main", json!({ "primary": true })).await?;
    scene.project("stuck", "stuck-shop").await?;
    scene.bind("stuck-shop", "missing").await?;

    wait("the ledger has a payer", LIMIT, async || {
        Ok((scene.payers("stuck", "stuck-shop").await? == ["main"]).then_some(()))
    })
    .await?;
    assert!(scene.segments("stuck", "stuck-shop").await?[0].default);
    let binding = scene
        .wait_binding("stuck-shop", "it tells who pays", |binding| {
            binding.status.as_ref().is_some_and(|status| status.billing_group.as_deref() == Some("main"))
        })
        .await?;
    assert_eq!(binding.spec.billing_group.as_str(), "missing");
    assert!(!binding.annotations().contains_key(DEFAULT_ANNOTATION));
    scene.wait_refused("stuck-shop", "BillingGroupNotFound").await?;
    scene.wait_members("stuck", "main", &["stuck-shop"]).await?;

    scene.group("stuck", "missing", json!({})).await?;
    scene.wait_ready("stuck-shop").await?;
    assert_eq!(scene.payers("stuck", "stuck-shop").await?, ["main", "missing"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_only_primary_groups_are_defaults_a_project_waits_for_one() -> Result {
    let world = World::start(&["--default-binding=primary-only"])?;
    let scene = world.scene().await?;
    for organization in ["frugal", "spender"] {
        scene.organization(organization).await?;
    }
    scene.project("frugal", "frugal-shop").await?;
    scene.group("spender", "main", json!({ "primary": true })).await?;
    scene.project("spender", "spender-shop").await?;
    // It came later, so the first one has been decided about when this one is bound.
    wait_default(&scene, "spender-shop").await?;
    assert_eq!(scene.api::<ProjectBinding>("frugal-shop").get_opt(BINDING_NAME).await?, None);
    assert_eq!(scene.api::<BillingGroup>("frugal").list(&ListParams::default()).await?.items, []);

    scene.group("frugal", "late", json!({ "primary": true })).await?;
    assert_eq!(wait_default(&scene, "frugal-shop").await?.spec.billing_group.as_str(), "late");
    Ok(())
}
