//! Usage records.

use std::collections::HashSet;

use super::{Books, Key, ObjectKey, Observes, convert};
use billing_api::UsageRecord;
use billing_domain::Name;

/// The condition of a record that cannot be billed.
const BILLABLE: &str = "Billable";

impl Observes<UsageRecord> for Books {
    fn observe(&mut self, object: UsageRecord) -> Vec<Key> {
        let key = ObjectKey::of(&object);
        let usage = match convert::usage(&object, &mut self.interner) {
            Ok(usage) => usage,
            Err(error) => return Observes::<UsageRecord>::reject(self, &key, error.to_string()),
        };
        let organization = Name::from(key.namespace.as_str());
        let (project, record) = (usage.project.clone(), usage.name.clone());
        let mut keys = self.readable_again(&organization, &described(&key));
        let books = self.organization_mut(&organization);
        match written_reason(&object) {
            Some(reason) => books.reported.insert(record.clone(), reason),
            None => books.reported.remove(&record),
        };
        if books.organization.usage(&record).is_some_and(|known| **known == usage) {
            return keys; // only its status changed
        }
        let replaced = usage.replaces.clone();
        let made_again = books.billed.read().has_forgotten(&record);
        books.stale |= made_again;
        books.organization.put_usage(usage);
        if made_again {
            keys.push(Key::Finals(organization.clone()));
        }
        keys.extend(self.concerned_by_usage(&organization, &project));
        keys.extend(self.concerned_by_replaced(&organization, replaced.as_ref()));
        keys
    }

    fn reject(&mut self, key: &ObjectKey, error: String) -> Vec<Key> {
        self.unreadable(&key.namespace.as_str().into(), described(key), error)
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        let organization = Name::from(key.namespace.as_str());
        let mut keys = self.readable_again(&organization, &described(key));
        let books = self.organization_mut(&organization);
        books.reported.remove(key.name.as_str());
        let Some(usage) = books.organization.usage(&key.name).cloned() else { return keys };
        books.organization.remove_usage(&key.name);
        books.billed.forget(&key.name);
        keys.extend(self.concerned_by_usage(&organization, &usage.project));
        keys.extend(self.concerned_by_replaced(&organization, usage.replaces.as_ref()));
        keys
    }

    fn known(&self) -> HashSet<ObjectKey> {
        let mut known = HashSet::new();
        for (organization, books) in &self.organizations {
            let records = books.organization.projects().flat_map(|project| project.usage());
            known.extend(records.map(|usage| ObjectKey::namespaced(organization, &usage.name)));
        }
        known
    }
}

impl Books {
    fn concerned_by_usage(&self, organization: &Name, project: &Name) -> Vec<Key> {
        let mut keys = self.payers_near(organization, project);
        keys.push(Key::Usage(organization.clone()));
        keys
    }

    /// A record that replaces another may have taken it from another project.
    fn concerned_by_replaced(&self, organization: &Name, replaced: Option<&Name>) -> Vec<Key> {
        let books = self.organizations.get(organization);
        let usage = replaced.and_then(|record| books?.organization.usage(record));
        usage.map(|usage| self.concerned_by_usage(organization, &usage.project)).unwrap_or_default()
    }
}

fn written_reason(object: &UsageRecord) -> Option<Name> {
    let conditions = &object.status.as_ref()?.conditions;
    conditions.iter().find(|condition| condition.type_ == BILLABLE).map(|condition| condition.reason.as_str().into())
}

fn described(key: &ObjectKey) -> String {
    format!("UsageRecord {}/{}", key.namespace, key.name)
}
