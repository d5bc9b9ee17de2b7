//! Usage that cannot be billed: a condition on the record, a number in the metrics.
//!
//! Guarantees: a record whose reason is written already costs no write; one that is put right within seconds costs none either.
//! Cost of a look: the usage of one organization, whatever changed in it.

use futures::{StreamExt, stream};
use kube::core::ObjectMeta;
use serde_json::json;

use crate::context::Context;
use crate::writer::WriteError;
use billing_api::{self as api, UsageRecord};
use billing_domain::{Name, Usage};
use billing_state::Key;
use operator_kit::queue::Outcome;

use billing_planning::usage::{Report, plan_reports};

/// How many records are written at once.
const CONCURRENT_RECORDS: usize = 8;

const CONTROLLER: &str = "usage";

/// Writes `Billable=False` on the records of an organization that cannot be billed, and takes it off those that can.
pub async fn reconcile(ctx: &Context, organization: &Name) -> Outcome {
    let now = ctx.now();
    let (reports, counts) = ctx.read(|state| plan_reports(state, organization, &ctx.settings, now));
    ctx.unbilled_counts.set(organization, counts);
    ctx.metrics.billing.unbilled_records(ctx.unbilled_counts.total());
    if !reports.is_empty() {
        ctx.queues.add([Key::Periods]); // which count the records
    }
    let (reports, wake) = ctx.report_debounce.due_reports(organization, reports, now);
    let writes = reports.into_iter().map(|report| write(ctx, organization, report));
    let written: Vec<_> = stream::iter(writes).buffer_unordered(CONCURRENT_RECORDS).collect().await;
    // A running record can come to a time without a price, and nothing but the clock tells.
    let later = now.checked_add_signed(ctx.settings.estimate_interval);
    match written.into_iter().find_map(Result::err) {
        None | Some(WriteError::Gone { .. }) => ctx.requeue_at(wake.into_iter().chain(later).min()),
        Some(error) => ctx.after_error(CONTROLLER, &error),
    }
}

async fn write(ctx: &Context, organization: &Name, report: Report) -> Result<(), WriteError> {
    ctx.writer.patch_status(&named(organization, &report.usage), json!({ "conditions": report.conditions })).await
}

/// The record with no more than a patch needs.
fn named(organization: &Name, usage: &Usage) -> UsageRecord {
    let metadata = ObjectMeta {
        name: Some(usage.name.to_string()),
        namespace: Some(organization.to_string()),
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
        quantity: usage.quantity.to_string().into(),
        start: usage.start.into(),
        end: usage.end.map(api::Time::from),
        tags: Default::default(),
        replaces: None,
    };
    UsageRecord { metadata, spec, status: None }
}
