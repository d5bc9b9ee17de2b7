//! The months that are over.

mod plan;

use futures::{StreamExt, TryStreamExt, stream};

use super::context::Context;
use super::objects::billing_period;
use super::runtime::queue::Outcome;
use super::writer::WriteError;
use crate::domain::Month;

pub use plan::show_gauges;
use plan::{PeriodPlan, plan_periods};

const CONTROLLER: &str = "period";

/// Makes a BillingPeriod of every month that is over, and keeps their statuses.
pub async fn reconcile(ctx: &Context) -> Outcome {
    let now = ctx.now();
    let PeriodPlan { create, statuses, wake } = ctx.read(|books| plan_periods(books, &ctx.rules, now));
    let done = async {
        for month in create {
            make_period(ctx, month).await?;
        }
        let writes =
            statuses.into_iter().map(|period| async move { ctx.writer.replace_status(&period).await.map(drop) });
        stream::iter(writes).buffer_unordered(4).try_collect::<()>().await
    };
    match done.await {
        Ok(()) => ctx.look_again(Some(wake)),
        Err(error) => ctx.after_error(CONTROLLER, &error),
    }
}

/// The API server refuses a month that is not over by its own clock; then we were early, and try again.
async fn make_period(ctx: &Context, month: Month) -> Result<(), WriteError> {
    let period = billing_period(month, ctx.rules.attribution);
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
