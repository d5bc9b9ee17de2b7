//! What an export is made of: datasets, of which each invoice has a file.

use super::cell::{Column, Fixed};
use super::error::ExportError;
use super::focus::charge::{Charge, charges};
use super::focus::{Version, cost_and_usage, invoice_detail};
use super::table::{Encoding, TableEncoder};
use super::{invoices, json, lines};
use crate::issued::IssuedInvoice;
use billing_domain::Month;

/// How many rows are made at once.
const ROWS_AT_ONCE: usize = 4096;

/// A dataset: of each invoice, one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dataset {
    /// A row for each invoice.
    Invoices(Encoding),
    /// A row for each line and each tax.
    Lines(Encoding),
    /// The document as JSON.
    Document,
    /// The lines as JSON, one on each line.
    JsonLines,
    /// FOCUS: a row for each charge.
    CostAndUsage(Version, Encoding),
    /// FOCUS 1.4: what stands on the invoice.
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

    /// The path of an invoice's file. That of a final carries the beginning of its digest: what has this name never changes.
    pub fn path(self, month: Month, number: &str, digest: Option<&str>) -> String {
        let digits: String =
            digest.into_iter().flat_map(|digest| digest.trim_start_matches("sha256:").chars()).take(12).collect();
        let dash = if digits.is_empty() { "" } else { "-" };
        format!("{}/{}-{number}{dash}{digits}.{}", folder(month), self.name(), self.extension())
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

    /// The whole file of one invoice, and how many rows it has.
    ///
    /// # Errors
    /// Something in the document cannot be read.
    pub fn render(self, issued: &IssuedInvoice<'_>) -> Result<(Vec<u8>, u64), ExportError> {
        let mut writer = self.writer()?;
        writer.append(issued)?;
        let rows = writer.rows;
        Ok((writer.finish()?, rows))
    }
}

/// The folder of a month.
pub fn folder(month: Month) -> String {
    format!("period={month}")
}

/// Writes a dataset of one invoice, or of several after each other.
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
    /// The rows of another invoice.
    ///
    /// # Errors
    /// Something in the document cannot be read. What was appended before is as it was, or more.
    pub fn append<'a>(&mut self, issued: &'a IssuedInvoice<'a>) -> Result<(), ExportError> {
        let table = match &mut self.encoder {
            Encoder::Table(table) => table,
            Encoder::Json(out) => {
                match self.dataset {
                    Dataset::Document => json::write_document(issued, out)?,
                    _ => json::write_lines(issued, out)?,
                }
                self.rows += if self.dataset == Dataset::Document { 1 } else { issued.lines.len() as u64 };
                return Ok(());
            }
        };
        self.rows += match self.dataset {
            Dataset::Invoices(_) => append(table, &invoices::columns(), std::iter::once(Ok(issued)))?,
            Dataset::CostAndUsage(version, _) => append(table, &cost_and_usage::columns(version), charges(issued))?,
            Dataset::InvoiceDetail(_) => append::<Charge<'_>>(table, &invoice_detail::columns(), charges(issued))?,
            Dataset::Lines(_) | Dataset::Document | Dataset::JsonLines => {
                append(table, &lines::columns(), lines::rows(issued).map(Ok))?
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

/// Whether the lines of an invoice, and its taxes, add up to its subtotal and its total: whoever adds up an export must
/// find these.
///
/// # Errors
/// They do not, or an amount cannot be read.
pub fn check_sums(issued: &IssuedInvoice<'_>) -> Result<(), ExportError> {
    let document = issued.document;
    let subtotal = sum(issued.lines.iter().map(|line| &*line.total))?;
    let tax = sum(document.taxes.iter().map(|tax| &*tax.amount))?;
    // Where no tax is stated, `tax` is zero.
    let total = sum([subtotal.text(0).as_str(), tax.text(0).as_str()])?;
    for (what, written, added) in [("subtotal", &document.subtotal, subtotal), ("total", &document.total, total)] {
        if Fixed::parse(written) != Some(added) {
            let places = written.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            let added = added.text(u8::try_from(places).unwrap_or_default());
            return Err(ExportError::Sum { what, written: written.to_string(), added });
        }
    }
    Ok(())
}

fn sum<'a>(amounts: impl IntoIterator<Item = &'a str>) -> Result<Fixed, ExportError> {
    amounts.into_iter().try_fold(Fixed::default(), |sum, amount| {
        let added = Fixed::parse(amount).and_then(|amount| sum.checked_add(amount));
        added.ok_or_else(|| ExportError::NoNumber { column: "total", text: amount.to_owned() })
    })
}
