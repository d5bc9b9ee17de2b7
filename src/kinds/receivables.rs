//! Invoices that are to be paid: those past due say so, and those that are settled say it no more.
//!
//! Guarantees: what is paid meanwhile is never marked, as a mark is a patch on the version that was read. Cost of a look: the open
//! invoices of all organizations, in memory; a read and a write for each that becomes past due.
//!
//! Finals are not kept in memory, but for a few numbers of those that are open. What is written is therefore decided again
//! on the invoice as it is read then.

use futures::{StreamExt, stream};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde_json::json;

use crate::context::Context;
use crate::writer::WriteError;
use billing_api::Receivable;
use billing_domain::{Name, Timestamp};
use billing_planning::conditions;
use billing_reads::list;
use operator_kit::events::Severity;
use operator_kit::queue::Outcome;

use crate::metrics::BillingMetrics;
use billing_planning::receivables::{OpenSum, ReceivablesPlan, open_sums, past_due_mark, plan_receivables, settled};
use billing_state::ObservedState;

/// How many invoices are written at once.
const CONCURRENT_INVOICES: usize = 8;

const CONTROLLER: &str = "receivables";

/// Marks what is past due, and looks again when something else is.
///
/// # Errors
/// A read or a write did not happen.
pub async fn reconcile(ctx: &Context) -> Result<Outcome, WriteError> {
    let now = ctx.now();
    let ReceivablesPlan { overdue, wake } = ctx.read(|state| plan_receivables(state, now));
    let read = |(organization, number): (Name, Name)| async move {
        let api: Api<Receivable> = Api::namespaced(ctx.client.clone(), &organization);
        let read = api.get_opt(&number).await;
        match read.map_err(|source| failed(&organization, &number, source))? {
            Some(invoice) => write(ctx, invoice).await,
            None => Ok(()),
        }
    };
    let written: Vec<_> = stream::iter(overdue).map(read).buffer_unordered(CONCURRENT_INVOICES).collect().await;
    match written.into_iter().find_map(Result::err) {
        None => Ok(ctx.requeue_at(wake)),
        Some(error) => Err(error),
    }
}

/// Takes the mark off what is settled.
///
/// # Errors
/// A write did not happen.
pub async fn reconcile_settled(ctx: &Context) -> Result<Outcome, WriteError> {
    const FAILED: &str = "the paid invoices could not be read";
    let mut pages = list::<Receivable>(Api::all(ctx.client.clone()), ListParams::default().fields(&settled()));
    loop {
        let page = match pages.next().await {
            Ok(Some(page)) => page,
            Ok(None) => {
                ctx.troubles.over(|| FAILED);
                return Ok(Outcome::Done);
            }
            Err(error) => {
                ctx.troubles.tell(FAILED, &error);
                ctx.metrics.work.failed(CONTROLLER, "fetch");
                return Ok(Outcome::Failed);
            }
        };
        let writes = stream::iter(page.into_iter().filter_map(|guarded| ctx.decoded(CONTROLLER, guarded)))
            .map(|invoice| write(ctx, invoice));
        let written: Vec<_> = writes.buffer_unordered(CONCURRENT_INVOICES).collect().await;
        if let Some(error) = written.into_iter().find_map(Result::err) {
            return Err(error);
        }
    }
}

fn failed(organization: &Name, number: &Name, source: kube::Error) -> WriteError {
    WriteError::Failed { object: format!("Invoice {organization}/{number}"), source: Box::new(source) }
}

/// Writes whether an invoice is past due, unless it says so already.
async fn write(ctx: &Context, invoice: Receivable) -> Result<(), WriteError> {
    let Some(mark) = past_due_mark(&invoice, ctx.now()) else { return Ok(()) };
    let news = conditions::find(&mark.conditions, "PastDue").cloned();
    let status = json!({ "conditions": mark.conditions, "overdueSince": mark.overdue_since });
    let written = match ctx.writer.patch_status_at(&invoice, status).await {
        Ok(written) => written,
        Err(WriteError::Gone { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    if let Some(past_due) = news {
        tracing::info!(invoice = written.name_any(), "an invoice is past due");
        ctx.publish_event(&written, Severity::Warning, "PastDue", "Collect", past_due.message);
    }
    ctx.observe(written);
    Ok(())
}

/// Shows how much is to be paid, by currency and age.
pub fn show_gauges(state: &ObservedState, metrics: &BillingMetrics, now: Timestamp) {
    let sums = open_sums(state, now).into_iter().map(|((currency, age), OpenSum { invoices, minor })| {
        // A gauge is a float; this one only shows how large a sum is.
        let amount = minor as f64 / 10_f64.powi(currency.digits().cast_signed());
        (currency.to_string(), age.as_str(), invoices, amount)
    });
    metrics.receivables(sums);
}
