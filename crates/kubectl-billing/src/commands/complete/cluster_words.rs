//! Words that a cluster has: names of groups and projects, numbers of invoices, months.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ListParams, PartialObjectMeta};
use kube::{Api, Resource, ResourceExt};

use crate::cluster::{Cluster, ClusterArguments, wait};
use billing_api::labels::{GROUP_LABEL, ORGANIZATION_LABEL, PERIOD_LABEL};
use billing_api::{BillingGroup, CreditNote, Invoice, ProjectLedger};

/// Somebody waits with a finger on a key.
const LIMIT: Duration = Duration::from_millis(800);

/// Words, each with what it is.
pub(super) type Words = Vec<(String, String)>;

/// Which cluster the words are of, as far as the line says it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    cluster: ClusterArguments,
}

impl Asked {
    /// Notes the value of a flag.
    pub(super) fn note(&mut self, flag: &str, value: &str) {
        let value = value.to_owned();
        match flag {
            "namespace" => self.cluster.namespace = Some(value),
            "context" => self.cluster.context = Some(value),
            "kubeconfig" => self.cluster.kubeconfig = Some(PathBuf::from(value)),
            "impersonate" => self.cluster.impersonate = Some(value),
            "impersonate_groups" => self.cluster.impersonate_groups.push(value),
            _ => {}
        }
    }

    /// The words that an argument can be, by what its help calls it. None where the cluster does not say in time.
    pub(super) fn words(&self, argument: &str) -> Words {
        let asked = async {
            let cluster = self.cluster.connect().await.ok()?;
            match argument {
                "GROUP" => names::<BillingGroup>(&cluster).await,
                "PROJECT" => names::<ProjectLedger>(&cluster).await,
                "NUMBER" | "INVOICE" => invoices(&cluster).await,
                "MONTH" => months(&cluster).await,
                "NOTE" => names::<CreditNote>(&cluster).await,
                "NAMESPACE" => organizations(&cluster).await,
                _ => None,
            }
        };
        wait(async { tokio::time::timeout(LIMIT, asked).await.ok().flatten() }).ok().flatten().unwrap_or_default()
    }
}

/// No more than the metadata of objects.
async fn metadata<K>(api: Api<K>, params: &ListParams) -> Option<Vec<PartialObjectMeta<K>>>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    api.list_metadata(params).await.ok().map(|list| list.items)
}

async fn names<K>(cluster: &Cluster) -> Option<Words>
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned,
{
    let found = metadata::<K>(cluster.api(), &ListParams::default()).await?;
    Some(found.iter().map(|object| (object.name_any(), String::new())).collect())
}

/// The numbers of invoices, each with its group and month.
async fn invoices(cluster: &Cluster) -> Option<Words> {
    let found = metadata::<Invoice>(cluster.api(), &ListParams::default()).await?;
    let about = |invoice: &PartialObjectMeta<Invoice>| {
        let label = |name| invoice.labels().get(name).map_or("", String::as_str);
        format!("{} {}", label(GROUP_LABEL), label(PERIOD_LABEL)).trim().to_owned()
    };
    Some(found.iter().map(|invoice| (invoice.name_any(), about(invoice))).collect())
}

/// The months that there are invoices of, and the words for the last two.
async fn months(cluster: &Cluster) -> Option<Words> {
    let found = metadata::<Invoice>(cluster.api(), &ListParams::default()).await?;
    let months: BTreeSet<String> =
        found.iter().filter_map(|invoice| invoice.labels().get(PERIOD_LABEL).cloned()).collect();
    let words = ["this", "last"].map(str::to_owned).into_iter().chain(months.into_iter().rev());
    Some(words.map(|word| (word, String::new())).collect())
}

/// The organizations, for who may see namespaces.
async fn organizations(cluster: &Cluster) -> Option<Words> {
    let found = metadata::<Namespace>(cluster.all(), &ListParams::default().labels(ORGANIZATION_LABEL)).await?;
    let organization = |namespace: &&PartialObjectMeta<Namespace>| {
        namespace.labels().get(ORGANIZATION_LABEL) == namespace.metadata.name.as_ref()
    };
    Some(found.iter().filter(organization).map(|namespace| (namespace.name_any(), String::new())).collect())
}
