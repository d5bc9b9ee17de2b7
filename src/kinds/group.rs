//! A billing group: its series, its members, its estimates, its end.
//!
//! Guarantees: nothing is written when nothing changed; a number is claimed before it is used; the finalizer is taken off last.
//! Steps are keyed and can be repeated after a crash anywhere. Cost of a look: the usage of the projects that the group pays or
//! paid for, once for each of its months that is not final, and the projects bound to it; at most one write of the group and one
//! of each estimate that changed.

use chrono::TimeDelta;
use futures::{StreamExt, TryStreamExt, stream};
use kube::ResourceExt;
use kube::core::ObjectMeta;
use serde_json::json;

use super::invoice::{altered_document, create_invoice, delete_slices, ensure_further_slices};
use super::series;
use crate::context::Context;
use crate::writer::WriteError;
use billing_api::{self as api, BillingGroup, labels};
use billing_domain::{Name, Uid};
use billing_planning::conditions;
use billing_planning::group::{GroupPlan, InvoiceWrite, Steady, plan_group};
use billing_planning::invoice::{estimate_status, status_object};
use billing_state::{Estimate, Key};
use operator_kit::events::Severity;
use operator_kit::queue::Outcome;

/// A new group is protected, claims its series and is billed; that is more than the steps there are.
const MAX_STEPS: usize = 5;

/// How many invoices of one group are written at once.
const CONCURRENT_INVOICES: usize = 4;

/// A group whose month should have become final by then asks again.
const CLOSING_RECHECK: TimeDelta = TimeDelta::seconds(60);

/// When a group whose balance was granted to another is looked at again.
const TRANSFER_RECHECK: TimeDelta = TimeDelta::seconds(1);

/// Looks at a group and does what it needs.
///
/// # Errors
/// A write did not happen.
pub async fn reconcile(ctx: &Context, organization: &Name, group: Uid) -> Result<Outcome, WriteError> {
    for _ in 0..MAX_STEPS {
        if let Some(outcome) = step(ctx, organization, group).await? {
            return Ok(outcome);
        }
    }
    Ok(Outcome::Failed)
}

/// One step; `None` when another follows at once.
async fn step(ctx: &Context, organization: &Name, group: Uid) -> Result<Option<Outcome>, WriteError> {
    let now = ctx.now();
    let (plan, object) = ctx.read(|state| {
        let object = state.organization(organization).and_then(|state| state.group(group)).cloned();
        (plan_group(state, organization, group, &ctx.settings, ctx.coalescing.of(group), now), object)
    });
    let Some(object) = object else {
        ctx.coalescing.set(group, None);
        ctx.queues.mark_large(group, false);
        ctx.forget_writes(&Key::Group { organization: organization.clone(), group });
        return Ok(Some(Outcome::Done));
    };
    match plan {
        Err(error) => {
            tracing::error!(group = object.name_any(), %organization, %error, "an invoice cannot be rendered");
            return Ok(Some(Outcome::Failed));
        }
        Ok(GroupPlan::Gone | GroupPlan::Nothing) => {}
        Ok(GroupPlan::Release) => release(ctx, &object).await?,
        Ok(GroupPlan::Remove) => ctx.writer.delete(object.as_ref()).await?,
        Ok(GroupPlan::Protect) => {
            protect(ctx, &object).await?;
            return Ok(None);
        }
        Ok(GroupPlan::Tell(status)) => {
            tell(ctx, object.as_ref(), *status).await?;
            return Ok(None);
        }
        Ok(GroupPlan::ClaimSeries(candidates)) => {
            return series::claim(ctx, organization, group, &object, &candidates).await;
        }
        Ok(GroupPlan::Steady(steady)) => {
            return apply_steady(ctx, organization, group, &object, *steady).await.map(Some);
        }
    }
    Ok(Some(Outcome::Done))
}

/// Writes a status, and publishes what is new of it.
async fn tell(
    ctx: &Context,
    object: &BillingGroup,
    status: api::BillingGroupStatus,
) -> Result<BillingGroup, WriteError> {
    publish_change(ctx, object, &status);
    let told = BillingGroup { status: Some(status), ..object.clone() };
    let told = ctx.writer.replace_status(&told).await?;
    ctx.observe(told.clone());
    Ok(told)
}

async fn protect(ctx: &Context, object: &BillingGroup) -> Result<(), WriteError> {
    let finalizers: Vec<_> = object.finalizers().iter().map(String::as_str).chain([labels::SETTLE_FINALIZER]).collect();
    let written = ctx.writer.patch_metadata(object, json!({ "finalizers": finalizers })).await?;
    ctx.observe(written);
    Ok(())
}

/// Lets a group go, and with it the series that it never used.
async fn release(ctx: &Context, object: &BillingGroup) -> Result<(), WriteError> {
    series::give_back(ctx, object).await?;
    let others: Vec<_> = object.finalizers().iter().filter(|name| *name != labels::SETTLE_FINALIZER).collect();
    match ctx.writer.patch_metadata(object, json!({ "finalizers": others })).await {
        Ok(_) | Err(WriteError::Gone { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn apply_steady(
    ctx: &Context,
    organization: &Name,
    group: Uid,
    object: &BillingGroup,
    steady: Steady,
) -> Result<Outcome, WriteError> {
    let Steady { status, writes, deletes, transfer, release: released, closing, coalescing, wake } = steady;
    let has_slices = has_slices(&writes);
    if has_slices == Some(true) && !ctx.queues.is_large(group) {
        // It is looked at again where few are at once.
        ctx.queues.mark_large(group, true);
        ctx.queues.add([Key::Group { organization: organization.clone(), group }]);
        return Ok(Outcome::Done);
    }
    let mut current = object.clone();
    if let Some(status) = status {
        current = tell(ctx, object, status).await?;
    }
    ctx.coalescing.set(group, coalescing);
    for estimate in deletes {
        delete_estimate(ctx, organization, object, &estimate).await?;
    }
    stream::iter(writes)
        .map(|write| write_estimate(ctx, write))
        .buffer_unordered(CONCURRENT_INVOICES)
        .try_collect::<()>()
        .await?;
    if has_slices == Some(false) {
        ctx.queues.mark_large(group, false);
    }
    if let Some(credit) = transfer {
        transfer_balance(ctx, &credit).await?;
        return Ok(ctx.requeue_at(ctx.now().checked_add_signed(TRANSFER_RECHECK)));
    }
    if released {
        release(ctx, &current).await?;
    }
    if closing {
        ctx.due.add(organization, group);
        ctx.queues.add([Key::Closing(organization.clone())]);
        let later = ctx.now().checked_add_signed(CLOSING_RECHECK);
        return Ok(ctx.requeue_at(wake.into_iter().chain(later).min()));
    }
    Ok(ctx.requeue_at(wake))
}

/// Whether what is to be written for a group has slices; `None` when nothing is.
fn has_slices(writes: &[InvoiceWrite]) -> Option<bool> {
    let rendered = writes.iter().filter_map(|write| write.write.rendered.as_ref());
    rendered.map(|rendered| !rendered.slices.is_empty()).reduce(|one, other| one || other)
}

/// Gives what a group is owed to another one. That it is given already is as good.
async fn transfer_balance(ctx: &Context, credit: &api::Credit) -> Result<(), WriteError> {
    match ctx.writer.create(credit).await {
        Ok(granted) => ctx.observe(granted),
        Err(WriteError::Exists { .. }) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// A changed reason of `Ready` is news.
fn publish_change(ctx: &Context, object: &BillingGroup, status: &api::BillingGroupStatus) {
    let before = object.status.as_ref().and_then(|status| conditions::find(&status.conditions, "Ready"));
    let Some(after) = conditions::find(&status.conditions, "Ready") else { return };
    if before.map(|before| &before.reason) == Some(&after.reason) {
        return;
    }
    match after.reason.as_str() {
        "Ready" => ctx.publish_event(object, Severity::Normal, "Ready", "Bill", after.message.clone()),
        "Closing" => ctx.publish_event(object, Severity::Normal, "Closing", "Settle", after.message.clone()),
        _ => ctx.publish_event(object, Severity::Warning, "Held", "Bill", after.message.clone()),
    }
}

async fn write_estimate(ctx: &Context, planned: InvoiceWrite) -> Result<(), WriteError> {
    let InvoiceWrite { facts, observed, write } = planned;
    let observed = match observed {
        Some(observed) => observed,
        None => create_invoice(&ctx.writer, &facts).await?,
    };
    let slices = write.rendered.as_ref().map(|rendered| rendered.slices.as_slice()).unwrap_or_default();
    ensure_further_slices(&ctx.client, &ctx.writer, &facts, &observed.slices, slices).await?;
    let was_ready = conditions::holds(&observed.conditions, "Ready");
    let document = write.rendered.map(|rendered| rendered.document);
    let status = estimate_status(document, write.conditions);
    let sent = status.document.as_ref().map(|document| document.digest.clone());
    let written = ctx.writer.replace_status(&status_object(&facts, &observed, status)).await?;
    if sent.is_some_and(|digest| !altered_document(&written, &digest).is_empty()) {
        return Err(WriteError::Altered { object: format!("Invoice {}/{}", facts.organization, facts.number) });
    }
    if let Some(ready) = written.status.as_ref().and_then(|status| conditions::find(&status.conditions, "Ready"))
        && ready.status == "False"
        && was_ready
    {
        ctx.publish_event(&written, Severity::Warning, "Held", "Bill", ready.message.clone());
    }
    ctx.observe(written);
    delete_slices(&ctx.writer, &facts.organization, &write.obsolete).await;
    Ok(())
}

async fn delete_estimate(
    ctx: &Context,
    organization: &Name,
    group: &BillingGroup,
    estimate: &Estimate,
) -> Result<(), WriteError> {
    let metadata = ObjectMeta {
        name: Some(estimate.number.to_string()),
        namespace: Some(organization.to_string()),
        uid: Some(estimate.uid.clone()),
        resource_version: Some(estimate.version.clone()),
        ..ObjectMeta::default()
    };
    let spec = api::InvoiceSpec {
        billing_group: group.name_any().into(),
        billing_group_uid: estimate.group.to_string().into(),
        period: estimate.month.to_string().into(),
        series: estimate.number.split_once('-').map_or(estimate.number.as_str(), |(series, _)| series).into(),
        sequence: i32::try_from(estimate.sequence).unwrap_or(i32::MAX),
        revision: None,
    };
    ctx.writer.delete(&api::Invoice { metadata, spec, status: None }).await?;
    delete_slices(&ctx.writer, organization, &estimate.slices).await;
    Ok(())
}
