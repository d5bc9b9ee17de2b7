//! Who pays: series, members, ledgers and defaults, until nothing changes any more.
//!
//! The decisions are the operator's own; only the writes go into the state instead of a cluster.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;

use super::PreviewOptions;
use super::admit::{Admitted, Findings};
use super::credits::prepare_credits;
use super::finals::Finals;
use super::server_fields::fill_server_fields;
use crate::manifest::ObjectRef;
use billing_api::{
    BillingGroup, BillingGroupStatus, BillingPeriod, InvoiceSeries, Member, ProjectBinding, ProjectLedger, labels,
};
use billing_domain::invoice::number;
use billing_domain::tenancy::membership::{Acceptance, acceptance, desired_members};
use billing_domain::{Month, Name, Timestamp, Uid};
use billing_planning::builders::{billing_period, dedicated_group, default_binding, project_ledger};
use billing_planning::group::{first_period_too_early, series_taken};
use billing_planning::project::{DefaultStep, ProjectPlan, plan_project};
use billing_state::{ObservedState, Observes, OrganizationState};

/// A project may need a group, that group a series, the project a binding, the group the member, and the project its
/// ledger; that is fewer rounds than these.
const MAX_ROUNDS: usize = 8;

/// State in which everybody who pays is known.
pub(super) struct Prepared {
    pub(super) state: ObservedState,
    pub(super) finals: Finals,
    pub(super) findings: Findings,
}

/// Lets everything happen that the operator would do before it bills.
pub(super) fn prepare(admitted: Admitted, options: &PreviewOptions) -> Prepared {
    let Admitted { state, since, series, finals, findings } = admitted;
    let claims = claims(&state, series);
    let mut preparation =
        Preparation { claims, without_series: BTreeSet::new(), full: BTreeSet::new(), state, findings, since, options };
    for _ in 0..MAX_ROUNDS {
        let changes = [preparation.claim_series(), preparation.write_members(), preparation.write_projects()];
        if changes.iter().all(|changed| !changed) {
            break;
        }
    }
    preparation.make_periods();
    prepare_credits(&mut preparation.state, options);
    preparation.refuse_bindings();
    preparation.refuse_groups();
    Prepared { state: preparation.state, finals, findings: preparation.findings }
}

/// A series that a group has.
struct Claim {
    /// The group's UID.
    group: String,
    /// Its organization and name.
    owner: String,
}

/// The series that are claimed in a cluster: by what says so, or by the status of a group that has one.
fn claims(state: &ObservedState, series: Vec<InvoiceSeries>) -> BTreeMap<Name, Claim> {
    let mut claims: BTreeMap<Name, Claim> = BTreeMap::new();
    for (organization, state) in state.organizations() {
        for (uid, group) in state.groups() {
            if let Some(series) = group.status.as_ref().and_then(|status| status.invoice_series.as_deref()) {
                let owner = format!("{organization}/{}", group.name_any());
                claims.insert(series.into(), Claim { group: uid.to_string(), owner });
            }
        }
    }
    for claim in series {
        let owner = format!("{}/{}", claim.spec.organization, claim.spec.billing_group);
        let group = claim.spec.billing_group_uid.to_string();
        claims.insert(claim.name_any().into(), Claim { group, owner });
    }
    claims
}

struct Preparation<'a> {
    state: ObservedState,
    claims: BTreeMap<Name, Claim>,
    /// The groups that get no series.
    without_series: BTreeSet<Uid>,
    /// The projects whose ledger takes no further entry.
    full: BTreeSet<Name>,
    findings: Findings,
    since: Timestamp,
    options: &'a PreviewOptions,
}

impl Preparation<'_> {
    /// Gives every group that has none its series: wishes first, then the oldest groups.
    fn claim_series(&mut self) -> bool {
        let mut groups: Vec<_> =
            self.groups().into_iter().filter(|(_, uid, _)| !self.without_series.contains(uid)).collect();
        groups.retain(|(_, _, object)| object.status.as_ref().is_none_or(|status| status.invoice_series.is_none()));
        groups.sort_by_key(|(organization, _, object)| {
            let created = object.creation_timestamp().map(|created| created.0);
            (wish(object).is_none(), created, organization.clone(), object.name_any())
        });
        for (organization, uid, object) in &groups {
            self.claim(organization, *uid, object);
        }
        !groups.is_empty()
    }

    fn claim(&mut self, organization: &Name, uid: Uid, object: &BillingGroup) {
        let ours = |claim: &Claim| claim.group == uid.to_string();
        let owned = self.claims.iter().find(|(_, claim)| ours(claim)).map(|(series, _)| series.clone());
        let candidates = number::series_candidates(wish(object).as_ref(), uid);
        let free = || candidates.iter().find(|series| !self.claims.contains_key(*series)).cloned();
        let Some(series) = owned.or_else(free) else {
            self.without_series.insert(uid);
            let taken = candidates.iter().find_map(|series| Some((series, self.claims.get(series)?)));
            if let Some((series, claim)) = taken {
                let taken = series_taken(series, &claim.owner);
                let message = format!("{}: {}", taken.reason(), taken.message());
                self.findings.refuse(reference("BillingGroup", Some(organization), &object.name_any()), message);
            }
            return;
        };
        let mut claimed = object.clone();
        claimed.finalizers_mut().push(labels::SETTLE_FINALIZER.to_owned());
        claimed.status.get_or_insert_default().invoice_series = Some(series.as_str().into());
        self.state.observe(claimed);
        let owner = format!("{organization}/{}", object.name_any());
        self.claims.insert(series, Claim { group: uid.to_string(), owner });
    }

    /// Writes the members of every group.
    fn write_members(&mut self) -> bool {
        let mut changed = Vec::new();
        for (name, organization) in self.state.organizations() {
            let groups = organization.all_group_facts();
            for facts in groups.iter().filter(|facts| facts.group.deleted.is_none()) {
                let Some(object) = organization.group(facts.group.uid) else { continue };
                let status = object.status.clone().unwrap_or_default();
                let projects = self.state.projects_of_group(name, organization, facts.group);
                let members = desired_members(facts, projects, &groups, self.options.as_of);
                if status.invoice_series.is_some() && members != *facts.members {
                    let members = members.iter().map(|project| Member { project: project.as_str().into() }).collect();
                    let status = BillingGroupStatus { members, ..status };
                    changed.push(BillingGroup { status: Some(status), ..BillingGroup::clone(object) });
                }
            }
        }
        let any = !changed.is_empty();
        changed.into_iter().for_each(|group| drop(self.state.observe(group)));
        any
    }

    /// Does for every project what its plan says.
    fn write_projects(&mut self) -> bool {
        let projects: Vec<_> = self.state.namespaces().map(|(name, _)| name.clone()).collect();
        let mut changed = false;
        for project in projects {
            let known = self.state.project_facts(&project).and_then(|facts| facts.ledger);
            // Where nothing is known of the past, it was as it is now. What a cluster's ledger says, it says.
            let now = if known.is_some() { self.options.as_of } else { self.since };
            match plan_project(&self.state, &project, &self.options.settings, now, now) {
                Ok(plan) => changed |= self.write_project(&project, plan),
                Err(error) if self.full.insert(project.clone()) => {
                    let binding = reference("ProjectBinding", Some(&project), labels::BINDING_NAME);
                    self.findings.refuse(binding, error.to_string());
                }
                Err(_) => {} // it was said in an earlier round
            }
        }
        changed
    }

    fn write_project(&mut self, project: &Name, plan: ProjectPlan) -> bool {
        let ProjectPlan { ledger, default, .. } = plan;
        let changed = ledger.is_some() || default.is_some();
        if let Some(write) = ledger {
            let mut object: ProjectLedger = project_ledger(project, &write.organization, &write.ledger);
            fill_server_fields(&mut object, self.since);
            self.state.observe(object);
        }
        match default {
            Some(DefaultStep::Group { organization, name, currency }) => {
                let mut group = dedicated_group(project, &organization, &name, currency);
                fill_server_fields(&mut group, Month::of(self.options.as_of).start());
                self.findings
                    .notes
                    .push(format!("project {project} gets a dedicated billing group {name}, created by default"));
                self.state.observe(group);
            }
            Some(DefaultStep::Binding { group }) => {
                let mut binding: ProjectBinding = default_binding(project, &group);
                fill_server_fields(&mut binding, self.since);
                self.findings
                    .notes
                    .push(format!("project {project} has no binding: billing group {group} pays by default"));
                self.state.observe(binding);
            }
            None => {}
        }
        changed
    }

    /// All months that are over have their BillingPeriod.
    fn make_periods(&mut self) {
        let oldest = self.state.oldest_first_period().unwrap_or(Month::of(self.since));
        for month in oldest.through(Month::of(self.options.as_of).prev()) {
            if self.state.period(month).is_none() {
                let period: BillingPeriod = billing_period(month, self.options.settings.attribution);
                self.state.observe(period);
            }
        }
    }

    /// Refuses the bindings that the controllers do not accept.
    fn refuse_bindings(&mut self) {
        let mut refused = Vec::new();
        for (project, _) in self.state.namespaces() {
            let Some(facts) = self.state.project_facts(project) else { continue };
            let organization = facts.organization.and_then(|name| self.state.organization(name));
            let groups = organization.map(OrganizationState::all_group_facts).unwrap_or_default();
            if let Some(Acceptance::Refused(refusal)) = acceptance(&facts, &groups, self.options.as_of) {
                let binding = reference("ProjectBinding", Some(project), labels::BINDING_NAME);
                refused.push((binding, format!("{}: {refusal}", refusal.as_str())));
            }
        }
        refused.into_iter().for_each(|(binding, message)| self.findings.refuse(binding, message));
    }

    /// Refuses the groups that the controllers do not bill.
    fn refuse_groups(&mut self) {
        for (organization, uid, object) in self.groups() {
            let state = self.state.organization(&organization);
            let Some(group) = state.and_then(|state| state.organization.group(uid)) else { continue };
            if let Some(readiness) = first_period_too_early(group) {
                let group = reference("BillingGroup", Some(&organization), &object.name_any());
                self.findings.refuse(group, format!("{}: {}", readiness.reason(), readiness.message()));
            }
        }
    }

    fn groups(&self) -> Vec<(Name, Uid, BillingGroup)> {
        let mut groups = Vec::new();
        for (organization, state) in self.state.organizations() {
            let known = state.groups().map(|(uid, object)| (organization.clone(), uid, BillingGroup::clone(object)));
            groups.extend(known);
        }
        groups
    }
}

/// The series that a group's provider wishes for.
fn wish(group: &BillingGroup) -> Option<Name> {
    group.spec.terms.as_ref().and_then(|options| options.invoice_series.as_deref()).map(Name::from)
}

/// Names an object.
pub(super) fn reference(kind: &str, namespace: Option<&str>, name: &str) -> ObjectRef {
    ObjectRef { kind: kind.to_owned(), namespace: namespace.map(str::to_owned), name: name.to_owned() }
}
