//! Ledgers: who pays for a project from when on.

use std::collections::HashSet;

use kube_core::ResourceExt;

use super::{Books, Key, ObjectKey, Observes, convert};
use billing_api::ProjectLedger;
use billing_domain::Name;

impl Observes<ProjectLedger> for Books {
    fn observe(&mut self, object: ProjectLedger) -> Vec<Key> {
        let key = ObjectKey::of(&object);
        let ledger = match convert::ledger(&object) {
            Ok(ledger) => ledger,
            Err(error) => return Observes::<ProjectLedger>::reject(self, &key, error.to_string()),
        };
        let (organization, project) = names(&key);
        let mut keys = self.concerned_by_ledger(&organization, &project);
        keys.extend(self.readable_again(&organization, &described(&key)));
        let books = self.organization_mut(&organization);
        books.ledger_versions.insert(project.clone(), object.resource_version().unwrap_or_default());
        books.organization.put_ledger(project.clone(), ledger);
        keys.extend(self.concerned_by_ledger(&organization, &project));
        keys
    }

    fn reject(&mut self, key: &ObjectKey, error: String) -> Vec<Key> {
        self.unreadable(&key.namespace.as_str().into(), described(key), error)
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        let (organization, project) = names(key);
        let mut keys = self.concerned_by_ledger(&organization, &project);
        keys.extend(self.readable_again(&organization, &described(key)));
        if let Some(books) = self.organizations.get_mut(&organization) {
            books.ledger_versions.remove(&project);
            books.organization.remove_ledger(&project);
        }
        keys
    }

    fn known(&self) -> HashSet<ObjectKey> {
        let of = |(organization, books): (&Name, &super::OrganizationBooks)| {
            let key = |project: &Name| ObjectKey::namespaced(organization, project);
            books.ledger_versions.keys().map(key).collect::<Vec<_>>()
        };
        self.organizations.iter().flat_map(of).collect()
    }
}

impl Books {
    fn concerned_by_ledger(&self, organization: &Name, project: &Name) -> Vec<Key> {
        let mut keys = self.payers_near(organization, project);
        keys.extend(self.awaiting_bindings(organization));
        keys.push(Key::Project(project.clone()));
        keys.push(Key::Usage(organization.clone()));
        keys
    }
}

fn names(key: &ObjectKey) -> (Name, Name) {
    (key.namespace.as_str().into(), key.name.as_str().into())
}

fn described(key: &ObjectKey) -> String {
    format!("ProjectLedger {}/{}", key.namespace, key.name)
}
