//! What an export consists of: datasets, or e-invoices.

use billing_documents::export::Format;
use billing_documents::export::dataset::Dataset;
#[cfg(feature = "einvoice")]
use billing_documents::export::dataset::path;
use billing_documents::export::document::ExportedDocument;
use billing_documents::export::table::Encoding;
use billing_domain::Month;

use super::source::Refusal;
#[cfg(feature = "einvoice")]
use crate::einvoice::{XmlForm, mapping, xml};

/// What an export is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Tables, and documents as JSON.
    Datasets(Format),
    /// E-invoices.
    #[cfg(feature = "einvoice")]
    EInvoices(XmlForm),
}

/// Of each document, one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Of a dataset.
    Dataset(Dataset),
    /// Its e-invoice.
    #[cfg(feature = "einvoice")]
    EInvoice(XmlForm),
}

/// What a file of a document has.
pub struct Content {
    /// The file.
    pub bytes: Vec<u8>,
    /// How many rows, or lines.
    pub rows: u64,
    /// Of an e-invoice, by which mapping.
    pub mapping: Option<u32>,
}

impl ExportFormat {
    /// Its name, with how it is written where there is a choice.
    pub fn name(self) -> &'static str {
        match self {
            Self::Datasets(format) => format.name(),
            #[cfg(feature = "einvoice")]
            Self::EInvoices(form) => form.name(),
        }
    }

    /// The files of a document. The first has all of it.
    pub fn parts(self) -> Vec<Part> {
        match self {
            Self::Datasets(format) => format.datasets().iter().copied().map(Part::Dataset).collect(),
            #[cfg(feature = "einvoice")]
            Self::EInvoices(form) => vec![Part::EInvoice(form)],
        }
    }

    /// How the dataset of billing periods is written, where there is one.
    pub fn billing_periods(self) -> Option<Encoding> {
        match self {
            Self::Datasets(format) => format.billing_periods(),
            #[cfg(feature = "einvoice")]
            Self::EInvoices(_) => None,
        }
    }
}

impl Part {
    /// Its name, with which the names of its files begin.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dataset(dataset) => dataset.name(),
            #[cfg(feature = "einvoice")]
            Self::EInvoice(_) => "einvoice",
        }
    }

    /// The path of a document's file.
    pub fn path(self, month: Month, number: &str, digest: Option<&str>) -> String {
        match self {
            Self::Dataset(dataset) => dataset.path(month, number, digest),
            #[cfg(feature = "einvoice")]
            Self::EInvoice(_) => path(self.name(), "xml", month, number, digest),
        }
    }

    /// The file of a document.
    ///
    /// # Errors
    /// Something in the document cannot be read, or there is no e-invoice of it.
    pub fn render(self, document: &ExportedDocument<'_>) -> Result<Content, Refusal> {
        match self {
            Self::Dataset(dataset) => {
                let (bytes, rows) = dataset.render(document).map_err(|error| error.to_string())?;
                Ok(Content { bytes, rows, mapping: None })
            }
            #[cfg(feature = "einvoice")]
            Self::EInvoice(form) => {
                let (xml, rows) = xml(document, form).map_err(|error| error.to_string())?;
                Ok(Content { bytes: xml.into_bytes(), rows, mapping: Some(mapping(document)) })
            }
        }
    }
}
