//! What credit notes took back of lines: that is settled, and a correction does not take it back again.

use crate::time::period::Timestamp;

/// What was done about what finals bill of a record in a month, in minor units.
#[derive(Debug, Default)]
pub(super) struct CreditedSoFar {
    /// What credit notes took back, and when.
    credited: Vec<(Timestamp, i128)>,
    /// The last correction.
    corrected: Option<(Timestamp, i128)>,
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

    pub(super) fn correct(&mut self, at: Timestamp, total: i128) {
        if self.corrected.is_none_or(|(last, _)| last <= at) {
            self.corrected = Some((at, total));
        }
    }

    /// Whether credit notes took anything back.
    pub(super) fn is_credited(&self) -> bool {
        !self.credited.is_empty()
    }

    /// What has to be corrected of what is billed, earlier corrections included.
    ///
    /// A reduction comes out of what credit notes took back before, and only the rest of it is given back. What they
    /// take back afterwards is theirs: it is not billed again.
    ///
    /// So credit notes count like money that was given back in advance. With `used`, what earlier reductions came out
    /// of, the corrections of the past have brought the record to `billed - used`, and from there it goes to `due`:
    ///
    /// * Down by `r`: as much of it as the notes have left, `min(r, notes - used)`, was given back by them; the total is
    ///   the rest, below zero.
    /// * Up by `r`: the first `used` of it undo what came out of the notes, which keep what they took back; the total is
    ///   what is beyond that, if anything.
    ///
    /// A line of 100.00, of which a note took back 30.00, so that 70.00 are paid:
    ///
    /// | billed | used | due | total | paid then | why |
    /// | -----: | ---: | --: | ----: | --------: | --- |
    /// | 100 |  0 |  80 |   0 | 70 | the note gave back more than the 20 |
    /// | 100 |  0 |  50 | -20 | 50 | 30 of the 50 are the note's; from now on 80 are billed and 30 used |
    /// |  80 | 30 |  60 |   0 | 50 | the 10 are taken out of the 30 again |
    /// |  80 | 30 | 100 | +20 | 70 | 30 of the 50 are taken out again; as if nothing had been corrected |
    pub(super) fn correction(&self, billed: i128, due: i128) -> Correction {
        let used = self.used();
        let difference = due - (billed - used);
        if difference >= 0 {
            return Correction { total: (difference - used).max(0), credited: 0 };
        }
        let credited = (self.credited_until(None) - used).min(-difference);
        Correction { total: difference + credited, credited }
    }

    /// What earlier reductions came out of, which the last correction tells: below zero, something had to be given back,
    /// so the notes of that time were used up; above zero, all that had been used was undone first.
    fn used(&self) -> i128 {
        match self.corrected {
            Some((at, total)) if total < 0 => self.credited_until(Some(at)),
            Some(_) | None => 0,
        }
    }

    fn credited_until(&self, until: Option<Timestamp>) -> i128 {
        let counts = |at: Timestamp| until.is_none_or(|until| at <= until);
        self.credited.iter().filter(|(at, _)| counts(*at)).map(|(_, amount)| amount).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of [`CreditedSoFar::correction`]: a note took back 30, and later a correction may have given back 20.
    #[track_caller]
    fn check(corrected: bool, billed: i128, due: i128, total: i128) {
        let day = |day: i64| Timestamp::from_timestamp(day * 86_400, 0).unwrap();
        let mut credited = CreditedSoFar::default();
        credited.credit([(day(1), 30)]);
        if corrected {
            credited.correct(day(2), -20);
        }
        assert_eq!(credited.correction(billed, due).total, total, "{billed} are billed, {due} are due");
    }

    #[test]
    fn a_reduction_comes_out_of_what_a_note_took_back_and_a_rise_undoes_that_first() {
        check(false, 100, 80, 0);
        check(false, 100, 50, -20);
        check(true, 80, 60, 0);
        check(true, 80, 100, 20);
    }
}
