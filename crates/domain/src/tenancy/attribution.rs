//! Whose cost it is: the payers of a project in a month.

use crate::tenancy::group::Group;
use crate::tenancy::ledger::Ledger;
use crate::tenancy::organization::{Organization, Project};
use crate::time::month::Month;
use crate::time::period::{Period, Timestamp};
use crate::uid::Uid;

/// How a month's cost is shared out among the groups that held a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Attribution {
    /// The whole month goes to the group that holds the project at the first instant of the next month.
    #[default]
    MonthEnd,
    /// Each group pays for the time in which it held the project.
    Prorated,
}

impl Attribution {
    /// Its name in settings and on documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Attribution::MonthEnd => "MonthEnd",
            Attribution::Prorated => "Prorated",
        }
    }
}

/// Who pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    /// The group with this UID, which exists.
    Group(Uid),
    /// The groups of the ledger are gone, and no primary group takes their place.
    Gone,
}

impl Organization {
    /// The payers of a project in a month, in order of time: their periods cover the month without gap or
    /// overlap, and two next to each other have different payers. Empty when the project has no ledger.
    pub fn payers(&self, project: &Project, month: Month, attribution: Attribution) -> Vec<(Period, Payer)> {
        let Some(ledger) = project.ledger() else {
            return Vec::new();
        };
        let payer_at = |instant| self.living_payer(project, ledger, instant, month);
        match attribution {
            Attribution::MonthEnd => vec![(month.period(), payer_at(month.end()))],
            Attribution::Prorated => {
                let pieces = ledger.pieces(month.period());
                joined(pieces.into_iter().map(|piece| (piece, payer_at(piece.start()))))
            }
        }
    }

    /// The group of the ledger at an instant; when it cannot pay for the month, that of the next segment
    /// whose group can, else the primary group.
    fn living_payer(&self, project: &Project, ledger: &Ledger, instant: Timestamp, month: Month) -> Payer {
        let living = |uid: Uid| self.group(uid).filter(|group: &&Group| group.pays_in(month));
        ledger
            .payers_from(instant)
            .find_map(|segment| living(segment.group_uid))
            .or_else(|| self.primary_for(project.name(), month))
            .map_or(Payer::Gone, |group| Payer::Group(group.uid))
    }
}

/// Puts neighbours with the same payer together.
fn joined(pieces: impl Iterator<Item = (Period, Payer)>) -> Vec<(Period, Payer)> {
    let mut shares: Vec<(Period, Payer)> = Vec::new();
    for (piece, payer) in pieces {
        match shares.last_mut() {
            Some((period, before)) if *before == payer => {
                *period = Period::new(period.start(), piece.end()).unwrap_or(*period);
            }
            _ => shares.push((piece, payer)),
        }
    }
    shares
}
