//! Metered records: a final is made again from what was read when it was made.

use super::*;
use crate::scenario::change;

const LIST: &str = "kind: PriceList\nmetadata: {name: default}\nspec: {currency: USD, entries: [\
    {name: requests, type: Requests, unit: Unit, unitPrice: '0.1', validFrom: '2020-01-01T00:00:00Z'}]}\n";

/// A metered record of November; each reading is `day quantity`, and on day 31 it is December.
fn counter(name: &str, end: &str, readings: &[&str]) -> String {
    let reading = |text: &&str| {
        let (day, quantity) = text.split_once(' ').unwrap();
        let at = if day == "31" { "2026-12-01".to_owned() } else { format!("2026-11-{day}") };
        format!("{{at: '{at}T00:00:00Z', quantity: '{quantity}'}}")
    };
    let readings: Vec<String> = readings.iter().map(reading).collect();
    format!(
        "kind: UsageRecord\nmetadata: {{name: {name}, namespace: acme}}\nspec: {{project: acme-web, \
         service: {{name: {name}, type: Requests}}, start: '2026-11-12T00:00:00Z'{end}, readings: [{}]}}\n",
        readings.join(", ")
    )
}

/// A record that counted 10 until the 20th, and one that counted nothing.
fn counting() -> ObservedState {
    let mut state = state(&format!("{ACME}{}{}", binding("shop"), ledger(&["shop"])));
    add(&mut state, &shop(1, "{}"));
    add(&mut state, LIST);
    add(&mut state, &counter("r", "", &["20 10"]));
    add(&mut state, &counter("idle", "", &["20 0"]));
    state
}

/// The final, and then what is told of it once the records are these.
fn told(records: &[String]) -> Vec<String> {
    let mut state = counting();
    let invoice = final_of(&state);
    assert_eq!(compared(&state, &invoice), []);
    assert_eq!(invoice.status.as_ref().unwrap().document.as_ref().unwrap().subtotal.as_str(), "1.00");
    records.iter().for_each(|record| add(&mut state, record));
    reasons(&compared(&state, &invoice))
}

#[test]
fn what_was_read_after_a_final_is_told_and_explained() {
    let end = ", end: '2026-12-01T00:00:00Z'";
    assert_eq!(told(&[counter("r", "", &["20 10", "25 15"])]), ["UsageRecord r: RecordReadLate"]);
    assert_eq!(told(&[counter("r", end, &["20 10", "31 15"])]), ["UsageRecord r: RecordReadLate"]);
    assert_eq!(told(&[counter("idle", "", &["20 0", "25 2"])]), ["UsageRecord idle: RecordReadLate"]);
    // A reading that counts nothing more shows as the later one.
    assert_eq!(told(&[counter("r", "", &["20 10", "25 10"])]), ["UsageRecord r: RecordReadLate"]);
    assert_eq!(told(&[counter("idle", end, &["20 0", "31 0"])]), [""; 0]);
}

#[test]
fn a_reading_that_is_not_what_it_was_has_no_lawful_reason() {
    assert_eq!(told(&[counter("r", "", &["20 11"])]), ["UsageRecord r: unexplained"]);
    assert_eq!(told(&[counter("r", "", &["19 4", "20 11", "25 12"])]), ["UsageRecord r: unexplained"]);
}

#[test]
fn the_document_of_a_final_says_what_was_read_and_is_verified_by_that() {
    let state = counting();
    let mut invoice = final_of(&state);
    let document = invoice.status.as_mut().unwrap().document.as_mut().unwrap();
    let none = |_: &str| -> Option<&api::InvoiceSlice> { None };
    assert_eq!(verify_document(document, none, None), []);
    let line = &mut document.lines[0];
    let pair = line.readings.as_mut().unwrap();
    assert_eq!((&pair.from, pair.to.as_ref().unwrap().quantity.as_str()), (&None, "10"));
    pair.to.as_mut().unwrap().quantity = "12".into();
    document.digest = document_digest(document).unwrap();
    let expected = ["the quantity of line", " is 10, and should be 12"];
    let found: Vec<String> = verify_document(document, none, None).iter().map(ToString::to_string).collect();
    assert!(found.len() == 1 && expected.iter().all(|words| found[0].contains(words)), "{found:?}");
    let explained = explain(&IssuedInvoice::new(&final_of(&state), []).unwrap());
    assert_eq!(explained.lines[0].readings.as_deref(), Some("read 10 at 2026-11-20T00:00:00Z"));
}

#[test]
fn a_reading_wakes_nobody_before_the_records_end() {
    let mut state = counting();
    assert_eq!(change(&mut state, &counter("r", "", &["20 10", "25 15"])), []);
    assert_eq!(change(&mut state, &counter("r", "", &["20 10", "25 15"])), [], "nothing is new");
    assert_ne!(change(&mut state, &counter("r", "", &["20 10", "25 15", "31 16"])), [], "a month may wait for it");
    let ended = counter("idle", ", end: '2026-11-21T00:00:00Z'", &["20 0"]);
    assert_ne!(change(&mut state, &ended), []);
    // What woke nobody counts all the same.
    let mut state = counting();
    change(&mut state, &counter("r", "", &["20 10", "25 15"]));
    let invoice = final_of(&state);
    assert_eq!(invoice.status.unwrap().document.unwrap().subtotal.as_str(), "1.50");
}
