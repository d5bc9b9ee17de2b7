//! What an export is made of: an invoice or a credit note, with what all of its rows say alike.

use std::borrow::Cow;

use super::cell::{Fixed, decimal_places};
use super::error::ExportError;
use super::focus;
use crate::issued::IssuedInvoice;
use crate::issued_note::IssuedCreditNote;
use billing_api::{Amount, Buyer, CreditApplication, CreditNoteLine, InvoicePhase, Line, Seller, TaxSubtotal};
use billing_domain::{Month, Timestamp};

/// A document as it is stored.
#[derive(Debug, Clone, Copy)]
pub enum Stored<'a> {
    /// An invoice.
    Invoice(&'a IssuedInvoice<'a>),
    /// A credit note.
    CreditNote(&'a IssuedCreditNote<'a>),
}

/// An invoice or a credit note.
#[derive(Debug, Clone)]
pub struct ExportedDocument<'a> {
    /// Which.
    pub stored: Stored<'a>,
    /// Its number.
    pub number: &'a str,
    /// Whether it may still change.
    pub phase: InvoicePhase,
    /// The organization's namespace.
    pub organization: Option<&'a str>,
    /// Who pays.
    pub billing_group: &'a str,
    /// The same by its UID.
    pub billing_group_uid: &'a str,
    /// The month that an invoice bills; of a credit note the one in which it was issued.
    pub month: Month,
    /// The same as text.
    pub period: String,
    /// The first instant of that month.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
    /// When it was issued.
    pub issued_at: Option<Timestamp>,
    /// Until when an estimate counts usage.
    pub as_of: Option<Timestamp>,
    /// By when it is to be paid.
    pub due_at: Option<Timestamp>,
    /// When it was issued, or an estimate was made.
    pub written_at: Timestamp,
    /// The currency of every amount.
    pub currency: &'a str,
    /// Who issues it, also where that has no name.
    pub issuer: &'a str,
    /// Who bills.
    pub seller: &'a Seller,
    /// Who pays, as printed.
    pub buyer: &'a Buyer,
    /// The sum of its lines, before tax.
    pub subtotal: &'a Amount,
    /// Its tax by category and rate.
    pub taxes: &'a [TaxSubtotal],
    /// All tax.
    pub tax: &'a Amount,
    /// Subtotal and tax.
    pub total: &'a Amount,
    /// What of its total was paid in advance; of a credit note what goes back to what paid in advance, below zero.
    pub prepaid: Option<Cow<'a, str>>,
    /// What is to be paid; of a credit note what is less to be paid, below zero.
    pub amount_due: Cow<'a, str>,
    /// What an invoice leaves over for the next one.
    pub carried_forward: Option<&'a str>,
    /// Why an invoice has no tax, as printed.
    pub tax_note: Option<&'a str>,
    /// Why a credit note was issued, as printed.
    pub reason: Option<&'a str>,
    /// The digest of the document before it in its series.
    pub previous_digest: Option<&'a str>,
    /// Its digest.
    pub digest: &'a str,
}

impl<'a> ExportedDocument<'a> {
    /// An invoice.
    pub fn invoice(issued: &'a IssuedInvoice<'a>) -> Self {
        let IssuedInvoice { invoice, document, phase, month, issued_at: written_at, .. } = issued;
        Self {
            stored: Stored::Invoice(issued),
            number: &document.number,
            phase: *phase,
            organization: invoice.metadata.namespace.as_deref(),
            billing_group: &invoice.spec.billing_group,
            billing_group_uid: &invoice.spec.billing_group_uid,
            month: *month,
            period: month.to_string(),
            start: document.period.start.0,
            end: document.period.end.0,
            issued_at: document.issued_at.map(|instant| instant.0),
            as_of: document.as_of.map(|instant| instant.0),
            due_at: document.due_at.map(|instant| instant.0),
            written_at: *written_at,
            currency: &document.currency,
            issuer: focus::issuer(&document.seller),
            seller: &document.seller,
            buyer: &document.buyer,
            subtotal: &document.subtotal,
            taxes: &document.taxes,
            tax: &document.tax,
            total: &document.total,
            prepaid: document.prepaid.as_deref().map(Cow::Borrowed),
            amount_due: Cow::Borrowed(document.amount_due()),
            carried_forward: document.carried_forward.as_deref(),
            tax_note: document.tax_note.as_deref(),
            reason: None,
            previous_digest: document.previous_digest.as_deref(),
            digest: &document.digest,
        }
    }

    /// A credit note.
    ///
    /// # Errors
    /// What it gives back to credits cannot be added up.
    pub fn credit_note(issued: &'a IssuedCreditNote<'a>) -> Result<Self, ExportError> {
        let IssuedCreditNote { note, document, invoice, lines: _, month } = issued;
        let (prepaid, amount_due) = settled(issued)?;
        Ok(Self {
            stored: Stored::CreditNote(issued),
            number: &document.number,
            phase: InvoicePhase::Final,
            organization: note.metadata.namespace.as_deref(),
            billing_group: &invoice.invoice.spec.billing_group,
            billing_group_uid: &invoice.invoice.spec.billing_group_uid,
            month: *month,
            period: month.to_string(),
            start: month.start(),
            end: month.end(),
            issued_at: Some(document.issued_at.0),
            as_of: None,
            due_at: None,
            written_at: document.issued_at.0,
            currency: &document.currency,
            issuer: focus::issuer(&document.seller),
            seller: &document.seller,
            buyer: &document.buyer,
            subtotal: &document.subtotal,
            taxes: &document.taxes,
            tax: &document.tax,
            total: &document.total,
            prepaid,
            amount_due,
            carried_forward: None,
            tax_note: None,
            reason: Some(&document.reason),
            previous_digest: document.previous_digest.as_deref(),
            digest: &document.digest,
        })
    }

    /// Whether it can never change again.
    pub fn is_final(&self) -> bool {
        self.phase == InvoicePhase::Final
    }

    /// What it is, as tables say it.
    pub fn kind(&self) -> &'static str {
        match self.stored {
            Stored::Invoice(_) => "Invoice",
            Stored::CreditNote(_) => "CreditNote",
        }
    }

    /// The invoice that a credit note credits.
    pub fn credited(&self) -> Option<&'a IssuedInvoice<'a>> {
        match self.stored {
            Stored::Invoice(_) => None,
            Stored::CreditNote(issued) => Some(issued.invoice),
        }
    }

    /// The lines of an invoice.
    pub fn lines(&self) -> &'a [&'a Line] {
        match self.stored {
            Stored::Invoice(issued) => &issued.lines,
            Stored::CreditNote(_) => &[],
        }
    }

    /// The lines of a credit note, each with the line of the invoice that it credits, if it names one.
    pub fn credited_lines(&self) -> &'a [(&'a CreditNoteLine, Option<&'a Line>)] {
        match self.stored {
            Stored::Invoice(_) => &[],
            Stored::CreditNote(issued) => &issued.lines,
        }
    }

    /// How many lines it has.
    pub fn count(&self) -> usize {
        self.lines().len() + self.credited_lines().len()
    }

    /// Whether its lines, and its taxes, add up to its subtotal and its total: whoever adds up an export must find these.
    ///
    /// # Errors
    /// They do not, or an amount cannot be read.
    pub fn check_sums(&self) -> Result<(), ExportError> {
        let own = self.lines().iter().map(|line| &*line.total);
        let subtotal = sum(own.chain(self.credited_lines().iter().map(|(line, _)| &*line.total)))?;
        let tax = sum(self.taxes.iter().map(|tax| &*tax.amount))?;
        // Where no tax is stated, `tax` is zero.
        let total = sum([subtotal.text(0).as_str(), tax.text(0).as_str()])?;
        for (what, written, added) in [("subtotal", self.subtotal, subtotal), ("total", self.total, total)] {
            if Fixed::parse(written) != Some(added) {
                let added = added.text(decimal_places(written));
                return Err(ExportError::Sum { what, written: written.to_string(), added });
            }
        }
        Ok(())
    }
}

/// What of a note's total goes back to credits that paid in advance, and what is left to be paid less. Both are below zero.
fn settled<'a>(issued: &IssuedCreditNote<'a>) -> Result<(Option<Cow<'a, str>>, Cow<'a, str>), ExportError> {
    let document = issued.document;
    let in_advance = |application: &Option<CreditApplication>| *application == Some(CreditApplication::AfterTax);
    let returned = document.credits.iter().filter(|credit| in_advance(&credit.application));
    let returned = sum(returned.map(|credit| &*credit.amount))?;
    if returned == Fixed::default() {
        return Ok((None, Cow::Borrowed(&document.total)));
    }
    let places = decimal_places(&document.total);
    let due = sum([&*document.total, &returned.text(places)])?;
    Ok((Some(Cow::Owned(returned.negated().text(places))), Cow::Owned(due.text(places))))
}

fn sum<'a>(amounts: impl IntoIterator<Item = &'a str>) -> Result<Fixed, ExportError> {
    amounts.into_iter().try_fold(Fixed::default(), |sum, amount| {
        let added = Fixed::parse(amount).and_then(|amount| sum.checked_add(amount));
        added.ok_or_else(|| ExportError::NoNumber { column: "total", text: amount.to_owned() })
    })
}
