//! Credit notes: computed, numbered and frozen.

mod plan;
#[cfg(test)]
mod tests;

use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde_json::json;

use super::context::Context;
use super::runtime::conditions;
use super::runtime::events::Severity;
use super::runtime::queue::Outcome;
use super::writer::WriteError;
use crate::api::{CreditNote, CreditNoteStatus, Invoice, InvoiceSeries, InvoiceSlice};
use crate::domain::Name;

use plan::{Observed, Step, plan_note};

/// A note begins, takes, is numbered and issued; that is more than the steps there are.
const MOST_STEPS: usize = 6;

const CONTROLLER: &str = "credit-note";

/// Looks at a credit note and does what it needs.
pub async fn reconcile(ctx: &Context, organization: &Name, note: &Name) -> Outcome {
    for _ in 0..MOST_STEPS {
        match step(ctx, organization, note).await {
            Ok(true) => {}
            Ok(false) => return Outcome::Done,
            Err(error) => return ctx.after_error(CONTROLLER, &error),
        }
    }
    Outcome::Failed
}

/// One step; whether another follows at once.
async fn step(ctx: &Context, organization: &Name, name: &Name) -> Result<bool, WriteError> {
    let note = ctx.read(|books| {
        let terminating = books.namespace(organization).is_none_or(|namespace| namespace.terminating);
        let note = books.organization(organization)?.credit_notes.get(name);
        note.filter(|_| !terminating).map(|note| CreditNote::clone(note))
    });
    let Some(note) = note else { return Ok(false) };
    let named = format!("CreditNote {organization}/{name}");
    let observed = fetch(ctx, organization, note).await;
    let observed = observed.map_err(|source| WriteError::Failed { object: named.clone(), source: Box::new(source) })?;
    let Ok(step) = plan_note(&observed, ctx.now()) else {
        tracing::error!(note = named, "a credit note cannot be written");
        return Ok(false);
    };
    apply(ctx, observed, step).await
}

/// Reads what a note is decided on, directly.
async fn fetch(ctx: &Context, organization: &Name, note: CreditNote) -> Result<Observed, kube::Error> {
    let invoices: Api<Invoice> = Api::namespaced(ctx.client.clone(), organization);
    let invoice = invoices.get_opt(&note.spec.invoice).await?;
    let mut observed = Observed { note, invoice, slices: Vec::new(), others: Vec::new(), series: None };
    let Some(invoice) = &observed.invoice else { return Ok(observed) };
    let status = invoice.status.clone().unwrap_or_default();
    let lines: Vec<_> = observed.note.spec.lines.iter().filter_map(|line| line.line.as_deref()).collect();
    if let Some(document) = &status.document
        && lines.iter().any(|id| document.lines.iter().all(|line| line.id != *id))
    {
        let slices: Api<InvoiceSlice> = Api::namespaced(ctx.client.clone(), organization);
        for slice in &document.slices {
            observed.slices.push(slices.get(&slice.name).await?);
        }
    }
    if let Some(credited) = &status.credited {
        if !lines.is_empty() {
            let notes: Api<CreditNote> = Api::namespaced(ctx.client.clone(), organization);
            let same = ListParams::default().fields(&format!("spec.invoice={}", &*observed.note.spec.invoice));
            observed.others = notes.list(&same).await?.items;
        }
        if credited.notes.iter().any(|by| Some(by.uid.as_str()) == observed.note.metadata.uid.as_deref()) {
            let series: Api<InvoiceSeries> = Api::all(ctx.client.clone());
            observed.series = series.get_opt(&invoice.spec.series).await?;
        }
    }
    Ok(observed)
}

/// Does one step, on condition that nobody was faster; whether another follows at once.
async fn apply(ctx: &Context, observed: Observed, step: Step) -> Result<bool, WriteError> {
    let Observed { note, invoice, series, .. } = observed;
    match step {
        Step::Nothing => Ok(false),
        Step::Report(status) => {
            let written = write(ctx, note, status).await?;
            tell(ctx, &written, Severity::Warning, "Refused");
            Ok(false)
        }
        Step::Begin(status) => write(ctx, note, status).await.map(|_| true),
        Step::Take { credited, payment } => {
            let Some(invoice) = invoice else { return Ok(false) };
            let mut status = json!({ "credited": credited });
            if let Some(payment) = payment {
                status["payment"] = json!({ "state": payment.state, "at": payment.at, "reference": null });
            }
            ctx.writer.patch_status_at(&invoice, status).await.map(|_| true)
        }
        Step::Number(notes) => {
            let Some(mut series) = series else { return Ok(false) };
            series.status.get_or_insert_default().credit_notes = notes;
            ctx.writer.replace_status(&series).await.map(|_| true)
        }
        Step::Issue(status) => {
            let written = write(ctx, note, status).await?;
            tracing::info!(note = written.name_any(), "a credit note is issued");
            tell(ctx, &written, Severity::Normal, "Issued");
            Ok(false)
        }
    }
}

async fn write(ctx: &Context, mut note: CreditNote, status: CreditNoteStatus) -> Result<CreditNote, WriteError> {
    note.status = Some(status);
    let written = ctx.writer.replace_status(&note).await?;
    ctx.observe(written.clone());
    Ok(written)
}

/// Tells what the note says of itself.
fn tell(ctx: &Context, note: &CreditNote, severity: Severity, reason: &'static str) {
    let conditions = note.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let message = conditions::find(conditions, "Ready").map(|ready| ready.message.clone()).unwrap_or_default();
    ctx.tell(note, severity, reason, "Credit", message);
}
