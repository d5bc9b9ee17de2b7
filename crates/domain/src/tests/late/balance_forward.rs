//! A total below zero.

use super::super::tax::{issuer, rule};
use super::super::world::*;
use super::closing_simulator::{self, ClosingSimulator};
use crate::*;

fn brought_forward(amount: &str, code: &str) -> Option<BroughtForward> {
    Some(BroughtForward { amount: money(amount, code), invoice: name("g-1"), uid: uid("g-1"), includes_tax: true })
}

/// As an invoice left it that was made before `amountDue` was recorded.
fn brought_before_tax(amount: &str) -> Option<BroughtForward> {
    brought_forward(amount, "USD").map(|brought| BroughtForward { includes_tax: false, ..brought })
}

fn world(unit_price: &str) -> World {
    let mut world = World::new([group("g")]).project("p", &[segment("2020-01-01", "g")]).usage(usage(
        "db",
        "p",
        "2020-11-01",
        "2020-12-01",
    ));
    world.prices = price_list(vec![hourly("PostgreSQL", unit_price)]);
    world
}

#[test]
fn a_total_below_zero_stands_and_the_next_bill_has_so_much_less_to_be_paid() {
    let mut simulator = ClosingSimulator::new(world("0.026"), "2020-10");
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.usage(Usage { replaces: Some(name("db")), ..usage("less", "p", "2020-11-01", "2020-11-11") });
    let bill = simulator.close("2020-12");
    assert_eq!((bill.subtotal, bill.total), (money("-12.48", "USD"), money("-12.48", "USD")));
    assert_eq!((bill.amount_due, bill.carried_forward), (money("0.00", "USD"), Some(money("12.48", "USD"))));
    assert!(bill.charges_anything());
}

#[test]
fn what_is_brought_forward_comes_first_and_what_is_left_of_it_goes_on() {
    for (amount, due, left) in [("8.72", "10.00", None), ("20.00", "0.00", Some("1.28"))] {
        let mut world = world("0.026");
        world.brought_forward = brought_forward(amount, "USD");
        let bill = world.bill("g", "2020-11");
        assert_eq!((bill.subtotal, bill.prepaid), (money("18.72", "USD"), money(amount, "USD")));
        assert_eq!((bill.amount_due, bill.carried_forward), (money(due, "USD"), left.map(|left| money(left, "USD"))));
    }
}

#[test]
fn an_amount_before_tax_that_an_older_invoice_left_is_a_line_and_what_is_left_of_it_is_with_tax() {
    for (amount, total, left) in [("8.72", "12.55", None), ("20.00", "-1.61", Some("1.61"))] {
        let mut world = world("0.026");
        world.issuer = Some(issuer(vec![rule("VAT", "", BuyerKind::Any, TaxCategory::Standard, "25.5")]));
        world.brought_forward = brought_before_tax(amount);
        let bill = world.bill("g", "2020-11");
        assert_eq!(closing_simulator::items(&bill)[0], format!("OtherEvent -{amount} Brought forward from g-1"));
        assert_eq!((bill.total, bill.carried_forward), (money(total, "USD"), left.map(|left| money(left, "USD"))));
    }
}

#[test]
fn a_bill_with_nothing_but_an_amount_that_goes_on_charges_nothing() {
    let mut world = world("0");
    world.organization.remove_usage("db");
    world.brought_forward = brought_forward("5.00", "USD");
    let bill = world.bill("g", "2020-11");
    assert_eq!(bill.carried_forward, Some(money("5.00", "USD")));
    assert!(!bill.charges_anything());
}

#[test]
fn an_amount_in_a_currency_that_the_group_had_holds_its_bill() {
    let mut world = world("0.026");
    world.brought_forward = brought_forward("5.00", "EUR");
    let bill = world.bill("g", "2020-11");
    assert_eq!(bill.holds[0].reason, HoldReason::CurrencyChanged);
    assert_eq!(bill.subtotal, money("18.72", "USD"));
}

#[test]
fn credits_pay_the_month_itself_and_what_is_brought_forward_pays_what_is_left() {
    let mut world = world("0.026");
    world.brought_forward = brought_forward("8.72", "USD");
    world.credits = vec![offer("c", "100.00")];
    let bill = world.bill("g", "2020-11");
    assert_eq!(bill.credits[0].used, money("18.72", "USD"));
    assert_eq!((bill.amount_due, bill.carried_forward), (money("0.00", "USD"), Some(money("8.72", "USD"))));
}
