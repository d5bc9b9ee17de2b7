//! A closed month, as records are looked at.

use crate::bill::records::BilledUsage;
use crate::time::month::Month;

/// A closed month of an organization.
#[derive(Clone, Copy)]
pub(super) struct ClosedMonth<'a> {
    pub(super) records: BilledUsage<'a>,
    pub(super) month: Month,
}
