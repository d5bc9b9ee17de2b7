//! What the downloads of invoices and of credit notes have alike: one document as a file.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use billing_api::Seller;
use billing_documents::export::dataset::Dataset;
use billing_documents::export::document::{ExportedDocument, Stored};
use billing_documents::export::error::ExportError;
use billing_documents::export::json::{whole_document, write_document};
use billing_documents::export::table::Encoding;

use crate::cluster::Cluster;
use crate::error::CommandError;
use crate::lazy_file::LazyFile;
#[cfg(feature = "pdf")]
use crate::pdf::PdfArguments;

/// As what a document is written, and where.
#[derive(Args, Debug)]
pub struct FileArguments {
    /// What to write it as
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: DownloadFormat,

    /// The file to write to [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    #[cfg(feature = "pdf")]
    #[command(flatten)]
    pdf: PdfArguments,
}

/// What is had before a document is written: what prints it, if it is printed.
pub struct Prepared {
    #[cfg(feature = "pdf")]
    printer: Option<billing_pdf::Printer>,
}

/// A document as it goes into a file.
pub struct Rendered {
    /// The file.
    content: Vec<u8>,
    /// What is not in it as it should be.
    warnings: Vec<String>,
}

/// What a document is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DownloadFormat {
    /// Pages to read, in the buyer's language
    #[cfg(feature = "pdf")]
    Pdf,
    /// Its lines and taxes as a table
    Csv,
    /// The document
    Json,
}

impl FileArguments {
    /// Gets what a document of a seller is printed with.
    ///
    /// # Errors
    /// It would go to a terminal, or its fonts cannot be read.
    #[cfg_attr(
        not(feature = "pdf"),
        expect(unused_variables, clippy::unused_async, reason = "only a PDF takes anything")
    )]
    pub async fn prepare(
        &self,
        seller: Option<&Seller>,
        cluster: &Cluster,
        stderr: &mut dyn Write,
    ) -> Result<Prepared, CommandError> {
        #[cfg(feature = "pdf")]
        if self.format == DownloadFormat::Pdf {
            // What is printed on a terminal must show as what it is.
            if self.file().is_none() {
                let message = "a PDF is no text to print: name a file, such as -o invoice.pdf";
                return Err(CommandError::Unusable(message.to_owned()));
            }
            return Ok(Prepared { printer: Some(self.pdf.printer(seller, cluster, stderr).await?) });
        }
        Ok(Prepared {
            #[cfg(feature = "pdf")]
            printer: None,
        })
    }

    /// The content of the file.
    ///
    /// # Errors
    /// Something in the document cannot be read.
    pub fn render(&self, document: &ExportedDocument<'_>, prepared: &Prepared) -> Result<Rendered, CommandError> {
        #[cfg(feature = "pdf")]
        if let Some(printer) = &prepared.printer {
            let printed = match document.stored {
                Stored::Invoice(issued) => printer.invoice(issued),
                Stored::CreditNote(note) => printer.credit_note(note.document),
            };
            let billing_pdf::Pdf { bytes, warnings } = printed.map_err(|error| unusable(document.number, error))?;
            return Ok(Rendered { content: bytes, warnings });
        }
        #[cfg(not(feature = "pdf"))]
        let Prepared {} = prepared;
        let content = self.render_plain(document).map_err(|error| unusable(document.number, error))?;
        Ok(Rendered { content, warnings: Vec::new() })
    }

    fn render_plain(&self, document: &ExportedDocument<'_>) -> Result<Vec<u8>, ExportError> {
        match (self.format, document.stored) {
            #[cfg(feature = "pdf")]
            (DownloadFormat::Pdf, _) => Ok(Vec::new()), // printed above
            (DownloadFormat::Csv, _) => Dataset::Lines(Encoding::Csv).render(document).map(|(file, _)| file),
            (DownloadFormat::Json, Stored::Invoice(issued)) => {
                let json = serde_json::to_vec_pretty(&whole_document(issued));
                json.map(|json| [json, b"\n".to_vec()].concat()).map_err(Into::into)
            }
            (DownloadFormat::Json, Stored::CreditNote(_)) => {
                let mut json = Vec::new();
                write_document(document, &mut json).map(|()| json).map_err(Into::into)
            }
        }
    }

    /// The file, unless it is standard output.
    fn file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| *path != Path::new("-"))
    }

    /// Writes the file, and says where it is.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(
        &self,
        what: &str,
        rendered: &Rendered,
        stdout: &mut dyn Write,
        stderr: &mut dyn Write,
    ) -> Result<(), CommandError> {
        let Rendered { content, warnings } = rendered;
        for warning in warnings {
            writeln!(stderr, "warning: {warning}")?;
        }
        let Some(path) = self.file() else {
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
