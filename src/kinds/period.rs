//! The months that are over.
//!
//! Guarantees: a BillingPeriod is made once, and only when the API server's clock says so. Cost of a look: the months since the
//! oldest first period, times the organizations; of these only months with an open invoice look at usage.

use futures::{StreamExt, TryStreamExt, stream};

use crate::context::Context;
use crate::writer::WriteError;
use billing_domain::{Month, Timestamp};
use billing_planning::builders::billing_period;
use operator_kit::queue::Outcome;

use crate::metrics::BillingMetrics;
use billing_planning::period::{Census, PeriodPlan, census, plan_periods};
use billing_state::ObservedState;

/// Makes a BillingPeriod of every month that is over, and keeps their statuses.
///
/// # Errors
/// A write did not happen.
pub async fn reconcile(ctx: &Context) -> Result<Outcome, WriteError> {
    let now = ctx.now();
    let PeriodPlan { create, statuses, wake } = ctx.read(|state| plan_periods(state, &ctx.settings, now));
    let done = async {
        for month in create {
            make_period(ctx, month).await?;
        }
        let writes =
            statuses.into_iter().map(|period| async move { ctx.writer.replace_status(&period).await.map(drop) });
        stream::iter(writes).buffer_unordered(4).try_collect::<()>().await
    };
    done.await.map(|()| ctx.requeue_at(Some(wake)))
}

/// The API server refuses a month that is not over by its own clock; then we were early, and try again.
async fn make_period(ctx: &Context, month: Month) -> Result<(), WriteError> {
    let period = billing_period(month, ctx.settings.attribution);
    match ctx.writer.create(&period).await {
        Ok(made) => {
            tracing::info!(%month, "the month is over");
            ctx.observe(made);
            Ok(())
        }
        Err(WriteError::Exists { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Shows how many groups, projects and invoices there are.
pub fn show_gauges(state: &ObservedState, metrics: &BillingMetrics, now: Timestamp) {
    let Census { groups, projects, estimates, finals, held } = census(state, now);
    metrics.observed_objects(groups, projects);
    metrics.invoices([("Estimate", estimates), ("Final", finals)]);
    metrics.held_invoices(held);
}
