//! Usage records.

use std::collections::HashSet;

use super::{Key, ObjectKey, ObservedState, Observes, convert};
use billing_api::UsageRecord;
use billing_domain::{Month, Name, Timestamp, Usage};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// The condition of a record that cannot be billed.
const BILLABLE: &str = "Billable";

impl Observes<UsageRecord> for ObservedState {
    fn observe(&mut self, object: UsageRecord) -> Vec<Key> {
        let key = ObjectKey::of(&object);
        let usage = match convert::usage(&object, &mut self.interner) {
            Ok(usage) => usage,
            Err(error) => return Observes::<UsageRecord>::reject(self, &key, error.to_string()),
        };
        let organization = Name::from(key.namespace.as_str());
        let (project, record, start) = (usage.project.clone(), usage.name.clone(), usage.start);
        let mut keys = self.clear_unreadable(&organization, &key.described::<UsageRecord>());
        let state = self.organization_mut(&organization);
        match reported(&object) {
            Some(report) => state.reported.insert(record.clone(), report),
            None => state.reported.remove(&record),
        };
        let known = state.organization.usage(&record);
        if known.is_some_and(|known| **known == usage) {
            return keys; // only its status changed
        }
        // What was counted so far changes estimates, which are refreshed once an interval. Only the last reading may be waited for.
        let is_quiet = known.is_some_and(|known| only_reads_on(known, &usage));
        let replaced = usage.replaces.clone();
        let made_again = state.billed.read().has_dropped(&record);
        state.stale |= made_again;
        state.organization.put_usage(usage);
        state.forget_purged(&record);
        if is_quiet {
            return keys;
        }
        if made_again {
            keys.push(Key::Finals(organization.clone()));
        }
        keys.extend(self.keys_affected_by_usage(&organization, &project));
        keys.extend(self.keys_affected_by_replaced(&organization, replaced.as_ref()));
        if self.is_before_its_payer(&organization, &project, start) {
            keys.push(Key::Project(project));
        }
        keys
    }

    fn reject(&mut self, key: &ObjectKey, error: String) -> Vec<Key> {
        self.mark_unreadable(&key.namespace.as_str().into(), key.described::<UsageRecord>(), error)
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        let organization = Name::from(key.namespace.as_str());
        let mut keys = self.clear_unreadable(&organization, &key.described::<UsageRecord>());
        let ending = self.namespaces.get(&organization).is_none_or(|namespace| namespace.terminating);
        let state = self.organization_mut(&organization);
        state.reported.remove(key.name.as_str());
        let Some(usage) = state.organization.usage(&key.name).cloned() else { return keys };
        if !ending {
            state.keep_if_unbilled(&usage);
        }
        state.organization.remove_usage(&key.name);
        state.billed.drop_record(&key.name);
        keys.extend(self.keys_affected_by_usage(&organization, &usage.project));
        keys.extend(self.keys_affected_by_replaced(&organization, usage.replaces.as_ref()));
        if self.is_before_its_payer(&organization, &usage.project, usage.start) {
            keys.push(Key::Project(usage.project.clone()));
        }
        keys
    }

    fn observed_keys(&self) -> HashSet<ObjectKey> {
        let mut known = HashSet::new();
        for (organization, state) in &self.organizations {
            let records = state.organization.projects().flat_map(|project| project.usage());
            known.extend(records.map(|usage| ObjectKey::namespaced(organization, &usage.name)));
        }
        known
    }
}

impl ObservedState {
    /// The `Billable` condition of a record was written, or taken off. Of the record itself nothing is learned by that: what the
    /// watch brought may be newer.
    pub fn record_report(&mut self, organization: &Name, record: &Name, report: Option<ReportedCondition>) {
        let Some(state) = self.organizations.get_mut(organization) else { return };
        match report.filter(|_| state.organization.usage(record).is_some()) {
            Some(report) => drop(state.reported.insert(record.clone(), report)),
            None => drop(state.reported.remove(record)),
        }
    }

    /// Whether usage of a project began before the first period of who pays for it now: its binding says so.
    fn is_before_its_payer(&self, organization: &Name, project: &Name, start: Timestamp) -> bool {
        let known = self.organizations.get(organization).map(|state| &state.organization);
        let payer = known.and_then(|known| known.group(known.project(project)?.ledger()?.last().group_uid));
        payer.is_some_and(|payer| Month::of(start) < payer.first_period)
    }

    fn keys_affected_by_usage(&self, organization: &Name, project: &Name) -> Vec<Key> {
        let mut keys = self.possible_payers(organization, project);
        keys.push(Key::Usage(organization.clone()));
        keys
    }

    /// A record that replaces another may have taken it from another project.
    fn keys_affected_by_replaced(&self, organization: &Name, replaced: Option<&Name>) -> Vec<Key> {
        let state = self.organizations.get(organization);
        let usage = replaced.and_then(|record| state?.organization.usage(record));
        usage.map(|usage| self.keys_affected_by_usage(organization, &usage.project)).unwrap_or_default()
    }
}

/// Whether all that is new of a metered record is a reading before its end.
fn only_reads_on(known: &Usage, now: &Usage) -> bool {
    let Some((before, after)) = known.metering.as_ref().zip(now.metering.as_ref()) else { return false };
    let is_last = after.readings.last().zip(now.end).is_none_or(|(last, end)| end <= last.at);
    let as_before = Usage { metering: known.metering.clone(), generation: known.generation, ..now.clone() };
    !is_last && before.is_ended == after.is_ended && as_before == *known
}

/// The `Billable` condition that is written on a record, without its message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedCondition {
    /// Its reason.
    pub reason: Name,
    /// The generation of the record that it is about.
    pub generation: Option<i64>,
    /// Since when the record is in trouble.
    pub since: Time,
}

impl From<&Condition> for ReportedCondition {
    fn from(condition: &Condition) -> Self {
        Self {
            reason: condition.reason.as_str().into(),
            generation: condition.observed_generation,
            since: condition.last_transition_time.clone(),
        }
    }
}

fn reported(object: &UsageRecord) -> Option<ReportedCondition> {
    let conditions = &object.status.as_ref()?.conditions;
    conditions.iter().find(|condition| condition.type_ == BILLABLE).map(ReportedCondition::from)
}
