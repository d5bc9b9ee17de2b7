//! An export to standard output: the lines of all invoices as one file.

use std::fmt::Display;
use std::io::Write;

use billing_api::InvoicePhase;
use billing_documents::export::Format;

use super::source::{Source, Unread, identity, phase_of};
use super::span::Span;
use crate::ExitStatus;
use crate::error::CommandError;

/// Writes the first dataset of a format. What cannot be exported is said on `stderr`.
///
/// # Errors
/// The API server refused, or nothing can be written.
pub async fn export(
    source: &Source<'_>,
    format: Format,
    span: Span,
    with_estimates: bool,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> Result<ExitStatus, CommandError> {
    let [dataset, ..] = format.datasets() else { return Ok(ExitStatus::Ok) };
    let mut writer = dataset.writer().map_err(unusable)?;
    let mut ended = ExitStatus::Ok;
    for month in span.months() {
        let mut invoices = source.month(month);
        loop {
            let (number, done) = match invoices.next().await {
                Ok(None) => break,
                Ok(Some(invoice)) if phase_of(&invoice) == InvoicePhase::Estimate && !with_estimates => continue,
                // Once a row of it may be there, an error is the end of all.
                Ok(Some(invoice)) => {
                    let (_, number) = identity(&invoice);
                    let append = source.with_lines(&invoice, |issued| writer.append(issued).map_err(unusable));
                    (number, append.await?)
                }
                Err(Unread::Invalid { number, reason, .. }) => (number, Err(reason)),
                Err(Unread::Failed(error)) => return Err(error),
            };
            match done {
                Ok(()) => stdout.write_all(&writer.take().map_err(unusable)?)?,
                Err(reason) => {
                    ended = ExitStatus::Refused;
                    writeln!(stderr, "invoice {number} is not exported: {reason}")?;
                }
            }
        }
    }
    stdout.write_all(&writer.finish().map_err(unusable)?)?;
    stdout.flush()?;
    Ok(ended)
}

fn unusable(error: impl Display) -> CommandError {
    CommandError::Unusable(format!("the export ends here: {error}"))
}
