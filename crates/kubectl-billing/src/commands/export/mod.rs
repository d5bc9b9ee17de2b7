//! `kubectl billing export`: invoices and credit notes for other programs.

mod folder;
mod manifest;
mod part;
pub(crate) mod source;
pub(crate) mod span;
mod stream;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use billing_documents::export::Format;
use billing_documents::export::focus::Version;
use billing_documents::export::table::Encoding;

use self::folder::FolderExport;
use self::part::ExportFormat;
use self::source::Source;
use self::span::Span;
use crate::cluster::{ClusterArguments, Place, wait};
#[cfg(feature = "einvoice")]
use crate::einvoice::{EInvoiceArguments, Form, XmlForm};
use crate::error::CommandError;
use crate::{ExitStatus, Io};

const EXAMPLES: &str = "\
Examples:
  # The final invoices of last month as CSV, for a spreadsheet
  kubectl billing export -n acme --format csv --period last -o ./acme

  # Everything of this year for DuckDB, with what is estimated so far; again later, only what changed is written
  kubectl billing export -A --format parquet --period 2026-01..this --with-estimates -o ./lake

  # A bill in the FOCUS format, for a FinOps tool
  kubectl billing export -n acme --format focus-1.2 --period last -o ./focus

  # The e-invoices of last month, for Peppol
  kubectl billing export -n acme --format ubl --profile peppol --period last -o ./einvoices

  # The lines of one group on standard output
  kubectl billing export -n acme --group main --format csv --period last -o -

Exit status: 0 when every document was exported. 1 when some could not be: standard error names them, the others are
exported. 2 when the command cannot be run.";

/// Export invoices and credit notes as CSV, JSON, Parquet, FOCUS or e-invoices
///
/// Into a folder it writes a file for each invoice of the months, and for each credit note that was issued in them, and
/// manifest.json, which lists them with their sums. Files of finals and of credit notes are written once and never again;
/// estimates are replaced, and removed when their invoice is final. A second run writes only what changed.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ExportArguments {
    #[command(flatten)]
    cluster: ClusterArguments,

    /// The documents of all organizations
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,

    /// Only the documents of this billing group
    #[arg(short, long, value_name = "GROUP")]
    group: Option<String>,

    /// The month, or the first and the last one: 2026-10, last, 2026-01..2026-10
    #[arg(short, long, value_name = "PERIOD")]
    period: String,

    /// What to export them as
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: FormatName,

    #[cfg(feature = "einvoice")]
    #[command(flatten)]
    einvoice: EInvoiceArguments,

    /// How the tables of FOCUS are written
    #[arg(long, value_enum, value_name = "ENCODING", default_value_t = EncodingName::Csv)]
    encoding: EncodingName,

    /// Only final invoices: the default
    #[arg(long, conflicts_with = "with_estimates")]
    final_only: bool,

    /// Also the invoices that may still change
    #[arg(long)]
    with_estimates: bool,

    /// The folder to write to; "-" writes the lines of all documents to standard output, as one file
    #[arg(short, long, value_name = "DIRECTORY")]
    output: PathBuf,
}

/// A format by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// Tables of lines and invoices, for spreadsheets
    Csv,
    /// Documents, and lines as newline-delimited JSON
    Json,
    /// The same tables as of csv, for databases
    Parquet,
    /// FOCUS 1.2: CostAndUsage
    #[value(name = "focus-1.2")]
    Focus12,
    /// FOCUS 1.4: CostAndUsage, InvoiceDetail, BillingPeriod
    #[value(name = "focus-1.4")]
    Focus14,
    /// E-invoices of EN 16931 as UBL 2.1
    #[cfg(feature = "einvoice")]
    Ubl,
    /// E-invoices of EN 16931 as CII D16B
    #[cfg(feature = "einvoice")]
    Cii,
    /// E-invoices by the rules of XRechnung, as UBL 2.1
    #[cfg(feature = "einvoice")]
    #[value(name = "xrechnung")]
    XRechnung,
}

/// An encoding by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum EncodingName {
    /// Text
    Csv,
    /// Columns with types
    Parquet,
}

impl ExportArguments {
    fn format(&self) -> Result<ExportFormat, CommandError> {
        let encoding = match self.encoding {
            EncodingName::Csv => Encoding::Csv,
            EncodingName::Parquet => Encoding::Parquet,
        };
        let format = match self.format {
            FormatName::Csv => Format::Csv,
            FormatName::Parquet => Format::Parquet,
            FormatName::Focus12 => Format::Focus(Version::V1_2, encoding),
            FormatName::Focus14 => Format::Focus(Version::V1_4, encoding),
            FormatName::Json => Format::Json,
            #[cfg(feature = "einvoice")]
            FormatName::Ubl => return self.einvoices(Form::Ubl),
            #[cfg(feature = "einvoice")]
            FormatName::Cii => return self.einvoices(Form::Cii),
            #[cfg(feature = "einvoice")]
            FormatName::XRechnung => return self.einvoices(Form::XRechnung),
        };
        #[cfg(feature = "einvoice")]
        self.einvoice.none()?;
        match (format, self.encoding) {
            (Format::Csv | Format::Json, EncodingName::Parquet) => Err(self.encoding_is_for_focus(format.name())),
            _ => Ok(ExportFormat::Datasets(format)),
        }
    }

    #[cfg(feature = "einvoice")]
    fn einvoices(&self, form: Form) -> Result<ExportFormat, CommandError> {
        let no = |message: &str| Err(CommandError::Unusable(message.to_owned()));
        let form = XmlForm::new(form, self.einvoice)?;
        if self.output == Path::new("-") {
            return no("e-invoices are a file each: name a folder, such as -o ./einvoices");
        }
        if self.with_estimates {
            return no("estimates have no e-invoices: leave --with-estimates out");
        }
        if self.encoding == EncodingName::Parquet {
            return Err(self.encoding_is_for_focus(form.name()));
        }
        Ok(ExportFormat::EInvoices(form))
    }

    fn encoding_is_for_focus(&self, format: &str) -> CommandError {
        CommandError::Unusable(format!(
            "--encoding is for the formats of FOCUS; for these tables as Parquet, write --format parquet instead of {format}"
        ))
    }
}

/// Runs the command.
///
/// # Errors
/// The cluster cannot be reached, or nothing can be written.
pub fn run(arguments: &ExportArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let format = arguments.format()?;
    let Io { now, stdin: _, stdout, stderr } = io;
    let span =
        Span::read(&arguments.period, *now).map_err(|error| CommandError::Unusable(format!("--period {error}")))?;
    writeln!(stderr, "{span}")?;
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let place = if arguments.all_namespaces { Place::Everywhere } else { cluster.organization() };
        let source = Source { cluster: &cluster, place, group: arguments.group.clone() };
        let with_estimates = arguments.with_estimates;
        match arguments.output == Path::new("-") {
            true => stream::export(&source, format, span, with_estimates, *stdout, *stderr).await,
            false => {
                let folder = &arguments.output;
                FolderExport::begin(&source, format, (span, *now), with_estimates, folder, *stderr)?.run().await
            }
        }
    })?
}
