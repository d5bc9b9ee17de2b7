//! Reading finals: what they bill is kept in the state, and the documents are dropped.
//!
//! Guarantees: no month is adjusted before all finals of its organization are read; one that cannot be read keeps its month from
//! being adjusted, and no other. Cost at the start: a page for every 50 finals, and a read for each of their slices.
//!
//! All are read once when the operator starts, and nothing is done for an organization before its own are. Those that the operator
//! writes itself it knows; one that another hand made final is read when its estimate leaves the watch.

use std::time::Duration;

use futures::{StreamExt, stream};
use kube::{Api, ResourceExt};

use crate::context::Context;
use billing_api::{CreditNote, Invoice};
use billing_documents::issued::final_document;
use billing_domain::Name;
use billing_domain::ReadFinal;
use billing_reads::{Lacking, list, slices_of};
use billing_state::convert::ConvertError;
use billing_state::convert::billed::final_lines;
use operator_kit::queue::Outcome;

/// How many organizations are read at once.
const CONCURRENT_READS: usize = 8;

/// How long to wait when something could not be read.
const RETRY_PAUSE: Duration = Duration::from_secs(2);

/// Up to so many finals are read one by one, more by a list.
const MAX_SINGLE_READS: usize = 8;

const CONTROLLER: &str = "finals";

/// Why it cannot be told what a final bills.
#[derive(Debug, thiserror::Error)]
pub enum FinalError {
    /// The API server did not answer.
    #[error(transparent)]
    Api(#[from] kube::Error),
    /// A final lists a slice that is gone, or that does not decode.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// Usage was made again that finals bill, and is not in the state yet.
    #[error("usage records that final invoices bill were created again; these invoices are being read again")]
    UsageRecreated,
    /// A line of it makes no sense.
    #[error("final invoice {invoice} cannot be read: {source}")]
    Unreadable {
        /// The final.
        invoice: Name,
        /// What is wrong.
        source: ConvertError,
    },
}

/// Reads the finals of these organizations, until that has succeeded, and begins to work on each as soon as its own are read.
pub async fn read_all(ctx: &Context, organizations: Vec<Name>) {
    let mut unread = organizations;
    while !unread.is_empty() {
        let reads = stream::iter(unread).map(|organization| async move {
            let done = read(ctx, &organization, Extent::All).await;
            tell(ctx, &organization, &done);
            if done.is_ok() {
                begin_work(ctx, &organization);
                return None;
            }
            ctx.metrics.work.failed(CONTROLLER, "fetch");
            Some(organization)
        });
        unread = reads.buffer_unordered(CONCURRENT_READS).filter_map(async |failed| failed).collect().await;
        if !unread.is_empty() {
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }
}

/// The finals of an organization are read: all of it is looked at.
fn begin_work(ctx: &Context, organization: &Name) {
    ctx.unread_since_start.end(organization);
    ctx.queues.add(ctx.read(|state| state.keys_of_organization(organization)));
}

/// Reads the finals of an organization that were not read yet.
pub async fn reconcile(ctx: &Context, organization: &Name) -> Outcome {
    let (unread, stale) = ctx.read(|state| {
        let known = state.organization(organization);
        let unread = known.map(|known| known.unread_finals().keys().cloned().collect()).unwrap_or_default();
        (unread, known.is_some_and(|known| known.is_stale()))
    });
    let extent = if stale { Extent::All } else { Extent::Numbers(unread) };
    let done = read(ctx, organization, extent).await;
    tell(ctx, organization, &done);
    match done {
        Ok(()) => Outcome::Done,
        Err(_) => {
            ctx.metrics.work.failed(CONTROLLER, "fetch");
            Outcome::Failed
        }
    }
}

/// Tells whether the finals of an organization could be read.
fn tell(ctx: &Context, organization: &Name, done: &Result<(), kube::Error>) {
    let failed = || format!("the final invoices of {organization} could not be read");
    match done {
        Ok(()) => ctx.troubles.over(failed),
        Err(error) => ctx.troubles.tell(failed(), error),
    }
}

/// Reads all finals of an organization, in the place of what was known.
///
/// # Errors
/// The API server did not answer.
pub async fn reread_all(ctx: &Context, organization: &Name) -> Result<(), kube::Error> {
    read(ctx, organization, Extent::All).await
}

/// Which finals are read.
enum Extent {
    /// All, in the place of what was known.
    All,
    /// Those with these numbers.
    Numbers(Vec<Name>),
}

/// Reads finals into the state. One whose content is damaged, or that lacks a slice, stays unread: nothing of its month
/// is adjusted then.
async fn read(ctx: &Context, organization: &Name, extent: Extent) -> Result<(), kube::Error> {
    match extent {
        Extent::Numbers(numbers) if numbers.len() <= MAX_SINGLE_READS => {
            let invoices: Api<Invoice> = Api::namespaced(ctx.client.clone(), organization);
            for number in numbers {
                if let Some(invoice) = invoices.get_opt(&number).await?
                    && let Some(lines) = readable(ctx, organization, &invoice).await?
                {
                    ctx.queues.add(ctx.write(|state| state.record_final(organization, lines)));
                }
            }
        }
        Extent::All | Extent::Numbers(_) => {
            let finals = list_finals(ctx, organization).await?;
            ctx.queues.add(ctx.write(|state| state.replace_billed(organization, finals)));
            read_notes(ctx, organization).await?;
        }
    }
    Ok(())
}

async fn list_finals(ctx: &Context, organization: &Name) -> Result<Vec<ReadFinal>, kube::Error> {
    let mut pages = list::<Invoice>(Api::namespaced(ctx.client.clone(), organization), billing_reads::finals());
    let mut finals = Vec::new();
    while let Some(page) = pages.next().await? {
        for invoice in page.into_iter().filter_map(|guarded| ctx.decoded(CONTROLLER, guarded)) {
            finals.extend(readable(ctx, organization, &invoice).await?);
        }
    }
    Ok(finals)
}

/// Reads the credit notes of an organization that are issued.
///
/// # Errors
/// The API server did not answer.
pub async fn read_notes(ctx: &Context, organization: &Name) -> Result<(), kube::Error> {
    let mut pages = list::<CreditNote>(Api::namespaced(ctx.client.clone(), organization), billing_reads::finals());
    while let Some(page) = pages.next().await? {
        for note in page.into_iter().filter_map(|guarded| ctx.decoded(CONTROLLER, guarded)) {
            ctx.queues.add(ctx.write(|state| state.record_credit_note(organization, &note)));
        }
    }
    Ok(())
}

/// What a final bills, if that can be told.
async fn readable(ctx: &Context, organization: &Name, invoice: &Invoice) -> Result<Option<ReadFinal>, kube::Error> {
    match read_final(ctx, organization, invoice).await {
        Ok(lines) => Ok(lines),
        Err(FinalError::Api(error)) => Err(error),
        Err(error @ (FinalError::Lacking(_) | FinalError::UsageRecreated | FinalError::Unreadable { .. })) => {
            tracing::warn!(%organization, %error, "a final invoice could not be read; late usage of its month is not adjusted");
            Ok(None)
        }
    }
}

/// Reads the slices of a final, and what all of it bills. `None` for an estimate.
///
/// # Errors
/// A slice is missing or cannot be read, or a line makes no sense.
pub async fn read_final(
    ctx: &Context,
    organization: &Name,
    invoice: &Invoice,
) -> Result<Option<ReadFinal>, FinalError> {
    let Some(document) = final_document(invoice) else { return Ok(None) };
    let slices = slices_of(&ctx.client, organization, document).await?.complete()?;
    let lines = final_lines(invoice, slices.iter().map(|slice| &slice.spec));
    lines.map(Some).map_err(|source| FinalError::Unreadable { invoice: invoice.name_any().into(), source })
}
