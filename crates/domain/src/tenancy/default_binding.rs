//! Default bindings: nothing runs for free because nobody chose a payer.

use chrono::TimeDelta;

use crate::name::Name;
use crate::tenancy::group::Group;
use crate::tenancy::ledger::{Ledger, Segment};
use crate::tenancy::membership::{Acceptance, GroupFacts, MAX_MEMBERS, ProjectFacts, acceptance, segment};
use crate::time::period::Timestamp;

/// What the operator does for projects that nobody bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DefaultPolicy {
    /// Binds them to the primary group, or to a group made for them.
    #[default]
    PrimaryOrDedicated,
    /// Binds them to the primary group.
    PrimaryOnly,
    /// Nothing.
    Off,
}

/// How defaults are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultSettings {
    /// To which group.
    pub policy: DefaultPolicy,
    /// How long a project may be without an acceptable binding before.
    pub delay: TimeDelta,
}

/// What a project's default asks for now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultDecision {
    /// Nothing: the project has what it needs, or is to have no default.
    Nothing,
    /// Nothing yet.
    Wait {
        /// When to look again.
        until: Timestamp,
    },
    /// No group takes it; one that is primary and admits it would.
    NoGroup,
    /// A dedicated group is to be made, and then looked again.
    MakeGroup {
        /// Its name.
        name: Name,
    },
    /// A binding is to be made, marked as default.
    Bind {
        /// The group to name.
        group: Name,
    },
    /// The ledger is to get this segment; the binding, which is not acceptable, is left alone.
    Append(Segment),
}

impl DefaultDecision {
    /// Whether the project is on its way to a payer: months that are over wait for it.
    pub fn is_pending(&self) -> bool {
        match self {
            DefaultDecision::Nothing | DefaultDecision::NoGroup => false,
            DefaultDecision::Wait { .. }
            | DefaultDecision::MakeGroup { .. }
            | DefaultDecision::Bind { .. }
            | DefaultDecision::Append(_) => true,
        }
    }
}

/// Decides about a project's default. `since` is when the project was first seen as it is: without a
/// binding, or with one that is not acceptable. `opted_out` is its namespace's wish to have no default.
pub fn decide_default(
    project: &ProjectFacts<'_>,
    groups: &[GroupFacts<'_>],
    settings: DefaultSettings,
    opted_out: bool,
    since: Timestamp,
    now: Timestamp,
) -> DefaultDecision {
    let wanted = !opted_out && settings.policy != DefaultPolicy::Off;
    if !wanted || project.terminating || project.organization.is_none() || !needs_payer(project, groups, now) {
        return DefaultDecision::Nothing;
    }
    let due = since.checked_add_signed(settings.delay).unwrap_or(Timestamp::MAX_UTC);
    if now < due {
        return DefaultDecision::Wait { until: due };
    }
    match (default_group(project, groups, settings.policy), project.binding) {
        (Target::Group(group), None) => DefaultDecision::Bind { group: group.name.clone() },
        // Nothing can be appended; the ledger's own fall-back has to do.
        (Target::Group(_), Some(_)) if is_full(project.ledger) => DefaultDecision::NoGroup,
        (Target::Group(group), Some(_)) => DefaultDecision::Append(segment(project, group, true, now)),
        (Target::Dedicated(name), _) => DefaultDecision::MakeGroup { name },
        (Target::Nobody, _) => DefaultDecision::NoGroup,
    }
}

/// What is known of a group that the operator made for a project, beside the group itself.
#[derive(Debug, Clone, Copy)]
pub struct DedicatedFacts<'a> {
    /// The group.
    pub facts: GroupFacts<'a>,
    /// Whether anybody changed it since.
    pub edited: bool,
    /// Whether any invoice of it is final.
    pub has_finals: bool,
    /// Whether a binding names it.
    pub named_by_binding: bool,
    /// Whether it is in the last segment of a ledger.
    pub last_in_ledger: bool,
}

/// Whether a group that the operator made is of no use any more and may be removed by it.
pub fn is_obsolete(dedicated: &DedicatedFacts<'_>) -> bool {
    let DedicatedFacts { facts, edited, has_finals, named_by_binding, last_in_ledger } = dedicated;
    let GroupFacts { group, members, dedicated_to, unbillable: _ } = facts;
    let untouched = dedicated_to.is_some() && !edited && group.deleted.is_none();
    untouched && members.is_empty() && !has_finals && !named_by_binding && !last_in_ledger
}

/// Whether the project has no binding at all, or one that is not acceptable and no living payer either.
fn needs_payer(project: &ProjectFacts<'_>, groups: &[GroupFacts<'_>], now: Timestamp) -> bool {
    match acceptance(project, groups, now) {
        None => true,
        Some(Acceptance::Accepted { .. }) => false,
        Some(Acceptance::Refused(_)) => last_group(project, groups).is_none(),
    }
}

/// The living group of the ledger's last segment.
fn last_group<'a>(project: &ProjectFacts<'_>, groups: &[GroupFacts<'a>]) -> Option<&'a Group> {
    let last = project.ledger?.last();
    let facts = groups.iter().find(|facts| facts.group.uid == last.group_uid)?;
    facts.group.deleted.is_none().then_some(facts.group)
}

fn is_full(ledger: Option<&Ledger>) -> bool {
    ledger.is_some_and(|ledger| ledger.segments().len() >= Ledger::MAX_SEGMENTS)
}

/// Where a default goes.
enum Target<'a> {
    Group(&'a Group),
    Dedicated(Name),
    Nobody,
}

fn default_group<'a>(project: &ProjectFacts<'_>, groups: &[GroupFacts<'a>], policy: DefaultPolicy) -> Target<'a> {
    let takes = |facts: &&GroupFacts<'_>| {
        let room = facts.members.len() < MAX_MEMBERS || facts.members.contains(project.name);
        facts.group.deleted.is_none() && facts.group.admits(project.name) && room
    };
    let last = last_group(project, groups).and_then(|last| groups.iter().find(|facts| facts.group.uid == last.uid));
    let oldest = |a: &&GroupFacts<'_>, b: &&GroupFacts<'_>| a.group.age_order(b.group);
    let primary = || groups.iter().filter(takes).filter(|facts| facts.group.primary).min_by(oldest);
    if let Some(facts) = last.filter(takes).or_else(primary) {
        return Target::Group(facts.group);
    }
    match policy {
        DefaultPolicy::PrimaryOrDedicated => dedicated_group(project, groups, takes),
        DefaultPolicy::PrimaryOnly | DefaultPolicy::Off => Target::Nobody,
    }
}

/// The group made for the project, or the name of the one to make: the project's, or with the first digits
/// of its namespace's UID where that is taken.
fn dedicated_group<'a>(
    project: &ProjectFacts<'_>,
    groups: &[GroupFacts<'a>],
    takes: impl Fn(&&GroupFacts<'a>) -> bool,
) -> Target<'a> {
    let made = groups.iter().filter(|facts| facts.dedicated_to == Some(project.name)).find(takes);
    if let Some(facts) = made {
        return Target::Group(facts.group);
    }
    let taken = |name: &Name| groups.iter().any(|facts| facts.group.name == *name);
    let names = std::iter::once(project.name.clone()).chain(names_with_digits(project));
    names.into_iter().find(|name| !taken(name)).map_or(Target::Nobody, Target::Dedicated)
}

fn names_with_digits(project: &ProjectFacts<'_>) -> impl Iterator<Item = Name> {
    let digits = project.namespace.hex();
    let name = project.name.clone();
    (5..=digits.len()).map(move |count| {
        let room = name.floor_char_boundary(MAX_NAME_LENGTH - count - 1);
        let stem = name[..room].trim_end_matches('-');
        Name::from(format!("{stem}-{}", &digits[..count]))
    })
}

/// The most characters that the name of a group can have.
const MAX_NAME_LENGTH: usize = 63;
