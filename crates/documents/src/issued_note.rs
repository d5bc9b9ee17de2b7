//! A credit note with the invoice that it credits.

use std::collections::{BTreeMap, BTreeSet};

use billing_api::{CreditNote, CreditNoteDocument, CreditNoteLine, Line};
use billing_domain::Month;

use crate::issued::{IssuedInvoice, NotIssued};

/// A credit note as it was issued. Its amounts are its own; what they are about stands on the invoice.
#[derive(Debug, Clone)]
pub struct IssuedCreditNote<'a> {
    /// The object.
    pub note: &'a CreditNote,
    /// Its document.
    pub document: &'a CreditNoteDocument,
    /// The invoice that it credits.
    pub invoice: &'a IssuedInvoice<'a>,
    /// Its lines in their order, each with the line of the invoice that it credits, if it names one.
    pub lines: Vec<(&'a CreditNoteLine, Option<&'a Line>)>,
    /// The month in which it was issued. The invoice bills an earlier one.
    pub month: Month,
}

impl<'a> IssuedCreditNote<'a> {
    /// A credit note, and the invoice that it credits with all of its lines.
    ///
    /// # Errors
    /// It is not issued yet, or the invoice is not the one that it credits.
    pub fn new(note: &'a CreditNote, invoice: &'a IssuedInvoice<'a>) -> Result<Self, NotIssued> {
        let document = note_document(note).ok_or(NotIssued::NoDocument)?;
        let credited = &document.invoice;
        if (&*credited.number, &credited.digest) != (&*invoice.document.number, &invoice.document.digest) {
            return Err(NotIssued::OtherInvoice { number: credited.number.to_string() });
        }
        let named: BTreeSet<_> = document.lines.iter().filter_map(|line| line.line.as_deref()).collect();
        let known = invoice.lines.iter().filter(|line| named.contains(line.id.as_str()));
        let known: BTreeMap<_, &'a Line> = known.map(|line| (line.id.as_str(), *line)).collect();
        let with_credited = |line: &'a CreditNoteLine| {
            let Some(id) = line.line.as_deref() else { return Ok((line, None)) };
            let credited = known.get(id).copied();
            credited.map(|of| (line, Some(of))).ok_or_else(|| NotIssued::UnknownLine { id: id.to_owned() })
        };
        let lines = document.lines.iter().map(with_credited).collect::<Result<_, _>>()?;
        Ok(Self { note, document, invoice, lines, month: Month::of(document.issued_at.0) })
    }
}

/// The document of a credit note, once it is issued.
pub fn note_document(note: &CreditNote) -> Option<&CreditNoteDocument> {
    note.status.as_ref()?.document.as_ref()
}

#[cfg(test)]
mod tests {
    use billing_api::Invoice;
    use serde_json::{Value, json};

    use super::*;

    fn invoice() -> Invoice {
        let line = |id: &str| json!({ "id": id, "type": "ServiceCharge", "total": "1.00", "description": id });
        let invoice = json!({
            "metadata": { "name": "aaaaa-1", "namespace": "acme" },
            "spec": {
                "billingGroup": "main", "billingGroupUID": "5b1f2a64-0000-4000-8000-000000000001", "period": "2026-10",
                "series": "aaaaa", "sequence": 1,
            },
            "status": {
                "phase": "Final",
                "document": {
                    "number": "aaaaa-1", "issuedAt": "2026-11-01T01:00:00Z", "attribution": "MonthEnd", "currency": "EUR",
                    "period": { "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z" },
                    "seller": { "legalName": "Example Cloud Oy" },
                    "buyer": { "billingGroup": "main", "paymentMethod": "Card" },
                    "lines": [line("a"), line("b")], "subtotal": "2.00", "total": "2.00", "tax": "0.00", "digest": "sha256:1",
                },
            },
        });
        serde_json::from_value(invoice).expect("an invoice")
    }

    fn note(change: impl FnOnce(&mut Value)) -> CreditNote {
        let mut note = json!({
            "metadata": { "name": "outage", "namespace": "acme" },
            "spec": { "invoice": "aaaaa-1", "reason": "Outage", "lines": [{ "line": "b", "amount": "0.50" }] },
            "status": {
                "phase": "Final", "number": "aaaaa-cn1",
                "document": {
                    "number": "aaaaa-cn1", "issuedAt": "2026-12-31T23:59:59Z", "currency": "EUR", "reason": "Outage",
                    "invoice": {
                        "number": "aaaaa-1", "digest": "sha256:1",
                        "period": { "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z" },
                    },
                    "seller": { "legalName": "Example Cloud Oy" },
                    "buyer": { "billingGroup": "main", "paymentMethod": "Card" },
                    "lines": [
                        { "line": "b", "description": "b", "total": "-0.50" }, { "description": "Goodwill", "total": "-0.10" },
                    ],
                    "subtotal": "-0.60", "tax": "0.00", "total": "-0.60", "digest": "sha256:2",
                },
            },
        });
        change(&mut note);
        serde_json::from_value(note).expect("a credit note")
    }

    #[test]
    fn a_note_knows_the_lines_that_it_credits_and_its_own_month() {
        let (invoice, note) = (invoice(), note(|_| {}));
        let issued = IssuedInvoice::new(&invoice, []).expect("reads");
        let read = IssuedCreditNote::new(&note, &issued).expect("reads");
        let credited: Vec<_> = read.lines.iter().map(|(_, of)| of.map(|line| line.id.as_str())).collect();
        assert_eq!((credited, read.month.to_string()), (vec![Some("b"), None], "2026-12".to_owned()));
    }

    #[test]
    fn what_is_not_issued_or_about_another_invoice_is_refused() {
        let invoice = invoice();
        let issued = IssuedInvoice::new(&invoice, []).expect("reads");
        let check = |change: fn(&mut Value), said: &str| {
            let error = IssuedCreditNote::new(&note(change), &issued).expect_err(said).to_string();
            assert!(error.contains(said), "{error}");
        };
        check(|note| note["status"] = Value::Null, "no document yet");
        check(|note| note["status"]["document"]["invoice"]["number"] = "aaaaa-2".into(), "another invoice aaaaa-2");
        check(|note| note["status"]["document"]["invoice"]["digest"] = "sha256:3".into(), "another invoice aaaaa-1");
        check(|note| note["status"]["document"]["lines"][0]["line"] = "c".into(), "no line \"c\"");
    }
}
