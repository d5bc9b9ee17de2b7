//! What people see of a binding: Events, and conditions that tools wait for.

use billing_test_harness::User;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use serde_json::json;

use crate::{
    Result,
    support::{LIMIT, Scene, World, wait},
};

/// Waits until the binding of a project has an Event with this reason and note.
async fn wait_event(scene: &Scene<'_>, project: &str, kind: &str, why: &str, note: &str) -> Result<Event> {
    let mut seen = Vec::new();
    let found = wait(&format!("the Event {why} of the binding of {project}: {note}"), LIMIT, async || {
        seen = scene.api::<Event>(project).list(&ListParams::default()).await?.items;
        let fits = |event: &&Event| {
            let regarding = event.regarding.as_ref().and_then(|object| object.kind.as_deref());
            let told = (event.reason.as_deref(), event.note.as_deref(), event.type_.as_deref());
            regarding == Some("ProjectBinding") && told == (Some(why), Some(note), Some(kind))
        };
        Ok(seen.iter().find(fits).cloned())
    })
    .await;
    found.map_err(|error| {
        let notes: Vec<_> = seen.iter().map(|event| (&event.reason, &event.note)).collect();
        format!("{error}; there are {notes:?}").into()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_that_a_project_was_bound_moved_and_refused() -> Result {
    // Of one's own: where much happens at once, events are summarised.
    let world = World::start(&[])?;
    let scene = world.scene().await?;
    scene.organization("news").await?;
    for group in ["main", "other"] {
        scene.group("news", group, json!({})).await?;
    }
    scene.project("news", "news-shop").await?;
    scene.bind("news-shop", "main").await?;
    wait_event(&scene, "news-shop", "Normal", "Bound", "billing group main pays").await?;
    scene.rebind("news-shop", "other").await?;
    wait_event(&scene, "news-shop", "Normal", "Moved", "billing group other pays instead of main").await?;
    scene.rebind("news-shop", "mian").await?;
    let note = "the organization has no billing group mian; create it, or name another";
    let refused = wait_event(&scene, "news-shop", "Warning", "Refused", note).await?;
    assert_eq!(refused.reporting_controller.as_deref(), Some("billing-operator.io/operator"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_waits_for_groups_and_bindings() -> Result {
    let scene = World::shared().scene().await?;
    let (apply, wait_for) = (["apply", "--filename=-"], "--for=condition=Ready");
    // All at once and in the wrong order, as a folder of manifests may be.
    let manifests = r#"
apiVersion: v1
kind: Namespace
metadata: {name: patient-shop, labels: {billing-operator.io/organization: patient}}
---
apiVersion: billing-operator.io/v1alpha1
kind: ProjectBinding
metadata: {name: billing, namespace: patient-shop}
spec: {billingGroup: main}
---
apiVersion: v1
kind: Namespace
metadata: {name: patient, labels: {billing-operator.io/organization: patient}}
---
apiVersion: billing-operator.io/v1alpha1
kind: BillingGroup
metadata: {name: main, namespace: patient}
spec: {}
"#;
    let applied = scene.control_plane.kubectl_with(User::ClusterAdmin, &apply, manifests)?;
    assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    for (namespace, object) in [("patient", "billinggroup/main"), ("patient-shop", "projectbinding/billing")] {
        let args = ["wait", wait_for, object, "--namespace", namespace, "--timeout=60s"];
        let said = scene.control_plane.kubectl_ok(User::ClusterAdmin, &args)?;
        assert!(said.contains("condition met"), "{said}");
    }
    let args = ["get", "pb", "billing", "--namespace", "patient-shop", "--no-headers"];
    let row = scene.control_plane.kubectl_ok(User::ClusterAdmin, &args)?;
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!(cells[..5], ["billing", "main", "patient", "Accepted", "True"]);
    Ok(())
}
