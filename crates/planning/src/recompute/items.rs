//! The lines that do not charge usage: what was agreed, credited or rounded.
//!
//! They follow from the services and from what adjusts closed months, so they are computed from those that the final
//! records: what records say now of either is told of the lines of usage, and of nothing that follows from them.

use super::difference::{Difference, Explanation};
use super::fields::{Pair, differing_lines};
use super::{Comparison, Incomparable, is_of_usage, no_bill};
use billing_api::{Document, LineType};
use billing_documents::issued::IssuedInvoice;
use billing_domain::{
    Credit, CreditOffer, Group, Money, ProjectSubtotal, Reservation, ServiceTotals, bill_with_services,
};
use billing_state::OrganizationState;

/// What follows from the services and the adjustments that the final records; `None` in another currency, in which nothing
/// can be compared. That it is another is told.
pub(super) fn bill_given(comparison: &Comparison<'_>) -> Result<Option<Document>, Incomparable> {
    let document = comparison.recorded.document;
    if comparison.group.currency.is_none_or(|currency| currency.code() != document.currency.as_str()) {
        return Ok(None);
    }
    let unreadable = || no_bill(format!("the projects of invoice {} cannot be read", document.number.as_str()));
    let services = services(comparison.recorded).ok_or_else(unreadable)?;
    Ok(Some(comparison.render(|inputs| bill_with_services(inputs, services))?.document))
}

/// What is different about all lines but those of usage, which follow from these.
pub(super) fn differences(comparison: &Comparison<'_>, given: &Document) -> Vec<Difference> {
    let recorded = comparison.recorded.lines.iter().copied().filter(|line| !is_of_usage(line));
    let pairs = differing_lines(recorded, given.lines.iter().filter(|line| !is_of_usage(line)));
    let mut differences: Vec<Difference> = Vec::new();
    for pair in &pairs {
        let Some(line) = pair.any() else { continue };
        let follows = differences.iter().any(|before| !before.is_unexplained()).then(Explanation::follows);
        let explanation = explain(comparison, pair).or(follows.filter(|_| is_derived(line.kind)));
        differences.push(Difference::of_line(line, pair.fields(), explanation));
    }
    differences
}

fn explain(comparison: &Comparison<'_>, pair: &Pair<'_>) -> Option<Explanation> {
    let source = pair.any()?.source.as_ref()?;
    match source.kind.as_str() {
        "BillingGroup" => comparison.edits.group.clone(),
        "InvoiceIssuer" => comparison.edits.issuer.clone(),
        _ => None,
    }
}

/// Whether lines of the type depend on those before them.
fn is_derived(kind: LineType) -> bool {
    match kind {
        LineType::CommitmentFee | LineType::CreditConsumption | LineType::Rounding => true,
        LineType::ServiceCharge
        | LineType::ExtraCharge
        | LineType::SupportCharge
        | LineType::Multiplier
        | LineType::OtherEvent => false,
    }
}

/// What the services of a final cost, by project, and its adjustments of closed months.
fn services(recorded: &IssuedInvoice<'_>) -> Option<ServiceTotals> {
    let (currency, zero) = (recorded.currency, Money::zero(recorded.currency));
    let mut services = ServiceTotals { projects: Vec::new(), subtotal: zero, adjustments: zero };
    for line in recorded.lines.iter().filter(|line| is_of_usage(line) && line.kind == LineType::OtherEvent) {
        services.adjustments = services.adjustments.checked_add(Money::parse(&line.total, currency).ok()?)?;
    }
    for listed in &recorded.document.projects {
        let subtotal = Money::parse(&listed.subtotal, currency).ok()?;
        services.subtotal = services.subtotal.checked_add(subtotal)?;
        services.projects.push(ProjectSubtotal { project: listed.project.as_str().into(), subtotal });
    }
    Some(services)
}

/// The credits of which something is reserved for an invoice, as that found them: with what earlier ones left of them.
pub(super) fn historical_credits(
    organization_state: &OrganizationState,
    group: &Group,
    number: &str,
) -> Vec<CreditOffer> {
    let then = |credit: Credit| {
        let taken = |organization_state: &&Reservation| {
            organization_state.invoice.as_str() == number && !organization_state.amount.is_zero()
        };
        let mine = credit.reservations.iter().position(|organization_state| taken(&organization_state))?;
        let reservations = credit.reservations[..mine].to_vec();
        // One that is being deleted was not, then.
        Some(Credit { reservations, withdrawn: false, ..credit }.offer_to(number))
    };
    organization_state.credits.readable_credits(group).into_iter().filter_map(then).collect()
}
