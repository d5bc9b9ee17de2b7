//! What an invoice was computed from, as it is now: from a cluster or from files.

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::{Cluster, document_of};
use crate::commands::preview::server_fields::fill_server_fields;
use billing_api::{self as api, CreditNote, Invoice, labels};
use billing_domain::ReadFinal;
use billing_domain::Timestamp;
use billing_planning::billing_settings::BillingSettings;
use billing_reads::{DeserializeGuard, Listed, list, slices_of};
use billing_state::convert::billed::final_lines;
use billing_state::{ObjectKey, ObservedState, Observes};

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
pub struct RecordSet {
    /// All that bears on money, and what finals bill.
    pub state: ObservedState,
    /// The settings of an operator that nobody set otherwise.
    pub settings: BillingSettings,
}

/// Reads the records that an invoice was computed from.
///
/// # Errors
/// The API server refused one of the kinds.
pub(super) async fn fetch(
    cluster: &Cluster,
    invoice: &Invoice,
    settings: BillingSettings,
) -> Result<RecordSet, RecordsError> {
    let mut record_set = RecordSet { state: ObservedState::new(), settings };
    let state = &mut record_set.state;
    namespaces(cluster, invoice, state).await?;
    observe::<api::PriceList>(cluster.all(), state).await?;
    observe::<api::ExchangeRates>(cluster.all(), state).await?;
    observe::<api::InvoiceIssuer>(cluster.all(), state).await?;
    observe::<api::BillingPeriod>(cluster.all(), state).await?;
    observe::<api::BillingGroup>(cluster.api(), state).await?;
    observe::<api::ProjectLedger>(cluster.api(), state).await?;
    observe::<api::UsageRecord>(cluster.api(), state).await?;
    observe::<api::Credit>(cluster.api(), state).await?;
    let finals = final_lines_of(cluster).await?;
    let organization = cluster.namespace.as_str().into();
    record_set.state.replace_billed(&organization, finals);
    for note in notes(cluster).await? {
        record_set.state.record_credit_note(&organization, &note);
    }
    Ok(record_set)
}

/// The namespaces of the organization's projects. Not everybody may list them: then those that the invoice lists are
/// taken to exist.
async fn namespaces(cluster: &Cluster, invoice: &Invoice, state: &mut ObservedState) -> Result<(), RecordsError> {
    let label = format!("{}={}", labels::ORGANIZATION_LABEL, cluster.namespace);
    match list::<Namespace>(cluster.all(), ListParams::default().labels(&label)).all().await {
        Ok(namespaces) => namespaces.into_iter().for_each(|namespace| enter(state, namespace)),
        Err(kube::Error::Api(status)) if status.code == FORBIDDEN => {
            let listed = document_of(invoice).into_iter().flat_map(|document| &document.projects);
            let names = listed.map(|listed| listed.project.to_string()).chain([cluster.namespace.clone()]);
            names.for_each(|name| drop(state.observe(namespace(name, &cluster.namespace))));
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
    fill_server_fields(&mut namespace, Timestamp::UNIX_EPOCH);
    namespace
}

/// What the finals of the organization bill.
async fn final_lines_of(cluster: &Cluster) -> Result<Vec<ReadFinal>, RecordsError> {
    let mut finals = Vec::new();
    let mut pages = list::<Invoice>(cluster.api(), billing_reads::finals());
    while let Some(page) = pages.next().await.map_err(|error| RecordsError::new("invoices", &error))? {
        for invoice in page {
            finals.push(lines_of(cluster, &decoded("invoice", invoice)?).await?);
        }
    }
    Ok(finals)
}

/// What a final bills, from its lines and those of its slices. One that is missing is told when its final is judged.
async fn lines_of(cluster: &Cluster, invoice: &Invoice) -> Result<ReadFinal, RecordsError> {
    let slices = match document_of(invoice) {
        None => Vec::new(),
        Some(document) => {
            let slices = slices_of(cluster.client(), &cluster.namespace, document).await;
            slices.map_err(|error| RecordsError::new("invoiceslices", &error))?.found
        }
    };
    final_lines(invoice, slices.iter().map(|slice| &slice.spec))
        .map_err(|error| RecordsError { plural: format!("invoice {}", invoice.name_any()), reason: error.to_string() })
}

/// The credit notes of the organization that are issued.
async fn notes(cluster: &Cluster) -> Result<Vec<CreditNote>, RecordsError> {
    let notes = list::<CreditNote>(cluster.api(), billing_reads::finals()).all().await;
    let notes = notes.map_err(|error| RecordsError::new("creditnotes", &error))?;
    notes.into_iter().map(|note| decoded("credit note", note)).collect()
}

/// The object, or that it does not decode.
fn decoded<K>(kind: &str, guarded: DeserializeGuard<K>) -> Result<K, RecordsError> {
    guarded.0.map_err(|invalid| RecordsError {
        plural: format!("{kind} {}", invalid.metadata.name.as_deref().unwrap_or("without a name")),
        reason: invalid.error,
    })
}

async fn observe<K>(api: Api<DeserializeGuard<K>>, state: &mut ObservedState) -> Result<(), RecordsError>
where
    K: Listed + Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
    ObservedState: Observes<K>,
{
    let mut pages = list(api, ListParams::default());
    while let Some(page) = pages.next().await.map_err(|error| RecordsError::new(&K::plural(&()), &error))? {
        page.into_iter().for_each(|object| enter(state, object));
    }
    Ok(())
}

fn enter<K>(state: &mut ObservedState, object: DeserializeGuard<K>)
where
    K: Resource<DynamicType = ()>,
    ObservedState: Observes<K>,
{
    let key = ObjectKey::of(&object);
    match object.0 {
        Ok(object) => state.observe(object),
        Err(invalid) => Observes::<K>::reject(state, &key, invalid.error),
    };
}
