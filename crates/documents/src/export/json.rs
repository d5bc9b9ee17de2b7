//! Invoices as JSON: the document as it is stored, and its lines as newline-delimited JSON.

use serde::Serialize;

use crate::issued::IssuedInvoice;
use billing_api::{Document, Line};

/// A line, and at its end which invoice it belongs to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonLine<'a> {
    #[serde(flatten)]
    line: &'a Line,
    invoice: &'a str,
    phase: billing_api::InvoicePhase,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'a str>,
    billing_group: &'a str,
    period: &'a str,
    currency: &'a str,
}

/// Appends every line of an invoice, in the document's order.
///
/// # Errors
/// None that a document of the API causes.
pub fn write_lines(issued: &IssuedInvoice<'_>, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    for line in &issued.lines {
        let line = JsonLine {
            line,
            invoice: &issued.document.number,
            phase: issued.phase,
            organization: issued.invoice.metadata.namespace.as_deref(),
            billing_group: &issued.invoice.spec.billing_group,
            period: &issued.invoice.spec.period,
            currency: &issued.document.currency,
        };
        serde_json::to_writer(&mut *out, &line)?;
        out.push(b'\n');
    }
    Ok(())
}

/// Appends the document as it is stored. The lines of a large one are in slices, which it lists.
///
/// # Errors
/// None that a document of the API causes.
pub fn write_document(issued: &IssuedInvoice<'_>, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    serde_json::to_writer_pretty(&mut *out, issued.document)?;
    out.push(b'\n');
    Ok(())
}

/// The document with all of its lines in place, also those that are stored in slices. Its digest is over the document as it
/// is stored.
pub fn whole_document(issued: &IssuedInvoice<'_>) -> Document {
    let lines = issued.lines.iter().copied().cloned().collect();
    Document { lines, ..issued.document.clone() }
}
