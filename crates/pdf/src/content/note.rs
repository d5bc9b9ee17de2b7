//! The content of a credit note.

use billing_api::{CreditNoteDocument, CreditNoteLine};
use billing_documents::issued::NotIssued;

use super::party::Party;
use super::words::{Words, decimal};
use super::{
    Colors, Columns, Content, Digest, Fact, Highlight, Row, Section, Total, footer_of, locale_of, paper_of, tax,
};
use crate::Paper;
use crate::labels::Label;
use crate::legible::breakable;

impl Content {
    /// The content of a credit note.
    pub(crate) fn of_credit_note(note: &CreditNoteDocument, paper: Option<Paper>) -> Result<Self, NotIssued> {
        let (seller, buyer) = (&note.seller, &note.buyer);
        let words = Words { locale: locale_of(seller, buyer), currency: &note.currency };
        let heading = words.label(Label::CreditNote);
        let tax_name = tax::name(seller, &words);
        let rows: Vec<_> = note.lines.iter().map(|line| row(line, &words)).collect();
        Ok(Self {
            lang: words.locale.language.code(),
            region: words.locale.region.clone(),
            paper: paper_of(paper, seller, buyer),
            title: format!("{heading} {}", note.number),
            author: seller.legal_name.clone(),
            issued_at: note.issued_at.0,
            families: Vec::new(),
            logo: None,
            colors: Colors::of(seller),
            watermark: None,
            heading,
            number: note.number.to_string(),
            from: Party::seller(seller, &words),
            bill_to: Party::buyer(buyer, &words),
            facts: facts(note, &words),
            highlight: Highlight {
                label: words.label(Label::AmountCredited),
                amount: words.money(&decimal("status.document.total", &note.total)?.abs().to_string()),
                note: None,
            },
            notes: notes(note, &words),
            text: buyer.invoice_text.iter().flat_map(|text| text.lines()).map(breakable).collect(),
            columns: Columns {
                description: words.label(Label::Description),
                quantity: None,
                price: None,
                before: None,
                discount: None,
                tax: rows.iter().any(|row| !row.tax.is_empty()).then_some(tax_name),
                amount: words.in_currency(Label::Amount),
            },
            sections: vec![Section { project: None, title: None, lines: rows, subtotal: None }],
            summary: None,
            totals: totals(note, tax_name, &words),
            payment: None,
            remarks: Vec::new(),
            digest: Digest { label: words.before(Label::Digest), value: note.digest.clone(), verify: None },
            page: words.label(Label::Page),
            footer: footer_of(seller),
        })
    }
}

fn facts(note: &CreditNoteDocument, words: &Words<'_>) -> Vec<Fact> {
    let facts = [
        (Label::Number, Some(note.number.to_string())),
        (Label::IssuedOn, Some(words.date(note.issued_at))),
        (Label::Invoice, Some(note.invoice.number.to_string())),
        (Label::Period, Some(words.period(&note.invoice.period))),
        (Label::Order, note.buyer.purchase_order.as_deref().map(breakable)),
        (Label::Reference, note.buyer.buyer_reference.as_deref().map(breakable)),
        (Label::Account, Some(breakable(&note.buyer.billing_group))),
    ];
    facts.into_iter().filter_map(|(label, value)| Some(Fact { label: words.label(label), value: value? })).collect()
}

/// Which invoice it takes back, and why.
fn notes(note: &CreditNoteDocument, words: &Words<'_>) -> Vec<String> {
    let number = &*note.invoice.number;
    let invoice = match note.invoice.issued_at {
        Some(issued) => words.fill(Label::InvoiceOf, &[number, &words.date(issued)]),
        None => words.fill(Label::InvoiceNumbered, &[number]),
    };
    let again = note.reissued_as.as_ref().map(|number| format!(" {}", words.fill(Label::ReissuedAs, &[number])));
    vec![
        format!("{} {invoice}.{}", words.label(Label::Credits), again.unwrap_or_default()),
        format!("{} {}", words.before(Label::Reason), breakable(&note.reason)),
    ]
}

fn row(line: &CreditNoteLine, words: &Words<'_>) -> Row {
    let CreditNoteLine { line: _, description, total, tax } = line;
    Row {
        description: breakable(description),
        tax: tax::of_line(tax.as_ref(), words),
        amount: words.number(total),
        ..Row::default()
    }
}

fn totals(note: &CreditNoteDocument, tax_name: &str, words: &Words<'_>) -> Vec<Total> {
    let mut totals = vec![Total::new(words.label(Label::Subtotal), words.number(&note.subtotal))];
    totals.extend(tax::totals(&note.taxes, &note.tax, None, tax_name, words));
    totals.push(Total::strong(words.label(Label::Total), words.money(&note.total)));
    for back in &note.credits {
        let label = words.fill(Label::CreditReturned, &[&breakable(&back.credit)]);
        totals.push(Total::new(label, words.number(&back.amount)));
    }
    totals
}
