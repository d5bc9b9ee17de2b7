//! From usage to lines.

use super::world::*;
use crate::*;

/// A group that has always paid for project p.
fn simple() -> World {
    World::new([group("g")]).project("p", &[segment("2020-01-01", "g")])
}

#[test]
fn a_project_that_is_gone_is_listed_while_it_costs_something() {
    let mut world = simple().usage(usage("db", "p", "2020-11-10", "2020-11-12"));
    world.organization.remove_namespace("p");
    assert_eq!(world.bill("g", "2020-11").projects.len(), 1);
    assert_eq!(world.bill("g", "2020-12").projects, []);
}

#[test]
fn a_price_change_inside_a_record_splits_it_and_hours_are_conserved() {
    let mut world = simple().usage(usage("db", "p", "2020-11-10T00:30", "2020-11-10T12:00"));
    world.prices = price_list(vec![
        PriceEntry { valid_until: Some(at("2020-11-10T06:00")), ..hourly("PostgreSQL", "0.01") },
        PriceEntry { valid_from: at("2020-11-10T06:00"), ..hourly("PostgreSQL", "0.02") },
    ]);
    assert_eq!(
        lines(&world.bill("g", "2020-11")),
        ["db 11-10T00:30..11-10T06:00 6 0.06", "db 11-10T06:00..11-10T12:00 6 0.12"]
    );
}

#[test]
fn an_entry_that_goes_on_at_the_same_price_splits_nothing() {
    let mut world = simple().usage(usage("db", "p", "2020-11-10", "2020-11-11"));
    world.prices = price_list(vec![
        PriceEntry { valid_until: Some(at("2020-11-10T06:00")), ..hourly("PostgreSQL", "0.010") },
        PriceEntry { name: name("again"), valid_from: at("2020-11-10T06:00"), ..hourly("PostgreSQL", "0.01") },
    ]);
    assert_eq!(lines(&world.bill("g", "2020-11")), ["db 11-10..11-11 24 0.24"]);
}

#[test]
fn a_gap_in_the_prices_leaves_the_whole_record_off_and_names_it() {
    let mut world = simple().usage(usage("bad", "p", "2020-11-10", "2020-11-11")).usage(usage(
        "good",
        "p",
        "2020-11-12",
        "2020-11-13",
    ));
    world.prices = price_list(vec![
        PriceEntry { valid_until: Some(at("2020-11-10T06:00")), ..hourly("PostgreSQL", "0.01") },
        PriceEntry { valid_from: at("2020-11-10T07:00"), ..hourly("PostgreSQL", "0.02") },
    ]);
    let bill = world.bill("g", "2020-11");
    assert_eq!(lines(&bill), ["good 11-12..11-13 24 0.48"]);
    assert_eq!(problems(&bill.problems), ["bad Unpriced"]);
    assert!(bill.problems[0].reason.holds());
    assert_eq!(
        bill.problems[0].to_string(),
        "usage bad (bad: PostgreSQL Hobbyist google-europe-north1) has no price at 2020-11-10T06:00:00Z; add an entry \
         to the price list default"
    );
}

#[test]
fn a_price_gap_in_another_month_holds_only_that_month() {
    let mut world = simple().usage(usage("db", "p", "2020-10-30", "2020-11-02"));
    world.prices = price_list(vec![PriceEntry { valid_from: at("2020-11-01"), ..hourly("PostgreSQL", "0.01") }]);
    assert_eq!(problems(&world.bill("g", "2020-10").problems), ["db Unpriced"]);
    assert_eq!(lines(&world.bill("g", "2020-11")), ["db 11-01..11-02 24 0.24"]);
}

#[test]
fn what_runs_is_charged_until_the_estimate() {
    let world = simple()
        .usage(usage("ended-later", "p", "2020-11-10", "2020-11-20"))
        .usage(usage("future", "p", "2020-11-15", "2020-11-16"))
        .usage(usage("running", "p", "2020-11-11", ""));
    let bill = world.bill_as_of("g", "2020-11", at("2020-11-12T00:00:01"));
    assert_eq!(lines(&bill), ["ended-later 11-10..11-12 49 1.27", "running 11-11..11-12 25 0.65"]);
}

#[test]
fn a_line_keeps_its_id_from_refresh_to_refresh() {
    let world = simple().usage(usage("db", "p", "2020-11-10", ""));
    let id = |as_of: &str| world.bill_as_of("g", "2020-11", at(as_of)).lines[0].id();
    assert_eq!(id("2020-11-12"), id("2020-11-13"));
    assert_eq!(id("2020-11-12").len(), 16);
    let december = world.bill("g", "2020-12").lines[0].id();
    assert_ne!(id("2020-11-12"), december);
}

#[test]
fn single_units_are_charged_whole_in_the_month_in_which_they_began() {
    let mut world = simple()
        .usage(Usage { quantity: decimal("2.5"), ..usage("move", "p", "2020-11-30T23:59", "2020-12-05") })
        .usage(usage("now", "p", "2020-11-12", "2020-11-12"))
        .usage(usage("open", "p", "2020-11-13", ""));
    world.prices = price_list(vec![by_unit("PostgreSQL", "10.00")]);
    let expected = ["move 11-30T23:59..11-30T23:59 2.5 25.00", "now 11-12..11-12 1 10.00", "open 11-13..11-13 1 10.00"];
    assert_eq!(lines(&world.bill("g", "2020-11")), expected);
    assert!(world.bill("g", "2020-12").lines.is_empty());
    assert!(world.bill_as_of("g", "2020-11", at("2020-11-12")).lines.is_empty());
}

#[test]
fn something_that_took_no_time_and_has_no_price_is_not_forgotten() {
    let mut world = simple().usage(usage("event", "p", "2020-11-12", "2020-11-12"));
    world.prices = price_list(vec![]);
    assert_eq!(problems(&world.bill("g", "2020-11").problems), ["event Unpriced"]);
    assert!(world.bill("g", "2020-12").problems.is_empty());
}

#[test]
fn of_two_records_of_one_service_at_once_the_later_is_left_off() {
    let same = |record: &str, start: &str, end: &str| Usage {
        service: service("db", "PostgreSQL"),
        ..usage(record, "p", start, end)
    };
    let world = simple()
        .usage(same("c-third", "2020-11-12", "2020-11-14"))
        .usage(same("b-second", "2020-11-11", "2020-11-13"))
        .usage(same("z-first", "2020-11-10", "2020-11-12"));
    let bill = world.bill("g", "2020-11");
    assert_eq!(lines(&bill), ["z-first 11-10..11-12 48 1.25", "c-third 11-12..11-14 48 1.25"]);
    assert_eq!(problems(&bill.problems), ["b-second OverlappingUsage"]);
    assert_eq!(
        bill.problems[0].to_string(),
        "usage b-second overlaps z-first, which bills the same service db of project p at the same time; replace one \
         of them with a corrected record"
    );
}

#[test]
fn records_overlap_only_within_what_the_month_bills() {
    let same = |record: &str, start: &str, end: &str| Usage {
        service: service("db", "PostgreSQL"),
        ..usage(record, "p", start, end)
    };
    let world = simple().usage(same("a", "2020-10-01", "2020-10-25")).usage(same("b", "2020-10-20", "2020-11-03"));
    assert_eq!(problems(&world.bill("g", "2020-10").problems), ["b OverlappingUsage"]);
    assert_eq!(lines(&world.bill("g", "2020-11")), ["b 11-01..11-03 48 1.25"]);
}

#[test]
fn a_record_that_finals_bill_already_is_no_overlap() {
    let same = |record: &str, start: &str, end: &str| Usage {
        service: service("db", "PostgreSQL"),
        ..usage(record, "p", start, end)
    };
    let mut world = simple().usage(same("a", "2020-11-01", "2020-11-25")).usage(same("b", "2020-11-20", "2020-11-22"));
    world.bill_elsewhere("b", period("2020-11-20", "2020-11-22"), Unit::Hour);
    let bill = world.bill("g", "2020-11");
    assert_eq!(lines(&bill), ["a 11-01..11-25 576 14.98"]);
    assert!(bill.problems.is_empty());
}

#[test]
fn a_single_unit_stands_between_the_pieces_of_the_running_service_of_its_name() {
    let mut world = simple()
        .usage(Usage { service: service("db", "PostgreSQL"), ..usage("run", "p", "2020-11-01", "2020-11-20") })
        .usage(Usage { service: service("db", "Backup"), ..usage("once", "p", "2020-11-05", "2020-11-05") });
    world.prices = price_list(vec![
        PriceEntry { valid_until: Some(at("2020-11-10")), ..hourly("PostgreSQL", "0.01") },
        PriceEntry { valid_from: at("2020-11-10"), ..hourly("PostgreSQL", "0.02") },
        by_unit("Backup", "3.00"),
    ]);
    assert_eq!(
        lines(&world.bill("g", "2020-11")),
        ["run 11-01..11-10 216 2.16", "once 11-05..11-05 1 3.00", "run 11-10..11-20 240 4.80"]
    );
}

#[test]
fn the_same_service_name_in_two_projects_or_off_and_on_again_is_no_overlap() {
    let same = |record: &str, project: &str, start: &str, end: &str| Usage {
        service: service("db", "PostgreSQL"),
        ..usage(record, project, start, end)
    };
    let world = simple()
        .project("q", &[segment("2020-01-01", "g")])
        .usage(same("on", "p", "2020-11-10", "2020-11-11"))
        .usage(same("on-again", "p", "2020-11-11", "2020-11-12"))
        .usage(same("elsewhere", "q", "2020-11-10", "2020-11-12"));
    let bill = world.bill("g", "2020-11");
    assert_eq!((bill.lines.len(), bill.problems.len()), (3, 0));
    assert_eq!(projects(&bill), ["p 1.24", "q 1.25"]);
}

#[test]
fn a_replaced_record_counts_as_nothing_also_when_its_replacer_does() {
    let replacing = |record: &str, replaced: &str| Usage {
        replaces: Some(name(replaced)),
        ..usage(record, "p", "2020-11-10", "2020-11-11")
    };
    let world = simple()
        .usage(usage("a", "p", "2020-11-10", "2020-11-20"))
        .usage(replacing("b", "a"))
        .usage(replacing("c", "b"))
        .usage(Usage { service: service("x", "Unknown"), ..replacing("d", "c") });
    let bill = world.bill("g", "2020-11");
    assert!(bill.lines.is_empty());
    assert_eq!(problems(&bill.problems), ["d Unpriced"]);
}

#[test]
fn records_that_replace_each_other_in_a_circle_do_not_make_usage_vanish() {
    let replacing = |record: &str, replaced: &str| Usage {
        replaces: Some(name(replaced)),
        ..usage(record, "p", "2020-11-10", "2020-11-11")
    };
    let itself = simple().usage(replacing("a", "a"));
    assert_eq!(lines(&itself.bill("g", "2020-11")), ["a 11-10..11-11 24 0.62"]);
    let three = simple().usage(replacing("a", "b")).usage(replacing("b", "c")).usage(replacing("c", "a"));
    assert_eq!(lines(&three.bill("g", "2020-11")), ["b 11-10..11-11 24 0.62"]);
    let lasso = three.usage(replacing("0-tail", "b"));
    assert_eq!(lines(&lasso.bill("g", "2020-11")), ["0-tail 11-10..11-11 24 0.62"]);
}

#[test]
fn a_corrected_record_counts_again_when_its_correction_is_gone() {
    let mut world = simple()
        .usage(usage("a", "p", "2020-11-10", "2020-11-20"))
        .usage(Usage { replaces: Some(name("a")), ..usage("b", "p", "2020-11-10", "2020-11-11") });
    assert_eq!(lines(&world.bill("g", "2020-11")), ["b 11-10..11-11 24 0.62"]);
    world.organization.remove_usage("b");
    assert_eq!(lines(&world.bill("g", "2020-11")), ["a 11-10..11-20 240 6.24"]);
    world.organization.remove_usage("a");
    assert_eq!(world.organization.usage_count(), 0);
}

#[test]
fn what_finals_bill_already_is_not_billed_again() {
    let mut world = simple()
        .usage(usage("db", "p", "2020-11-10", "2020-11-12"))
        .usage(Usage { service: service("once", "Setup"), ..usage("once", "p", "2020-11-10", "2020-11-10") });
    world.prices = price_list(vec![hourly("PostgreSQL", "0.01"), by_unit("Setup", "9.00")]);
    assert_eq!(world.bill("g", "2020-11").lines.len(), 2);
    world.bill_elsewhere("db", period("2020-11-10T06:00", "2020-11-11"), Unit::Hour);
    world.bill_elsewhere("once", period("2020-11-10", "2020-11-10"), Unit::Unit);
    let expected = ["db 11-10..11-10T06:00 6 0.06", "db 11-11..11-12 24 0.24"];
    assert_eq!(lines(&world.bill("g", "2020-11")), expected);
}

#[test]
fn prices_in_another_currency_than_the_groups_hold_its_invoice() {
    let mut world = simple().usage(usage("db", "p", "2020-11-10", "2020-11-12"));
    world.organization.put_group(Group { currency: Some(currency("EUR")), ..group("g") });
    let bill = world.bill("g", "2020-11");
    assert_eq!(bill.subtotal, money("0.00", "EUR"));
    assert_eq!(problems(&bill.problems), ["db RateMissing"]);
}

#[test]
fn a_group_without_a_currency_has_no_bill_but_still_pays() {
    let mut world = simple().usage(usage("db", "p", "2020-11-10", "2020-11-12"));
    world.organization.put_group(Group { currency: None, ..group("g") });
    world.organization.put_group(primary("other"));
    let refused = bill_group_month(&world.input("g", "2020-11", at("2020-12-01")));
    assert_eq!(refused, Err(BillError::CurrencyUnknown(name("g"))));
    assert!(world.bill("other", "2020-11").projects.is_empty());
}

#[test]
fn usage_before_the_groups_first_period_is_told_and_holds_nothing() {
    let mut world = simple().usage(usage("db", "p", "2020-10-10", "2020-12-12"));
    world.organization.put_group(Group { first_period: month("2020-12"), ..group("g") });
    let bill = world.bill("g", "2020-11");
    assert!(bill.lines.is_empty());
    assert_eq!(problems(&bill.problems), ["db BeforeFirstPeriod"]);
    assert!(!bill.problems[0].reason.holds());
    assert_eq!(world.bill("g", "2020-12").lines.len(), 1);
}

#[test]
fn an_amount_too_large_for_a_document_is_a_problem_of_its_record() {
    let mut world = simple()
        .usage(Usage { quantity: decimal("9999999999999.999999"), ..usage("huge", "p", "2020-11-10", "2020-11-12") })
        .usage(usage("small", "p", "2020-11-10", "2020-11-12"));
    world.prices = price_list(vec![hourly("PostgreSQL", "9999999999.99999999")]);
    let bill = world.bill("g", "2020-11");
    assert_eq!(problems(&bill.problems), ["huge Overflow"]);
    assert_eq!(bill.lines.len(), 1);
}

#[test]
fn a_sum_too_large_for_a_document_is_an_error() {
    let large = |record: &str| Usage {
        quantity: decimal("6000000000"),
        ..usage(record, "p", "2020-11-10", "2020-11-10T01:00")
    };
    let mut world = simple().usage(large("a")).usage(large("b"));
    world.prices = price_list(vec![hourly("PostgreSQL", "1000.00")]);
    let refused = bill_group_month(&world.input("g", "2020-11", at("2020-12-01")));
    assert_eq!(refused, Err(BillError::Overflow { group: name("g"), month: month("2020-11") }));
}

#[test]
fn an_hour_that_began_in_the_last_month_has_no_line_in_this_one() {
    let world = simple().usage(usage("db", "p", "2020-11-30T23:50", "2020-12-01T00:10"));
    assert_eq!(lines(&world.bill("g", "2020-11")), ["db 11-30T23:50..12-01 1 0.03"]);
    let december = world.bill("g", "2020-12");
    assert_eq!((lines(&december), problems(&december.problems)), (vec![], vec![]));
}

#[test]
fn lines_stand_by_project_service_start_and_record() {
    let of = |record: &str, project: &str, service_name: &str, start: &str| Usage {
        service: service(service_name, "PostgreSQL"),
        ..usage(record, project, start, "2020-11-30")
    };
    let world = World::new([group("g")])
        .project("b", &[segment("2020-01-01", "g")])
        .project("a", &[segment("2020-01-01", "g")])
        .usage(of("4", "b", "alpha", "2020-11-01"))
        .usage(of("3", "a", "beta", "2020-11-02"))
        .usage(of("2", "a", "alpha", "2020-11-03"));
    let order: Vec<_> = world.bill("g", "2020-11").lines.iter().map(|line| line.usage.name.to_string()).collect();
    assert_eq!(order, ["2", "3", "4"]);
}

#[test]
fn a_service_without_plan_and_cloud_is_described_without() {
    let bare = Service { name: name("traffic"), kind: name("Egress"), plan: None, cloud: None, cluster: None };
    assert_eq!(bare.description(), "traffic: Egress");
}

#[test]
fn the_exact_rule_charges_the_exact_time() {
    let mut world = simple().usage(usage("db", "p", "2020-11-10", "2020-11-10T00:20"));
    world.hours = HourRule::Exact;
    world.prices = price_list(vec![hourly("PostgreSQL", "3.00")]);
    assert_eq!(lines(&world.bill("g", "2020-11")), ["db 11-10..11-10T00:20 0.333333 1.00"]);
}
