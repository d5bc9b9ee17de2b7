//! The control loops: fetch, validate, plan, apply.

pub mod runtime;

use std::net::SocketAddr;

use kube::Client;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use runtime::clock::ServerClock;
use runtime::events::Events;
use runtime::metrics::Metrics;
use runtime::probe::Prober;
use runtime::server::{Endpoints, serve};
use runtime::settings::Settings;

/// What the operator works with.
pub struct Operator {
    /// How it is set up.
    pub settings: Settings,
    /// The API server.
    pub client: Client,
    /// The API server's clock.
    pub clock: ServerClock,
    /// What is counted.
    pub metrics: Metrics,
}

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The address of `--listen` is taken, or not one of this machine.
    #[error("cannot listen on {address}: choose another --listen")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The endpoints broke down.
    #[error("the health and metrics endpoints failed")]
    Serve(#[source] std::io::Error),
}

/// Runs until `cancel`.
///
/// # Errors
/// If the endpoints cannot be served. That the API server cannot be reached is none: it may come.
pub async fn run(operator: Operator, cancel: CancellationToken) -> Result<(), RunError> {
    let Operator { settings, client, clock, metrics } = operator;
    let address = settings.observation.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, source })?;

    let cluster = &settings.cluster;
    let (prober, policies) = Prober::new(client.clone(), &cluster.namespace, cluster.probe_user(), metrics.clone());
    let (_events, publisher) = Events::channel(metrics.clone());
    let endpoints = Endpoints::new(metrics).ready("policies", move || policies.borrow().check());

    let (served, (), ()) = tokio::join!(
        serve(listener, endpoints, cancel.clone()),
        prober.run(cancel.clone()),
        publisher.run(client, clock, cancel),
    );
    served.map_err(RunError::Serve)
}
