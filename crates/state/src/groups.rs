//! Billing groups.

use std::collections::{BTreeSet, HashSet};

use kube_core::ResourceExt;

use super::observe::is_older;
use super::{Key, ObjectKey, ObservedState, Observes, OrganizationState, convert};
use billing_api::{BillingGroup, Member, labels};
use billing_domain::closing::HoldReason;
use billing_domain::{Group, Name, Uid};

impl Observes<BillingGroup> for ObservedState {
    fn observe(&mut self, object: BillingGroup) -> Vec<Key> {
        let key = ObjectKey::of(&object);
        let group = match convert::group(&object) {
            Ok(group) => group,
            Err(error) => return Observes::<BillingGroup>::reject(self, &key, error.to_string()),
        };
        let organization = Name::from(key.namespace.as_str());
        let state = self.organization_mut(&organization);
        if state.groups.get(&group.uid).is_some_and(|known| is_older(&object, known)) {
            return Vec::new(); // the watch is behind what was written
        }
        let mut keys = self.clear_unreadable(&organization, &key.described::<BillingGroup>());
        let state = self.organization_mut(&organization);
        let before = state.organization.group(group.uid).cloned();
        let uid = group.uid;
        if let Some(other) = state.group_names.insert(group.name.clone(), uid).filter(|other| *other != uid) {
            state.drop_group(other); // made again under the same name, and the deletion was missed
        }
        let members = members(&object);
        let concerns_credits = before.as_ref().map(|group| (group.currency, group.first_period))
            != Some((group.currency, group.first_period))
            || state.groups.get(&uid).map(|known| finals(known)) != Some(finals(&object));
        match object.annotations().get(labels::DEDICATED_ANNOTATION) {
            Some(project) => state.dedicated.insert(uid, project.as_str().into()),
            None => state.dedicated.remove(&uid), // somebody keeps it
        };
        let unbillable = unbillable(&object);
        let unbillable_before = match unbillable {
            Some(why) => state.unbillable.insert(uid, why),
            None => state.unbillable.remove(&uid),
        };
        state.groups.insert(uid, convert::trimmed(object));
        state.organization.put_group(group.clone());
        let members_before = state.members.insert(uid, members.clone()).unwrap_or_default();
        let changed = members_before.symmetric_difference(&members).cloned().collect();
        if concerns_credits {
            keys.extend(state.credits_naming(&organization, &group.name));
        }
        keys.extend(self.keys_affected_by_group(&organization, before.as_ref(), &group, changed));
        if unbillable.is_some() != unbillable_before.is_some() {
            keys.extend(self.projects_of(&organization).map(|(project, _)| Key::Project(project.clone())));
        }
        keys
    }

    fn reject(&mut self, key: &ObjectKey, error: String) -> Vec<Key> {
        self.mark_unreadable(&key.namespace.as_str().into(), key.described::<BillingGroup>(), error)
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        let organization = Name::from(key.namespace.as_str());
        let mut keys = self.all_keys_of_organization(&organization);
        let state = self.organization_mut(&organization);
        state.unreadable.remove(&key.described::<BillingGroup>());
        if let Some(uid) = state.group_uid(&key.name) {
            state.group_names.remove(key.name.as_str());
            state.drop_group(uid);
        }
        keys.extend(state.credits_naming(&organization, &key.name));
        keys
    }

    fn observed_keys(&self) -> HashSet<ObjectKey> {
        self.organizations
            .values()
            .flat_map(|state| state.groups.values())
            .map(|group| ObjectKey::of(group.as_ref()))
            .collect()
    }
}

impl ObservedState {
    /// What a change of a group concerns: itself, the projects whose membership changed, and, where the change
    /// bears on who can pay, the whole organization.
    fn keys_affected_by_group(
        &self,
        organization: &Name,
        before: Option<&Group>,
        after: &Group,
        changed: Vec<Name>,
    ) -> Vec<Key> {
        let payer = |group: &Group| (group.deleted, group.primary, group.allowed.clone());
        let mut keys = match before {
            Some(before) if payer(before) == payer(after) => Vec::new(),
            _ => self.all_keys_of_organization(organization),
        };
        if before.map(|group| group.first_period) != Some(after.first_period) {
            keys.push(Key::Periods);
            keys.extend(self.projects_of(organization).map(|(project, _)| Key::Project(project.clone())));
        }
        let terms = |group: &Group| (group.first_period, group.price_lists.clone(), group.currency);
        if before.map(terms) != Some(terms(after)) {
            keys.push(Key::Usage(organization.clone()));
        }
        keys.push(Key::Group { organization: organization.clone(), group: after.uid });
        keys.extend(changed.into_iter().map(Key::Project));
        keys
    }
}

impl OrganizationState {
    fn drop_group(&mut self, group: Uid) {
        self.groups.remove(&group);
        self.members.remove(&group);
        self.dedicated.remove(&group);
        self.unbillable.remove(&group);
        self.organization.remove_group(group);
    }
}

/// How many of the group's months are final.
fn finals(object: &BillingGroup) -> i32 {
    let last = object.status.as_ref().and_then(|status| status.last_final.as_ref());
    last.map_or(0, |last| last.sequence)
}

/// Why the group cannot be billed, as its status says.
fn unbillable(object: &BillingGroup) -> Option<HoldReason> {
    let mut conditions = object.status.iter().flat_map(|status| &status.conditions);
    let ready = conditions.find(|condition| condition.type_ == "Ready" && condition.status == "False")?;
    HoldReason::ALL.into_iter().find(|why| why.as_str() == ready.reason && why.is_of_the_group())
}

fn members(object: &BillingGroup) -> BTreeSet<Name> {
    let members = object.status.iter().flat_map(|status| &status.members);
    members.map(|Member { project }| project.as_str().into()).collect()
}
