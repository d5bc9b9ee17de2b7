//! What an export consists of: datasets, of which each document has a file.

use super::cell::Column;
use super::document::ExportedDocument;
use super::error::ExportError;
use super::focus::charge::{Charge, charges};
use super::focus::{Version, cost_and_usage, invoice_detail};
use super::table::{Encoding, TableEncoder};
use super::{invoices, json, lines};
use billing_domain::Month;

/// How many rows are made at once.
const ROWS_AT_ONCE: usize = 4096;

/// A dataset: of each document, one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dataset {
    /// A row for each document.
    Invoices(Encoding),
    /// A row for each line and each tax.
    Lines(Encoding),
    /// The document as JSON.
    Document,
    /// The lines as JSON, one on each line.
    JsonLines,
    /// FOCUS: a row for each charge.
    CostAndUsage(Version, Encoding),
    /// FOCUS 1.4: what stands on the document.
    InvoiceDetail(Encoding),
}

impl Dataset {
    /// Its name, with which the names of its files begin.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invoices(_) => "invoices",
            Self::Lines(_) | Self::JsonLines => "lines",
            Self::Document => "document",
            Self::CostAndUsage(..) => "CostAndUsage",
            Self::InvoiceDetail(_) => "InvoiceDetail",
        }
    }

    /// How the names of its files end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Invoices(encoding)
            | Self::Lines(encoding)
            | Self::CostAndUsage(_, encoding)
            | Self::InvoiceDetail(encoding) => encoding.extension(),
            Self::Document => "json",
            Self::JsonLines => "ndjson",
        }
    }

    /// The path of a document's file.
    pub fn path(self, month: Month, number: &str, digest: Option<&str>) -> String {
        path(self.name(), self.extension(), month, number, digest)
    }

    /// Begins a file.
    ///
    /// # Errors
    /// The columns make no schema.
    pub fn writer(self) -> Result<DatasetWriter, ExportError> {
        let table = match self {
            Self::Invoices(encoding) => Some(TableEncoder::new(encoding, &invoices::columns())?),
            Self::Lines(encoding) => Some(TableEncoder::new(encoding, &lines::columns())?),
            Self::CostAndUsage(version, encoding) => {
                Some(TableEncoder::new(encoding, &cost_and_usage::columns(version))?)
            }
            Self::InvoiceDetail(encoding) => Some(TableEncoder::new(encoding, &invoice_detail::columns())?),
            Self::Document | Self::JsonLines => None,
        };
        Ok(DatasetWriter { dataset: self, rows: 0, encoder: table.map_or(Encoder::Json(Vec::new()), Encoder::Table) })
    }

    /// The whole file of one document, and how many rows it has.
    ///
    /// # Errors
    /// Something in the document cannot be read.
    pub fn render(self, document: &ExportedDocument<'_>) -> Result<(Vec<u8>, u64), ExportError> {
        let mut writer = self.writer()?;
        writer.append(document)?;
        let rows = writer.rows;
        Ok((writer.finish()?, rows))
    }
}

/// The path of a file of a document. That of a final carries the beginning of its digest: what has this name never changes.
pub fn path(name: &str, extension: &str, month: Month, number: &str, digest: Option<&str>) -> String {
    let digits: String =
        digest.into_iter().flat_map(|digest| digest.trim_start_matches("sha256:").chars()).take(12).collect();
    let dash = if digits.is_empty() { "" } else { "-" };
    format!("{}/{name}-{number}{dash}{digits}.{extension}", folder(month))
}

/// The folder of a month.
pub fn folder(month: Month) -> String {
    format!("period={month}")
}

/// Writes a dataset of one document, or of several after each other.
pub struct DatasetWriter {
    dataset: Dataset,
    rows: u64,
    encoder: Encoder,
}

enum Encoder {
    Table(TableEncoder),
    Json(Vec<u8>),
}

impl DatasetWriter {
    /// The rows of another document.
    ///
    /// # Errors
    /// Something in the document cannot be read. What was appended before is as it was, or more.
    pub fn append<'a>(&mut self, document: &'a ExportedDocument<'a>) -> Result<(), ExportError> {
        let table = match &mut self.encoder {
            Encoder::Table(table) => table,
            Encoder::Json(out) => {
                self.rows += match self.dataset {
                    Dataset::Document => json::write_document(document, out).map(|()| 1)?,
                    _ => json::write_lines(document, out)?,
                };
                return Ok(());
            }
        };
        self.rows += match self.dataset {
            Dataset::Invoices(_) => append(table, &invoices::columns(), std::iter::once(Ok(document)))?,
            Dataset::CostAndUsage(version, _) => append(table, &cost_and_usage::columns(version), charges(document))?,
            Dataset::InvoiceDetail(_) => append::<Charge<'_>>(table, &invoice_detail::columns(), charges(document))?,
            Dataset::Lines(_) | Dataset::Document | Dataset::JsonLines => {
                append(table, &lines::columns(), lines::rows(document).map(Ok))?
            }
        };
        Ok(())
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What is written so far, and was not taken yet.
    ///
    /// # Errors
    /// None that memory does not cause.
    pub fn take(&mut self) -> Result<Vec<u8>, ExportError> {
        match &mut self.encoder {
            Encoder::Table(table) => table.take(),
            Encoder::Json(out) => Ok(std::mem::take(out)),
        }
    }

    /// What was not taken yet, to the end.
    ///
    /// # Errors
    /// None that memory does not cause.
    pub fn finish(self) -> Result<Vec<u8>, ExportError> {
        match self.encoder {
            Encoder::Table(table) => table.finish(),
            Encoder::Json(out) => Ok(out),
        }
    }
}

/// Appends rows, some at once, and says how many they were.
fn append<R>(
    table: &mut TableEncoder,
    columns: &[Column<R>],
    rows: impl Iterator<Item = Result<R, ExportError>>,
) -> Result<u64, ExportError> {
    let mut count = 0;
    let mut chunk = Vec::with_capacity(ROWS_AT_ONCE.min(rows.size_hint().0));
    for row in rows {
        chunk.push(row?);
        if chunk.len() == ROWS_AT_ONCE {
            table.append(columns, &chunk)?;
            count += chunk.len() as u64;
            chunk.clear();
        }
    }
    table.append(columns, &chunk)?;
    Ok(count + chunk.len() as u64)
}
