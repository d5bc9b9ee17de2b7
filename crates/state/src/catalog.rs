//! What the provider publishes for all: price lists, issuers, and the months that are over.

use std::collections::HashSet;
use std::sync::Arc;

use kube_core::ResourceExt;

use super::convert::UnusableParts;
use super::{Key, ObjectKey, ObservedState, Observes, Published, Usability, convert};
use billing_api::{BillingPeriod, InvoiceIssuer, PriceList};
use billing_domain::{Issuer, Name};

/// Why an object that exists cannot be used.
pub type UnusableReason = String;

/// Who bills.
#[derive(Debug, Clone)]
pub struct ObservedIssuer {
    /// As it is on the wire, for the seller on documents.
    pub object: Arc<InvoiceIssuer>,
    /// What amounts depend on.
    pub issuer: Issuer,
    /// What of it cannot be used.
    pub unusable: UnusableParts,
}

impl Observes<PriceList> for ObservedState {
    fn observe(&mut self, object: PriceList) -> Vec<Key> {
        let name = Name::from(object.name_any());
        let list = convert::price_list(&object);
        let usability = Usability::of_prices(&list);
        let mut keys = self.note_readiness(Published::PriceList, &object, object.status.as_ref(), usability);
        let list = list.map(Arc::new).map_err(|error| error.to_string());
        if self.price_lists.get(&name) != Some(&list) {
            self.price_lists.insert(name.clone(), list);
            keys.extend(self.keys_affected_by_prices(&name));
        } // else only its status changed
        keys
    }

    fn reject(&mut self, key: &ObjectKey, error: String) -> Vec<Key> {
        let name = Name::from(key.name.as_str());
        let mut keys = self.note_unreadable(Published::PriceList, &name, error.clone());
        let unusable = Err(error);
        if self.price_lists.get(&name) != Some(&unusable) {
            self.price_lists.insert(name.clone(), unusable);
            keys.extend(self.keys_affected_by_prices(&name));
        }
        keys
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        let name = Name::from(key.name.as_str());
        self.price_lists.remove(&name);
        self.forget_readiness(Published::PriceList, &name);
        self.keys_affected_by_prices(&name)
    }

    fn observed_keys(&self) -> HashSet<ObjectKey> {
        self.price_lists.keys().map(|name| ObjectKey::cluster(name)).collect()
    }
}

impl Observes<InvoiceIssuer> for ObservedState {
    fn observe(&mut self, object: InvoiceIssuer) -> Vec<Key> {
        let name = Name::from(object.name_any());
        let issuer = convert::issuer(&object);
        let usability = Usability::of_issuer(issuer.as_ref().map(|(_, unusable)| unusable));
        let mut keys = self.note_readiness(Published::InvoiceIssuer, &object, object.status.as_ref(), usability);
        let before = self.issuers.get(&name).and_then(|known| known.as_ref().ok());
        if before.is_some_and(|known| is_unchanged(&known.object, &object)) {
            return keys; // only its status changed
        }
        let known =
            issuer.map(|(issuer, unusable)| ObservedIssuer { object: convert::trimmed(object), issuer, unusable });
        self.issuers.insert(name.clone(), known.map_err(|error| error.to_string()));
        keys.extend(self.keys_affected_by_issuer(&name));
        keys
    }

    fn reject(&mut self, key: &ObjectKey, error: String) -> Vec<Key> {
        let name = Name::from(key.name.as_str());
        let mut keys = self.note_unreadable(Published::InvoiceIssuer, &name, error.clone());
        if self.issuers.get(&name).and_then(|known| known.as_ref().err()) != Some(&error) {
            self.issuers.insert(name.clone(), Err(error));
            keys.extend(self.keys_affected_by_issuer(&name));
        }
        keys
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        let name = Name::from(key.name.as_str());
        self.issuers.remove(&name);
        self.forget_readiness(Published::InvoiceIssuer, &name);
        self.keys_affected_by_issuer(&name)
    }

    fn observed_keys(&self) -> HashSet<ObjectKey> {
        self.issuers.keys().map(|name| ObjectKey::cluster(name)).collect()
    }
}

/// Whether an issuer says what it said, in the generation in which documents name it.
fn is_unchanged(known: &InvoiceIssuer, object: &InvoiceIssuer) -> bool {
    let identity = |issuer: &InvoiceIssuer| (issuer.metadata.uid.clone(), issuer.metadata.generation);
    identity(known) == identity(object) && known.spec == object.spec
}

impl Observes<BillingPeriod> for ObservedState {
    fn observe(&mut self, object: BillingPeriod) -> Vec<Key> {
        let Ok(month) = convert::month(&object.name_any()) else { return Vec::new() };
        let new = !self.periods.contains_key(&month);
        self.periods.insert(month, convert::trimmed(object));
        if !new {
            return Vec::new(); // only its status changes
        }
        let mut keys: Vec<_> = self.organizations.keys().flat_map(|name| self.groups_of(name)).collect();
        keys.push(Key::Periods);
        keys
    }

    fn reject(&mut self, _: &ObjectKey, _: String) -> Vec<Key> {
        Vec::new() // the month waits
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        if let Ok(month) = convert::month(&key.name) {
            self.periods.remove(&month);
        }
        vec![Key::Periods]
    }

    fn observed_keys(&self) -> HashSet<ObjectKey> {
        self.periods.values().map(|period| ObjectKey::of(period.as_ref())).collect()
    }
}

impl ObservedState {
    fn keys_affected_by_prices(&self, list: &Name) -> Vec<Key> {
        let mut keys = Vec::new();
        for (organization, state) in &self.organizations {
            let billed = state.billed.read();
            // Also a former one prices usage that comes late.
            let is_priced = |group: &&billing_domain::Group| {
                group.price_lists.contains(list) || billed.names_price_list(group.uid, list)
            };
            let groups = state.organization.groups().filter(is_priced);
            keys.extend(groups.map(|group| Key::Group { organization: organization.clone(), group: group.uid }));
            keys.push(Key::Usage(organization.clone()));
        }
        keys
    }

    fn keys_affected_by_issuer(&self, issuer: &Name) -> Vec<Key> {
        let mut keys = Vec::new();
        for (organization, state) in &self.organizations {
            let groups = state.organization.groups().filter(|group| group.issuer == *issuer);
            let before = keys.len();
            keys.extend(groups.map(|group| Key::Group { organization: organization.clone(), group: group.uid }));
            if keys.len() > before {
                keys.push(Key::Usage(organization.clone())); // it says which exchange rates apply
            }
        }
        keys
    }
}
