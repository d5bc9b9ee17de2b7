//! The meter as a whole: watches feed the world, workers take keys from the queue.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::TryFutureExt;
use kube::Client;
use operator_kit::clock::ServerClock;
use operator_kit::events::Events;
use operator_kit::reach::Reach;
use operator_kit::server::{Endpoints, listen, serve};
use operator_kit::supervision::{Supervisor, TaskFailure};
use operator_kit::watching::Watching;
use tokio_util::sync::CancellationToken;

use crate::context::Shared;
use crate::metrics::Metrics;
use crate::settings::Settings;
use crate::{kinds, recorder, watches, work};

/// A worker that has read and written nothing for longer than this hangs: only a restart helps.
const MAX_HANDLER_SILENCE: Duration = Duration::from_secs(600);

/// Who reports events; `kubectl describe` shows it.
const CONTROLLER: &str = "billing-operator.io/meter";

/// What the meter works with.
pub struct Program {
    /// How it is set up.
    pub settings: Settings,
    /// The API server whose objects are measured.
    pub client: Client,
    /// The API server that bills, and whether it is in reach, where that is another.
    pub billing: Option<(Client, Reach)>,
    /// The API server's clock.
    pub clock: ServerClock,
    /// Whether the API server is in reach.
    pub reach: Reach,
    /// What is counted.
    pub metrics: Metrics,
}

/// Why the meter ended.
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
    /// A part of the meter ended. It makes everything again when it is started again.
    #[error("a part of the meter is gone")]
    Task(#[from] TaskFailure),
}

/// Runs until `cancel`, then lets running work finish. When a part of it panics or ends, all of it does, at once.
///
/// # Errors
/// If the endpoints cannot be served, or a part of it ended. That the API server cannot be reached is none: it may come.
pub async fn run(program: Program, cancel: CancellationToken) -> Result<(), RunError> {
    let Program { settings, client, billing, clock, reach, metrics } = program;
    let address = settings.listen;
    let listener = listen(address).map_err(|source| RunError::Listen { address, source })?;
    let (events, publisher) = Events::channel(CONTROLLER, metrics.work.clone());
    let silence_limit = settings.silence_limit;
    let (billing, billing_reach) = billing.map_or((client.clone(), None), |(client, reach)| (client, Some(reach)));
    let shared = Arc::new(Shared::new(settings, (client.clone(), billing), clock.clone(), metrics, events));

    let tasks = Supervisor::new(cancel.clone());
    let watches = watches::start(&shared, &tasks, &cancel);
    tasks.spawn("publisher", publisher.run(client, clock, cancel.clone()));
    tasks.spawn("work", begin(shared.clone(), tasks.clone(), watches.clone(), cancel.clone()));
    let mut endpoints =
        endpoints(&shared, &tasks, watches, silence_limit).ready("API server", move || reach.check(silence_limit));
    if let Some(reach) = billing_reach {
        endpoints = endpoints.ready("API server that bills", move || reach.check(silence_limit));
    }
    tasks.watched_beside(serve(listener, endpoints, cancel).map_err(RunError::Serve)).await
}

fn endpoints(shared: &Arc<Shared>, tasks: &Supervisor, watches: Vec<Watching>, silence_limit: Duration) -> Endpoints {
    let (live, world, gauges) = (shared.clone(), shared.clone(), shared.clone());
    let (alive, working) = (tasks.clone(), tasks.clone());
    Endpoints::new(shared.metrics.exposition.clone())
        .live("queue", move || live.queue.health().check(MAX_HANDLER_SILENCE))
        .live("tasks", move || alive.check())
        .live("world", move || world.check())
        .ready("tasks", move || working.check())
        .ready("watches", move || watches.iter().try_for_each(|watching| watching.check(silence_limit)))
        .refresh(move || {
            gauges.metrics.work.queue("records", gauges.queue.health());
            let (counts, orphans) = {
                let world = gauges.world();
                (world.counts(), world.orphans())
            };
            gauges.metrics.show(&counts, orphans);
        })
}

/// Waits until the Meters, the projects and the records that run are known, and then begins: each kind is watched, and the queue is
/// worked on.
async fn begin(shared: Arc<Shared>, tasks: Supervisor, watches: Vec<Watching>, cancel: CancellationToken) {
    let listed = async {
        for watching in watches {
            let _ = watching.listed().wait_for(|done| *done).await;
        }
    };
    if cancel.run_until_cancelled(listed).await.is_none() {
        return;
    }
    tracing::info!("Meters, projects and running records are read; starting to measure");
    tasks.spawn("kinds", kinds::run(shared.clone(), cancel.clone()));
    tasks.spawn("queue", drain(shared.clone(), cancel.clone()));
    tasks.spawn("counting", recorder::run(shared.clone(), cancel.clone()));
    tasks.spawn("ticks", tick(shared, cancel.clone()));
    cancel.cancelled().await;
}

async fn drain(shared: Arc<Shared>, cancel: CancellationToken) {
    let handler = |key| {
        let shared = shared.clone();
        async move { work::handle(&shared, &key).await }
    };
    let panicked = |key: &_| shared.metrics.work.panicked(work::controller(key));
    let dropped = shared.queue.run(shared.settings.concurrency.into(), cancel, handler, panicked).await;
    if dropped > 0 {
        tracing::warn!(dropped, "work was still running when the time to finish it was over");
    }
}

/// Has every Meter say until when it looked.
async fn tick(shared: Arc<Shared>, cancel: CancellationToken) {
    while cancel.run_until_cancelled(tokio::time::sleep(shared.settings.report_interval)).await.is_some() {
        let keys = shared.world().meter_keys();
        keys.into_iter().for_each(|key| shared.queue.add(key));
    }
}
