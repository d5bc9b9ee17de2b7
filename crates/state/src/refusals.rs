//! Writes that the API server refused: a quota, a policy or a webhook of the cluster stands in the way, and somebody has to be told.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::{Key, ObservedState};
use billing_domain::Timestamp;

/// The longest that the server's words are kept, in characters; a condition can hold many times that.
const MAX_MESSAGE: usize = 1000;

/// A write that is refused again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedWrite {
    /// What was to be written: kind, namespace and name.
    pub object: String,
    /// The server's words.
    pub message: String,
    /// When it was refused first.
    pub since: Timestamp,
    /// Whether it has been refused for longer than others wait for it.
    outlasted: bool,
}

impl RefusedWrite {
    /// What happened and what to do, in one sentence.
    pub fn sentence(&self) -> String {
        let Self { object, message, .. } = self;
        format!(
            "{object} was refused: {message}; remove what refuses it, such as a ResourceQuota, an admission policy or a webhook"
        )
    }

    /// Whether it is refused for so long that nothing but its own object waits for it any more.
    pub fn outlasts(&self, delay: TimeDelta, now: Timestamp) -> bool {
        self.since.checked_add_signed(delay).is_some_and(|until| until <= now)
    }
}

/// By what they were for, and who wrote: the last write of each, where that was refused.
#[derive(Debug, Clone, Default)]
pub struct RefusedWrites(BTreeMap<Key, BTreeMap<&'static str, RefusedWrite>>);

impl ObservedState {
    /// The write of a worker for `key` was refused. Answers with what that concerns: the object itself, when its conditions are to
    /// say something new; and when that lasts for longer than `delay`, the groups that waited for a project.
    pub fn refuse_write(
        &mut self,
        key: &Key,
        worker: &'static str,
        (object, message): (&str, &str),
        delay: TimeDelta,
        now: Timestamp,
    ) -> Vec<Key> {
        let message: String = message.chars().take(MAX_MESSAGE).collect();
        let of_key = self.refused_writes.0.entry(key.clone()).or_default();
        let known = of_key.get(worker);
        let since = known.map_or(now, |known| known.since);
        let mut refused = RefusedWrite { object: object.to_owned(), message, since, outlasted: false };
        refused.outlasted = refused.outlasts(delay, now);
        let is_news = known.is_none_or(|known| (&known.object, &known.message) != (&refused.object, &refused.message));
        let frees = refused.outlasted && known.is_none_or(|known| !known.outlasted);
        of_key.insert(worker, refused);
        let mut keys = if is_news { vec![key.clone()] } else { Vec::new() };
        if frees {
            keys.extend(self.keys_waiting_for(key));
        }
        keys
    }

    /// The write of a worker for `key` was not refused, or there was nothing to write. Answers with what that concerns.
    pub fn accept_write(&mut self, key: &Key, worker: &'static str) -> Vec<Key> {
        let Some(of_key) = self.refused_writes.0.get_mut(key) else { return Vec::new() };
        let Some(was) = of_key.remove(worker) else { return Vec::new() };
        if of_key.is_empty() {
            self.refused_writes.0.remove(key);
        }
        let waiting = if was.outlasted { self.keys_waiting_for(key) } else { Vec::new() };
        std::iter::once(key.clone()).chain(waiting).collect()
    }

    /// Nothing is written for `key` any more: its object is gone.
    pub fn forget_writes(&mut self, key: &Key) {
        self.refused_writes.0.remove(key);
    }

    /// The write for `key` that is refused, if one is.
    pub fn refused_write(&self, key: &Key) -> Option<&RefusedWrite> {
        self.refused_writes.0.get(key)?.values().next()
    }

    /// How many objects there are whose last write was refused, by who wrote.
    pub fn refused_write_counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for worker in self.refused_writes.0.values().flat_map(BTreeMap::keys) {
            *counts.entry(*worker).or_default() += 1;
        }
        counts
    }

    /// Knows of refused writes what another state knows.
    pub fn share_refused_writes(&self, other: &mut ObservedState) {
        other.refused_writes = self.refused_writes.clone();
    }

    /// The groups whose months that are over wait for a project.
    fn keys_waiting_for(&self, key: &Key) -> Vec<Key> {
        let Key::Project(project) = key else { return Vec::new() };
        let organization = self.organization_of(project).cloned();
        organization
            .map(|organization| {
                let mut keys = self.groups_of(&organization);
                keys.push(Key::Usage(organization));
                keys
            })
            .unwrap_or_default()
    }
}
