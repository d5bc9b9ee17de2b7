//! An export to standard output: the lines of all invoices as one file.

use std::io::Write;

use billing_api::InvoicePhase;
use billing_documents::export::Format;
use billing_documents::export::dataset::check_sums;
use billing_documents::issued::IssuedInvoice;
use kube::ResourceExt;

use super::source::{Source, Unread, document_of, identity, phase_of};
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
    let unusable = |error: &dyn std::fmt::Display| CommandError::Unusable(error.to_string());
    let [dataset, ..] = format.datasets() else { return Ok(ExitStatus::Ok) };
    let mut writer = dataset.writer().map_err(|error| unusable(&error))?;
    let mut ended = ExitStatus::Ok;
    let mut refuse = |number: &str, reason: &dyn std::fmt::Display| -> std::io::Result<()> {
        ended = ExitStatus::Refused;
        writeln!(stderr, "invoice {number} is not exported: {reason}")
    };
    for month in span.months() {
        let mut invoices = source.month(month);
        loop {
            let invoice = match invoices.next().await {
                Ok(None) => break,
                Ok(Some(invoice)) => invoice,
                Err(Unread::Invalid { number, reason, .. }) => {
                    refuse(&number, &reason)?;
                    continue;
                }
                Err(Unread::Failed(error)) => return Err(error),
            };
            let Some(document) = document_of(&invoice) else { continue };
            if phase_of(&invoice) == InvoicePhase::Estimate && !with_estimates {
                continue;
            }
            let (organization, number) = identity(&invoice);
            let slices = match source.slices(&organization, document).await? {
                Ok(slices) => slices,
                Err(lacking) => {
                    refuse(&number, &lacking)?;
                    continue;
                }
            };
            let issued = IssuedInvoice::new(&invoice, slices.iter().map(|slice| &slice.spec));
            let issued = match issued {
                Ok(issued) => issued,
                Err(error) => {
                    refuse(&number, &error)?;
                    continue;
                }
            };
            if let Err(error) = check_sums(&issued) {
                refuse(&number, &error)?;
                continue;
            }
            // From here on rows may be written, so an error is the end of all.
            let name = invoice.name_any();
            writer.append(&issued).map_err(|error| unusable(&format!("invoice {name} cannot be exported: {error}")))?;
            stdout.write_all(&writer.take().map_err(|error| unusable(&error))?)?;
        }
    }
    stdout.write_all(&writer.finish().map_err(|error| unusable(&error))?)?;
    stdout.flush()?;
    Ok(ended)
}
