//! Ledgers: who pays for a project from when on.

use std::collections::HashSet;

use super::{Key, ObjectKey, ObservedState, Observes, convert};
use billing_api::ProjectLedger;
use billing_domain::Name;

impl Observes<ProjectLedger> for ObservedState {
    fn observe(&mut self, object: ProjectLedger) -> Vec<Key> {
        let key = ObjectKey::of(&object);
        let read = convert::ledger(&object).and_then(|ledger| Ok((ledger, convert::version_of(&object)?)));
        let (ledger, version) = match read {
            Ok(read) => read,
            Err(error) => return Observes::<ProjectLedger>::reject(self, &key, error.to_string()),
        };
        let (organization, project) = names(&key);
        let mut keys = self.keys_affected_by_ledger(&organization, &project);
        keys.extend(self.clear_unreadable(&organization, &key.described::<ProjectLedger>()));
        let state = self.organization_mut(&organization);
        state.ledger_versions.insert(project.clone(), version);
        state.organization.put_ledger(project.clone(), ledger);
        keys.extend(self.keys_affected_by_ledger(&organization, &project));
        keys
    }

    fn reject(&mut self, key: &ObjectKey, error: String) -> Vec<Key> {
        self.mark_unreadable(&key.namespace.as_str().into(), key.described::<ProjectLedger>(), error)
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        let (organization, project) = names(key);
        let mut keys = self.keys_affected_by_ledger(&organization, &project);
        keys.extend(self.clear_unreadable(&organization, &key.described::<ProjectLedger>()));
        if let Some(state) = self.organizations.get_mut(&organization) {
            state.ledger_versions.remove(&project);
            state.organization.remove_ledger(&project);
        }
        keys
    }

    fn observed_keys(&self) -> HashSet<ObjectKey> {
        let of = |(organization, state): (&Name, &super::OrganizationState)| {
            let key = |project: &Name| ObjectKey::namespaced(organization, project);
            state.ledger_versions.keys().map(key).collect::<Vec<_>>()
        };
        self.organizations.iter().flat_map(of).collect()
    }
}

impl ObservedState {
    fn keys_affected_by_ledger(&self, organization: &Name, project: &Name) -> Vec<Key> {
        let mut keys = self.possible_payers(organization, project);
        keys.extend(self.awaiting_bindings(organization));
        keys.push(Key::Project(project.clone()));
        keys.push(Key::Usage(organization.clone()));
        keys
    }
}

fn names(key: &ObjectKey) -> (Name, Name) {
    (key.namespace.as_str().into(), key.name.as_str().into())
}
