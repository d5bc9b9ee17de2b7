//! Documents as JSON: as they are stored, and their lines as newline-delimited JSON.

use serde::Serialize;

use super::document::{ExportedDocument, Stored};
use super::lines::{Entry, Row, rows};
use crate::issued::IssuedInvoice;
use billing_api::{CreditNoteLine, Document, InvoicePhase, Line};

/// A line, and at its end which document it belongs to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonLine<'a, L> {
    #[serde(flatten)]
    line: L,
    document: &'static str,
    invoice: &'a str,
    phase: InvoicePhase,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<&'a str>,
    billing_group: &'a str,
    period: &'a str,
    currency: &'a str,
}

/// A line of a credit note, with what it takes from the line that it credits.
#[derive(Serialize)]
struct JsonCreditedLine<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<&'a str>,
    #[serde(flatten)]
    line: &'a CreditNoteLine,
    adjusts: JsonAdjusts<'a>,
}

/// The final that it corrects.
#[derive(Serialize)]
struct JsonAdjusts<'a> {
    period: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice: Option<&'a str>,
}

/// Appends every line of a document, in its order, and says how many they are.
///
/// # Errors
/// None that a document of the API causes.
pub fn write_lines(document: &ExportedDocument<'_>, out: &mut Vec<u8>) -> Result<u64, serde_json::Error> {
    let mut count = 0;
    for row in rows(document) {
        match row.entry {
            Entry::Line(line) => write_line::<&Line>(&row, line, out)?,
            Entry::Credited(line, of) => {
                let (id, project) = (row.id(), of.and_then(|of| of.project.as_deref()));
                let (period, invoice) = row.adjusts().unwrap_or_default();
                let adjusts = JsonAdjusts { period, invoice };
                write_line(&row, JsonCreditedLine { id: &id, kind: row.kind(), project, line, adjusts }, out)?;
            }
            // Taxes stand in the document.
            Entry::Tax(_) => continue,
        }
        count += 1;
    }
    Ok(count)
}

fn write_line<L: Serialize>(row: &Row<'_>, line: L, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let document = row.document;
    let line = JsonLine {
        line,
        document: document.kind(),
        invoice: document.number,
        phase: document.phase,
        organization: document.organization,
        billing_group: document.billing_group,
        period: &document.period,
        currency: document.currency,
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.push(b'\n');
    Ok(())
}

/// Appends the document as it is stored. The lines of a large one are in slices, which it lists.
///
/// # Errors
/// None that a document of the API causes.
pub fn write_document(document: &ExportedDocument<'_>, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    match document.stored {
        Stored::Invoice(issued) => serde_json::to_writer_pretty(&mut *out, issued.document)?,
        Stored::CreditNote(issued) => serde_json::to_writer_pretty(&mut *out, issued.document)?,
    }
    out.push(b'\n');
    Ok(())
}

/// The document with all of its lines in place, also those that are stored in slices. Its digest is over the document as it
/// is stored.
pub fn whole_document(issued: &IssuedInvoice<'_>) -> Document {
    let lines = issued.lines.iter().copied().cloned().collect();
    Document { lines, ..issued.document.clone() }
}
