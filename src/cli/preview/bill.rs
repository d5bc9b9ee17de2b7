//! The invoices, and what is not on them.

use super::admit::Findings;
use super::finals::Finals;
use super::settle::{Settled, reference};
use super::{Preview, PreviewError, PreviewedInvoice, Problem, Terms};
use crate::api::InvoiceStatus;
use crate::books::{Books, OrganizationBooks};
use crate::controller::group::{first_period_too_early, not_allowed, primary_ignored};
use crate::controller::invoice::{
    GroupInvoices, InvoiceFacts, MonthView, Predecessor, estimate_status, final_status, make_invoice, plan_estimate,
    slice_object,
};
use crate::controller::usage::problems_since;
use crate::controller::waiting::waiting_projects;
use crate::domain::closing::{CloseDecision, HoldReason};
use crate::domain::{Group, Month, Name, Timestamp};
use crate::render::document::{RenderError, Rendered};

/// Bills every group.
///
/// # Errors
/// A bill cannot be written as a document.
pub(super) fn bill(settled: Settled, terms: &Terms) -> Result<Preview, PreviewError> {
    let Settled { books, finals, findings } = settled;
    let mut billing =
        Billing { books: &books, finals: &finals, findings, terms, invoices: Vec::new(), problems: Vec::new() };
    for (name, organization) in books.organizations() {
        let mut groups: Vec<_> = organization.organization.groups().collect();
        groups.sort_by(|a, b| a.name.cmp(&b.name));
        for group in groups {
            billing.bill_group(name, organization, group)?;
        }
        billing.look_at_usage(name, organization);
    }
    let Billing { findings, invoices, mut problems, .. } = billing;
    let Findings { mut refusals, mut notes, .. } = findings;
    refusals.sort_by(|a, b| a.source.cmp(&b.source));
    problems.sort_by(|a, b| (&a.source, &a.object).cmp(&(&b.source, &b.object)));
    notes.sort();
    Ok(Preview { refusals, problems, notes, invoices })
}

struct Billing<'a> {
    books: &'a Books,
    finals: &'a Finals,
    terms: &'a Terms,
    findings: Findings,
    invoices: Vec<PreviewedInvoice>,
    problems: Vec<Problem>,
}

impl Billing<'_> {
    fn bill_group(&mut self, name: &Name, organization: &OrganizationBooks, group: &Group) -> Result<(), PreviewError> {
        let Some(object) = organization.group(group.uid).cloned() else { return Ok(()) };
        let Some(series) = object.status.as_ref().and_then(|status| status.invoice_series.as_deref()) else {
            return Ok(());
        };
        let groups = organization.all_group_facts();
        let (books, terms) = (self.books, self.terms);
        let waiting = waiting_projects(books, name, group, &groups, &terms.rules, terms.as_of);
        let invoices = GroupInvoices {
            books,
            organization,
            group,
            object: &object,
            series,
            rules: &terms.rules,
            waiting: &waiting,
        };
        let reference = reference("BillingGroup", Some(name), &group.name);
        for hold in invoices.holds().into_iter().filter(|hold| hold.reason != HoldReason::Unreadable) {
            self.findings.refuse(reference.clone(), format!("{}: {}", hold.reason.as_str(), hold.message));
        }
        let members = organization.group_facts(group.uid).map(|facts| facts.members.clone()).unwrap_or_default();
        for unusual in [primary_ignored(group, &groups), not_allowed(group, &members)].into_iter().flatten() {
            self.problems.push(Problem {
                source: self.findings.source(&reference).cloned(),
                object: reference.clone(),
                reason: unusual.type_,
                message: unusual.message,
            });
        }
        let billed = bill_months(&invoices, name, self.finals, terms.as_of)
            .map_err(|source| PreviewError::Render { group: format!("{name}/{}", group.name), source })?;
        self.invoices.extend(billed);
        Ok(())
    }

    /// What usage is on no invoice.
    fn look_at_usage(&mut self, name: &Name, organization: &OrganizationBooks) {
        let Terms { as_of, rules } = self.terms;
        let first_periods = organization.organization.groups().map(|group| group.first_period);
        let oldest = first_periods.min().unwrap_or(Month::of(*as_of));
        let problems = problems_since(self.books, organization, oldest, rules, *as_of);
        self.problems.extend(problems.into_values().map(|problem| {
            let object = reference("UsageRecord", Some(name), &problem.usage.name);
            Problem {
                source: self.findings.source(&object).cloned(),
                object,
                reason: problem.reason.as_str(),
                message: problem.to_string(),
            }
        }));
    }
}

/// The invoices of a group, from its first period on. A month that is over is final from the instant on at which the
/// operator would have made it so; one that a cluster has made final stays as it is; the others are estimates.
fn bill_months(
    invoices: &GroupInvoices<'_>,
    organization: &Name,
    finals: &Finals,
    as_of: Timestamp,
) -> Result<Vec<PreviewedInvoice>, RenderError> {
    if first_period_too_early(invoices.group).is_some() {
        return Ok(Vec::new());
    }
    let last_final = invoices.object.status.as_ref().and_then(|status| status.last_final.as_ref());
    let mut billed = Vec::new();
    let mut predecessor = Predecessor::None;
    let mut issued_at = Timestamp::MIN_UTC;
    let months = invoices.group.first_period.through(Month::of(as_of));
    for month in months.filter(|month| invoices.group.pays_in(*month)) {
        let known = finals.billed(organization, month);
        let Some(view) = invoices.month(month, predecessor, &known) else { break };
        if let Some(stored) = finals.of(organization, &view) {
            predecessor = Predecessor::Final(stored.digest());
            billed.push(stored);
            continue;
        }
        if let Some(last) = last_final.filter(|last| i64::from(last.sequence) >= i64::from(view.sequence)) {
            predecessor = Predecessor::Final(last.digest.clone());
            continue; // final in the cluster, and not among the manifests
        }
        issued_at = issued_at.max(view.settled_at());
        let (status, rendered) = match finalise(&view, issued_at.min(as_of))? {
            Some(rendered) => {
                predecessor = Predecessor::Final(rendered.document.digest.clone());
                let status = final_status(&[], None, rendered.document.clone(), invoices.object, issued_at);
                (status, Some(rendered))
            }
            None => {
                predecessor = Predecessor::Open(view.number.clone());
                estimate(&view, as_of)?
            }
        };
        billed.push(previewed(&InvoiceFacts::of(&view, organization), status, rendered));
    }
    Ok(billed)
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
    Ok((estimate_status(document, None, conditions), rendered))
}

fn previewed(facts: &InvoiceFacts, status: InvoiceStatus, rendered: Option<Rendered>) -> PreviewedInvoice {
    let mut invoice = make_invoice(facts);
    invoice.status = Some(status);
    let slices = rendered.iter().flat_map(|rendered| &rendered.slices);
    PreviewedInvoice { month: facts.month, invoice, slices: slices.map(|slice| slice_object(facts, slice)).collect() }
}
