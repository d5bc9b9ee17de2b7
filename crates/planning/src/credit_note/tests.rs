use serde_json::{Value, json};

use super::plan::{NoteError, Observed, Step, plan_note};
use super::restore_credits::{RestorationFacts, RestorationStep, plan_restoration};
use crate::conditions::{self, holds};
use crate::scenario::at;
use billing_api::{Credit, CreditNote, CreditNoteStatus, Invoice, InvoiceSeries, PaymentState};
use billing_documents::credit_note::note_digest;
use billing_domain::Name;
use billing_state::{CREDITS_RETURNED, ObservedState, Observes};

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
struct Controller {
    invoice: Invoice,
    series: InvoiceSeries,
}

impl Controller {
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

#[test]
fn a_note_that_no_server_sent_takes_nothing() {
    for field in ["name", "uid"] {
        let mut nameless = serde_json::to_value(note("outage", Value::Null)).unwrap();
        nameless["metadata"].as_object_mut().unwrap().remove(field);
        let note = serde_json::from_value(nameless).unwrap();
        let observed =
            Observed { note, invoice: Some(invoice()), slices: Vec::new(), others: Vec::new(), series: None };
        assert!(matches!(plan_note(&observed, at(NOW)), Err(NoteError::NoIdentity)), "{field}");
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
    let (mut controller, mut note) = (Controller::new(), note("all", Value::Null));
    let steps: Vec<_> = (0..4).map(|_| controller.step(&mut note)).collect();
    assert_eq!(steps, ["begin", "take", "number", "issue"]);
    assert_eq!(said(&note), ("Issued", "aaaaa-cn1 credits 12.50 USD of invoice aaaaa-1"));
    assert_eq!((status(&note).observed_generation, status(&note).conditions.len()), (Some(1), 1));
    let payment = controller.invoice.status.unwrap().payment.unwrap();
    assert_eq!((payment.state, payment.at.map(|at| at.to_string()).as_deref()), (PaymentState::Credited, Some(NOW)));
    let document = status(&note).document.as_ref().unwrap();
    assert_eq!(note_digest(document).unwrap(), document.digest);
    assert_eq!(controller.series.status.unwrap().credit_notes[0].digest, document.digest);
}

/// Both begin, and one is faster: the other finds what is left.
#[test]
fn a_note_that_comes_too_late_is_no_longer_on_its_way() {
    let goodwill = |amount: &str| json!([{ "description": "Goodwill", "amount": amount }]);
    let mut controller = Controller::new();
    let (mut first, mut second) = (note("first", goodwill("10")), note("second", goodwill("2.51")));
    assert_eq!((controller.step(&mut first), controller.step(&mut second)), ("begin", "begin"));
    assert_eq!((controller.step(&mut first), controller.step(&mut second)), ("take", "report"));
    assert_eq!((status(&second).phase, said(&second).0), (None, "InvoiceExceeded"));
    let message = "the invoice has only 2.50 USD before tax left to credit, less than 2.51 USD; lower the amounts";
    assert_eq!(said(&second).1, message);
    assert_eq!(controller.step(&mut second), "nothing", "it says so once");
    assert_eq!(controller.invoice.status.unwrap().payment.unwrap().state, PaymentState::Due);
}

#[test]
fn an_earlier_note_that_is_still_on_its_way_does_not_stop_a_later_one() {
    let part = || json!([{ "line": "a", "amount": "1" }]);
    let mut controller = Controller::new();
    let (mut first, mut second) = (note("first", part()), note("second", part()));
    for _ in 0..3 {
        controller.step(&mut first); // begins, takes, is numbered: and its operator is killed
    }
    let steps: Vec<_> = (0..4).map(|_| controller.step(&mut second)).collect();
    assert_eq!(steps, ["begin", "take", "number", "issue"]);
    assert_eq!(controller.step(&mut first), "issue");
    let document = |note: &CreditNote| status(note).document.clone().unwrap();
    assert_eq!((&*document(&first).number, &*document(&second).number), ("aaaaa-cn1", "aaaaa-cn2"));
    assert_eq!(document(&second).previous_digest, Some(document(&first).digest));
}

#[test]
fn what_was_written_and_does_not_agree_is_not_gone_on_with() {
    let (mut controller, mut note) = (Controller::new(), note("all", Value::Null));
    for _ in 0..3 {
        controller.step(&mut note);
    }
    controller.series.status.as_mut().unwrap().credit_notes[0].digest = "sha256:0".to_owned();
    assert_eq!((controller.step(&mut note), said(&note).0), ("report", "Inconsistent"));
    assert_eq!(controller.step(&mut note), "nothing");
}

#[test]
fn an_estimate_is_not_taken_back() {
    let (mut controller, mut note) = (Controller::new(), note("all", Value::Null));
    controller.invoice.status = None;
    assert_eq!((controller.step(&mut note), said(&note).0), ("report", "InvoiceNotFinal"));
    assert!(!holds(&status(&note).conditions, "Stalled"), "it becomes final without anybody's help");
    let observed = Observed { note: note.clone(), invoice: None, slices: Vec::new(), others: Vec::new(), series: None };
    let Step::Report(status) = plan_note(&observed, at(NOW)).unwrap() else { panic!("it is refused") };
    assert_eq!(status.conditions[0].reason, "InvoiceNotFound");
    assert!(holds(&status.conditions, "Stalled"));
}

/// The note in full of an invoice of 12.50 of which credits paid 10.00 and 2.00, issued.
fn issued() -> CreditNote {
    let (mut controller, mut note) = (Controller::new(), note("all", Value::Null));
    let document = controller.invoice.status.as_mut().unwrap().document.as_mut().unwrap();
    for (credit, used) in [("welcome", "10.00"), ("trial", "2.00")] {
        let source = json!({ "kind": "Credit", "name": credit, "uid": "22222222-2222-4222-8222-222222222222" });
        let line = json!({
            "id": credit, "type": "CreditConsumption", "description": credit, "total": format!("-{used}"),
            "source": source,
        });
        document.lines.push(serde_json::from_value(line).unwrap());
    }
    (document.subtotal, document.total) = ("0.50".into(), "0.50".into());
    let steps: Vec<_> = (0..4).map(|_| controller.step(&mut note)).collect();
    assert_eq!(steps, ["begin", "take", "number", "issue"]);
    assert_eq!(
        said(&note).1,
        "aaaaa-cn1 credits 0.50 USD of invoice aaaaa-1, and returns what the invoice used of 2 credits"
    );
    note
}

fn credit(name: &str, more: Value) -> Credit {
    let mut spec =
        json!({ "billingGroup": "main", "type": "Promotion", "amount": { "amount": "99", "currency": "USD" } });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let uid = "22222222-2222-4222-8222-222222222222";
    let metadata = json!({ "name": name, "namespace": "acme", "uid": uid });
    serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
}

/// The credits that the invoice used.
fn used() -> Vec<Credit> {
    // 31 days after October.
    let limited = json!({ "expiresAt": "2026-12-02T00:00:00Z", "projects": ["shop"] });
    vec![credit("trial", json!({})), credit("welcome", limited)]
}

fn returning(note: &CreditNote, credits: &[Credit], group: Option<&str>) -> RestorationFacts {
    RestorationFacts { note: note.clone(), credits: credits.to_vec(), group: group.map(Name::from) }
}

/// What is made, one step after the other, and at last the note's status.
fn restore_credits(note: &mut CreditNote, credits: &mut Vec<Credit>, group: Option<&str>) -> Vec<Credit> {
    let mut all = Vec::new();
    loop {
        match plan_restoration(&returning(note, credits, group), at(NOW)) {
            RestorationStep::Nothing => return all,
            RestorationStep::Make(made) => {
                credits.extend(made.clone());
                all.extend(made);
            }
            RestorationStep::Report(status) => note.status = Some(*status),
        }
    }
}

fn returned(note: &CreditNote) -> (&str, &str) {
    let known = conditions::find(&status(note).conditions, CREDITS_RETURNED).unwrap();
    (known.reason.as_str(), known.message.as_str())
}

#[test]
fn what_an_invoice_used_of_credits_becomes_credits_of_their_own() {
    let (mut note, mut credits) = (issued(), used());
    let made = restore_credits(&mut note, &mut credits, Some("main"));
    let specs: Vec<_> = made.iter().map(|made| json!([made.metadata.name, made.spec])).collect();
    let origin = |credit: &str| json!({ "invoice": "aaaaa-1", "creditNote": "aaaaa-cn1", "credit": credit });
    let expected = [
        json!(["aaaaa-cn1-welcome", {
            "billingGroup": "main", "type": "Promotion", "amount": { "amount": "10.00", "currency": "USD" },
            "expiresAt": "2026-12-22T12:00:00Z", "projects": ["shop"], "origin": origin("welcome"),
        }]),
        json!(["aaaaa-cn1-trial", {
            "billingGroup": "main", "type": "Promotion", "amount": { "amount": "2.00", "currency": "USD" },
            "origin": origin("trial"),
        }]),
    ];
    assert_eq!(specs, expected);
    assert_eq!(returned(&note), ("Returned", "Credit aaaaa-cn1-welcome and 1 more return what the invoice used"));
    assert_eq!(said(&note).0, "Issued");
    assert_eq!(restore_credits(&mut note, &mut used(), Some("main")).len(), 2, "by name, and by nothing else");
}

#[test]
fn one_of_two_credits_is_made_after_a_crash() {
    let (mut note, mut credits) = (issued(), used());
    let RestorationStep::Make(made) = plan_restoration(&returning(&note, &credits, Some("main")), at(NOW)) else {
        panic!("both")
    };
    credits.push(made[0].clone());
    let rest = restore_credits(&mut note, &mut credits, Some("main"));
    assert_eq!(rest, made[1..]);
}

#[track_caller]
fn check_held(mut credits: Vec<Credit>, group: Option<&str>, made: usize, expected: (&str, &str)) {
    let mut note = issued();
    assert_eq!(restore_credits(&mut note, &mut credits, group).len(), made);
    assert_eq!(returned(&note), expected);
    assert_eq!(said(&note).0, "Issued", "the note itself is as it is");
    let mut state = ObservedState::new();
    note.metadata.namespace = Some("acme".to_owned());
    state.observe(note);
    assert_eq!(state.organization("acme").unwrap().credit_notes.len(), 1, "it is not forgotten");
}

#[test]
fn a_credit_that_cannot_be_given_back_says_what_to_do() {
    let message = "billing group main was deleted, and the organization has no primary group to receive its \
                   credits: set spec.primary on a group";
    check_held(used(), None, 0, ("NoBillingGroup", message));
    let message = "Credit welcome, which the invoice used, was deleted: restore it from a backup, because the returned credit takes its expiry from it";
    check_held(used()[..1].to_vec(), Some("main"), 1, ("CreditMissing", message));
    let other = credit("aaaaa-cn1-trial", json!({}));
    let credits = used().into_iter().chain([other]).collect();
    let message = "Credit aaaaa-cn1-trial exists and was not created for this credit note: delete it, and the operator creates it again";
    check_held(credits, Some("main"), 1, ("NameTaken", message));
}

#[test]
fn a_note_is_done_when_its_credits_are_given_back() {
    let (mut note, mut credits) = (issued(), used());
    restore_credits(&mut note, &mut credits, Some("main"));
    let mut state = ObservedState::new();
    state.observe(note);
    assert!(state.organization("").is_none_or(|known| known.credit_notes.is_empty()));
}
