//! What finals bill, by organization: read from them once, and kept up to date by those that are written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use super::{Key, ObservedState, OrganizationState, convert};
use billing_api::CreditNote;
use billing_domain::invoice::number;
use billing_domain::{Attribution, BilledIndex, ClosedMonths, FinalFacts, Month, Name, ReadFinal};

/// The index of an organization's finals. The state of a closing pass shares that of the operator.
#[derive(Debug, Clone, Default)]
pub struct SharedBilledIndex(Arc<RwLock<BilledIndex>>);

impl SharedBilledIndex {
    /// The index as it is now.
    pub fn read(&self) -> RwLockReadGuard<'_, BilledIndex> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A record is gone.
    pub(super) fn drop_record(&self, record: &str) {
        self.write(|billed| billed.drop_record(record));
    }

    /// Takes a final in.
    fn add(&self, read: ReadFinal, existing_record: impl Fn(&str) -> Option<Name>) {
        self.write(|billed| billed.add(read, existing_record));
    }

    fn write<T>(&self, write: impl FnOnce(&mut BilledIndex) -> T) -> T {
        write(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The finals of an organization that are there and were not read, by number, with the month on their label.
pub type UnreadFinals = BTreeMap<Name, Option<Month>>;

impl ObservedState {
    /// A final was written, or read: what it bills is known from now on. Usage that is not in the state may be on its
    /// way, so it is kept all the same.
    pub fn record_final(&mut self, organization: &Name, lines: ReadFinal) -> Vec<Key> {
        let state = self.organization_mut(organization);
        let group = lines.facts.group;
        state.invoices.unread.remove(&lines.facts.number);
        state.record_final(lines);
        vec![Key::Group { organization: organization.clone(), group }]
    }

    /// A credit note is issued: what it takes back is settled. One that cannot be read settles nothing.
    pub fn record_credit_note(&mut self, organization: &Name, note: &CreditNote) -> Vec<Key> {
        let Ok(Some((invoice, issued))) = convert::credit_note::issued(note) else { return Vec::new() };
        self.organization_mut(organization).billed.write(|billed| billed.add_credit_note(invoice, issued));
        self.groups_of(organization)
    }

    /// There is a final of which it cannot be told what it bills.
    pub fn mark_final_unread(&mut self, organization: &Name, number: Name, month: Option<Month>) {
        self.organization_mut(organization).invoices.unread.insert(number, month);
    }

    /// Takes finals in that were read after all usage was, in the place of what was known.
    pub fn replace_billed(&mut self, organization: &Name, finals: Vec<ReadFinal>) -> Vec<Key> {
        let state = self.organization_mut(organization);
        let mut billed = BilledIndex::default();
        for read in finals {
            state.invoices.unread.remove(&read.facts.number);
            let existing_record = |record: &str| state.organization.usage(record).map(|usage| usage.name.clone());
            billed.add(read, existing_record);
        }
        // One that was written while these were read is read again.
        let written = |known: &&FinalFacts| !billed.has(&known.number);
        let missed: Vec<_> = state.billed.read().finals().filter(written).cloned().collect();
        state.invoices.unread.extend(missed.iter().map(|facts| (facts.number.clone(), Some(facts.month))));
        state.billed.write(|before| {
            billed.copy_credit_notes_from(before);
            *before = billed;
        });
        state.stale = false;
        let mut keys = self.groups_of(organization);
        keys.extend((!missed.is_empty()).then(|| Key::Finals(organization.clone())));
        keys
    }

    /// Lets the state of a closing pass know what this one knows of an organization's finals.
    pub fn share_billed(&self, organization: &Name, with: &mut ObservedState) {
        let Some(state) = self.organizations.get(organization) else { return };
        let target = with.organization_mut(organization);
        target.billed = state.billed.clone();
        target.stale = state.stale;
        target.invoices.unread = state.invoices.unread.clone();
    }

    /// The organizations with finals that were not read, or not as they have to be now.
    pub fn organizations_to_read(&self) -> Vec<Name> {
        let unread = self.organizations.iter().filter(|(_, state)| state.has_unread_finals());
        unread.map(|(name, _)| name.clone()).collect()
    }
}

impl OrganizationState {
    /// What its finals bill.
    pub fn billed(&self) -> &SharedBilledIndex {
        &self.billed
    }

    /// Takes in what a final bills, of usage that is there and of other.
    pub fn record_final(&self, lines: ReadFinal) {
        let usage = &self.organization;
        let name = |record: &str| usage.usage(record).map_or_else(|| record.into(), |usage| usage.name.clone());
        self.billed.add(lines, |record| Some(name(record)));
    }

    /// Whether there are finals that are still to be read.
    pub fn has_unread_finals(&self) -> bool {
        self.stale || !self.invoices.unread.is_empty()
    }

    /// Whether a record was made again that finals bill, and whose lines were forgotten: then all are read again.
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// Whether there is a record that was made again, and of which it was forgotten what finals bill.
    pub fn has_dropped_usage(&self) -> bool {
        let billed = self.billed.read();
        let mut usage = self.organization.projects().flat_map(|project| project.usage());
        usage.any(|usage| billed.has_dropped(&usage.name))
    }

    /// Finals that are there and were not read.
    pub fn unread_finals(&self) -> &UnreadFinals {
        &self.invoices.unread
    }

    /// The oldest month of which a group that is gone has a final, as far as these were read.
    pub fn first_month_of_gone_groups(&self) -> Option<Month> {
        let billed = self.billed.read();
        let gone = billed.groups().filter(|group| self.organization.group(*group).is_none());
        gone.filter_map(|group| Some(billed.first_and_last_final(group)?.0.month)).min()
    }

    /// The months from `first` until before `until` of which no final of the organization is missing, so that it is known what they
    /// bill.
    pub fn fully_read_months(
        &self,
        first: Month,
        until: Month,
        attribution: impl Fn(Month) -> Attribution,
    ) -> ClosedMonths {
        if self.stale || self.invoices.unread.values().any(Option::is_none) {
            return ClosedMonths::new();
        }
        let missing = self.months_with_missing_finals();
        let months = first.through(until.prev()).filter(|month| !missing.contains(month));
        months.map(|month| (month, attribution(month))).collect()
    }

    fn months_with_missing_finals(&self) -> BTreeSet<Month> {
        let billed = self.billed.read();
        let mut missing: BTreeSet<Month> = self.invoices.unread.values().copied().flatten().collect();
        for (uid, object) in &self.groups {
            let status = object.status.as_ref();
            let last = convert::finals_of(status);
            let series = status.and_then(|status| status.invoice_series.as_deref());
            let (Some(group), Some(series)) = (self.organization.group(*uid), series) else { continue };
            if billed.finals_of(*uid) < last as usize {
                let months = std::iter::successors(Some(group.first_period), |month| Some(month.next()));
                let numbered = (1..=last).zip(months);
                let gone = numbered.filter(|(sequence, _)| !billed.has(&number::number(series, *sequence)));
                missing.extend(gone.map(|(_, month)| month));
            }
        }
        missing
    }
}
