//! The operator as a whole: watches feed the state, workers take keys from the queues.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryFutureExt;
use kube::Client;
use tokio_util::sync::CancellationToken;

use crate::context::{Context, ContextParts};
use crate::integrity::{Built, Comparer};
use crate::kinds::{credit, credit_note, group, period, project, published, receivables, usage};
use crate::metrics::Metrics;
use crate::probe::Prober;
use crate::settings::{ClusterSettings, Settings};
use crate::{auditor, billed_index, closing, slice_gc, watches};
use billing_planning::billing_settings::BillingSettings;
use billing_planning::conditions::and_more;
use billing_state::Key;
use operator_kit::clock::ServerClock;
use operator_kit::events::Events;
use operator_kit::queue::{Outcome, WorkQueue};
use operator_kit::reach::Reach;
use operator_kit::server::{Endpoints, listen, serve};
use operator_kit::supervision::{Supervisor, TaskFailure};
use operator_kit::watching::Watching;

/// A handler that has read and written nothing for longer than this hangs: only a restart helps. How long it takes is another
/// matter: the closing of many months may take an hour.
const MAX_HANDLER_SILENCE: Duration = Duration::from_secs(600);

/// How many organizations are closed at once: each of them is held in memory.
const CONCURRENT_CLOSINGS: usize = 4;

/// How many groups are looked at at once whose invoices have slices.
const CONCURRENT_LARGE_GROUPS: usize = 4;

/// How many keys that look at much are worked on at once.
const CONCURRENT_OVERVIEWS: usize = 4;

/// How long work pauses while an admission policy is missing.
const POLICY_RETRY: Duration = Duration::from_secs(2);

/// How long irreversible work pauses while definitions or policies are weakened.
const GUARDS_RETRY: Duration = Duration::from_secs(5);

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
    /// Whether the API server is in reach.
    pub reach: Reach,
    /// What is counted.
    pub metrics: Metrics,
}

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Settings contradict each other.
    #[error("{0}")]
    Settings(String),
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
    /// What the operator was built with cannot be read.
    #[error("the policies that the operator was built with cannot be read; please report this")]
    Built(#[source] serde_json::Error),
    /// A part of the operator ended. It makes everything again when it is started again.
    #[error("a part of the operator is gone")]
    Task(#[from] TaskFailure),
}

/// Runs until `cancel`, then lets running work finish. When a part of it panics or ends, all of it does, at once.
///
/// # Errors
/// If the endpoints cannot be served, or a part of the operator ended. That the API server cannot be reached is none: it may come.
pub async fn run(operator: Operator, cancel: CancellationToken) -> Result<(), RunError> {
    let Operator { settings, client, clock, reach, metrics } = operator;
    let address = settings.observation.listen;
    let listen = |address| listen(address).map_err(|source| RunError::Listen { address, source });
    let listener = listen(address)?;
    let finance = settings.observation.finance_listen.map(listen).transpose()?;

    let cluster = &settings.cluster;
    let (prober, policies) =
        Prober::new(client.clone(), &cluster.namespace, cluster.probe_user(), metrics.billing.clone());
    let (events, publisher) = Events::channel(CONTROLLER, metrics.work.clone());
    let billing = BillingSettings::try_from(&settings.billing).map_err(RunError::Settings)?;
    let built = Built::new(&cluster.user(), &cluster.probe_user()).map_err(RunError::Built)?;
    let (comparer, integrity) = Comparer::new(client.clone(), built, metrics.billing.clone());
    let parts = ContextParts {
        client: client.clone(),
        clock: clock.clone(),
        settings: billing,
        metrics,
        events,
        policies,
        integrity,
    };
    let ctx = Arc::new(Context::new(parts));

    let tasks = Supervisor::new(cancel.clone());
    let watches = watches::start(&ctx, &tasks, &cancel);
    tasks.spawn("comparer", comparer.run(cancel.clone()));
    tasks.spawn("prober", prober.run(cancel.clone()));
    tasks.spawn("publisher", publisher.run(client, clock, cancel.clone()));
    tasks.spawn("work", work(ctx.clone(), tasks.clone(), watches.clone(), settings.cluster.clone(), cancel.clone()));
    if let Some(finance) = finance {
        let served = serve(finance, finance_endpoints(&ctx), cancel.clone());
        tasks.spawn("finance endpoint", async {
            let _ = served.await; // it ends with the operator
        });
    }
    let silence_limit = settings.observation.silence_limit;
    let endpoints =
        endpoints(&ctx, &tasks, watches, silence_limit).ready("API server", move || reach.check(silence_limit));
    tasks.watched_beside(serve(listener, endpoints, cancel).map_err(RunError::Serve)).await
}

fn endpoints(ctx: &Arc<Context>, tasks: &Supervisor, watches: Vec<Watching>, silence_limit: Duration) -> Endpoints {
    let (live, policies, gauges, state) = (ctx.clone(), ctx.policies.clone(), ctx.clone(), ctx.clone());
    let integrity = ctx.integrity.clone();
    let (alive, working) = (tasks.clone(), tasks.clone());
    Endpoints::new(ctx.metrics.exposition.clone())
        .live("queues", move || {
            let mut stuck = live.queues.health().into_iter().map(|(_, health)| health.check(MAX_HANDLER_SILENCE));
            stuck.find(Result::is_err).unwrap_or(Ok(()))
        })
        .live("tasks", move || alive.check())
        .live("state", move || state.check())
        .ready("tasks", move || working.check())
        .ready("guards", move || integrity.borrow().check())
        .ready("policies", move || policies.borrow().check())
        .ready("watches", move || check_watches(&watches, silence_limit))
        .refresh(move || {
            let Metrics { work, billing, exposition: _, finance: _ } = &gauges.metrics;
            for (name, health) in gauges.queues.health() {
                work.queue(name, health);
            }
            let now = gauges.now();
            gauges.read(|state| {
                period::show_gauges(state, billing, now);
                billing.refused_writes(state.refused_write_counts());
            });
        })
}

/// What is wrong with the watches: in words for the first of them.
fn check_watches(watches: &[Watching], silence_limit: Duration) -> Result<(), String> {
    let mut wrong = watches.iter().filter_map(|watching| watching.check(silence_limit).err());
    let Some(first) = wrong.next() else { return Ok(()) };
    Err(format!("{first}{}", and_more(wrong.count())))
}

/// What is owed: for whoever is let to this port.
fn finance_endpoints(ctx: &Arc<Context>) -> Endpoints {
    let gauges = ctx.clone();
    Endpoints::new(ctx.metrics.finance.clone())
        .refresh(move || gauges.read(|state| receivables::show_gauges(state, &gauges.metrics.billing, gauges.now())))
}

/// Waits for the state to be complete and the policies to be in force, and then starts what works: each queue, and each loop in the
/// background, as a task of its own, so that none holds up another. Organizations with finals wait until these are read.
async fn work(
    ctx: Arc<Context>,
    tasks: Supervisor,
    watches: Vec<Watching>,
    settings: ClusterSettings,
    cancel: CancellationToken,
) {
    let ready = async {
        for watching in watches {
            let _ = watching.listed().wait_for(|done| *done).await;
        }
        let mut policies = ctx.policies.clone();
        let _ = policies.wait_for(|state| state.is_enforced()).await;
    };
    if cancel.run_until_cancelled(ready).await.is_none() {
        return;
    }
    let with_finals = ctx.read(|state| state.organizations_to_read());
    ctx.unread_since_start.begin(&with_finals);
    ctx.queues.open();
    ctx.queues.add(ctx.read(|state| state.all_keys()));
    tracing::info!("all objects are read and the admission policies are in force; starting to work");
    let queues = &ctx.queues;
    let concurrency = settings.concurrency.into();
    for (name, queue, concurrency) in [
        ("queue of projects", &queues.projects, concurrency),
        ("queue of groups", &queues.groups, concurrency),
        ("queue of large groups", &queues.large_groups, CONCURRENT_LARGE_GROUPS),
        ("queue of overviews", &queues.overviews, CONCURRENT_OVERVIEWS),
        ("queue of closings", &queues.closings, CONCURRENT_CLOSINGS),
    ] {
        let work = drain(ctx.clone(), queue.clone(), concurrency, settings.guards_grace, cancel.clone());
        tasks.spawn(name, work);
    }
    if cancel.run_until_cancelled(billed_index::read_all(&ctx, with_finals)).await.is_none() {
        return;
    }
    ctx.queues.add(ctx.read(|state| state.overview_keys()));
    tracing::info!("the final invoices of all organizations are read");
    tasks.spawn("slice garbage collection", slice_gc::run(ctx.clone(), cancel.clone()));
    tasks.spawn("auditor", auditor::run(ctx.clone(), settings.audit_interval, cancel.clone()));
    cancel.cancelled().await;
}

async fn drain(
    ctx: Arc<Context>,
    queue: WorkQueue<Key>,
    concurrency: usize,
    grace: Duration,
    cancel: CancellationToken,
) {
    let handler = |key: Key| {
        let (ctx, queue) = (ctx.clone(), queue.clone());
        async move {
            // A group that turned out to be large belongs to another queue by now.
            if !ctx.queues.queue_of(&key).is(&queue) {
                ctx.queues.add([key]);
                return Outcome::Done;
            }
            handle(&ctx, key, grace).await
        }
    };
    let panicked = |key: &Key| ctx.metrics.work.panicked(controller(key));
    let dropped = queue.run(concurrency, cancel, handler, panicked).await;
    if dropped > 0 {
        tracing::warn!(dropped, "work was still running when the time to finish it was over");
    }
}

/// Who works on a key, as metrics name it.
fn controller(key: &Key) -> &'static str {
    match key {
        Key::Project(_) => "project",
        Key::Group { .. } => "group",
        Key::Credit { .. } => "credit",
        Key::Usage(_) => "usage",
        Key::Finals(_) => "finals",
        Key::Periods => "period",
        Key::Closing(_) => "closing",
        Key::CreditNote { .. } => "credit-note",
        Key::Published { .. } => "published",
        Key::Receivables | Key::Settled => "receivables",
    }
}

/// Whether work on a key writes what nothing takes back: finals, reservations, redeemed codes, ledgers, credit notes.
fn is_irreversible(key: &Key) -> bool {
    match key {
        Key::Project(_) | Key::Credit { .. } | Key::Closing(_) | Key::CreditNote { .. } => true,
        Key::Group { .. }
        | Key::Published { .. }
        | Key::Usage(_)
        | Key::Finals(_)
        | Key::Periods
        | Key::Receivables
        | Key::Settled => false,
    }
}

/// Works on a key, while every admission policy is in force: without them nothing that is written would last.
async fn handle(ctx: &Context, key: Key, grace: Duration) -> Outcome {
    if is_irreversible(&key) && ctx.integrity.borrow().stops_money(grace) {
        return Outcome::After(GUARDS_RETRY);
    }
    if !ctx.policies.borrow().is_enforced() {
        return Outcome::After(POLICY_RETRY);
    }
    if ctx.read(|state| ctx.unread_since_start.holds(&key, state)) {
        return Outcome::Done;
    }
    let started = Instant::now();
    let done = match &key {
        Key::Project(project) => project::reconcile(ctx, project).await,
        Key::Group { organization, group } => group::reconcile(ctx, organization, *group).await,
        Key::Credit { organization, credit } => credit::reconcile(ctx, organization, credit).await,
        Key::Usage(organization) => usage::reconcile(ctx, organization).await,
        Key::Finals(organization) => Ok(billed_index::reconcile(ctx, organization).await),
        Key::Periods => period::reconcile(ctx).await,
        Key::Closing(organization) => Ok(closing::reconcile(ctx, organization).await),
        Key::CreditNote { organization, note } => credit_note::reconcile(ctx, organization, note).await,
        Key::Published { kind, name } => published::reconcile(ctx, *kind, name).await,
        Key::Receivables => receivables::reconcile(ctx).await,
        Key::Settled => receivables::reconcile_settled(ctx).await,
    };
    let outcome = match done {
        Ok(outcome) => {
            ctx.after_success(controller(&key), &key);
            outcome
        }
        Err(error) => ctx.after_error(controller(&key), &key, &error),
    };
    ctx.metrics.work.reconciled(controller(&key), outcome, started.elapsed());
    outcome
}
