//! The watches that are always there: Meters, servers of metrics, namespaces of projects, and the records that run.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use billing_api::labels::ORGANIZATION_LABEL;
use billing_api::{Meter, MetricsServer, UsageRecord};
use futures::{Stream, StreamExt, pin_mut};
use k8s_openapi::api::core::v1::Namespace;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource, ResourceExt};
use operator_kit::supervision::Supervisor;
use operator_kit::watching::Watching;
use tokio_util::sync::CancellationToken;

use crate::context::Shared;
use crate::records::{RUNNING_LABEL, of_cluster};
use crate::world::Key;

/// Starts all of them. Each answer tells how one is, and when its first list is complete.
pub fn start(shared: &Arc<Shared>, tasks: &Supervisor, cancel: &CancellationToken) -> Vec<Watching> {
    let watching = |name| Watching::new(name, shared.clock().clone(), shared.metrics.work.clone());
    let (meters, servers) = (watching("meters"), watching("metricsservers"));
    let (namespaces, records) = (watching("namespaces"), watching("usagerecords"));
    tasks.spawn("watch of meters", watch_meters(shared.clone(), meters.clone(), cancel.clone()));
    tasks.spawn("watch of metricsservers", watch_servers(shared.clone(), servers.clone(), cancel.clone()));
    tasks.spawn("watch of namespaces", watch_namespaces(shared.clone(), namespaces.clone(), cancel.clone()));
    tasks.spawn("watch of usagerecords", watch_records(shared.clone(), records.clone(), cancel.clone()));
    vec![meters, namespaces, records]
}

/// What came of a watch.
enum Change<K> {
    /// A list begins.
    Begins,
    /// An object is there.
    Is(K),
    /// An object is gone.
    Gone(K),
    /// The list is complete.
    Listed,
}

/// Hands on what a watch says until `cancel`; what fails is told.
async fn follow<T, K>(
    stream: impl Stream<Item = watcher::Result<watcher::Event<T>>>,
    (shared, watching): (&Shared, &Watching),
    open: impl Fn(T) -> Option<K>,
    mut enter: impl FnMut(Change<K>),
    cancel: CancellationToken,
) {
    pin_mut!(stream);
    let kind = watching.name();
    while let Some(event) = cancel.run_until_cancelled(stream.next()).await.flatten() {
        let event = match event {
            Ok(event) => {
                shared.troubles.over(|| format!("the watch of {kind} failed"));
                event
            }
            Err(error) => {
                watching.failed(&error);
                shared.troubles.tell(format_args!("the watch of {kind} failed"), &error);
                continue;
            }
        };
        match event {
            watcher::Event::Init => enter(Change::Begins),
            watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
                if let Some(object) = open(object) {
                    enter(Change::Is(object));
                }
            }
            watcher::Event::Delete(object) => {
                if let Some(object) = open(object) {
                    enter(Change::Gone(object));
                }
            }
            watcher::Event::InitDone => {
                enter(Change::Listed);
                watching.list_complete();
            }
        }
    }
}

/// An object that decodes; another is told of, and stops nothing.
fn decoded<K: Resource<DynamicType = ()>>(shared: &Shared, guarded: DeserializeGuard<K>) -> Option<K> {
    let unreadable = |invalid: kube::core::error_boundary::InvalidObject| {
        let (kind, metadata) = (K::kind(&()), invalid.metadata);
        tracing::warn!(%kind, namespace = metadata.namespace, name = metadata.name, error = invalid.error, "an object cannot be read; correct or delete it");
        shared.metrics.work.failed("watch", "unreadable");
    };
    guarded.0.map_err(unreadable).ok()
}

async fn watch_meters(shared: Arc<Shared>, watching: Watching, cancel: CancellationToken) {
    let api: Api<DeserializeGuard<Meter>> = Api::all(watching.client(shared.client.clone()));
    let stream = watcher(api, watcher::Config::default().streaming_lists()).default_backoff();
    let mut unseen = HashSet::new();
    let enter = |change: Change<Meter>| {
        match change {
            Change::Begins => {
                unseen = shared.world().meters();
                unseen.extend(shared.counted().meters());
            }
            Change::Is(mut meter) => {
                meter.metadata.managed_fields = None;
                unseen.remove(&meter.name_any());
                if meter.spec.metrics.is_some() {
                    shared.change_counted(|counted| counted.observe_meter(meter));
                } else {
                    shared.change(|world, now| world.observe_meter(meter, now));
                }
            }
            Change::Gone(meter) => forget_meter(&shared, &meter.name_any()),
            Change::Listed => unseen.drain().for_each(|name| forget_meter(&shared, &name)),
        }
        shared.kinds_changed.notify_one();
    };
    follow(stream, (&shared, &watching), |guarded| decoded(&shared, guarded), enter, cancel).await;
}

fn forget_meter(shared: &Shared, name: &str) {
    shared.change_counted(|counted| counted.forget_meter(name));
    let mut world = shared.world();
    world.forget_meter(name);
    let orphans = world.orphans();
    drop(world);
    if orphans > 0 {
        tracing::warn!(
            meter = name,
            orphans,
            "a Meter is gone whose records still run: make it again, or end them by hand"
        );
    }
}

async fn watch_servers(shared: Arc<Shared>, watching: Watching, cancel: CancellationToken) {
    let api: Api<DeserializeGuard<MetricsServer>> = Api::all(watching.client(shared.client.clone()));
    let stream = watcher(api, watcher::Config::default().streaming_lists()).default_backoff();
    let mut unseen = HashSet::new();
    let enter = |change: Change<MetricsServer>| match change {
        Change::Begins => unseen = shared.counted().servers(),
        Change::Is(server) => {
            unseen.remove(&server.name_any());
            shared.change_counted(|counted| counted.observe_server(server));
        }
        Change::Gone(server) => shared.change_counted(|counted| counted.forget_server(&server.name_any())),
        Change::Listed => {
            for name in unseen.drain() {
                shared.change_counted(|counted| counted.forget_server(&name));
            }
        }
    };
    follow(stream, (&shared, &watching), |guarded| decoded(&shared, guarded), enter, cancel).await;
}

async fn watch_namespaces(shared: Arc<Shared>, watching: Watching, cancel: CancellationToken) {
    let api: Api<PartialObjectMeta<Namespace>> = Api::all(watching.client(shared.billing.clone()));
    let config = watcher::Config::default().labels(ORGANIZATION_LABEL).streaming_lists();
    let stream = watcher(api, config).default_backoff();
    let mut unseen = HashSet::new();
    let enter = |change: Change<PartialObjectMeta<Namespace>>| match change {
        Change::Begins => unseen = shared.world().namespaces(),
        Change::Is(namespace) => {
            let name = namespace.name_any();
            unseen.remove(&name);
            let labels = namespace.metadata.labels.unwrap_or_default();
            shared.change(|world, now| world.observe_namespace(&name, labels, now));
        }
        Change::Gone(namespace) => shared.change(|world, now| world.forget_namespace(&namespace.name_any(), now)),
        Change::Listed => {
            for name in unseen.drain() {
                shared.change(|world, now| world.forget_namespace(&name, now));
            }
        }
    };
    follow(stream, (&shared, &watching), Some, enter, cancel).await;
}

async fn watch_records(shared: Arc<Shared>, watching: Watching, cancel: CancellationToken) {
    let api: Api<DeserializeGuard<UsageRecord>> = Api::all(watching.client(shared.billing.clone()));
    let selector = format!("{RUNNING_LABEL},{}", of_cluster(shared.cluster()));
    let config = watcher::Config::default().labels(&selector).streaming_lists();
    let stream = watcher(api, config).default_backoff();
    let mut unseen: HashMap<(String, String), Key> = HashMap::new();
    let enter = |change: Change<UsageRecord>| match change {
        Change::Begins => unseen = shared.world().running(),
        Change::Is(record) => {
            unseen.remove(&(record.namespace().unwrap_or_default(), record.name_any()));
            shared.change(|world, _| world.observe_record(&record));
        }
        Change::Gone(record) => shared.change(|world, _| world.forget_record(&record)),
        Change::Listed => {
            for ((_, name), key) in unseen.drain() {
                if let Key::Object { meter, uid } = key {
                    shared.change(|world, _| world.record_ended(&meter, &uid, &name));
                }
            }
            shared.world().records_listed();
        }
    };
    follow(stream, (&shared, &watching), |guarded| decoded(&shared, guarded), enter, cancel).await;
}
