//! One watch per kind, each feeding the state.
//!
//! Guarantees: what the state holds of a kind is what the last complete list and the events since say; work is added for every
//! change, and for nothing else. Cost: one conversion and one update of the indexes for an event.
//!
//! A watch never ends before it is cancelled: kube's watcher lists again after a gap, and what a new list no longer
//! contains is forgotten. An object that does not decode is told apart, and stops nothing.

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::Arc;

use futures::{Stream, StreamExt, pin_mut};
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::context::Context;
use billing_state::{Key, ObjectKey, ObservedState, Observes};
use operator_kit::watching::Watching;

/// Takes the objects of one kind into the state, and adds the work that follows.
pub struct Sink {
    ctx: Arc<Context>,
    watching: Watching,
}

impl Sink {
    /// A sink that tells `watching` when the first complete list has been handed over.
    pub fn new(ctx: Arc<Context>, watching: Watching) -> Self {
        Self { ctx, watching }
    }

    fn change(&self, change: impl FnOnce(&mut ObservedState) -> Vec<Key>) {
        let keys = self.ctx.write(change);
        self.ctx.queues.add(keys);
    }
}

/// Watches whole objects until `cancel`.
pub async fn watch_objects<K>(
    api: Api<DeserializeGuard<K>>,
    config: watcher::Config,
    sink: Sink,
    cancel: CancellationToken,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
    ObservedState: Observes<K>,
{
    let open = |guarded: DeserializeGuard<K>| {
        let key = ObjectKey::of(&guarded);
        (key, guarded.0.map_err(|invalid| invalid.error))
    };
    feed(watcher(api, config).default_backoff(), open, sink, cancel).await;
}

/// Watches the metadata of objects until `cancel`.
pub async fn watch_metadata<K>(
    api: Api<PartialObjectMeta<K>>,
    config: watcher::Config,
    sink: Sink,
    cancel: CancellationToken,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + Sync + 'static,
    ObservedState: Observes<PartialObjectMeta<K>>,
{
    let open = |object: PartialObjectMeta<K>| (ObjectKey::of(&object), Ok(object));
    feed(watcher(api, config).default_backoff(), open, sink, cancel).await;
}

async fn feed<T, K>(
    stream: impl Stream<Item = watcher::Result<watcher::Event<T>>>,
    open: impl Fn(T) -> (ObjectKey, Result<K, String>),
    sink: Sink,
    cancel: CancellationToken,
) where
    ObservedState: Observes<K>,
{
    pin_mut!(stream);
    // What was known when the list in progress began, and has not been seen in it yet.
    let mut unseen = HashSet::new();
    let kind = sink.watching.name();
    while let Some(event) = cancel.run_until_cancelled(stream.next()).await.flatten() {
        match event {
            Err(error) => {
                sink.watching.failed(&error);
                match has_expired(&error) {
                    true => debug!(kind, %error, "the watch was away for long; listing again"),
                    false => sink.ctx.troubles.tell(format_args!("the watch of {kind} failed"), &error),
                }
            }
            Ok(event) => {
                sink.ctx.troubles.over(|| format!("the watch of {kind} failed"));
                hand_over(event, &open, &mut unseen, &sink);
            }
        }
    }
}

/// Whether the API server forgot what a watch had seen last, as it does after it was away or with what is old: no trouble.
pub fn has_expired(error: &watcher::Error) -> bool {
    const GONE: u16 = 410;
    match error {
        watcher::Error::WatchError(status) => status.code == GONE,
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => matches!(error, kube::Error::Api(status) if status.code == GONE),
        watcher::Error::NoResourceVersion => false,
    }
}

fn hand_over<T, K>(
    event: watcher::Event<T>,
    open: &impl Fn(T) -> (ObjectKey, Result<K, String>),
    unseen: &mut HashSet<ObjectKey>,
    sink: &Sink,
) where
    ObservedState: Observes<K>,
{
    match event {
        watcher::Event::Init => *unseen = sink.ctx.read(|state| Observes::<K>::observed_keys(state)),
        watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
            let (key, object) = open(object);
            unseen.remove(&key);
            match object {
                Ok(object) => sink.change(|state| state.observe(object)),
                Err(error) => {
                    let ObjectKey { namespace, name } = &key;
                    warn!(
                        kind = sink.watching.name(),
                        namespace, name, error, "an object cannot be read; correct or delete it"
                    );
                    sink.ctx.metrics.work.failed("watch", "unreadable");
                    sink.change(|state| Observes::<K>::reject(state, &key, error));
                }
            }
        }
        watcher::Event::Delete(object) => {
            let (key, _) = open(object);
            sink.change(|state| Observes::<K>::forget(state, &key));
        }
        watcher::Event::InitDone => {
            for key in unseen.drain() {
                sink.change(|state| Observes::<K>::forget(state, &key));
            }
            sink.watching.list_complete();
        }
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use kube::runtime::watcher::Error;

    use super::*;

    fn status(code: u16) -> Box<Status> {
        Box::new(Status { code, message: "too old resource version: 1 (2)".to_owned(), ..Status::default() })
    }

    #[test]
    fn a_version_that_is_too_old_is_no_trouble() {
        assert!(has_expired(&Error::WatchError(status(410))));
        assert!(has_expired(&Error::WatchStartFailed(kube::Error::Api(status(410)))));
        assert!(!has_expired(&Error::WatchError(status(500))));
        assert!(!has_expired(&Error::WatchStartFailed(kube::Error::Api(status(403)))));
    }
}
