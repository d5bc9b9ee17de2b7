//! A quota that is older than the label of its namespace stays: what it refuses is told, and nobody waits for it.

use billing_api::{BillingGroup, BillingPeriod, ProjectBinding, labels::BINDING_NAME, labels::ORGANIZATION_LABEL};
use k8s_openapi::api::core::v1::{Namespace, ResourceQuota};
use k8s_openapi::api::events::v1::Event;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::json;

use crate::{
    Result,
    month::{
        records::group_ready,
        stage::{back, domain, final_of, lines, terms},
    },
    support::{LIMIT, Scene, World, stands, wait},
};

/// Makes a namespace that belongs to nobody yet, with a quota of nothing on some kinds of ours.
async fn limited(scene: &Scene<'_>, namespace: &str, plurals: &[&str]) -> Result {
    scene.namespace(namespace, json!({})).await?;
    let hard: serde_json::Map<_, _> =
        plurals.iter().map(|plural| (format!("count/{plural}.billing-operator.io"), json!("0"))).collect();
    let quota = json!({ "metadata": { "name": "stop" }, "spec": { "hard": hard.clone() } });
    scene.api::<ResourceQuota>(namespace).create(&PostParams::default(), &serde_json::from_value(quota)?).await?;
    // As the cluster's quota controller would, which does not run here: the API server goes by the status.
    let used = json!({ "status": { "hard": hard, "used": hard } });
    let quotas = scene.api::<ResourceQuota>(namespace);
    quotas.patch_status("stop", &PatchParams::default(), &Patch::Merge(used)).await.map(drop)?;
    Ok(())
}

/// Puts a namespace into an organization.
async fn assign(scene: &Scene<'_>, namespace: &str, organization: &str) -> Result {
    let label = json!({ "metadata": { "labels": { ORGANIZATION_LABEL: organization } } });
    scene.patch_cluster::<Namespace>(namespace, label).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_project_whose_binding_is_refused_stops_no_invoice_of_its_organization() -> Result {
    let scene = World::shared().scene().await?;
    let month = back(1);
    limited(&scene, "stopped-evil", &["projectbindings"]).await?;
    scene.organization("stopped").await?;
    assign(&scene, "stopped-evil", "stopped").await?;
    scene.project("stopped", "stopped-good").await?;
    scene.bind("stopped-good", "good").await?;
    scene.usage("stopped", "good", domain("stopped-good", month.start())).await?;
    scene.usage("stopped", "evil", domain("stopped-evil", month.start())).await?;
    scene.group("stopped", "good", terms(json!({ "firstPeriod": month.to_string() }))).await?;
    scene.group("stopped", "primary", json!({ "primary": true })).await?;

    let invoice = final_of(&scene, "stopped", "good", month).await?;
    assert_eq!(lines(&invoice), ["good 1 12.50"]);
    wait("the metric tells of the binding", LIMIT, async || {
        let refused = World::shared().metric("billing_operator_refused_writes", r#"controller="project""#)?;
        Ok((refused >= 1.0).then_some(()))
    })
    .await?;
    assert_eq!(scene.api::<ProjectBinding>("stopped-evil").get_opt(BINDING_NAME).await?, None);

    // Once the quota is gone, the project gets its payer.
    scene.delete::<ResourceQuota>("stopped-evil", "stop").await?;
    let bound = scene.wait_ready("stopped-evil").await?;
    assert_eq!(&*bound.spec.billing_group, "primary");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_says_in_the_words_of_the_server_that_its_invoices_are_refused() -> Result {
    let scene = World::shared().scene().await?;
    limited(&scene, "unbilled", &["invoices"]).await?;
    assign(&scene, "unbilled", "unbilled").await?;
    // A month that is over, too: nobody may believe that nothing is missing.
    scene.group("unbilled", "main", terms(json!({ "firstPeriod": back(1).to_string() }))).await?;
    let refused = |group: &BillingGroup| group_ready(group) == Some("WriteRefused");
    let group = scene.wait_group("unbilled", "main", "it says that its invoice is refused", refused).await?;
    let conditions = group.status.unwrap_or_default().conditions;
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready").ok_or("no condition Ready")?;
    assert!(ready.message.contains("Invoice unbilled/"), "{}", ready.message);
    assert!(ready.message.contains("exceeded quota: stop"), "{}", ready.message);

    wait("the invoice of last month is missed", LIMIT, async || {
        let held = World::shared().metric("billing_operator_held_invoices", r#"reason="WriteRefused""#)?;
        Ok((held >= 1.0).then_some(()))
    })
    .await?;
    wait("the month waits for an invoice that is not there", LIMIT, async || {
        let period = scene.cluster::<BillingPeriod>().get(&back(1).to_string()).await?;
        Ok((period.status.unwrap_or_default().waiting >= 1).then_some(()))
    })
    .await?;
    wait("an event tells", LIMIT, async || {
        let events = scene.api::<Event>("unbilled").list(&ListParams::default()).await?;
        let tells = |event: &Event| {
            event.type_.as_deref() == Some("Warning")
                && event.note.as_deref().is_some_and(|note| note.contains("exceeded quota"))
        };
        Ok(events.items.iter().any(tells).then_some(()))
    })
    .await?;

    scene.api::<ResourceQuota>("unbilled").delete("stop", &DeleteParams::default()).await?;
    let well = |group: &BillingGroup| {
        group.status.as_ref().is_some_and(|status| stands(&status.conditions, "Ready"))
            && group_ready(group) == Some("Ready")
    };
    scene.wait_group("unbilled", "main", "it is ready", well).await?;
    Ok(())
}
