//! Late and corrected usage, and amounts that go from one invoice to the next.

mod balance_forward;
pub mod closing_simulator;
mod credited;
pub mod properties;
mod reissued;
pub mod succeeded;
mod whole;
mod window;

use self::closing_simulator::ClosingSimulator;
use super::world::*;
use crate::*;

/// One group, one project, PostgreSQL at 0.026 an hour.
pub fn simulator() -> ClosingSimulator {
    ClosingSimulator::new(World::new([group("g")]).project("p", &[segment("2020-01-01", "g")]), "2020-10")
}

/// November at 0.026: 720 h are 18.72.
const NOVEMBER: (&str, &str) = ("2020-11-01", "2020-12-01");

#[test]
fn usage_that_arrives_late_is_billed_by_the_next_final_and_once() {
    let mut simulator = simulator();
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.usage(usage("db", "p", NOVEMBER.0, NOVEMBER.1));
    let bill = simulator.close("2020-12");
    let expected = "OtherEvent 18.72 Late for 2020-11: usage db from 2020-11-01T00:00:00Z to 2020-12-01T00:00:00Z, \
                    db: PostgreSQL Hobbyist google-europe-north1";
    assert_eq!(closing_simulator::items(&bill), [expected]);
    assert_eq!(closing_simulator::items(&simulator.close("2021-01")), [""; 0]);
}

#[test]
fn a_record_that_runs_through_closed_months_has_a_line_for_each() {
    let mut simulator = simulator();
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.usage(usage("db", "p", "2020-10-31T12:00", ""));
    let bill = simulator.close("2020-12");
    assert_eq!(closing_simulator::adjustments(&bill), ["2020-10 db 0.31", "2020-11 db 18.72"]);
    assert_eq!(lines(&bill), ["db 12-01..01-01 744 19.34"]);
}

#[test]
fn usage_that_ended_earlier_than_it_was_billed_is_taken_back() {
    let mut simulator = simulator();
    simulator.usage(usage("db", "p", "2020-11-01", ""));
    simulator.close("2020-10");
    assert_eq!(simulator.close("2020-11").subtotal, money("18.72", "USD"));
    simulator.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
    simulator.usage(usage("other", "p", "2020-12-01", ""));
    let bill = simulator.close("2020-12");
    // 240 h are 6.24.
    let expected = "OtherEvent -12.48 Correction of g-2 for 2020-11: usage db from 2020-11-11T00:00:00Z to \
                    2020-12-01T00:00:00Z, db: PostgreSQL Hobbyist google-europe-north1";
    assert_eq!(closing_simulator::items(&bill), [expected]);
    assert_eq!(bill.subtotal, money("6.86", "USD"));
    assert_eq!(closing_simulator::items(&simulator.close("2021-01")), [""; 0]);
}

#[test]
fn a_record_that_is_replaced_is_taken_back_and_its_replacement_billed() {
    let mut simulator = simulator();
    simulator.usage(usage("db", "p", NOVEMBER.0, NOVEMBER.1));
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.usage(Usage { replaces: Some(name("db")), ..usage("db2", "p", "2020-11-01", "2020-11-11") });
    simulator.usage(usage("other", "p", "2020-12-01", ""));
    assert_eq!(closing_simulator::adjustments(&simulator.close("2020-12")), ["2020-11 db -18.72", "2020-11 db2 6.24"]);
    assert_eq!(closing_simulator::items(&simulator.close("2021-01")), [""; 0]);
}

#[test]
fn a_record_that_was_replaced_on_a_final_counts_as_nothing_after_what_replaced_it_is_purged() {
    let mut simulator = simulator();
    simulator.usage(usage("db", "p", NOVEMBER.0, NOVEMBER.1));
    simulator.usage(Usage { replaces: Some(name("db")), ..usage("db2", "p", "2020-11-01", "2020-11-11") });
    simulator.usage(Usage { replaces: Some(name("db2")), ..usage("db3", "p", "2020-11-01", "2020-11-06") });
    simulator.close("2020-10");
    assert_eq!(lines(&simulator.close("2020-11")), ["db3 11-01..11-06 120 3.12"]);
    for purged in ["db2", "db3"] {
        simulator.purge(purged);
        assert_eq!(closing_simulator::items(&simulator.look("2020-12")), [""; 0]);
    }
    let mut late = self::simulator();
    late.usage(usage("db", "p", NOVEMBER.0, NOVEMBER.1));
    late.close("2020-10");
    late.close("2020-11");
    late.usage(Usage { replaces: Some(name("db")), ..usage("db2", "p", "2020-11-01", "2020-11-11") });
    late.usage(usage("other", "p", "2020-12-01", ""));
    late.close("2020-12");
    late.purge("db2");
    assert_eq!(closing_simulator::items(&late.look("2021-01")), [""; 0]);
}

#[test]
fn a_purged_record_changes_nothing() {
    let mut simulator = simulator();
    simulator.usage(usage("db", "p", "2020-10-05", "2020-11-20"));
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.purge("db");
    assert_eq!(closing_simulator::items(&simulator.close("2020-12")), [""; 0]);
}

#[test]
fn a_correction_has_the_price_and_the_discounts_of_the_line_that_billed_it() {
    let discount = |percent: &str| Terms {
        discounts: vec![Discount {
            name: name("Partner"),
            percent: percent.parse().unwrap(),
            validity: Validity::default(),
        }],
        ..Terms::default()
    };
    let with = |percent| World::new([Group { terms: Ok(discount(percent)), ..group("g") }]);
    let mut simulator = ClosingSimulator::new(with("10").project("p", &[segment("2020-01-01", "g")]), "2020-10");
    simulator.usage(usage("db", "p", "2020-11-01", ""));
    simulator.close("2020-10");
    assert_eq!(simulator.close("2020-11").subtotal, money("16.85", "USD"));
    simulator.world.prices = price_list(vec![hourly("PostgreSQL", "5")]);
    simulator.world.organization.put_group(Group { terms: Ok(discount("50")), ..group("g") });
    simulator.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
    simulator.usage(usage("new", "p", "2020-11-01", "2020-11-02"));
    let bill = simulator.close("2020-12");
    // 240 h × 0.026 × 0.9 are 5.62; 24 h × 5 × 0.9 are 108.00: the month keeps the discounts that its final recorded.
    assert_eq!(closing_simulator::adjustments(&bill), ["2020-11 db -11.23", "2020-11 new 108.00"]);
    assert_eq!(bill.items.iter().find_map(|item| item.pre_discount), Some(money("-12.48", "USD")));
}

#[test]
fn a_single_unit_that_arrives_late_is_billed_in_the_month_in_which_it_happened() {
    let mut simulator = simulator();
    simulator.world.prices = price_list(vec![by_unit("PostgreSQL", "12.50")]);
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.usage(usage("domain", "p", "2020-11-30T23:00", "2020-12-02"));
    assert_eq!(closing_simulator::adjustments(&simulator.close("2020-12")), ["2020-11 domain 12.50"]);
    simulator.usage(Usage { replaces: Some(name("domain")), ..usage("nothing", "p", "2021-01-10", "2021-01-11") });
    assert_eq!(closing_simulator::adjustments(&simulator.close("2021-01")), ["2020-11 domain -12.50"]);
    assert_eq!(closing_simulator::items(&simulator.close("2021-02")), [""; 0]);
}

#[test]
fn what_stands_on_two_finals_is_taken_back_from_the_later() {
    let mut simulator = simulator();
    simulator.close("2020-10");
    simulator.usage(usage("db", "p", NOVEMBER.0, NOVEMBER.1));
    simulator.world.bill_elsewhere("db", period("2020-11-01", "2020-11-11"), Unit::Hour);
    // A final of its own, made by an operator that knew nothing of the other.
    let known = std::mem::take(&mut simulator.world.billed);
    let twice = simulator.bill("2020-11");
    simulator.world.billed = known;
    simulator.enter("2020-11", &twice);
    simulator.usage(usage("other", "p", "2020-12-01", ""));
    assert_eq!(closing_simulator::adjustments(&simulator.close("2020-12")), ["2020-11 db -6.24"]);
    assert_eq!(closing_simulator::items(&simulator.close("2021-01")), [""; 0]);
}

#[test]
fn a_project_that_moved_bills_its_payer_of_then() {
    let world = World::new([group("g"), group("now")])
        .project("p", &[segment("2020-01-01", "g"), segment("2020-12-10", "now")]);
    let mut simulator = ClosingSimulator::new(world, "2020-10");
    for month in ["2020-10", "2020-11"] {
        simulator.close(month);
    }
    simulator.usage(usage("db", "p", NOVEMBER.0, NOVEMBER.1));
    assert_eq!(closing_simulator::adjustments(&simulator.look_of("now", "2020-12")), [""; 0]);
    assert_eq!(closing_simulator::adjustments(&simulator.look_of("g", "2020-12")), ["2020-11 db 18.72"]);
}

#[test]
fn what_a_group_that_is_gone_billed_is_corrected_by_who_pays_in_its_place() {
    let world = World::new([group("g"), primary("main")]).project("p", &[segment("2020-01-01", "g")]);
    let mut simulator = ClosingSimulator::new(world, "2020-10");
    simulator.usage(usage("db", "p", "2020-11-01", ""));
    for month in ["2020-10", "2020-11"] {
        simulator.close(month);
    }
    simulator.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
    assert_eq!(closing_simulator::adjustments(&simulator.look_of("main", "2020-12")), [""; 0]);
    simulator.world.organization.remove_group(uid("g"));
    assert_eq!(closing_simulator::adjustments(&simulator.look_of("main", "2020-12")), ["2020-11 db -12.48"]);
}

#[test]
fn what_nobody_is_left_to_get_is_named() {
    let world = World::new([group("g"), group("other")]).project("p", &[segment("2020-01-01", "g")]);
    let mut simulator = ClosingSimulator::new(world, "2020-10");
    simulator.usage(usage("db", "p", "2020-11-01", ""));
    simulator.usage(usage("right", "p", "2020-11-01", "2020-11-03"));
    for month in ["2020-10", "2020-11"] {
        simulator.close(month);
    }
    let named = |simulator: &ClosingSimulator| {
        let records = BilledUsage { organization: &simulator.world.organization, billed: &simulator.world.billed };
        problems(&unclaimed_differences(records, &simulator.closed("2020-12")))
    };
    simulator.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
    assert_eq!(named(&simulator), [""; 0]); // the group that paid for it gets it
    simulator.world.organization.remove_group(uid("g"));
    assert_eq!(named(&simulator), ["db PayerGone"]);
    simulator.world.organization.put_group(primary("main"));
    assert_eq!(named(&simulator), [""; 0]);
}

#[test]
fn nothing_of_a_month_with_a_final_that_is_missing_is_adjusted() {
    let mut simulator = simulator();
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.usage(usage("db", "p", "2020-10-31", "2020-11-02"));
    simulator.world.closed.remove(&month("2020-10"));
    let bill = simulator.look("2020-12");
    assert_eq!(closing_simulator::adjustments(&bill), ["2020-11 db 0.62"]);
}

#[test]
fn a_late_record_without_a_price_or_beside_another_is_left_off_and_named() {
    let mut simulator = simulator();
    let same = |record: &str, start: &str| Usage {
        service: service("s", "PostgreSQL"),
        ..usage(record, "p", start, "2020-11-10")
    };
    simulator.usage(same("first", "2020-11-02"));
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.usage(Usage { service: service("odd", "Strange"), ..usage("odd", "p", NOVEMBER.0, NOVEMBER.1) });
    simulator.usage(same("second", "2020-11-05"));
    let bill = simulator.look("2020-12");
    assert_eq!(closing_simulator::adjustments(&bill), [""; 0]);
    assert_eq!(problems(&bill.problems), ["odd Unpriced", "second OverlappingUsage"]);
}

#[test]
fn a_difference_in_a_currency_that_the_group_had_holds_its_bill() {
    let mut simulator = simulator();
    simulator.usage(usage("db", "p", "2020-11-01", ""));
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
    simulator.world.organization.put_group(Group { currency: Some(currency("EUR")), ..group("g") });
    simulator.world.prices = list_in("EUR", Vec::new()).into();
    assert_eq!(problems(&simulator.look("2020-12").problems), ["db CurrencyChanged"]);
}

#[test]
fn a_closed_month_keeps_the_attribution_that_it_was_closed_with() {
    let world = World::new([group("g"), group("now")])
        .project("p", &[segment("2020-01-01", "g"), segment("2020-11-20", "now")]);
    let mut simulator = ClosingSimulator::new(world, "2020-10");
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
    simulator.world.closed = simulator.closed("2020-12");
    simulator.world.attribution = Attribution::Prorated;
    assert_eq!(closing_simulator::adjustments(&simulator.world.bill("now", "2020-12")), ["2020-11 db 6.24"]);
    assert_eq!(closing_simulator::adjustments(&simulator.world.bill("g", "2020-12")), [""; 0]);
}

#[test]
fn a_single_unit_that_stands_on_two_finals_is_taken_back_from_the_later() {
    let mut simulator = simulator();
    simulator.world.prices = price_list(vec![by_unit("PostgreSQL", "12.50")]);
    simulator.close("2020-10");
    simulator.usage(usage("domain", "p", "2020-11-05", "2020-11-06"));
    let event = Period::at(at("2020-11-05"));
    simulator.world.bill_elsewhere("domain", event, Unit::Unit);
    let known = std::mem::take(&mut simulator.world.billed);
    let twice = simulator.bill("2020-11");
    simulator.world.billed = known;
    simulator.enter("2020-11", &twice);
    assert_eq!(closing_simulator::adjustments(&simulator.close("2020-12")), ["2020-11 domain -12.50"]);
    assert_eq!(closing_simulator::items(&simulator.close("2021-01")), [""; 0]);
}

#[test]
fn the_amount_after_discounts_decides_whether_there_is_a_correction() {
    // At so little an hour, 720 h and 600 h both come to 0.04 before discounts; nine tenths of it are 0.04 and 0.03.
    for (percent, expected) in [("10", vec!["2020-11 db -0.01"]), ("100", vec![])] {
        let discount = Discount { name: name("d"), percent: percent.parse().unwrap(), validity: Validity::default() };
        let terms = Terms { discounts: vec![discount], ..Terms::default() };
        let world = World::new([Group { terms: Ok(terms), ..group("g") }]);
        let mut simulator = ClosingSimulator::new(world.project("p", &[segment("2020-01-01", "g")]), "2020-10");
        simulator.world.prices = price_list(vec![hourly("PostgreSQL", "0.0000611")]);
        simulator.usage(usage("db", "p", "2020-11-01", ""));
        simulator.close("2020-10");
        simulator.close("2020-11");
        simulator.usage(usage("db", "p", "2020-11-01", "2020-11-26"));
        assert_eq!(closing_simulator::adjustments(&simulator.close("2020-12")), expected, "{percent} %");
        assert_eq!(closing_simulator::items(&simulator.look("2021-01")), [""; 0]);
    }
}

#[test]
fn a_final_that_is_observed_again_bills_nothing_more() {
    let mut simulator = simulator();
    simulator.usage(usage("db", "p", NOVEMBER.0, NOVEMBER.1));
    simulator.close("2020-10");
    let bill = simulator.close("2020-11");
    let billed = simulator.world.billed.clone();
    simulator.enter("2020-11", &bill);
    assert_eq!(simulator.world.billed, billed);
    assert!(!billed.has_dropped("db"), "how it is billed is kept");
    simulator.purge("db");
    assert!(simulator.world.billed.has_dropped("db"));
}

/// Whether nothing of the closed months needs a look, and the record is settled.
fn is_quiet(simulator: &ClosingSimulator, of: &str, record: &Usage) -> bool {
    let world = &simulator.world;
    let (records, closed) =
        (BilledUsage { organization: &world.organization, billed: &world.billed }, simulator.months_until(of));
    let window = LateUsageWindow::UNLIMITED;
    months_to_review(records, &closed).is_empty()
        && too_late(records, &closed, window).is_empty()
        && is_settled_within(records, &closed, record)
}

#[test]
fn time_within_an_hour_that_began_before_has_no_line_and_is_never_late() {
    let mut simulator = simulator();
    let over_midnight = usage("db", "p", "2020-10-31T23:30", "2020-11-01T00:20");
    let dearer = usage("cut", "p", "2020-11-10T11:30", "2020-11-10T12:20");
    simulator.usage(over_midnight.clone());
    simulator.usage(dearer.clone());
    simulator.world.prices = price_list(vec![
        PriceEntry { valid_until: Some(at("2020-11-10T12:00")), ..hourly("PostgreSQL", "1") },
        PriceEntry { valid_from: at("2020-11-10T12:00"), ..hourly("PostgreSQL", "2") },
    ]);
    assert_eq!(lines(&simulator.close("2020-10")), ["db 10-31T23:30..11-01 1 1.00"]);
    assert_eq!(lines(&simulator.close("2020-11")), ["cut 11-10T11:30..11-10T12:00 1 1.00"]);
    assert!(is_quiet(&simulator, "2020-12", &over_midnight) && is_quiet(&simulator, "2020-12", &dearer));
    // Not by another rule of hours either: what is closed was counted in whole hours.
    simulator.world.hours = HourRule::Exact;
    simulator.usage(usage("other", "p", "2020-11-10T13:00", "2020-11-10T13:30"));
    assert_eq!(closing_simulator::adjustments(&simulator.close("2020-12")), ["2020-11 other 2.00"]);
    assert!(is_quiet(&simulator, "2021-01", &over_midnight) && is_quiet(&simulator, "2021-01", &dearer));
}

#[test]
fn time_in_which_an_hour_begins_is_late_until_it_is_billed() {
    let mut simulator = simulator();
    let running = usage("db", "p", "2020-10-31T23:30", "2020-11-01T00:20");
    simulator.usage(running.clone());
    simulator.close("2020-10");
    simulator.close("2020-11");
    let longer = usage("db", "p", "2020-10-31T23:30", "2020-11-01T00:40");
    assert!(is_quiet(&simulator, "2020-12", &running) && !is_quiet(&simulator, "2020-12", &longer));
    simulator.usage(longer.clone());
    assert!(!is_quiet(&simulator, "2020-12", &longer));
    let december = simulator.close("2020-12");
    assert_eq!(closing_simulator::adjustments(&december), ["2020-11 db 0.03"]);
    assert!(is_quiet(&simulator, "2021-01", &longer));
}

#[test]
fn late_usage_is_counted_by_the_hours_of_its_months_final() {
    let mut simulator = simulator();
    simulator.close("2020-10");
    simulator.world.hours = HourRule::Exact;
    simulator.close("2020-11");
    for of in ["2020-10", "2020-11", "2020-12"] {
        simulator.usage(usage(of, "p", &format!("{of}-10"), &format!("{of}-10T00:30")));
    }
    // Half an hour at 0.026.
    let bill = simulator.close("2020-12");
    assert_eq!(closing_simulator::adjustments(&bill), ["2020-10 2020-10 0.03", "2020-11 2020-11 0.01"]);
    assert_eq!(lines(&bill), ["2020-12 12-10..12-10T00:30 0.5 0.01"]);
    let rules = bill.items.iter().filter_map(|item| match &item.adjustment.as_ref()?.kind {
        AdjustmentKind::Late(new) => Some(new.hours),
        _ => None,
    });
    assert_eq!(rules.collect::<Vec<_>>(), [Some(HourRule::Ceil), None]);
    assert_eq!(closing_simulator::items(&simulator.close("2021-01")), [""; 0]);
}

#[test]
fn by_the_exact_time_every_minute_is_late_until_it_is_billed() {
    let mut simulator = simulator();
    simulator.world.hours = HourRule::Exact;
    simulator.usage(usage("db", "p", "2020-10-31T23:30", "2020-11-01"));
    simulator.close("2020-10");
    simulator.close("2020-11");
    // No hour begins in it, but no final charges whole hours either.
    let longer = usage("db", "p", "2020-10-31T23:30", "2020-11-01T00:20");
    simulator.usage(longer.clone());
    assert!(!is_quiet(&simulator, "2020-12", &longer));
    assert_eq!(closing_simulator::adjustments(&simulator.close("2020-12")), ["2020-11 db 0.01"]);
    assert!(is_quiet(&simulator, "2021-01", &longer));
}
