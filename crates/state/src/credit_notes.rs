//! Credit notes that are not done yet: not issued, with credits that are still to be given back, or with an invoice that is still to be
//! issued again. Of the others, only what they took back of usage is kept, with what finals bill.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use kube_core::ResourceExt;

use super::{Key, ObjectKey, ObservedState, Observes, OrganizationState, convert};
use billing_api::{CreditNote, CreditNotePhase};
use billing_domain::Name;

/// The credit notes of one organization, by name.
pub type CreditNoteIndex = BTreeMap<Name, Arc<CreditNote>>;

impl Observes<CreditNote> for ObservedState {
    fn observe(&mut self, object: CreditNote) -> Vec<Key> {
        let key = ObjectKey::of(&object);
        let (organization, note) = (Name::from(key.namespace.as_str()), Name::from(object.name_any()));
        let mut keys = if is_issued(&object) { self.record_credit_note(&organization, &object) } else { Vec::new() };
        if is_done(&object) {
            Observes::<CreditNote>::forget(self, &key);
            return keys;
        }
        self.organization_mut(&organization).credit_notes.insert(note.clone(), convert::trimmed(object));
        keys.push(Key::CreditNote { organization, note });
        keys
    }

    fn reject(&mut self, key: &ObjectKey, _: String) -> Vec<Key> {
        Observes::<CreditNote>::forget(self, key) // it is not issued
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        if let Some(state) = self.organizations.get_mut(key.namespace.as_str()) {
            state.credit_notes.remove(key.name.as_str());
        }
        Vec::new()
    }

    fn observed_keys(&self) -> HashSet<ObjectKey> {
        let of = |(organization, state): (&Name, &OrganizationState)| {
            let key = |note: &Name| ObjectKey::namespaced(organization, note);
            state.credit_notes.keys().map(key).collect::<Vec<_>>()
        };
        self.organizations.iter().flat_map(of).collect()
    }
}

/// What a credit note's condition is called that says whether its credits are given back.
pub const CREDITS_RETURNED: &str = "CreditsReturned";

/// What a credit note's condition is called that says whether the invoice was issued again.
pub const REISSUED: &str = "Reissued";

/// The reason of that condition once the group is gone that would pay: then nobody waits for it.
pub const BILLING_GROUP_GONE: &str = "BillingGroupGone";

/// Whether a credit note is issued.
pub fn is_issued(note: &CreditNote) -> bool {
    note.status.as_ref().is_some_and(|status| status.phase == Some(CreditNotePhase::Final))
}

/// Whether a condition of a credit note is true.
fn is_true(note: &CreditNote, condition: &str) -> bool {
    let mut conditions = note.status.iter().flat_map(|status| &status.conditions);
    conditions.any(|known| known.type_ == condition && known.status == "True")
}

/// Whether what the invoice of an issued note used of credits is given back.
pub fn are_credits_returned(note: &CreditNote) -> bool {
    let document = note.status.as_ref().and_then(|status| status.document.as_ref());
    document.is_none_or(|document| document.credits.is_empty()) || is_true(note, CREDITS_RETURNED)
}

/// Whether an invoice is to be issued again because of a note, and was not yet.
pub fn awaits_reissue(note: &CreditNote) -> bool {
    is_issued(note) && note.spec.reissue && !is_true(note, REISSUED)
}

/// Whether a credit note is issued, what the invoice used of credits is given back, and it is issued again if that is asked for.
fn is_done(note: &CreditNote) -> bool {
    is_issued(note) && are_credits_returned(note) && !awaits_reissue(note)
}

impl OrganizationState {
    /// The credit note because of which an invoice of a group is to be issued again before another of it becomes final.
    pub fn pending_reissue(&self, group: &str) -> Option<&Name> {
        let is_gone = |note: &CreditNote| {
            let conditions = note.status.iter().flat_map(|status| &status.conditions);
            conditions.into_iter().any(|known| known.type_ == REISSUED && known.reason == BILLING_GROUP_GONE)
        };
        let pays = |note: &CreditNote| {
            let document = note.status.as_ref().and_then(|status| status.document.as_ref());
            document.is_some_and(|document| document.buyer.billing_group.as_str() == group)
        };
        let mut notes = self.credit_notes.iter();
        notes.find(|(_, note)| awaits_reissue(note) && pays(note) && !is_gone(note)).map(|(name, _)| name)
    }
}

impl ObservedState {
    /// The credit notes of an organization whose credits wait for a group, or for another credit; and those whose invoice is to be issued
    /// again.
    pub(super) fn notes_with_credits(&self, organization: &Name) -> Vec<Key> {
        let Some(state) = self.organizations.get(organization) else { return Vec::new() };
        let waiting = state.credit_notes.iter().filter(|(_, note)| is_issued(note));
        waiting.map(|(note, _)| Key::CreditNote { organization: organization.clone(), note: note.clone() }).collect()
    }

    /// The credit notes that wait for an invoice.
    pub(super) fn notes_of(&self, organization: &Name, invoice: &str) -> Vec<Key> {
        let Some(state) = self.organizations.get(organization) else { return Vec::new() };
        let waiting = state.credit_notes.iter().filter(|(_, note)| note.spec.invoice.as_str() == invoice);
        waiting.map(|(note, _)| Key::CreditNote { organization: organization.clone(), note: note.clone() }).collect()
    }
}
