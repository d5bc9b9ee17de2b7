//! The published numbers.

use super::world::*;
use crate::invoice::number::{number, sequence, series_candidates};
use crate::*;

fn november_2020() -> World {
    let group = Group { first_period: month("2020-11"), ..group("default") };
    let mysql = Usage {
        service: service("testservice-2", "MySQL"),
        ..usage("testservice-2", "test", "2020-11-23T16:24:47", "")
    };
    World::new([group])
        .project("test", &[segment("2020-11-23T16:00", "default")])
        .usage(usage("testservice-1", "test", "2020-11-23T16:13:55", ""))
        .usage(mysql)
}

#[test]
fn the_walk_through_of_november_2020_adds_rounded_lines() {
    let bill = november_2020().bill_as_of("default", "2020-11", at("2020-11-25T00:06:47"));
    assert_eq!(
        lines(&bill),
        ["testservice-1 11-23T16:13..11-25T00:06 32 0.83", "testservice-2 11-23T16:24..11-25T00:06 32 0.83"]
    );
    assert_eq!(bill.subtotal, money("1.66", "USD"));
    assert_eq!(bill.lines[0].description(), "testservice-1: PostgreSQL Hobbyist google-europe-north1");
    assert_eq!(bill.lines[1].description(), "testservice-2: MySQL Hobbyist google-europe-north1");
    assert_eq!(bill.categories[0].kind.as_str(), "ServiceCharge");
}

#[test]
fn nineteen_dollars_per_730_hours_come_to_the_same_cents() {
    let mut world = november_2020();
    world.prices = price_list(vec![hourly("PostgreSQL", "0.02602740"), hourly("MySQL", "0.02602740")]);
    let bill = world.bill_as_of("default", "2020-11", at("2020-11-25T00:06:47"));
    assert_eq!(bill.subtotal, money("1.66", "USD"));
}

#[test]
fn an_earlier_estimate_of_the_walk_through_shows_1_24() {
    let bill = november_2020().bill_as_of("default", "2020-11", at("2020-11-24T16:10"));
    assert_eq!(bill.lines.iter().map(|line| line.total.to_string()).collect::<Vec<_>>(), ["0.62", "0.62"]);
    assert_eq!(bill.subtotal, money("1.24", "USD"));
}

#[test]
fn a_project_without_usage_is_listed_at_zero() {
    let world = november_2020().project("another-project", &[segment("2020-11-24", "default")]);
    let bill = world.bill_as_of("default", "2020-11", at("2020-11-24T16:10"));
    assert_eq!(projects(&bill), ["another-project 0.00", "test 1.24"]);
}

#[test]
fn a_service_that_runs_all_month_costs_its_hours() {
    for (of, hours, total) in [("2020-11", "720", "18.72"), ("2024-02", "696", "18.10"), ("2025-01", "744", "19.34")] {
        let world = World::new([group("g")]).project("p", &[segment("2020-01-01", "g")]).usage(usage(
            "db",
            "p",
            "2020-01-01",
            "",
        ));
        let bill = world.bill("g", of);
        assert_eq!(bill.lines[0].quantity(), hours);
        assert_eq!(bill.subtotal, money(total, "USD"));
        assert_eq!(bill.lines[0].period, month(of).period());
    }
}

#[test]
fn begun_hours_are_whole_hours() {
    for (end, hours) in [
        ("2020-11-02T00:40", "1"),
        ("2020-11-02T20:30", "21"),
        ("2020-11-03T16:30", "41"),
        ("2020-11-02T01:00", "1"),
        ("2020-11-02T01:00:00.000001", "2"),
    ] {
        let world = World::new([group("g")]).project("p", &[segment("2020-01-01", "g")]).usage(usage(
            "db",
            "p",
            "2020-11-02",
            end,
        ));
        assert_eq!(world.bill("g", "2020-11").lines[0].quantity(), hours, "until {end}");
    }
}

#[test]
fn an_hour_across_the_months_end_is_charged_once() {
    let world = World::new([group("g")]).project("p", &[segment("2020-01-01", "g")]).usage(usage(
        "db",
        "p",
        "2020-11-30T22:30",
        "2020-12-01T01:30",
    ));
    assert_eq!(lines(&world.bill("g", "2020-11")), ["db 11-30T22:30..12-01 2 0.05"]);
    assert_eq!(lines(&world.bill("g", "2020-12")), ["db 12-01..12-01T01:30 1 0.03"]);
}

#[test]
fn an_empty_month_is_a_bill_of_zero_with_a_number() {
    let bill = World::new([group("g")]).bill("g", "2020-11");
    assert!(bill.lines.is_empty() && bill.projects.is_empty() && bill.problems.is_empty());
    assert_eq!(bill.subtotal, money("0.00", "USD"));
    let third = sequence(month("2020-09"), month("2020-11")).unwrap();
    assert_eq!(number("f3397", third), name("f3397-3"));
}

#[test]
fn a_project_that_moved_before_the_first_is_wholly_on_the_new_groups_bill() {
    let world = World::new([group("a"), group("b")])
        .project("p", &[segment("2020-11-01", "a"), segment("2020-11-20", "b")])
        .usage(usage("db", "p", "2020-11-01", ""));
    assert_eq!(lines(&world.bill("b", "2020-11")), ["db 11-01..12-01 720 18.72"]);
    let old = world.bill("a", "2020-11");
    assert!(old.lines.is_empty() && old.projects.is_empty());
}

#[test]
fn a_project_that_moves_in_the_first_instant_of_the_next_month_takes_the_month_along() {
    for (from, payer) in [("2020-12-01", "b"), ("2020-12-01T00:00:00.000001", "a")] {
        let world = World::new([group("a"), group("b")])
            .project("p", &[segment("2020-11-01", "a"), segment(from, "b")])
            .usage(usage("db", "p", "2020-11-01", ""));
        assert_eq!(world.bill(payer, "2020-11").lines.len(), 1, "{from}");
    }
}

#[test]
fn a_series_is_the_wish_or_ever_more_digits_of_the_uid() {
    assert_eq!(series_candidates(Some(&name("acme")), Uid(1)), [name("acme")]);
    let uid: Uid = "f3397abc-0000-4000-8000-000000000001".parse().unwrap();
    let candidates = series_candidates(None, uid);
    assert_eq!(candidates[..3], [name("f3397"), name("f3397a"), name("f3397ab")]);
    assert_eq!(candidates.last().unwrap().len(), 32);
    assert_eq!(sequence(month("2020-11"), month("2020-10")), None);
}
