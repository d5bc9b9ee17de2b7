//! What credit notes took back of lines: that is settled, and a correction does not take it back again.

use crate::time::period::Timestamp;

/// What was done about what finals bill of a record in a month, in minor units.
#[derive(Debug, Default)]
pub(super) struct Settled {
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

impl Settled {
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
    pub(super) fn correction(&self, billed: i128, due: i128) -> Correction {
        let used = self.used();
        let difference = due - (billed - used);
        if difference >= 0 {
            return Correction { total: (difference - used).max(0), credited: 0 };
        }
        let credited = (self.credited_until(None) - used).min(-difference);
        Correction { total: difference + credited, credited }
    }

    /// What earlier reductions came out of. One that was given back in part used all there was; one that was billed
    /// again used nothing any more.
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
