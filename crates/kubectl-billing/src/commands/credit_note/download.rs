//! `kubectl billing credit-note download`: one credit note as a file, or all that were issued in some months.

use clap::Args;

use crate::cluster::{ClusterArguments, wait};
use crate::commands::download::many::{Many, ManyArguments, span};
use crate::commands::download::{FileArguments, unusable};
use crate::commands::export::source::Source;
use crate::error::CommandError;
use crate::read::request;
use crate::{ExitStatus, Io};
use billing_api::CreditNote;
use billing_documents::issued_note::note_document;

/// Write a credit note to a file, or all that were issued in some months
///
/// As PDF: for people, archives (PDF/A-3a) and screen readers (PDF/UA-1). As an e-invoice of EN 16931 (factur-x, ubl, cii, xrechnung),
/// type 381: what it gives back is above zero there. As CSV: a row for each line and each tax, whose column total adds up to the note's
/// total, which is below zero. As JSON: the document.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  # For people and archives, in the group's language
  kubectl billing credit-note download outage -n acme --format pdf -o outage.pdf

  # As an e-invoice for Peppol
  kubectl billing credit-note download outage -n acme --format ubl --profile peppol -o outage.xml

  # All that were issued in the last month, each as a file
  kubectl billing credit-note download --all --period last -n acme --format factur-x -o ./credit-notes

  # Its lines, for a spreadsheet
  kubectl billing credit-note download outage -n acme --format csv -o outage.csv")]
pub struct CreditNoteDownloadArguments {
    /// The name of the CreditNote
    #[arg(value_name = "NOTE", required_unless_present = "all", conflicts_with_all = ["group", "period", "all"])]
    name: Option<String>,

    /// With --all only the credit notes of this billing group
    #[arg(short, long, value_name = "GROUP", requires = "all")]
    group: Option<String>,

    /// With --all the month in which they were issued, or the first and the last one: 2026-10, last, 2026-01..last
    #[arg(short, long, value_name = "PERIOD", requires = "all")]
    period: Option<String>,

    #[command(flatten)]
    many: ManyArguments,

    #[command(flatten)]
    file: FileArguments,

    #[command(flatten)]
    cluster: ClusterArguments,
}

pub(super) fn run(arguments: &CreditNoteDownloadArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let CreditNoteDownloadArguments { name, group, period, many, file, cluster } = arguments;
    let Io { now, stdin: _, stdout, stderr } = io;
    file.check()?;
    if many.all() {
        let span = span(period.as_deref(), *now)?;
        return wait(async {
            let cluster = cluster.connect().await?;
            let source = Source { cluster: &cluster, place: cluster.organization(), group: group.clone() };
            Many::begin(&source, file, *stderr)?.credit_notes(span).await
        })?;
    }
    let name = name.as_deref().unwrap_or_default(); // there is one: not all are asked for
    let content = wait(async {
        let cluster = cluster.connect().await?;
        let place = cluster.organization();
        let note = cluster.api::<CreditNote>().get(name).await;
        let note = note.map_err(|error| CommandError::of(request::<CreditNote>("get", &place, Some(name)), error))?;
        let Some(document) = note_document(&note) else {
            let message = format!("credit note {name} is not issued; its condition Ready says why");
            return Err(CommandError::Refused(message));
        };
        let prepared = file.prepare(Some(&document.seller), &cluster, *stderr).await?;
        let source = Source { cluster: &cluster, place, group: None };
        let content = source.with_credit_note(&note, |document| file.render(document, &prepared)).await?;
        content.map_err(|refusal| unusable(&format!("credit note {name}"), refusal))
    })??;
    file.write(&format!("credit note {name}"), &content, *stdout, *stderr)?;
    Ok(ExitStatus::Ok)
}
