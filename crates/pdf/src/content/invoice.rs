//! The content of an invoice or an estimate.

use billing_api::{Document, DocumentRate, LineType};
use billing_documents::issued::{IssuedInvoice, NotIssued};
use kube_core::ResourceExt;
use rust_decimal::Decimal;

use super::line::{columns, sections};
use super::party::Party;
use super::payment::payment;
use super::words::{Words, decimal};
use super::{
    Colors, Content, Digest, Fact, Highlight, Section, Summary, SummaryRow, Total, Verify, footer_of, locale_of,
    paper_of, tax,
};
use crate::Paper;
use crate::labels::Label;
use crate::legible::breakable;

/// The most lines that stand before the totals; where there are more, a summary does, and they are an annex.
const MAX_LINES_IN_FRONT: usize = 500;

/// The most lines that are printed: setting one takes about 100 KiB of memory, and nobody reads 300 pages. The table has them all.
const MAX_LINES_IN_ANNEX: usize = 10_000;

impl Content {
    /// The content of an invoice or an estimate.
    pub(crate) fn of_invoice(issued: &IssuedInvoice<'_>, paper: Option<Paper>) -> Result<Self, NotIssued> {
        let document = issued.document;
        let (seller, buyer) = (issued.seller, issued.buyer);
        let words = Words { locale: locale_of(seller, buyer), currency: &document.currency };
        let heading = words.label(if issued.is_final() { Label::Invoice } else { Label::Estimate });
        let tax_name = tax::name(seller, &words);
        let sections = sections(issued, &words)?;
        let summary = (issued.lines.len() > MAX_LINES_IN_FRONT).then(|| summary(&sections, issued, &words));
        Ok(Self {
            lang: words.locale.language.code(),
            region: words.locale.region.clone(),
            paper: paper_of(paper, seller, buyer),
            title: format!("{heading} {}", document.number),
            author: seller.legal_name.clone(),
            issued_at: issued.issued_at,
            families: Vec::new(),
            logo: None,
            colors: Colors::of(seller),
            watermark: (!issued.is_final()).then_some(heading),
            heading,
            number: document.number.to_string(),
            from: Party::seller(seller, &words),
            bill_to: Party::buyer(buyer, &words),
            facts: facts(issued, &words),
            highlight: highlight(issued, &words),
            notes: notes(issued, &words),
            text: buyer.invoice_text.iter().flat_map(|text| text.lines()).map(breakable).collect(),
            columns: columns(&sections, tax_name, &words),
            sections: if summary.as_ref().is_some_and(|summary| summary.elsewhere.is_some()) {
                Vec::new()
            } else {
                sections
            },
            summary,
            totals: totals(document, tax_name, &words)?,
            payment: issued.is_final().then(|| payment(document, &words)).transpose()?,
            remarks: remarks(issued, &words)?,
            digest: digest(issued, &words),
            page: words.label(Label::Page),
            footer: footer_of(seller),
        })
    }
}

fn facts(issued: &IssuedInvoice<'_>, words: &Words<'_>) -> Vec<Fact> {
    let (document, buyer) = (issued.document, issued.buyer);
    let date = |instant: Option<billing_api::Time>| instant.map(|instant| words.date(instant));
    let facts = [
        (Label::Number, Some(document.number.to_string())),
        (Label::IssuedOn, date(document.issued_at)),
        (Label::DueOn, date(document.due_at)),
        (Label::Period, Some(words.period(&document.period))),
        (Label::Order, buyer.purchase_order.as_deref().map(breakable)),
        (Label::Reference, buyer.buyer_reference.as_deref().map(breakable)),
        (Label::Account, Some(breakable(&buyer.billing_group))),
    ];
    facts.into_iter().filter_map(|(label, value)| Some(Fact { label: words.label(label), value: value? })).collect()
}

fn highlight(issued: &IssuedInvoice<'_>, words: &Words<'_>) -> Highlight {
    let due = issued.document.due_at.filter(|_| issued.is_final());
    Highlight {
        label: words.label(if issued.is_final() { Label::AmountDue } else { Label::EstimatedAmount }),
        amount: words.money(issued.document.amount_due()),
        note: due.map(|due| words.fill(Label::DueBy, &[&words.date(due)])),
    }
}

fn notes(issued: &IssuedInvoice<'_>, words: &Words<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if !issued.is_final() {
        notes.push(words.fill(Label::EstimateUntil, &[&words.locale.instant(issued.issued_at)]));
    }
    if let Some(replaced) = &issued.document.reissues {
        let named = words.fill(Label::InvoiceOf, &[&replaced.number, &words.date(replaced.issued_at)]);
        notes.push(format!("{} {named} ({}).", words.label(Label::Replaces), &*replaced.credit_note));
    }
    let adjusted = &issued.document.adjusted_invoices;
    if !adjusted.is_empty() {
        let named = |one: &billing_api::AdjustedInvoice| {
            words.fill(Label::InvoiceOf, &[&one.number, &words.date(one.issued_at)])
        };
        let named: Vec<_> = adjusted.iter().map(named).collect();
        notes.push(format!("{} {}.", words.label(Label::Adjusts), named.join(", ")));
    }
    notes
}

fn summary(sections: &[Section], issued: &IssuedInvoice<'_>, words: &Words<'_>) -> Summary {
    let other = words.label(Label::Other);
    let row = |section: &Section| SummaryRow {
        project: section.project.clone().unwrap_or_else(|| other.to_owned()),
        lines: words.number(&section.lines.len().to_string()),
        amount: section.subtotal.as_ref().map(|subtotal| subtotal.amount.clone()).unwrap_or_default(),
    };
    Summary {
        title: words.label(Label::Summary),
        project: words.label(Label::Project),
        lines: words.label(Label::Lines),
        amount: words.in_currency(Label::Amount),
        rows: sections.iter().map(row).collect(),
        annex: words.label(Label::Annex),
        elsewhere: (issued.lines.len() > MAX_LINES_IN_ANNEX).then(|| {
            let count = words.number(&issued.lines.len().to_string());
            words.fill(
                Label::Elsewhere,
                &[&count, &format!("kubectl billing invoice download {}", issued.document.number)],
            )
        }),
    }
}

fn totals(document: &Document, tax_name: &str, words: &Words<'_>) -> Result<Vec<Total>, NotIssued> {
    let mut totals = vec![Total::new(words.label(Label::Subtotal), words.number(&document.subtotal))];
    totals.extend(tax::totals(&document.taxes, &document.tax, document.tax_note.as_deref(), tax_name, words));
    totals.push(Total::strong(words.label(Label::Total), words.money(&document.total)));
    for prepayment in &document.prepayments {
        let name = breakable(&prepayment.name);
        let from = if prepayment.kind == "Invoice" { words.fill(Label::BalanceOf, &[&name]) } else { name };
        let less = -decimal("status.document.prepayments.amount", &prepayment.amount)?;
        totals.push(Total::new(words.fill(Label::Prepaid, &[&from]), words.number(&less.to_string())));
    }
    if let (Some(prepaid), [_, _, ..]) = (&document.prepaid, &document.prepayments[..]) {
        let less = -decimal("status.document.prepaid", prepaid)?;
        totals.push(Total::new(words.label(Label::PrepaidTotal), words.number(&less.to_string())));
    }
    if document.amount_due.is_some() {
        totals.push(Total::strong(words.label(Label::AmountDue), words.money(document.amount_due())));
    }
    if let Some(forward) = &document.carried_forward {
        totals.push(Total::new(words.label(Label::CarriedForward), words.number(forward)));
    }
    for back in &document.returned_credits {
        let month = words.month("status.document.returnedCredits.period", &back.period)?;
        let label = words.fill(Label::ReturnedTo, &[&breakable(&back.credit), &month]);
        totals.push(Total::new(label, words.number(&back.amount)));
    }
    Ok(totals)
}

fn remarks(issued: &IssuedInvoice<'_>, words: &Words<'_>) -> Result<Vec<String>, NotIssued> {
    let document = issued.document;
    let mut remarks = Vec::new();
    remarks.extend(discounts(issued, words)?);
    let rates = document.exchange_rate.iter().chain(issued.lines.iter().filter_map(|line| line.exchange_rate.as_ref()));
    for rate in rates {
        let remark = conversion(rate, words)?;
        if !remarks.contains(&remark) {
            remarks.push(remark);
        }
    }
    if let (Some(subtotal), Some(rate)) = (&document.price_subtotal, &document.exchange_rate) {
        let subtotal = format!("{}\u{A0}{}", words.number(subtotal), rate.from);
        remarks.push(words.fill(Label::BeforeConversion, &[&subtotal]));
    }
    if let Some(progress) = &document.commitment {
        let (field, money) = ("status.document.commitment", |amount: &str| words.money(amount));
        let (first, last) = (words.month(field, &progress.first_period)?, words.month(field, &progress.last_period)?);
        let sums = [money(&progress.spent), money(&progress.amount), money(&progress.left)];
        remarks.push(
            words.fill(Label::Commitment, &[&breakable(&progress.name), &first, &last, &sums[0], &sums[1], &sums[2]]),
        );
    }
    Ok(remarks)
}

/// The discounts that are inside the lines of services, with what these come to before and after.
fn discounts(issued: &IssuedInvoice<'_>, words: &Words<'_>) -> Result<Option<String>, NotIssued> {
    if issued.document.discounts.is_empty() {
        return Ok(None);
    }
    let (mut before, mut after) = (Decimal::ZERO, Decimal::ZERO);
    for line in issued.lines.iter().filter(|line| line.kind == LineType::ServiceCharge && line.adjusts.is_none()) {
        after += decimal("status.document.lines.total", &line.total)?;
        before += decimal("status.document.lines.preDiscount", line.pre_discount.as_ref().unwrap_or(&line.total))?;
    }
    let mut named = Vec::new();
    for discount in &issued.document.discounts {
        let percent = decimal("status.document.discounts.percent", &discount.percent)?.normalize();
        named.push(format!("{} {}", breakable(&discount.name), words.locale.percent(&format!("-{percent}"))));
    }
    let (title, sums) = (words.before(Label::Discounts), [before, after].map(|sum| words.money(&sum.to_string())));
    Ok(Some(format!("{title} {}, {} → {}.", named.join(", "), sums[0], sums[1])))
}

fn conversion(rate: &DocumentRate, words: &Words<'_>) -> Result<String, NotIssued> {
    let day = chrono::NaiveDate::parse_from_str(&rate.quote_date, "%Y-%m-%d")
        .map_err(|_| NotIssued::Field { field: "exchangeRate.quoteDate", text: rate.quote_date.to_string() })?;
    let (value, day) = (words.trimmed("exchangeRate.rate", &rate.rate)?, words.locale.date(day));
    Ok(words.fill(Label::ConvertedAt, &[&rate.from, &value, &rate.to, &rate.source, &day]))
}

fn digest(issued: &IssuedInvoice<'_>, words: &Words<'_>) -> Digest {
    let document = issued.document;
    let namespace = issued.invoice.namespace().map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
    let command = format!("kubectl billing verify {}{namespace}", document.number);
    let verify = issued.is_final().then(|| Verify { label: words.before(Label::Verify), command });
    Digest { label: words.before(Label::Digest), value: document.digest.clone(), verify }
}
