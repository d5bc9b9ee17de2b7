//! How commands reach a cluster: as kubectl does.

use std::future::Future;
use std::io;
use std::path::PathBuf;

use clap::Args;
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use kube::{Api, Client, Resource};
use thiserror::Error;

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

impl Cluster {
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
}

impl ClusterArguments {
    /// A client for the cluster that is asked for.
    ///
    /// # Errors
    /// The kubeconfig cannot be used.
    pub async fn connect(&self) -> Result<Cluster, ClusterError> {
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let config = match &self.kubeconfig {
            Some(file) => Config::from_custom_kubeconfig(Kubeconfig::read_from(file)?, &options).await?,
            None => Config::from_kubeconfig(&options).await?,
        };
        let namespace = self.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
        Ok(Cluster { client: Client::try_from(config).map_err(ClusterError::Client)?, namespace })
    }
}

/// Waits for what needs a cluster.
///
/// # Errors
/// The runtime does not start.
pub fn wait<T>(work: impl Future<Output = T>) -> Result<T, ClusterError> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work))
}
