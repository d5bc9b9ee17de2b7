//! Which records count, and when they ran.

use crate::invoice::billed::BilledIndex;
use crate::tenancy::organization::Organization;
use crate::time::period::Period;
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

    /// The time that a record ran in a period; `None` when it counts as nothing, or ran at another time.
    pub(super) fn run_within(&self, usage: &Usage, period: Period) -> Option<Period> {
        if !self.is_effective(usage) {
            return None;
        }
        Period::new(usage.start, usage.end.unwrap_or(period.end().max(usage.start)))?.intersect(&period)
    }
}
