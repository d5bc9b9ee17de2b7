//! What differs from a final, and what explains it.

use serde_json::{Value, json};

use super::{Difference, Records, compare, last_final};
use crate::invoice::{GroupInvoices, InvoiceFacts, Predecessor, make_invoice};
use crate::scenario::{ACME, add, at, binding, books, ledger, rules, uid};
use billing_api::{self as api, Invoice, LastFinal};
use billing_documents::document::document_digest;
use billing_documents::explain::explain;
use billing_documents::issued::IssuedInvoice;
use billing_documents::verify::{Finding, verify_document};
use billing_domain::{Month, Name};
use billing_state::convert::billed::final_lines;
use billing_state::{Books, ObjectKey, Observes};

/// When the finals of November 2026 are made.
const ISSUED: &str = "2026-12-01T01:00:00Z";

const LATER: &str = "2026-12-02T00:00:00Z";

/// A record of `acme-web`, made on the day on which it starts.
fn record(name: &str, start: &str, more: &str) -> String {
    made(name, start, start, more)
}

fn made(name: &str, start: &str, created: &str, more: &str) -> String {
    format!(
        "kind: UsageRecord\nmetadata: {{name: {name}, namespace: acme, creationTimestamp: '{created}'}}\n\
         spec: {{project: acme-web, service: {{name: {name}, type: PostgreSQL}}, start: '{start}'{more}}}\n"
    )
}

/// The group `shop` with terms, in a generation.
fn shop(generation: u32, spec: &str) -> String {
    format!(
        "kind: BillingGroup\nmetadata: {{name: shop, namespace: acme, generation: {generation}, finalizers: [billing-operator.io/settle]}}\n\
         spec: {spec}\nstatus: {{invoiceSeries: bbbbb, members: [{{project: acme-web}}]}}\n"
    )
}

const TERMS: &str = "{displayName: Shop, terms: {discounts: [{name: Partner, percent: '10'}], \
    charges: [{name: Care, type: SupportCharge, percent: '5', minimum: {amount: '1', currency: USD}}], \
    commitment: {name: Annual, amount: {amount: '30', currency: USD}}}}";

/// Two records, a discount, a percentage of services, a commitment, and a credit of which the final takes 5.00.
fn world() -> Books {
    let mut books = books(&format!("{ACME}{}{}", binding("shop"), ledger(&["shop"])));
    add(&mut books, &shop(1, TERMS));
    add(&mut books, &record("db", "2026-11-12T00:00:00Z", ""));
    add(&mut books, &record("cache", "2026-11-20T00:30:00Z", ", quantity: '2', end: '2026-11-21T00:00:00Z'"));
    add(&mut books, &credit("Reserved, amount: '5.00'", ""));
    books
}

/// A credit of 5.00 with what was reserved of it for the final, and for a later one.
fn credit(reserved: &str, later: &str) -> String {
    let group = uid("BillingGroup", "acme", "shop");
    format!(
        "kind: Credit\nmetadata: {{name: welcome, namespace: acme}}\n\
         spec: {{billingGroup: shop, type: Promotion, amount: {{amount: '5', currency: USD}}}}\n\
         status: {{billingGroupUID: '{group}', reservations: [{{invoice: bbbbb-1, state: {reserved}}}{later}]}}\n"
    )
}

/// The final of November, as the operator makes it of these books.
fn final_of(books: &Books) -> Invoice {
    final_for(books, "2026-11", ISSUED, None)
}

/// The final of a month, made at an instant after another.
fn final_for(books: &Books, month: &str, issued_at: &str, after: Option<&LastFinal>) -> Invoice {
    let known = books.organization("acme").unwrap();
    let group = uid("BillingGroup", "acme", "shop");
    let rules = rules();
    let invoices = GroupInvoices {
        books,
        organization: known,
        group: known.organization.group(group).unwrap(),
        object: known.group(group).unwrap(),
        series: "bbbbb",
        rules: &rules,
        waiting: &[],
    };
    let credits = known.credits.worth(invoices.group);
    let month: Month = month.parse().unwrap();
    let view = invoices.month(month, Predecessor::last_final(after), &credits).unwrap();
    let bill = view.bill(at(issued_at)).unwrap();
    let document = view.final_document(&bill, at(issued_at)).unwrap().document;
    let mut invoice = make_invoice(&InvoiceFacts::of(&view, &Name::from("acme")));
    invoice.metadata.uid = Some(uid("Invoice", "acme", &view.number).to_string());
    let phase = Some(api::InvoicePhase::Final);
    invoice.status = Some(api::InvoiceStatus { phase, document: Some(document), ..Default::default() });
    invoice
}

fn compared(books: &Books, invoice: &Invoice) -> Vec<Difference> {
    compared_after(books, invoice, None)
}

fn compared_after(books: &Books, invoice: &Invoice, previous: Option<&LastFinal>) -> Vec<Difference> {
    let (rules, organization) = (rules(), Name::from("acme"));
    let records = Records { books, organization: &organization, previous, rules: &rules };
    compare(&records, &IssuedInvoice::new(invoice, []).unwrap()).unwrap()
}

/// `source or field: reason`.
fn told(differences: &[Difference]) -> Vec<String> {
    let told = |difference: &Difference| {
        let what = difference.source.clone().unwrap_or_else(|| difference.fields[0].field.clone());
        let reason = difference.explanation.as_ref().map(|explanation| format!("{:?}", explanation.reason));
        format!("{what}: {}", reason.as_deref().unwrap_or("unexplained"))
    };
    differences.iter().map(told).collect()
}

/// A final of the world, then a change of the books, then what is told of the final.
fn after(change: impl FnOnce(&mut Books)) -> Vec<String> {
    let mut books = world();
    let invoice = final_of(&books);
    assert_eq!(compared(&books, &invoice), []);
    change(&mut books);
    told(&compared(&books, &invoice))
}

/// What is told of a final, and where it is adjusted.
fn adjusted(books: &Books, invoice: &Invoice) -> Vec<String> {
    let differences = compared(books, invoice);
    let adjustments = differences.iter().map(|difference| {
        difference.adjustment.as_ref().map(|adjustment| format!(", {adjustment}")).unwrap_or_default()
    });
    told(&differences).into_iter().zip(adjustments).map(|(told, adjustment)| told + &adjustment).collect()
}

/// A final is written, and its group says so.
fn close(books: &mut Books, invoice: &Invoice) -> LastFinal {
    close_as(books, TERMS, |_| invoice.clone()).1
}

/// A final of a group with these terms is made and written, and the group says so.
fn close_as(books: &mut Books, terms: &str, make: impl FnOnce(&Books) -> Invoice) -> (Invoice, LastFinal) {
    let invoice = make(books);
    let last = last_final(&invoice).unwrap();
    books.bill(&Name::from("acme"), final_lines(&invoice, []).unwrap());
    let status = format!("lastFinal: {}, invoiceSeries", serde_json::to_string(&last).unwrap());
    add(books, &shop(1, terms).replace("invoiceSeries", &status));
    (invoice, last)
}

/// What is wrong with a final by what it records.
fn by_itself(invoice: &Invoice, previous: &LastFinal) -> Vec<Finding> {
    let document = invoice.status.as_ref().unwrap().document.as_ref().unwrap();
    let none = |_: &str| -> Option<&api::InvoiceSlice> { None };
    verify_document(document, none, Some(&previous.digest))
}

/// The final with other things in it, and a digest that is right again.
fn forged(invoice: &Invoice, forge: impl FnOnce(&mut Value)) -> Invoice {
    let mut forged = invoice.clone();
    let status = forged.status.as_mut().unwrap();
    let mut document = serde_json::to_value(status.document.as_ref().unwrap()).unwrap();
    forge(&mut document);
    let mut document: api::Document = serde_json::from_value(document).unwrap();
    document.digest = document_digest(&document).unwrap();
    status.document = Some(document);
    forged
}

fn forget(books: &mut Books, record: &str) {
    Observes::<api::UsageRecord>::forget(books, &ObjectKey::namespaced("acme", record));
}

#[test]
fn nothing_changed_and_it_is_the_same_bytes() {
    assert_eq!(after(|_| {}), [""; 0]);
}

#[test]
fn what_came_later_and_is_not_of_the_month_changes_nothing() {
    let told = after(|books| {
        add(books, &credit("Consumed, amount: '5.00'", ""));
        add(books, &made("next", "2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", ""));
        add(books, &credit("Consumed, amount: '5.00'", "").replace("welcome", "granted").replace("bbbbb-1", "bbbbb-2"));
    });
    assert_eq!(told, [""; 0]);
}

#[test]
fn a_deleted_record_explains_its_line_and_nothing_follows() {
    assert_eq!(after(|books| forget(books, "db")), ["UsageRecord db: RecordGone"]);
}

#[test]
fn a_record_made_again_is_another() {
    let again = made("db", "2026-11-13T00:00:00Z", LATER, "");
    let uid = "uid: 00000000-0000-4000-8000-000000000001";
    let again = again.replace("namespace: acme,", &format!("namespace: acme, {uid},"));
    let told = after(|books| {
        forget(books, "db");
        add(books, &again);
    });
    assert_eq!(told, ["UsageRecord db: RecordMadeAgain"; 2]);
}

#[test]
fn a_late_record_is_told_and_no_other() {
    let late = made("late", "2026-11-15T00:00:00Z", LATER, ", end: '2026-11-16T00:00:00Z'");
    assert_eq!(after(|books| add(books, &late)), ["UsageRecord late: RecordLate"]);
}

#[test]
fn a_record_that_was_there_and_is_not_billed_has_no_lawful_reason() {
    let known = made("known", "2026-11-15T00:00:00Z", "2026-11-16T00:00:00Z", ", end: '2026-11-16T00:00:00Z'");
    assert_eq!(after(|books| add(books, &known)), ["UsageRecord known: unexplained"]);
}

#[test]
fn a_late_end_is_told() {
    let ended = record("db", "2026-11-12T00:00:00Z", ", end: '2026-11-25T00:00:00Z'");
    assert_eq!(after(|books| add(books, &ended)), ["UsageRecord db: RecordEnded"]);
    let before = record("db", "2026-11-12T00:00:00Z", ", end: '2026-11-12T00:00:00Z'");
    assert_eq!(after(|books| add(books, &before)), ["UsageRecord db: RecordEnded"]);
}

#[test]
fn a_late_correction_is_told_on_both_records() {
    let correction = made("right", "2026-11-12T00:00:00Z", LATER, ", replaces: db");
    assert_eq!(
        after(|books| add(books, &correction)),
        ["UsageRecord db: RecordReplaced", "UsageRecord right: RecordLate"]
    );
}

#[test]
fn a_payer_that_was_written_later_is_told() {
    let without = |books: &mut Books| {
        Observes::<api::ProjectLedger>::forget(books, &ObjectKey::namespaced("acme", "acme-web"));
    };
    let mut books = world();
    without(&mut books);
    let invoice = final_of(&books);
    add(&mut books, ledger(&["shop"]).replace("2026-11-11T00:00:00Z", LATER).trim_start_matches("\n---\n"));
    assert_eq!(
        told(&compared(&books, &invoice)),
        ["projects: ProjectsChanged", "UsageRecord cache: PayerChanged", "UsageRecord db: PayerChanged"]
    );
}

#[test]
fn a_price_that_ends_is_told_on_the_lines_that_it_had() {
    let edited = "
kind: PriceList
metadata: {name: default, resourceVersion: '2'}
spec:
  currency: USD
  entries:
  - {name: pg, type: PostgreSQL, unit: Hour, unitPrice: '0.026', validFrom: '2020-01-01T00:00:00Z', validUntil: '2026-11-15T00:00:00Z'}
  - {name: pg2, type: PostgreSQL, unit: Hour, unitPrice: '0.03', validFrom: '2026-11-15T00:00:00Z'}
";
    let told = after(|books| add(books, edited));
    let expected = ["UsageRecord cache: PriceListChanged", "UsageRecord db: PriceListChanged"];
    assert_eq!(told[..2], expected);
    assert!(told[2..].iter().all(|line| line.ends_with("PriceListChanged")), "{told:?}");
}

#[test]
fn an_entry_that_changes_nothing_of_the_month_is_no_difference() {
    let edited = "
kind: PriceList
metadata: {name: default, resourceVersion: '2'}
spec:
  currency: USD
  entries:
  - {name: pg, type: PostgreSQL, unit: Hour, unitPrice: '0.026', validFrom: '2020-01-01T00:00:00Z'}
  - {name: kafka, type: Kafka, unit: Hour, unitPrice: '0.03', validFrom: '2020-01-01T00:00:00Z'}
";
    assert_eq!(after(|books| add(books, edited)), [""; 0]);
}

#[test]
fn edited_terms_are_told_on_what_they_change() {
    let other = TERMS.replace("percent: '10'", "percent: '20'").replace("displayName: Shop", "displayName: Store");
    let told = after(|books| add(books, &shop(2, &other)));
    assert!(told.iter().all(|line| line.ends_with("BillingGroupChanged") || line.ends_with("Follows")), "{told:?}");
    for what in ["buyer.displayName: ", "discounts: ", "UsageRecord db: ", "UsageRecord cache: ", "BillingGroup shop: "]
    {
        assert!(told.contains(&format!("{what}BillingGroupChanged")), "{what} is not in {told:?}");
    }
    // The same, by somebody who has a way around generations.
    let told = after(|books| add(books, &shop(1, &other)));
    assert!(told.iter().all(|line| line.ends_with("unexplained")), "{told:?}");
}

#[test]
fn an_edited_issuer_is_told_on_what_it_changes() {
    let other = "
kind: InvoiceIssuer
metadata: {name: default, generation: 2}
spec: {legalName: Other, paymentTermDays: 9, taxRules: [{name: vat, category: S, rate: '25'}]}
";
    let told = after(|books| add(books, other));
    let expected =
        ["dueAt", "seller.legalName", "taxNote", "taxes"].map(|field| format!("{field}: InvoiceIssuerChanged"));
    assert_eq!(told, expected);
}

#[test]
fn whatever_is_forged_is_found_although_the_digest_is_right() {
    let books = world();
    let invoice = final_of(&books);
    let document = serde_json::to_value(invoice.status.as_ref().unwrap().document.as_ref().unwrap()).unwrap();
    assert_eq!(compared(&books, &forged(&invoice, |_| {})), []);
    let forgeries: [(&str, Value); 17] = [
        ("/lines/0/quantity", json!("47")),
        ("/lines/0/count", json!("3")),
        ("/lines/0/unitPrice", json!("0.025")),
        ("/lines/0/total", json!("1.00")),
        ("/lines/0/start", json!("2026-11-20T00:00:00Z")),
        ("/lines/0/project", json!("acme-api")),
        ("/lines/0/description", json!("cache")),
        ("/lines/0/source/uid", json!("00000000-0000-4000-8000-000000000001")),
        ("/lines/2/description", json!("Partner: 11 % off services")),
        ("/lines/3/total", json!("0.00")),
        ("/lines/4/total", json!("0.00")),
        ("/lines/5/total", json!("-6.00")),
        ("/buyer/displayName", json!("Somebody else")),
        ("/seller/legalName", json!("Somebody else")),
        ("/dueAt", json!("2027-12-01T01:00:00Z")),
        ("/discounts/0/percent", json!("11")),
        ("/taxNote", json!("No tax")),
    ];
    for (pointer, value) in forgeries {
        assert!(document.pointer(pointer).is_some_and(|known| *known != value), "there is no {pointer}: {document}");
        let invoice = forged(&invoice, |document| *document.pointer_mut(pointer).unwrap() = value);
        let found = compared(&books, &invoice);
        let lawful = pointer == "/lines/0/source/uid";
        assert_eq!(found.iter().any(Difference::is_unexplained), !lawful, "{pointer}: {found:?}");
        assert!(!found.is_empty(), "{pointer}");
    }
    for line in 0..6 {
        let invoice = forged(&invoice, |document| drop(document["lines"].as_array_mut().unwrap().remove(line)));
        let found = compared(&books, &invoice);
        assert!(found.iter().any(Difference::is_unexplained), "without line {line}: {found:?}");
    }
}

#[test]
fn a_forgery_does_not_hide_behind_a_lawful_change_of_the_same_record() {
    let mut books = world();
    let invoice = final_of(&books);
    let forged = forged(&invoice, |document| {
        document["lines"][1]["quantity"] = "400".into();
        document["lines"][1]["total"] = "9.36".into();
    });
    add(&mut books, &record("db", "2026-11-12T00:00:00Z", ", end: '2026-11-25T00:00:00Z'"));
    assert_eq!(told(&compared(&books, &invoice)), ["UsageRecord db: RecordEnded"]);
    assert_eq!(told(&compared(&books, &forged)), ["UsageRecord db: unexplained"]);
}

#[test]
fn what_is_late_is_due_on_the_oldest_open_month_and_then_stands_on_its_final() {
    let mut books = world();
    let november = final_of(&books);
    let last = close(&mut books, &november);
    assert_eq!(compared(&books, &november), []);

    add(&mut books, &made("late", "2026-11-15T00:00:00Z", LATER, ", end: '2026-11-16T00:00:00Z'"));
    add(&mut books, &record("db", "2026-11-12T00:00:00Z", ", end: '2026-11-25T00:00:00Z'"));
    let both = |adjustment: &str| {
        ["UsageRecord db: RecordEnded", "UsageRecord late: RecordLate"].map(|told| format!("{told}, {adjustment}"))
    };
    assert_eq!(adjusted(&books, &november), both("to be adjusted on bbbbb-2, the oldest invoice that is not final"));

    let december = final_for(&books, "2026-12", "2027-01-01T01:00:00Z", Some(&last));
    close(&mut books, &december);
    assert_eq!(adjusted(&books, &november), both("adjusted on bbbbb-2"));
    assert_eq!(compared_after(&books, &december, Some(&last)), []);
    assert_eq!(by_itself(&december, &last), []);
    let explained = explain(&IssuedInvoice::new(&december, []).unwrap());
    let late = "24 h × 0.026 USD = 0.624 → 0.62; −10 % Partner → 0.56";
    assert!(explained.lines.iter().any(|line| line.derivation == late), "{explained:?}");
    let dearer = forged(&december, |document| {
        let lines = document["lines"].as_array_mut().unwrap();
        lines.iter_mut().find(|line| line["adjusts"].is_object() && line["unitPrice"].is_string()).unwrap()["preDiscount"] =
            "0.63".into();
    });
    assert_ne!(by_itself(&dearer, &last), [], "late usage is computed again like any other");
    for field in ["total", "description"] {
        let forged = forged(&december, |document| {
            let lines = document["lines"].as_array_mut().unwrap();
            lines.iter_mut().find(|line| line["adjusts"].is_object()).unwrap()[field] = "7.00".into();
        });
        assert!(compared_after(&books, &forged, Some(&last)).iter().any(Difference::is_unexplained), "{field}");
    }

    add(
        &mut books,
        &made("right", "2026-11-15T00:00:00Z", "2027-01-02T00:00:00Z", ", end: '2026-11-15T12:00:00Z', replaces: late"),
    );
    let told_later = told(&compared_after(&books, &december, Some(&last)));
    assert_eq!(told_later, ["UsageRecord late: RecordReplaced", "UsageRecord right: RecordLate"]);
    forget(&mut books, "right");
    forget(&mut books, "late");
    assert_eq!(told(&compared_after(&books, &december, Some(&last))), ["UsageRecord late: RecordGone"]);
    assert_eq!(told(&compared(&books, &november)), ["UsageRecord db: RecordEnded"]);
}

#[test]
fn what_an_invoice_carries_forward_the_next_one_begins_with() {
    let mut books = world();
    add(&mut books, &shop(1, "{}"));
    let november = close_as(&mut books, "{}", final_of);
    add(&mut books, &record("db", "2026-11-12T00:00:00Z", ", end: '2026-11-13T00:00:00Z'"));
    let december =
        close_as(&mut books, "{}", |books| final_for(books, "2026-12", "2027-01-01T01:00:00Z", Some(&november.1)));
    assert_eq!(compared_after(&books, &december.0, Some(&november.1)), []);
    assert_eq!(by_itself(&december.0, &november.1), []);
    let less = forged(&december.0, |document| document["carriedForward"] = "0.01".into());
    assert_ne!(by_itself(&less, &november.1), []);
    let january = final_for(&books, "2027-01", "2027-02-01T01:00:00Z", Some(&december.1));
    assert!(december.1.carried_forward.is_some());
    assert_eq!(compared_after(&books, &january, Some(&december.1)), []);
    let without = compared_after(&books, &january, Some(&LastFinal { carried_forward: None, ..december.1 }));
    assert!(without.iter().any(Difference::is_unexplained), "{without:?}");
}

#[test]
fn a_ledger_that_was_written_just_before_the_final_is_the_one_that_it_was_made_by() {
    let mut books = world();
    add(
        &mut books,
        ledger(&["shop"]).replace("2026-11-11T00:00:00Z", "2026-12-01T00:59:00Z").trim_start_matches("\n---\n"),
    );
    let invoice = final_of(&books);
    assert_eq!(compared(&books, &invoice), []);
    add(&mut books, &record("db", "2026-11-12T00:00:00Z", ", end: '2026-11-25T00:00:00Z'"));
    assert_eq!(told(&compared(&books, &invoice)), ["UsageRecord db: RecordEnded"]);
}

#[test]
fn a_default_that_yields_after_the_final_is_told() {
    let mut books = world();
    let segments = ledger(&["shop", "main"]).replace("2026-11-12T00:00:00Z", LATER);
    let (first, second) = ("2026-11-11T00:00:00Z", "2026-12-01T12:00:00Z");
    let by_default = segments
        .replace(first, "2026-12-01T00:30:00Z")
        .replace("\"from\":\"2026-12-01T00:30:00Z\"", "\"default\":true,\"from\":\"2026-12-01T00:30:00Z\"");
    assert!(by_default.contains("default"), "{by_default}");
    let before = ledger(&["shop"]).replace(first, "2026-12-01T00:30:00Z");
    add(&mut books, before.trim_start_matches("\n---\n"));
    let invoice = final_of(&books);
    add(&mut books, by_default.replace(LATER, second).trim_start_matches("\n---\n"));
    let told = told(&compared(&books, &invoice));
    let expected = ["projects: ProjectsChanged", "UsageRecord cache: PayerChanged", "UsageRecord db: PayerChanged"];
    assert_eq!(told, expected);
}

#[test]
fn another_currency_and_a_price_list_that_is_gone_explain_every_line() {
    let both = |reason: &str| ["cache", "db"].map(|record| format!("UsageRecord {record}: {reason}"));
    let euro = TERMS.replace("{displayName", "{currency: EUR, displayName").replace("currency: USD}", "currency: EUR}");
    let told = after(|books| add(books, &shop(2, &euro)));
    assert_eq!(told[told.len() - 2..], both("BillingGroupChanged"), "{told:?}");
    assert!(!told.iter().any(|told| told.ends_with("unexplained")), "{told:?}");
    let told = after(|books| drop(Observes::<api::PriceList>::forget(books, &ObjectKey::cluster("default"))));
    assert_eq!(told, both("PriceListChanged"));
}
