//! A final invoice and what is to be taken back of it.

use std::collections::BTreeMap;

use super::ConvertError;
use billing_api as api;
use billing_documents::issued::{currency_of, tax_category};
use billing_domain::invoice::credit_note::{
    CreditRequest, Creditable, CreditableLine, CreditableTax, PriorNote, RequestedLine, Withheld,
};
use billing_domain::{CreditedAmount, Currency, IssuedNote, Money, Name, TaxGroup};

/// A final invoice as a credit note finds it: its document, its slices if one of their lines is named or all of them go back, and the
/// notes before, of which those that are given say which lines they took.
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
    let taxes: Vec<_> = document.taxes.iter().map(|tax| tax_part(tax, currency)).collect::<Result<_, _>>()?;
    let part = |line| part(line, &taxes, currency);
    let own = document.lines.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    let of_slices = slices.iter().flat_map(|slice| &slice.spec.lines).map(part).collect::<Result<Vec<_>, _>>()?;
    let in_slices = match taxes.len() {
        0 | 1 => each_slice(document, &taxes, currency)?,
        _ => slices_by_tax(document, &of_slices)?,
    };
    let prior_note = |by| prior_note(by, notes, &taxes, currency);
    Ok(Creditable {
        parts: own.iter().cloned().chain(in_slices).collect(),
        lines: own.into_iter().chain(of_slices).collect(),
        subtotal: money("subtotal", &document.subtotal, currency)?,
        tax: money("tax", &document.tax, currency)?,
        amount_due: money("amountDue", document.amount_due(), currency)?,
        gives_back: gives_back(document, slices),
        credits: super::credits_used(document)?,
        prepaid: prepaid(document, currency)?,
        prior_notes: before.iter().map(prior_note).collect::<Result<_, _>>()?,
        taxes,
    })
}

/// Each slice of an invoice as a whole.
fn each_slice(
    document: &api::Document,
    taxes: &[CreditableTax],
    currency: Currency,
) -> Result<Vec<CreditableLine>, ConvertError> {
    let one = |slice: &api::SliceRef| {
        Ok(CreditableLine {
            id: String::new(),
            description: format!("{} lines in slice {}", slice.lines, &*slice.name),
            total: money("subtotal", &slice.subtotal, currency)?,
            tax: taxes.first().map(|tax| tax.group),
            withheld: None,
        })
    };
    document.slices.iter().map(one).collect()
}

/// What is in slices, by what is taxed alike.
fn slices_by_tax(document: &api::Document, lines: &[CreditableLine]) -> Result<Vec<CreditableLine>, ConvertError> {
    let mut sums: BTreeMap<Option<TaxGroup>, (usize, Money)> = BTreeMap::new();
    for line in lines {
        let (count, sum) = sums.entry(line.tax).or_insert((0, Money::zero(line.total.currency())));
        let too_much =
            || ConvertError::Field { field: "status.document.subtotal", text: document.subtotal.to_string() };
        (*count, *sum) = (*count + 1, sum.checked_add(line.total).ok_or_else(too_much)?);
    }
    let slices = document.slices.len();
    let one = |(tax, (count, total)): (Option<TaxGroup>, (usize, Money))| {
        let taxed = tax.map(|tax| format!(", taxed as {tax} %")).unwrap_or_default();
        let description = format!("{count} lines in {slices} slices{taxed}");
        CreditableLine { id: String::new(), description, total, tax, withheld: None }
    };
    Ok(sums.into_iter().map(one).collect())
}

/// What of the total of an invoice was paid in advance, in the order in which it was used: what an earlier invoice left, as the credit
/// that it would be if its group went, and credits.
fn prepaid(document: &api::Document, currency: Currency) -> Result<Vec<(Name, Money)>, ConvertError> {
    let used = |one: &api::Prepayment| {
        let name = if one.kind == "Invoice" { carried_credit(&one.name) } else { one.name.to_string() };
        Ok((name.into(), money("status.document.prepayments.amount", &one.amount, currency)?))
    };
    document.prepayments.iter().map(used).collect()
}

/// What a Credit is called that has what an invoice carried forward.
pub fn carried_credit(invoice: &str) -> String {
    format!("{CARRIED}{invoice}")
}

/// Whether a Credit of this name has what an invoice carried forward: then it is money, without an end.
pub fn is_carried(credit: &str) -> bool {
    credit.starts_with(CARRIED)
}

const CARRIED: &str = "carried-";

/// A line that gives back something of a closed month, among those that are known.
fn gives_back(document: &api::Document, slices: &[api::InvoiceSlice]) -> Option<String> {
    let mut lines = document.lines.iter().chain(slices.iter().flat_map(|slice| &slice.spec.lines));
    lines.find(|line| line.adjusts.is_some() && line.total.starts_with('-')).map(|line| line.id.clone())
}

/// One tax of an invoice, or of a note.
fn tax_part(tax: &api::TaxSubtotal, currency: Currency) -> Result<CreditableTax, ConvertError> {
    Ok(CreditableTax {
        group: group("status.document.taxes.rate", tax.category, &tax.rate)?,
        base: money("status.document.taxes.base", &tax.base, currency)?,
        amount: money("status.document.taxes.amount", &tax.amount, currency)?,
    })
}

fn group(field: &'static str, category: api::TaxCategory, rate: &str) -> Result<TaxGroup, ConvertError> {
    Ok(TaxGroup { category: tax_category(category), rate: super::read(field, rate)? })
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
        let api::CreditNoteRequest { line, description, amount, tax } = line;
        let tax = tax.as_ref().map(|tax| group("spec.lines.tax.rate", tax.category, &tax.rate));
        Ok::<_, ConvertError>(RequestedLine {
            line: line.clone(),
            description: description.clone().unwrap_or_default(),
            amount: plain("spec.lines.amount", amount, currency)?,
            tax: tax.transpose()?,
        })
    };
    Ok(CreditRequest::Lines(spec.lines.iter().map(wanted).collect::<Result<_, _>>()?))
}

fn part(line: &api::Line, taxes: &[CreditableTax], currency: Currency) -> Result<CreditableLine, ConvertError> {
    let tax = match &line.tax {
        Some(tax) => Some(group("status.document.lines.tax.rate", tax.category, &tax.rate)?),
        None => taxes.first().filter(|_| taxes.len() == 1).map(|tax| tax.group),
    };
    Ok(CreditableLine {
        id: line.id.clone(),
        description: line.description.clone(),
        total: money("status.document.lines.total", &line.total, currency)?,
        tax,
        withheld: withheld(line),
    })
}

/// What a line is that is no charge; nothing for one that is.
fn withheld(line: &api::Line) -> Option<Withheld> {
    let kind = line.adjusts.as_ref().and_then(|adjusts| adjusts.kind).unwrap_or(line.kind);
    let moved = line.source.as_ref().is_some_and(|source| {
        source.kind == "Invoice" || (source.kind == "BillingGroup" && source.part.is_none() && line.adjusts.is_none())
    });
    match kind {
        api::LineType::CreditConsumption => Some(Withheld::Credit),
        api::LineType::Rounding => Some(Withheld::MinimumCharge),
        api::LineType::OtherEvent if moved => Some(Withheld::BroughtForward),
        _ => None,
    }
}

fn prior_note(
    by: &api::CreditedBy,
    notes: &[api::CreditNote],
    taxes: &[CreditableTax],
    currency: Currency,
) -> Result<PriorNote, ConvertError> {
    let note = notes.iter().find(|note| note.metadata.uid.as_deref() == Some(by.uid.as_str()));
    let lines = note.into_iter().flat_map(|note| &note.spec.lines);
    let (subtotal, tax) = (
        money("status.credited.notes.subtotal", &by.subtotal, currency)?,
        money("status.credited.notes.tax", &by.tax, currency)?,
    );
    let taxes = match taxes {
        [only] => vec![CreditableTax { group: only.group, base: subtotal, amount: tax }],
        _ => by.taxes.iter().map(|tax| tax_part(tax, currency)).collect::<Result<_, _>>()?,
    };
    Ok(PriorNote {
        name: by.name.to_string(),
        full: by.full,
        subtotal,
        tax,
        taxes,
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
