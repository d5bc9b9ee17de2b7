//! What an invoice was computed from, as it is now: from a cluster or from files.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::core::{DeserializeGuard, error_boundary::InvalidObject};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::{Cluster, document_of};
use crate::commands::preview::given::give;
use billing_api::{self as api, CreditNote, Invoice, InvoiceSlice, labels};
use billing_domain::Timestamp;
use billing_planning::rules::Rules;
use billing_state::convert::billed::{FinalLines, final_lines};
use billing_state::{Books, ObjectKey, Observes};

/// How many objects come in one answer; an invoice can have half a megabyte.
const PAGE: u32 = 500;
const PAGE_OF_INVOICES: u32 = 50;

/// HTTP's code for what somebody has no right to.
const FORBIDDEN: u16 = 403;

/// Why the records of an organization are not known.
#[derive(Debug, Error)]
#[error("the {plural} cannot be read: {reason}")]
pub struct RecordsError {
    /// The objects that were asked for.
    plural: String,
    /// What the API server said.
    reason: String,
}

impl RecordsError {
    fn new(plural: &str, error: &kube::Error) -> Self {
        let reason = match error {
            kube::Error::Api(status) => status.message.clone(),
            other => other.to_string(),
        };
        Self { plural: plural.to_owned(), reason }
    }
}

/// The records of an organization.
#[derive(Debug)]
pub struct Known {
    /// All that bears on money, and what finals bill.
    pub books: Books,
    /// The settings of an operator that nobody set otherwise.
    pub rules: Rules,
}

/// Reads the records that an invoice was computed from.
///
/// # Errors
/// The API server refused one of the kinds.
pub(super) async fn fetch(cluster: &Cluster, invoice: &Invoice, rules: Rules) -> Result<Known, RecordsError> {
    let mut known = Known { books: Books::new(), rules };
    let books = &mut known.books;
    namespaces(cluster, invoice, books).await?;
    observe::<api::PriceList>(cluster.all(), books).await?;
    observe::<api::ExchangeRates>(cluster.all(), books).await?;
    observe::<api::InvoiceIssuer>(cluster.all(), books).await?;
    observe::<api::BillingPeriod>(cluster.all(), books).await?;
    observe::<api::BillingGroup>(cluster.api(), books).await?;
    observe::<api::ProjectLedger>(cluster.api(), books).await?;
    observe::<api::UsageRecord>(cluster.api(), books).await?;
    observe::<api::Credit>(cluster.api(), books).await?;
    let finals = finals(cluster).await?;
    let organization = cluster.namespace.as_str().into();
    known.books.replace_billed(&organization, finals);
    for note in notes(cluster).await? {
        known.books.credit(&organization, &note);
    }
    Ok(known)
}

/// The namespaces of the organization's projects. Not everybody may list them: then those that the invoice lists are
/// taken to exist.
async fn namespaces(cluster: &Cluster, invoice: &Invoice, books: &mut Books) -> Result<(), RecordsError> {
    let label = format!("{}={}", labels::ORGANIZATION_LABEL, cluster.namespace);
    let params = ListParams::default().limit(PAGE).labels(&label);
    match pages::<Namespace>(&cluster.all(), params).await {
        Ok(namespaces) => namespaces.into_iter().for_each(|namespace| enter(books, namespace)),
        Err(kube::Error::Api(status)) if status.code == FORBIDDEN => {
            let listed = document_of(invoice).into_iter().flat_map(|document| &document.projects);
            let names = listed.map(|listed| listed.project.to_string()).chain([cluster.namespace.clone()]);
            names.for_each(|name| drop(books.observe(namespace(name, &cluster.namespace))));
        }
        Err(error) => return Err(RecordsError::new("namespaces", &error)),
    }
    Ok(())
}

/// A namespace of which nothing is known but its organization.
fn namespace(name: String, organization: &str) -> Namespace {
    let mut namespace = Namespace::default();
    namespace.labels_mut().insert(labels::ORGANIZATION_LABEL.to_owned(), organization.to_owned());
    namespace.metadata.name = Some(name);
    give(&mut namespace, Timestamp::UNIX_EPOCH);
    namespace
}

/// What the finals of the organization bill.
async fn finals(cluster: &Cluster) -> Result<Vec<FinalLines>, RecordsError> {
    let params = ListParams::default().limit(PAGE_OF_INVOICES).fields("status.phase=Final");
    let mut finals = Vec::new();
    let mut pages = Pages { api: cluster.api::<DeserializeGuard<Invoice>>(), params: Some(params) };
    while let Some(page) = pages.next().await.map_err(|error| RecordsError::new("invoices", &error))? {
        for invoice in page {
            let unreadable = |invalid: InvalidObject| RecordsError {
                plural: format!("invoice {}", invalid.metadata.name.unwrap_or_default()),
                reason: invalid.error,
            };
            finals.push(lines_of(cluster, &invoice.0.map_err(unreadable)?).await?);
        }
    }
    Ok(finals)
}

/// What a final bills, from its lines and those of its slices. One that is missing is told when its final is judged.
async fn lines_of(cluster: &Cluster, invoice: &Invoice) -> Result<FinalLines, RecordsError> {
    let mut slices = Vec::new();
    for listed in document_of(invoice).into_iter().flat_map(|document| &document.slices) {
        let slice = cluster.api::<InvoiceSlice>().get_opt(&listed.name).await;
        slices.extend(slice.map_err(|error| RecordsError::new("invoiceslices", &error))?);
    }
    let specs = slices.iter().map(|slice| &slice.spec);
    final_lines(invoice, specs)
        .map_err(|error| RecordsError { plural: format!("invoice {}", invoice.name_any()), reason: error.to_string() })
}

/// The credit notes of the organization that are issued.
async fn notes(cluster: &Cluster) -> Result<Vec<CreditNote>, RecordsError> {
    let params = ListParams::default().limit(PAGE).fields("status.phase=Final");
    let notes = pages::<CreditNote>(&cluster.api(), params).await;
    let notes = notes.map_err(|error| RecordsError::new("creditnotes", &error))?;
    Ok(notes.into_iter().filter_map(|guarded| guarded.0.ok()).collect())
}

async fn observe<K>(api: Api<DeserializeGuard<K>>, books: &mut Books) -> Result<(), RecordsError>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
    Books: Observes<K>,
{
    let objects = pages(&api, ListParams::default().limit(PAGE)).await;
    let objects = objects.map_err(|error| RecordsError::new(&K::plural(&()), &error))?;
    objects.into_iter().for_each(|object| enter(books, object));
    Ok(())
}

fn enter<K>(books: &mut Books, object: DeserializeGuard<K>)
where
    K: Resource<DynamicType = ()>,
    Books: Observes<K>,
{
    let key = ObjectKey::of(&object);
    match object.0 {
        Ok(object) => books.observe(object),
        Err(invalid) => Observes::<K>::reject(books, &key, invalid.error),
    };
}

async fn pages<K>(api: &Api<DeserializeGuard<K>>, params: ListParams) -> Result<Vec<DeserializeGuard<K>>, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let mut pages = Pages { api: api.clone(), params: Some(params) };
    let mut objects = Vec::new();
    while let Some(page) = pages.next().await? {
        objects.extend(page);
    }
    Ok(objects)
}

/// The answers of a list, one after the other.
struct Pages<K> {
    api: Api<DeserializeGuard<K>>,
    /// Asks for the next one; `None` when there is none.
    params: Option<ListParams>,
}

impl<K> Pages<K>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    async fn next(&mut self) -> Result<Option<Vec<DeserializeGuard<K>>>, kube::Error> {
        let Some(params) = self.params.take() else { return Ok(None) };
        let page = self.api.list(&params).await?;
        let more = page.metadata.continue_.filter(|token| !token.is_empty());
        self.params = more.map(|token| params.continue_token(&token));
        Ok(Some(page.items))
    }
}
