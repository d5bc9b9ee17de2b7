use serde_json::{Value, json};

use super::plan::{Observed, Step, plan_note};
use crate::api::{CreditNote, CreditNoteStatus, Invoice, InvoiceSeries, PaymentState};
use crate::controller::scenario::at;
use crate::render::credit_note::note_digest;

const NOW: &str = "2026-11-21T12:00:00Z";

fn invoice() -> Invoice {
    let document = json!({
        "number": "aaaaa-1", "issuedAt": "2026-11-01T01:00:00Z", "attribution": "MonthEnd", "currency": "USD",
        "period": { "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z" },
        "seller": { "legalName": "Example" }, "buyer": { "billingGroup": "main", "paymentMethod": "Card" },
        "lines": [{ "id": "a", "type": "ServiceCharge", "description": "db", "total": "12.50" }],
        "subtotal": "12.50", "tax": "0.00", "total": "12.50", "digest": "sha256:1",
    });
    let spec = json!({
        "billingGroup": "main", "billingGroupUID": "11111111-1111-4111-8111-111111111111",
        "period": "2026-10", "series": "aaaaa", "sequence": 1,
    });
    let status = json!({ "phase": "Final", "payment": { "state": "Due" }, "document": document });
    serde_json::from_value(json!({ "metadata": { "name": "aaaaa-1" }, "spec": spec, "status": status })).unwrap()
}

fn note(name: &str, lines: Value) -> CreditNote {
    let mut spec = json!({ "invoice": "aaaaa-1", "reason": "Outage" });
    match lines {
        Value::Null => spec["full"] = true.into(),
        lines => spec["lines"] = lines,
    }
    let metadata = json!({ "name": name, "uid": format!("uid of {name}"), "generation": 1 });
    serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
}

/// A note, and what is written around it.
struct Desk {
    invoice: Invoice,
    series: InvoiceSeries,
}

impl Desk {
    fn new() -> Self {
        let spec = json!({
            "organization": "acme", "billingGroup": "main", "billingGroupUID": "11111111-1111-4111-8111-111111111111",
        });
        let series = json!({ "metadata": { "name": "aaaaa" }, "spec": spec });
        Self { invoice: invoice(), series: serde_json::from_value(series).unwrap() }
    }

    fn plan(&self, note: &CreditNote) -> Step {
        let observed = Observed {
            note: note.clone(),
            invoice: Some(self.invoice.clone()),
            slices: Vec::new(),
            others: Vec::new(),
            series: Some(self.series.clone()),
        };
        plan_note(&observed, at(NOW)).unwrap()
    }

    /// Does one step, and says which.
    fn step(&mut self, note: &mut CreditNote) -> &'static str {
        match self.plan(note) {
            Step::Nothing => "nothing",
            Step::Report(status) => {
                note.status = Some(status);
                "report"
            }
            Step::Begin(status) => {
                note.status = Some(status);
                "begin"
            }
            Step::Take { credited, payment } => {
                let status = self.invoice.status.as_mut().unwrap();
                status.credited = Some(credited);
                status.payment = payment.or(status.payment.take());
                "take"
            }
            Step::Number(notes) => {
                self.series.status.get_or_insert_default().credit_notes = notes;
                "number"
            }
            Step::Issue(status) => {
                note.status = Some(status);
                "issue"
            }
        }
    }
}

fn status(note: &CreditNote) -> &CreditNoteStatus {
    note.status.as_ref().unwrap()
}

fn said(note: &CreditNote) -> (&str, &str) {
    let ready = &status(note).conditions[0];
    (ready.reason.as_str(), ready.message.as_str())
}

#[test]
fn a_note_takes_from_the_invoice_before_it_has_a_number() {
    let (mut desk, mut note) = (Desk::new(), note("all", Value::Null));
    let steps: Vec<_> = (0..4).map(|_| desk.step(&mut note)).collect();
    assert_eq!(steps, ["begin", "take", "number", "issue"]);
    assert_eq!(said(&note), ("Issued", "aaaaa-cn1 takes back 12.50 USD of aaaaa-1"));
    let payment = desk.invoice.status.unwrap().payment.unwrap();
    assert_eq!((payment.state, payment.at.map(|at| at.to_string()).as_deref()), (PaymentState::Credited, Some(NOW)));
    let document = status(&note).document.as_ref().unwrap();
    assert_eq!(note_digest(document).unwrap(), document.digest);
    assert_eq!(desk.series.status.unwrap().credit_notes[0].digest, document.digest);
}

/// Both begin, and one is faster: the other finds what is left.
#[test]
fn a_note_that_comes_too_late_is_no_longer_on_its_way() {
    let goodwill = |amount: &str| json!([{ "description": "Goodwill", "amount": amount }]);
    let mut desk = Desk::new();
    let (mut first, mut second) = (note("first", goodwill("10")), note("second", goodwill("2.51")));
    assert_eq!((desk.step(&mut first), desk.step(&mut second)), ("begin", "begin"));
    assert_eq!((desk.step(&mut first), desk.step(&mut second)), ("take", "report"));
    assert_eq!((status(&second).phase, said(&second).0), (None, "InvoiceExceeded"));
    let message = "the invoice has 2.50 USD left before tax, which is less than 2.51 USD; lower the amounts";
    assert_eq!(said(&second).1, message);
    assert_eq!(desk.step(&mut second), "nothing", "it says so once");
    assert_eq!(desk.invoice.status.unwrap().payment.unwrap().state, PaymentState::Due);
}

#[test]
fn an_earlier_note_that_is_still_on_its_way_does_not_stop_a_later_one() {
    let part = || json!([{ "line": "a", "amount": "1" }]);
    let mut desk = Desk::new();
    let (mut first, mut second) = (note("first", part()), note("second", part()));
    for _ in 0..3 {
        desk.step(&mut first); // begins, takes, is numbered: and its operator is killed
    }
    let steps: Vec<_> = (0..4).map(|_| desk.step(&mut second)).collect();
    assert_eq!(steps, ["begin", "take", "number", "issue"]);
    assert_eq!(desk.step(&mut first), "issue");
    let document = |note: &CreditNote| status(note).document.clone().unwrap();
    assert_eq!((&*document(&first).number, &*document(&second).number), ("aaaaa-cn1", "aaaaa-cn2"));
    assert_eq!(document(&second).previous_digest, Some(document(&first).digest));
}

#[test]
fn what_was_written_and_does_not_agree_is_not_gone_on_with() {
    let (mut desk, mut note) = (Desk::new(), note("all", Value::Null));
    for _ in 0..3 {
        desk.step(&mut note);
    }
    desk.series.status.as_mut().unwrap().credit_notes[0].digest = "sha256:0".to_owned();
    assert_eq!((desk.step(&mut note), said(&note).0), ("report", "Inconsistent"));
    assert_eq!(desk.step(&mut note), "nothing");
}

#[test]
fn an_estimate_is_not_taken_back() {
    let (mut desk, mut note) = (Desk::new(), note("all", Value::Null));
    desk.invoice.status = None;
    assert_eq!((desk.step(&mut note), said(&note).0), ("report", "InvoiceNotFinal"));
    let observed = Observed { note: note.clone(), invoice: None, slices: Vec::new(), others: Vec::new(), series: None };
    let Step::Report(status) = plan_note(&observed, at(NOW)).unwrap() else { panic!("it is refused") };
    assert_eq!(status.conditions[0].reason, "InvoiceNotFound");
}
