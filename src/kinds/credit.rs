//! A credit: its code is redeemed, and it says how it stands. What invoices take of it is written by
//! [closing](crate::closing).
//!
//! Guarantees: a code is redeemed by one credit, whoever else tries at the same time (a PUT on the code decides). Repeating a
//! step writes nothing. Cost of a look: the credits that name the same code, and at most two writes.

use crate::context::Context;
use crate::writer::WriteError;
use billing_api::Credit;
use billing_domain::Name;
use billing_planning::credit::{CreditPlan, plan_credit};
use operator_kit::queue::Outcome;

/// A code is redeemed, and what it is worth is written; that is fewer than the steps there are.
const MAX_STEPS: usize = 4;

/// Looks at a credit and does what it needs.
///
/// # Errors
/// A write did not happen.
pub async fn reconcile(ctx: &Context, organization: &Name, credit: &Name) -> Result<Outcome, WriteError> {
    for _ in 0..MAX_STEPS {
        if let Some(outcome) = step(ctx, organization, credit).await? {
            return Ok(outcome);
        }
    }
    Ok(Outcome::Failed)
}

/// One step; `None` when another follows at once.
async fn step(ctx: &Context, organization: &Name, credit: &Name) -> Result<Option<Outcome>, WriteError> {
    let now = ctx.now();
    let planned = ctx.read(|state| {
        let object = state.organization(organization)?.credits.get(credit)?.object.clone();
        Some((plan_credit(state, organization, credit, now)?, object))
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
        Some((CreditPlan::Steady { status: None, wake }, _)) => Ok(Some(ctx.requeue_at(wake))),
    }
}
