//! Why a document is not exported.

use thiserror::Error;

use super::cell::Field;

/// Why a document is not exported.
#[derive(Debug, Error)]
pub enum ExportError {
    /// A number of the document cannot be read.
    #[error("{text:?} in column {column} is not a number with up to 12 decimals")]
    NoNumber {
        /// The column that it was for.
        column: &'static str,
        /// What stands there.
        text: String,
    },
    /// Something is missing without which the row makes no sense.
    #[error("column {0} must not be empty")]
    Empty(&'static str),
    /// The lines do not add up to the document's sums.
    #[error("its {what} is {written}, and its lines add up to {added}; `kubectl billing verify` says more")]
    Sum {
        /// Which sum.
        what: &'static str,
        /// What the document says.
        written: String,
        /// What the lines say.
        added: String,
    },
    /// It cannot be written as CSV.
    #[error("it cannot be written as CSV")]
    Csv(#[from] csv::Error),
    /// It cannot be written as Parquet.
    #[error("it cannot be written as Parquet")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// It cannot be written as JSON.
    #[error("it cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

impl ExportError {
    pub(super) fn no_number(field: &Field, text: &str) -> Self {
        Self::NoNumber { column: field.name, text: text.to_owned() }
    }
}
