//! Credit notes that are not issued yet. Of those that are, only what they took back of usage is
//! kept, with what finals bill.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use kube::ResourceExt;

use super::{Books, Key, ObjectKey, Observes, convert};
use crate::api::{CreditNote, CreditNotePhase};
use crate::domain::Name;

/// The credit notes of one organization, by name.
pub type CreditNoteBooks = BTreeMap<Name, Arc<CreditNote>>;

impl Observes<CreditNote> for Books {
    fn observe(&mut self, object: CreditNote) -> Vec<Key> {
        let key = ObjectKey::of(&object);
        let (organization, note) = (Name::from(key.namespace.as_str()), Name::from(object.name_any()));
        let issued = object.status.as_ref().is_some_and(|status| status.phase == Some(CreditNotePhase::Final));
        if issued {
            Observes::<CreditNote>::forget(self, &key);
            return self.credit(&organization, &object);
        }
        self.organization_mut(&organization).credit_notes.insert(note.clone(), convert::trimmed(object));
        vec![Key::CreditNote { organization, note }]
    }

    fn reject(&mut self, key: &ObjectKey, _: String) -> Vec<Key> {
        Observes::<CreditNote>::forget(self, key) // it is not issued
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        if let Some(books) = self.organizations.get_mut(key.namespace.as_str()) {
            books.credit_notes.remove(key.name.as_str());
        }
        Vec::new()
    }

    fn known(&self) -> HashSet<ObjectKey> {
        let of = |(organization, books): (&Name, &super::OrganizationBooks)| {
            let key = |note: &Name| ObjectKey::namespaced(organization, note);
            books.credit_notes.keys().map(key).collect::<Vec<_>>()
        };
        self.organizations.iter().flat_map(of).collect()
    }
}

impl Books {
    /// The credit notes that wait for an invoice.
    pub(super) fn notes_of(&self, organization: &Name, invoice: &str) -> Vec<Key> {
        let Some(books) = self.organizations.get(organization) else { return Vec::new() };
        let waiting = books.credit_notes.iter().filter(|(_, note)| note.spec.invoice.as_str() == invoice);
        waiting.map(|(note, _)| Key::CreditNote { organization: organization.clone(), note: note.clone() }).collect()
    }
}
