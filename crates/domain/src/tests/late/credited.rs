//! What credit notes took back is settled: it is neither taken back again nor billed again.

use super::super::world::*;
use super::closing_simulator::{self, ClosingSimulator};
use crate::*;

/// November of a database is final: g-2, 18.72; so is what runs in December: other.
fn simulator() -> ClosingSimulator {
    let mut simulator = super::simulator();
    simulator.usage(usage("db", "p", "2020-11-01", ""));
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.usage(usage("other", "p", "2020-12-01", ""));
    simulator
}

/// The line of a record on a final, or a part of it.
fn of_line(id: String, amount: &str) -> CreditedAmount {
    CreditedAmount::Lines(vec![(id, money(amount, "USD"))])
}

fn of_db(amount: &str) -> CreditedAmount {
    let world = World::new([group("g")]).project("p", &[segment("2020-01-01", "g")]);
    let mut simulator = ClosingSimulator::new(world, "2020-11");
    simulator.usage(usage("db", "p", "2020-11-01", ""));
    of_line(simulator.close("2020-11").lines[0].id(), amount)
}

/// 240 h are 6.24: 12.48 less.
fn ends(simulator: &mut ClosingSimulator) {
    simulator.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
}

fn corrected(credited: Option<CreditedAmount>) -> Vec<String> {
    let mut simulator = simulator();
    if let Some(credited) = credited {
        simulator.credit("g-2", "2020-12-05", credited);
    }
    ends(&mut simulator);
    let adjusted = closing_simulator::adjustments(&simulator.close("2020-12"));
    assert_eq!(closing_simulator::adjustments(&simulator.close("2021-01")), [""; 0], "nothing is adjusted twice");
    adjusted
}

#[test]
fn what_a_credit_note_took_back_of_the_line_is_not_taken_back_again() {
    assert_eq!(corrected(None), ["2020-11 db -12.48"]);
    assert_eq!(corrected(Some(of_db("8.40"))), ["2020-11 db -4.08"]);
    assert_eq!(corrected(Some(of_db("12.48"))), [""; 0]);
    assert_eq!(corrected(Some(of_db("15.00"))), [""; 0]);
}

#[test]
fn an_invoice_that_is_taken_back_in_full_is_neither_billed_nor_taken_back_again() {
    assert_eq!(corrected(Some(CreditedAmount::Remainder)), [""; 0]);
    let mut simulator = simulator();
    simulator.credit("g-2", "2020-12-05", CreditedAmount::Remainder);
    assert_eq!(closing_simulator::adjustments(&simulator.look("2020-12")), [""; 0]);
    // What it never billed is late all the same.
    simulator.usage(usage("new", "p", "2020-11-01", "2020-11-02"));
    assert_eq!(closing_simulator::adjustments(&simulator.close("2020-12")), ["2020-11 new 0.62"]);
}

#[test]
fn a_credit_note_of_another_line_or_of_the_invoice_as_a_whole_is_of_no_record() {
    assert_eq!(corrected(Some(of_line("0123456789abcdef".to_owned(), "8.40"))), ["2020-11 db -12.48"]);
    assert_eq!(corrected(Some(CreditedAmount::Lines(Vec::new()))), ["2020-11 db -12.48"]);
}

#[test]
fn the_line_says_what_was_credited() {
    let mut simulator = simulator();
    simulator.credit("g-2", "2020-12-05", of_db("8.40"));
    ends(&mut simulator);
    let bill = simulator.close("2020-12");
    assert!(closing_simulator::items(&bill)[0].contains("Correction of g-2 for 2020-11, less 8.40 credited: usage db"));
    assert_eq!(bill.items[0].pre_discount, None);
}

#[test]
fn what_is_credited_after_a_correction_is_not_billed_again() {
    let mut simulator = simulator();
    ends(&mut simulator);
    assert_eq!(closing_simulator::adjustments(&simulator.close("2020-12")), ["2020-11 db -12.48"]);
    simulator.credit("g-2", "2021-01-05", of_db("5.00"));
    assert_eq!(closing_simulator::adjustments(&simulator.close("2021-01")), [""; 0]);
    // 6.24 are left of it, of which 5.00 are credited.
    simulator.usage(Usage { replaces: Some(name("db")), ..usage("nothing", "p", "2021-02-01", "2021-02-02") });
    assert_eq!(closing_simulator::adjustments(&simulator.close("2021-02")), ["2020-11 db -1.24"]);
    assert_eq!(closing_simulator::adjustments(&simulator.close("2021-03")), [""; 0]);
}

#[test]
fn a_record_that_is_replaced_gives_back_what_was_not_credited() {
    let mut simulator = simulator();
    simulator.credit("g-2", "2020-12-05", of_db("8.40"));
    simulator.usage(Usage { replaces: Some(name("db")), ..usage("nothing", "p", "2021-06-01", "2021-06-02") });
    assert_eq!(closing_simulator::adjustments(&simulator.close("2020-12")), ["2020-11 db -10.32"]);
    assert_eq!(closing_simulator::adjustments(&simulator.close("2021-01")), [""; 0]);
}

#[test]
fn a_late_line_can_be_credited_too() {
    let mut simulator = super::simulator();
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.usage(usage("db", "p", "2020-11-01", ""));
    let late = simulator.close("2020-12");
    simulator.credit("g-3", "2021-01-02", of_line(late.items[0].id(), "8.40"));
    simulator.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
    assert_eq!(closing_simulator::adjustments(&simulator.close("2021-01")), ["2020-11 db -4.08", "2020-12 db -19.34"]);
}
