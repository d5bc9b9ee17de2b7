//! Acting on the API server, and seeing what becomes of it.

use std::{fmt::Debug, ops::Deref};

use billing_api::{
    BillingGroup, Credit, Invoice, InvoiceIssuer, ProjectBinding, ProjectBindingStatus, ProjectLedger, Segment,
    UsageRecord,
    labels::{BINDING_NAME, DEFAULT_BINDING_LABEL, ORGANIZATION_LABEL},
};
use billing_domain::Month;
use billing_test_harness::User;
use k8s_openapi::{NamespaceResourceScope, api::core::v1::Namespace};
use kube::{
    Api, Client, Config, Resource,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    Result,
    support::{LIMIT, World, reason, stands, wait},
};

/// A world seen by one user, in one test.
pub struct Scene<'world> {
    world: &'world World,
    client: Client,
}

impl Deref for Scene<'_> {
    type Target = World;

    fn deref(&self) -> &World {
        self.world
    }
}

impl<'world> Scene<'world> {
    /// A scene in which `user` acts. Only [`User::ClusterAdmin`] has rights by himself.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read.
    pub async fn open(world: &'world World, user: User) -> Result<Self> {
        let kubeconfig = Kubeconfig::read_from(world.control_plane.kubeconfig(user))?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        Ok(Self { world, client: Client::try_from(config)? })
    }

    /// The objects of a kind in a namespace.
    pub fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// The objects of a kind that have no namespace.
    pub fn cluster<K: Resource<DynamicType = ()>>(&self) -> Api<K> {
        Api::all(self.client.clone())
    }

    /// Makes an organization.
    pub async fn organization(&self, name: &str) -> Result<Namespace> {
        self.project(name, name).await
    }

    /// Makes a project of an organization.
    pub async fn project(&self, organization: &str, name: &str) -> Result<Namespace> {
        self.namespace(name, json!({ "labels": { ORGANIZATION_LABEL: organization } })).await
    }

    /// Makes a project that gets no binding by default.
    pub async fn bare_project(&self, organization: &str, name: &str) -> Result<Namespace> {
        let labels = json!({ ORGANIZATION_LABEL: organization, DEFAULT_BINDING_LABEL: "false" });
        self.namespace(name, json!({ "labels": labels })).await
    }

    /// Makes a namespace with labels and annotations of its own.
    pub async fn namespace(&self, name: &str, mut metadata: Value) -> Result<Namespace> {
        metadata["name"] = name.into();
        create(&self.cluster(), json!({ "metadata": metadata })).await
    }

    /// Makes a billing group.
    pub async fn group(&self, organization: &str, name: &str, spec: Value) -> Result<BillingGroup> {
        create(&self.api(organization), object::<BillingGroup>(name, spec)).await
    }

    /// Makes an issuer.
    pub async fn issuer(&self, name: &str, spec: Value) -> Result<InvoiceIssuer> {
        create(&self.cluster(), object::<InvoiceIssuer>(name, spec)).await
    }

    /// Binds a project to a group, for the first time.
    pub async fn bind(&self, project: &str, group: &str) -> Result<ProjectBinding> {
        self.bind_as(project, BINDING_NAME, group).await
    }

    /// Binds a project to a group by a binding of some name; only one name is good.
    pub async fn bind_as(&self, project: &str, name: &str, group: &str) -> Result<ProjectBinding> {
        create(&self.api(project), object::<ProjectBinding>(name, json!({ "billingGroup": group }))).await
    }

    /// Names another group in the binding of a project.
    pub async fn rebind(&self, project: &str, group: &str) -> Result<ProjectBinding> {
        self.patch(project, BINDING_NAME, json!({ "spec": { "billingGroup": group } })).await
    }

    /// Writes a usage record.
    pub async fn usage(&self, organization: &str, name: &str, spec: Value) -> Result<UsageRecord> {
        create(&self.api(organization), object::<UsageRecord>(name, spec)).await
    }

    /// Writes a credit.
    pub async fn credit(&self, organization: &str, name: &str, spec: Value) -> Result<Credit> {
        create(&self.api(organization), object::<Credit>(name, spec)).await
    }

    /// Changes an object by a merge patch.
    pub async fn patch<K>(&self, namespace: &str, name: &str, patch: Value) -> Result<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        Ok(self.api(namespace).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?)
    }

    /// Changes an object without a namespace by a merge patch.
    pub async fn patch_cluster<K>(&self, name: &str, patch: Value) -> Result<K>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        Ok(self.cluster().patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?)
    }

    /// Deletes an object that is there.
    pub async fn delete<K>(&self, namespace: &str, name: &str) -> Result
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        self.api::<K>(namespace).delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// The segments of a project's ledger; none when it has no ledger.
    pub async fn segments(&self, organization: &str, project: &str) -> Result<Vec<Segment>> {
        let ledger: Option<ProjectLedger> = self.api(organization).get_opt(project).await?;
        Ok(ledger.map(|ledger| ledger.spec.segments).unwrap_or_default())
    }

    /// The groups of a project's ledger, in order.
    pub async fn payers(&self, organization: &str, project: &str) -> Result<Vec<String>> {
        let segments = self.segments(organization, project).await?;
        Ok(segments.into_iter().map(|segment| segment.billing_group.to_string()).collect())
    }

    /// The members of a group, in order.
    pub async fn members(&self, organization: &str, group: &str) -> Result<Vec<String>> {
        let group: BillingGroup = self.api(organization).get(group).await?;
        let members = group.status.unwrap_or_default().members;
        Ok(members.into_iter().map(|member| member.project.to_string()).collect())
    }

    /// Waits for a project to have a binding that fits.
    pub async fn wait_binding(
        &self,
        project: &str,
        what: &str,
        fits: impl Fn(&ProjectBinding) -> bool,
    ) -> Result<ProjectBinding> {
        self.wait_object(project, BINDING_NAME, what, fits).await
    }

    /// Waits until the binding of a project is in force as it is written.
    pub async fn wait_ready(&self, project: &str) -> Result<ProjectBinding> {
        self.wait_binding(project, &format!("the binding of {project} is ready"), is_ready).await
    }

    /// Waits until the binding of a project, as it is written, is refused for a reason.
    pub async fn wait_refused(&self, project: &str, why: &str) -> Result<ProjectBinding> {
        let what = format!("the binding of {project} is refused: {why}");
        self.wait_binding(project, &what, |binding| {
            current(binding).is_some_and(|status| {
                !stands(&status.conditions, "Ready") && reason(&status.conditions, "Accepted") == Some(why)
            })
        })
        .await
    }

    /// Waits for a group that fits.
    pub async fn wait_group(
        &self,
        organization: &str,
        name: &str,
        what: &str,
        fits: impl Fn(&BillingGroup) -> bool,
    ) -> Result<BillingGroup> {
        self.wait_object(organization, name, what, fits).await
    }

    /// Waits until the members of a group are these, in order.
    pub async fn wait_members(&self, organization: &str, group: &str, members: &[&str]) -> Result {
        wait(&format!("the members of {organization}/{group} are {members:?}"), LIMIT, async || {
            let observed = self.members(organization, group).await?;
            Ok((observed == members).then_some(()))
        })
        .await
    }

    /// Waits for an invoice of a group and month that fits.
    pub async fn wait_invoice(
        &self,
        organization: &str,
        group: &str,
        period: Month,
        what: &str,
        fits: impl Fn(&Invoice) -> bool,
    ) -> Result<Invoice> {
        let params = ListParams::default().fields(&format!("spec.billingGroup={group},spec.period={period}"));
        let mut seen = Vec::new();
        let what = format!("invoice of {organization}/{group} for {period}: {what}");
        let found = wait(&what, LIMIT, async || {
            seen = self.api::<Invoice>(organization).list(&params).await?.items;
            Ok(seen.iter().find(|invoice| fits(invoice)).cloned())
        })
        .await;
        found.map_err(|error| format!("{error}; there are {}", told(&seen)).into())
    }

    /// Waits for an object that fits.
    pub async fn wait_object<K>(&self, namespace: &str, name: &str, what: &str, fits: impl Fn(&K) -> bool) -> Result<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Serialize + DeserializeOwned + Debug,
    {
        let mut seen = None;
        let found = wait(what, LIMIT, async || {
            seen = self.api::<K>(namespace).get_opt(name).await?;
            Ok(seen.clone().filter(&fits))
        })
        .await;
        found.map_err(|error| format!("{error}; {namespace}/{name} is {}", told(&seen)).into())
    }

    /// Waits until an object is no more.
    pub async fn wait_gone<K>(&self, namespace: &str, name: &str) -> Result
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + DeserializeOwned + Debug,
    {
        wait(&format!("{namespace}/{name} is gone"), LIMIT, async || {
            Ok(self.api::<K>(namespace).get_opt(name).await?.is_none().then_some(()))
        })
        .await
    }
}

/// Something for an error's message: on one line, and without what nobody reads.
fn told(seen: &impl Serialize) -> Value {
    let mut told = json!(seen);
    let objects = match &mut told {
        Value::Array(objects) => objects.as_mut_slice(),
        object => std::slice::from_mut(object),
    };
    for object in objects {
        if let Some(fields) = object.pointer_mut("/metadata/managedFields") {
            fields.take();
        }
    }
    told
}

/// Whether the binding as it is written is in force.
fn is_ready(binding: &ProjectBinding) -> bool {
    current(binding).is_some_and(|status| stands(&status.conditions, "Ready"))
}

/// The status, if it is about the binding as it is written.
fn current(binding: &ProjectBinding) -> Option<&ProjectBindingStatus> {
    binding.status.as_ref().filter(|status| status.observed_generation == binding.meta().generation)
}

fn object<K: Resource<DynamicType = ()>>(name: &str, spec: Value) -> Value {
    json!({ "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": { "name": name }, "spec": spec })
}

async fn create<K>(api: &Api<K>, object: Value) -> Result<K>
where
    K: Resource + Clone + Serialize + DeserializeOwned + Debug,
{
    Ok(api.create(&PostParams::default(), &serde_json::from_value(object)?).await?)
}
