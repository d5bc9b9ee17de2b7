//! What the downloads of invoices and of credit notes have alike: a document as a file.

pub mod many;

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
#[cfg(feature = "einvoice")]
use crate::einvoice::{EInvoiceArguments, Form, XmlForm, xml};
#[cfg(all(feature = "einvoice", feature = "pdf"))]
use crate::einvoice::{einvoice, refused};
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

    #[cfg(feature = "einvoice")]
    #[command(flatten)]
    einvoice: EInvoiceArguments,

    /// The file to write to [default: standard output]; with --all the folder
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
    /// The same pages with the e-invoice inside: for people and for accounting programs
    #[cfg(all(feature = "einvoice", feature = "pdf"))]
    #[value(name = "factur-x", alias = "zugferd")]
    FacturX,
    /// An e-invoice of EN 16931 as UBL 2.1
    #[cfg(feature = "einvoice")]
    Ubl,
    /// An e-invoice of EN 16931 as CII D16B
    #[cfg(feature = "einvoice")]
    Cii,
    /// An e-invoice by the rules of XRechnung, as UBL 2.1
    #[cfg(feature = "einvoice")]
    #[value(name = "xrechnung")]
    XRechnung,
    /// Its lines and taxes as a table
    Csv,
    /// The document
    Json,
}

impl DownloadFormat {
    /// Whether its pages are printed.
    #[cfg(feature = "pdf")]
    fn is_printed(self) -> bool {
        match self {
            Self::Pdf => true,
            #[cfg(feature = "einvoice")]
            Self::FacturX => true,
            _ => false,
        }
    }

    /// The e-invoice that it is.
    #[cfg(feature = "einvoice")]
    fn form(self) -> Option<Form> {
        match self {
            #[cfg(feature = "pdf")]
            Self::FacturX => Some(Form::FacturX),
            Self::Ubl => Some(Form::Ubl),
            Self::Cii => Some(Form::Cii),
            Self::XRechnung => Some(Form::XRechnung),
            #[cfg(feature = "pdf")]
            Self::Pdf => None,
            Self::Csv | Self::Json => None,
        }
    }

    /// How the names of its files end: so that one folder holds a document in every format.
    fn extension(self) -> &'static str {
        match self {
            #[cfg(feature = "pdf")]
            Self::Pdf => "pdf",
            #[cfg(all(feature = "einvoice", feature = "pdf"))]
            Self::FacturX => "factur-x.pdf",
            #[cfg(feature = "einvoice")]
            Self::Ubl => "ubl.xml",
            #[cfg(feature = "einvoice")]
            Self::Cii => "cii.xml",
            #[cfg(feature = "einvoice")]
            Self::XRechnung => "xrechnung.xml",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

impl FileArguments {
    /// Whether what is asked for goes together.
    ///
    /// # Errors
    /// It does not.
    pub fn check(&self) -> Result<(), CommandError> {
        // What is printed on a terminal must show as what it is.
        #[cfg(feature = "pdf")]
        if self.format.is_printed() && self.file().is_none() {
            let message = "a PDF is no text to print: name a file, such as -o invoice.pdf";
            return Err(CommandError::Unusable(message.to_owned()));
        }
        #[cfg(feature = "einvoice")]
        match self.format.form() {
            Some(form) => drop(self.einvoice.profile(form)?),
            None => self.einvoice.none()?,
        }
        Ok(())
    }

    /// Gets what a document of a seller is printed with.
    ///
    /// # Errors
    /// Its fonts cannot be read.
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
        if self.format.is_printed() {
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
    /// Something in the document cannot be read, or there is no e-invoice of it.
    pub fn render(&self, document: &ExportedDocument<'_>, prepared: &Prepared) -> Result<Rendered, CommandError> {
        #[cfg(feature = "einvoice")]
        if let Some(form) = self.format.form() {
            return self.render_einvoice(document, form, prepared);
        }
        #[cfg(feature = "pdf")]
        if let Some(printer) = &prepared.printer {
            let billing_pdf::Pdf { bytes, title: _, warnings } = print(document, printer)?;
            return Ok(Rendered { content: bytes, warnings });
        }
        #[cfg(not(feature = "pdf"))]
        let Prepared {} = prepared;
        let content = self.render_plain(document).map_err(|error| unusable(document.number, error))?;
        Ok(Rendered { content, warnings: Vec::new() })
    }

    #[cfg(feature = "einvoice")]
    #[cfg_attr(not(feature = "pdf"), expect(unused_variables, reason = "only a PDF takes anything"))]
    fn render_einvoice(
        &self,
        document: &ExportedDocument<'_>,
        form: Form,
        prepared: &Prepared,
    ) -> Result<Rendered, CommandError> {
        #[cfg(feature = "pdf")]
        if form == Form::FacturX {
            let einvoice = einvoice(document, self.einvoice.profile(form)?)?;
            let printer = prepared.printer.as_ref().ok_or_else(|| refused(document, "nothing prints it"))?;
            let billing_pdf::Pdf { bytes, title, warnings } = print(document, printer)?;
            let content = einvoice.embed(&bytes, &title).map_err(|error| refused(document, error))?;
            return Ok(Rendered { content, warnings });
        }
        let (xml, _) = xml(document, XmlForm::new(form, self.einvoice)?)?;
        Ok(Rendered { content: xml.into_bytes(), warnings: Vec::new() })
    }

    fn render_plain(&self, document: &ExportedDocument<'_>) -> Result<Vec<u8>, ExportError> {
        match (self.format, document.stored) {
            (DownloadFormat::Csv, _) => Dataset::Lines(Encoding::Csv).render(document).map(|(file, _)| file),
            (DownloadFormat::Json, Stored::Invoice(issued)) => {
                let json = serde_json::to_vec_pretty(&whole_document(issued));
                json.map(|json| [json, b"\n".to_vec()].concat()).map_err(Into::into)
            }
            (DownloadFormat::Json, Stored::CreditNote(_)) => {
                let mut json = Vec::new();
                write_document(document, &mut json).map(|()| json).map_err(Into::into)
            }
            #[cfg(any(feature = "einvoice", feature = "pdf"))]
            _ => Ok(Vec::new()), // made above
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

/// A document as pages.
#[cfg(feature = "pdf")]
fn print(document: &ExportedDocument<'_>, printer: &billing_pdf::Printer) -> Result<billing_pdf::Pdf, CommandError> {
    let printed = match document.stored {
        Stored::Invoice(issued) => printer.invoice(issued),
        Stored::CreditNote(note) => printer.credit_note(note.document),
    };
    printed.map_err(|error| unusable(document.number, error))
}

/// Why a document is not written.
pub fn unusable(number: &str, error: impl std::fmt::Display) -> CommandError {
    CommandError::Unusable(format!("{number} cannot be written: {error}"))
}
