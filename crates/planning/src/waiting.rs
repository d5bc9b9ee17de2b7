//! Projects on their way to a group: months that are over wait for them.

use std::collections::BTreeSet;

use crate::rules::Rules;
use billing_domain::tenancy::default_binding::decide_default;
use billing_domain::tenancy::membership::{Acceptance, GroupFacts, ProjectFacts, acceptance};
use billing_domain::{Group, Name, Timestamp};
use billing_state::Books;

/// The projects whose payer is about to be written, and could be this group.
pub fn waiting_projects(
    books: &Books,
    organization: &Name,
    group: &Group,
    groups: &[GroupFacts<'_>],
    rules: &Rules,
    now: Timestamp,
) -> Vec<Name> {
    let Some(known) = books.organization(organization) else { return Vec::new() };
    let near = books.projects_of_group(organization, known, group);
    let moving = near.filter(|project| is_moving_to(project, group, groups, now));
    let unpaid = books.unpaid_projects_in(organization, known);
    let coming = unpaid.filter(|project| awaits_default(books, project, groups, rules, now));
    let names: BTreeSet<_> = moving.chain(coming).map(|project| project.name.clone()).collect();
    names.into_iter().collect()
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
    books: &Books,
    project: &ProjectFacts<'_>,
    groups: &[GroupFacts<'_>],
    rules: &Rules,
    now: Timestamp,
) -> bool {
    let Some(namespace) = books.namespace(project.name) else { return false };
    let since = namespace.created;
    decide_default(project, groups, rules.defaults, namespace.no_default, since, now).is_pending()
}
