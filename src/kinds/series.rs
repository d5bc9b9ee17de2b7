//! The series of a billing group: claimed before its first estimate, used from its first final on, else given back with the group.

use std::time::Duration;

use kube::core::ObjectMeta;
use kube::{Api, ResourceExt};

use crate::context::Context;
use crate::writer::WriteError;
use billing_api::{self as api, BillingGroup, InvoiceSeries};
use billing_domain::invoice::number::series_candidates;
use billing_domain::{Name, Uid};
use billing_planning::conditions;
use billing_planning::group::series_taken;
use operator_kit::queue::Outcome;

/// A series that another group has may be free again once that group is gone.
const TAKEN_RECHECK: Duration = Duration::from_secs(300);

/// Claims the first series that is free or ours already, and writes it into the status. `None` when that is done.
///
/// # Errors
/// A write did not happen.
pub async fn claim(
    ctx: &Context,
    organization: &Name,
    group: Uid,
    object: &BillingGroup,
    candidates: &[Name],
) -> Result<Option<Outcome>, WriteError> {
    let mut status = object.status.clone().unwrap_or_default();
    let mut owner = None;
    for candidate in candidates {
        match claim_one(ctx, organization, group, object, candidate).await? {
            None => {
                status.invoice_series = Some(candidate.as_str().into());
                let mut claimed = object.clone();
                claimed.status = Some(status);
                ctx.observe(ctx.writer.replace_status(&claimed).await?);
                return Ok(None);
            }
            Some(other) => owner = Some((candidate, other)),
        }
    }
    let Some((series, owner)) = owner else { return Ok(Some(Outcome::Done)) }; // there was nothing to claim
    let taken: Vec<_> = series_taken(series, &owner).conditions().collect();
    let conditions = conditions::merge(&status.conditions, &taken, object.metadata.generation, ctx.now());
    if conditions != status.conditions {
        let mut refused = object.clone();
        refused.status =
            Some(api::BillingGroupStatus { conditions, observed_generation: object.metadata.generation, ..status });
        ctx.writer.replace_status(&refused).await?;
    }
    // A changed wish is a change of the group; that a series was given back, nothing tells.
    Ok(Some(Outcome::After(TAKEN_RECHECK)))
}

/// Claims one series. Answers with the group that has it, if that is another.
async fn claim_one(
    ctx: &Context,
    organization: &Name,
    group: Uid,
    object: &BillingGroup,
    series: &Name,
) -> Result<Option<String>, WriteError> {
    let uid = group.to_string();
    let claim = InvoiceSeries {
        metadata: ObjectMeta { name: Some(series.to_string()), ..ObjectMeta::default() },
        spec: api::InvoiceSeriesSpec {
            organization: organization.as_str().into(),
            billing_group: object.name_any().into(),
            billing_group_uid: uid.as_str().into(),
        },
        status: None,
    };
    match ctx.writer.create(&claim).await {
        Ok(_) => Ok(None),
        Err(WriteError::Exists { .. }) => {
            let owner = read(ctx, series).await?.map(|claimed| claimed.spec);
            let other = owner.filter(|owner| owner.billing_group_uid.as_str() != uid);
            Ok(other.as_ref().map(described))
        }
        Err(error) => Err(error),
    }
}

/// The group that has a series. It may have had the name of the one that asks, and be gone.
fn described(owner: &api::InvoiceSeriesSpec) -> String {
    format!("{}/{} with the UID {}", owner.organization, owner.billing_group, owner.billing_group_uid)
}

/// Writes on the series that it is used, before the first invoice of the group is final: from then on nobody deletes it. One that
/// went, because the group was about to go, is claimed again.
///
/// # Errors
/// It is another group's by now, or a write did not happen.
pub async fn mark_used(
    ctx: &Context,
    organization: &Name,
    group: Uid,
    object: &BillingGroup,
) -> Result<(), WriteError> {
    let Some(series) = object.status.as_ref().and_then(|status| status.invoice_series.as_deref()).map(Name::from)
    else {
        return Ok(());
    };
    if let Some(other) = claim_one(ctx, organization, group, object, &series).await? {
        let message = series_taken(&series, &other).message().to_owned();
        return Err(WriteError::Refused { object: format!("InvoiceSeries {series}"), message });
    }
    let Some(mut claimed) = read(ctx, &series).await? else {
        return Err(WriteError::Gone { object: format!("InvoiceSeries {series}") });
    };
    if claimed.status.as_ref().is_some_and(|status| status.used) {
        return Ok(());
    }
    claimed.status.get_or_insert_default().used = true;
    ctx.writer.replace_status(&claimed).await.map(drop)
}

/// Deletes the series of a group that goes, unless it is used: by a final, or by what is about to make one. (A group may have
/// claimed one that its status does not say yet.)
///
/// # Errors
/// A read or a write did not happen.
pub async fn give_back(ctx: &Context, object: &BillingGroup) -> Result<(), WriteError> {
    let status = object.status.clone().unwrap_or_default();
    if status.first_period.is_some() || status.last_final.is_some() {
        return Ok(());
    }
    let wish = object.spec.terms.as_ref().and_then(|terms| terms.invoice_series.as_deref()).map(Name::from);
    let uid = object.uid().unwrap_or_default();
    let candidates = match (&status.invoice_series, uid.parse()) {
        (Some(series), _) => vec![Name::from(series.as_str())],
        (None, Ok(uid)) => series_candidates(wish.as_ref(), uid),
        (None, Err(_)) => Vec::new(),
    };
    for candidate in candidates {
        let Some(series) = read(ctx, &candidate).await? else { return Ok(()) };
        if series.spec.billing_group_uid.as_str() == uid {
            let status = series.status.clone().unwrap_or_default();
            let used = status.used || !status.credit_notes.is_empty();
            return if used { Ok(()) } else { ctx.writer.delete(&series).await };
        }
    }
    Ok(())
}

async fn read(ctx: &Context, series: &Name) -> Result<Option<InvoiceSeries>, WriteError> {
    let api: Api<InvoiceSeries> = Api::all(ctx.client.clone());
    let failed = |source| WriteError::Failed { object: format!("InvoiceSeries {series}"), source: Box::new(source) };
    api.get_opt(series).await.map_err(failed)
}
