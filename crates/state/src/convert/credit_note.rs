//! A final invoice and what is to be taken back of it.

use super::ConvertError;
use billing_api as api;
use billing_documents::issued::currency_of;
use billing_domain::invoice::credit_note::{
    CreditRequest, Creditable, CreditableLine, CreditableTax, PriorNote, RequestedLine,
};
use billing_domain::{CreditedAmount, Currency, IssuedNote, Money, Name, TaxRate};

/// A final invoice as a credit note finds it: its document, its slices if a line of them is named, and the notes before,
/// of which those that are given say which lines they took.
///
/// # Errors
/// An amount or a currency that cannot be read.
pub fn creditable(
    document: &api::Document,
    slices: &[api::InvoiceSlice],
    before: &[api::CreditedBy],
    notes: &[api::CreditNote],
) -> Result<Creditable, ConvertError> {
    let currency = currency_of(document)?;
    let own = document.lines.iter().map(|line| part(line, currency)).collect::<Result<Vec<_>, _>>()?;
    let slice = |slice: &api::SliceRef| {
        let description = format!("{} lines in slice {}", slice.lines, &*slice.name);
        Ok::<_, ConvertError>(CreditableLine {
            id: String::new(),
            description,
            total: money("subtotal", &slice.subtotal, currency)?,
        })
    };
    let in_slices = document.slices.iter().map(slice).collect::<Result<Vec<_>, _>>()?;
    let of_slices = slices.iter().flat_map(|slice| &slice.spec.lines);
    let of_slices = of_slices.map(|line| part(line, currency)).collect::<Result<Vec<_>, _>>()?;
    Ok(Creditable {
        parts: own.iter().cloned().chain(in_slices).collect(),
        lines: own.into_iter().chain(of_slices).collect(),
        subtotal: money("subtotal", &document.subtotal, currency)?,
        taxes: document.taxes.iter().map(|tax| tax_part(tax, currency)).collect::<Result<_, _>>()?,
        tax: money("tax", &document.tax, currency)?,
        amount_due: money("amountDue", document.amount_due(), currency)?,
        gives_back: gives_back(document, slices),
        credits: credits_that_go_back(document, currency)?,
        prior_notes: before.iter().map(|by| prior_note(by, notes, currency)).collect::<Result<_, _>>()?,
    })
}

/// What an invoice used of credits for its own month, and of its total.
fn credits_that_go_back(document: &api::Document, currency: Currency) -> Result<Vec<(Name, Money)>, ConvertError> {
    let mut credits = super::credits_used(document)?;
    for prepayment in document.prepayments.iter().filter(|one| one.kind == "Credit") {
        credits.push((prepayment.name.as_str().into(), money("prepayments.amount", &prepayment.amount, currency)?));
    }
    Ok(credits)
}

/// A line that gives back something of a closed month, among those that are known.
fn gives_back(document: &api::Document, slices: &[api::InvoiceSlice]) -> Option<String> {
    let mut lines = document.lines.iter().chain(slices.iter().flat_map(|slice| &slice.spec.lines));
    lines.find(|line| line.adjusts.is_some() && line.total.starts_with('-')).map(|line| line.id.clone())
}

/// One tax of an invoice.
fn tax_part(tax: &api::TaxSubtotal, currency: Currency) -> Result<CreditableTax, ConvertError> {
    Ok(CreditableTax {
        rate: super::read::<TaxRate>("status.document.taxes.rate", &tax.rate)?.part(),
        base: money("status.document.taxes.base", &tax.base, currency)?,
        amount: money("status.document.taxes.amount", &tax.amount, currency)?,
    })
}

/// What a note asks for, in the currency of the invoice.
///
/// # Errors
/// An amount that cannot be read, such as one with more decimals than the currency has.
pub fn request(spec: &api::CreditNoteSpec, document: &api::Document) -> Result<CreditRequest, ConvertError> {
    if spec.full {
        return Ok(CreditRequest::Full);
    }
    let currency = currency_of(document)?;
    let wanted = |line: &api::CreditNoteRequest| {
        let api::CreditNoteRequest { line, description, amount } = line;
        Ok::<_, ConvertError>(RequestedLine {
            line: line.clone(),
            description: description.clone().unwrap_or_default(),
            amount: plain("spec.lines.amount", amount, currency)?,
        })
    };
    Ok(CreditRequest::Lines(spec.lines.iter().map(wanted).collect::<Result<_, _>>()?))
}

fn part(line: &api::Line, currency: Currency) -> Result<CreditableLine, ConvertError> {
    let total = money("status.document.lines.total", &line.total, currency)?;
    Ok(CreditableLine { id: line.id.clone(), description: line.description.clone(), total })
}

fn prior_note(by: &api::CreditedBy, notes: &[api::CreditNote], currency: Currency) -> Result<PriorNote, ConvertError> {
    let note = notes.iter().find(|note| note.metadata.uid.as_deref() == Some(by.uid.as_str()));
    let lines = note.into_iter().flat_map(|note| &note.spec.lines);
    Ok(PriorNote {
        name: by.name.to_string(),
        full: by.full,
        subtotal: money("status.credited.notes.subtotal", &by.subtotal, currency)?,
        tax: money("status.credited.notes.tax", &by.tax, currency)?,
        lines: lines.filter_map(|asked| of_line(asked, currency)).collect::<Result<_, _>>()?,
    })
}

/// How much is asked of which line; `None` of the invoice as a whole.
fn of_line(asked: &api::CreditNoteRequest, currency: Currency) -> Option<Result<(String, Money), ConvertError>> {
    let amount = plain("spec.lines.amount", &asked.amount, currency);
    asked.line.clone().map(|line| amount.map(|amount| (line, amount)))
}

fn money(field: &'static str, text: &str, currency: Currency) -> Result<Money, ConvertError> {
    Money::parse(text, currency).map_err(|_| ConvertError::Field { field, text: text.to_owned() })
}

fn plain(field: &'static str, text: &str, currency: Currency) -> Result<Money, ConvertError> {
    Money::parse_plain(text, currency).map_err(|_| ConvertError::Field { field, text: text.to_owned() })
}

/// What an issued note takes back of which invoice; `None` for one that is not issued.
///
/// # Errors
/// An amount that cannot be read.
pub fn issued(note: &api::CreditNote) -> Result<Option<(Name, IssuedNote)>, ConvertError> {
    let Some(document) = note.status.as_ref().and_then(|status| status.document.as_ref()) else { return Ok(None) };
    let currency = Currency::of_amount(&document.currency, &document.subtotal)
        .map_err(|_| ConvertError::Field { field: "status.document.currency", text: document.currency.to_string() })?;
    let credited = match note.spec.full {
        true => CreditedAmount::Remainder,
        false => CreditedAmount::Lines(
            note.spec.lines.iter().filter_map(|asked| of_line(asked, currency)).collect::<Result<_, _>>()?,
        ),
    };
    let number = document.number.as_str().into();
    let issued = IssuedNote { number, issued_at: document.issued_at.0, credited };
    Ok(Some((note.spec.invoice.as_str().into(), issued)))
}
