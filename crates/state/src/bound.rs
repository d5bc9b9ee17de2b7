//! Which projects concern a group, so that a look at it costs what it has and not what its organization has.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;

use super::{ObservedState, OrganizationState};
use billing_domain::tenancy::membership::ProjectFacts;
use billing_domain::{Group, Name};

impl ObservedState {
    /// What membership asks of the projects that concern a group: of those that are its organization's now, those whose
    /// binding names it, and those whose ledger does. Of any other it asks nothing.
    pub fn projects_of_group<'a>(
        &'a self,
        organization: &'a Name,
        state: &'a OrganizationState,
        group: &Group,
    ) -> impl Iterator<Item = ProjectFacts<'a>> {
        let named = state.organization.projects_naming(group.uid);
        self.facts_in(organization, state.bound_to(&group.name).union(named))
    }

    /// What membership asks of the projects that are an organization's now and that nobody paid for yet.
    pub fn projects_without_payer_in<'a>(
        &'a self,
        organization: &'a Name,
        state: &'a OrganizationState,
    ) -> impl Iterator<Item = ProjectFacts<'a>> {
        self.facts_in(organization, state.organization.projects_without_payer())
    }

    /// Changes the namespace or the binding of a project, and keeps the index of the bindings that name a group.
    pub(super) fn change_project(&mut self, project: &Name, change: impl FnOnce(&mut Self)) {
        if let Some((state, group)) = self.named_by(project)
            && let Entry::Occupied(mut bound) = state.bound.entry(group)
        {
            bound.get_mut().remove(project);
            if bound.get().is_empty() {
                bound.remove();
            }
        }
        change(self);
        if let Some((state, group)) = self.named_by(project) {
            state.bound.entry(group).or_default().insert(project.clone());
        }
    }

    /// The state of the organization that a project is in, and the group that its binding names there.
    fn named_by(&mut self, project: &Name) -> Option<(&mut OrganizationState, Name)> {
        let group = self.bindings.get(project)?.group().clone();
        let organization = &self.namespaces.get(project)?.organization;
        Some((self.organizations.get_mut(organization)?, group))
    }
}

impl OrganizationState {
    /// The projects that are the organization's now and whose binding names the group.
    pub fn bound_to(&self, group: &str) -> &BTreeSet<Name> {
        static NONE: BTreeSet<Name> = BTreeSet::new();
        self.bound.get(group).unwrap_or(&NONE)
    }
}
