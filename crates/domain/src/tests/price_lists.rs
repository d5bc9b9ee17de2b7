//! A few negotiated prices over the common ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::late::closing_simulator::{self, ClosingSimulator};
use super::world::*;
use crate::audit::audit;
use crate::*;

/// A record of PostgreSQL "Hobbyist" in "google-europe-north1", on the 10th and the 11th of November.
fn with(prices: PriceLists) -> World {
    let mut world = World::new([primary("g")]).project("p", &[segment("2020-10-01", "g")]);
    world.prices = prices;
    world.usage(usage("db", "p", "2020-11-10", "2020-11-12"))
}

fn of_plan(plan: &str, price: &str) -> PriceEntry {
    PriceEntry { name: name(plan), plan: Some(name(plan)), ..hourly("PostgreSQL", price) }
}

/// Its lines: from where to where, the list, and the amount.
fn told(world: &World) -> Vec<String> {
    let bill = world.bill("g", "2020-11");
    assert_eq!(audit(&world.input("g", "2020-11", at("2021-01-01")), &bill), []);
    let line = |line: &Line| {
        let (start, end) = (line.period.start(), line.period.end());
        format!("{}..{} {} {}", start.format("%d"), end.format("%d"), line.entry.list, line.total)
    };
    let problems = bill.problems.iter().map(Problem::to_string);
    problems.chain(bill.lines.iter().map(line)).collect()
}

#[test]
fn the_first_list_with_an_entry_has_the_price() {
    let both = || vec![hourly("PostgreSQL", "1"), hourly("MySQL", "1")];
    assert_eq!(told(&with(price_lists("USD", [vec![hourly("PostgreSQL", "0.5")], both()]))), ["10..12 list-0 24.00"]);
    assert_eq!(told(&with(price_lists("USD", [vec![hourly("MySQL", "0.5")], both()]))), ["10..12 list-1 48.00"]);
    assert_eq!(told(&with(price_lists("USD", [vec![], vec![], vec![], both()]))), ["10..12 list-3 48.00"]);
    // However specific the entry of a later one is.
    let lists = [vec![hourly("PostgreSQL", "0.5")], vec![of_plan("Hobbyist", "3")]];
    assert_eq!(told(&with(price_lists("USD", lists))), ["10..12 list-0 24.00"]);
}

#[test]
fn an_entry_that_begins_or_ends_cuts_the_time_between_two_lists() {
    let deal = |from: &str, until: Option<&str>| {
        let entry = PriceEntry { valid_from: at(from), valid_until: until.map(at), ..hourly("PostgreSQL", "0.5") };
        with(price_lists("USD", [vec![entry], vec![hourly("PostgreSQL", "1")]]))
    };
    let ends = deal("2020-01-01", Some("2020-11-11"));
    assert_eq!(told(&ends), ["10..11 list-0 12.00", "11..12 list-1 24.00"]);
    assert_eq!(told(&deal("2020-11-11", None)), ["10..11 list-1 24.00", "11..12 list-0 12.00"]);
    assert_eq!(told(&deal("2020-11-12", None)), ["10..12 list-1 48.00"]);
}

#[test]
fn what_no_list_prices_names_all_of_them() {
    let ended = PriceEntry { valid_until: Some(at("2020-11-11")), ..hourly("PostgreSQL", "1") };
    let world = with(price_lists("USD", [vec![hourly("MySQL", "1")], vec![ended]]));
    let expected = "usage db (db: PostgreSQL Hobbyist google-europe-north1) has no price at 2020-11-11T00:00:00Z; add an entry to the \
                    price list list-0 or list-1";
    assert_eq!(told(&world), [expected]);
}

/// A list with an entry for a type that cannot be read.
fn broken(text: &str, kind: &str, entries: Vec<PriceEntry>) -> Arc<PriceList> {
    let error = PriceListError::Unreadable { path: "spec.entries[0].unitPrice".to_owned(), text: "1e3".to_owned() };
    let unreadable = BTreeMap::from([(name(kind), error)]);
    Arc::new(PriceList::by_type(name(text), uid(text), 1, currency("USD"), entries, unreadable))
}

#[test]
fn a_type_that_an_earlier_list_cannot_price_is_not_priced_by_a_later_one() {
    let common = || Arc::new(list_in("USD", vec![hourly("PostgreSQL", "1"), hourly("MySQL", "1")]));
    let unpriced = "usage db (db: PostgreSQL Hobbyist google-europe-north1) has no price, because of the price list deal: \
                    spec.entries[0].unitPrice: \"1e3\" is no price";
    let deal = || broken("deal", "PostgreSQL", vec![]);
    let lists = |first: Arc<PriceList>, others| with(PriceLists::new(first, others).unwrap());
    assert_eq!(told(&lists(deal(), vec![common()])), [unpriced]);
    assert_eq!(
        told(&lists(common(), vec![deal()])),
        ["10..12 default 48.00"],
        "the first list has a price for all of it"
    );
    let other = broken("deal", "MySQL", vec![]);
    assert_eq!(told(&lists(other, vec![common()])), ["10..12 default 48.00"], "another type");
    let ended = PriceEntry { valid_until: Some(at("2020-11-11")), ..hourly("PostgreSQL", "1") };
    let first = Arc::new(list_in("USD", vec![ended]));
    assert_eq!(told(&lists(first, vec![deal(), common()])), [unpriced], "the first list has none from the 11th on");
}

#[test]
fn lists_of_two_currencies_and_five_lists_are_refused() {
    let list =
        |text: &str, code: &str| Arc::new(PriceList::new(name(text), uid(text), 1, currency(code), vec![]).unwrap());
    let mixed = PriceLists::new(list("deal", "EUR"), vec![list("other", "EUR"), list("common", "USD")]).unwrap_err();
    assert_eq!(mixed.to_string(), "the PriceList deal is in EUR, and common in USD; name price lists of one currency");
    let five = PriceLists::new(list("a", "EUR"), vec![list("b", "EUR"); PriceLists::MAX]).unwrap_err();
    assert_eq!(five, PriceListsError::TooMany(5));
}

#[test]
fn a_word_that_any_list_has_is_no_slip() {
    let common = || vec![hourly("PostgreSQL", "1"), of_plan("Hobbyist", "2")];
    let world = with(price_lists("USD", [vec![of_plan("HOBBYIST", "0.5")], common()]));
    assert_eq!(told(&world), ["10..12 list-1 96.00"]);
    let world = with(price_lists("USD", [vec![hourly("Postgresql", "0.5")], vec![hourly("PostgreSQL", "1")]]));
    assert_eq!(told(&world), ["10..12 list-1 48.00"]);
}

#[test]
fn a_slip_that_changes_the_price_names_the_list_that_spells_it_otherwise() {
    let slip = |plan: &str, list: &str| {
        format!(
            "usage db (db: PostgreSQL Hobbyist google-europe-north1) has the plan \"Hobbyist\", and not \"{plan}\" as the price list {list}, \
             where it has another price; replace the record, or add an entry for the plan \"Hobbyist\""
        )
    };
    let common = || vec![hourly("PostgreSQL", "1"), of_plan("Startup", "2")];
    let world = with(price_lists("USD", [vec![of_plan("HOBBYIST", "0.5")], common()]));
    assert_eq!(told(&world), [slip("HOBBYIST", "list-0")]);
    let common = || vec![hourly("PostgreSQL", "1"), of_plan("hobbyist", "2")];
    let world = with(price_lists("USD", [vec![hourly("MySQL", "0.5")], common()]));
    assert_eq!(told(&world), [slip("hobbyist", "list-1")]);
    let world = with(price_lists("USD", [vec![hourly("PostgreSQL", "1")], common()]));
    assert_eq!(told(&world), ["10..12 list-0 48.00"], "the first list has it all, in any spelling");
}

#[test]
fn each_list_is_asked_in_its_own_spelling() {
    let begins = PriceEntry { valid_from: at("2020-11-11"), ..of_plan("hobbyist", "2") };
    let over = PriceEntry { valid_until: Some(at("2020-11-01")), ..of_plan("HOBBYIST", "2") };
    let world = with(price_lists("USD", [vec![over], vec![hourly("PostgreSQL", "1"), begins]]));
    assert!(told(&world)[0].contains("has the plan \"Hobbyist\", and not \"HOBBYIST\""), "{:?}", told(&world));
    let as_written = World { prices: world.prices.as_written(), ..world };
    assert_eq!(told(&as_written), ["10..12 list-1 48.00"]);
}

#[test]
fn the_audit_finds_a_line_with_the_price_of_another_list() {
    let alike = || vec![hourly("PostgreSQL", "1")];
    let world = with(price_lists("USD", [alike(), alike()]));
    let input = world.input("g", "2020-11", at("2021-01-01"));
    let mut bill = world.bill("g", "2020-11");
    let other = world.prices.iter().nth(1).and_then(|list| list.entries_for("PostgreSQL").next());
    bill.lines[0].entry = Arc::new(other.unwrap().clone());
    let found = audit(&input, &bill);
    assert!(found[0].to_string().contains("of list-1"), "{found:?}");
}

#[test]
fn late_usage_has_the_prices_of_its_lists_at_its_time() {
    let mut simulator = super::late::simulator();
    simulator.usage(usage("first", "p", "2020-10-10", "2020-10-11"));
    simulator.close("2020-10");
    let deal = PriceEntry { valid_from: at("2020-10-20"), ..hourly("PostgreSQL", "0.5") };
    simulator.world.prices = price_lists("USD", [vec![deal], vec![hourly("PostgreSQL", "1")]]);
    simulator
        .usage(Usage { service: service("cache", "PostgreSQL"), ..usage("cache", "p", "2020-10-19", "2020-10-21") });
    let bill = simulator.close("2020-11");
    let late = bill.items.iter().filter_map(|item| match &item.adjustment.as_ref()?.kind {
        AdjustmentKind::Late(new) => Some(format!("{} {}", new.line.entry.list, new.line.total)),
        _ => None,
    });
    assert_eq!(late.collect::<Vec<_>>(), ["list-1 24.00", "list-0 12.00"]);
}

/// The group has other lists from November on; what comes in late for October has those of October.
#[test]
fn usage_that_comes_late_has_the_price_lists_of_its_month() {
    for former in ["USD", "EUR"] {
        let world = World::new([group("g")]).project("p", &[segment("2020-01-01", "g")]);
        let mut simulator = ClosingSimulator::new(world, "2020-10");
        simulator.world.rates = rates("ecb", &[("2020-10-30", "USD", "1.5"), ("2020-12-01", "USD", "3")]);
        simulator.world.prices = price_lists(former, [vec![hourly("PostgreSQL", "2")]]);
        simulator.usage(usage("db", "p", "2020-10-01", "2020-10-02"));
        let october = simulator.close("2020-10");
        let before = simulator.world.prices.clone();
        simulator.world.prices = price_lists("USD", [vec![hourly("PostgreSQL", "5")]]);
        let late = usage("late", "p", "2020-10-05", "2020-10-06");
        simulator.usage(late.clone());
        // As long as nobody says which lists October had.
        assert_eq!(closing_simulator::adjustments(&simulator.look("2020-11")), ["2020-10 late 120.00"], "{former}");
        simulator.world.former_prices = FormerPrices::from([(month("2020-10"), before)]);
        let november = simulator.close("2020-11");
        let same = format!("2020-10 late {}", october.lines[0].total);
        assert_eq!(closing_simulator::adjustments(&november), [same], "{former}");
        assert_eq!(closing_simulator::adjustments(&simulator.close("2020-12")), [""; 0], "{former}");
    }
}
