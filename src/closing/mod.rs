//! Closing: months that are over become final.

mod credits;
mod fetch;
mod finalise;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use futures::{StreamExt, stream};

use crate::context::Context;
use billing_domain::{Name, Uid};
use fetch::ClosingPass;
use finalise::close_group;
use operator_kit::queue::Outcome;

/// How many groups are closed at once.
const CONCURRENT_GROUPS: usize = 16;

const CONTROLLER: &str = "closing";

/// The groups with a month that can become final, by organization.
#[derive(Debug, Default)]
pub struct DueGroups(Mutex<BTreeMap<Name, BTreeSet<Uid>>>);

impl DueGroups {
    /// A month of this group can become final.
    pub fn add(&self, organization: &Name, group: Uid) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(organization.clone()).or_default().insert(group);
    }

    fn take(&self) -> BTreeMap<Name, BTreeSet<Uid>> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Closes what is due: everything is read directly, once, and decided again on that.
pub async fn reconcile(ctx: &Context) -> Outcome {
    let due = ctx.due.take();
    if due.is_empty() {
        return Outcome::Done;
    }
    let pass = match fetch::fetch(ctx, &due).await {
        Ok(pass) => pass,
        Err(error) => {
            tracing::warn!(%error, "the data needed to close months could not be read; trying again");
            return requeue_unread(ctx, due);
        }
    };
    let (unread, read): (BTreeMap<_, _>, _) =
        due.into_iter().partition(|(organization, _)| pass.unread.contains(organization));
    let closed = close_all(ctx, &pass, read).await;
    if unread.is_empty() { closed } else { requeue_unread(ctx, unread) }
}

async fn close_all(ctx: &Context, pass: &ClosingPass, due: BTreeMap<Name, BTreeSet<Uid>>) -> Outcome {
    let mut closings = Vec::new();
    for (organization, groups) in due {
        closings.extend(groups.into_iter().map(|group| close(ctx, pass, organization.clone(), group)));
    }
    let outcomes: Vec<_> = stream::iter(closings).buffer_unordered(CONCURRENT_GROUPS).collect().await;
    outcomes.into_iter().find(|outcome| *outcome == Outcome::Failed).unwrap_or(Outcome::Done)
}

/// Closes one group. One that fails is due again.
async fn close(ctx: &Context, pass: &ClosingPass, organization: Name, group: Uid) -> Outcome {
    let Err(error) = close_group(ctx, pass, &organization, group).await else { return Outcome::Done };
    ctx.due.add(&organization, group);
    ctx.after_error(CONTROLLER, &error);
    Outcome::Failed
}

/// What could not be read stays due.
fn requeue_unread(ctx: &Context, due: BTreeMap<Name, BTreeSet<Uid>>) -> Outcome {
    ctx.metrics.work.failed(CONTROLLER, "fetch");
    for (organization, groups) in due {
        for group in groups {
            ctx.due.add(&organization, group);
        }
    }
    Outcome::Failed
}
