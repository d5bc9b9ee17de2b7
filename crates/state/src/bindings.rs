//! Bindings: which group a project is to be paid by.

use std::collections::HashSet;
use std::sync::Arc;

use kube_core::ResourceExt;

use super::{Key, ObjectKey, ObservedState, Observes, convert};
use billing_api::{ProjectBinding, labels};
use billing_domain::tenancy::membership::BindingFacts;
use billing_domain::{Name, Timestamp};

/// A binding, and what membership asks of it.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The binding as it is on the wire.
    pub object: Arc<ProjectBinding>,
    group: Name,
    created: Timestamp,
    accepted_in: Option<Name>,
    default: bool,
}

impl Binding {
    fn new(object: ProjectBinding) -> Result<Self, convert::ConvertError> {
        let accepted_in = object.status.as_ref().and_then(|status| status.organization.as_deref()).map(Name::from);
        let group = Name::from(object.spec.billing_group.as_str());
        let default = object.annotations().get(labels::DEFAULT_ANNOTATION).is_some_and(|named| **named == *group);
        let created = convert::created(&object)?;
        Ok(Self { object: convert::trimmed(object), group, created, accepted_in, default })
    }

    /// The group that it names.
    pub fn group(&self) -> &Name {
        &self.group
    }

    /// What membership asks of it.
    pub fn facts(&self) -> BindingFacts<'_> {
        BindingFacts {
            group: &self.group,
            created: self.created,
            accepted_in: self.accepted_in.as_ref(),
            default: self.default,
        }
    }
}

impl Observes<ProjectBinding> for ObservedState {
    fn observe(&mut self, object: ProjectBinding) -> Vec<Key> {
        let key = ObjectKey::of(&object);
        let project = Name::from(key.namespace.as_str());
        let Ok(binding) = Binding::new(object) else {
            return Observes::<ProjectBinding>::reject(self, &key, String::new());
        };
        if self.bindings.get(&project).is_some_and(|known| only_status_differs(&known.object, &binding.object)) {
            self.bindings.insert(project, binding);
            return Vec::new();
        }
        let mut keys = self.project_and_payers(&project); // those of the group that it named before
        self.change_project(&project, |state| drop(state.bindings.insert(project.clone(), binding)));
        keys.extend(self.project_and_payers(&project));
        keys
    }

    fn reject(&mut self, _: &ObjectKey, _: String) -> Vec<Key> {
        Vec::new() // the payer in force stays
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        let project = Name::from(key.namespace.as_str());
        let keys = self.project_and_payers(&project);
        self.change_project(&project, |state| drop(state.bindings.remove(&project)));
        keys
    }

    fn observed_keys(&self) -> HashSet<ObjectKey> {
        self.bindings.values().map(|binding| ObjectKey::of(binding.object.as_ref())).collect()
    }
}

fn only_status_differs(known: &ProjectBinding, object: &ProjectBinding) -> bool {
    let (a, b) = (&known.metadata, &object.metadata);
    let same = a.uid == b.uid && a.annotations == b.annotations && a.deletion_timestamp == b.deletion_timestamp;
    same && a.generation == b.generation && known.spec.billing_group == object.spec.billing_group
}
