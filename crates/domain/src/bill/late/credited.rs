//! What credit notes took back of lines: that is settled, and a correction does not take it back again.

use std::collections::BTreeSet;

use crate::invoice::billed::NoteShare;
use crate::invoice::statement::LastCorrection;
use crate::name::Name;
use crate::time::period::Timestamp;

/// What was done about what documents bill of something in a month, in minor units.
#[derive(Debug, Default)]
pub(super) struct CreditedSoFar {
    /// What credit notes took back.
    credited: Vec<NoteShare>,
    /// The last correction, and when it was issued.
    last: Option<(Timestamp, LastCorrection)>,
}

/// A correction, and how much more it would be without credit notes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Correction {
    pub(super) total: i128,
    pub(super) credited: i128,
}

impl CreditedSoFar {
    pub(super) fn credit(&mut self, credited: impl IntoIterator<Item = NoteShare>) {
        self.credited.extend(credited);
    }

    /// The last correction among those that were made.
    pub(super) fn correct(&mut self, at: Timestamp, correction: LastCorrection) {
        self.last = Some((at, correction));
    }

    /// Whether credit notes took anything back.
    pub(super) fn is_credited(&self) -> bool {
        !self.credited.is_empty()
    }

    /// The notes that took something back, by number.
    pub(super) fn notes(&self) -> Vec<Name> {
        let numbers: BTreeSet<&Name> = self.credited.iter().map(|share| &share.note).collect();
        numbers.into_iter().cloned().collect()
    }

    /// What was due before: what is billed, less what of it earlier corrections left to credit notes.
    pub(super) fn due_before(&self, billed: i128) -> i128 {
        billed - self.last.as_ref().map_or(0, |(_, last)| last.settled())
    }

    /// What has to be corrected of what is billed, earlier corrections included.
    ///
    /// Credit notes count like money that was given back in advance: a reduction comes out of what they took back, and only the
    /// rest of it is given back. What they take back beyond that is theirs: it is not billed again. So of `billed`, `due` and
    /// `notes`, all that notes took back:
    ///
    /// * up to `due`, if that is more: `due - billed`. Nothing of the notes is used any more;
    /// * down to it, if that is less: as much as the notes have, `min(billed - due, notes)`, was given back by them; the total is
    ///   the rest, below zero. What came out of the notes stays billed: `billed - due` is then that, and what is said in the
    ///   correction as `settled`.
    ///
    /// A line of 100.00, of which a note took back 30.00, so that 70.00 are paid:
    ///
    /// | billed | due | total | paid then | why |
    /// | -----: | --: | ----: | --------: | --- |
    /// | 100 |  80 |   0 | 70 | the note gave back more than the 20 |
    /// | 100 |  50 | -20 | 50 | 30 of the 50 are the note's; from now on 80 are billed, and 30 of them settled |
    /// |  80 |  60 |   0 | 50 | of the 30, 20 stay settled |
    /// |  80 | 100 | +20 | 70 | as if nothing had been corrected |
    ///
    /// A note that was issued while a closing read what it decides on is not in its correction, which names those that it counted: it
    /// gave back too much then, and what it should have left to the note is billed again.
    pub(super) fn correction(&self, billed: i128, due: i128) -> Correction {
        let missed = self.missed();
        let difference = due - (billed + missed);
        if difference >= 0 {
            return Correction { total: difference + missed, credited: 0 };
        }
        let credited = self.credited(|_| true).min(-difference);
        Correction { total: difference + credited + missed, credited }
    }

    /// What the last correction gave back although notes had taken it back: those that it counted, and those that were issued before
    /// it and that it did not know.
    pub(super) fn missed(&self) -> i128 {
        let Some((at, last)) = &self.last else { return 0 };
        let ours = self.credited(|share| share.issued_at <= *at || last.notes.contains(&share.note));
        (ours.min(last.reduction()) - last.settled()).max(0)
    }

    fn credited(&self, counts: impl Fn(&NoteShare) -> bool) -> i128 {
        self.credited.iter().filter(|share| counts(share)).map(|share| share.amount).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_timestamp(day * 86_400, 0).unwrap()
    }

    /// A note that took back 30.
    fn note(issued: i64) -> NoteShare {
        NoteShare { note: Name::from("g-cn1"), issued_at: day(issued), amount: 30 }
    }

    fn last(total: i128, notes: &[&str]) -> LastCorrection {
        LastCorrection { billed: 100, due: 50, total, notes: notes.iter().map(|note| Name::from(*note)).collect() }
    }

    /// The example of [`CreditedSoFar::correction`]: a note took back 30; later a correction may have given back so much of a
    /// reduction to 50.
    #[track_caller]
    fn check(given_back: Option<i128>, billed: i128, due: i128, total: i128) {
        let mut credited = CreditedSoFar::default();
        credited.credit([note(1)]);
        if let Some(given_back) = given_back {
            credited.correct(day(2), last(-given_back, &[]));
        }
        assert_eq!(credited.correction(billed, due).total, total, "{billed} are billed, {due} are due");
    }

    #[test]
    fn a_reduction_comes_out_of_what_a_note_took_back_and_a_rise_undoes_that_first() {
        check(None, 100, 80, 0);
        check(None, 100, 50, -20);
        check(Some(20), 80, 60, 0);
        check(Some(20), 80, 100, 20);
    }

    #[test]
    fn what_a_correction_gave_back_beside_a_note_that_it_did_not_know_is_billed_again() {
        check(Some(50), 50, 50, 30);
        check(Some(50), 50, 40, 20);
        check(Some(50), 50, 100, 50);
    }

    #[test]
    fn what_notes_take_back_after_a_correction_is_theirs() {
        let mut credited = CreditedSoFar::default();
        credited.credit([note(3)]);
        credited.correct(day(2), last(-50, &[]));
        assert_eq!(credited.correction(50, 50), Correction { total: 0, credited: 0 });
        assert_eq!(credited.correction(50, 10), Correction { total: -10, credited: 30 });
    }

    /// What a correction says that it counted is not asked of a clock.
    #[test]
    fn a_note_that_a_correction_counted_is_no_missed_one_whenever_it_was_issued() {
        for issued in [1, 3] {
            let mut credited = CreditedSoFar::default();
            credited.credit([note(issued)]);
            credited.correct(day(2), last(-20, &["g-cn1"]));
            assert_eq!(credited.missed(), 0, "on day {issued}");
            // It says that it counted the note, and left nothing to it.
            let mut forgotten = CreditedSoFar::default();
            forgotten.credit([note(issued)]);
            forgotten.correct(day(2), last(-50, &["g-cn1"]));
            assert_eq!(forgotten.missed(), 30, "on day {issued}");
        }
    }
}
