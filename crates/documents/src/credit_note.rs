//! A credit note as a document.

use super::canonical::{CanonicalError, digest};
use super::document::amount;
use super::tax::tax_category;
use billing_api as api;
use billing_domain::invoice::credit_note::{CreditNoteAmounts, CreditableTax, CreditedLine};
use billing_domain::{Money, Name, TaxGroup, restored_name};

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
    /// The number under which the invoice is issued again, if it is.
    pub reissued_as: Option<Name>,
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
    let NoteHeader { number, issued_at, invoice, reason, reissued_as, previous_digest } = header;
    let has_several_taxes = invoice.taxes.len() > 1;
    let line = |line: &CreditedLine| {
        let tax = line.tax.filter(|_| has_several_taxes).map(line_tax);
        api::CreditNoteLine { tax, ..render_line(line) }
    };
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
        lines: credited.lines.iter().map(line).collect(),
        subtotal: amount(credited.subtotal),
        taxes: credited.taxes.iter().map(|tax| render_tax(invoice, tax)).collect(),
        tax: amount(credited.tax),
        total: amount(credited.total),
        credits: render_credits(&number, credited),
        reissued_as: reissued_as.map(|number| number.as_str().into()),
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

/// What goes back of the credits that the invoice used.
fn render_credits(number: &Name, credited: &CreditNoteAmounts) -> Vec<api::ReturnedCredit> {
    let render = |(credit, back): &(Name, Money), application| api::ReturnedCredit {
        name: restored_name(number, credit).as_str().into(),
        credit: credit.as_str().into(),
        amount: amount(*back),
        application,
    };
    let before_tax = credited.credits.iter().map(|back| render(back, None));
    let after_tax = credited.prepaid.iter().map(|back| render(back, Some(api::CreditApplication::AfterTax)));
    before_tax.chain(after_tax).collect()
}

/// What goes back of a tax, with the reason that the invoice has for it.
fn render_tax(invoice: &api::Document, tax: &CreditableTax) -> api::TaxSubtotal {
    let back = credited_tax(tax);
    let same = |known: &&api::TaxSubtotal| known.category == back.category && *known.rate == *back.rate;
    let reason = invoice.taxes.iter().find(same).and_then(|known| known.reason.clone());
    api::TaxSubtotal { reason, ..back }
}

/// A tax and what is taxed, without a reason.
pub fn credited_tax(tax: &CreditableTax) -> api::TaxSubtotal {
    let CreditableTax { group, base, amount: of_base } = tax;
    let api::LineTax { category, rate } = line_tax(*group);
    api::TaxSubtotal { category, rate, base: amount(*base), amount: amount(*of_base), reason: None }
}

fn line_tax(group: TaxGroup) -> api::LineTax {
    api::LineTax { category: tax_category(group.category), rate: group.rate.to_string().into() }
}

fn render_line(line: &CreditedLine) -> api::CreditNoteLine {
    let CreditedLine { line, description, total, tax: _ } = line;
    api::CreditNoteLine { line: line.clone(), description: description.clone(), total: amount(*total), tax: None }
}
