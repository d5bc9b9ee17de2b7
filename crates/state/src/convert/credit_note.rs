//! A final invoice and what is to be taken back of it.

use super::{ConvertError, decimal};
use billing_api as api;
use billing_documents::issued::currency_of;
use billing_domain::invoice::credit_note::{Creditable, Earlier, Part, Request, TaxPart, Wanted};
use billing_domain::{Currency, IssuedNote, Money, Name, Ratio, Taken};

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
        Ok::<_, ConvertError>(Part {
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
        credits: super::credits_used(document)?,
        earlier: before.iter().map(|by| earlier(by, notes, currency)).collect::<Result<_, _>>()?,
    })
}

/// One tax of an invoice.
fn tax_part(tax: &api::TaxSubtotal, currency: Currency) -> Result<TaxPart, ConvertError> {
    const HUNDREDTH: Ratio = Ratio::Small { numerator: 1, denominator: 100 };
    Ok(TaxPart {
        rate: Ratio::from(decimal("status.document.taxes.rate", &tax.rate)?).times(HUNDREDTH),
        base: money("status.document.taxes.base", &tax.base, currency)?,
        amount: money("status.document.taxes.amount", &tax.amount, currency)?,
    })
}

/// What a note asks for, in the currency of the invoice.
///
/// # Errors
/// An amount that cannot be read, such as one with more decimals than the currency has.
pub fn request(spec: &api::CreditNoteSpec, document: &api::Document) -> Result<Request, ConvertError> {
    if spec.full {
        return Ok(Request::Full);
    }
    let currency = currency_of(document)?;
    let wanted = |line: &api::CreditNoteRequest| {
        let api::CreditNoteRequest { line, description, amount } = line;
        Ok::<_, ConvertError>(Wanted {
            line: line.clone(),
            description: description.clone().unwrap_or_default(),
            amount: plain("spec.lines.amount", amount, currency)?,
        })
    };
    Ok(Request::Lines(spec.lines.iter().map(wanted).collect::<Result<_, _>>()?))
}

fn part(line: &api::Line, currency: Currency) -> Result<Part, ConvertError> {
    let total = money("status.document.lines.total", &line.total, currency)?;
    Ok(Part { id: line.id.clone(), description: line.description.clone(), total })
}

fn earlier(by: &api::CreditedBy, notes: &[api::CreditNote], currency: Currency) -> Result<Earlier, ConvertError> {
    let note = notes.iter().find(|note| note.metadata.uid.as_deref() == Some(by.uid.as_str()));
    let lines = note.into_iter().flat_map(|note| &note.spec.lines);
    Ok(Earlier {
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
    let taken = match note.spec.full {
        true => Taken::All,
        false => Taken::OfLines(
            note.spec.lines.iter().filter_map(|asked| of_line(asked, currency)).collect::<Result<_, _>>()?,
        ),
    };
    let number = document.number.as_str().into();
    let issued = IssuedNote { number, issued_at: document.issued_at.0, taken };
    Ok(Some((note.spec.invoice.as_str().into(), issued)))
}
