//! Making many objects.

use std::{future::Future, time::Duration};

use billing_api::{
    ProjectBinding,
    labels::{BINDING_NAME, ORGANIZATION_LABEL},
};
use billing_domain::Month;
use futures::{StreamExt, TryStreamExt, stream};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, PostParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};

use crate::Result;

/// How many writes a client has under way at once: as many as the operator.
pub const CONCURRENT_REQUESTS: usize = 16;

/// Does something for each item, [`CONCURRENT_REQUESTS`] at a time.
pub async fn each<T, F: Future<Output = Result>>(
    items: impl IntoIterator<Item = T>,
    act: impl FnMut(T) -> F,
) -> Result {
    stream::iter(items).map(act).buffer_unordered(CONCURRENT_REQUESTS).try_collect().await
}

/// Creates an object of ours, or a namespace.
pub async fn create(
    client: &Client,
    namespace: &str,
    kind: &str,
    metadata: Value,
    spec: Value,
) -> Result<DynamicObject> {
    let group = if kind == "Namespace" { "" } else { "billing-operator.io" };
    let version = if kind == "Namespace" { "v1" } else { "v1alpha1" };
    let resource = resource(group, version, kind);
    let object = json!({
        "apiVersion": resource.api_version, "kind": kind, "metadata": metadata, "spec": spec
    });
    let api: Api<DynamicObject> = match namespace {
        "" => Api::all_with(client.clone(), &resource),
        namespace => Api::namespaced_with(client.clone(), namespace, &resource),
    };
    Ok(api.create(&PostParams::default(), &serde_json::from_value(object)?).await?)
}

fn resource(group: &str, version: &str, kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
}

/// Makes an organization, or a project of one.
pub async fn namespace(client: &Client, organization: &str, name: &str) -> Result {
    let metadata = json!({ "name": name, "labels": { ORGANIZATION_LABEL: organization } });
    create(client, "", "Namespace", metadata, json!({})).await.map(drop)
}

/// Makes a billing group.
pub async fn group(client: &Client, organization: &str, name: &str, spec: Value) -> Result {
    create(client, organization, "BillingGroup", json!({ "name": name }), spec).await.map(drop)
}

/// Binds a project.
pub async fn bind(client: &Client, project: &str, group: &str) -> Result<ProjectBinding> {
    let spec = json!({ "billingGroup": group });
    let made = create(client, project, "ProjectBinding", json!({ "name": BINDING_NAME }), spec).await?;
    Ok(made.try_parse()?)
}

/// Makes a project, and the group that pays for it from a month on.
pub async fn paid_project(client: &Client, organization: &str, project: &str, payer: &str, first: Month) -> Result {
    group(client, organization, payer, json!({ "terms": { "firstPeriod": first.to_string() } })).await?;
    namespace(client, organization, project).await?;
    bind(client, project, payer).await.map(drop)
}

/// Writes a usage record.
pub async fn usage(client: &Client, organization: &str, name: &str, spec: Value) -> Result {
    create(client, organization, "UsageRecord", json!({ "name": name }), spec).await.map(drop)
}

/// The instant at which that part of them has passed, of durations that are in order.
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}
