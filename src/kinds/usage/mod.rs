//! Usage that cannot be billed: a condition on the record, a number in the metrics. Usage that is billed and needed no more: removed,
//! where the operator is set to.
//!
//! Guarantees: a record whose reason is written already costs no write; one that is put right within seconds costs none either.
//! Cost of a look: the usage of one organization, whatever changed in it.

mod removal;
mod reports;

use chrono::TimeDelta;
use futures::{StreamExt, stream};
use kube::core::ObjectMeta;

use crate::context::Context;
use crate::writer::WriteError;
use billing_api::{self as api, UsageRecord};
use billing_domain::{Name, Usage};
use billing_planning::usage::{ReportPlan, plan_reports};
use billing_state::Key;
use operator_kit::queue::Outcome;
use removal::remove_old;
use reports::{report_purged, write};

/// How many records are written at once.
const CONCURRENT_RECORDS: usize = 8;

/// How soon an organization is looked at again whose projects wait for their ledgers, should nothing else tell.
const AWAITING_RECHECK: TimeDelta = TimeDelta::seconds(10);

/// Writes `Billable=False` on records of an organization that cannot be billed, and takes it off those that can: some hundred, and
/// then it looks again, for what is being put right changes with every second. Cost: one plan for these, and a write each.
///
/// # Errors
/// A write did not happen.
pub async fn reconcile(ctx: &Context, organization: &Name) -> Result<Outcome, WriteError> {
    let now = ctx.now();
    let plan = || ctx.read(|state| plan_reports(state, organization, &ctx.settings, now));
    let ReportPlan { reports, counts, waits } = tokio::task::block_in_place(plan);
    report_purged(ctx, organization);
    ctx.unbilled_counts.set(organization, counts);
    ctx.metrics.billing.unbilled_records(ctx.unbilled_counts.total());
    if !reports.is_empty() {
        ctx.queues.add([Key::Periods]); // which count the records
    }
    let (reports, wake) = ctx.report_debounce.due_reports(organization, reports, now);
    let writes = reports.into_iter().map(|report| write(ctx, organization, report));
    let written: Vec<_> = stream::iter(writes).buffer_unordered(CONCURRENT_RECORDS).collect().await;
    let recheck = now.checked_add_signed(AWAITING_RECHECK).filter(|_| waits);
    // A running record can come to a time without a price, and nothing but the clock tells.
    let later = now.checked_add_signed(ctx.settings.estimate_interval);
    match written.into_iter().find_map(Result::err) {
        None | Some(WriteError::Gone { .. }) => {}
        Some(error) => return Err(error),
    }
    let more = remove_old(ctx, organization, now).await?;
    Ok(ctx.requeue_at([wake, recheck, later, more].into_iter().flatten().min()))
}

/// The record with no more than a patch needs.
fn named(organization: &Name, usage: &Usage) -> UsageRecord {
    let metadata = ObjectMeta {
        name: Some(usage.name.to_string()),
        namespace: Some(organization.to_string()),
        uid: Some(usage.uid.to_string()),
        ..ObjectMeta::default()
    };
    let service = api::Service {
        name: usage.service.name.to_string(),
        kind: usage.service.kind.to_string(),
        plan: None,
        cloud: None,
    };
    let spec = api::UsageRecordSpec {
        project: usage.project.as_str().into(),
        service,
        cluster: None,
        quantity: usage.quantity.to_string().into(),
        start: usage.start.into(),
        end: usage.end.map(api::Time::from),
        readings: None,
        tags: Default::default(),
        replaces: None,
    };
    UsageRecord { metadata, spec, status: None }
}
