//! Reading what is closed, directly: one list of each kind for the whole pass of an organization.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

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

/// A read of the cluster that began this long ago serves no further pass.
const MAX_CLUSTER_AGE: Duration = Duration::from_secs(10);

/// What the closing pass of an organization decides on. It is dropped with the pass.
pub struct ClosingPass {
    /// All that matters, as it was read.
    pub state: RwLock<ObservedState>,
    /// What it has of the cluster; as long as somebody holds it, it can serve others.
    _cluster: Arc<ObservedState>,
}

impl ClosingPass {
    /// By group that has any: how many slices its largest estimate has.
    pub fn slices(&self, organization: &Name) -> BTreeMap<Uid, u32> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let estimates = state.organization(organization).into_iter().flat_map(|known| known.invoices.estimates());
        let mut slices = BTreeMap::new();
        for estimate in estimates.filter(|estimate| !estimate.slices.is_empty()) {
            let most: &mut u32 = slices.entry(estimate.group).or_default();
            *most = (*most).max(u32::try_from(estimate.slices.len()).unwrap_or(u32::MAX));
        }
        slices
    }
}

/// The last read of what is published for all, and of namespaces and bindings.
///
/// Bindings and price lists have no namespace of an organization, so each pass would read those of all. Instead, the passes of a
/// time share one read. It is as exact: it began after the groups that a pass closes were found to be due, as a read of its own
/// would, and it is younger than the reads that a long pass decides on. Cost: one list a kind for all passes that start within
/// [`MAX_CLUSTER_AGE`].
#[derive(Debug, Default)]
pub struct ClusterRead(tokio::sync::Mutex<Option<(Instant, Weak<ObservedState>)>>);

impl ClusterRead {
    /// A read that began after `due`.
    async fn since(&self, ctx: &Context, due: Instant) -> Result<Arc<ObservedState>, kube::Error> {
        let mut last = self.0.lock().await;
        let fits = |began: Instant| began > due && began.elapsed() < MAX_CLUSTER_AGE;
        if let Some(shared) = last.as_ref().filter(|(began, _)| fits(*began)).and_then(|(_, shared)| shared.upgrade()) {
            return Ok(shared);
        }
        let began = Instant::now();
        let read = Arc::new(read_cluster(ctx).await?);
        *last = Some((began, Arc::downgrade(&read)));
        Ok(read)
    }
}

async fn read_cluster(ctx: &Context) -> Result<ObservedState, kube::Error> {
    let state = RwLock::default();
    let client = || ctx.client.clone();
    let all = ListParams::default();
    observe_all::<Namespace>(&state, Api::all(client()), all.clone().labels(labels::ORGANIZATION_LABEL)).await?;
    observe_all::<api::ProjectBinding>(&state, Api::all(client()), all.clone()).await?;
    observe_all::<api::PriceList>(&state, Api::all(client()), all.clone()).await?;
    observe_all::<api::ExchangeRates>(&state, Api::all(client()), all.clone()).await?;
    observe_all::<api::InvoiceIssuer>(&state, Api::all(client()), all.clone()).await?;
    observe_all::<api::BillingPeriod>(&state, Api::all(client()), all).await?;
    Ok(state.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Reads what the closing of an organization needs, after `due`. Each page is taken into the state, in the small form that the
/// state has, before the next is asked for. Cost: a list of each kind, in memory what the organization has.
///
/// # Errors
/// The API server did not answer, or a final cannot be read.
pub async fn fetch(ctx: &Context, organization: &Name, due: Instant) -> Result<ClosingPass, FinalError> {
    let cluster = ctx.cluster_read.since(ctx, due).await?;
    let pass = ClosingPass { state: RwLock::new(cluster.cluster_of(organization)), _cluster: cluster };
    let listed = list_organization(ctx, &pass, organization).await;
    report_missing_slices(ctx, organization, listed.as_ref().err());
    listed.map(|()| pass)
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
    observe_all::<api::BillingGroup>(&pass.state, within(ctx, organization), all.clone()).await?;
    observe_all::<api::ProjectLedger>(&pass.state, within(ctx, organization), all.clone()).await?;
    observe_all::<api::UsageRecord>(&pass.state, within(ctx, organization), all.clone()).await?;
    let mut invoices =
        list::<api::Invoice>(within(ctx, organization), all.labels(&open_months_selector(pass, organization)));
    while let Some(page) = invoices.next().await? {
        for invoice in page {
            if let Ok(invoice) = &invoice.0
                && let Some(lines) = read_final(ctx, organization, invoice).await?
            {
                ctx.queues.add(ctx.write(|state| state.record_final(organization, lines)));
            }
            observe(&pass.state, invoice);
        }
    }
    // After the invoices: what a final says it used was reserved before.
    observe_all::<api::Credit>(&pass.state, within(ctx, organization), ListParams::default()).await?;
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
    ctx.read(|known| known.share_refused_writes(&mut state));
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
    state: &RwLock<ObservedState>,
    api: Api<DeserializeGuard<K>>,
    params: ListParams,
) -> Result<(), kube::Error>
where
    K: Listed + Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    ObservedState: Observes<K>,
{
    let mut pages = list(api, params);
    while let Some(page) = pages.next().await? {
        page.into_iter().for_each(|object| observe(state, object));
    }
    Ok(())
}

fn observe<K>(state: &RwLock<ObservedState>, object: DeserializeGuard<K>)
where
    K: Resource<DynamicType = ()>,
    ObservedState: Observes<K>,
{
    let key = ObjectKey::of(&object);
    let mut state = state.write().unwrap_or_else(PoisonError::into_inner);
    match object.0 {
        Ok(object) => state.observe(object),
        Err(invalid) => Observes::<K>::reject(&mut *state, &key, invalid.error),
    };
}
