//! What credit notes took back of lines: that is settled, and a correction does not take it back again.

use crate::invoice::statement::LastCorrection;
use crate::time::period::Timestamp;

/// What was done about what documents bill of something in a month, in minor units.
#[derive(Debug, Default)]
pub(super) struct CreditedSoFar {
    /// What credit notes took back, and when.
    credited: Vec<(Timestamp, i128)>,
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
    pub(super) fn credit(&mut self, credited: impl IntoIterator<Item = (Timestamp, i128)>) {
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

    /// What was due before: what is billed, less what of it earlier corrections left to credit notes.
    pub(super) fn due_before(&self, billed: i128) -> i128 {
        billed - self.last.map_or(0, |(_, last)| last.settled())
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
    /// A note that was issued while a closing read what it decides on is not in its correction, which then gave back too much:
    /// what it should have left to the note is billed again.
    pub(super) fn correction(&self, billed: i128, due: i128) -> Correction {
        let missed = self.missed();
        let difference = due - (billed + missed);
        if difference >= 0 {
            return Correction { total: difference + missed, credited: 0 };
        }
        let credited = self.credited_until(None).min(-difference);
        Correction { total: difference + credited + missed, credited }
    }

    /// What the last correction gave back although notes of its time had taken it back: it did not know them.
    fn missed(&self) -> i128 {
        let Some((at, last)) = self.last else { return 0 };
        let known = self.credited_until(Some(at)).min((last.billed - last.due).max(0));
        (known - last.settled()).max(0)
    }

    fn credited_until(&self, until: Option<Timestamp>) -> i128 {
        let counts = |at: Timestamp| until.is_none_or(|until| at <= until);
        self.credited.iter().filter(|(at, _)| counts(*at)).map(|(_, amount)| amount).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_timestamp(day * 86_400, 0).unwrap()
    }

    /// The example of [`CreditedSoFar::correction`]: a note took back 30; later a correction may have given back so much of a
    /// reduction to 50.
    #[track_caller]
    fn check(given_back: Option<i128>, billed: i128, due: i128, total: i128) {
        let mut credited = CreditedSoFar::default();
        credited.credit([(day(1), 30)]);
        if let Some(given_back) = given_back {
            credited.correct(day(2), LastCorrection { billed: 100, due: 50, total: -given_back });
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
        credited.credit([(day(3), 30)]);
        credited.correct(day(2), LastCorrection { billed: 100, due: 50, total: -50 });
        assert_eq!(credited.correction(50, 50), Correction { total: 0, credited: 0 });
        assert_eq!(credited.correction(50, 10), Correction { total: -10, credited: 30 });
    }
}
