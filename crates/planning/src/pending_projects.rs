//! Projects on their way to a group: months that are over wait for them.

use std::collections::BTreeSet;

use crate::billing_settings::BillingSettings;
use billing_domain::tenancy::default_binding::decide_default;
use billing_domain::tenancy::membership::{Acceptance, GroupFacts, ProjectFacts, acceptance};
use billing_domain::{Group, Name, Timestamp};
use billing_state::{Key, ObservedState};

/// The projects whose payer is about to be written, and could be this group. One whose writes are refused holds itself alone: what
/// a single project's team can do stops no invoice of others.
pub fn pending_projects(
    state: &ObservedState,
    organization: &Name,
    group: &Group,
    groups: &[GroupFacts<'_>],
    settings: &BillingSettings,
    now: Timestamp,
) -> Vec<Name> {
    let Some(known) = state.organization(organization) else { return Vec::new() };
    let near = state.projects_of_group(organization, known, group);
    let moving = near.filter(|project| is_moving_to(project, group, groups, now));
    let unpaid = state.projects_without_payer_in(organization, known);
    let coming = unpaid.filter(|project| awaits_default(state, project, groups, settings, now));
    let names: BTreeSet<_> = moving.chain(coming).map(|project| project.name.clone()).collect();
    names.into_iter().filter(|project| !is_stuck(state, project, settings, now)).collect()
}

/// Those of the projects whose payer is about to be written, whichever group that gets. Cost: a look at each of them.
pub fn awaiting_ledger(
    state: &ObservedState,
    organization: &Name,
    projects: BTreeSet<Name>,
    settings: &BillingSettings,
    now: Timestamp,
) -> BTreeSet<Name> {
    let Some(known) = state.organization(organization) else { return BTreeSet::new() };
    let groups = known.all_group_facts();
    let awaits = |project: &Name| {
        let Some(facts) = state.project_facts(project).filter(|facts| facts.organization == Some(organization)) else {
            return false;
        };
        let accepted = match acceptance(&facts, &groups, now) {
            Some(Acceptance::Accepted { group }) => Some(group),
            _ => None,
        };
        let last = facts.ledger.map(|ledger| ledger.last().group_uid);
        let waits = accepted.is_some_and(|group| last != Some(group))
            || (facts.ledger.is_none() && awaits_default(state, &facts, &groups, settings, now));
        waits && !is_stuck(state, project, settings, now)
    };
    projects.into_iter().filter(awaits).collect()
}

/// Whether what is to be written for a project is refused, for longer than a default takes.
fn is_stuck(state: &ObservedState, project: &Name, settings: &BillingSettings, now: Timestamp) -> bool {
    let refused = state.refused_write(&Key::Project(project.clone()));
    refused.is_some_and(|refused| refused.outlasts(settings.defaults.delay, now))
}

/// Whether an accepted binding to the group is not in the ledger yet.
fn is_moving_to(project: &ProjectFacts<'_>, group: &Group, groups: &[GroupFacts<'_>], now: Timestamp) -> bool {
    let names_it = project.binding.is_some_and(|binding| *binding.group == group.name);
    let said = project.ledger.is_some_and(|ledger| ledger.last().group_uid == group.uid);
    names_it && !said && acceptance(project, groups, now) == Some(Acceptance::Accepted { group: group.uid })
}

/// Whether the default is to come of a project that nobody paid for yet. Who pays for months that are over is settled for
/// every project that has a ledger.
fn awaits_default(
    state: &ObservedState,
    project: &ProjectFacts<'_>,
    groups: &[GroupFacts<'_>],
    settings: &BillingSettings,
    now: Timestamp,
) -> bool {
    let Some(namespace) = state.namespace(project.name) else { return false };
    let since = namespace.created;
    decide_default(project, groups, settings.defaults, namespace.no_default, since, now).is_pending()
}
