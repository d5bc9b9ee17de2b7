//! Reading what is closed, directly: one list per kind and organization for the whole pass.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::sync::RwLock;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::core::{DeserializeGuard, NamespaceResourceScope};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::billed::{add_document, add_slice};
use crate::api::{self, labels};
use crate::books::{Books, ObjectKey, Observes};
use crate::controller::context::Context;
use crate::domain::{Billed, Month, Name, Uid};

/// How many objects come in one answer.
const PAGE: u32 = 500;

/// What a closing pass decides on.
pub struct Pass {
    /// All that matters, as it was read.
    pub books: RwLock<Books>,
    /// What finals bill, by organization and month.
    pub billed: HashMap<(Name, Month), Billed>,
    /// Organizations that could not be read: nothing is decided about them.
    pub unread: BTreeSet<Name>,
}

/// Why an organization cannot be read.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    /// The API server did not answer.
    #[error(transparent)]
    Api(#[from] kube::Error),
    /// A final lists a slice that is gone: what it bills cannot be told any more.
    #[error("InvoiceSlice {slice}, which the final {invoice} lists, is missing")]
    SliceMissing {
        /// The slice.
        slice: Name,
        /// The final.
        invoice: Name,
    },
}

/// Reads what the closing of these groups needs. An organization that cannot be read stops no other.
///
/// # Errors
/// The API server did not answer.
pub async fn fetch(ctx: &Context, due: &BTreeMap<Name, BTreeSet<Uid>>) -> Result<Pass, kube::Error> {
    let mut pass = Pass { books: RwLock::default(), billed: HashMap::new(), unread: BTreeSet::new() };
    let client = || ctx.client.clone();
    let all = ListParams::default().limit(PAGE);
    list::<Namespace>(&pass, Api::all(client()), all.clone().labels(labels::ORGANIZATION_LABEL)).await?;
    list::<api::ProjectBinding>(&pass, Api::all(client()), all.clone()).await?;
    list::<api::PriceList>(&pass, Api::all(client()), all.clone()).await?;
    list::<api::ExchangeRates>(&pass, Api::all(client()), all.clone()).await?;
    list::<api::InvoiceIssuer>(&pass, Api::all(client()), all.clone()).await?;
    list::<api::BillingPeriod>(&pass, Api::all(client()), all).await?;
    for organization in due.keys() {
        let listed = list_organization(ctx, &mut pass, organization).await;
        tell_missing(ctx, organization, listed.as_ref().err());
        if let Err(error) = listed {
            tracing::warn!(%organization, %error, "what is to be closed could not be read; trying again");
            pass.unread.insert(organization.clone());
        }
    }
    Ok(pass)
}

/// Lets the invoices of an organization say that a slice is missing, or that none is any more.
fn tell_missing(ctx: &Context, organization: &Name, error: Option<&FetchError>) {
    let keys = match error {
        None => ctx.write(|books| books.find_slices(organization)),
        Some(FetchError::SliceMissing { slice, invoice }) => {
            ctx.write(|books| books.miss_slice(organization, slice, invoice))
        }
        Some(FetchError::Api(_)) => Vec::new(),
    };
    ctx.queues.add(keys);
}

async fn list_organization(ctx: &Context, pass: &mut Pass, organization: &Name) -> Result<(), FetchError> {
    let all = ListParams::default().limit(PAGE);
    list::<api::BillingGroup>(pass, within(ctx, organization), all.clone()).await?;
    list::<api::ProjectLedger>(pass, within(ctx, organization), all.clone()).await?;
    list::<api::UsageRecord>(pass, within(ctx, organization), all.clone()).await?;
    let invoices: Api<DeserializeGuard<api::Invoice>> = within(ctx, organization);
    for invoice in pages(&invoices, all.labels(&months_in_question(pass, organization))).await? {
        keep_billed(ctx, pass, organization, &invoice).await?;
        observe(pass, invoice);
    }
    // After the invoices: what a final says it used was reserved before.
    list::<api::Credit>(pass, within(ctx, organization), ListParams::default().limit(PAGE)).await?;
    Ok(())
}

/// The months that are over and not final for some group, as a label selector.
fn months_in_question(pass: &Pass, organization: &Name) -> String {
    let books = pass.books.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    let groups = books.organization(organization).into_iter().flat_map(|books| books.groups());
    let oldest = groups.filter_map(|(uid, object)| {
        let group = books.organization(organization)?.organization.group(uid)?;
        let first = (!group.begins_too_early()).then_some(group.first_period)?;
        let finals =
            object.status.as_ref().and_then(|status| status.last_final.as_ref()).map_or(0, |last| last.sequence);
        Some((0..finals).fold(first, |month, _| month.next()))
    });
    let newest = books.periods().map(|(month, _)| month).max();
    let months: Vec<_> = match (oldest.min(), newest) {
        (Some(oldest), Some(newest)) => oldest.through(newest).map(|month| month.to_string()).collect(),
        _ => Vec::new(),
    };
    // An empty set is no selector; a month that never was selects nothing.
    let months = if months.is_empty() { "none".to_owned() } else { months.join(",") };
    format!("{} in ({months})", labels::PERIOD_LABEL)
}

/// Keeps which usage a final bills, from its lines and those of its slices.
async fn keep_billed(
    ctx: &Context,
    pass: &mut Pass,
    organization: &Name,
    invoice: &DeserializeGuard<api::Invoice>,
) -> Result<(), FetchError> {
    let Ok(invoice) = &invoice.0 else { return Ok(()) };
    let Some(status) = invoice.status.as_ref().filter(|status| status.phase == Some(api::InvoicePhase::Final)) else {
        return Ok(());
    };
    let (Some(document), Ok(month)) = (&status.document, invoice.spec.period.parse::<Month>()) else { return Ok(()) };
    let billed = pass.billed.entry((organization.clone(), month)).or_default();
    add_document(billed, document);
    for slice in &document.slices {
        let slices: Api<api::InvoiceSlice> = within(ctx, organization);
        let missing =
            || FetchError::SliceMissing { slice: slice.name.as_str().into(), invoice: invoice.name_any().into() };
        add_slice(billed, &slices.get_opt(&slice.name).await?.ok_or_else(missing)?);
    }
    Ok(())
}

fn within<K>(ctx: &Context, organization: &Name) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
{
    Api::namespaced(ctx.client.clone(), organization)
}

async fn list<K>(pass: &Pass, api: Api<DeserializeGuard<K>>, params: ListParams) -> Result<(), kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    Books: Observes<K>,
{
    for object in pages(&api, params).await? {
        observe(pass, object);
    }
    Ok(())
}

async fn pages<K>(
    api: &Api<DeserializeGuard<K>>,
    mut params: ListParams,
) -> Result<Vec<DeserializeGuard<K>>, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let mut objects = Vec::new();
    loop {
        let page = api.list(&params).await?;
        let more = page.metadata.continue_.filter(|token| !token.is_empty());
        objects.extend(page.items);
        match more {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(objects),
        }
    }
}

fn observe<K>(pass: &Pass, object: DeserializeGuard<K>)
where
    K: Resource<DynamicType = ()>,
    Books: Observes<K>,
{
    let key = ObjectKey::of(&object);
    let mut books = pass.books.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    match object.0 {
        Ok(object) => books.observe(object),
        Err(invalid) => Observes::<K>::reject(&mut *books, &key, invalid.error),
    };
}
