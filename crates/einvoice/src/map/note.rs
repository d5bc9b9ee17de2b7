//! The terms of a credit note (381): what it gives back, above zero.

use billing_api::{CreditApplication, CreditNoteDocument, CreditNoteLine};
use billing_documents::issued_note::IssuedCreditNote;
use rust_decimal::Decimal;

use super::invoice::supported;
use super::words::{joined, month_of};
use super::{Origin, decimal, party, payment, said, tax};
use crate::Refusal;
use crate::check::{minus, sum};
use crate::model::{Invoice, Kind, Line, Preceding, Tax, Totals, Unit};

/// The terms of a credit note, and where they are from.
pub(crate) fn terms(issued: &IssuedCreditNote<'_>) -> Result<(Invoice, Origin), Refusal> {
    let (document, invoice) = (issued.document, issued.invoice.document);
    let CreditNoteDocument { number, currency, seller, buyer, .. } = document;
    let origin = Origin::of(issued.note, invoice, buyer);
    supported(currency, &document.total)?;
    // What is not taxed on the invoice is not on the note: it is the invoice that says why.
    let taxes = tax::taxes(&document.taxes, invoice.tax_note.as_deref(), &document.subtotal, &origin)?;
    let taxes: Vec<_> =
        taxes.into_iter().map(|tax| Tax { base: back(tax.base), amount: back(tax.amount), ..tax }).collect();
    let lines = (1..).zip(&document.lines).filter(|(_, line)| !tells(line, document)).map(|(position, line)| {
        let group = tax::of_line(line.tax.as_ref(), &document.taxes, &origin)?;
        self::line(position, line, group)
    });
    let lines = lines.collect::<Result<Vec<_>, Refusal>>()?;
    let totals = totals(document, &lines)?;
    let taxes = tax::used(taxes, &lines, &[]);
    let terms = Invoice {
        kind: Kind::CreditNote,
        number: number.to_string(),
        issued_on: document.issued_at.0.date_naive(),
        currency: currency.to_string(),
        due_on: None,
        buyer_reference: said(buyer.buyer_reference.as_deref()),
        purchase_order: said(buyer.purchase_order.as_deref()),
        payment_terms: Some("Credited to the buyer. Nothing is to be paid.".to_owned()),
        note: note(document, buyer),
        preceding: vec![Preceding {
            number: document.invoice.number.to_string(),
            issued_on: document.invoice.issued_at.map(|issued| issued.0.date_naive()),
        }],
        seller: party::seller(seller, &taxes),
        buyer: party::buyer(buyer, &taxes),
        period: month_of(&document.invoice.period),
        payment: payment::payment(seller, buyer, number, currency),
        allowances: Vec::new(),
        totals,
        taxes,
        lines,
    };
    Ok((terms, origin))
}

/// Whether a line charges nothing, and has no tax though the invoice has several: it names a discount.
fn tells(line: &CreditNoteLine, document: &CreditNoteDocument) -> bool {
    let is_zero = Decimal::from_str_exact(&line.total).is_ok_and(|total| total.is_zero());
    is_zero && line.tax.is_none() && document.taxes.len() > 1
}

/// An amount as what is given back.
fn back(amount: Decimal) -> Decimal {
    // Zero has no sign.
    if amount.is_zero() { amount.abs() } else { -amount }
}

fn line(position: usize, line: &CreditNoteLine, tax: crate::model::TaxGroup) -> Result<Line, Refusal> {
    let CreditNoteLine { line: _, description, total, tax: _ } = line;
    let net = back(decimal("status.document.lines.total", total)?);
    Ok(Line {
        id: position.to_string(),
        name: description.clone(),
        description: None,
        attributes: Vec::new(),
        quantity: if net < Decimal::ZERO { Decimal::NEGATIVE_ONE } else { Decimal::ONE },
        unit: Unit::One,
        price: net.abs(),
        price_quantity: None,
        discount: None,
        net,
        days: None,
        tax,
    })
}

/// What of the total goes back to credits that had paid in advance is paid already.
fn totals(document: &CreditNoteDocument, lines: &[Line]) -> Result<Totals, Refusal> {
    let read = |field, text: &str| decimal(field, text).map(back);
    let in_advance = document.credits.iter().filter(|one| one.application == Some(CreditApplication::AfterTax));
    let returned = in_advance.map(|one| decimal("status.document.credits.amount", &one.amount));
    let prepaid = sum(returned.collect::<Result<Vec<_>, _>>()?)?;
    let total = read("status.document.total", &document.total)?;
    Ok(Totals {
        lines: sum(lines.iter().map(|line| line.net))?,
        allowances: Decimal::ZERO,
        subtotal: read("status.document.subtotal", &document.subtotal)?,
        tax: read("status.document.tax", &document.tax)?,
        total,
        prepaid,
        due: minus(total, prepaid)?,
    })
}

fn note(document: &CreditNoteDocument, buyer: &billing_api::Buyer) -> Option<String> {
    let text = said(buyer.invoice_text.as_deref());
    let reason = format!("Reason: {}", document.reason);
    let returned = document.credits.iter().map(|back| {
        let paid = match back.application {
            Some(CreditApplication::AfterTax) => "paid in advance",
            _ => "was used before tax",
        };
        format!("{} {} go back to credit {}, which {paid}.", back.amount, document.currency, back.credit)
    });
    let again = document.reissued_as.iter().map(|number| format!("It is replaced by invoice {}.", number.as_str()));
    joined(text.into_iter().chain([reason]).chain(again).chain(party::number_without_term(buyer)).chain(returned), "\n")
}
