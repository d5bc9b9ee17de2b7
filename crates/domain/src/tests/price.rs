//! Which price a service has.

use std::collections::BTreeMap;

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
        unit_price: decimal("2"),
        ..entry("special", Some("Hobbyist"), None)
    };
    let list = price_list(vec![entry("type", None, None), special]);
    let tariff = list.tariff(&service("db", "PostgreSQL"));
    let pieces: Vec<_> =
        tariff.hourly(month("2020-11").period()).map(|(piece, entry)| (piece, entry.unwrap().unit_price)).collect();
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
    let unit = PriceEntry { unit: Unit::Unit, valid_from: at("2020-11-10"), ..entry("unit", Some("Hobbyist"), None) };
    let list = price_list(vec![entry("type", None, None), unit.clone()]);
    let pieces: Vec<_> = list.tariff(&service("db", "PostgreSQL")).hourly(month("2020-11").period()).collect();
    assert_eq!(pieces.len(), 1);
    let list = price_list(vec![unit]);
    let pieces: Vec<_> = list.tariff(&service("db", "PostgreSQL")).hourly(month("2020-11").period()).collect();
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
    assert!(list.tariff(&service("db", "PostgreSQL")).at(at("2020-12-01")).is_some());
    assert!(list.tariff(&service("vm", "VM")).at(at("2020-11-01")).is_none(), "nobody guesses which price is meant");
    let unusable: Vec<_> = list.unusable_types().map(|(kind, error)| format!("{kind}: {error}")).collect();
    let words = "VM: the entries a and b are equally specific and both valid at 2020-12-01T00:00:00Z; end one of them with \
                 validUntil";
    assert_eq!(unusable, [words]);

    let mut world = World::new([group("g")])
        .project("p", &[segment("2020-11-01", "g")])
        .usage(Usage { service: service("vm", "VM"), ..usage("vm", "p", "2020-11-01", "2020-11-02") })
        .usage(usage("db", "p", "2020-11-01", "2020-11-02"));
    world.prices = list;
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
