//! Credit notes that are not done yet: not issued, or with credits that are still to be given back. Of the others, only
//! what they took back of usage is kept, with what finals bill.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use kube_core::ResourceExt;

use super::{Key, ObjectKey, ObservedState, Observes, convert};
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
        let of = |(organization, state): (&Name, &super::OrganizationState)| {
            let key = |note: &Name| ObjectKey::namespaced(organization, note);
            state.credit_notes.keys().map(key).collect::<Vec<_>>()
        };
        self.organizations.iter().flat_map(of).collect()
    }
}

/// What a credit note's condition is called that says whether its credits are given back.
pub const CREDITS_RETURNED: &str = "CreditsReturned";

/// Whether a credit note is issued.
pub fn is_issued(note: &CreditNote) -> bool {
    note.status.as_ref().is_some_and(|status| status.phase == Some(CreditNotePhase::Final))
}

/// Whether a credit note is issued, and what the invoice used of credits is given back.
fn is_done(note: &CreditNote) -> bool {
    let status = note.status.iter();
    let gives_back = status.clone().filter_map(|status| status.document.as_ref()).any(|it| !it.credits.is_empty());
    let mut conditions = status.flat_map(|status| &status.conditions);
    let given_back = conditions.any(|known| known.type_ == CREDITS_RETURNED && known.status == "True");
    is_issued(note) && (given_back || !gives_back)
}

impl ObservedState {
    /// The credit notes of an organization whose credits wait for a group, or for another credit.
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
