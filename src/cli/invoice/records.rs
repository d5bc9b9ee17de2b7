//! What an invoice was computed from, as it is now: from a cluster or from files.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::core::{DeserializeGuard, error_boundary::InvalidObject};
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::{Cluster, document_of};
use crate::api::{self, Invoice, InvoicePhase, InvoiceSlice, InvoiceSpec, LastFinal, labels};
use crate::books::convert::{self, billed::final_lines};
use crate::books::{Books, ObjectKey, Observes, carried_forward};
use crate::cli::preview::given::give;
use crate::controller::rules::Rules;
use crate::domain::{Billed, Brought, Timestamp};

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
    /// All that bears on money.
    pub books: Books,
    /// The settings of an operator that nobody set otherwise.
    pub rules: Rules,
    /// The finals of the organization, with their slices.
    finals: Vec<(Invoice, Vec<InvoiceSlice>)>,
}

impl Known {
    /// What is known when all of it was read.
    pub(super) fn new(books: Books, rules: Rules) -> Self {
        Self { books, rules, finals: Vec::new() }
    }

    /// Keeps an invoice if it is final.
    pub(super) fn add(&mut self, invoice: &Invoice, slices: Vec<InvoiceSlice>) {
        if invoice.status.as_ref().is_some_and(|status| status.phase == Some(InvoicePhase::Final)) {
            self.finals.push((invoice.clone(), slices));
        }
    }

    /// What finals that were made before a final bill. One that cannot be read bills nothing that could be compared.
    pub fn billed_before(&self, of: &Invoice) -> Billed {
        let made = |invoice: &Invoice| {
            let issued_at = document_of(invoice).and_then(|document| document.issued_at).map(|issued_at| issued_at.0);
            (issued_at, invoice.name_any())
        };
        let organization = of.namespace().and_then(|name| self.books.organization(&name));
        let mut billed = Billed::default();
        for (invoice, slices) in self.finals.iter().filter(|(invoice, _)| made(invoice) < made(of)) {
            if let Ok((facts, lines)) = final_lines(invoice, slices.iter().map(|slice| &slice.spec)) {
                billed.add(facts, lines, |record| Some(organization?.organization.usage(record)?.name.clone()));
            }
        }
        billed
    }

    /// What the final before it in its series left to a final.
    pub fn brought_to(&self, of: &Invoice) -> Option<Brought> {
        let before = |spec: &InvoiceSpec| spec.series == of.spec.series && spec.sequence + 1 == of.spec.sequence;
        let (invoice, _) = self.finals.iter().find(|(invoice, _)| before(&invoice.spec))?;
        let document = document_of(invoice)?;
        convert::brought(&LastFinal {
            number: document.number.clone(),
            sequence: invoice.spec.sequence,
            digest: document.digest.clone(),
            carried_forward: carried_forward(&invoice.uid()?, document),
        })
    }
}

/// Reads the records that an invoice was computed from.
///
/// # Errors
/// The API server refused one of the kinds.
pub(super) async fn fetch(cluster: &Cluster, invoice: &Invoice, rules: Rules) -> Result<Known, RecordsError> {
    let mut known = Known::new(Books::new(), rules);
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
    finals(cluster, &mut known).await?;
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

/// The finals of the organization, with their slices.
async fn finals(cluster: &Cluster, known: &mut Known) -> Result<(), RecordsError> {
    let params = ListParams::default().limit(PAGE_OF_INVOICES).fields("status.phase=Final");
    let invoices = pages::<Invoice>(&cluster.api(), params).await;
    for other in invoices.map_err(|error| RecordsError::new("invoices", &error))? {
        let unreadable = |invalid: &InvalidObject| RecordsError {
            plural: format!("invoice {}", invalid.metadata.name.clone().unwrap_or_default()),
            reason: invalid.error.clone(),
        };
        let other = other.0.map_err(|invalid| unreadable(&invalid))?;
        let mut slices = Vec::new();
        for listed in document_of(&other).into_iter().flat_map(|document| &document.slices) {
            let slice = cluster.api::<InvoiceSlice>().get_opt(&listed.name).await;
            slices.extend(slice.map_err(|error| RecordsError::new("invoiceslices", &error))?);
        }
        known.add(&other, slices);
    }
    Ok(())
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

async fn pages<K>(
    api: &Api<DeserializeGuard<K>>,
    mut params: ListParams,
) -> Result<Vec<DeserializeGuard<K>>, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
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
