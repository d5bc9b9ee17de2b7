//! Invoices and credit notes for other programs: tables as CSV and as Parquet, documents as JSON, bills in the FOCUS format.
//!
//! Everything here is made of an [`ExportedDocument`](document::ExportedDocument) and nothing else, so the same document gives the
//! same bytes. Amounts are never rounded: whatever adds them up finds the document's total.

pub mod cell;
pub mod csv;
pub mod dataset;
pub mod document;
pub mod error;
pub mod focus;
pub mod invoices;
pub mod json;
pub mod lines;
pub mod parquet;
pub mod table;
#[cfg(test)]
mod tests;

use dataset::Dataset;
use focus::Version;
use table::Encoding;

/// What somebody wants an export in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tables as CSV.
    Csv,
    /// Documents, and lines as newline-delimited JSON.
    Json,
    /// Tables as Parquet.
    Parquet,
    /// The FOCUS format.
    Focus(Version, Encoding),
}

impl Format {
    /// The datasets that each document has a file of. The first is the one that has every row.
    pub fn datasets(self) -> &'static [Dataset] {
        use Dataset::{CostAndUsage, Document, InvoiceDetail, Invoices, JsonLines, Lines};
        use Encoding::{Csv, Parquet};
        match self {
            Self::Csv => &[Lines(Csv), Invoices(Csv)],
            Self::Json => &[JsonLines, Document],
            Self::Parquet => &[Lines(Parquet), Invoices(Parquet)],
            Self::Focus(Version::V1_2, Csv) => &[CostAndUsage(Version::V1_2, Csv)],
            Self::Focus(Version::V1_2, Parquet) => &[CostAndUsage(Version::V1_2, Parquet)],
            Self::Focus(Version::V1_4, Csv) => &[CostAndUsage(Version::V1_4, Csv), InvoiceDetail(Csv)],
            Self::Focus(Version::V1_4, Parquet) => &[CostAndUsage(Version::V1_4, Parquet), InvoiceDetail(Parquet)],
        }
    }

    /// How the dataset of billing periods is written, where there is one: it has a file for each month.
    pub fn billing_periods(self) -> Option<Encoding> {
        match self {
            Self::Focus(Version::V1_4, encoding) => Some(encoding),
            Self::Focus(Version::V1_2, _) | Self::Csv | Self::Json | Self::Parquet => None,
        }
    }

    /// Its name, with how its tables are written where there is a choice.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Parquet => "parquet",
            Self::Focus(Version::V1_2, Encoding::Csv) => "focus-1.2/csv",
            Self::Focus(Version::V1_2, Encoding::Parquet) => "focus-1.2/parquet",
            Self::Focus(Version::V1_4, Encoding::Csv) => "focus-1.4/csv",
            Self::Focus(Version::V1_4, Encoding::Parquet) => "focus-1.4/parquet",
        }
    }
}
