//! What is observed of a cluster, or of a folder of manifests, as domain types.
//!
//! Objects come in one by one, from a watch, from a direct list or from files ([`Observes`]); the planners ask. What
//! an object says that billing cannot use is kept as an error beside the good ones, and stops none of them.

mod billed;
mod bindings;
mod bound;
mod catalog;
mod cluster;
pub mod convert;
mod credit_notes;
mod credits;
mod groups;
pub mod intern;
mod invoices;
mod key;
mod ledgers;
mod namespaces;
mod observe;
mod prices;
mod published;
mod purged;
mod rates;
mod receivables;
mod refusals;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use billing_api as api;
use billing_domain::closing::HoldReason;
use billing_domain::tenancy::membership::{GroupFacts, ProjectFacts};
use billing_domain::{Attribution, Month, Name, Organization, PriceList, Project, Rates, Uid};

pub use billed::{SharedBilledIndex, UnreadFinals};
pub use bindings::Binding;
pub use catalog::{ObservedIssuer, UnusableReason};
pub use credit_notes::{
    BILLING_GROUP_GONE, CREDITS_RETURNED, CreditNoteIndex, REISSUED, are_credits_returned, awaits_reissue, is_issued,
};
pub use credits::{CreditIndex, ObservedCredit, code_name};
pub use invoices::{Estimate, Final, InvoiceIndex, NumberedInvoice, carried_forward, charges_on};
pub use key::Key;
pub use namespaces::Namespace;
pub use observe::{ObjectKey, Observes};
pub use prices::PricesError;
pub use published::{ObservedReadiness, Published, Usability};
pub use purged::PurgedUsage;
pub use receivables::{OpenInvoice, ReceivableIndex};
pub use refusals::{RefusedWrite, RefusedWrites};
pub use usage::ReportedCondition;

/// All that is known.
#[derive(Debug, Default)]
pub struct ObservedState {
    namespaces: BTreeMap<Name, Namespace>,
    organizations: BTreeMap<Name, OrganizationState>,
    bindings: BTreeMap<Name, Binding>,
    price_lists: BTreeMap<Name, Result<Arc<PriceList>, UnusableReason>>,
    /// By source.
    rates: BTreeMap<Name, Rates>,
    issuers: BTreeMap<Name, Result<ObservedIssuer, UnusableReason>>,
    periods: BTreeMap<Month, Arc<api::BillingPeriod>>,
    codes: credits::CreditCodeIndex,
    /// Of what is published: how far the operator is with it.
    readiness: BTreeMap<(Published, Name), ObservedReadiness>,
    refused_writes: RefusedWrites,
    interner: intern::Interner,
}

/// The state of one organization: what lives in its namespace.
#[derive(Debug, Default)]
pub struct OrganizationState {
    /// Its groups, projects, ledgers and usage.
    pub organization: Organization,
    groups: BTreeMap<Uid, Arc<api::BillingGroup>>,
    /// By group: the members in its status.
    members: BTreeMap<Uid, BTreeSet<Name>>,
    /// By group that the operator made: the project it was made for.
    dedicated: BTreeMap<Uid, Name>,
    /// By group whose status says that it cannot be billed: why.
    unbillable: BTreeMap<Uid, HoldReason>,
    group_names: BTreeMap<Name, Uid>,
    /// By name of a group: the projects that are the organization's now and whose binding names it.
    bound: BTreeMap<Name, BTreeSet<Name>>,
    /// By project: the `resourceVersion` of its ledger, which the next PUT needs.
    ledger_versions: HashMap<Name, String>,
    /// Its credits.
    pub credits: CreditIndex,
    /// Its invoices.
    pub invoices: InvoiceIndex,
    /// Its credit notes that are not done.
    pub credit_notes: CreditNoteIndex,
    /// Its invoices that are to be paid.
    pub receivables: ReceivableIndex,
    /// What its finals bill.
    billed: SharedBilledIndex,
    /// Whether a record was made again of which it was forgotten what finals bill.
    stale: bool,
    /// What was deleted before it was billed.
    purged: PurgedUsage,
    /// By record: the `Billable` condition that is written on it now.
    reported: HashMap<Name, ReportedCondition>,
    /// Objects that bear on money and cannot be read. While there are any, no month becomes final here.
    unreadable: BTreeMap<String, String>,
}

impl ObservedState {
    /// A state in which nothing is observed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The namespace of an organization or of a project.
    pub fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.get(name)
    }

    /// All namespaces that belong to an organization.
    pub fn namespaces(&self) -> impl Iterator<Item = (&Name, &Namespace)> {
        self.namespaces.iter()
    }

    /// The namespaces of an organization's projects.
    pub fn projects_of<'a>(&'a self, organization: &'a str) -> impl Iterator<Item = (&'a Name, &'a Namespace)> {
        let projects = self.organizations.get(organization).into_iter().flat_map(|state| state.organization.projects());
        let existing = projects.filter(|project| project.namespace().is_some());
        existing.filter_map(|project| self.namespaces.get_key_value(project.name()))
    }

    /// The organization that a project belongs to, when that exists.
    pub fn organization_of(&self, project: &str) -> Option<&Name> {
        let organization = &self.namespaces.get(project)?.organization;
        let itself = self.namespaces.get(organization)?;
        (itself.organization == *organization && organization.as_str() != project).then_some(organization)
    }

    /// The state of an organization.
    pub fn organization(&self, name: &str) -> Option<&OrganizationState> {
        self.organizations.get(name)
    }

    /// The state of all organizations.
    pub fn organizations(&self) -> impl Iterator<Item = (&Name, &OrganizationState)> {
        self.organizations.iter()
    }

    /// The binding of a project.
    pub fn binding(&self, project: &str) -> Option<&Binding> {
        self.bindings.get(project)
    }

    /// A price list, or why there is none.
    pub fn price_list(&self, name: &str) -> Option<&Result<Arc<PriceList>, UnusableReason>> {
        self.price_lists.get(name)
    }

    /// An issuer, or why there is none.
    pub fn issuer(&self, name: &str) -> Option<&Result<ObservedIssuer, UnusableReason>> {
        self.issuers.get(name)
    }

    /// A month that is over.
    pub fn period(&self, month: Month) -> Option<&Arc<api::BillingPeriod>> {
        self.periods.get(&month)
    }

    /// How the cost of a month is divided: as its BillingPeriod says, until that exists as the operator's `setting` does.
    pub fn attribution(&self, month: Month, setting: Attribution) -> Attribution {
        self.period(month).map_or(setting, |period| convert::attribution(period.spec.attribution))
    }

    /// The months that are over, the oldest first.
    pub fn periods(&self) -> impl DoubleEndedIterator<Item = (Month, &Arc<api::BillingPeriod>)> {
        self.periods.iter().map(|(month, period)| (*month, period))
    }

    /// The oldest first period of any group.
    pub fn oldest_first_period(&self) -> Option<Month> {
        let groups = self.organizations.values().flat_map(|state| state.organization.groups());
        groups.filter(|group| !group.begins_too_early()).map(|group| group.first_period).min()
    }

    /// What membership asks of a project; `None` when its namespace is in no organization and it has no binding.
    pub fn project_facts<'a>(&'a self, project: &'a Name) -> Option<ProjectFacts<'a>> {
        let Some(namespace) = self.namespaces.get(project) else { return self.unassigned_project_facts(project) };
        let living = |organization: &&Name| self.namespaces.get(*organization).is_some_and(|known| !known.terminating);
        let organization = self.organization_of(project).filter(living);
        let state = organization.and_then(|organization| self.organizations.get(organization));
        Some(ProjectFacts {
            name: project,
            namespace: namespace.uid,
            terminating: namespace.terminating,
            organization,
            binding: self.bindings.get(project).map(Binding::facts),
            ledger: state.and_then(|state| state.organization.project(project)).and_then(|known| known.ledger()),
        })
    }

    /// A binding whose namespace was taken out of its organization, which is all that is known of that: nobody can pay
    /// for it, and its status is to say so.
    fn unassigned_project_facts<'a>(&'a self, project: &'a Name) -> Option<ProjectFacts<'a>> {
        let binding = self.bindings.get(project)?.facts();
        Some(ProjectFacts {
            name: project,
            namespace: Uid(0), // nothing is ever written under it
            terminating: false,
            organization: None,
            binding: Some(binding),
            ledger: None,
        })
    }

    /// What membership asks of the projects that are an organization's now.
    pub fn projects_in<'a>(
        &'a self,
        organization: &'a Name,
        state: &'a OrganizationState,
    ) -> impl Iterator<Item = ProjectFacts<'a>> {
        self.facts_in(organization, state.organization.projects().map(Project::name))
    }

    /// What membership asks of those of the projects that are the organization's now.
    fn facts_in<'a>(
        &'a self,
        organization: &'a Name,
        projects: impl IntoIterator<Item = &'a Name>,
    ) -> impl Iterator<Item = ProjectFacts<'a>> {
        let facts = projects.into_iter().filter_map(|project| self.project_facts(project));
        // A ledger stays when its project goes to another organization.
        facts.filter(move |project| project.organization == Some(organization))
    }

    /// The work that concerns a project and the groups that may pay for it.
    fn project_and_payers(&self, project: &Name) -> Vec<Key> {
        let mut keys = vec![Key::Project(project.clone())];
        if let Some(organization) = self.organization_of(project) {
            keys.extend(self.possible_payers(organization, project));
            keys.extend(self.awaiting_bindings(organization));
            keys.push(Key::Usage(organization.clone()));
        }
        keys
    }

    /// The groups with an invoice that waits for a project on its way, whichever group that gets.
    fn awaiting_bindings(&self, organization: &Name) -> Vec<Key> {
        let Some(state) = self.organizations.get(organization) else { return Vec::new() };
        let waiting = state.invoices.estimates().filter(|estimate| estimate.awaits_bindings());
        waiting.map(|estimate| Key::Group { organization: organization.clone(), group: estimate.group }).collect()
    }

    /// The groups that pay, paid or could have to pay for a project.
    fn possible_payers(&self, organization: &Name, project: &Name) -> Vec<Key> {
        let Some(state) = self.organizations.get(organization) else { return Vec::new() };
        let key = |group| Key::Group { organization: organization.clone(), group };
        let ledger = state.organization.project(project).and_then(|known| known.ledger());
        let named = ledger.into_iter().flat_map(|ledger| ledger.segments()).map(|segment| segment.group_uid);
        let bound = self.bindings.get(project).and_then(|binding| state.group_uid(binding.group()));
        let primaries = state.organization.groups().filter(|group| group.primary).map(|group| group.uid);
        let mut keys: Vec<_> = named.chain(bound).chain(primaries).map(key).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// Every group, project, credit and credit note, and the usage of an organization: for changes that concern who can pay, and for
    /// the organization itself, whose namespace may be the last that is seen of it.
    fn all_keys_of_organization(&self, organization: &Name) -> Vec<Key> {
        let mut keys = self.groups_of(organization);
        keys.push(Key::Usage(organization.clone()));
        keys.extend(self.projects_of(organization).map(|(project, _)| Key::Project(project.clone())));
        let Some(state) = self.organizations.get(organization) else { return keys };
        let credit = |credit: &Name| Key::Credit { organization: organization.clone(), credit: credit.clone() };
        keys.extend(state.credits.all().map(|(name, _)| credit(name)));
        let note = |note: &Name| Key::CreditNote { organization: organization.clone(), note: note.clone() };
        keys.extend(state.credit_notes.keys().map(note));
        keys
    }

    /// The groups of an organization.
    fn groups_of(&self, organization: &Name) -> Vec<Key> {
        let groups = self.organizations.get(organization).into_iter().flat_map(|state| state.groups.keys());
        groups.map(|group| Key::Group { organization: organization.clone(), group: *group }).collect()
    }

    /// Everything that there is to look at: where an operator that just started begins.
    pub fn all_keys(&self) -> Vec<Key> {
        let mut keys: Vec<_> = self.organizations.keys().flat_map(|name| self.keys_of_organization(name)).collect();
        keys.extend(self.namespaces.keys().chain(self.bindings.keys()).map(|project| Key::Project(project.clone())));
        keys.extend(self.published_keys());
        keys.extend(self.overview_keys());
        keys
    }

    /// Everything that there is to look at of an organization: where an operator begins that just read its finals.
    pub fn keys_of_organization(&self, organization: &Name) -> Vec<Key> {
        let mut keys = self.all_keys_of_organization(organization);
        let known = self.organizations.get(organization);
        keys.extend(known.filter(|state| state.has_unread_finals()).map(|_| Key::Finals(organization.clone())));
        keys
    }

    /// What looks at all organizations, and the projects that are of none.
    pub fn overview_keys(&self) -> Vec<Key> {
        let strays =
            self.namespaces.keys().chain(self.bindings.keys()).filter(|one| self.organization_of(one).is_none());
        let strays = strays.map(|project| Key::Project(project.clone()));
        strays.chain([Key::Periods, Key::Receivables, Key::Settled]).collect()
    }

    /// An object cannot be read: what bears on its organization's money is held.
    fn mark_unreadable(&mut self, organization: &Name, object: String, error: String) -> Vec<Key> {
        self.organization_mut(organization).unreadable.insert(object, error);
        self.groups_of(organization)
    }

    /// An object can be read again: what was held for it is looked at again.
    fn clear_unreadable(&mut self, organization: &Name, object: &str) -> Vec<Key> {
        match self.organization_mut(organization).unreadable.remove(object) {
            Some(_) => self.groups_of(organization),
            None => Vec::new(),
        }
    }

    fn organization_mut(&mut self, name: &Name) -> &mut OrganizationState {
        self.organizations.entry(name.clone()).or_default()
    }
}

impl OrganizationState {
    /// The group as it is on the wire.
    pub fn group(&self, uid: Uid) -> Option<&Arc<api::BillingGroup>> {
        self.groups.get(&uid)
    }

    /// All groups as they are on the wire.
    pub fn groups(&self) -> impl Iterator<Item = (Uid, &Arc<api::BillingGroup>)> {
        self.groups.iter().map(|(uid, group)| (*uid, group))
    }

    /// What membership asks of a group.
    pub fn group_facts(&self, uid: Uid) -> Option<GroupFacts<'_>> {
        static NOBODY: BTreeSet<Name> = BTreeSet::new();
        Some(GroupFacts {
            group: self.organization.group(uid)?,
            members: self.members.get(&uid).unwrap_or(&NOBODY),
            dedicated_to: self.dedicated.get(&uid),
            unbillable: self.unbillable.get(&uid).map(|why| why.as_str()),
        })
    }

    /// What membership asks of all groups.
    pub fn all_group_facts(&self) -> Vec<GroupFacts<'_>> {
        self.groups.keys().filter_map(|uid| self.group_facts(*uid)).collect()
    }

    /// The group that has a name now.
    pub fn group_uid(&self, name: &str) -> Option<Uid> {
        self.group_names.get(name).copied()
    }

    /// The `resourceVersion` of a project's ledger.
    pub fn ledger_version(&self, project: &str) -> Option<&str> {
        self.ledger_versions.get(project).map(String::as_str)
    }

    /// The `Billable` condition that is written on a record now.
    pub fn reported(&self, record: &str) -> Option<&ReportedCondition> {
        self.reported.get(record)
    }

    /// The records that have the `Billable` condition now.
    pub fn reported_records(&self) -> impl Iterator<Item = &Name> {
        self.reported.keys()
    }

    /// Objects that bear on money and cannot be read, with the reason.
    pub fn unreadable(&self) -> impl Iterator<Item = (&str, &str)> {
        self.unreadable.iter().map(|(object, error)| (object.as_str(), error.as_str()))
    }
}
