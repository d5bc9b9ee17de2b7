//! Which price a service has.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use super::world::*;
use crate::*;

fn entry(text: &str, plan: Option<&str>, cloud: Option<&str>) -> PriceEntry {
    PriceEntry {
        name: name(text),
        plan: plan.map(Name::from),
        cloud: cloud.map(Name::from),
        ..hourly("PostgreSQL", "1")
    }
}

#[test]
fn the_most_specific_entry_wins_and_a_plan_counts_more_than_a_cloud() {
    let (plan, cloud) = (Some("Hobbyist"), Some("google-europe-north1"));
    let mut entries = vec![
        entry("type", None, None),
        entry("cloud", None, cloud),
        entry("plan", plan, None),
        entry("both", plan, cloud),
        entry("other", Some("Business"), cloud),
        entry("elsewhere", plan, Some("aws")),
    ];
    for expected in ["both", "plan", "cloud", "type"] {
        let list = price_list(entries.clone());
        let found = list.tariff(&service("db", "PostgreSQL")).at(at("2020-11-01")).unwrap();
        assert_eq!(found.name, name(expected));
        entries.retain(|entry| entry.name != name(expected));
    }
    let list = price_list(entries);
    assert!(list.tariff(&service("db", "PostgreSQL")).at(at("2020-11-01")).is_none());
    assert!(list.tariff(&service("db", "Kafka")).at(at("2020-11-01")).is_none());
}

#[test]
fn a_more_specific_entry_interrupts_a_general_one() {
    let special = PriceEntry {
        valid_from: at("2020-11-10"),
        valid_until: Some(at("2020-11-20")),
        price: UnitPrice::of_one(Unit::Hour, decimal("2")),
        ..entry("special", Some("Hobbyist"), None)
    };
    let list = price_list(vec![entry("type", None, None), special]);
    let tariff = list.tariff(&service("db", "PostgreSQL"));
    let pieces: Vec<_> =
        tariff.running(month("2020-11").period()).map(|(piece, entry)| (piece, entry.unwrap().price.amount)).collect();
    assert_eq!(
        pieces,
        [
            (period("2020-11-01", "2020-11-10"), decimal("1")),
            (period("2020-11-10", "2020-11-20"), decimal("2")),
            (period("2020-11-20", "2020-12-01"), decimal("1")),
        ]
    );
}

#[test]
fn what_began_as_running_hours_is_never_priced_by_the_unit() {
    let price = UnitPrice::of_one(Unit::Unit, decimal("1"));
    let unit = PriceEntry { price, valid_from: at("2020-11-10"), ..entry("unit", Some("Hobbyist"), None) };
    let list = price_list(vec![entry("type", None, None), unit.clone()]);
    let pieces: Vec<_> = list.tariff(&service("db", "PostgreSQL")).running(month("2020-11").period()).collect();
    assert_eq!(pieces.len(), 1);
    let list = price_list(vec![unit]);
    let pieces: Vec<_> = list.tariff(&service("db", "PostgreSQL")).running(month("2020-11").period()).collect();
    assert_eq!(pieces, [(month("2020-11").period(), None)]);
}

#[test]
fn a_slip_in_one_entry_takes_the_price_of_its_type_and_of_no_other() {
    let of = |kind: &str, text: &str, from: &str| PriceEntry {
        kind: name(kind),
        valid_from: at(from),
        ..entry(text, None, None)
    };
    let entries = vec![of("VM", "a", "2020-11-01"), of("VM", "b", "2020-12-01"), of("PostgreSQL", "c", "2020-11-01")];
    let list = PriceList::by_type(name("l"), uid("l"), 1, currency("USD"), entries, BTreeMap::new());
    let prices = PriceLists::from(list.clone());
    assert!(prices.tariff(&service("db", "PostgreSQL")).at(at("2020-12-01")).is_some());
    assert!(prices.tariff(&service("vm", "VM")).at(at("2020-11-01")).is_none(), "nobody guesses which price is meant");
    let unusable: Vec<_> = list.unusable_types().map(|(kind, error)| format!("{kind}: {error}")).collect();
    let words = "VM: the entries a and b are equally specific and both valid at 2020-12-01T00:00:00Z; end one of them with \
                 validUntil";
    assert_eq!(unusable, [words]);

    let mut world = World::new([group("g")])
        .project("p", &[segment("2020-11-01", "g")])
        .usage(Usage { service: service("vm", "VM"), ..usage("vm", "p", "2020-11-01", "2020-11-02") })
        .usage(usage("db", "p", "2020-11-01", "2020-11-02"));
    world.prices = list.into();
    let bill = world.bill("g", "2020-11");
    assert_eq!(lines(&bill).len(), 1, "what has a price is billed");
    assert_eq!(
        bill.problems[0].to_string(),
        "usage vm (vm: VM Hobbyist google-europe-north1) has no price, because of the price list l: the entries a and b are equally specific and both \
         valid at 2020-12-01T00:00:00Z; end one of them with validUntil"
    );
}

#[test]
fn equally_specific_entries_that_overlap_are_refused_in_any_order() {
    let until = |text: &str, from: &str, until: Option<&str>| PriceEntry {
        valid_from: at(from),
        valid_until: until.map(at),
        ..entry(text, None, None)
    };
    let build = |entries| PriceList::new(name("l"), uid("l"), 1, currency("USD"), entries);
    let open = until("open", "2020-11-01", None);
    let later = until("later", "2020-12-01", None);
    let expected = PriceListError::Overlap { first: name("open"), second: name("later"), at: at("2020-12-01") };
    assert_eq!(build(vec![open.clone(), later.clone()]).unwrap_err(), expected);
    assert_eq!(build(vec![later.clone(), open]).unwrap_err(), expected);
    assert!(build(vec![later, until("ended", "2020-11-01", Some("2020-12-01"))]).is_ok());
    let never = build(vec![until("never", "2020-11-01", Some("2020-11-01"))]).unwrap_err();
    assert_eq!(never, PriceListError::NeverValid { entry: name("never") });
}

/// What November costs of a record that is priced by this: without the end of the record, of what runs.
fn november(entry: PriceEntry, record: Usage) -> Bill {
    let mut world = World::new([group("g")]).project("p", &[segment("2020-11-01", "g")]).usage(record);
    world.prices = price_list(vec![entry]);
    world.bill("g", "2020-11")
}

fn per(count: u64, entry: PriceEntry) -> PriceEntry {
    let price = UnitPrice { per: NonZeroU64::new(count).unwrap(), ..entry.price };
    PriceEntry { price, ..entry }
}

#[test]
fn a_price_is_for_as_many_units_as_it_says() {
    let of = |quantity: &str| Usage { quantity: decimal(quantity), ..usage("db", "p", "2020-11-01", "2020-12-01") };
    for (entry, quantity, total) in [
        (per(1_000_000, by_unit("PostgreSQL", "0.40")), "2500000", "1.00"),
        (per(1_000_000, by_unit("PostgreSQL", "0.40")), "12499", "0.00"),
        (per(1_000_000, by_unit("PostgreSQL", "0.40")), "12500", "0.01"),
        (per(730, hourly("PostgreSQL", "100")), "1", "98.63"), // 720 of 730 hours
        (per(3, by_unit("PostgreSQL", "0.01")), "1.5", "0.01"),
        (by_unit("PostgreSQL", "0.000000123456"), "1000000000", "123.46"),
        (
            per(1_000_000_000_000, by_unit("PostgreSQL", "999999999.999999999999")),
            "999999999999999.999999",
            "1000000000000.00",
        ),
    ] {
        let bill = november(entry, of(quantity));
        assert_eq!(bill.subtotal, money(total, "USD"), "{quantity} at {}", bill.lines[0].price());
    }
}

#[test]
fn a_price_says_what_it_is_for() {
    let named =
        |unit_name: Option<&str>, entry: PriceEntry| UnitPrice { unit_name: unit_name.map(Name::from), ..entry.price };
    assert_eq!(named(Some("request"), per(1_000, by_unit("A", "0.40"))).to_string(), "0.40 per 1000 Unit request");
    assert_eq!(named(None, hourly("A", "0.026")).to_string(), "0.026 per Hour");
    // A record is billed in the words that its price has at the time: another name begins another line.
    let renamed = PriceEntry {
        price: named(Some("server"), hourly("PostgreSQL", "1")),
        valid_from: at("2020-11-16"),
        ..entry("later", None, None)
    };
    let first = PriceEntry { valid_until: Some(at("2020-11-16")), ..entry("first", None, None) };
    let list = price_list(vec![first, renamed]);
    assert_eq!(list.tariff(&service("db", "PostgreSQL")).running(month("2020-11").period()).count(), 2);
}

#[test]
fn a_price_by_the_unit_that_rounds_to_zero_is_small() {
    let small = |entry: PriceEntry| list_in("USD", vec![entry]).small_prices().count() == 1;
    assert!(small(by_unit("A", "0.00499")) && small(per(1_000, by_unit("A", "0.004"))));
    for entry in [by_unit("A", "0.005"), by_unit("A", "0"), hourly("A", "0.0001"), per(1_000, by_unit("A", "0.01"))] {
        assert!(!small(entry.clone()), "{}", entry.price);
    }
}

#[test]
fn a_price_by_the_month_is_for_the_share_of_the_month_whatever_the_rule_of_hours() {
    let of = |start: &str, end: &str| Usage { quantity: decimal("3"), ..usage("db", "p", start, end) };
    for (start, end, expected) in [
        ("2020-11-01", "2020-12-01", "db 11-01..12-01 3 29.97"),
        ("2020-10-07", "", "db 11-01..12-01 3 29.97"),
        ("2020-11-16", "2020-12-01", "db 11-16..12-01 1.5 14.98"), // 29.97 - 14.985, which rounds to 14.99
        ("2020-11-01", "2020-11-16", "db 11-01..11-16 1.5 14.99"),
        ("2020-11-01", "2020-11-01T00:00:01", "db 11-01..11-01 0.000001 0.00"),
    ] {
        let bill = november(monthly("PostgreSQL", "9.99"), of(start, end));
        assert_eq!(lines(&bill), [expected], "{start} to {end}");
    }
}

#[test]
fn pieces_take_the_hour_or_the_month_by_their_instant() {
    let hour = PriceEntry { valid_until: Some(at("2020-11-16")), ..hourly("PostgreSQL", "0.01") };
    let month = PriceEntry { valid_from: at("2020-11-16"), ..monthly("PostgreSQL", "7.00") };
    let mut world =
        World::new([group("g")]).project("p", &[segment("2020-11-01", "g")]).usage(usage("db", "p", "2020-11-01", ""));
    world.prices = price_list(vec![hour, month]);
    assert_eq!(lines(&world.bill("g", "2020-11")), ["db 11-01..11-16 360 3.60", "db 11-16..12-01 0.5 3.50"]);
    // Two that run at once overlap, whatever the unit of their price.
    let world = world.usage(Usage { service: service("db", "PostgreSQL"), ..usage("twice", "p", "2020-11-20", "") });
    assert_eq!(problems(&world.bill("g", "2020-11").problems), ["twice OverlappingUsage"]);
}

#[test]
fn a_price_by_the_hour_comes_to_its_maximum_in_a_month_and_each_unit_has_its_own() {
    let of =
        |quantity: &str, start: &str, end: &str| Usage { quantity: decimal(quantity), ..usage("db", "p", start, end) };
    for (quantity, start, end, expected) in [
        ("1", "2020-11-01", "2020-12-01", "db 11-01..12-01 720 3.79"),
        ("3", "2020-10-20", "2021-01-01", "db 11-01..12-01 2160 11.37"),
        ("1", "2020-11-01", "2020-11-21", "db 11-01..11-21 480 2.88"),
        ("1", "2020-11-01", "2020-11-27T07:00", "db 11-01..11-27T07:00 631 3.79"), // 3.786
        ("1", "2020-11-01", "2020-11-27T08:00", "db 11-01..11-27T08:00 632 3.79"), // 3.792
    ] {
        let bill = november(capped("PostgreSQL", "0.006", "3.79"), of(quantity, start, end));
        assert_eq!(lines(&bill), [expected], "{quantity} from {start} to {end}");
    }
}

#[test]
fn hours_count_towards_the_maximum_whoever_paid_for_them() {
    let mut world = World::new([group("a"), group("b")])
        .project("p", &[segment("2020-11-01", "a"), segment("2020-11-21", "b")])
        .usage(usage("db", "p", "2020-10-31T23:30", ""));
    world.attribution = Attribution::Prorated;
    world.prices = price_list(vec![capped("PostgreSQL", "0.006", "3.79")]);
    // An hour begins at half past; the first of the month is the one at 00:30.
    assert_eq!(lines(&world.bill("a", "2020-11")), ["db 11-01..11-21 480 2.88"]);
    assert_eq!(lines(&world.bill("b", "2020-11")), ["db 11-21..12-01 240 0.91"]);
}

#[test]
fn a_price_has_its_own_rule_of_hours() {
    let half_past = usage("db", "p", "2020-11-01", "2020-11-01T01:30");
    for (rule, own, expected) in [
        (HourRule::Ceil, None, "db 11-01..11-01T01:30 2 0.20"),
        (HourRule::Ceil, Some(HourRule::Exact), "db 11-01..11-01T01:30 1.5 0.15"),
        (HourRule::Exact, Some(HourRule::Ceil), "db 11-01..11-01T01:30 2 0.20"),
    ] {
        let mut world = World::new([group("g")]).project("p", &[segment("2020-11-01", "g")]).usage(half_past.clone());
        let entry = hourly("PostgreSQL", "0.1");
        world.prices = price_list(vec![PriceEntry { price: UnitPrice { hours: own, ..entry.price }, ..entry }]);
        world.hours = rule;
        assert_eq!(lines(&world.bill("g", "2020-11")), [expected], "{rule:?} and {own:?}");
    }
}
