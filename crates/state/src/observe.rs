//! How objects enter the state, whether from a watch, from a direct list or from files.

use std::collections::HashSet;

use kube_core::{Resource, ResourceExt};

use super::Key;

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

    /// The key of a namespaced object.
    pub fn namespaced(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The object in words: `Credit acme/welcome`.
    pub(crate) fn described<K: Resource<DynamicType = ()>>(&self) -> String {
        let kind = K::kind(&());
        match self.namespace.as_str() {
            "" => format!("{kind} {}", self.name),
            namespace => format!("{kind} {namespace}/{}", self.name),
        }
    }

    /// The key of a cluster-scoped object.
    pub fn cluster(name: &str) -> Self {
        Self { namespace: String::new(), name: name.to_owned() }
    }
}

/// Whether an object is of an earlier revision than another of the same UID. Kubernetes' revisions are numbers that grow.
pub(crate) fn is_older<K: ResourceExt>(object: &K, than: &K) -> bool {
    let revision = |object: &K| object.resource_version().and_then(|version| version.parse::<u64>().ok());
    let same = object.uid() == than.uid();
    same && matches!((revision(object), revision(than)), (Some(object), Some(than)) if object < than)
}

/// What keeps the objects of one kind. Every change answers with what has to be looked at again.
pub trait Observes<K> {
    /// The object is there, new or changed.
    fn observe(&mut self, object: K) -> Vec<Key>;

    /// The object is there, but cannot be read; `error` says why.
    fn reject(&mut self, key: &ObjectKey, error: String) -> Vec<Key>;

    /// The object is gone.
    fn forget(&mut self, key: &ObjectKey) -> Vec<Key>;

    /// The keys of all objects of this kind that are known.
    fn observed_keys(&self) -> HashSet<ObjectKey>;
}
