//! The objects that a Meter is tried on: those among the manifests, or those of the cluster.

use std::collections::BTreeMap;

use billing_api::MeteredResource;
use billing_meter::shallow::Shallow;
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::ListParams;
use kube::core::GroupVersionKind;
use kube::discovery;
use operator_kit::paging::Pages;
use serde_json::{Value, json};

use crate::cluster::{Cluster, ClusterArguments, Place};
use crate::error::{CommandError, Request};
use crate::read;

/// How many objects come in one answer.
const PAGE: u32 = 500;

/// What Meters look at.
#[derive(Default)]
pub(super) struct Objects {
    /// The objects of each kind.
    pub by_kind: BTreeMap<MeteredResource, Vec<Value>>,
    /// Namespaces, projects and others.
    pub namespaces: Vec<Value>,
}

impl Objects {
    /// Those among manifests. What the API server would give an object is made up where a manifest has none: a uid.
    pub(super) fn among(manifests: &[Value], kinds: &[MeteredResource]) -> Self {
        let numbered = |(at, object): (usize, &Value)| {
            let mut object = object.clone();
            if object["metadata"]["uid"].is_null() {
                object["metadata"]["uid"] = json!(format!("{at:08x}-0000-4000-8000-000000000000"));
            }
            object
        };
        let by_kind =
            kinds.iter().map(|kind| (kind.clone(), of_kind(manifests, kind).enumerate().map(numbered).collect()));
        let namespaces =
            MeteredResource { group: String::new(), version: "v1".to_owned(), kind: "Namespace".to_owned() };
        Self { by_kind: by_kind.collect(), namespaces: of_kind(manifests, &namespaces).cloned().collect() }
    }

    /// Reads what is missing from the cluster: of kinds of which there is no object, and the namespaces then, or when there are none
    /// and somebody asks for them.
    pub(super) async fn complete(
        &mut self,
        arguments: &ClusterArguments,
        namespaces: bool,
    ) -> Result<(), CommandError> {
        let are_asked_for = namespaces && self.namespaces.is_empty();
        if self.by_kind.values().all(|objects| !objects.is_empty()) && !are_asked_for {
            return Ok(());
        }
        let cluster = arguments.connect().await?;
        for (resource, objects) in self.by_kind.iter_mut().filter(|(_, objects)| objects.is_empty()) {
            *objects = list(&cluster, resource).await?;
        }
        let known: Vec<_> = self.namespaces.iter().map(|namespace| read::name(namespace).to_owned()).collect();
        let others = read::list::<Namespace>(&cluster, &Place::Everywhere, ListParams::default()).await?;
        self.namespaces
            .extend(others.into_iter().filter(|namespace| !known.contains(&read::name(namespace).to_owned())));
        Ok(())
    }
}

/// The manifests of a kind.
fn of_kind<'a>(manifests: &'a [Value], resource: &MeteredResource) -> impl Iterator<Item = &'a Value> + use<'a> {
    let MeteredResource { group, version, kind } = resource.clone();
    let api = if group.is_empty() { version } else { format!("{group}/{version}") };
    manifests.iter().filter(move |object| object["apiVersion"] == *api && object["kind"] == *kind)
}

/// All objects of a kind that is found by discovery.
async fn list(cluster: &Cluster, resource: &MeteredResource) -> Result<Vec<Value>, CommandError> {
    let MeteredResource { group, version, kind } = resource;
    let named = GroupVersionKind { group: group.clone(), version: version.clone(), kind: kind.clone() };
    let (found, _) = discovery::pinned_kind(cluster.client(), &named).await.map_err(|error| {
        let api = if group.is_empty() { version.clone() } else { format!("{group}/{version}") };
        CommandError::Unusable(format!("the API server has no kind {kind} of {api}: {error}"))
    })?;
    let request = || Request { verb: "list", plural: found.plural.clone(), namespace: None, name: None };
    let api: Api<Shallow> = Api::all_with(cluster.client().clone(), &found);
    let mut pages = Pages::new(api, ListParams::default(), PAGE);
    let mut objects = Vec::new();
    while let Some(page) = pages.next().await.map_err(|error| CommandError::of(request(), error))? {
        objects.extend(page.into_iter().filter_map(|object| serde_json::to_value(object.0).ok()));
    }
    Ok(objects)
}
