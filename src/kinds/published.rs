//! Price lists, issuers, exchange rates and codes: whether all of it can be used.
//!
//! Guarantees: nothing but conditions and the generation they are about is written, by a patch, so a code that is redeemed at the same
//! time stays redeemed. Nothing is written when nothing changed. Cost of a look: none beyond the state; at most one write.

use std::fmt::Debug;

use kube::Resource;
use kube::core::ClusterResourceScope;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::context::Context;
use crate::writer::WriteError;
use billing_api::{CreditCode, ExchangeRates, InvoiceIssuer, PriceList, ReadinessStatus};
use billing_domain::Name;
use billing_planning::published::{PublishedPlan, plan_published};
use billing_state::{Key, Published};
use operator_kit::queue::Outcome;

/// Looks at something published, and says how far the operator is with it.
///
/// # Errors
/// A write did not happen.
pub async fn reconcile(ctx: &Context, kind: Published, name: &Name) -> Result<Outcome, WriteError> {
    let now = ctx.now();
    let Some(PublishedPlan { status, wake }) = ctx.read(|state| plan_published(state, kind, name, now)) else {
        ctx.forget_writes(&Key::Published { kind, name: name.clone() });
        return Ok(Outcome::Done);
    };
    let Some(status) = status else { return Ok(ctx.requeue_at(wake)) };
    let written = match kind {
        Published::PriceList => write::<PriceList>(ctx, name, &status).await,
        Published::InvoiceIssuer => write::<InvoiceIssuer>(ctx, name, &status).await,
        Published::ExchangeRates => write::<ExchangeRates>(ctx, name, &status).await,
        Published::CreditCode => write::<CreditCode>(ctx, name, &status).await,
    };
    match written {
        Ok(()) => {
            ctx.write(|state| state.record_readiness(kind, name, status));
            Ok(ctx.requeue_at(wake))
        }
        Err(WriteError::Gone { .. }) => Ok(Outcome::Done),
        Err(error) => Err(error),
    }
}

async fn write<K>(ctx: &Context, name: &Name, status: &ReadinessStatus) -> Result<(), WriteError>
where
    K: Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + Debug + DeserializeOwned,
{
    let ReadinessStatus { conditions, observed_generation } = status;
    let patch = json!({ "conditions": conditions, "observedGeneration": observed_generation });
    ctx.writer.patch_cluster_status::<K>(name, patch).await
}
