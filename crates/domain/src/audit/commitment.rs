//! The second derivation of what counts towards a commitment, and of charges by project.

use std::collections::BTreeMap;

use super::derive::derive;
use super::derived::Derived;
use super::difference::AuditDifference;
use super::items::derive_items;
use super::payer::payer_at;
use super::terms::derive_terms;
use crate::bill::inputs::GroupMonth;
use crate::bill::result::Bill;
use crate::catalog::terms::charge::ChargeAmount;
use crate::catalog::terms::commitment::CommitmentSettlement;
use crate::invoice::billed::stated::StatedMonth;
use crate::invoice::line_type::LineType;
use crate::invoice::month_terms::MonthTerms;
use crate::name::Name;
use crate::time::month::Month;

/// How many of the projects that the bill lists the group pays for in the last instant of the month, where that decides about a charge.
pub(super) fn derive_projects(month: &GroupMonth<'_>, terms: &MonthTerms, derived: &Derived) -> Option<u32> {
    terms.charges.iter().find(|charge| matches!(charge.amount, ChargeAmount::PerProject(_)))?;
    let mut listed: Vec<&Name> =
        derived.projects.iter().chain(derived.charges.keys().map(|key| &key.project)).collect();
    listed.sort();
    listed.dedup();
    let last = month.month.end() - chrono::TimeDelta::microseconds(1);
    let ours = |name: &&&Name| {
        let project = month.organization.project(name);
        project.is_some_and(|project| payer_at(month, project, last) == Some(month.group.uid))
    };
    u32::try_from(listed.iter().filter(ours).count()).ok()
}

/// What counts of the months of the commitment's term before this one; nothing, where each month is by itself. `None` when that cannot
/// be told. `settled` has the months that the same document settles.
pub(super) fn derive_spent_before(
    month: &GroupMonth<'_>,
    of: Month,
    terms: &MonthTerms,
    settled: &BTreeMap<Month, i128>,
) -> Option<i128> {
    let Some(CommitmentSettlement::Term(term)) = terms.commitment.as_ref().map(|one| one.settlement) else {
        return Some(0);
    };
    let (mut spent, mut earlier) = (0, term.first.max(month.group.first_period));
    let stated = month.billed.stated_in(month.group.uid, earlier, of.prev());
    while earlier < of {
        spent += match (settled.get(&earlier), stated.get(&earlier)) {
            (_, Some(stated)) if Some(stated.invoice.currency) != month.group.currency => 0,
            (Some(settled), _) => *settled,
            (None, Some(stated)) => said(stated),
            (None, None) => of_open_month(&GroupMonth { month: earlier, ..*month })?,
        };
        earlier = earlier.next();
    }
    Some(spent)
}

/// What services of a month are worth, as documents say, with extra charges and support: by the terms of its final, or where that says
/// none, as documents say.
pub(super) fn said(stated: &StatedMonth<'_>) -> i128 {
    let mut spent: i128 = stated.services.values().sum();
    if let Some(terms) = stated.terms.filter(|_| !stated.is_reversed) {
        return counted(terms, spent);
    }
    for (key, part) in &stated.parts {
        if matches!(key.kind, LineType::ExtraCharge | LineType::SupportCharge) {
            spent += part.billed;
            if let Some((_, last)) = &part.corrected {
                spent += last.due - last.billed - last.total; // what notes had settled already
            }
        }
    }
    spent
}

fn of_open_month(month: &GroupMonth<'_>) -> Option<i128> {
    let mut terms = derive_terms(month)?;
    let derived = derive(month, &terms);
    terms.projects = derive_projects(month, &terms, &derived);
    let services = derived.charges.values().map(|charge| charge.total).sum();
    Some(counted(&terms, services))
}

/// What counts of a month whose services come to so much.
pub(super) fn counted(terms: &MonthTerms, services: i128) -> i128 {
    let items = derive_items(terms, services, None).unwrap_or_default();
    let counted = items.iter().filter(|item| matches!(item.kind, LineType::ExtraCharge | LineType::SupportCharge));
    services + counted.map(|item| item.total).sum::<i128>()
}

/// What is owed of the commitment with the month: so much is spent of it before. `None`: nothing yet.
pub(super) fn due_with(terms: &MonthTerms, of: Month, spent_before: i128) -> Option<i128> {
    match terms.commitment.as_ref()?.settlement {
        CommitmentSettlement::Term(term) if term.last != of => None,
        CommitmentSettlement::Term(_) | CommitmentSettlement::Month => Some(spent_before),
    }
}

/// Whether the bill says rightly how far the term has come.
pub(super) fn compare_progress(bill: &Bill, terms: &MonthTerms, spent: i128) -> Option<AuditDifference> {
    let derived = terms.commitment.as_ref().and_then(|one| match one.settlement {
        CommitmentSettlement::Month => None,
        CommitmentSettlement::Term(term) => {
            let amount = one.amount.minor();
            Some((one.name.clone(), amount, term, spent, (amount - spent).max(0)))
        }
    });
    let billed = bill.commitment.clone();
    let billed = billed.map(|one| (one.name, one.amount.minor(), one.term, one.spent.minor(), one.left.minor()));
    (billed != derived)
        .then(|| AuditDifference::Commitment { billed: format!("{billed:?}"), derived: format!("{derived:?}") })
}
