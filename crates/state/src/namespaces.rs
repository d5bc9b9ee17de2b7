//! Namespaces: organizations and projects.

use std::collections::HashSet;

use k8s_openapi::api::core::v1;
use kube_core::ResourceExt;

use super::{Key, ObjectKey, ObservedState, Observes, convert};
use billing_api::labels;
use billing_domain::{Name, Timestamp, Uid};

/// A namespace that belongs to an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace {
    /// Its UID: a namespace made again under the same name is another project.
    pub uid: Uid,
    /// When it was created.
    pub created: Timestamp,
    /// The organization that its label names.
    pub organization: Name,
    /// Whether it is being deleted.
    pub terminating: bool,
    /// Whether its label opts out of a binding by default.
    pub no_default: bool,
}

impl Observes<v1::Namespace> for ObservedState {
    fn observe(&mut self, object: v1::Namespace) -> Vec<Key> {
        let name = Name::from(object.name_any());
        let Some(observed) = read(&object) else {
            return Observes::<v1::Namespace>::forget(self, &ObjectKey::cluster(&name));
        };
        if self.namespaces.get(&name) == Some(&observed) {
            return Vec::new();
        }
        let mut keys = self.affected_keys(&name);
        self.change_project(&name, |state| state.enter(&name, observed));
        keys.extend(self.affected_keys(&name));
        keys
    }

    fn reject(&mut self, _: &ObjectKey, _: String) -> Vec<Key> {
        Vec::new() // what was known of it stays
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        let name = Name::from(key.name.as_str());
        let keys = self.affected_keys(&name);
        self.change_project(&name, |state| state.leave(&name));
        keys
    }

    fn observed_keys(&self) -> HashSet<ObjectKey> {
        self.namespaces.keys().map(|name| ObjectKey::cluster(name)).collect()
    }
}

impl ObservedState {
    /// Takes a namespace into the organization that its label names.
    pub(super) fn enter(&mut self, name: &Name, observed: Namespace) {
        self.leave(name);
        let organization = self.organization_mut(&observed.organization);
        if observed.organization != *name {
            organization.organization.put_namespace(name.clone(), observed.uid);
        }
        self.namespaces.insert(name.clone(), observed);
    }

    /// Takes a namespace out of the organization that it was in.
    fn leave(&mut self, name: &Name) {
        if let Some(known) = self.namespaces.remove(name)
            && let Some(state) = self.organizations.get_mut(&known.organization)
        {
            state.organization.remove_namespace(name);
        }
    }

    fn affected_keys(&self, name: &Name) -> Vec<Key> {
        match self.namespaces.get(name) {
            Some(known) if known.organization == *name => self.all_keys_of_organization(name),
            Some(_) => self.project_and_payers(name),
            None => Vec::new(),
        }
    }
}

fn read(object: &v1::Namespace) -> Option<Namespace> {
    let label = |label| object.labels().get(label);
    Some(Namespace {
        uid: convert::uid_of(object).ok()?,
        created: convert::created(object).ok()?,
        organization: label(labels::ORGANIZATION_LABEL)?.as_str().into(),
        terminating: convert::deleted(object).is_some(),
        no_default: label(labels::DEFAULT_BINDING_LABEL).is_some_and(|value| value == "false"),
    })
}
