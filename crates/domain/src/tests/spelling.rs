//! Words that a record spells otherwise than the price list.

use super::world::*;
use crate::*;

/// A record of "Hobbyist" in "google-europe-north1", and these entries beside the price for the type.
fn with(entries: Vec<PriceEntry>) -> World {
    let mut world = World::new([primary("g")]).project("p", &[segment("2020-10-01", "g")]);
    world.prices = price_list([vec![hourly("PostgreSQL", "1")], entries].concat());
    world.usage(usage("db", "p", "2020-11-10", "2020-11-11"))
}

fn of_plan(plan: &str, price: &str) -> PriceEntry {
    PriceEntry { name: name(plan), plan: Some(name(plan)), ..hourly("PostgreSQL", price) }
}

fn of_cloud(cloud: &str, price: &str) -> PriceEntry {
    PriceEntry { name: name(cloud), cloud: Some(name(cloud)), ..hourly("PostgreSQL", price) }
}

/// What is said of the record, and what is billed.
fn told(world: &World) -> (Vec<String>, Vec<String>) {
    let bill = world.bill("g", "2020-11");
    (problems(&bill.problems), lines(&bill))
}

#[test]
fn a_plan_that_differs_by_case_is_named_and_not_billed_at_the_general_price() {
    let world = with(vec![of_plan("HOBBYIST", "0.5")]);
    let bill = world.bill("g", "2020-11");
    assert_eq!(told(&world), (vec!["db Misspelt".to_owned()], vec![]));
    assert_eq!(
        bill.problems[0].to_string(),
        "usage db (db: PostgreSQL Hobbyist google-europe-north1) has the plan \"Hobbyist\", and not \"HOBBYIST\" as the price \
         list default, where it has another price; replace the record, or add an entry for the plan \"Hobbyist\""
    );
    assert_eq!(Hold::of_problem(&bill.problems[0]).unwrap().reason, HoldReason::Unpriced);
}

#[test]
fn a_cloud_or_a_type_or_a_unicode_form_is_named_too() {
    assert_eq!(told(&with(vec![of_cloud("Google-Europe-North1", "2")])).0, ["db Misspelt"]);
    assert_eq!(told(&with(vec![of_plan("\u{ff28}obbyist", "2")])).0, ["db Misspelt"]);
    let mut world = with(Vec::new());
    world.prices = price_list(vec![hourly("Postgresql", "1")]);
    let bill = world.bill("g", "2020-11");
    assert!(bill.problems[0].to_string().contains("the type \"PostgreSQL\", and not \"Postgresql\""));
}

#[test]
fn what_changes_no_price_is_not_named() {
    let all = (vec![], vec!["db 11-10..11-11 24 24.00".to_owned()]);
    assert_eq!(told(&with(vec![of_plan("Startup", "2")])), all, "another word");
    assert_eq!(told(&with(vec![of_plan("HOBBYIST", "1")])), all, "the same price");
    let over = PriceEntry { valid_until: Some(at("2020-11-10")), ..of_plan("HOBBYIST", "2") };
    assert_eq!(told(&with(vec![over])), all, "a price of before");
    let twice = vec![of_plan("HOBBYIST", "2"), of_plan("Hobbyist", "1")];
    assert_eq!(told(&with(twice)), all, "the list has both spellings");
}

#[test]
fn a_price_that_begins_within_the_run_is_asked_too() {
    let begins = PriceEntry { valid_from: at("2020-11-10T12:00"), ..of_plan("HOBBYIST", "2") };
    assert_eq!(told(&with(vec![begins])).0, ["db Misspelt"]);
}

#[test]
fn a_single_unit_is_asked_for_its_price_when_it_happens() {
    let event = |plan, price| PriceEntry { price: by_unit("PostgreSQL", price).price, ..of_plan(plan, price) };
    let mut world = with(vec![event("HOBBYIST", "7")]);
    assert_eq!(told(&world).0, ["db Misspelt"]);
    world.prices = price_list(vec![by_unit("PostgreSQL", "7"), event("HOBBYIST", "7")]);
    assert_eq!(told(&world), (vec![], vec!["db 11-10..11-10 1 7.00".to_owned()]), "it costs the same");
    let dearer = event("HOBBYIST", "9");
    world.prices = price_list(vec![by_unit("PostgreSQL", "7"), dearer]);
    assert_eq!(told(&world).0, ["db Misspelt"]);
}

#[test]
fn what_a_final_bills_at_the_general_price_stays() {
    let mut world = with(vec![of_plan("HOBBYIST", "0.5")]);
    world.bill_elsewhere("db", period("2020-11-10", "2020-11-11"), Unit::Hour);
    assert_eq!(told(&world), (vec![], vec![]));
    let world = with(vec![of_plan("HOBBYIST", "0.5")]);
    let as_written = world.prices.as_written();
    assert!(as_written.misspelling(&service("db", "PostgreSQL")).is_none());
    let literal = World { prices: as_written, ..world };
    assert_eq!(told(&literal), (vec![], vec!["db 11-10..11-11 24 24.00".to_owned()]));
}
