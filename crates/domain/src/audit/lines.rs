//! What finals say of a record in a month, line by line.

use crate::bill::inputs::GroupMonth;
use crate::invoice::billed::BilledPart;
use crate::name::Name;
use crate::time::period::Timestamp;
use crate::usage::Usage;

/// What finals say of the record in the month.
pub(super) fn parts<'a>(closed: &GroupMonth<'a>, usage: &Usage) -> Vec<&'a BilledPart> {
    let within = |part: &&BilledPart| {
        let start = part.period().start();
        closed.month.start() <= start && start < closed.month.end()
    };
    closed.billed.parts(&usage.name).iter().filter(within).collect()
}

/// When its final was made; of two of one final, the earlier comes first.
pub(super) fn rank(closed: &GroupMonth<'_>, part: &BilledPart) -> Option<(Timestamp, Name, Timestamp)> {
    let on = closed.billed.final_of(part)?;
    Some((on.issued_at, on.number.clone(), part.period().start()))
}

/// Whether no line of an earlier final bills the instant, by time or by readings.
pub(super) fn is_first(closed: &GroupMonth<'_>, part: &BilledPart, parts: &[&BilledPart], instant: Timestamp) -> bool {
    let earlier = |other: &&&BilledPart| {
        let is_line = closed.billed.rating_of(other).is_some();
        is_line && other.period().contains(instant) && rank(closed, other) < rank(closed, part)
    };
    !parts.iter().any(|other| earlier(&other))
}
