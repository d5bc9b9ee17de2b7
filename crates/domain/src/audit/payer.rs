//! Who pays at an instant: the rules of the ledger, read out one by one.

use crate::bill::inputs::GroupMonth;
use crate::invoice::billed::FinalFacts;
use crate::tenancy::attribution::Attribution;
use crate::tenancy::group::Group;
use crate::tenancy::ledger::Segment;
use crate::tenancy::organization::Project;
use crate::time::month::Month;
use crate::time::period::Timestamp;
use crate::uid::Uid;

/// The group that pays for the project at an instant of the month; `None` when there is none. One that is gone pays for a month of
/// which it has a final, if somebody is there to settle that.
pub(super) fn payer_at(month: &GroupMonth<'_>, project: &Project, instant: Timestamp) -> Option<Uid> {
    let segments = project.ledger()?.segments();
    let decides = match month.attribution {
        Attribution::MonthEnd => month.month.end(),
        Attribution::Prorated => instant,
    };
    let begun = segments.iter().filter(|segment| segment.from <= decides).count();
    let current = begun.saturating_sub(1); // the first also covers all time before it
    let chain = (current..segments.len()).map(|index| resolved(segments, index).group_uid);
    for uid in chain {
        match (month.organization.group(uid), month.billed.final_of_month(uid, month.month)) {
            (Some(group), _) if lives(group, month.month) => return Some(uid),
            (None, Some(closed)) => return successor(month, closed).map(|_| uid),
            (Some(_), _) | (None, None) => {}
        }
    }
    primary(month, project)
}

/// Who settles what groups closed that are gone: of those that are primary, in the currency, of the same issuer and not going, the first
/// that was made.
fn successor(month: &GroupMonth<'_>, closed: &FinalFacts) -> Option<Uid> {
    let mut found: Vec<&Group> = month.organization.groups().collect();
    found.retain(|group| group.primary && group.deleted.is_none());
    found.retain(|group| group.currency.is_some_and(|known| known == closed.currency));
    if let Some(issuer) = &closed.issuer {
        found.retain(|group| group.issuer == *issuer);
    }
    found.sort_by_key(|group| (group.created, group.name.clone()));
    found.first().map(|group| group.uid)
}

/// The segment itself; or, for a default, the next chosen one where that begins in the same month.
fn resolved(segments: &[Segment], index: usize) -> &Segment {
    let segment = &segments[index];
    let chosen = segments[index..].iter().find(|later| !later.default);
    match chosen {
        Some(chosen) if Month::of(chosen.from) == Month::of(segment.from) => chosen,
        _ => segment,
    }
}

fn lives(group: &Group, month: Month) -> bool {
    match group.deleted {
        None => true,
        Some(deleted) => month.start() <= deleted,
    }
}

fn primary(month: &GroupMonth<'_>, project: &Project) -> Option<Uid> {
    let mut primaries: Vec<&Group> = month.organization.groups().filter(|group| group.primary).collect();
    primaries.retain(|group| lives(group, month.month));
    primaries.retain(|group| match &group.allowed {
        None => true,
        Some(allowed) => allowed.iter().any(|name| name == project.name()),
    });
    primaries.sort_by_key(|group| (group.created, group.name.clone()));
    primaries.first().map(|group| group.uid)
}
