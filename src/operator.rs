//! The operator as a whole: watches feed the state, workers take keys from the queues.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::Client;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::context::{Context, ContextParts};
use crate::kinds::{credit, credit_note, group, period, project, receivables, usage};
use crate::metrics::Metrics;
use crate::probe::Prober;
use crate::settings::{ClusterSettings, Settings};
use crate::{auditor, billed_index, closing, slice_gc, watches};
use billing_planning::billing_settings::BillingSettings;
use billing_state::Key;
use operator_kit::clock::ServerClock;
use operator_kit::events::Events;
use operator_kit::queue::{Outcome, WorkQueue};
use operator_kit::server::{Endpoints, serve};

/// A handler that has read and written nothing for longer than this hangs: only a restart helps. How long it takes is another
/// matter: the closing of many months may take an hour.
const MAX_HANDLER_SILENCE: Duration = Duration::from_secs(600);

/// How many organizations are closed at once: each of them is held in memory.
const CONCURRENT_CLOSINGS: usize = 4;

/// How long work pauses while an admission policy is missing.
const POLICY_RETRY: Duration = Duration::from_secs(2);

/// Who reports events; `kubectl describe` shows it.
const CONTROLLER: &str = "billing-operator.io/operator";

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

/// Runs until `cancel`, then lets running work finish.
///
/// # Errors
/// If the endpoints cannot be served. That the API server cannot be reached is none: it may come.
pub async fn run(operator: Operator, cancel: CancellationToken) -> Result<(), RunError> {
    let Operator { settings, client, clock, metrics } = operator;
    let address = settings.observation.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| RunError::Listen { address, source })?;

    let cluster = &settings.cluster;
    let (prober, policies) =
        Prober::new(client.clone(), &cluster.namespace, cluster.probe_user(), metrics.billing.clone());
    let (events, publisher) = Events::channel(CONTROLLER, metrics.work.clone());
    let billing = BillingSettings::from(&settings.billing);
    let parts =
        ContextParts { client: client.clone(), clock: clock.clone(), settings: billing, metrics, events, policies };
    let ctx = Arc::new(Context::new(parts));

    let tasks = TaskTracker::new();
    let synced = watches::start(&ctx, &tasks, &cancel);
    tasks.spawn(prober.run(cancel.clone()));
    tasks.spawn(publisher.run(client, clock, cancel.clone()));
    tasks.spawn(work(ctx.clone(), synced.clone(), settings.cluster.clone(), cancel.clone()));
    tasks.close();
    let served = serve(listener, endpoints(&ctx, synced), cancel.clone()).await;
    cancel.cancel();
    tasks.wait().await;
    served.map_err(RunError::Serve)
}

fn endpoints(ctx: &Arc<Context>, synced: Vec<watch::Receiver<bool>>) -> Endpoints {
    let (live, policies, gauges) = (ctx.clone(), ctx.policies.clone(), ctx.clone());
    Endpoints::new(ctx.metrics.exposition.clone())
        .live("queues", move || {
            let mut stuck = live.queues.health().into_iter().map(|(_, health)| health.check(MAX_HANDLER_SILENCE));
            stuck.find(Result::is_err).unwrap_or(Ok(()))
        })
        .ready("policies", move || policies.borrow().check())
        .ready("watches", move || {
            let waiting = synced.iter().filter(|synced| !*synced.borrow()).count();
            if waiting == 0 { Ok(()) } else { Err(format!("{waiting} initial lists are not complete yet")) }
        })
        .refresh(move || {
            let Metrics { work, billing, exposition: _ } = &gauges.metrics;
            for (name, health) in gauges.queues.health() {
                work.queue(name, health);
            }
            gauges.read(|state| {
                period::show_gauges(state, billing);
                receivables::show_gauges(state, billing, gauges.now());
            });
        })
}

/// Waits for the state to be complete and the policies to be in force, and then works.
async fn work(
    ctx: Arc<Context>,
    synced: Vec<watch::Receiver<bool>>,
    settings: ClusterSettings,
    cancel: CancellationToken,
) {
    let ready = async {
        for mut synced in synced {
            let _ = synced.wait_for(|done| *done).await;
        }
        let mut policies = ctx.policies.clone();
        let _ = policies.wait_for(|state| state.is_enforced()).await;
    };
    if cancel.run_until_cancelled(ready).await.is_none() {
        return;
    }
    if cancel.run_until_cancelled(billed_index::read_all(&ctx)).await.is_none() {
        return;
    }
    ctx.queues.open();
    ctx.queues.add(ctx.read(|state| state.all_keys()));
    tracing::info!("all objects are read and the admission policies are in force; starting to work");
    let queues = &ctx.queues;
    let concurrency = settings.concurrency.into();
    tokio::join!(
        drain(&ctx, &queues.projects, concurrency, &cancel),
        drain(&ctx, &queues.groups, concurrency, &cancel),
        drain(&ctx, &queues.overviews, 4, &cancel),
        drain(&ctx, &queues.closings, CONCURRENT_CLOSINGS, &cancel),
        slice_gc::run(&ctx, &cancel),
        auditor::run(&ctx, settings.audit_interval, &cancel),
    );
}

async fn drain(ctx: &Arc<Context>, queue: &WorkQueue<Key>, concurrency: usize, cancel: &CancellationToken) {
    let handler = |key: Key| {
        let ctx = ctx.clone();
        async move { handle(&ctx, key).await }
    };
    let dropped = queue.run(concurrency, cancel.clone(), handler).await;
    if dropped > 0 {
        tracing::warn!(dropped, "work was still running when the time to finish it was over");
    }
}

/// Works on a key, while every admission policy is in force: without them nothing that is written would last.
async fn handle(ctx: &Context, key: Key) -> Outcome {
    if !ctx.policies.borrow().is_enforced() {
        return Outcome::After(POLICY_RETRY);
    }
    let started = Instant::now();
    let (controller, outcome) = match &key {
        Key::Project(project) => ("project", project::reconcile(ctx, project).await),
        Key::Group { organization, group } => ("group", group::reconcile(ctx, organization, *group).await),
        Key::Credit { organization, credit } => ("credit", credit::reconcile(ctx, organization, credit).await),
        Key::Usage(organization) => ("usage", usage::reconcile(ctx, organization).await),
        Key::Finals(organization) => ("finals", billed_index::reconcile(ctx, organization).await),
        Key::Periods => ("period", period::reconcile(ctx).await),
        Key::Closing(organization) => ("closing", closing::reconcile(ctx, organization).await),
        Key::CreditNote { organization, note } => {
            ("credit-note", credit_note::reconcile(ctx, organization, note).await)
        }
        Key::Receivables => ("receivables", receivables::reconcile(ctx).await),
        Key::Settled => ("receivables", receivables::reconcile_settled(ctx).await),
    };
    ctx.metrics.work.reconciled(controller, outcome, started.elapsed());
    outcome
}
