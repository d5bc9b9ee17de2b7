//! A group and the binding to it leave Git together.

use billing_api::{BillingGroup, ProjectBinding, labels::BINDING_NAME};
use billing_test_harness::User;
use serde_json::json;

use crate::{
    Result,
    chart::install::said,
    support::{LIMIT, World, wait},
};

/// kustomize-controller prunes kinds in reverse alphabetical order, and waits for none of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_pruned_with_its_binding_goes_on_the_next_try() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("pruned").await?;
    // Who pays for the project then.
    scene.group("pruned", "main", json!({ "primary": true })).await?;
    scene.group("pruned", "lab", json!({})).await?;
    scene.project("pruned", "pruned-lab").await?;
    scene.bind("pruned-lab", "lab").await?;
    scene.wait_ready("pruned-lab").await?;

    let prune = |kind: &str, name: &str, namespace: &str| {
        let args = ["delete", kind, name, "--namespace", namespace, "--wait=false"];
        scene.control_plane.kubectl(User::ClusterAdmin, &args)
    };
    let binding = prune("projectbinding", BINDING_NAME, "pruned-lab")?;
    assert!(binding.status.success(), "{}", said(&binding));
    wait("a try succeeds", LIMIT, async || {
        let group = prune("billinggroup", "lab", "pruned")?;
        let refused = said(&group);
        assert!(
            group.status.success()
                || refused.contains("billing group pruned/lab still has 1 project(s), first of them pruned-lab"),
            "{refused}"
        );
        Ok(group.status.success().then_some(()))
    })
    .await?;
    scene.wait_gone::<BillingGroup>("pruned", "lab").await?;
    // Nobody is asked for it again: the default pays.
    wait("the project has another payer", LIMIT, async || {
        let binding: Option<ProjectBinding> = scene.api("pruned-lab").get_opt(BINDING_NAME).await?;
        Ok(binding.filter(|binding| binding.spec.billing_group.as_str() == "main").map(drop))
    })
    .await?;
    Ok(())
}
