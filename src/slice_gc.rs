//! Garbage collection of slices: those of estimates that no invoice lists any more.
//!
//! Guarantees: a slice of a final is never touched (it is labelled), and a young one neither. Cost: the metadata of the slices of
//! estimates, page by page, once in half an hour.
//!
//! An estimate deletes the slices that it no longer lists. What is left behind by an operator that was killed in
//! between costs space and nothing else, so it is enough to look now and then.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use kube::api::{DeleteParams, ListParams, Preconditions};
use kube::core::PartialObjectMeta;
use kube::{Api, ResourceExt};
use operator_kit::paging::Pages;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use billing_api::{InvoiceSlice, labels};
use billing_domain::Timestamp;
use billing_state::convert;

/// Between two looks; the first is at the start.
const GC_INTERVAL: Duration = Duration::from_secs(1800);

/// A slice is written before the invoice that lists it: a younger one may still be waiting for that.
const MIN_SLICE_AGE: TimeDelta = TimeDelta::minutes(10);

/// How many slices' metadata come in one answer.
const PAGE_SIZE: u32 = 500;

type SliceMeta = PartialObjectMeta<InvoiceSlice>;

/// Sweeps now and then until `cancel`.
pub async fn run(ctx: Arc<Context>, cancel: CancellationToken) {
    let forever = async {
        loop {
            if ctx.policies.borrow().is_enforced() {
                report(&ctx, collect_garbage(&ctx).await);
            }
            tokio::time::sleep(GC_INTERVAL).await;
        }
    };
    cancel.run_until_cancelled(forever).await.unwrap_or(())
}

fn report(ctx: &Context, collected: Result<usize, kube::Error>) {
    const FAILED: &str = "slices that no invoice lists could not be deleted";
    let count = match collected {
        Ok(count) => count,
        Err(error) => return ctx.troubles.tell(FAILED, &error),
    };
    ctx.troubles.over(|| FAILED);
    if count > 0 {
        tracing::info!(count, "deleted slices that no invoice lists");
    }
}

/// Deletes what is left behind, and says how many that were.
async fn collect_garbage(ctx: &Context) -> Result<usize, kube::Error> {
    let of_estimates = ListParams::default().labels(&format!("!{}", labels::FINAL_LABEL));
    let slices = Pages::<SliceMeta>::new(Api::all(ctx.client.clone()), of_estimates, PAGE_SIZE).all().await?;
    // Listed after the slices were read: an invoice written in between is seen, too.
    let listed = listed(ctx);
    let mut deleted = 0;
    for slice in slices {
        let Some(namespace) = slice.namespace() else {
            tracing::error!(slice = slice.name_any(), "an InvoiceSlice was listed without its namespace; it stays");
            continue;
        };
        if is_orphaned(&namespace, &slice, &listed, ctx.now()) {
            delete(ctx, &namespace, &slice).await?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// The slices that estimates list, by organization and name.
fn listed(ctx: &Context) -> HashSet<(String, String)> {
    ctx.read(|state| {
        let mut listed = HashSet::new();
        for (organization, known) in state.organizations() {
            let slices = known.invoices.estimates().flat_map(|estimate| &estimate.slices);
            listed.extend(slices.map(|slice| (organization.to_string(), slice.to_string())));
        }
        listed
    })
}

fn is_orphaned(namespace: &str, slice: &SliceMeta, listed: &HashSet<(String, String)>, now: Timestamp) -> bool {
    let old = convert::created(slice).is_ok_and(|created| now.signed_duration_since(created) > MIN_SLICE_AGE);
    old && !listed.contains(&(namespace.to_owned(), slice.name_any()))
}

async fn delete(ctx: &Context, namespace: &str, slice: &SliceMeta) -> Result<(), kube::Error> {
    let api: Api<SliceMeta> = Api::namespaced(ctx.client.clone(), namespace);
    let preconditions = Preconditions { uid: slice.uid(), resource_version: slice.resource_version() };
    let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    api.delete(&slice.name_any(), &params).await.map(drop)
}
