//! Which records count, and when they ran.

use crate::invoice::billed::BilledIndex;
use crate::tenancy::attribution::{Attribution, Payer};
use crate::tenancy::organization::{Organization, Project};
use crate::time::month::Month;
use crate::time::period::Period;
use crate::uid::Uid;
use crate::usage::Usage;

/// The records of an organization, and what finals bill of them.
#[derive(Debug, Clone, Copy)]
pub struct BilledUsage<'a> {
    /// The organization.
    pub organization: &'a Organization,
    /// What its finals bill.
    pub billed: &'a BilledIndex,
}

impl BilledUsage<'_> {
    /// Whether the record counts: nothing replaces it, and nothing that a final bills ever did.
    pub fn is_effective(&self, usage: &Usage) -> bool {
        self.organization.is_effective(usage) && !self.billed.is_replaced(&usage.name)
    }

    /// The payers of a project in a month, in order of time: their periods cover the month without gap or overlap, and two next to
    /// each other have different payers. Empty when the project has no ledger.
    ///
    /// A group that is gone pays for the months of which it has a final: what differs of one is its successor's, and the whole month
    /// with it. Of other months the next group of the ledger takes its place.
    pub fn payers(&self, project: &Project, month: Month, attribution: Attribution) -> Vec<(Period, Payer)> {
        self.organization.payers_by(project, month, attribution, |group| self.payer_in(group, month))
    }

    fn payer_in(&self, group: Uid, month: Month) -> Option<Payer> {
        if let Some(living) = self.organization.group(group) {
            return living.pays_in(month).then_some(Payer::Group(group));
        }
        let closed = self.billed.final_of_month(group, month)?;
        let successor = self.organization.successor_in(closed.currency, closed.issuer.as_ref());
        Some(successor.map_or(Payer::Gone, |_| Payer::Group(group)))
    }

    /// The time that a record ran in a period; `None` when it counts as nothing, or ran at another time.
    pub(super) fn run_within(&self, usage: &Usage, period: Period) -> Option<Period> {
        if !self.is_effective(usage) {
            return None;
        }
        Period::new(usage.start, usage.end.unwrap_or(period.end().max(usage.start)))?.intersect(&period)
    }
}
