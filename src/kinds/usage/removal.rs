//! Usage that is billed and needed no more: removed, where the operator is set to.

use chrono::TimeDelta;
use futures::{StreamExt, stream};

use super::{CONCURRENT_RECORDS, named};
use crate::context::Context;
use crate::writer::WriteError;
use billing_domain::{Name, Timestamp};
use billing_planning::usage::plan_retention;

/// How many records are removed at a look, and how soon the next ones are: a few a second, which no API server minds.
const REMOVED_AT_ONCE: usize = 50;
const REMOVAL_PAUSE: TimeDelta = TimeDelta::seconds(10);

/// Removes records that are needed no more, some at a look, and says when to go on.
pub(super) async fn remove_old(
    ctx: &Context,
    organization: &Name,
    now: Timestamp,
) -> Result<Option<Timestamp>, WriteError> {
    if ctx.settings.usage_retention.is_none() {
        return Ok(None);
    }
    let plan = || ctx.read(|state| plan_retention(state, organization, &ctx.settings, now));
    let old = tokio::task::block_in_place(plan);
    if old.is_empty() {
        return Ok(None);
    }
    let records: Vec<_> = old.iter().take(REMOVED_AT_ONCE).map(|usage| named(organization, usage)).collect();
    let deletions = records.into_iter().map(|record| async move { ctx.writer.delete(&record).await });
    let removed: Vec<_> = stream::iter(deletions).buffer_unordered(CONCURRENT_RECORDS).collect().await;
    let count = removed.iter().filter(|removed| removed.is_ok()).count();
    ctx.metrics.billing.usage_records_removed(count);
    tracing::info!(%organization, count, left = old.len() - count, "usage records older than they are kept were removed");
    removed.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(now.checked_add_signed(REMOVAL_PAUSE).filter(|_| old.len() > count))
}
