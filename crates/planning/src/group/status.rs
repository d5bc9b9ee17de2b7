//! What a group's status says.

use std::collections::BTreeSet;

use super::balance_transfer::unclaimed_balance;
use super::plan::Planned;
use super::unbillable::unbillable;
use crate::conditions::{self, DesiredCondition, Readiness, WRITE_REFUSED};
use crate::credit::Owner;
use crate::invoice::GroupInvoices;
use crate::months::oldest_open_month;
use crate::receivables::group_past_due;
use billing_api::{self as api, labels};
use billing_documents::document::amount;
use billing_documents::terms::render_progress;
use billing_domain::invoice::number;
use billing_domain::tenancy::membership::GroupFacts;
use billing_domain::{AgreedCharge, Credit, Group, Money, Month, Name, Timestamp, VatFinding, VatState};
use billing_state::{RefusedWrite, convert};
use kube_core::ResourceExt;

/// What the status is computed from.
pub(super) struct StatusFacts<'a> {
    pub(super) invoices: &'a GroupInvoices<'a>,
    pub(super) groups: &'a [GroupFacts<'a>],
    pub(super) members: &'a BTreeSet<Name>,
    pub(super) months: &'a [Planned],
    pub(super) existing: &'a api::BillingGroupStatus,
    /// A write for the group that the API server refuses.
    pub(super) refused: Option<&'a RefusedWrite>,
    pub(super) now: Timestamp,
}

/// The status of a group; equal to what is written when nothing changed.
pub(super) fn plan_status(facts: &StatusFacts<'_>) -> api::BillingGroupStatus {
    let StatusFacts { invoices, members, months, existing, now, .. } = facts;
    let generation = invoices.object.metadata.generation;
    let open = months.iter().rfind(|month| month.facts.month == Month::of(*now));
    let attention = [
        open.and_then(|open| projects_gone(invoices, open)),
        primary_ignored(invoices.group, facts.groups),
        not_allowed(invoices.group, members),
        charge_missed(invoices.group, existing),
        group_past_due(invoices.organization, invoices.group.uid, *now),
        vat_id_invalid(invoices.group),
    ];
    let desired: Vec<_> = readiness(facts).conditions().chain(attention.into_iter().flatten()).collect();
    let bill = open.and_then(|month| month.plan.bill.as_ref().ok());
    api::BillingGroupStatus {
        invoice_series: existing.invoice_series.clone(),
        first_period: existing.first_period.clone(),
        members: members.iter().map(|project| api::Member { project: project.as_str().into() }).collect(),
        projects: i32::try_from(members.len()).ok(),
        estimated_balance: bill.map(|bill| amount(bill.subtotal)),
        commitment: bill.and_then(|bill| bill.commitment.as_ref()).map(render_progress),
        credits_remaining: credits_remaining(facts).map(amount),
        vat_id: convert::wire_vat_id(&invoices.group.buyer, existing.vat_id.as_ref()),
        last_final: existing.last_final.clone(),
        billed_charges: existing.billed_charges.clone(),
        conditions: conditions::merge(&existing.conditions, &desired, generation, *now),
        observed_generation: generation,
    }
}

/// The status of a group whose namespace is no organization's: nobody bills it, and it pays for nobody.
pub(super) fn unassigned_status(
    organization: &Name,
    existing: &api::BillingGroupStatus,
    generation: Option<i64>,
    now: Timestamp,
) -> api::BillingGroupStatus {
    let message = format!(
        "nothing here is billed: the namespace {organization} is not an organization; the platform team sets its label {}={organization}",
        labels::ORGANIZATION_LABEL
    );
    let desired: Vec<_> = Readiness::stalled("OrganizationMissing", message).conditions().collect();
    api::BillingGroupStatus {
        members: Vec::new(),
        projects: Some(0),
        estimated_balance: None,
        commitment: None,
        conditions: conditions::merge(&existing.conditions, &desired, generation, now),
        observed_generation: generation,
        ..existing.clone()
    }
}

/// The status of a group for which nothing can be written yet.
pub(super) fn with_refused_write(
    refused: &RefusedWrite,
    existing: &api::BillingGroupStatus,
    generation: Option<i64>,
    now: Timestamp,
) -> api::BillingGroupStatus {
    let desired: Vec<_> = Readiness::stalled(WRITE_REFUSED, refused.sentence()).conditions().collect();
    api::BillingGroupStatus {
        conditions: conditions::merge(&existing.conditions, &desired, generation, now),
        observed_generation: generation,
        ..existing.clone()
    }
}

/// Usage of the open month whose projects are gone: the group pays for it, though it lists no such project.
fn projects_gone(invoices: &GroupInvoices<'_>, open: &Planned) -> Option<DesiredCondition> {
    let organization = invoices.object.namespace();
    let home_of = |project: &Name| invoices.state.organization_of(project).map(Name::as_str);
    let is_gone = |project: &&Name| home_of(project) != organization.as_deref();
    let lines = open.plan.bill.iter().flat_map(|bill| &bill.lines);
    let gone: BTreeSet<_> = lines.map(|line| &line.usage.project).filter(is_gone).collect();
    let first = gone.first()?;
    let others = conditions::and_more(gone.len() - 1);
    let message = format!(
        "the estimate has usage of {first}{others}, which is no project of the organization any more: what ran is billed; set the end of usage records that still run"
    );
    Some(DesiredCondition::yes("ProjectsGone", "UsageRemains", message))
}

/// What remains of the group's credits; `None` when it has none.
fn credits_remaining(facts: &StatusFacts<'_>) -> Option<Money> {
    let GroupInvoices { group, organization, object, .. } = facts.invoices;
    let owner = Owner::of(group, object);
    let credits = organization.credits.readable_credits(group);
    let usable = credits.iter().filter(|credit| owner.can_use(credit, facts.now)).map(Credit::remaining);
    usable.reduce(|sum, left| sum.checked_add(left).unwrap_or(sum))
}

fn readiness(facts: &StatusFacts<'_>) -> Readiness {
    let group = facts.invoices.group;
    if let Some(refused) = facts.refused {
        return Readiness::stalled(WRITE_REFUSED, refused.sentence());
    }
    if group.deleted.is_some() {
        let owes = facts.months.iter().any(Planned::owes);
        return match unclaimed_balance(facts.invoices.organization, group, facts.existing).filter(|_| !owes) {
            Some(unclaimed_balance) => unclaimed_balance.readiness(),
            None => Readiness::waiting("Closing", closing_message(facts)),
        };
    }
    if let Some(too_early) = first_period_too_early(group) {
        return too_early;
    }
    if let Some(number) = missing(facts) {
        let message =
            format!("final invoice {number} is missing, and its number is never used again: restore it from a backup");
        return Readiness::stalled("InvoiceMissing", message);
    }
    let unbillable = || unbillable(facts.invoices, facts.months, facts.now);
    match facts.invoices.holds().into_iter().next().or_else(unbillable) {
        Some(hold) => Readiness::stalled(hold.reason.as_str(), hold.message),
        None => Readiness::ready("Ready", format!("billed with invoice numbers {}-…", facts.invoices.series)),
    }
}

/// Nobody is billed for so long a past.
pub fn first_period_too_early(group: &Group) -> Option<Readiness> {
    let message = || {
        format!(
            "spec.terms.firstPeriod {} is more than {} months before the group was created; choose a later one",
            group.first_period,
            Group::MAX_MONTHS_BACK
        )
    };
    group.begins_too_early().then(|| Readiness::stalled("FirstPeriodTooEarly", message()))
}

/// Why a group has no series: another has the one it asks for.
pub fn series_taken(series: &str, owner: &str) -> Readiness {
    let message = format!(
        "the invoice series {series} belongs to billing group {owner}; request another in spec.terms.invoiceSeries"
    );
    Readiness::stalled("InvoiceSeriesTaken", message)
}

/// What a group that is being deleted waits for.
fn closing_message(facts: &StatusFacts<'_>) -> String {
    match facts.months.iter().rfind(|month| month.owes()) {
        Some(month) => format!(
            "the group will be deleted once invoice {} of {} is final, after {}",
            month.facts.number,
            month.facts.month,
            api::Time::from(month.closable_from)
        ),
        None => "nothing is left to pay; the group is being deleted now".to_owned(),
    }
}

/// The first number that was final and no longer exists.
fn missing(facts: &StatusFacts<'_>) -> Option<Name> {
    let last = facts.existing.last_final.as_ref()?;
    let numbers =
        (1..=u32::try_from(last.sequence).ok()?).map(|sequence| number::number(facts.invoices.series, sequence));
    let invoices = &facts.invoices.organization.invoices;
    numbers.into_iter().find(|number| !invoices.exists(number) && invoices.final_(number).is_none())
}

/// Of several primary groups the oldest is the primary one.
pub fn primary_ignored(group: &Group, groups: &[GroupFacts<'_>]) -> Option<DesiredCondition> {
    let primaries = groups.iter().map(|facts| facts.group).filter(|other| other.primary && other.deleted.is_none());
    let oldest = primaries.min_by(|a, b| a.age_order(b))?;
    (group.primary && oldest.uid != group.uid).then(|| {
        let message = format!(
            "billing group {} is the older primary group of the organization, and the one in use; set spec.primary on one of them only",
            oldest.name
        );
        DesiredCondition::yes("PrimaryIgnored", "OlderPrimary", message)
    })
}

/// Members that were bound before the group stopped admitting them.
pub fn not_allowed(group: &Group, members: &BTreeSet<Name>) -> Option<DesiredCondition> {
    let mut refused = members.iter().filter(|project| !group.admits(project));
    let first = refused.next()?;
    let others = conditions::and_more(refused.count());
    let message = format!(
        "the group pays for {first}{others}, which spec.allowedProjects does not list; bind the project to another group, or list it"
    );
    Some(DesiredCondition::yes("ProjectsNotAllowed", "NotInAllowedProjects", message))
}

/// A charge that was agreed for months which are final without it.
pub fn charge_missed(group: &Group, status: &api::BillingGroupStatus) -> Option<DesiredCondition> {
    let open = oldest_open_month(group, status);
    let billed = |charge: &AgreedCharge| {
        let mut same = status.billed_charges.iter().filter(|billed| *billed.name == *charge.name);
        same.any(|billed| billed.period.parse().is_ok_and(|month| charge.validity.contains(month)))
    };
    let over = |charge: &&AgreedCharge| charge.validity.last.is_some_and(|last| last < open);
    let mut charges = group.terms.iter().flat_map(|terms| &terms.charges);
    let missed = charges.find(|charge| over(charge) && !billed(charge))?;
    let message = format!(
        "the charge {:?} should have been billed by {}, but no final invoice contains it; set its months to {open} or later, or remove it",
        missed.name.as_str(),
        missed.validity.last?
    );
    Some(DesiredCondition::yes("ChargeMissed", "PeriodIsFinal", message))
}

/// A VAT id that is wrong: the group is taxed as a consumer.
pub fn vat_id_invalid(group: &Group) -> Option<DesiredCondition> {
    let vat = group.buyer.vat().filter(|vat| vat.state() == VatState::Invalid)?;
    let country = vat.id.country.map(|country| format!(" of {country}")).unwrap_or_default();
    let (reason, why) = match vat.finding {
        Some(VatFinding::Refused) => ("Refused", "was refused by finance"),
        Some(VatFinding::Confirmed) | None => ("CheckFailed", "has an invalid format or check digits"),
    };
    let message = format!(
        "the VAT id {}{country} {why}: the group is taxed as a consumer; correct spec.vatId or spec.billingAddress.countryCode",
        vat.id.value
    );
    Some(DesiredCondition::yes("VatIdInvalid", reason, message))
}
