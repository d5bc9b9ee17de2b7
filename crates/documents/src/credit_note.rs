//! A credit note as a document.

use super::canonical::{CanonicalError, digest};
use super::document::amount;
use billing_api as api;
use billing_domain::invoice::credit_note::{CreditNoteAmounts, CreditedLine};
use billing_domain::{Money, Name, restored_name};

/// What a credit note says beside its amounts.
#[derive(Debug, Clone)]
pub struct NoteHeader<'a> {
    /// Its number.
    pub number: Name,
    /// When it was issued.
    pub issued_at: api::Time,
    /// The invoice that it takes back.
    pub invoice: &'a api::Document,
    /// Why.
    pub reason: &'a str,
    /// The digest of the note before, in the same series.
    pub previous_digest: Option<String>,
}

/// Writes a credit note as a document.
///
/// # Errors
/// The document has no canonical form.
pub fn render_note(
    header: NoteHeader<'_>,
    credited: &CreditNoteAmounts,
) -> Result<api::CreditNoteDocument, CanonicalError> {
    let NoteHeader { number, issued_at, invoice, reason, previous_digest } = header;
    let mut document = api::CreditNoteDocument {
        number: number.as_str().into(),
        issued_at,
        invoice: api::CreditedInvoice {
            number: invoice.number.clone(),
            issued_at: invoice.issued_at,
            period: invoice.period.clone(),
            digest: invoice.digest.clone(),
        },
        currency: invoice.currency.clone(),
        seller: invoice.seller.clone(),
        buyer: invoice.buyer.clone(),
        reason: reason.to_owned(),
        lines: credited.lines.iter().map(render_line).collect(),
        subtotal: amount(credited.subtotal),
        taxes: invoice.taxes.iter().zip(&credited.taxes).map(render_tax).collect(),
        tax: amount(credited.tax),
        total: amount(credited.total),
        credits: credited.credits.iter().map(|used| render_returned(&number, used)).collect(),
        previous_digest,
        digest: String::new(),
    };
    document.digest = note_digest(&document)?;
    Ok(document)
}

/// The digest of a credit note: over its canonical JSON without the digest itself.
///
/// # Errors
/// The document cannot be brought into its canonical form.
pub fn note_digest(document: &api::CreditNoteDocument) -> Result<String, CanonicalError> {
    let mut value = serde_json::to_value(document).map_err(CanonicalError::from)?;
    if let Some(fields) = value.as_object_mut() {
        fields.remove("digest");
    }
    digest(&value)
}

/// What goes back of a credit that the invoice used.
fn render_returned(number: &Name, (credit, used): &(Name, Money)) -> api::ReturnedCredit {
    let name = restored_name(number, credit);
    api::ReturnedCredit { name: name.as_str().into(), credit: credit.as_str().into(), amount: amount(*used) }
}

/// What goes back of a tax of the invoice.
fn render_tax((tax, (base, back)): (&api::TaxSubtotal, &(Money, Money))) -> api::TaxSubtotal {
    api::TaxSubtotal { base: amount(*base), amount: amount(*back), ..tax.clone() }
}

fn render_line(line: &CreditedLine) -> api::CreditNoteLine {
    let CreditedLine { line, description, total } = line;
    api::CreditNoteLine { line: line.clone(), description: description.clone(), total: amount(*total) }
}
