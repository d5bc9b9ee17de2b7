//! `kubectl billing invoice download`: one invoice as a file, or all of some months.

use std::io::Write;

use clap::Args;

use billing_api::{Invoice, InvoicePhase};
use billing_domain::Timestamp;

use crate::cluster::{Cluster, ClusterArguments, Place, wait};
use crate::commands::download::many::{Many, ManyArguments, span};
use crate::commands::download::{FileArguments, unusable};
use crate::commands::export::source::{Source, Unread, document_of, identity, phase_of};
use crate::error::CommandError;
use crate::period;
use crate::read::request;
use crate::{ExitStatus, Io};

const EXAMPLES: &str = "\
Examples:
  # For people and archives, in the group's language
  kubectl billing invoice download f3397-3 -n acme --format pdf -o f3397-3.pdf

  # For people and for accounting programs: pages with the e-invoice inside
  kubectl billing invoice download f3397-3 -n acme --format factur-x -o f3397-3.pdf

  # An e-invoice for Peppol, and one for an authority in Germany
  kubectl billing invoice download f3397-3 -n acme --format ubl --profile peppol -o f3397-3.xml
  kubectl billing invoice download f3397-3 -n acme --format xrechnung -o f3397-3.xml

  # All finals of the last month, each as a file
  kubectl billing invoice download --all --period last -n acme --format factur-x -o ./invoices

  # The lines of an invoice, for a spreadsheet
  kubectl billing invoice download f3397-3 -n acme --format csv -o f3397-3.csv

  # The document of a group's last month
  kubectl billing invoice download --group main --period last -n acme --format json";

/// Write an invoice to a file, or all of some months
///
/// As PDF: for people, archives (PDF/A-3a) and screen readers (PDF/UA-1). As an e-invoice of EN 16931 (factur-x, ubl, cii, xrechnung):
/// for accounting programs and authorities; only what is final has one, and what cannot be said in it is refused with the field to
/// fill. The same invoice gives the same bytes. As CSV: a row for each line and each tax, whose column total adds up to the invoice's
/// total. As JSON: the document, with all of its lines.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DownloadArguments {
    /// The invoice's number
    #[arg(value_name = "NUMBER", required_unless_present_any = ["group", "all"], conflicts_with_all = ["group", "period", "all"])]
    number: Option<String>,

    /// The billing group, instead of the number; with --all only its invoices
    #[arg(short, long, value_name = "GROUP", requires = "period")]
    group: Option<String>,

    /// The month of the group's invoice: 2026-10, last, this; with --all also the first and the last one: 2026-01..last
    #[arg(short, long, value_name = "PERIOD")]
    period: Option<String>,

    #[command(flatten)]
    many: ManyArguments,

    #[command(flatten)]
    file: FileArguments,

    #[command(flatten)]
    cluster: ClusterArguments,
}

/// Runs the command.
///
/// # Errors
/// There is no such invoice, it cannot be read, or nothing can be written.
pub fn run(arguments: &DownloadArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let Io { now, stdin: _, stdout, stderr } = io;
    arguments.file.check()?;
    if arguments.many.all() {
        let span = span(arguments.period.as_deref(), *now)?;
        return wait(async {
            let cluster = arguments.cluster.connect().await?;
            let source = Source { cluster: &cluster, place: cluster.organization(), group: arguments.group.clone() };
            Many::begin(&source, &arguments.file, *stderr)?.invoices(span).await
        })?;
    }
    let (number, content) = wait(async {
        let cluster = arguments.cluster.connect().await?;
        let invoice = find(arguments, &cluster, *now, *stderr).await?;
        let (_, number) = identity(&invoice);
        let source = Source { cluster: &cluster, place: cluster.organization(), group: None };
        let seller = document_of(&invoice).map(|document| &document.seller);
        let prepared = arguments.file.prepare(seller, &cluster, *stderr).await?;
        let content = source.with_invoice(&invoice, |document| arguments.file.render(document, &prepared)).await?;
        let content = content.map_err(|refusal| unusable(&format!("invoice {number}"), refusal))?;
        if phase_of(&invoice) == InvoicePhase::Estimate {
            writeln!(stderr, "invoice {number} is an estimate and may still change")?;
        }
        Ok::<_, CommandError>((number, content))
    })??;
    arguments.file.write(&format!("invoice {number}"), &content, *stdout, *stderr)?;
    Ok(ExitStatus::Ok)
}

/// The invoice that is asked for.
async fn find(
    arguments: &DownloadArguments,
    cluster: &Cluster,
    now: Timestamp,
    stderr: &mut dyn Write,
) -> Result<Invoice, CommandError> {
    let place = cluster.organization();
    if let Some(number) = &arguments.number {
        let found = cluster.api::<Invoice>().get(number).await;
        return found.map_err(|error| CommandError::of(request::<Invoice>("get", &place, Some(number)), error));
    }
    let word = arguments.period.as_deref().unwrap_or_default();
    let month = period::month(word, now).map_err(|error| CommandError::Unusable(format!("--period {error}")))?;
    writeln!(stderr, "{}", period::echo(month))?;
    let source = Source { cluster, place: place.clone(), group: arguments.group.clone() };
    match source.month(month).next().await {
        Ok(Some(invoice)) => Ok(invoice),
        Ok(None) => Err(none(&place, arguments.group.as_deref().unwrap_or_default(), &month.to_string())),
        Err(Unread::Failed(error)) => Err(error),
        Err(Unread::Invalid { name, reason, .. }) => {
            Err(CommandError::Unusable(format!("invoice {name} cannot be read: {reason}")))
        }
    }
}

fn none(place: &Place, group: &str, month: &str) -> CommandError {
    let namespace = match place {
        Place::Everywhere => String::new(),
        Place::Namespace(namespace) => format!(" in namespace {namespace}"),
    };
    CommandError::Unusable(format!(
        "billing group {group}{namespace} has no invoice for {month}; `kubectl billing invoice list {group}` lists those that exist"
    ))
}
