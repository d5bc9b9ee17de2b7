//! What the downloads of invoices and of credit notes have alike: one document as a file.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use billing_documents::export::dataset::Dataset;
use billing_documents::export::document::{ExportedDocument, Stored};
use billing_documents::export::json::{whole_document, write_document};
use billing_documents::export::table::Encoding;

use crate::error::CommandError;
use crate::lazy_file::LazyFile;

/// As what a document is written, and where.
#[derive(Args, Debug)]
pub struct FileArguments {
    /// What to write it as
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: DownloadFormat,

    /// The file to write to [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What a document is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DownloadFormat {
    /// Its lines and taxes as a table
    Csv,
    /// The document
    Json,
}

impl FileArguments {
    /// The content of the file.
    ///
    /// # Errors
    /// Something in the document cannot be read.
    pub fn render(&self, document: &ExportedDocument<'_>) -> Result<Vec<u8>, CommandError> {
        let rendered = match (self.format, document.stored) {
            (DownloadFormat::Csv, _) => Dataset::Lines(Encoding::Csv).render(document).map(|(file, _)| file),
            (DownloadFormat::Json, Stored::Invoice(issued)) => {
                let json = serde_json::to_vec_pretty(&whole_document(issued));
                json.map(|json| [json, b"\n".to_vec()].concat()).map_err(Into::into)
            }
            (DownloadFormat::Json, Stored::CreditNote(_)) => {
                let mut json = Vec::new();
                write_document(document, &mut json).map(|()| json).map_err(Into::into)
            }
        };
        rendered.map_err(|error| unusable(document.number, error))
    }

    /// Writes the file, and says where it is.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(
        &self,
        what: &str,
        content: &[u8],
        stdout: &mut dyn Write,
        stderr: &mut dyn Write,
    ) -> Result<(), CommandError> {
        let Some(path) = self.output.as_deref().filter(|path| *path != Path::new("-")) else {
            return Ok(stdout.write_all(content)?);
        };
        let written = LazyFile::open(path).and_then(|mut file| {
            file.write(content)?;
            file.finish()
        });
        written.map_err(|error| CommandError::Unusable(format!("{} cannot be written: {error}", path.display())))?;
        Ok(writeln!(stderr, "{what} is in {}", path.display())?)
    }
}

/// Why a document is not written.
pub fn unusable(number: &str, error: impl std::fmt::Display) -> CommandError {
    CommandError::Unusable(format!("{number} cannot be written: {error}"))
}
