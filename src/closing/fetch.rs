//! Reading what is closed, directly: one list per kind and organization for the whole pass.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{PoisonError, RwLock};

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::billed_index::{self, FinalError, read_final};
use crate::context::Context;
use billing_api::{self as api, labels};
use billing_domain::{Name, Uid};
use billing_planning::months::oldest_open_month;
use billing_reads::{DeserializeGuard, Listed, list};
use billing_state::{ObjectKey, ObservedState, Observes};

/// What a closing pass decides on.
pub struct ClosingPass {
    /// All that matters, as it was read.
    pub state: RwLock<ObservedState>,
    /// Organizations that could not be read: nothing is decided about them.
    pub unread: BTreeSet<Name>,
}

/// Reads what the closing of these groups needs. An organization that cannot be read stops no other.
///
/// # Errors
/// The API server did not answer.
pub async fn fetch(ctx: &Context, due: &BTreeMap<Name, BTreeSet<Uid>>) -> Result<ClosingPass, kube::Error> {
    let mut pass = ClosingPass { state: RwLock::default(), unread: BTreeSet::new() };
    let client = || ctx.client.clone();
    let all = ListParams::default();
    observe_all::<Namespace>(&pass, Api::all(client()), all.clone().labels(labels::ORGANIZATION_LABEL)).await?;
    observe_all::<api::ProjectBinding>(&pass, Api::all(client()), all.clone()).await?;
    observe_all::<api::PriceList>(&pass, Api::all(client()), all.clone()).await?;
    observe_all::<api::ExchangeRates>(&pass, Api::all(client()), all.clone()).await?;
    observe_all::<api::InvoiceIssuer>(&pass, Api::all(client()), all.clone()).await?;
    observe_all::<api::BillingPeriod>(&pass, Api::all(client()), all).await?;
    for organization in due.keys() {
        let listed = list_organization(ctx, &pass, organization).await;
        report_missing_slices(ctx, organization, listed.as_ref().err());
        if let Err(error) = listed {
            tracing::warn!(%organization, %error, "the data needed to close months could not be read; trying again");
            pass.unread.insert(organization.clone());
        }
    }
    Ok(pass)
}

/// Lets the invoices of an organization say that a slice is missing, or that none is any more.
fn report_missing_slices(ctx: &Context, organization: &Name, error: Option<&FinalError>) {
    let keys = match error {
        None => ctx.write(|state| state.clear_missing_slices(organization)),
        Some(FinalError::Lacking(lacking)) => ctx
            .write(|state| state.mark_slice_missing(organization, lacking.slice(), lacking.invoice(), lacking.error())),
        Some(FinalError::Api(_) | FinalError::UsageRecreated | FinalError::Unreadable { .. }) => Vec::new(),
    };
    ctx.queues.add(keys);
}

async fn list_organization(ctx: &Context, pass: &ClosingPass, organization: &Name) -> Result<(), FinalError> {
    let all = ListParams::default();
    observe_all::<api::BillingGroup>(pass, within(ctx, organization), all.clone()).await?;
    observe_all::<api::ProjectLedger>(pass, within(ctx, organization), all.clone()).await?;
    observe_all::<api::UsageRecord>(pass, within(ctx, organization), all.clone()).await?;
    let mut invoices =
        list::<api::Invoice>(within(ctx, organization), all.labels(&open_months_selector(pass, organization)));
    while let Some(page) = invoices.next().await? {
        for invoice in page {
            if let Ok(invoice) = &invoice.0
                && let Some(lines) = read_final(ctx, organization, invoice).await?
            {
                ctx.queues.add(ctx.write(|state| state.record_final(organization, lines)));
            }
            observe(pass, invoice);
        }
    }
    // After the invoices: what a final says it used was reserved before.
    observe_all::<api::Credit>(pass, within(ctx, organization), ListParams::default()).await?;
    billed_index::read_notes(ctx, organization).await?;
    share_billed(ctx, pass, organization).await
}

/// Lets the pass know what finals bill. A record made again, of which that was forgotten, has them all read first.
async fn share_billed(ctx: &Context, pass: &ClosingPass, organization: &Name) -> Result<(), FinalError> {
    if share(ctx, pass, organization) {
        return Ok(());
    }
    billed_index::reread_all(ctx, organization).await?;
    if share(ctx, pass, organization) { Ok(()) } else { Err(FinalError::UsageRecreated) }
}

/// Shares what is known; answers whether that is enough.
fn share(ctx: &Context, pass: &ClosingPass, organization: &Name) -> bool {
    let mut state = pass.state.write().unwrap_or_else(PoisonError::into_inner);
    ctx.read(|known| known.share_billed(organization, &mut state));
    state.organization(organization).is_none_or(|known| !known.has_dropped_usage())
}

/// The months that are over and not final for some group, as a label selector.
fn open_months_selector(pass: &ClosingPass, organization: &Name) -> String {
    let state = pass.state.read().unwrap_or_else(PoisonError::into_inner);
    let groups = state.organization(organization).into_iter().flat_map(|state| state.groups());
    let oldest = groups.filter_map(|(uid, object)| {
        let group = state.organization(organization)?.organization.group(uid)?;
        let oldest = || object.status.as_ref().map_or(group.first_period, |status| oldest_open_month(group, status));
        (!group.begins_too_early()).then(oldest)
    });
    let newest = state.periods().map(|(month, _)| month).max();
    let months: Vec<_> = match (oldest.min(), newest) {
        (Some(oldest), Some(newest)) => oldest.through(newest).map(|month| month.to_string()).collect(),
        _ => Vec::new(),
    };
    // An empty set is no selector; a month that never was selects nothing.
    let months = if months.is_empty() { "none".to_owned() } else { months.join(",") };
    format!("{} in ({months})", labels::PERIOD_LABEL)
}

fn within<K>(ctx: &Context, organization: &Name) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    Api::namespaced(ctx.client.clone(), organization)
}

async fn observe_all<K>(
    pass: &ClosingPass,
    api: Api<DeserializeGuard<K>>,
    params: ListParams,
) -> Result<(), kube::Error>
where
    K: Listed + Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    ObservedState: Observes<K>,
{
    let mut pages = list(api, params);
    while let Some(page) = pages.next().await? {
        page.into_iter().for_each(|object| observe(pass, object));
    }
    Ok(())
}

fn observe<K>(pass: &ClosingPass, object: DeserializeGuard<K>)
where
    K: Resource<DynamicType = ()>,
    ObservedState: Observes<K>,
{
    let key = ObjectKey::of(&object);
    let mut state = pass.state.write().unwrap_or_else(PoisonError::into_inner);
    match object.0 {
        Ok(object) => state.observe(object),
        Err(invalid) => Observes::<K>::reject(&mut *state, &key, invalid.error),
    };
}
