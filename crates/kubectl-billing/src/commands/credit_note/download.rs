//! `kubectl billing credit-note download`: one credit note as a file.

use clap::Args;

use crate::cluster::{ClusterArguments, wait};
use crate::commands::download::{FileArguments, unusable};
use crate::commands::export::source::Source;
use crate::error::CommandError;
use crate::read::request;
use crate::{ExitStatus, Io};
use billing_api::CreditNote;
use billing_documents::issued_note::note_document;

/// Write a credit note to a file
///
/// As PDF: for people, archives (PDF/A-3a) and screen readers (PDF/UA-1). As CSV: a row for each line and each tax, whose column total adds up to the note's total, which is below zero. As JSON: the
/// document.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  # For people and archives, in the group's language
  kubectl billing credit-note download outage -n acme --format pdf -o outage.pdf

  # Its lines, for a spreadsheet
  kubectl billing credit-note download outage -n acme --format csv -o outage.csv")]
pub struct CreditNoteDownloadArguments {
    /// The name of the CreditNote
    #[arg(value_name = "NOTE")]
    name: String,

    #[command(flatten)]
    file: FileArguments,

    #[command(flatten)]
    cluster: ClusterArguments,
}

pub(super) fn run(arguments: &CreditNoteDownloadArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let CreditNoteDownloadArguments { name, file, cluster } = arguments;
    let Io { stdout, stderr, .. } = io;
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
