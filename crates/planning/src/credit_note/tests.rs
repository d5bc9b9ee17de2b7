use serde_json::{Value, json};

use super::plan::{NoteError, Observed, Step, plan_note};
use super::restore_credits::{RestorationFacts, RestorationStep, plan_restoration};
use crate::conditions::{self, holds};
use crate::scenario::at;
use billing_api::{
    Credit, CreditApplication, CreditNote, CreditNoteStatus, CreditType, Invoice, InvoiceSeries, PaymentState,
};
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
            reissue_held: None,
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
        let observed = Observed {
            note,
            invoice: Some(invoice()),
            slices: Vec::new(),
            others: Vec::new(),
            series: None,
            reissue_held: None,
        };
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

impl Controller {
    /// The same with another document.
    fn of(change: impl FnOnce(&mut Value)) -> Self {
        let mut controller = Self::new();
        let document = &mut controller.invoice.status.as_mut().unwrap().document;
        let mut changed = serde_json::to_value(&*document).unwrap();
        change(&mut changed);
        *document = serde_json::from_value(changed).unwrap();
        controller
    }

    /// An invoice of 10.00 at 25 % and 2.50 at 10 %: 15.25.
    fn of_two_taxes() -> Self {
        Self::of(|document| {
            let tax = |rate: &str| json!({ "category": "S", "rate": rate });
            document["lines"] = json!([
                { "id": "a", "type": "ServiceCharge", "description": "db", "total": "10.00", "tax": tax("25") },
                { "id": "b", "type": "ServiceCharge", "description": "book", "total": "2.50", "tax": tax("10") },
            ]);
            document["taxes"] = json!([
                { "category": "S", "rate": "10", "base": "2.50", "amount": "0.25" },
                { "category": "S", "rate": "25", "base": "10.00", "amount": "2.50" },
            ]);
            (document["tax"], document["total"]) = ("2.75".into(), "15.25".into());
        })
    }

    /// Issues a note, and answers with its document as JSON.
    fn issue(&mut self, note: &mut CreditNote) -> Value {
        let steps: Vec<_> = (0..4).map(|_| self.step(note)).collect();
        assert_eq!(steps, ["begin", "take", "number", "issue"], "{:?}", status(note).conditions);
        serde_json::to_value(status(note).document.as_ref().unwrap()).unwrap()
    }
}

#[test]
fn a_note_over_several_taxes_says_what_it_takes_of_each_and_the_next_one_finds_it_on_the_invoice() {
    let mut controller = Controller::of_two_taxes();
    let goodwill = json!({ "description": "Goodwill", "amount": "1", "tax": { "category": "S", "rate": "10" } });
    let document = controller.issue(&mut note("part", json!([goodwill, { "line": "a", "amount": "4" }])));
    let tax = |rate: &str| json!({ "category": "S", "rate": rate });
    let lines = json!([
        { "description": "Goodwill", "total": "-1.00", "tax": tax("10") },
        { "line": "a", "description": "db", "total": "-4.00", "tax": tax("25") },
    ]);
    assert_eq!(document["lines"], lines);
    let taxes = json!([
        { "category": "S", "rate": "10", "base": "-1.00", "amount": "-0.10" },
        { "category": "S", "rate": "25", "base": "-4.00", "amount": "-1.00" },
    ]);
    assert_eq!((&document["taxes"], &document["total"]), (&taxes, &json!("-6.10")));
    let credited = controller.invoice.status.as_ref().unwrap().credited.clone().unwrap();
    let taken = json!([
        { "category": "S", "rate": "10", "base": "1.00", "amount": "0.10" },
        { "category": "S", "rate": "25", "base": "4.00", "amount": "1.00" },
    ]);
    assert_eq!(json!(credited.notes[0].taxes), taken);
    let document = controller.issue(&mut note("all", Value::Null));
    let taxes = json!([
        { "category": "S", "rate": "10", "base": "-1.50", "amount": "-0.15" },
        { "category": "S", "rate": "25", "base": "-6.00", "amount": "-1.50" },
    ]);
    assert_eq!((&document["taxes"], &document["total"]), (&taxes, &json!("-9.15")));
    assert_eq!(document["lines"][2]["description"], "credited before, by part");
}

#[test]
fn a_note_that_names_no_tax_of_several_is_refused() {
    let mut controller = Controller::of_two_taxes();
    let mut whole = note("whole", json!([{ "description": "Goodwill", "amount": "1" }]));
    assert_eq!((controller.step(&mut whole), said(&whole).0), ("report", "SeveralTaxes"));
    let tax = json!({ "category": "S", "rate": "24" });
    let mut unknown = note("unknown", json!([{ "description": "Goodwill", "amount": "1", "tax": tax }]));
    assert_eq!((controller.step(&mut unknown), said(&unknown).0), ("report", "TaxUnknown"));
}

/// What is taxed alike in slices goes back as one line, for a slice can have lines of several taxes.
#[test]
fn slices_of_several_taxes_go_back_by_tax() {
    let mut controller = Controller::of_two_taxes();
    let document = controller.invoice.status.as_mut().unwrap().document.as_mut().unwrap();
    let lines = std::mem::take(&mut document.lines);
    let slice = json!({ "name": "aaaaa-1-0", "lines": 2, "subtotal": "12.50", "digest": "sha256:2" });
    document.slices = vec![serde_json::from_value(slice).unwrap()];
    let spec = json!({ "invoice": "aaaaa-1", "subtotal": "12.50", "lines": lines });
    let slice = json!({ "metadata": { "name": "aaaaa-1-0" }, "spec": spec });
    let observed = Observed {
        note: note("all", Value::Null),
        invoice: Some(controller.invoice.clone()),
        slices: vec![serde_json::from_value(slice).unwrap()],
        others: Vec::new(),
        series: Some(controller.series.clone()),
        reissue_held: None,
    };
    let Step::Begin(_) = plan_note(&observed, at(NOW)).unwrap() else { panic!("it begins") };
    let invoice = controller.invoice.status.as_ref().unwrap().document.as_ref().unwrap();
    let creditable = billing_state::convert::credit_note::creditable(invoice, &observed.slices, &[], &[]).unwrap();
    let parts: Vec<_> = creditable.parts.iter().map(|part| format!("{} {}", part.description, part.total)).collect();
    assert_eq!(parts, ["1 lines in 1 slices, taxed as S 10 % 2.50", "1 lines in 1 slices, taxed as S 25 % 10.00"]);
}

/// An invoice of 12.50 of which credits paid 5.00 and 4.00 in advance.
fn prepaid() -> Controller {
    Controller::of(|document| {
        let uid = "22222222-2222-4222-8222-222222222222";
        let paid =
            |kind: &str, name: &str, amount: &str| json!({ "kind": kind, "name": name, "uid": uid, "amount": amount });
        document["prepayments"] = json!([paid("Credit", "first", "5.00"), paid("Credit", "last", "4.00")]);
        (document["prepaid"], document["amountDue"]) = ("9.00".into(), "3.50".into());
    })
}

#[test]
fn a_part_gives_back_what_was_paid_in_advance_once_nothing_is_due() {
    let mut controller = prepaid();
    let document = controller.issue(&mut note("due", json!([{ "line": "a", "amount": "3.50" }])));
    assert_eq!(document["credits"], Value::Null);
    let payment = controller.invoice.status.as_ref().unwrap().payment.clone().unwrap();
    assert_eq!(payment.state, PaymentState::Credited, "nothing is due any more");
    let mut more = note("more", json!([{ "line": "a", "amount": "5" }]));
    let document = controller.issue(&mut more);
    let back = |name: &str, amount: &str| json!({ "name": format!("aaaaa-cn2-{name}"), "credit": name, "amount": amount, "application": "AfterTax" });
    assert_eq!(document["credits"], json!([back("last", "4.00"), back("first", "1.00")]));
    let paid_in_advance = || credit("last", json!({ "application": "AfterTax" }));
    let mut credits = vec![paid_in_advance(), credit("first", json!({ "application": "AfterTax" }))];
    let made = restore_credits(&mut more, &mut credits, Some("main"));
    let specs: Vec<_> =
        made.iter().map(|made| (made.spec.amount.clone().unwrap().amount, made.spec.application)).collect();
    let after_tax = Some(billing_api::CreditApplication::AfterTax);
    assert_eq!(specs, [("4.00".into(), after_tax), ("1.00".into(), after_tax)]);
    let document = controller.issue(&mut note("all", Value::Null));
    let back = json!({ "name": "aaaaa-cn3-first", "credit": "first", "amount": "4.00", "application": "AfterTax" });
    assert_eq!((&document["credits"], &document["total"]), (&json!([back]), &json!("-4.00")));
}

/// What an earlier invoice left over is a credit once it goes back, for nobody knows of a payment.
#[test]
fn what_an_earlier_invoice_left_over_goes_back_as_a_credit() {
    let mut controller = Controller::of(|document| {
        let paid = |kind: &str, name: &str, amount: &str| json!({ "kind": kind, "name": name, "uid": "22222222-2222-4222-8222-222222222222", "amount": amount });
        document["prepayments"] = json!([paid("Invoice", "aaaaa-0", "5.00"), paid("Credit", "first", "4.00")]);
        (document["prepaid"], document["amountDue"]) = ("9.00".into(), "3.50".into());
    });
    let document = controller.issue(&mut note("part", json!([{ "line": "a", "amount": "8.00" }])));
    let back = |number: u8, name: &str, amount: &str| json!({ "name": format!("aaaaa-cn{number}-{name}"), "credit": name, "amount": amount, "application": "AfterTax" });
    // 3.50 are due; the credit was used last.
    assert_eq!(document["credits"], json!([back(1, "first", "4.00"), back(1, "carried-aaaaa-0", "0.50")]));
    let mut all = note("all", Value::Null);
    let document = controller.issue(&mut all);
    assert_eq!(document["credits"], json!([back(2, "carried-aaaaa-0", "4.50")]));
    let made = restore_credits(&mut all, &mut Vec::new(), Some("main"));
    let spec = &made[0].spec;
    assert_eq!(spec.amount.clone().unwrap().amount, "4.50".into());
    assert_eq!((spec.kind, spec.application), (Some(CreditType::Other), Some(CreditApplication::AfterTax)));
    assert_eq!((spec.expires_at, spec.projects.clone()), (None, None));
    assert_eq!(spec.origin.as_ref().unwrap().credit.as_ref().unwrap().as_str(), "carried-aaaaa-0");
}

/// What of an invoice is no charge, and what is: each line by its type, source and what it adjusts.
#[test]
fn a_note_names_charges_and_nothing_else() {
    let uid = "22222222-2222-4222-8222-222222222222";
    let source = |kind: &str| json!({ "kind": kind, "name": "x", "uid": uid });
    let of_group = json!({ "kind": "BillingGroup", "name": "x", "uid": uid, "part": "Setup" });
    let adjusts = |kind: Value| json!({ "period": "2026-09", "invoice": "aaaaa-0", "type": kind, "part": "p" });
    let line = |kind: &str, source: Value, adjusts: Value| {
        let mut line = json!({ "id": "x", "type": kind, "description": "x", "total": "1.00", "source": source });
        if !adjusts.is_null() {
            line["adjusts"] = adjusts;
        }
        line
    };
    let none = Value::Null;
    for (line, expected) in [
        (line("CreditConsumption", source("Credit"), none.clone()), "LineWithheld"),
        (line("Rounding", source("InvoiceIssuer"), none.clone()), "LineWithheld"),
        (line("OtherEvent", source("Invoice"), none.clone()), "LineWithheld"),
        (line("OtherEvent", source("BillingGroup"), none.clone()), "LineWithheld"),
        (line("OtherEvent", source("Credit"), adjusts(json!("CreditConsumption"))), "LineWithheld"),
        (line("OtherEvent", source("InvoiceIssuer"), adjusts(json!("Rounding"))), "LineWithheld"),
        (line("OtherEvent", of_group.clone(), adjusts(json!("CommitmentFee"))), "Issuing"),
        (line("OtherEvent", of_group.clone(), none.clone()), "Issuing"),
        (line("ExtraCharge", of_group, none.clone()), "Issuing"),
        (line("OtherEvent", source("UsageRecord"), json!({ "period": "2026-09" })), "Issuing"),
    ] {
        let mut controller = Controller::of(|document| {
            document["lines"] = json!([document["lines"][0], line]);
            (document["subtotal"], document["total"]) = ("13.50".into(), "13.50".into());
        });
        let mut asked = note("part", json!([{ "line": "x", "amount": "1" }]));
        controller.step(&mut asked);
        assert_eq!(said(&asked).0, expected, "{line}");
    }
}

#[test]
fn an_estimate_is_not_taken_back() {
    let (mut controller, mut note) = (Controller::new(), note("all", Value::Null));
    controller.invoice.status = None;
    assert_eq!((controller.step(&mut note), said(&note).0), ("report", "InvoiceNotFinal"));
    assert!(!holds(&status(&note).conditions, "Stalled"), "it becomes final without anybody's help");
    let observed = Observed {
        note: note.clone(),
        invoice: None,
        slices: Vec::new(),
        others: Vec::new(),
        series: None,
        reissue_held: None,
    };
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
