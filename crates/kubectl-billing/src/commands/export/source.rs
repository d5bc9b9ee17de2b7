//! The invoices of an export, month by month and page by page.

use billing_api::{Document, Invoice, InvoicePhase, InvoiceSlice};
use billing_documents::export::dataset::check_sums;
use billing_documents::issued::{IssuedInvoice, NotIssued};
use billing_domain::Month;
use billing_reads::{DeserializeGuard, list, slices_of};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use operator_kit::paging::Pages;

use crate::cluster::{Cluster, Place};
use crate::error::CommandError;
use crate::progress::Progress;
use crate::read::request;

/// Which invoices.
pub struct Source<'a> {
    /// Where they are.
    pub cluster: &'a Cluster,
    /// In which organizations.
    pub place: Place,
    /// Of which billing group only.
    pub group: Option<String>,
}

/// The invoices of one month, as the API server lists them: by namespace and name.
pub struct MonthOfInvoices {
    pages: Pages<DeserializeGuard<Invoice>>,
    place: Place,
    page: std::vec::IntoIter<DeserializeGuard<Invoice>>,
    progress: Progress,
    found: usize,
}

/// Why an invoice is not exported, in words. The others are.
pub type Refusal = String;

/// Why an invoice is not read.
pub enum Unread {
    /// It, or a slice of it, is not as it should be. The others are exported.
    Invalid {
        /// The namespace.
        organization: String,
        /// The number.
        number: String,
        /// What is wrong.
        reason: Refusal,
    },
    /// The API server refused, or did not answer.
    Failed(CommandError),
}

impl<'a> Source<'a> {
    /// The invoices of a month.
    pub fn month(&self, month: Month) -> MonthOfInvoices {
        let group = self.group.as_ref().map(|group| format!(",spec.billingGroup={group}")).unwrap_or_default();
        let params = ListParams::default().fields(&format!("spec.period={month}{group}"));
        let client = self.cluster.client().clone();
        let api: Api<DeserializeGuard<Invoice>> = match &self.place {
            Place::Everywhere => Api::all(client),
            Place::Namespace(namespace) => Api::namespaced(client, namespace),
        };
        let (place, page) = (self.place.clone(), Vec::new().into_iter());
        MonthOfInvoices { pages: list(api, params), place, page, progress: Progress::of("reading invoices"), found: 0 }
    }

    /// Does something with an invoice and all of its lines, once it is known that these add up.
    ///
    /// # Errors
    /// The API server refused, or what was to be done failed. Within: why the invoice cannot be exported.
    pub async fn with_lines<T>(
        &self,
        invoice: &Invoice,
        act: impl FnOnce(&IssuedInvoice<'_>) -> Result<T, CommandError>,
    ) -> Result<Result<T, Refusal>, CommandError> {
        let Some(document) = document_of(invoice) else { return Ok(Err(NotIssued::NoDocument.to_string())) };
        let organization = invoice.namespace().unwrap_or_default();
        let slices = slices_of(self.cluster.client(), &organization, document).await;
        let place = Place::Namespace(organization);
        let refused = |error| CommandError::of(request::<InvoiceSlice>("get", &place, None), error);
        let slices = match slices.map_err(refused)?.complete() {
            Ok(slices) => slices,
            Err(lacking) => return Ok(Err(lacking.to_string())),
        };
        match IssuedInvoice::new(invoice, slices.iter().map(|slice| &slice.spec)) {
            Err(error) => Ok(Err(error.to_string())),
            Ok(issued) => match check_sums(&issued) {
                Err(error) => Ok(Err(error.to_string())),
                Ok(()) => act(&issued).map(Ok),
            },
        }
    }
}

impl MonthOfInvoices {
    /// The next invoice that has a document.
    ///
    /// # Errors
    /// It does not decode, or the API server refused.
    pub async fn next(&mut self) -> Result<Option<Invoice>, Unread> {
        loop {
            for guarded in self.page.by_ref() {
                self.found += 1;
                match guarded.0 {
                    Ok(invoice) if document_of(&invoice).is_some() => return Ok(Some(invoice)),
                    Ok(_) => {}
                    Err(invalid) => {
                        return Err(Unread::Invalid {
                            organization: invalid.metadata.namespace.unwrap_or_default(),
                            number: invalid.metadata.name.unwrap_or_default(),
                            reason: invalid.error,
                        });
                    }
                }
            }
            self.progress.note(self.found);
            let page = self.pages.next().await;
            let request = || request::<Invoice>("list", &self.place, None);
            match page.map_err(|error| Unread::Failed(CommandError::of(request(), error)))? {
                Some(page) => self.page = page.into_iter(),
                None => return Ok(None),
            }
        }
    }
}

/// The document of an invoice, if it has one already.
pub fn document_of(invoice: &Invoice) -> Option<&Document> {
    invoice.status.as_ref()?.document.as_ref()
}

/// Whether it may still change.
pub fn phase_of(invoice: &Invoice) -> InvoicePhase {
    invoice.status.as_ref().and_then(|status| status.phase).unwrap_or(InvoicePhase::Estimate)
}

/// The organization's namespace, and the number.
pub fn identity(invoice: &Invoice) -> (String, String) {
    (invoice.namespace().unwrap_or_default(), invoice.name_any())
}
