//! A closed month, and who answers for what was billed in it.

use crate::bill::records::BilledUsage;
use crate::tenancy::attribution::{Attribution, Payer};
use crate::tenancy::organization::Project;
use crate::time::month::Month;
use crate::uid::Uid;

/// A closed month of an organization.
#[derive(Clone, Copy)]
pub(super) struct ClosedMonth<'a> {
    pub(super) records: BilledUsage<'a>,
    pub(super) month: Month,
    pub(super) attribution: Attribution,
}

/// The group to which a difference on a final of `biller` goes: itself, and once it is gone the payer of the end of the
/// month.
pub(super) fn successor(closed: &ClosedMonth<'_>, project: &Project, biller: Uid) -> Option<Uid> {
    let organization = closed.records.organization;
    if organization.group(biller).is_some() {
        return Some(biller);
    }
    let shares = organization.payers(project, closed.month, closed.attribution);
    match shares.last() {
        Some((_, Payer::Group(group))) => Some(*group),
        Some((_, Payer::Gone)) | None => None,
    }
}
