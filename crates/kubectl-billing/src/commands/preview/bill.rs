//! The invoices, and what is not on them.

use kube::ResourceExt;
use thiserror::Error;

use super::admit::Findings;
use super::credits::check_credits;
use super::finals::Finals;
use super::prepare::{Prepared, reference};
use super::server_fields::derived_uid;
use super::{Preview, PreviewError, PreviewOptions, PreviewProblem, PreviewedInvoice};
use billing_api::InvoiceStatus;
use billing_documents::document::{RenderError, Rendered};
use billing_domain::closing::{CloseDecision, HoldReason};
use billing_domain::{BroughtForward, Currency, Group, Money, Month, Name, Timestamp};
use billing_planning::group::{first_period_too_early, not_allowed, primary_ignored, vat_id_invalid};
use billing_planning::invoice::{
    GroupInvoices, InvoiceFacts, MonthView, Predecessor, estimate_status, final_status, make_invoice, plan_estimate,
    slice_object,
};
use billing_planning::months::{Left, Position, Returning, through_months};
use billing_planning::pending_projects::pending_projects;
use billing_planning::usage::problems_since;
use billing_state::convert::ConvertError;
use billing_state::convert::billed::final_lines;
use billing_state::{ObservedState, OrganizationState, convert};

/// Bills every group.
///
/// # Errors
/// A bill cannot be written as a document.
pub(super) fn bill(prepared: Prepared, options: &PreviewOptions) -> Result<Preview, PreviewError> {
    let Prepared { mut state, finals, findings } = prepared;
    finals.enter(&mut state);
    let mut billing =
        Billing { state: &state, finals: &finals, findings, options, invoices: Vec::new(), problems: Vec::new() };
    for (name, organization) in state.organizations() {
        let mut groups: Vec<_> = organization.organization.groups().collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        for group in groups {
            billing.bill_group(name, organization, group)?;
        }
        billing.check_usage(name, organization);
        let problems = check_credits(&state, name, &mut billing.findings);
        billing.problems.extend(problems);
    }
    let Billing { findings, invoices, mut problems, .. } = billing;
    let Findings { mut refusals, mut notes, .. } = findings;
    refusals.sort_by(|a, b| a.source.cmp(&b.source));
    problems.sort_by(|a, b| (&a.source, &a.object).cmp(&(&b.source, &b.object)));
    notes.sort();
    Ok(Preview { refusals, problems, notes, invoices })
}

struct Billing<'a> {
    state: &'a ObservedState,
    finals: &'a Finals,
    options: &'a PreviewOptions,
    findings: Findings,
    invoices: Vec<PreviewedInvoice>,
    problems: Vec<PreviewProblem>,
}

impl Billing<'_> {
    fn bill_group(&mut self, name: &Name, organization: &OrganizationState, group: &Group) -> Result<(), PreviewError> {
        let Some(object) = organization.group(group.uid).cloned() else { return Ok(()) };
        let Some(series) = object.status.as_ref().and_then(|status| status.invoice_series.as_deref()) else {
            return Ok(());
        };
        let groups = organization.all_group_facts();
        let (state, options) = (self.state, self.options);
        let pending_projects = pending_projects(state, name, group, &groups, &options.settings, options.as_of);
        let invoices = GroupInvoices {
            state,
            organization,
            group,
            object: &object,
            series,
            settings: &options.settings,
            pending_projects: &pending_projects,
            pending_reissue: organization.pending_reissue(&group.name),
        };
        self.check_group(name, &invoices);
        let billed = bill_months(&invoices, name, self.finals, options)
            .map_err(|source| PreviewError::Render { group: format!("{name}/{}", group.name), source })?;
        self.invoices.extend(billed);
        Ok(())
    }

    /// What holds all months of a group, and what is unusual about it.
    fn check_group(&mut self, name: &Name, invoices: &GroupInvoices<'_>) {
        let GroupInvoices { organization, group, .. } = *invoices;
        let reference = reference("BillingGroup", Some(name), &group.name);
        for hold in invoices.holds().into_iter().filter(|hold| hold.reason != HoldReason::Unreadable) {
            self.findings.refuse(reference.clone(), format!("{}: {}", hold.reason.as_str(), hold.message));
        }
        let groups = organization.all_group_facts();
        let members = organization.group_facts(group.uid).map(|facts| facts.members.clone()).unwrap_or_default();
        let unusual = [primary_ignored(group, &groups), not_allowed(group, &members), vat_id_invalid(group)];
        for unusual in unusual.into_iter().flatten() {
            self.problems.push(PreviewProblem {
                source: self.findings.source(&reference).cloned(),
                object: reference.clone(),
                reason: unusual.type_,
                message: unusual.message,
            });
        }
    }

    /// What usage is on no invoice.
    fn check_usage(&mut self, name: &Name, organization: &OrganizationState) {
        let PreviewOptions { as_of, settings, periods: _ } = self.options;
        let first_periods = organization.organization.groups().map(|group| group.first_period);
        let oldest = first_periods.min().unwrap_or(Month::of(*as_of));
        let problems = problems_since(self.state, organization, oldest, settings, *as_of);
        self.problems.extend(problems.into_values().map(|problem| {
            let object = reference("UsageRecord", Some(name), &problem.usage.name);
            PreviewProblem {
                source: self.findings.source(&object).cloned(),
                object,
                reason: problem.reason.as_str(),
                message: problem.to_string(),
            }
        }));
    }
}

/// The invoices of a group that are asked for. Cost: its months from its first period until the last of them; the documents of the
/// others are dropped as soon as the next month has what it needs of them.
fn bill_months(
    invoices: &GroupInvoices<'_>,
    organization: &Name,
    finals: &Finals,
    options: &PreviewOptions,
) -> Result<Vec<PreviewedInvoice>, BillingError> {
    if first_period_too_early(invoices.group).is_some() {
        return Ok(Vec::new());
    }
    let mut issued_at = Timestamp::MIN_UTC;
    let billed = through_months(invoices, Position::first(invoices.group), options.last_month(), |view| {
        issued_at = issued_at.max(view.closable_with_readings_from()); // never before the month before it
        let (predecessor, invoice) = match stored(finals, organization, view) {
            Some(stored) => stored,
            None => bill_month(view, organization, issued_at, options.as_of)?,
        };
        let credits = invoice.as_ref().map_or(Ok(Vec::new()), used)?;
        let returned = invoice.as_ref().map_or(Vec::new(), returned);
        let again = invoice.as_ref().map_or(Vec::new(), |invoice| finals.issued_again(organization, invoice));
        let made = invoice.into_iter().chain(again);
        let invoices: Vec<_> = made.filter(|previewed| options.asks_for(previewed.month)).collect();
        Ok::<_, BillingError>((invoices, Left { predecessor, credits, returned }))
    })?;
    Ok(billed.into_iter().flatten().collect())
}

/// Why the months of a group are not billed.
#[derive(Debug, Error)]
pub enum BillingError {
    /// A bill cannot be written as a document.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// What a stored final used of credits, or its digest, cannot be read: the months after it would be another's.
    #[error("final invoice {number} cannot be read")]
    Final {
        /// Its number.
        number: String,
        /// Why.
        source: ConvertError,
    },
}

/// What an invoice used of credits.
fn used(previewed: &PreviewedInvoice) -> Result<Vec<(Name, Money)>, BillingError> {
    previewed
        .document()
        .map_or(Ok(Vec::new()), convert::credits_taken)
        .map_err(|source| BillingError::Final { number: previewed.invoice.name_any(), source })
}

/// What an invoice that is previewed gives back to credits. Of one that a cluster made final, the Credits are objects.
fn returned(previewed: &PreviewedInvoice) -> Vec<Returning> {
    let document = previewed.document().filter(|_| previewed.invoice.uid().is_none());
    let currency = document.and_then(|document| document.currency.parse().ok());
    let read = |one: &billing_api::CreditReturn| {
        let (month, amount) = (one.period.parse().ok()?, Money::parse(&one.amount, currency?).ok()?);
        Some(Returning { name: one.name.as_str().into(), credit: one.credit.as_str().into(), month, amount })
    };
    document.iter().flat_map(|document| &document.returned_credits).filter_map(read).collect()
}

/// A month that a cluster has made final stays as it is. Its invoice is not always among the manifests.
fn stored(
    finals: &Finals,
    organization: &Name,
    view: &MonthView<'_>,
) -> Option<(Predecessor, Option<PreviewedInvoice>)> {
    if let Some(invoice) = finals.of(organization, view)
        && let Some(after) = after(&invoice)
    {
        return Some((after, Some(invoice)));
    }
    let last = view.invoices.object.status.as_ref()?.last_final.as_ref()?;
    let is_final = u32::try_from(last.sequence).is_ok_and(|sequence| view.sequence <= sequence);
    is_final.then(|| (Predecessor::last_final(Some(last)), None))
}

/// A month that is over is final from the instant on at which the operator would have made it so; any other is an
/// estimate.
fn bill_month(
    view: &MonthView<'_>,
    organization: &Name,
    issued_at: Timestamp,
    as_of: Timestamp,
) -> Result<(Predecessor, Option<PreviewedInvoice>), RenderError> {
    let facts = InvoiceFacts::of(view, organization);
    if let Some(rendered) = finalise(view, issued_at.min(as_of))? {
        let missing = view.missing_readings(issued_at);
        let status = final_status(&[], rendered.document.clone(), &missing, issued_at);
        let invoice = previewed(&facts, status, Some(rendered));
        // What it bills is billed once, here as in a cluster.
        let slices = invoice.slices.iter().map(|slice| &slice.spec);
        if let Ok(lines) = final_lines(&invoice.invoice, slices) {
            view.invoices.organization.record_final(lines);
        }
        if let Some(after) = after(&invoice) {
            return Ok((after, Some(invoice)));
        }
    }
    let (status, rendered) = estimate(view, as_of)?;
    let invoice = previewed(&facts, status, rendered);
    Ok((Predecessor::Open { number: view.number.clone(), carried_forward: carried_forward(&invoice) }, Some(invoice)))
}

/// What comes after a final, which has a document: as its group's status would name it.
fn after(invoice: &PreviewedInvoice) -> Option<Predecessor> {
    let digest = invoice.document()?.digest.clone();
    Some(Predecessor::Final { digest, carried_forward: carried_forward(invoice) })
}

/// What an invoice leaves to the next one.
fn carried_forward(invoice: &PreviewedInvoice) -> Option<BroughtForward> {
    let document = invoice.document()?;
    let PreviewedInvoice { invoice, .. } = invoice;
    let currency = Currency::of_amount(&document.currency, &document.subtotal).ok()?;
    let amount = Money::parse(document.carried_forward.as_ref()?, currency).ok()?;
    let uid = invoice.uid().and_then(|uid| uid.parse().ok());
    let namespace = invoice.namespace();
    let uid = uid.unwrap_or_else(|| derived_uid("Invoice", namespace.as_deref(), &invoice.name_any()));
    let includes_tax = document.amount_due.is_some();
    Some(BroughtForward { amount, invoice: document.number.as_str().into(), uid, includes_tax })
}

/// The final document, when the month can be final by then.
fn finalise(view: &MonthView<'_>, now: Timestamp) -> Result<Option<Rendered>, RenderError> {
    let bill = view.bill(now);
    let holds = view.holds(&bill, now);
    match (view.decide(&holds, now), bill) {
        (CloseDecision::Finalise, Ok(bill)) => view.final_document(&bill, now).map(Some),
        _ => Ok(None),
    }
}

fn estimate(view: &MonthView<'_>, as_of: Timestamp) -> Result<(InvoiceStatus, Option<Rendered>), RenderError> {
    let plan = plan_estimate(view, None, as_of)?;
    let (rendered, conditions) = plan.write.map(|write| (write.rendered, write.conditions)).unwrap_or_default();
    let document = rendered.as_ref().map(|rendered| rendered.document.clone());
    Ok((estimate_status(document, conditions), rendered))
}

fn previewed(facts: &InvoiceFacts, status: InvoiceStatus, rendered: Option<Rendered>) -> PreviewedInvoice {
    let mut invoice = make_invoice(facts);
    invoice.status = Some(status);
    let slices = rendered.iter().flat_map(|rendered| &rendered.slices);
    PreviewedInvoice { month: facts.month, invoice, slices: slices.map(|slice| slice_object(facts, slice)).collect() }
}
