//! Closing: months that are over become final.
//!
//! Each organization has a pass of its own: everything is read directly, once, and decided again on that. One that is slow, or
//! cannot be read, delays no other.

mod credits;
mod fetch;
mod finalise;
mod reissue;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use futures::{StreamExt, stream};
use tokio::sync::Semaphore;

use crate::context::Context;
use billing_domain::{Name, Uid};
use billing_state::Key;
use fetch::ClosingPass;
pub use fetch::ClusterRead;
use finalise::close_group;
use operator_kit::queue::Outcome;

/// How many groups of an organization are closed at once. A group whose invoice has slices counts once more for each of them: its
/// document is held until it is written.
const CONCURRENT_GROUPS: u32 = 16;

const CONTROLLER: &str = "closing";

/// The groups with a month that can become final, by organization.
#[derive(Debug, Default)]
pub struct DueGroups(Mutex<BTreeMap<Name, Due>>);

/// The groups of one organization.
#[derive(Debug)]
struct Due {
    groups: BTreeSet<Uid>,
    /// When the last of them was found to be due: what they are closed on is read after that.
    since: Instant,
}

impl DueGroups {
    /// A month of this group can become final.
    pub fn add(&self, organization: &Name, group: Uid) {
        self.add_all(organization, [group]);
    }

    fn add_all(&self, organization: &Name, groups: impl IntoIterator<Item = Uid>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let none = || Due { groups: BTreeSet::new(), since: Instant::now() };
        let due = all.entry(organization.clone()).or_insert_with(none);
        due.groups.extend(groups);
        due.since = Instant::now();
    }

    fn take(&self, organization: &Name) -> Option<Due> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(organization)
    }
}

/// Closes what is due of an organization. Cost: a list of each of its kinds, and then each month of its due groups once.
pub async fn reconcile(ctx: &Context, organization: &Name) -> Outcome {
    let Some(Due { groups, since }) = ctx.due.take(organization) else { return Outcome::Done };
    let failed = || format!("what is needed to close months of {organization} could not be read");
    match fetch::fetch(ctx, organization, since).await {
        Ok(pass) => {
            ctx.troubles.over(failed);
            close_all(ctx, &pass, organization, groups).await
        }
        Err(error) => {
            ctx.troubles.tell(failed(), &error);
            ctx.metrics.work.failed(CONTROLLER, "fetch");
            ctx.due.add_all(organization, groups); // what could not be read stays due
            Outcome::Failed
        }
    }
}

async fn close_all(ctx: &Context, pass: &ClosingPass, organization: &Name, groups: BTreeSet<Uid>) -> Outcome {
    let (slices, permits) = (pass.slices(organization), Semaphore::new(CONCURRENT_GROUPS as usize));
    let close = async |group| {
        let weight = slices.get(&group).map_or(1, |slices| slices.saturating_add(1).min(CONCURRENT_GROUPS));
        let _permit = permits.acquire_many(weight).await;
        close(ctx, pass, organization, group).await
    };
    let closings: Vec<_> = groups.into_iter().map(close).collect();
    let outcomes: Vec<_> = stream::iter(closings).buffer_unordered(CONCURRENT_GROUPS as usize).collect().await;
    outcomes.into_iter().find(|outcome| *outcome == Outcome::Failed).unwrap_or(Outcome::Done)
}

/// Closes one group. One that fails is due again.
async fn close(ctx: &Context, pass: &ClosingPass, organization: &Name, group: Uid) -> Outcome {
    let key = Key::Group { organization: organization.clone(), group };
    let Err(error) = close_group(ctx, pass, organization, group).await else {
        ctx.after_success(CONTROLLER, &key);
        return Outcome::Done;
    };
    ctx.due.add(organization, group);
    ctx.after_error(CONTROLLER, &key, &error);
    Outcome::Failed
}
