//! One watch per kind, each feeding what it sees to a [`Sink`].
//!
//! A watch never ends before it is cancelled: kube's watcher lists again after a gap, and what a new list no longer
//! contains is reported as gone. An object that does not decode is reported too, and stops nothing.

use std::collections::HashSet;
use std::fmt::Debug;

use futures::{StreamExt, pin_mut};
use kube::core::DeserializeGuard;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Where an object lives: its namespace (empty for cluster-scoped kinds) and its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// The namespace, or an empty string.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

impl ObjectKey {
    /// The key of an object that a server sent.
    pub fn of(object: &impl ResourceExt) -> Self {
        Self { namespace: object.namespace().unwrap_or_default(), name: object.name_any() }
    }
}

/// What takes the objects of one kind.
pub trait Sink<K>: Send {
    /// The keys of all objects that are known now; asked for when a list begins anew.
    fn known(&self) -> HashSet<ObjectKey>;
    /// The object is there, new or changed.
    fn apply(&mut self, object: K);
    /// The object is there but cannot be read; `error` says why.
    fn reject(&mut self, key: ObjectKey, error: String);
    /// The object is gone.
    fn forget(&mut self, key: &ObjectKey);
    /// The first complete list has been handed over.
    fn synced(&mut self);
    /// The server answered, or failed to.
    fn heard(&mut self, ok: bool);
}

/// Watches until `cancel`, handing every object to `sink`.
pub async fn watch<K>(
    api: Api<DeserializeGuard<K>>,
    config: watcher::Config,
    mut sink: impl Sink<K>,
    cancel: CancellationToken,
) where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let stream = watcher(api, config).default_backoff();
    pin_mut!(stream);
    // What was known when the list in progress began, and has not been seen in it yet.
    let mut unseen = HashSet::new();
    loop {
        let event = tokio::select! {
            () = cancel.cancelled() => return,
            event = stream.next() => event,
        };
        match event {
            None => return,
            Some(Err(error)) => {
                warn!(kind = %K::kind(&()), %error, "the watch failed; trying again");
                sink.heard(false);
            }
            Some(Ok(event)) => {
                sink.heard(true);
                hand_over(event, &mut unseen, &mut sink);
            }
        }
    }
}

fn hand_over<K>(event: watcher::Event<DeserializeGuard<K>>, unseen: &mut HashSet<ObjectKey>, sink: &mut impl Sink<K>)
where
    K: Resource<DynamicType = ()>,
{
    match event {
        watcher::Event::Init => *unseen = sink.known(),
        watcher::Event::InitApply(object) | watcher::Event::Apply(object) => {
            let key = ObjectKey::of(&object);
            unseen.remove(&key);
            match object.0 {
                Ok(mut object) => {
                    object.meta_mut().managed_fields = None;
                    sink.apply(object);
                }
                Err(invalid) => {
                    warn!(kind = %K::kind(&()), namespace = key.namespace, name = key.name, error = invalid.error, "cannot read this object");
                    sink.reject(key, invalid.error);
                }
            }
        }
        watcher::Event::Delete(object) => {
            sink.forget(&ObjectKey::of(&object));
        }
        watcher::Event::InitDone => {
            for key in unseen.drain() {
                sink.forget(&key);
            }
            sink.synced();
        }
    }
}
