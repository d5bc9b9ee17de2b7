//! The ledger of a project: who pays from when on. The single source of truth.

use thiserror::Error;

use crate::name::Name;
use crate::time::month::Month;
use crate::time::period::{Period, Timestamp};
use crate::uid::Uid;

/// One entry of a ledger: from this instant on, this group pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// From when on. The first segment also covers all time before.
    pub from: Timestamp,
    /// The group's name.
    pub group: Name,
    /// The group's UID, which is what decides.
    pub group_uid: Uid,
    /// The UID of the project's namespace at the time.
    pub project_uid: Uid,
    /// Whether it was written for a binding made by default. It yields to a chosen one that begins in the
    /// same month.
    pub default: bool,
}

/// Why a list of segments is no ledger, or one more cannot be appended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LedgerError {
    /// No segment at all.
    #[error("a ledger must have at least one segment")]
    Empty,
    /// A segment does not begin after the one before it.
    #[error("segment {index} begins at {}, not after the one before it", from.format("%FT%T%.fZ"))]
    NotLater {
        /// Its position, from 0.
        index: usize,
        /// When it begins.
        from: Timestamp,
    },
    /// More segments than an object can carry.
    #[error("a ledger can have at most {} segments", Ledger::MAX_SEGMENTS)]
    Full,
}

/// The append-only list of a project's payers. Every instant has exactly one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    segments: Vec<Segment>,
    /// The segments in force, with the instant from which each is: defaults that yielded are left out.
    in_force: Vec<(Timestamp, usize)>,
}

impl Ledger {
    /// The most segments that a ledger can have.
    pub const MAX_SEGMENTS: usize = 400;

    /// A ledger of these segments, in order of time.
    ///
    /// # Errors
    /// No segment, too many, or one that does not begin after the one before it.
    pub fn new(segments: Vec<Segment>) -> Result<Self, LedgerError> {
        if segments.is_empty() {
            return Err(LedgerError::Empty);
        }
        if segments.len() > Self::MAX_SEGMENTS {
            return Err(LedgerError::Full);
        }
        for (index, pair) in segments.windows(2).enumerate() {
            if pair[1].from <= pair[0].from {
                return Err(LedgerError::NotLater { index: index + 1, from: pair[1].from });
            }
        }
        let in_force = in_force(&segments);
        Ok(Ledger { segments, in_force })
    }

    /// The same ledger with one more segment.
    ///
    /// # Errors
    /// The segment does not begin after the last one, or the ledger is full.
    pub fn append(&self, segment: Segment) -> Result<Self, LedgerError> {
        let mut segments = self.segments.clone();
        segments.push(segment);
        Ledger::new(segments)
    }

    /// All segments as written, in order of time.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The last segment as written: who pays from now on.
    pub fn last(&self) -> &Segment {
        &self.segments[self.segments.len() - 1] // never empty
    }

    /// The segment in force at an instant. Where a default has yielded, that is the chosen one.
    pub fn payer_at(&self, instant: Timestamp) -> &Segment {
        &self.segments[self.in_force[self.position_at(instant)].1]
    }

    /// The segment in force at an instant, and those in force after it, in order of time.
    pub fn payers_from(&self, instant: Timestamp) -> impl Iterator<Item = &Segment> {
        self.in_force[self.position_at(instant)..].iter().map(|(_, index)| &self.segments[*index])
    }

    /// The period cut where the payer in force changes: its pieces, in order of time.
    pub fn pieces(&self, period: Period) -> Vec<Period> {
        let mut pieces = Vec::new();
        let mut from = period.start();
        for (start, _) in &self.in_force {
            if from < *start && *start < period.end() {
                pieces.extend(Period::new(from, *start));
                from = *start;
            }
        }
        pieces.extend(Period::new(from, period.end()));
        pieces
    }

    /// How many times the payer was changed in a month. The first segment of all is no change.
    pub fn moves_in(&self, month: Month) -> usize {
        self.segments.iter().skip(1).filter(|segment| Month::of(segment.from) == month).count()
    }

    fn position_at(&self, instant: Timestamp) -> usize {
        self.in_force.partition_point(|(from, _)| *from <= instant).saturating_sub(1)
    }
}

/// Lets defaults yield: a chosen segment also takes the time of the defaults right before it that begin in
/// the same month. The first in force begins with time itself.
///
/// Nobody is to pay for a month because the choice came some days late. A default of an earlier month stays, as that
/// month may be billed already. In "A, then from the 3rd of October a default D, from the 5th a default E":
///
/// | then | in force |
/// | ---- | -------- |
/// | B is chosen on 10 October | A until 3 October, then B: E yields, then D does |
/// | B is chosen on 2 November | A until 3 October, D until 5 October, E until 2 November, then B |
/// | B is a default too | as written: defaults yield to choices only |
///
/// A itself never yields to B: it was chosen.
fn in_force(segments: &[Segment]) -> Vec<(Timestamp, usize)> {
    let mut kept: Vec<(Timestamp, usize)> = Vec::with_capacity(segments.len());
    for (index, segment) in segments.iter().enumerate() {
        let mut from = segment.from;
        if !segment.default {
            while let Some((earlier, yielding)) = kept.last().copied()
                && segments[yielding].default
                && Month::of(segments[yielding].from) == Month::of(segment.from)
            {
                from = earlier;
                kept.pop();
            }
        }
        kept.push((from, index));
    }
    if let Some(first) = kept.first_mut() {
        first.0 = Timestamp::MIN_UTC;
    }
    kept
}
