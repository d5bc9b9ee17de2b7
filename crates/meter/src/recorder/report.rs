//! What a Meter of metrics says of itself.

use billing_api::{Meter, MeterStatus, SkippedObjects, Time};
use billing_planning::conditions::{self, DesiredCondition, Readiness};

use crate::life::Timestamp;
use crate::readings::pending::Pending;
use crate::recipe::FaultReason;
use crate::world::skipped;

/// What is to be said.
pub(super) struct Report {
    /// How the Meter is; `None` where what it says stays so.
    readiness: Option<Readiness>,
    gap: Option<String>,
    done: Option<Done>,
}

/// A window is recorded.
struct Done {
    through: Timestamp,
    open: usize,
    skipped: Vec<SkippedObjects>,
}

impl Report {
    /// How it is, and nothing else is new.
    pub(super) fn of(readiness: Readiness) -> Self {
        Self { readiness: Some(readiness), gap: None, done: None }
    }

    /// What the Meter says stays so.
    pub(super) fn same() -> Self {
        Self { readiness: None, gap: None, done: None }
    }

    /// A window has too few samples, which are waited for.
    pub(super) fn gap(message: String) -> Self {
        Self { readiness: Some(Readiness::waiting("Gap", message.clone())), gap: Some(message), done: None }
    }

    /// A window is recorded until `through`; so many records are open.
    pub(super) fn done(pending: &Pending, through: Timestamp, open: usize) -> Self {
        let faults = pending
            .faults
            .iter()
            .map(|(reason, label, message): &(FaultReason, String, String)| (*reason, label.as_str(), message.clone()));
        let readiness = Readiness::ready("Measuring", "every window that is over is recorded");
        Self { readiness: Some(readiness), gap: None, done: Some(Done { through, open, skipped: skipped(faults) }) }
    }

    /// The status that a Meter is to have, when it is another than it has.
    pub(super) fn status(self, meter: &Meter, now: Timestamp) -> Option<MeterStatus> {
        let Self { readiness, gap, done } = self;
        let readiness = readiness?;
        let known = meter.status.clone().unwrap_or_default();
        let generation = meter.metadata.generation;
        let gap = gap.map(|message| DesiredCondition::yes("Gap", "TooFewSamples", message));
        let desired: Vec<_> = readiness.conditions().chain(gap).collect();
        let mut status = MeterStatus {
            observed_generation: generation,
            conditions: conditions::merge(&known.conditions, &desired, generation, now),
            ..known.clone()
        };
        if let Some(Done { through, open, skipped }) = done {
            status.observed_through = Some(Time(through));
            status.open = i64::try_from(open).ok();
            status.skipped_objects = Some(skipped.iter().map(|group| group.count).sum());
            status.skipped = skipped;
        }
        (status != known).then_some(status)
    }
}
