//! The invoice that a command is about, from a cluster or from files.

mod records;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use kube::ResourceExt;
use kube::api::ListParams;
use thiserror::Error;

use crate::cluster::{Cluster, ClusterArguments, ClusterError, wait};
use crate::commands::preview::{default_settings, prepared_state};
use crate::manifest::{self, Manifests, Object, ReadError, Rejection};
use billing_api::{CreditNote, CreditNoteDocument, Document, Invoice, InvoiceSlice};
use billing_documents::issued::{IssuedInvoice, NotIssued};
use billing_documents::reissue::reissuing_note;
use billing_domain::Timestamp;
use billing_reads::{list, slices_of};
pub use records::{RecordSet, RecordsError};

/// Where an invoice is looked for that is not among files.
const FILES: &str = "the files; name the one that has it with -f";

/// How what is said about an invoice is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InvoiceOutput {
    /// For people
    Text,
    /// As YAML
    Yaml,
    /// As JSON
    Json,
}

/// Which invoice.
#[derive(Args, Debug)]
pub struct InvoiceArguments {
    /// The invoice's number
    #[arg(value_name = "INVOICE")]
    pub number: String,

    /// Read it from a file, a folder or standard input ("-") instead of a cluster; can be given several times
    #[arg(short, long = "filename", value_name = "FILE")]
    filenames: Vec<PathBuf>,

    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Why there is no invoice to look at.
#[derive(Debug, Error)]
pub enum InvoiceError {
    /// The cluster cannot be reached.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The cluster did not answer as it should.
    #[error("the invoices of namespace {namespace} cannot be read")]
    Read {
        /// Which namespace.
        namespace: String,
        /// Why.
        source: kube::Error,
    },
    /// The files cannot be read.
    #[error(transparent)]
    Files(#[from] ReadError),
    /// There is none with this number.
    #[error("there is no invoice {number} in {place}")]
    NotFound {
        /// The number.
        number: String,
        /// Where it was looked for, and where else it may be.
        place: String,
    },
    /// It is in a file, and no API server would have stored it so.
    #[error("invoice {number} would be refused by the API server: {reason}")]
    Refused {
        /// The number.
        number: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Its document cannot be read.
    #[error("invoice {number} cannot be read")]
    Unreadable {
        /// The number.
        number: String,
        /// What is wrong with it.
        source: NotIssued,
    },
    /// It has no document yet.
    #[error("invoice {0} has no document yet; its condition Ready says why")]
    NoDocument(String),
}

/// The invoices of an organization, as far as a command needs them.
#[derive(Debug, Default)]
pub struct InvoiceSet {
    invoices: BTreeMap<String, Invoice>,
    slices: BTreeMap<String, InvoiceSlice>,
    /// Credit notes because of which the invoice, or one that it replaces, was issued again: by their names.
    notes: BTreeMap<String, CreditNote>,
}

impl InvoiceArguments {
    /// Reads the invoice, its slices and, for its chain, the invoices of the same series before it.
    ///
    /// # Errors
    /// It cannot be read, or is not there.
    pub fn find(&self, stdin: &mut dyn Read) -> Result<InvoiceSet, InvoiceError> {
        match self.filenames.is_empty() {
            true => wait(async { self.ask(&self.cluster.connect().await?).await })?,
            false => self.found_in(&self.read_files(stdin)?),
        }
    }

    /// Reads the same, and the records that the invoice was computed from, where they can be read.
    ///
    /// # Errors
    /// The invoice cannot be read, or is not there.
    pub fn find_with_records(
        &self,
        stdin: &mut dyn Read,
        now: Timestamp,
    ) -> Result<(InvoiceSet, Result<RecordSet, RecordsError>), InvoiceError> {
        if !self.filenames.is_empty() {
            let manifests = self.read_files(stdin)?;
            let found = self.found_in(&manifests)?;
            let (state, settings) = prepared_state(manifests, now);
            return Ok((found, Ok(RecordSet { state, settings })));
        }
        wait(async {
            let cluster = self.cluster.connect().await?;
            let found = self.ask(&cluster).await?;
            let known = records::fetch(&cluster, &found.invoices[&self.number], default_settings()).await;
            Ok((found, known))
        })?
    }

    fn not_found(&self, place: impl Into<String>) -> InvoiceError {
        InvoiceError::NotFound { number: self.number.clone(), place: place.into() }
    }

    async fn ask(&self, cluster: &Cluster) -> Result<InvoiceSet, InvoiceError> {
        let namespace = || cluster.namespace.clone();
        let found = self.fetch(cluster).await;
        let found = found.map_err(|source| InvoiceError::Read { namespace: namespace(), source })?;
        let place = format!("namespace {}; name its organization with --namespace", namespace());
        if found.invoices.contains_key(&self.number) { Ok(found) } else { Err(self.not_found(place)) }
    }

    async fn fetch(&self, cluster: &Cluster) -> Result<InvoiceSet, kube::Error> {
        let Some(invoice) = cluster.api::<Invoice>().get_opt(&self.number).await? else {
            return Ok(InvoiceSet::default());
        };
        let group = format!("spec.billingGroup={}", invoice.spec.billing_group);
        let mut found = InvoiceSet::default();
        if let Some(document) = document_of(&invoice) {
            let slices = slices_of(cluster.client(), &cluster.namespace, document).await?.found;
            found.slices = slices.into_iter().map(|slice| (slice.name_any(), slice)).collect();
        }
        let before =
            |other: &Invoice| other.spec.series == invoice.spec.series && other.spec.sequence <= invoice.spec.sequence;
        let mut series = list(cluster.api(), ListParams::default().fields(&group));
        while let Some(page) = series.next().await? {
            // One that does not decode is missing, and the chain says so.
            let decoded = page.into_iter().filter_map(|guarded| guarded.0.ok());
            found.invoices.extend(decoded.filter(before).map(|invoice| (invoice.name_any(), invoice)));
        }
        found.fetch_replaced(cluster, &invoice).await?;
        Ok(found)
    }

    fn read_files(&self, stdin: &mut dyn Read) -> Result<Manifests, InvoiceError> {
        let manifests = manifest::read_printed(&self.filenames, stdin)?;
        let about = |refusal: &&Rejection| refusal.object.as_ref().is_some_and(|object| object.name == self.number);
        if let Some(refusal) = manifests.refusals.iter().find(about) {
            let reason = refusal.message.clone();
            return Err(InvoiceError::Refused { number: self.number.clone(), reason });
        }
        Ok(manifests)
    }

    /// The invoices and slices among manifests.
    fn found_in(&self, manifests: &Manifests) -> Result<InvoiceSet, InvoiceError> {
        let mut found = InvoiceSet::default();
        let here = |namespace: Option<String>| self.cluster.namespace.is_none() || namespace == self.cluster.namespace;
        for manifest in &manifests.objects {
            match &manifest.object {
                Object::Invoice(invoice) if here(invoice.namespace()) => {
                    found.invoices.insert(invoice.name_any(), Invoice::clone(invoice));
                }
                Object::CreditNote(note) if here(note.namespace()) => {
                    found.notes.insert(note.name_any(), CreditNote::clone(note));
                }
                Object::InvoiceSlice(slice) if here(slice.namespace()) => {
                    found.slices.insert(slice.name_any(), InvoiceSlice::clone(slice));
                }
                _ => {}
            }
        }
        if found.invoices.contains_key(&self.number) { Ok(found) } else { Err(self.not_found(FILES)) }
    }
}

impl InvoiceSet {
    /// Reads what it takes to judge an invoice that was issued again: the credit notes, and the slices of those that it replaces.
    async fn fetch_replaced(&mut self, cluster: &Cluster, invoice: &Invoice) -> Result<(), kube::Error> {
        let mut number = invoice.name_any();
        while let Some(replaced) = self.replaced_by(&number) {
            let (original, note) = (replaced.name_any(), reissuing_note(replaced, &number).cloned());
            if let Some(document) = document_of(replaced) {
                let slices = slices_of(cluster.client(), &cluster.namespace, document).await?.found;
                self.slices.extend(slices.into_iter().map(|slice| (slice.name_any(), slice)));
            }
            if let Some(name) = note
                && let Some(note) = cluster.api::<CreditNote>().get_opt(&name).await?
            {
                self.notes.insert(name.to_string(), note);
            }
            number = original;
        }
        Ok(())
    }

    /// The invoice that another one replaces, where it is there.
    pub fn replaced_by(&self, number: &str) -> Option<&Invoice> {
        let replaced = self.invoice(number).and_then(document_of)?.reissues.as_ref()?;
        self.invoice(&replaced.number)
    }

    /// The document of a credit note because of which an invoice was issued again under a number.
    pub fn note_between(&self, original: &Invoice, number: &str) -> Option<&CreditNoteDocument> {
        let note = self.notes.get(reissuing_note(original, number)?.as_str())?;
        note.status.as_ref()?.document.as_ref()
    }

    /// An invoice by its number.
    pub fn invoice(&self, number: &str) -> Option<&Invoice> {
        self.invoices.get(number)
    }

    /// A slice by its name.
    pub fn slice(&self, name: &str) -> Option<&InvoiceSlice> {
        self.slices.get(name)
    }

    /// The document of an invoice.
    ///
    /// # Errors
    /// It has none.
    pub fn document(&self, number: &str) -> Result<&Document, InvoiceError> {
        self.invoice(number).and_then(document_of).ok_or_else(|| InvoiceError::NoDocument(number.to_owned()))
    }

    /// An invoice with the lines of its slices, as far as these are there.
    ///
    /// # Errors
    /// It has no document, or one that cannot be read.
    pub fn issued(&self, number: &str) -> Result<IssuedInvoice<'_>, InvoiceError> {
        let none = || InvoiceError::NoDocument(number.to_owned());
        let (invoice, document) = (self.invoice(number).ok_or_else(none)?, self.document(number)?);
        let slices = document.slices.iter().filter_map(|slice| self.slice(&slice.name));
        let issued = IssuedInvoice::new(invoice, slices.map(|slice| &slice.spec));
        issued.map_err(|source| InvoiceError::Unreadable { number: number.to_owned(), source })
    }

    /// The slices that a document lists and nobody has.
    pub fn missing<'a>(&'a self, document: &'a Document) -> impl Iterator<Item = &'a str> {
        document.slices.iter().map(|slice| slice.name.as_str()).filter(|name| self.slice(name).is_none())
    }
}

fn document_of(invoice: &Invoice) -> Option<&Document> {
    invoice.status.as_ref()?.document.as_ref()
}
