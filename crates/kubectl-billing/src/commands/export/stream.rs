//! An export to standard output: the lines of all documents as one file.

use std::fmt::Display;
use std::io::Write;

use billing_api::InvoicePhase;
use billing_documents::export::dataset::DatasetWriter;
use billing_documents::export::document::ExportedDocument;
use billing_documents::issued_note::note_document;
use billing_domain::Month;

use super::part::{ExportFormat, Part};
use super::source::{Refusal, Source, Unread, identity, phase_of};
use super::span::Span;
use crate::ExitStatus;
use crate::error::CommandError;

/// Writes the first dataset of a format. What cannot be exported is said on `stderr`.
///
/// # Errors
/// The API server refused, or nothing can be written.
pub async fn export(
    source: &Source<'_>,
    format: ExportFormat,
    span: Span,
    with_estimates: bool,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> Result<ExitStatus, CommandError> {
    let parts = format.parts();
    let [Part::Dataset(dataset), ..] = &parts[..] else { return Ok(ExitStatus::Ok) };
    let writer = dataset.writer().map_err(unusable)?;
    let mut stream = Stream { source, writer, stdout, stderr, ended: ExitStatus::Ok };
    for month in span.months() {
        stream.invoices(month, with_estimates).await?;
    }
    stream.credit_notes(span).await?;
    let Stream { writer, stdout, ended, .. } = stream;
    stdout.write_all(&writer.finish().map_err(unusable)?)?;
    stdout.flush()?;
    Ok(ended)
}

/// Where the lines go.
struct Stream<'a> {
    source: &'a Source<'a>,
    writer: DatasetWriter,
    stdout: &'a mut dyn Write,
    stderr: &'a mut dyn Write,
    ended: ExitStatus,
}

impl Stream<'_> {
    async fn invoices(&mut self, month: Month, with_estimates: bool) -> Result<(), CommandError> {
        let mut invoices = self.source.month(month);
        loop {
            let (number, done) = match invoices.next().await {
                Ok(None) => return Ok(()),
                Ok(Some(invoice)) if phase_of(&invoice) == InvoicePhase::Estimate && !with_estimates => continue,
                // Once a row of it may be there, an error is the end of all.
                Ok(Some(invoice)) => {
                    let append = self.source.with_invoice(&invoice, |document| append(&mut self.writer, document));
                    (identity(&invoice).1, append.await?)
                }
                Err(Unread::Invalid { name, reason, .. }) => (name, Err(reason)),
                Err(Unread::Failed(error)) => return Err(error),
            };
            self.done(&format!("invoice {number}"), done)?;
        }
    }

    async fn credit_notes(&mut self, span: Span) -> Result<(), CommandError> {
        let source = self.source;
        let mut notes = source.credit_notes();
        loop {
            let (name, done) = match notes.next().await {
                Ok(None) => return Ok(()),
                Ok(Some(note)) => {
                    let is_wanted = note_document(&note).is_some_and(|document| {
                        span.contains(&Month::of(document.issued_at.0).to_string()) && source.has(document)
                    });
                    if !is_wanted {
                        continue;
                    }
                    let append = source.with_credit_note(&note, |document| append(&mut self.writer, document));
                    (identity(&note).1, append.await?)
                }
                Err(Unread::Invalid { name, reason, .. }) => (name, Err(reason)),
                Err(Unread::Failed(error)) => return Err(error),
            };
            self.done(&format!("credit note {name}"), done)?;
        }
    }

    /// Hands on what is written, or says why nothing is.
    fn done(&mut self, what: &str, done: Result<(), Refusal>) -> Result<(), CommandError> {
        match done {
            Ok(()) => self.stdout.write_all(&self.writer.take().map_err(unusable)?)?,
            Err(reason) => {
                self.ended = ExitStatus::Refused;
                writeln!(self.stderr, "{what} is not exported: {reason}")?;
            }
        }
        Ok(())
    }
}

fn append(writer: &mut DatasetWriter, document: &ExportedDocument<'_>) -> Result<(), CommandError> {
    writer.append(document).map_err(unusable)
}

fn unusable(error: impl Display) -> CommandError {
    CommandError::Unusable(format!("the export ends here: {error}"))
}
