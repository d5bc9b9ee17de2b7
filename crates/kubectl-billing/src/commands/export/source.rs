//! The documents of an export, page by page: invoices month by month, and credit notes.

use std::fmt::Debug;

use billing_api::{CreditNote, CreditNoteDocument, Document, Invoice, InvoicePhase, InvoiceSlice};
use billing_documents::export::document::ExportedDocument;
use billing_documents::issued::{IssuedInvoice, NotIssued};
use billing_documents::issued_note::{IssuedCreditNote, note_document};
use billing_domain::Month;
use billing_reads::{DeserializeGuard, Listed, finals, list, slices_of};
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource, ResourceExt};
use operator_kit::paging::Pages;
use serde::de::DeserializeOwned;

use crate::cluster::{Cluster, Place};
use crate::error::CommandError;
use crate::progress::Progress;
use crate::read::request;

/// Which documents.
pub struct Source<'a> {
    /// Where they are.
    pub cluster: &'a Cluster,
    /// In which organizations.
    pub place: Place,
    /// Of which billing group only.
    pub group: Option<String>,
}

/// Documents of a kind, as the API server lists them: by namespace and name.
pub struct Documents<K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned> {
    pages: Pages<DeserializeGuard<K>>,
    place: Place,
    has_document: fn(&K) -> bool,
    page: std::vec::IntoIter<DeserializeGuard<K>>,
    progress: Progress,
    found: usize,
}

/// Why a document is not exported, in words. The others are.
pub type Refusal = String;

/// Why a document is not read.
pub enum Unread {
    /// It is not as it should be. The others are exported.
    Invalid {
        /// The namespace.
        organization: String,
        /// The object's name.
        name: String,
        /// What is wrong.
        reason: Refusal,
    },
    /// The API server refused, or did not answer.
    Failed(CommandError),
}

impl Source<'_> {
    /// The invoices of a month.
    pub fn month(&self, month: Month) -> Documents<Invoice> {
        let group = self.group.as_ref().map(|group| format!(",spec.billingGroup={group}")).unwrap_or_default();
        let params = ListParams::default().fields(&format!("spec.period={month}{group}"));
        self.documents("reading invoices", params, |invoice| document_of(invoice).is_some())
    }

    /// The credit notes that are issued, of all months: no selector knows when. Whether one is of the billing group says
    /// [`Source::has`].
    pub fn credit_notes(&self) -> Documents<CreditNote> {
        self.documents("reading credit notes", finals(), |note| note_document(note).is_some())
    }

    /// Whether a credit note is of the billing group.
    pub fn has(&self, document: &CreditNoteDocument) -> bool {
        self.group.as_ref().is_none_or(|group| *group == *document.buyer.billing_group)
    }

    fn documents<K>(&self, progress: &str, params: ListParams, has_document: fn(&K) -> bool) -> Documents<K>
    where
        K: Listed + Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let pages = list(self.api(&self.place), params);
        let (place, page) = (self.place.clone(), Vec::new().into_iter());
        Documents { pages, place, has_document, page, progress: Progress::of(progress), found: 0 }
    }

    fn api<K>(&self, place: &Place) -> Api<DeserializeGuard<K>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let client = self.cluster.client().clone();
        match place {
            Place::Everywhere => Api::all(client),
            Place::Namespace(namespace) => Api::namespaced(client, namespace),
        }
    }

    /// Does something with an invoice and all of its lines, once it is known that these add up.
    ///
    /// # Errors
    /// The API server refused, or what was to be done failed. Within: why the invoice cannot be exported.
    pub async fn with_invoice<T>(
        &self,
        invoice: &Invoice,
        act: impl FnOnce(&ExportedDocument<'_>) -> Result<T, CommandError>,
    ) -> Result<Result<T, Refusal>, CommandError> {
        self.with_issued(invoice, |issued| checked(&ExportedDocument::invoice(issued), act)).await
    }

    /// Does something with a credit note and the invoice that it credits, once it is known that its lines add up.
    ///
    /// # Errors
    /// As [`Source::with_invoice`].
    pub async fn with_credit_note<T>(
        &self,
        note: &CreditNote,
        act: impl FnOnce(&ExportedDocument<'_>) -> Result<T, CommandError>,
    ) -> Result<Result<T, Refusal>, CommandError> {
        let invoice = match self.credited(note).await? {
            Ok(invoice) => invoice,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let with_note = |issued: &IssuedInvoice<'_>| {
            let note = match IssuedCreditNote::new(note, issued) {
                Ok(note) => note,
                Err(error) => return Ok(Err(error.to_string())),
            };
            match ExportedDocument::credit_note(&note) {
                Ok(document) => checked(&document, act),
                Err(error) => Ok(Err(error.to_string())),
            }
        };
        self.with_issued(&invoice, with_note).await
    }

    /// Does something with an invoice and all of its lines.
    async fn with_issued<T>(
        &self,
        invoice: &Invoice,
        act: impl FnOnce(&IssuedInvoice<'_>) -> Result<Result<T, Refusal>, CommandError>,
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
            Ok(issued) => act(&issued),
        }
    }

    /// The invoice that a credit note credits. It is listed by its name, so that nobody needs another right for it.
    async fn credited(&self, note: &CreditNote) -> Result<Result<Invoice, Refusal>, CommandError> {
        let (organization, number) = (note.namespace().unwrap_or_default(), &note.spec.invoice);
        let place = Place::Namespace(organization);
        let named = ListParams::default().fields(&format!("metadata.name={}", number.as_str()));
        let found = list::<Invoice>(self.api(&place), named).all().await;
        let found = found.map_err(|error| CommandError::of(request::<Invoice>("list", &place, None), error))?;
        let missing = || format!("invoice {}, which it credits, is missing: restore it from a backup", number.as_str());
        let unreadable = |reason| format!("invoice {}, which it credits, cannot be read: {reason}", number.as_str());
        let found = found.into_iter().next().ok_or_else(missing);
        Ok(found.and_then(|guarded| guarded.0.map_err(|invalid| unreadable(invalid.error))))
    }
}

/// Does something with a document whose lines add up.
fn checked<T>(
    document: &ExportedDocument<'_>,
    act: impl FnOnce(&ExportedDocument<'_>) -> Result<T, CommandError>,
) -> Result<Result<T, Refusal>, CommandError> {
    match document.check_sums() {
        Err(error) => Ok(Err(error.to_string())),
        Ok(()) => act(document).map(Ok),
    }
}

impl<K> Documents<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    /// The next object that has a document.
    ///
    /// # Errors
    /// It does not decode, or the API server refused.
    pub async fn next(&mut self) -> Result<Option<K>, Unread> {
        loop {
            for guarded in self.page.by_ref() {
                self.found += 1;
                match guarded.0 {
                    Ok(object) if (self.has_document)(&object) => return Ok(Some(object)),
                    Ok(_) => {}
                    Err(invalid) => {
                        return Err(Unread::Invalid {
                            organization: invalid.metadata.namespace.unwrap_or_default(),
                            name: invalid.metadata.name.unwrap_or_default(),
                            reason: invalid.error,
                        });
                    }
                }
            }
            self.progress.note(self.found);
            let page = self.pages.next().await;
            let request = || request::<K>("list", &self.place, None);
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

/// The organization's namespace, and the name: of an invoice its number.
pub fn identity<K: ResourceExt>(object: &K) -> (String, String) {
    (object.namespace().unwrap_or_default(), object.name_any())
}
