//! How commands reach a cluster: as kubectl does.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::core::{ApiResource, ClusterResourceScope, DynamicObject, NamespaceResourceScope};
use kube::{Api, Client, Resource};
use thiserror::Error;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Which cluster, and where in it.
#[derive(Args, Debug, Default)]
pub struct ClusterArguments {
    /// The organization's namespace [default: the namespace of the kubeconfig's context]
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,

    /// The context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "CONTEXT")]
    pub context: Option<String>,

    /// The kubeconfig file [default: $KUBECONFIG, or ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// The user to act as
    #[arg(long = "as", value_name = "USER")]
    pub impersonate: Option<String>,

    /// A group to act as a member of; can be given several times
    #[arg(long = "as-group", value_name = "USER-GROUP", requires = "impersonate")]
    pub impersonate_groups: Vec<String>,
}

/// Why a cluster cannot be reached.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// The kubeconfig says nothing usable.
    #[error("the kubeconfig cannot be used; name one with --kubeconfig, or read files with -f")]
    Config(#[from] KubeconfigError),
    /// No client can be made of it.
    #[error("no Kubernetes client can be built from the kubeconfig")]
    Client(#[source] kube::Error),
    /// Nothing runs what waits for answers.
    #[error("the async runtime cannot be started")]
    Runtime(#[from] io::Error),
}

/// A client, and the organization's namespace.
pub struct Cluster {
    client: Client,
    /// The namespace that was asked for.
    pub namespace: String,
}

/// Where objects of a kind are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Everywhere: all namespaces, or the cluster for kinds without one.
    Everywhere,
    /// In one namespace.
    Namespace(String),
}

impl Cluster {
    /// What a client reaches, from a namespace on.
    pub fn new(client: Client, namespace: impl Into<String>) -> Self {
        Self { client, namespace: namespace.into() }
    }

    /// The client itself.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The objects of a kind that is in no namespace.
    pub fn all<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope>,
    {
        Api::all(self.client.clone())
    }

    /// The objects of a kind in the namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The organization's namespace, as a place.
    pub fn organization(&self) -> Place {
        Place::Namespace(self.namespace.clone())
    }

    /// The objects of a kind as the API server has them, whether or not they fit our types.
    pub fn objects<K: Resource<DynamicType = ()>>(&self, place: &Place) -> Api<DynamicObject> {
        let resource = ApiResource::erase::<K>(&());
        match place {
            Place::Everywhere => Api::all_with(self.client.clone(), &resource),
            Place::Namespace(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
        }
    }
}

impl ClusterArguments {
    /// A client for the cluster that is asked for. It sends nothing twice.
    ///
    /// # Errors
    /// The kubeconfig cannot be used.
    pub async fn connect(&self) -> Result<Cluster, ClusterError> {
        let mut config = self.config().await?;
        config.default_retry = false;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        if self.impersonate.is_some() {
            config.auth_info.impersonate.clone_from(&self.impersonate);
            config.auth_info.impersonate_groups = Some(self.impersonate_groups.clone());
        }
        let namespace = self.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        Ok(Cluster::new(Client::try_from(config).map_err(ClusterError::Client)?, namespace))
    }

    /// What the kubeconfig says; in a pod without one, what the pod's account says.
    async fn config(&self) -> Result<Config, ClusterError> {
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        if let Some(file) = &self.kubeconfig {
            return Ok(Config::from_custom_kubeconfig(Kubeconfig::read_from(file)?, &options).await?);
        }
        match Config::from_kubeconfig(&options).await {
            Err(error) if self.context.is_none() => Config::incluster().map_err(|_| error.into()),
            other => Ok(other?),
        }
    }
}

/// Waits for what needs a cluster.
///
/// # Errors
/// The runtime does not start.
pub fn wait<T>(work: impl Future<Output = T>) -> Result<T, ClusterError> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work))
}
