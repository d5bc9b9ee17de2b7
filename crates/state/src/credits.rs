//! Credits, and the codes that become credits.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use kube_core::ResourceExt;
use sha2::{Digest, Sha256};

use super::convert::{self, ConvertError};
use super::observe::is_older;
use super::{Key, ObjectKey, ObservedState, Observes, OrganizationState, Published, UnusableReason};
use billing_api::{Credit, CreditCode};
use billing_domain::{self as domain, Group, Name, Uid};

/// The credits of an organization.
#[derive(Debug, Default)]
pub struct CreditIndex {
    /// By the name of their group, and their own.
    credits: BTreeMap<Name, BTreeMap<Name, ObservedCredit>>,
    /// By name: the name of the group.
    groups: HashMap<Name, Name>,
}

/// A credit as it is now.
#[derive(Debug, Clone)]
pub struct ObservedCredit {
    /// The object, for its next PUT.
    pub object: Arc<Credit>,
    /// The group that it was bound to.
    pub owner: Option<Uid>,
    /// What it is worth; `None` while its code is not redeemed.
    pub credit: Result<Option<domain::Credit>, ConvertError>,
}

/// Codes, and the credits that claim them.
#[derive(Debug, Default)]
pub(super) struct CreditCodeIndex {
    codes: BTreeMap<Name, Result<Arc<CreditCode>, UnusableReason>>,
    claims: BTreeMap<Name, BTreeSet<(Name, Name)>>,
}

impl CreditCodeIndex {
    /// The names of all codes.
    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.codes.keys()
    }
}

/// The name of the CreditCode of a code: the first 32 hexadecimal digits of its SHA-256.
pub fn code_name(code: &str) -> Name {
    let digest: String = Sha256::digest(code).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    digest.into()
}

impl CreditIndex {
    /// The credit with this name.
    pub fn get(&self, name: &str) -> Option<&ObservedCredit> {
        self.credits.get(self.groups.get(name)?)?.get(name)
    }

    /// All credits, by group and name.
    pub fn all(&self) -> impl Iterator<Item = (&Name, &ObservedCredit)> {
        self.credits.values().flatten()
    }

    /// The credits that are a group's, or name it and are nobody's yet, by name.
    pub fn of<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = &'a ObservedCredit> {
        let named = self.credits.get(&group.name).into_iter().flat_map(BTreeMap::values);
        named.filter(|known| known.owner.is_none_or(|owner| owner == group.uid))
    }

    /// What the credits are worth that were bound to a group, which may be gone, as far as that is known.
    pub fn bound_to(&self, group: &Group) -> Vec<domain::Credit> {
        let bound = self.of(group).filter(|known| known.owner == Some(group.uid));
        bound.filter_map(|known| known.credit.clone().ok().flatten()).collect()
    }

    /// What the credits of a group are worth, as far as that is known.
    pub fn readable_credits(&self, group: &Group) -> Vec<domain::Credit> {
        self.of(group).filter_map(|known| known.credit.clone().ok().flatten()).collect()
    }

    /// The names of the credits that name a group.
    pub(super) fn naming(&self, group: &str) -> impl Iterator<Item = &Name> {
        self.credits.get(group).into_iter().flat_map(BTreeMap::keys)
    }

    fn put(&mut self, name: Name, group: Name, known: ObservedCredit) {
        if let Some(before) = self.groups.insert(name.clone(), group.clone()).filter(|before| *before != group) {
            self.credits.get_mut(&before).map(|credits| credits.remove(&name));
        }
        self.credits.entry(group).or_default().insert(name, known);
    }

    fn remove(&mut self, name: &str) -> Option<ObservedCredit> {
        let group = self.groups.remove(name)?;
        let credits = self.credits.get_mut(&group)?;
        let known = credits.remove(name);
        if credits.is_empty() {
            self.credits.remove(&group);
        }
        known
    }
}

impl Observes<Credit> for ObservedState {
    fn observe(&mut self, object: Credit) -> Vec<Key> {
        let key = ObjectKey::of(&object);
        let (organization, name) = (Name::from(key.namespace.as_str()), Name::from(key.name.as_str()));
        let known = self.organizations.get(&organization).and_then(|state| state.credits.get(&name));
        if known.is_some_and(|known| is_older(&object, &known.object)) {
            return Vec::new(); // the watch is behind what was written
        }
        // One that was made again while the watch was away may be another group's.
        let former = known.map(|known| Name::from(known.object.spec.billing_group.as_str()));
        let mut keys = self.clear_unreadable(&organization, &key.described::<Credit>());
        if let Some(code) = &object.spec.code {
            let claims = self.codes.claims.entry(code_name(code)).or_default();
            claims.insert((organization.clone(), name.clone()));
        }
        let group = Name::from(object.spec.billing_group.as_str());
        let owner = object.status.as_ref().and_then(|status| status.billing_group_uid.as_deref());
        let owner = owner.and_then(|uid| uid.parse().ok());
        let credit = convert::credit(&object);
        let state = self.organization_mut(&organization);
        state.credits.put(
            name.clone(),
            group.clone(),
            ObservedCredit { object: convert::trimmed(object), owner, credit },
        );
        let groups = [Some(group), former].into_iter().flatten().filter_map(|group| state.group_uid(&group));
        let groups: BTreeSet<_> = groups.collect();
        keys.extend(groups.into_iter().map(|group| Key::Group { organization: organization.clone(), group }));
        keys.extend(self.notes_with_credits(&organization));
        keys.push(Key::Credit { organization, credit: name });
        keys
    }

    fn reject(&mut self, key: &ObjectKey, error: String) -> Vec<Key> {
        self.mark_unreadable(&key.namespace.as_str().into(), key.described::<Credit>(), error)
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        let organization = Name::from(key.namespace.as_str());
        let mut keys = self.clear_unreadable(&organization, &key.described::<Credit>());
        let Some(state) = self.organizations.get_mut(&organization) else { return keys };
        let Some(known) = state.credits.remove(&key.name) else { return keys };
        // One that goes may have waited for the name.
        let waiting = state.organization.groups().filter(|group| group.deleted.is_some()).map(|group| group.uid);
        let group = state.group_uid(&known.object.spec.billing_group).into_iter().chain(waiting);
        keys.extend(group.map(|group| Key::Group { organization: organization.clone(), group }));
        if let Some(code) = &known.object.spec.code {
            let claims = self.codes.claims.entry(code_name(code)).or_default();
            claims.remove(&(organization, key.name.as_str().into()));
        }
        keys
    }

    fn observed_keys(&self) -> HashSet<ObjectKey> {
        let mut known = HashSet::new();
        for (organization, state) in &self.organizations {
            known.extend(state.credits.groups.keys().map(|name| ObjectKey::namespaced(organization, name)));
        }
        known
    }
}

impl Observes<CreditCode> for ObservedState {
    fn observe(&mut self, object: CreditCode) -> Vec<Key> {
        let name = Name::from(object.name_any());
        self.codes.codes.insert(name.clone(), Ok(convert::trimmed(object)));
        self.forget_readiness(Published::CreditCode, &name);
        let mut keys = self.claims_of(&name);
        keys.push(Key::Published { kind: Published::CreditCode, name });
        keys
    }

    fn reject(&mut self, key: &ObjectKey, error: String) -> Vec<Key> {
        let name = Name::from(key.name.as_str());
        let mut keys = self.note_unreadable(Published::CreditCode, &name, error.clone());
        self.codes.codes.insert(name.clone(), Err(error));
        keys.extend(self.claims_of(&name));
        keys
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        let name = Name::from(key.name.as_str());
        self.codes.codes.remove(&name);
        self.forget_readiness(Published::CreditCode, &name);
        self.claims_of(&name)
    }

    fn observed_keys(&self) -> HashSet<ObjectKey> {
        self.codes.codes.keys().map(|name| ObjectKey::cluster(name)).collect()
    }
}

impl ObservedState {
    /// The CreditCode of a code.
    pub fn credit_code(&self, code: &str) -> Option<&Arc<CreditCode>> {
        self.codes.codes.get(&code_name(code))?.as_ref().ok()
    }

    /// The CreditCode of this name.
    pub fn credit_code_named(&self, name: &str) -> Option<&Arc<CreditCode>> {
        self.codes.codes.get(name)?.as_ref().ok()
    }

    fn claims_of(&self, code: &Name) -> Vec<Key> {
        let claims = self.codes.claims.get(code).into_iter().flatten();
        let key = |(organization, credit): &(Name, Name)| Key::Credit {
            organization: organization.clone(),
            credit: credit.clone(),
        };
        claims.map(key).collect()
    }
}

impl OrganizationState {
    /// The work on the credits that name a group.
    pub(super) fn credits_naming(&self, organization: &Name, group: &str) -> Vec<Key> {
        let key = |credit: &Name| Key::Credit { organization: organization.clone(), credit: credit.clone() };
        self.credits.naming(group).map(key).collect()
    }
}
