//! The second derivation of what credit notes leave to adjust.

use crate::invoice::billed::NoteShare;
use crate::invoice::statement::LastCorrection;
use crate::name::Name;
use crate::time::period::Timestamp;

/// What documents say of something in a closed month, and what credit notes took back of it; in minor units.
#[derive(Default)]
pub(super) struct Noted {
    pub(super) billed: i128,
    pub(super) credited: Vec<NoteShare>,
    /// The last correction, and when it was issued.
    pub(super) corrected: Option<(Timestamp, LastCorrection)>,
}

impl Noted {
    /// The notes that took something back, each once.
    pub(super) fn notes(&self) -> Vec<Name> {
        let mut numbers: Vec<Name> = self.credited.iter().map(|share| share.note.clone()).collect();
        numbers.sort();
        numbers.dedup();
        numbers
    }

    /// What was due before: what is billed is that, and what earlier corrections left to notes.
    pub(super) fn due_before(&self) -> i128 {
        self.corrected.as_ref().map_or(self.billed, |(_, last)| self.billed - (last.billed + last.total - last.due))
    }

    /// What remains to be billed or given back, where so much is due. First what the last correction should have left to notes that it
    /// did not know, then up to what is due, or down to it as far as notes did not go already.
    pub(super) fn difference(&self, due: i128) -> i128 {
        let should_be = self.billed + self.overlooked();
        let noted: i128 = self.credited.iter().map(|share| share.amount).sum();
        let target = if due >= should_be { due } else { should_be.min(due + noted) };
        target - self.billed
    }

    /// How much the last correction gave back that notes had gone to before it.
    pub(super) fn overlooked(&self) -> i128 {
        let Some((at, last)) = &self.corrected else { return 0 };
        let mut noted = 0;
        for share in &self.credited {
            if last.notes.contains(&share.note) || share.issued_at <= *at {
                noted += share.amount;
            }
        }
        let ideal = last.due + (last.billed - last.due).max(0).min(noted);
        (ideal - (last.billed + last.total)).max(0)
    }
}
