//! The watches of measured kinds: one for each, found by discovery, for as long as a Meter reads it.
//!
//! A watch begins anew when the Meters that read the kind are others, so that every object is looked at by each of them; and once an
//! hour, which compares what runs with the world.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use billing_api::MeteredResource;
use billing_api::time::instant;
use chrono::TimeDelta;
use futures::{StreamExt, pin_mut};
use kube::core::{ApiResource, GroupVersionKind};
use kube::discovery::{self, Scope};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use operator_kit::watching::Watching;
use serde_json::Value as Json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::context::Shared;
use crate::shallow::Shallow;
use crate::world::{KindState, Seen};

/// How often it is noted until when everything was seen.
const NOTE: Duration = Duration::from_secs(5);

/// Objects are asked for in pages of so many where the API server does not stream its lists.
const PAGE: u32 = 500;

/// Follows the Meters until `cancel`: starts the watches that they need, and ends those that they do not.
pub async fn run(shared: Arc<Shared>, cancel: CancellationToken) {
    let mut running: BTreeMap<MeteredResource, (Vec<(String, i64)>, CancellationToken)> = BTreeMap::new();
    let mut tasks = JoinSet::new();
    loop {
        let wanted = shared.world().watched();
        running.retain(|resource, (meters, stop)| {
            let stays = wanted.get(resource) == Some(meters);
            if !stays {
                stop.cancel();
            }
            stays
        });
        for (resource, meters) in wanted {
            running.entry(resource.clone()).or_insert_with(|| {
                let stop = cancel.child_token();
                tasks.spawn(follow(shared.clone(), resource, stop.clone()));
                (meters, stop)
            });
        }
        tokio::select! {
            () = cancel.cancelled() => break,
            () = shared.kinds_changed.notified() => {}
            Some(ended) = tasks.join_next() => {
                // A watch that panicked must not go unnoticed: whoever watches over this task ends the process.
                if let Err(error) = ended && error.is_panic() {
                    std::panic::resume_unwind(error.into_panic());
                }
            }
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Watches a kind until `stop`, whatever becomes of it.
async fn follow(shared: Arc<Shared>, resource: MeteredResource, stop: CancellationToken) {
    let watching = Watching::new(interned(&resource), shared.clock().clone(), shared.metrics.work.clone());
    let client = watching.client(shared.client.clone());
    loop {
        let ended = stop.run_until_cancelled(once(&shared, &resource, &watching, &client)).await;
        let Some(state) = ended else { return };
        let pause = match &state {
            // The hour is over: all objects are listed again.
            KindState::Watched { .. } => Duration::ZERO,
            _ => shared.settings.retry_interval,
        };
        shared.change(|world, now| {
            let mut keys = world.kind_is(&resource, state.clone());
            if state == KindState::NotServed {
                // Of a kind that there is not there are no objects.
                let unseen = world.known(&resource);
                keys.extend(world.list_complete(&resource, unseen, now));
            }
            keys
        });
        if stop.run_until_cancelled(sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// Finds the kind and watches it for an hour; what it is then.
async fn once(shared: &Shared, resource: &MeteredResource, watching: &Watching, client: &Client) -> KindState {
    let MeteredResource { group, version, kind } = resource;
    let named = GroupVersionKind { group: group.clone(), version: version.clone(), kind: kind.clone() };
    let (found, namespaced) = match discovery::pinned_kind(client, &named).await {
        Ok((found, capabilities)) => (found, capabilities.scope == Scope::Namespaced),
        Err(error) => return unfound(&error),
    };
    let api: Api<Shallow> = Api::all_with(client.clone(), &found);
    let stream = watcher(api, watcher::Config::default().streaming_lists().page_size(PAGE)).default_backoff();
    pin_mut!(stream);
    let end = Instant::now() + shared.settings.compare_interval;
    let mut unseen = HashSet::new();
    let mut listed = false;
    loop {
        let event = tokio::select! {
            event = stream.next() => event,
            () = sleep(NOTE) => {
                note(shared, resource, watching, listed);
                if listed && Instant::now() >= end {
                    return KindState::Watched { namespaced };
                }
                continue;
            }
        };
        match event {
            None => return KindState::Failing("the watch ended".to_owned()),
            Some(Err(error)) => {
                watching.failed(&error);
                if let Some(state) = refused(&error, &found) {
                    return state;
                }
                shared.troubles.tell(format_args!("the watch of {} failed", watching.name()), &error);
                let why = error.to_string();
                if !listed {
                    shared.change(|world, _| world.kind_is(resource, KindState::Failing(why)));
                }
            }
            Some(Ok(event)) => {
                shared.troubles.over(|| format!("the watch of {} failed", watching.name()));
                if enter(shared, resource, event, &mut unseen) {
                    listed = true;
                    watching.list_complete();
                    shared.change(|world, _| world.kind_is(resource, KindState::Watched { namespaced }));
                }
            }
        }
    }
}

/// Enters what happened; whether a list is complete with it.
fn enter(
    shared: &Shared,
    resource: &MeteredResource,
    event: watcher::Event<Shallow>,
    unseen: &mut HashSet<String>,
) -> bool {
    match event {
        watcher::Event::Init => *unseen = shared.world().known(resource),
        watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
            let Some((uid, label, created, json)) = said(object) else { return false };
            unseen.remove(&uid);
            let labels = labels(&json);
            let seen = Seen { uid: &uid, label, created, labels: &labels, json: &json };
            shared.change(|world, now| world.observe_object(resource, &seen, now));
        }
        watcher::Event::Delete(object) => {
            if let Some(uid) = object.0.metadata.uid {
                shared.change(|world, now| world.forget_object(resource, &uid, now));
            }
        }
        watcher::Event::InitDone => {
            let gone = std::mem::take(unseen);
            shared.change(|world, now| world.list_complete(resource, gone, now));
            return true;
        }
    }
    false
}

/// Notes until when everything was seen: as far as the watch was heard of.
fn note(shared: &Shared, resource: &MeteredResource, watching: &Watching, listed: bool) {
    let Some(silence) = watching.silence().filter(|_| listed) else { return };
    let silence = TimeDelta::from_std(silence).unwrap_or(TimeDelta::MAX);
    let heard = shared.now() - silence;
    shared.world().heard(resource, chrono::SubsecRound::trunc_subsecs(heard, 0));
}

/// The uid, the name, the time of its making and all of an object. `None`: the API server leaves none of them out.
fn said(Shallow(mut object): Shallow) -> Option<(String, String, crate::life::Timestamp, Json)> {
    object.metadata.managed_fields = None;
    let uid = object.metadata.uid.clone()?;
    let name = object.metadata.name.clone()?;
    let label =
        object.metadata.namespace.as_ref().map_or_else(|| name.clone(), |namespace| format!("{namespace}/{name}"));
    let created = instant(object.metadata.creation_timestamp.as_ref()?.0)?;
    Some((uid, label, created, serde_json::to_value(object).ok()?))
}

/// The labels of an object.
pub fn labels(json: &Json) -> BTreeMap<String, String> {
    let labels = json["metadata"]["labels"].as_object().into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// What it means that a kind was not found.
fn unfound(error: &kube::Error) -> KindState {
    match error {
        kube::Error::Api(status) if status.code == 404 => KindState::NotServed,
        kube::Error::Discovery(_) => KindState::NotServed,
        error => KindState::Failing(operator_kit::trouble::chain(error)),
    }
}

/// What it means that a watch was refused; `None` when it is worth going on.
fn refused(error: &watcher::Error, found: &ApiResource) -> Option<KindState> {
    let code = match error {
        watcher::Error::WatchError(status) => status.code,
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => status.code,
        _ => return None,
    };
    match code {
        403 => Some(KindState::Forbidden { plural: found.plural.clone() }),
        404 => Some(KindState::NotServed),
        _ => None,
    }
}

/// The name of a kind for metrics and logs, which stays: there are no more of them than kinds that were ever measured.
fn interned(resource: &MeteredResource) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let MeteredResource { group, version: _, kind } = resource;
    let name = if group.is_empty() { kind.clone() } else { format!("{kind}.{group}") };
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    match names.get(name.as_str()) {
        Some(known) => known,
        None => {
            let name: &'static str = Box::leak(name.into_boxed_str());
            names.insert(name);
            name
        }
    }
}
