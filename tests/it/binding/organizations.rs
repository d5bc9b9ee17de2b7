//! A project comes to another organization, and an organization comes to its end.

use billing_api::{
    BillingGroup, InvoiceSeries, ProjectBinding,
    labels::{BINDING_NAME, CONFIRM_DELETE_ANNOTATION, ORGANIZATION_LABEL},
};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::{
    Api,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::json;

use crate::{
    Result,
    support::{LIMIT, World, open_month, refusal, wait},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_project_given_to_another_organization_needs_a_new_binding() -> Result {
    let scene = World::shared().scene().await?;
    for organization in ["seller", "buyer"] {
        scene.organization(organization).await?;
        scene.group(organization, "main", json!({})).await?;
    }
    scene.group("buyer", "primary", json!({ "primary": true })).await?;
    scene.project("seller", "sold-shop").await?;
    scene.bind("sold-shop", "main").await?;
    scene.wait_ready("sold-shop").await?;
    let old_ledger = scene.segments("seller", "sold-shop").await?;

    let sold = json!({ "metadata": { "labels": { ORGANIZATION_LABEL: "buyer" } } });
    scene.patch_cluster::<Namespace>("sold-shop", sold).await?;
    // The buyer has a group of the same name; nobody there chose it.
    let refused = scene.wait_refused("sold-shop", "OtherOrganization").await?;
    assert_eq!(refused.status.and_then(|status| status.organization).as_deref(), Some("seller"));
    scene.wait_members("seller", "main", &[]).await?;
    wait("the buyer's primary group pays by default", LIMIT, async || {
        Ok((scene.payers("buyer", "sold-shop").await? == ["primary"]).then_some(()))
    })
    .await?;
    scene.wait_refused("sold-shop", "OtherOrganization").await?;

    scene.delete::<ProjectBinding>("sold-shop", BINDING_NAME).await?;
    scene.bind("sold-shop", "main").await?;
    let bound = scene.wait_ready("sold-shop").await?;
    assert_eq!(bound.status.and_then(|status| status.organization).as_deref(), Some("buyer"));
    assert_eq!(scene.payers("buyer", "sold-shop").await?, ["primary", "main"]);
    assert_eq!(scene.segments("seller", "sold-shop").await?, old_ledger);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_taken_out_of_its_organization_leaves_its_group_until_it_is_back() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("loan").await?;
    scene.group("loan", "main", json!({})).await?;
    scene.project("loan", "loan-shop").await?;
    scene.bind("loan-shop", "main").await?;
    scene.wait_ready("loan-shop").await?;

    let label = |organization: Option<&str>| json!({ "metadata": { "labels": { ORGANIZATION_LABEL: organization } } });
    scene.patch_cluster::<Namespace>("loan-shop", label(None)).await?;
    scene.wait_refused("loan-shop", "OrganizationMissing").await?;
    scene.wait_members("loan", "main", &[]).await?;
    scene.patch_cluster::<Namespace>("loan-shop", label(Some("loan"))).await?;
    scene.wait_ready("loan-shop").await?;
    scene.wait_members("loan", "main", &["loan-shop"]).await?;
    assert_eq!(scene.payers("loan", "loan-shop").await?, ["main"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_that_ends_takes_its_groups_along_and_gets_nothing_new() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("ending").await?;
    scene.group("ending", "main", json!({ "primary": true })).await?;
    scene.project("ending", "ending-shop").await?;
    scene.bind("ending-shop", "main").await?;
    scene.wait_ready("ending-shop").await?;
    let group = scene
        .wait_group("ending", "main", "it has a series", |group| {
            group.status.as_ref().is_some_and(|status| status.invoice_series.is_some())
        })
        .await?;
    let series = group.status.and_then(|status| status.invoice_series).ok_or("a series")?;
    // Records that nobody else could delete: what runs, and money. The cluster's own controllers take them along.
    let service = json!({ "name": "db", "type": "PostgreSQL" });
    let running = json!({ "project": "ending-shop", "service": service, "start": open_month().start() });
    scene.usage("ending", "db", running).await?;
    let amount = json!({ "amount": "10", "currency": "USD" });
    scene.credit("ending", "trial", json!({ "billingGroup": "main", "type": "Trial", "amount": amount })).await?;

    let namespaces = scene.cluster::<Namespace>();
    let deleted = namespaces.delete("ending", &DeleteParams::default()).await;
    let (code, message) = refusal(deleted.map(drop).map_err(Into::into))?;
    assert_eq!(code, 403, "{message}");
    // Something in the namespace keeps it terminating for as long as we look.
    let hold = json!({ "metadata": { "name": "hold", "finalizers": ["example.com/hold"] } });
    let config_maps: Api<ConfigMap> = scene.api("ending");
    config_maps.create(&PostParams::default(), &serde_json::from_value(hold)?).await?;
    let confirmed = json!({ "metadata": { "annotations": { CONFIRM_DELETE_ANNOTATION: "ending" } } });
    scene.patch_cluster::<Namespace>("ending", confirmed).await?;
    namespaces.delete("ending", &DeleteParams::default()).await?;

    scene.wait_gone::<BillingGroup>("ending", "main").await?;
    scene.wait_refused("ending-shop", "OrganizationMissing").await?;
    scene.project("ending", "ending-blog").await?;
    // A project that came later, elsewhere, has got its default: so this one was decided about.
    scene.organization("going-on").await?;
    scene.project("going-on", "going-on-shop").await?;
    scene.wait_ready("going-on-shop").await?;
    assert_eq!(scene.api::<ProjectBinding>("ending-blog").get_opt(BINDING_NAME).await?, None);
    assert_eq!(scene.api::<BillingGroup>("ending").list(&ListParams::default()).await?.items, []);

    scene.patch::<ConfigMap>("ending", "hold", json!({ "metadata": { "finalizers": null } })).await?;
    wait("the organization's namespace is gone", LIMIT, async || {
        Ok(namespaces.get_opt("ending").await?.is_none().then_some(()))
    })
    .await?;
    // Nothing of the series was final.
    assert!(scene.cluster::<InvoiceSeries>().get_opt(&series).await?.is_none());
    Ok(())
}
