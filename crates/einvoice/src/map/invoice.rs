//! The terms of a final invoice.

use std::collections::BTreeSet;

use billing_api::{Document, LineType, ReissuedInvoice};
use billing_documents::issued::IssuedInvoice;
use rust_decimal::Decimal;

use super::words::{conversion, date, joined, month_of};
use super::{Origin, decimal, line, party, payment, said, tax};
use crate::Refusal;
use crate::check::{minus, sum};
use crate::model::{Allowance, Days, Invoice, Kind, Line, Preceding, Totals};

/// The terms of a final, and where they are from.
pub(crate) fn terms(issued: &IssuedInvoice<'_>) -> Result<(Invoice, Origin), Refusal> {
    if !issued.is_final() {
        return Err(Refusal::Estimate);
    }
    let document = issued.document;
    let origin = Origin::of(issued.invoice, document, issued.buyer);
    supported(&document.currency, &document.total)?;
    let taxes = tax::taxes(&document.taxes, document.tax_note.as_deref(), &document.subtotal, &origin)?;
    let (seller, buyer) = (party::seller(issued.seller, &taxes), party::buyer(issued.buyer, &taxes));
    let period = month_of(&document.period);
    let (lines, allowances) = lines(issued, period, &origin)?;
    let totals = totals(document, &lines, &allowances)?;
    let taxes = tax::used(taxes, &lines, &allowances);
    let terms = Invoice {
        kind: Kind::Invoice,
        number: document.number.to_string(),
        issued_on: issued.issued_at.date_naive(),
        currency: document.currency.to_string(),
        due_on: document.due_at.map(|due| due.0.date_naive()),
        buyer_reference: said(issued.buyer.buyer_reference.as_deref()),
        purchase_order: said(issued.buyer.purchase_order.as_deref()),
        payment_terms: Some(payment_terms(document, totals.due)),
        note: note(issued),
        preceding: preceding(issued),
        payment: payment::payment(issued.seller, issued.buyer, &document.number, &document.currency),
        seller,
        buyer,
        period,
        allowances,
        totals,
        taxes,
        lines,
    };
    Ok((terms, origin))
}

/// Whether amounts have no more decimals than the standard.
pub(super) fn supported(currency: &str, amount: &str) -> Result<(), Refusal> {
    match decimal("status.document.total", amount)?.scale() {
        0..=2 => Ok(()),
        decimals => Err(Refusal::Decimals { currency: currency.to_owned(), decimals }),
    }
}

/// Lines, and the credits among them, which are allowances. A line that only names a discount is in those lines that have it.
fn lines(issued: &IssuedInvoice<'_>, period: Days, origin: &Origin) -> Result<(Vec<Line>, Vec<Allowance>), Refusal> {
    let (mut lines, mut allowances) = (Vec::new(), Vec::new());
    for (position, line) in (1..).zip(&issued.lines) {
        let total = decimal("status.document.lines.total", &line.total)?;
        if line.kind == LineType::Multiplier && total.is_zero() {
            continue; // it charges nothing, so it has no tax where there are several
        }
        let group = tax::of_line(line.tax.as_ref(), &issued.document.taxes, origin)?;
        match line.kind {
            LineType::Multiplier | LineType::CreditConsumption if total < Decimal::ZERO => {
                allowances.push(Allowance { amount: -total, tax: group, reason: line.description.clone() });
            }
            _ => lines.push(line::line(position, line, issued.document, period, group)?),
        }
    }
    Ok((lines, allowances))
}

/// What is due is below zero where something is left for the next invoice. The first documents had neither.
fn totals(document: &Document, lines: &[Line], allowances: &[Allowance]) -> Result<Totals, Refusal> {
    let read =
        |field, amount: Option<&billing_api::Amount>| amount.map_or(Ok(Decimal::ZERO), |text| decimal(field, text));
    let prepaid = read("status.document.prepaid", document.prepaid.as_ref())?;
    let due = decimal("status.document.amountDue", document.amount_due())?;
    let forward = document.carried_forward.as_ref().filter(|_| document.amount_due.is_some());
    Ok(Totals {
        lines: sum(lines.iter().map(|line| line.net))?,
        allowances: sum(allowances.iter().map(|allowance| allowance.amount))?,
        subtotal: decimal("status.document.subtotal", &document.subtotal)?,
        tax: decimal("status.document.tax", &document.tax)?,
        total: decimal("status.document.total", &document.total)?,
        prepaid,
        due: minus(due, read("status.document.carriedForward", forward)?)?,
    })
}

fn payment_terms(document: &Document, due: Decimal) -> String {
    let currency = &document.currency;
    match (&document.due_at, &document.carried_forward) {
        (_, Some(forward)) => format!("Nothing is due. {forward} {currency} are carried forward to the next invoice."),
        _ if due <= Decimal::ZERO => "Nothing is due.".to_owned(),
        (Some(due), None) => format!("Due on {}.", date(due.0)),
        (None, None) => "Due on receipt.".to_owned(),
    }
}

/// What no other term says: there is one note at most (PEPPOL-EN16931-R002).
fn note(issued: &IssuedInvoice<'_>) -> Option<String> {
    let document = issued.document;
    let text = said(issued.buyer.invoice_text.as_deref());
    let own_number = party::number_without_term(issued.buyer);
    let rates = document.exchange_rate.iter().chain(issued.lines.iter().filter_map(|line| line.exchange_rate.as_ref()));
    let mut conversions: Vec<_> = rates.map(conversion).collect();
    conversions.dedup();
    let returned = document.returned_credits.iter().map(|back| {
        let billing_api::CreditReturn { name: _, credit, period, amount } = back;
        format!("{amount} {} go back to credit {credit}, which had paid for {}.", document.currency, &**period)
    });
    let replaced = document.reissues.iter().map(|replaced| {
        let ReissuedInvoice { number, issued_at, credit_note, .. } = replaced;
        format!(
            "Replaces invoice {} of {}, which credit note {} takes back.",
            &**number,
            date(issued_at.0),
            &**credit_note
        )
    });
    joined(text.into_iter().chain(replaced).chain(own_number).chain(conversions).chain(returned), "\n")
}

/// The final that it replaces, and then those that it adjusts: those that it lists, and those that lines of earlier versions name.
fn preceding(issued: &IssuedInvoice<'_>) -> Vec<Preceding> {
    let listed = issued.document.adjusted_invoices.iter().map(|adjusted| Preceding {
        number: adjusted.number.to_string(),
        issued_on: Some(adjusted.issued_at.0.date_naive()),
    });
    let listed: Vec<_> = listed.collect();
    let named = issued.lines.iter().filter_map(|line| line.adjusts.as_ref()?.invoice.as_deref());
    let named: BTreeSet<_> = named.filter(|named| listed.iter().all(|listed| listed.number != *named)).collect();
    let named = named.into_iter().map(|number| Preceding { number: number.to_owned(), issued_on: None });
    let replaced = issued.document.reissues.iter().map(|replaced| Preceding {
        number: replaced.number.to_string(),
        issued_on: Some(replaced.issued_at.0.date_naive()),
    });
    replaced.chain(listed.iter().cloned()).chain(named).collect()
}
