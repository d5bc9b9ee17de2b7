//! Binding, moving and leaving: which binding is acceptable, who is a member, what the ledger says next.

use std::collections::BTreeSet;
use std::fmt;

use chrono::TimeDelta;

use crate::name::Name;
use crate::tenancy::group::Group;
use crate::tenancy::ledger::{Ledger, Segment};
use crate::time::month::Month;
use crate::time::period::Timestamp;
use crate::uid::Uid;

/// The most members that a group can have.
pub const MAX_MEMBERS: usize = 2000;

/// The most often that a project's payer can change in a month.
pub const MAX_MOVES: usize = 24;

/// A group as binding sees it.
#[derive(Debug, Clone, Copy)]
pub struct GroupFacts<'a> {
    /// The group.
    pub group: &'a Group,
    /// The members in its status: the lock that keeps it from being deleted.
    pub members: &'a BTreeSet<Name>,
    /// The project that the operator made it for, when it did.
    pub dedicated_to: Option<&'a Name>,
    /// Why it cannot be billed at all, as its status says: the name of what holds it.
    pub unbillable: Option<&'static str>,
}

/// A project's namespace as binding sees it.
#[derive(Debug, Clone, Copy)]
pub struct ProjectFacts<'a> {
    /// The project.
    pub name: &'a Name,
    /// The UID of its namespace.
    pub namespace: Uid,
    /// Whether the namespace is being deleted.
    pub terminating: bool,
    /// The organization that its namespace is labelled with, while that organization exists and is not
    /// being deleted itself.
    pub organization: Option<&'a Name>,
    /// Its binding, if there is one.
    pub binding: Option<BindingFacts<'a>>,
    /// Its ledger in that organization.
    pub ledger: Option<&'a Ledger>,
}

/// A binding.
#[derive(Debug, Clone, Copy)]
pub struct BindingFacts<'a> {
    /// The group that it names.
    pub group: &'a Name,
    /// When it was created.
    pub created: Timestamp,
    /// The organization in which it was accepted, once it was.
    pub accepted_in: Option<&'a Name>,
    /// Whether it was made by default and still names the default's group.
    pub default: bool,
}

/// Whether a binding is acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acceptance {
    /// It is: the project is, or is about to be, paid by this group.
    Accepted {
        /// The group's UID.
        group: Uid,
    },
    /// It is not. The payer in force stays.
    Refused(Refusal),
}

/// Why a binding is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The project belongs to no organization that exists.
    OrganizationMissing,
    /// It was accepted while the project belonged to another organization.
    OtherOrganization {
        /// That organization.
        former: Name,
    },
    /// The organization has no such group.
    BillingGroupNotFound {
        /// The group it names.
        group: Name,
    },
    /// The group is being deleted.
    BillingGroupDeleting {
        /// The group.
        group: Name,
    },
    /// The group does not admit the project.
    ProjectNotAllowed {
        /// The group.
        group: Name,
    },
    /// The group cannot be billed.
    BillingGroupNotReady {
        /// The group.
        group: Name,
        /// What keeps it from being billed, by its name.
        why: &'static str,
    },
    /// The group has as many members as it can.
    BillingGroupFull {
        /// The group.
        group: Name,
        /// Who pays for the project instead, as its ledger says.
        payer: Option<Name>,
    },
    /// The project's payer changed too often this month, or its ledger is full.
    TooManyMoves {
        /// From when on it may change again; `None` when the ledger is full.
        until: Option<Timestamp>,
    },
}

impl Refusal {
    /// Its name, as the reason of the condition `Accepted`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Refusal::OrganizationMissing => "OrganizationMissing",
            Refusal::OtherOrganization { .. } => "OtherOrganization",
            Refusal::BillingGroupNotFound { .. } => "BillingGroupNotFound",
            Refusal::BillingGroupDeleting { .. } => "BillingGroupDeleting",
            Refusal::ProjectNotAllowed { .. } => "ProjectNotAllowed",
            Refusal::BillingGroupNotReady { .. } => "BillingGroupNotReady",
            Refusal::BillingGroupFull { .. } => "BillingGroupFull",
            Refusal::TooManyMoves { .. } => "TooManyMoves",
        }
    }
}

impl Acceptance {
    /// Its name, as the reason of the condition `Accepted`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Acceptance::Accepted { .. } => "Accepted",
            Acceptance::Refused(refusal) => refusal.as_str(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::OrganizationMissing => f.write_str(
                "the namespace belongs to no organization; ask a platform admin to label it with an existing one",
            ),
            Refusal::OtherOrganization { former } => write!(
                f,
                "the binding was accepted in organization {former}; delete it and create it again in the new organization"
            ),
            Refusal::BillingGroupNotFound { group } => {
                write!(f, "the organization has no billing group {group}; create it, or name another")
            }
            Refusal::BillingGroupDeleting { group } => {
                write!(f, "billing group {group} is being deleted; name another")
            }
            Refusal::ProjectNotAllowed { group } => {
                write!(
                    f,
                    "billing group {group} does not admit this project; add it to its allowedProjects, or name another group"
                )
            }
            Refusal::BillingGroupNotReady { group, why } => {
                write!(
                    f,
                    "billing group {group} cannot be billed, and takes no further project ({why}: see its condition Ready); correct it, or name another group"
                )
            }
            Refusal::BillingGroupFull { group, payer } => {
                write!(f, "billing group {group} has {MAX_MEMBERS} projects, and cannot have more; name another; ")?;
                match payer {
                    Some(payer) => write!(f, "until then {payer} pays for the project"),
                    None => f.write_str("until then no group pays for the project"),
                }
            }
            Refusal::TooManyMoves { until: Some(until) } => {
                write!(
                    f,
                    "the project changed its billing group {MAX_MOVES} times this month; it can change it again from {} on",
                    until.format("%FT%TZ")
                )
            }
            Refusal::TooManyMoves { until: None } => {
                write!(
                    f,
                    "the project's ledger has {} entries, which is the limit; the project cannot change its billing group again",
                    Ledger::MAX_SEGMENTS
                )
            }
        }
    }
}

/// Whether the project's binding is acceptable; `None` when it has none.
///
/// One that is in force stays accepted: what a group admits, and how many, is looked at when a project is
/// bound.
pub fn acceptance(project: &ProjectFacts<'_>, groups: &[GroupFacts<'_>], now: Timestamp) -> Option<Acceptance> {
    let binding = project.binding.as_ref()?;
    Some(match check_binding(project, binding, groups, now) {
        Ok(group) => Acceptance::Accepted { group },
        Err(refusal) => Acceptance::Refused(refusal),
    })
}

fn check_binding(
    project: &ProjectFacts<'_>,
    binding: &BindingFacts<'_>,
    groups: &[GroupFacts<'_>],
    now: Timestamp,
) -> Result<Uid, Refusal> {
    let organization = project.organization.ok_or(Refusal::OrganizationMissing)?;
    if let Some(former) = binding.accepted_in.filter(|former| *former != organization) {
        return Err(Refusal::OtherOrganization { former: former.clone() });
    }
    let name = binding.group.clone();
    let Some(facts) = groups.iter().find(|facts| facts.group.name == name) else {
        return Err(Refusal::BillingGroupNotFound { group: name });
    };
    if facts.group.deleted.is_some() {
        return Err(Refusal::BillingGroupDeleting { group: name });
    }
    if pays(project, facts.group) {
        return Ok(facts.group.uid);
    }
    if !facts.group.admits(project.name) {
        return Err(Refusal::ProjectNotAllowed { group: name });
    }
    if let Some(why) = facts.unbillable {
        return Err(Refusal::BillingGroupNotReady { group: name, why });
    }
    if facts.members.len() >= MAX_MEMBERS && !facts.members.contains(project.name) {
        let payer = project.ledger.map(|ledger| ledger.last().group.clone());
        return Err(Refusal::BillingGroupFull { group: name, payer });
    }
    check_moves(project.ledger, now)?;
    Ok(facts.group.uid)
}

/// Whether the ledger's last segment is the group's.
fn pays(project: &ProjectFacts<'_>, group: &Group) -> bool {
    project.ledger.is_some_and(|ledger| ledger.last().group_uid == group.uid)
}

fn check_moves(ledger: Option<&Ledger>, now: Timestamp) -> Result<(), Refusal> {
    let Some(ledger) = ledger else { return Ok(()) };
    if ledger.segments().len() >= Ledger::MAX_SEGMENTS {
        return Err(Refusal::TooManyMoves { until: None });
    }
    let month = Month::of(now);
    if ledger.moves_in(month) >= MAX_MOVES {
        return Err(Refusal::TooManyMoves { until: Some(month.end()) });
    }
    Ok(())
}

/// The members that a group should have: of the projects with a binding, those whose ledger's last segment
/// names it, and those whose acceptable binding does, as many as fit, the oldest bindings first. A group
/// being deleted gains none.
///
/// Being a member keeps the group from being deleted, so whoever pays for a project has to have it as a member, and
/// before it begins to. A project that moves from A to B is therefore a member of both for a while:
///
/// | what was written last | binding | ledger | members of A | members of B |
/// | --------------------- | ------- | ------ | ------------ | ------------ |
/// | nothing yet | A | A | yes, it pays | |
/// | the tenant's binding | B | A | yes, it pays | becomes one, it is coming |
/// | B's members | B | A | yes, it pays | yes, it is coming |
/// | the ledger | B | B | is dropped | yes, it pays |
///
/// Who pays stays, room or not. Of those who are coming, the ones that are members already come first: a project whose
/// ledger is about to be written does not lose its place to one that is new.
///
/// `projects` are those of the group's organization now.
pub fn desired_members<'a>(
    group: &GroupFacts<'_>,
    projects: impl IntoIterator<Item = ProjectFacts<'a>>,
    groups: &[GroupFacts<'_>],
    now: Timestamp,
) -> BTreeSet<Name> {
    let mut members = BTreeSet::new();
    let mut coming = Vec::new();
    for project in projects {
        let Some(binding) = project.binding else { continue };
        if project.organization.is_some() && pays(&project, group.group) {
            members.insert(project.name.clone());
        } else if *binding.group == group.group.name
            && acceptance(&project, groups, now) == Some(Acceptance::Accepted { group: group.group.uid })
        {
            let is_new = !group.members.contains(project.name);
            coming.push((is_new, binding.created, project.name));
        }
    }
    coming.sort_unstable();
    let room = MAX_MEMBERS.saturating_sub(members.len());
    members.extend(coming.into_iter().take(room).map(|(_, _, name)| name.clone()));
    members
}

/// The segment to append to the project's ledger, if its binding asks for one: the binding is acceptable,
/// the group has the project among its members (which keeps it from being deleted), and the ledger does not
/// say so yet. A chosen binding to a group that so far pays by default is worth a segment too: it no
/// longer yields.
pub fn next_segment(project: &ProjectFacts<'_>, groups: &[GroupFacts<'_>], now: Timestamp) -> Option<Segment> {
    let binding = project.binding.as_ref()?;
    let Some(Acceptance::Accepted { group }) = acceptance(project, groups, now) else { return None };
    let facts = groups.iter().find(|facts| facts.group.uid == group)?;
    let said = project.ledger.is_some_and(|ledger| {
        let last = ledger.last();
        last.group_uid == group && (!last.default || binding.default)
    });
    let locked = facts.members.contains(project.name);
    let room = check_moves(project.ledger, now).is_ok();
    (locked && !said && room).then(|| segment(project, facts.group, binding.default, now))
}

/// A segment from now on; in any case after the ledger's last one.
pub(crate) fn segment(project: &ProjectFacts<'_>, group: &Group, default: bool, now: Timestamp) -> Segment {
    let earliest = project.ledger.and_then(|ledger| ledger.last().from.checked_add_signed(TimeDelta::microseconds(1)));
    Segment {
        from: earliest.map_or(now, |earliest| now.max(earliest)),
        group: group.name.clone(),
        group_uid: group.uid,
        project_uid: project.namespace,
        default,
    }
}
