//! The lines that do not charge usage: what was agreed, credited or rounded.
//!
//! They follow from the services and from what adjusts closed months, so they are computed from those that the final
//! records: what records say now of either is told of the lines of usage, and of nothing that follows from them.

use std::collections::{BTreeMap, BTreeSet};

use super::difference::{Difference, Explanation};
use super::earlier;
use super::fields::{Pair, differing_lines, is_tax};
use super::{Comparison, Incomparable, is_of_usage, lines_of, no_bill};
use billing_api::{Document, LineType};
use billing_documents::issued::IssuedInvoice;
use billing_domain::{
    BilledIndex, BilledLine, Credit, CreditOffer, GivenServices, Group, GroupMonth, LineBasis, Money, Month, Name,
    ProjectSubtotal, ReadFinal, Reservation, ServiceSum, TaxGroup, TaxReasons, Uid, bill_with_services,
};
use billing_state::OrganizationState;
use billing_state::convert::billed::read_final;

/// What follows from the services and the adjustments that the final records; `None` in another currency, in which nothing
/// can be compared. That it is another is told.
pub(super) fn bill_given(comparison: &Comparison<'_>) -> Result<Option<Document>, Incomparable> {
    let document = comparison.recorded.document;
    if comparison.group.currency.is_none_or(|currency| currency.code() != document.currency.as_str()) {
        return Ok(None);
    }
    let unreadable = || no_bill(format!("the lines of invoice {} cannot be read", document.number.as_str()));
    let read = read_final(comparison.recorded).map_err(|_| unreadable())?;
    let projects = projects(comparison.recorded).ok_or_else(unreadable)?;
    let given = comparison.render(|inputs| {
        let given = given_services(comparison, inputs, &read, projects);
        bill_with_services(inputs, given)
    })?;
    Ok(Some(given.document))
}

/// What is different about all lines but those of usage, which follow from these.
///
/// What settles a month follows from lines of its records: where one of these is told to be wrong, that is all there is to tell.
pub(super) fn differences(comparison: &Comparison<'_>, given: &Document, usage: &[Difference]) -> Vec<Difference> {
    let unexplained = usage
        .iter()
        .filter(|difference| difference.is_unexplained())
        .filter_map(|difference| difference.line.as_deref());
    let wrong: BTreeSet<&str> = unexplained.collect();
    let lines = comparison.recorded.lines.iter().copied().chain(lines_of(&comparison.computed));
    let forged_months: BTreeSet<&str> =
        lines.filter(|line| wrong.contains(line.id.as_str())).filter_map(adjusted_month).collect();
    let recorded = comparison.recorded.lines.iter().copied().filter(|line| !is_of_usage(line));
    let pairs = differing_lines(recorded, given.lines.iter().filter(|line| !is_of_usage(line)));
    // What credits pay is listed by what is taxed alike.
    let taxed_otherwise = usage.iter().any(|told| !told.is_unexplained() && told.fields.iter().any(is_tax));
    let mut differences: Vec<Difference> = Vec::new();
    for pair in &pairs {
        let Some(line) = pair.any() else { continue };
        if forged_months.contains(settled_month(line).unwrap_or_default()) {
            continue;
        }
        let follows = taxed_otherwise || differences.iter().any(|before| !before.is_unexplained());
        let follows = follows.then(Explanation::follows);
        let explanation = explain(comparison, pair)
            .or(follows.filter(|_| is_derived(line.kind)))
            .or_else(|| earlier::explain(comparison.recorded, line));
        differences.push(Difference::of_line(line, pair.fields(), explanation));
    }
    differences
}

/// The closed month that a line adjusts.
fn adjusted_month(line: &billing_api::Line) -> Option<&str> {
    line.adjusts.as_ref().map(|adjusts| adjusts.period.as_str())
}

/// The closed month of which a line settles a part.
fn settled_month(line: &billing_api::Line) -> Option<&str> {
    adjusted_month(line).filter(|_| line.adjusts.as_ref().is_some_and(|adjusts| adjusts.kind.is_some()))
}

fn explain(comparison: &Comparison<'_>, pair: &Pair<'_>) -> Option<Explanation> {
    let source = pair.any()?.source.as_ref()?;
    if pair.fields().iter().all(is_tax) {
        return comparison.taxed_otherwise();
    }
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

/// What projects cost on a final.
fn projects(recorded: &IssuedInvoice<'_>) -> Option<Vec<ProjectSubtotal>> {
    let subtotal = |listed: &billing_api::ProjectSubtotal| {
        let subtotal = Money::parse(&listed.subtotal, recorded.currency).ok()?;
        Some(ProjectSubtotal { project: listed.project.as_str().into(), subtotal })
    };
    recorded.document.projects.iter().map(subtotal).collect()
}

/// How many of the projects that it lists a final charged.
fn charged_projects(document: &Document) -> Option<u32> {
    let charged = u32::try_from(document.terms.as_ref()?.projects?).ok()?;
    usize::try_from(charged).is_ok_and(|charged| charged <= document.projects.len()).then_some(charged)
}

/// What a final says of services, and of records of closed months.
fn given_services(
    comparison: &Comparison<'_>,
    inputs: &GroupMonth<'_>,
    read: &ReadFinal,
    projects: Vec<ProjectSubtotal>,
) -> GivenServices {
    let mut given = GivenServices {
        sums: own_services(comparison, inputs, &projects),
        // How many of those that it lists paid until its end only their ledgers of then say: it cannot be more than all.
        charged_projects: charged_projects(comparison.recorded.document),
        projects,
        reasons: reasons(comparison, inputs),
        adjustments: Vec::new(),
        changes: BTreeMap::new(),
    };
    for line in &read.lines {
        let month = Month::of(line.period.start());
        if month == read.facts.month && matches!(line.basis, LineBasis::Rated(_)) {
            continue; // of the month itself
        }
        given.adjustments.push((line.tax, line.total));
        if let Some((group, change)) = change(inputs.billed, read, line) {
            let of_month = given.changes.entry(group).or_default().entry(month).or_default();
            let project = line.project.clone().unwrap_or_else(|| Name::from(""));
            *of_month.entry((project, line.tax)).or_default() += change;
        }
    }
    for refill in &read.scales.refills {
        given.adjustments.push((refill.tax, refill.total));
        let group = inputs.billed.group_settled(read.facts.group, refill.closed_by.as_ref());
        let change = refill.last.due - inputs.billed.due_before_refill(group, refill);
        let of_month = given.changes.entry(group).or_default().entry(refill.month).or_default();
        *of_month.entry((refill.project.clone(), refill.tax)).or_default() += change;
    }
    given
}

/// What a final says of the services of its own month, taxed as they would be now: what it lists of projects. That their lines add up to
/// that is for others to say; what is missing counts as the first of them.
fn own_services(comparison: &Comparison<'_>, inputs: &GroupMonth<'_>, projects: &[ProjectSubtotal]) -> Vec<ServiceSum> {
    let terms = inputs.terms().ok();
    let group = |kind| terms.as_ref().and_then(|terms| terms.tax.treatment(kind)).map(|treatment| treatment.group);
    let mut sums: BTreeMap<(Name, Option<TaxGroup>), i128> = BTreeMap::new();
    for line in comparison.recorded.lines.iter().filter(|line| line.kind == LineType::ServiceCharge) {
        let tax = group(line.service.as_ref().map(|service| service.kind.as_str()));
        let total = Money::parse(&line.total, comparison.recorded.currency).map_or(0, Money::minor);
        *sums.entry((line.project.as_deref().unwrap_or_default().into(), tax)).or_default() += total;
    }
    for listed in projects {
        let of_project = |((project, _), _): &(&(Name, Option<TaxGroup>), &i128)| *project == listed.project;
        let (known, lines) = (sums.iter().find(of_project), sums.iter().filter(of_project).map(|(_, sum)| sum));
        let missing = listed.subtotal.minor() - lines.sum::<i128>();
        if missing == 0 {
            continue;
        }
        let key = known.map_or_else(|| (listed.project.clone(), group(None)), |(key, _)| key.clone());
        *sums.entry(key).or_default() += missing;
    }
    let sum = |((project, tax), minor)| {
        Some(ServiceSum { project, tax, total: Money::new(minor, comparison.recorded.currency)? })
    };
    sums.into_iter().filter_map(sum).collect()
}

/// By how much a line changes what is due for services of its month, and of which group that is; `None` where it corrects one of which
/// all was taken back, or, as earlier versions did, that of a group that is gone by itself.
fn change(billed: &BilledIndex, read: &ReadFinal, line: &BilledLine) -> Option<(Uid, i128)> {
    let group = billed.group_settled(read.facts.group, line.closed_by.as_ref());
    let LineBasis::Corrects { invoice, due, .. } = &line.basis else { return Some((group, line.total.minor())) };
    let ours = billed.final_in_place_of(invoice).is_some_and(|known| known.group == group);
    let ours = ours && !billed.is_month_reversed(group, Month::of(line.period.start()));
    let before = billed.due_before(line, invoice);
    ours.then(|| (group, due.map_or(line.total.minor(), |due| due.minor() - before)))
}

/// Why the lines of usage of a final are not taxed, where that is so.
fn reasons(comparison: &Comparison<'_>, inputs: &GroupMonth<'_>) -> TaxReasons {
    let (mut reasons, terms) = (TaxReasons::default(), inputs.terms().ok());
    for line in comparison.recorded.lines.iter().filter(|line| is_of_usage(line)) {
        let kind = line.service.as_ref().map(|service| service.kind.as_str());
        match &line.adjusts {
            None => terms.iter().filter_map(|terms| terms.tax.treatment(kind)).for_each(|one| reasons.add(one)),
            Some(adjusts) => {
                let group = comparison.recorded.tax_of(line).ok().flatten();
                let month = adjusts.period.parse().ok();
                let closed_by = adjusts.closed_by.as_deref().map(Name::from);
                let settled = inputs.billed.group_settled(inputs.group.uid, closed_by.as_ref());
                let stated = month.and_then(|month| inputs.billed.stated(settled, month));
                let (Some(stated), Some(group)) = (stated, group) else { continue };
                let only = stated.only_tax.as_ref().filter(|only| only.group() == group);
                only.into_iter().for_each(|only| reasons.add_reason(group, only.reason.as_deref()));
                stated.treatments_of(Some(group)).into_iter().for_each(|one| reasons.add(one));
            }
        }
    }
    reasons
}

/// The credits of a group as an invoice found them: with what earlier ones left of those of which it took something; of others that
/// earlier ones took something of, nothing is left that it took.
pub(super) fn historical_credits(
    organization_state: &OrganizationState,
    group: &Group,
    number: &str,
) -> Vec<CreditOffer> {
    let then = |credit: Credit| {
        let taken = |reservation: &Reservation| reservation.invoice.as_str() == number && !reservation.amount.is_zero();
        // One that is being deleted was not, then.
        let credit = Credit { withdrawn: false, ..credit };
        let Some(mine) = credit.reservations.iter().position(taken) else {
            let none = Money::zero(credit.amount.currency());
            let used_before = credit.reservations.iter().any(|reservation| !reservation.amount.is_zero());
            return used_before.then(|| CreditOffer { remaining: none, ..credit.offer_to(number) });
        };
        let reservations = credit.reservations[..mine].to_vec();
        Some(Credit { reservations, ..credit }.offer_to(number))
    };
    organization_state.credits.readable_credits(group).into_iter().filter_map(then).collect()
}
