//! Clusters delete what is in a namespace with one of two accounts: the namespace controller's own, or that of all controllers.
//! An organization that is confirmed to go goes with either.

use billing_api::{BillingGroup, labels::CONFIRM_DELETE_ANNOTATION};
use billing_test_harness::{ControlPlane, ControllerIdentity, Options, chart};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::DeleteParams;
use serde_json::json;

use crate::{
    Result,
    month::stage::{back, domain, final_of, terms},
    support::{LIMIT, Scene, World, start_operator, wait},
};

/// A world whose cluster's controllers act as `identity`.
fn world(identity: ControllerIdentity) -> Result<World> {
    let control_plane = ControlPlane::start(&Options {
        controller_manager: true,
        controller_identity: identity,
        ..Options::default()
    })?;
    let kubeconfig = chart::prepare(&control_plane)?;
    let (operator, port) = start_operator(&control_plane, &kubeconfig, "operator", &[])?;
    Ok(World { operator, port, control_plane })
}

/// An organization with a final, credits and usage, of which the deletion is confirmed, goes with everything in it.
async fn check(identity: ControllerIdentity) -> Result {
    let world = world(identity)?;
    let scene: Scene<'_> = world.scene().await?;
    let month = back(1);
    scene.organization("leaving").await?;
    scene.project("leaving", "leaving-shop").await?;
    scene.bind("leaving-shop", "main").await?;
    scene.usage("leaving", "domain", domain("leaving-shop", month.start())).await?;
    let amount = json!({ "amount": "10", "currency": "USD" });
    scene.credit("leaving", "trial", json!({ "billingGroup": "main", "type": "Trial", "amount": amount })).await?;
    scene.group("leaving", "main", terms(json!({ "firstPeriod": month.to_string() }))).await?;
    final_of(&scene, "leaving", "main", month).await?;

    let confirmed = json!({ "metadata": { "annotations": { CONFIRM_DELETE_ANNOTATION: "leaving" } } });
    scene.patch_cluster::<Namespace>("leaving", confirmed).await?;
    let namespaces = scene.cluster::<Namespace>();
    namespaces.delete("leaving", &DeleteParams::default()).await?;
    scene.wait_gone::<BillingGroup>("leaving", "main").await?;
    wait("the organization's namespace is gone", LIMIT, async || {
        Ok(namespaces.get_opt("leaving").await?.is_none().then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_goes_by_the_account_of_the_namespace_controller() -> Result {
    check(ControllerIdentity::Each).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_goes_by_the_account_of_all_controllers() -> Result {
    check(ControllerIdentity::Shared).await
}
