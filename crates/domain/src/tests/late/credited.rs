//! What credit notes took back is settled: it is neither taken back again nor billed again.

use super::super::world::*;
use super::office::{self, Office};
use crate::*;

/// November of a database is final: g-2, 18.72; so is what runs in December: other.
fn office() -> Office {
    let mut office = super::office();
    office.usage(usage("db", "p", "2020-11-01", ""));
    office.close("2020-10");
    office.close("2020-11");
    office.usage(usage("other", "p", "2020-12-01", ""));
    office
}

/// The line of a record on a final, or a part of it.
fn of_line(id: String, amount: &str) -> Taken {
    Taken::OfLines(vec![(id, money(amount, "USD"))])
}

fn of_db(amount: &str) -> Taken {
    let world = World::new([group("g")]).project("p", &[segment("2020-01-01", "g")]);
    let mut office = Office::new(world, "2020-11");
    office.usage(usage("db", "p", "2020-11-01", ""));
    of_line(office.close("2020-11").lines[0].id(), amount)
}

/// 240 h are 6.24: 12.48 less.
fn ends(office: &mut Office) {
    office.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
}

fn corrected(taken: Option<Taken>) -> Vec<String> {
    let mut office = office();
    if let Some(taken) = taken {
        office.credit("g-2", "2020-12-05", taken);
    }
    ends(&mut office);
    let adjusted = office::adjustments(&office.close("2020-12"));
    assert_eq!(office::adjustments(&office.close("2021-01")), [""; 0], "nothing is adjusted twice");
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
    assert_eq!(corrected(Some(Taken::All)), [""; 0]);
    let mut office = office();
    office.credit("g-2", "2020-12-05", Taken::All);
    assert_eq!(office::adjustments(&office.look("2020-12")), [""; 0]);
    // What it never billed is late all the same.
    office.usage(usage("new", "p", "2020-11-01", "2020-11-02"));
    assert_eq!(office::adjustments(&office.close("2020-12")), ["2020-11 new 0.62"]);
}

#[test]
fn a_credit_note_of_another_line_or_of_the_invoice_as_a_whole_is_of_no_record() {
    assert_eq!(corrected(Some(of_line("0123456789abcdef".to_owned(), "8.40"))), ["2020-11 db -12.48"]);
    assert_eq!(corrected(Some(Taken::OfLines(Vec::new()))), ["2020-11 db -12.48"]);
}

#[test]
fn the_line_says_what_was_credited() {
    let mut office = office();
    office.credit("g-2", "2020-12-05", of_db("8.40"));
    ends(&mut office);
    let bill = office.close("2020-12");
    assert!(office::items(&bill)[0].contains("Correction of g-2 for 2020-11, less 8.40 credited: usage db"));
    assert_eq!(bill.items[0].pre_discount, None);
}

#[test]
fn what_is_credited_after_a_correction_is_not_billed_again() {
    let mut office = office();
    ends(&mut office);
    assert_eq!(office::adjustments(&office.close("2020-12")), ["2020-11 db -12.48"]);
    office.credit("g-2", "2021-01-05", of_db("5.00"));
    assert_eq!(office::adjustments(&office.close("2021-01")), [""; 0]);
    // 6.24 are left of it, of which 5.00 are credited.
    office.usage(Usage { replaces: Some(name("db")), ..usage("nothing", "p", "2021-02-01", "2021-02-02") });
    assert_eq!(office::adjustments(&office.close("2021-02")), ["2020-11 db -1.24"]);
    assert_eq!(office::adjustments(&office.close("2021-03")), [""; 0]);
}

#[test]
fn a_record_that_is_replaced_gives_back_what_was_not_credited() {
    let mut office = office();
    office.credit("g-2", "2020-12-05", of_db("8.40"));
    office.usage(Usage { replaces: Some(name("db")), ..usage("nothing", "p", "2021-06-01", "2021-06-02") });
    assert_eq!(office::adjustments(&office.close("2020-12")), ["2020-11 db -10.32"]);
    assert_eq!(office::adjustments(&office.close("2021-01")), [""; 0]);
}

#[test]
fn a_late_line_can_be_credited_too() {
    let mut office = super::office();
    office.close("2020-10");
    office.close("2020-11");
    office.usage(usage("db", "p", "2020-11-01", ""));
    let late = office.close("2020-12");
    office.credit("g-3", "2021-01-02", of_line(late.items[0].id(), "8.40"));
    office.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
    assert_eq!(office::adjustments(&office.close("2021-01")), ["2020-11 db -4.08", "2020-12 db -19.34"]);
}
