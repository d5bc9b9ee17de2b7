//! What is told of usage that cannot be billed, record by record.

use serde_json::json;

use super::named;
use crate::context::Context;
use crate::writer::WriteError;
use billing_domain::Name;
use billing_planning::usage::{PURGED, Report};
use billing_state::ReportedCondition;
use operator_kit::events::Severity;

/// Tells of records that were deleted before they were billed: their condition went with them.
pub(super) fn report_purged(ctx: &Context, organization: &Name) {
    for usage in ctx.write(|state| state.take_purged(organization)) {
        let note = "deleted before its month was final: no invoice bills it; create the record again under its name if that was a mistake";
        tracing::warn!(%organization, record = %usage.name, project = %usage.project, "usage was deleted before it was billed");
        ctx.publish_event(&named(organization, &usage), Severity::Warning, PURGED, "Bill", note);
    }
}

/// Writes a report, and keeps in the state that it is written: the watch may be slower than the next look.
pub(super) async fn write(ctx: &Context, organization: &Name, report: Report) -> Result<(), WriteError> {
    let Report { usage, conditions } = report;
    ctx.writer.patch_status(&named(organization, &usage), json!({ "conditions": conditions })).await?;
    let report = conditions.first().map(ReportedCondition::from);
    ctx.write(|state| state.record_report(organization, &usage.name, report));
    Ok(())
}
