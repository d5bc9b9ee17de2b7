//! Doing what the plan of a credit says.

use super::plan::{CreditPlan, plan_credit};
use crate::api::Credit;
use crate::controller::context::Context;
use crate::controller::runtime::queue::Outcome;
use crate::controller::writer::WriteError;
use crate::domain::Name;

/// A code is redeemed, and what it is worth is written; that is fewer than the steps there are.
const MOST_STEPS: usize = 4;

const CONTROLLER: &str = "credit";

/// Looks at a credit and does what it needs.
pub async fn reconcile(ctx: &Context, organization: &Name, credit: &Name) -> Outcome {
    for _ in 0..MOST_STEPS {
        match step(ctx, organization, credit).await {
            Ok(Some(outcome)) => return outcome,
            Ok(None) => {}
            Err(error) => return ctx.after_error(CONTROLLER, &error),
        }
    }
    Outcome::Failed
}

/// One step; `None` when another follows at once.
async fn step(ctx: &Context, organization: &Name, credit: &Name) -> Result<Option<Outcome>, WriteError> {
    let now = ctx.now();
    let planned = ctx.read(|books| {
        let object = books.organization(organization)?.credits.get(credit)?.object.clone();
        Some((plan_credit(books, organization, credit, now)?, object))
    });
    match planned {
        None => Ok(Some(Outcome::Done)),
        Some((CreditPlan::Redeem(code), _)) => {
            ctx.observe(ctx.writer.replace_status(&*code).await?);
            Ok(None)
        }
        Some((CreditPlan::Steady { status: Some(status), .. }, object)) => {
            let written = Credit { status: Some(*status), ..Credit::clone(&object) };
            ctx.observe(ctx.writer.replace_status(&written).await?);
            Ok(None)
        }
        Some((CreditPlan::Steady { status: None, wake }, _)) => Ok(Some(ctx.look_again(wake))),
    }
}
