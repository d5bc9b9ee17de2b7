//! Usage that was deleted before it was billed: nobody is charged for it any more, so somebody is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ObservedState, OrganizationState};
use billing_domain::{Month, Name, Usage};

/// Records of an organization that were deleted while a month of theirs was not final. Kept as long as the operator runs: of what is
/// gone nothing else tells.
#[derive(Debug, Default)]
pub struct PurgedUsage {
    all: BTreeMap<Name, Arc<Usage>>,
    /// Those of which nobody was told yet.
    news: Vec<Arc<Usage>>,
}

impl PurgedUsage {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }
}

impl OrganizationState {
    /// What was deleted before it was billed.
    pub fn purged(&self) -> &PurgedUsage {
        &self.purged
    }

    /// A record was deleted. One that another replaces counted as nothing, and one whose months are all final is billed.
    pub(super) fn keep_if_unbilled(&mut self, usage: &Arc<Usage>) {
        if !self.organization.is_effective(usage) {
            return;
        }
        let open = self.invoices.estimates().map(|estimate| estimate.month).min();
        let ends_after = |month: Month| usage.end.unwrap_or(usage.start).max(usage.start) >= month.start();
        if open.is_some_and(ends_after) {
            self.purged.all.insert(usage.name.clone(), usage.clone());
            self.purged.news.push(usage.clone());
        }
    }

    /// A record of this name exists (again).
    pub(super) fn forget_purged(&mut self, record: &Name) {
        self.purged.all.remove(record);
    }
}

impl ObservedState {
    /// The records of an organization that were deleted before they were billed, and that nobody was told of yet.
    pub fn take_purged(&mut self, organization: &Name) -> Vec<Arc<Usage>> {
        let state = self.organizations.get_mut(organization);
        state.map(|state| std::mem::take(&mut state.purged.news)).unwrap_or_default()
    }
}
