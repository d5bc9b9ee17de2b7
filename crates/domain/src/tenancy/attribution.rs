//! Whose cost it is: the payers of a project in a month.

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
    /// The group with this UID. It exists; or it is gone and has a final of the month, which its successor settles.
    Group(Uid),
    /// The groups of the ledger are gone, and no primary group takes their place.
    Gone,
}

impl Organization {
    /// The payers of a project in a month, in order of time: their periods cover the month without gap or
    /// overlap, and two next to each other have different payers. Empty when the project has no ledger.
    ///
    /// `pays` says of a group of the ledger who pays for the month in its name; `None`: the next one of the ledger is asked.
    pub(crate) fn payers_by(
        &self,
        project: &Project,
        month: Month,
        attribution: Attribution,
        pays: impl Fn(Uid) -> Option<Payer>,
    ) -> Vec<(Period, Payer)> {
        let Some(ledger) = project.ledger() else {
            return Vec::new();
        };
        let payer_at = |instant| self.payer_at(project, ledger, instant, month, &pays);
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
    fn payer_at(
        &self,
        project: &Project,
        ledger: &Ledger,
        instant: Timestamp,
        month: Month,
        pays: impl Fn(Uid) -> Option<Payer>,
    ) -> Payer {
        let primary = || self.primary_for(project.name(), month).map_or(Payer::Gone, |group| Payer::Group(group.uid));
        ledger.payers_from(instant).find_map(|segment| pays(segment.group_uid)).unwrap_or_else(primary)
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
