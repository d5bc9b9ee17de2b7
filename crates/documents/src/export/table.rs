//! A table in one of its encodings.

use super::cell::Column;
use super::csv::CsvEncoder;
use super::error::ExportError;
use super::parquet::ParquetEncoder;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Encoding {
    /// As text.
    Csv,
    /// By column, compressed, with types.
    Parquet,
}

impl Encoding {
    /// How names of such files end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }
}

/// Writes a table into memory.
pub enum TableEncoder {
    /// As CSV.
    Csv(Box<CsvEncoder>),
    /// As Parquet.
    Parquet(Box<ParquetEncoder>),
}

impl TableEncoder {
    /// A table without rows.
    ///
    /// # Errors
    /// The columns make no schema.
    pub fn new<R>(encoding: Encoding, columns: &[Column<R>]) -> Result<Self, ExportError> {
        let fields: Vec<_> = columns.iter().map(|column| column.field).collect();
        Ok(match encoding {
            Encoding::Csv => Self::Csv(Box::new(CsvEncoder::new(&fields)?)),
            Encoding::Parquet => Self::Parquet(Box::new(ParquetEncoder::new(&fields)?)),
        })
    }

    /// More rows of one document, of the columns that the table was begun with.
    ///
    /// # Errors
    /// A number cannot be read, or a cell is empty that must not be.
    pub fn append<R>(&mut self, columns: &[Column<R>], rows: &[R]) -> Result<(), ExportError> {
        match self {
            Self::Csv(encoder) => encoder.append(columns, rows),
            Self::Parquet(encoder) => encoder.append(columns, rows),
        }
    }

    /// What is written so far, and was not taken yet.
    ///
    /// # Errors
    /// None that memory does not cause.
    pub fn take(&mut self) -> Result<Vec<u8>, ExportError> {
        match self {
            Self::Csv(encoder) => encoder.take(),
            Self::Parquet(encoder) => encoder.take(),
        }
    }

    /// What was not taken yet, to the end.
    ///
    /// # Errors
    /// None that memory does not cause.
    pub fn finish(self) -> Result<Vec<u8>, ExportError> {
        match self {
            Self::Csv(mut encoder) => encoder.take(),
            Self::Parquet(encoder) => encoder.finish(),
        }
    }
}
