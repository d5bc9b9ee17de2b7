//! What is observed of the cluster, as one organization sees it.

use super::ObservedState;

impl ObservedState {
    /// The cluster as far as it concerns an organization: its namespaces, their bindings, and what the provider publishes for all.
    /// Nothing that lives in the organization's namespace is in it.
    ///
    /// A project that another organization has now is not in it either, although the organization may still keep a ledger of it:
    /// who pays for what it runs from now on is none of its business. Cost: a look at each namespace of the cluster, and a
    /// reference to what is published.
    #[must_use]
    pub fn cluster_of(&self, organization: &str) -> ObservedState {
        let mut state = ObservedState {
            price_lists: self.price_lists.clone(),
            rates: self.rates.clone(),
            issuers: self.issuers.clone(),
            periods: self.periods.clone(),
            ..ObservedState::default()
        };
        for (name, namespace) in self.namespaces.iter().filter(|(_, known)| known.organization.as_str() == organization)
        {
            state.change_project(name, |state| state.enter(name, namespace.clone()));
            if let Some(binding) = self.bindings.get(name) {
                state.change_project(name, |state| drop(state.bindings.insert(name.clone(), binding.clone())));
            }
        }
        state
    }
}
