//! The operator's namespace is deleted, and everything that is not the books with it.

use billing_test_harness::{ControlPlane, Options, User};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::DeleteParams;
use serde_json::json;

use crate::{
    Result,
    chart::install::{self, NAMESPACE, RELEASE},
    month::stage::{awaited, back, document, domain, final_of, terms},
    support::{LIMIT, World, start_operator, wait},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_books_outlive_the_operators_namespace_and_go_on_after_an_installation() -> Result {
    let control_plane = ControlPlane::start(&Options { controller_manager: true, ..Options::default() })?;
    let kubeconfig = install::prepare(&control_plane)?;
    let (operator, port) = start_operator(&control_plane, &kubeconfig, "operator", &[])?;
    let mut world = World { operator, port, control_plane };
    let month = back(1);
    let before = {
        let scene = world.scene().await?;
        awaited(&scene, "orphaned", "orphaned-shop", "main").await?;
        scene.usage("orphaned", "domain", domain("orphaned-shop", month.start())).await?;
        scene.group("orphaned", "main", terms(json!({ "firstPeriod": month.to_string() }))).await?;
        final_of(&scene, "orphaned", "main", month).await?
    };
    world.operator.kill9();
    {
        let scene = world.scene().await?;
        let namespaces = scene.cluster::<Namespace>();
        namespaces.delete(NAMESPACE, &DeleteParams::default()).await?;
        wait("the operator's namespace is gone", LIMIT, async || {
            Ok(namespaces.get_opt(NAMESPACE).await?.is_none().then_some(()))
        })
        .await?;
    }
    // The policies still refuse; nobody is the operator now.
    let ledger = &["delete", "projectledger", "orphaned-shop", "--namespace=orphaned"];
    let refused = world.control_plane.kubectl(User::ClusterAdmin, ledger)?;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("billing-operator-operator"), "{refused:?}");

    install::install(&world.control_plane)?;
    let token = world.control_plane.service_account_token(NAMESPACE, RELEASE)?;
    let kubeconfig = world.control_plane.kubeconfig_for("operator-again", &token)?;
    let (operator, port) = start_operator(&world.control_plane, &kubeconfig, "operator-again", &[])?;
    (world.operator, world.port) = (operator, port);
    let scene = world.scene().await?;
    scene.project("orphaned", "orphaned-blog").await?;
    scene.bind("orphaned-blog", "main").await?;
    scene.wait_ready("orphaned-blog").await?;
    let after = final_of(&scene, "orphaned", "main", month).await?;
    assert_eq!(document(&before)?, document(&after)?);
    Ok(())
}
