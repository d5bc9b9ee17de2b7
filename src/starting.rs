//! What waits after a start: each organization for its finals to be read, and what looks at all of them for those of all.
//!
//! Without its finals the late usage of an organization is not known, and what would be written for it might be taken back a moment
//! later. None waits for those of another.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use billing_domain::Name;
use billing_state::{Key, ObservedState};

/// The organizations whose finals were not read since the operator started.
#[derive(Debug, Default)]
pub struct UnreadSinceStart(Mutex<HashSet<Name>>);

impl UnreadSinceStart {
    /// These are to be read.
    pub fn begin(&self, organizations: &[Name]) {
        self.unread().extend(organizations.iter().cloned());
    }

    /// The finals of one were read.
    pub fn end(&self, organization: &Name) {
        self.unread().remove(organization);
    }

    /// Whether work on `key` waits. Its key is added again when it need not wait any more.
    pub fn holds(&self, key: &Key, state: &ObservedState) -> bool {
        let unread = self.unread();
        if unread.is_empty() {
            return false;
        }
        match key {
            // One of an organization that is not known may be of any.
            Key::Project(project) => state.organization_of(project).is_none_or(|one| unread.contains(one)),
            Key::Group { organization, .. }
            | Key::Credit { organization, .. }
            | Key::CreditNote { organization, .. }
            | Key::Usage(organization)
            | Key::Finals(organization)
            | Key::Closing(organization) => unread.contains(organization),
            Key::Periods | Key::Receivables | Key::Settled => true,
            Key::Published { .. } => false,
        }
    }

    fn unread(&self) -> MutexGuard<'_, HashSet<Name>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
