//! Late and corrected usage, and amounts that go from one invoice to the next.

mod carry;
mod credited;
pub mod office;
pub mod properties;

use self::office::Office;
use super::world::*;
use crate::*;

/// One group, one project, PostgreSQL at 0.026 an hour.
fn office() -> Office {
    Office::new(World::new([group("g")]).project("p", &[segment("2020-01-01", "g")]), "2020-10")
}

/// November at 0.026: 720 h are 18.72.
const NOVEMBER: (&str, &str) = ("2020-11-01", "2020-12-01");

#[test]
fn usage_that_arrives_late_is_billed_by_the_next_final_and_once() {
    let mut office = office();
    office.close("2020-10");
    office.close("2020-11");
    office.usage(usage("db", "p", NOVEMBER.0, NOVEMBER.1));
    let bill = office.close("2020-12");
    let expected = "OtherEvent 18.72 Late for 2020-11: usage db from 2020-11-01T00:00:00Z to 2020-12-01T00:00:00Z, \
                    db: PostgreSQL Hobbyist google-europe-north1";
    assert_eq!(office::items(&bill), [expected]);
    assert_eq!(office::items(&office.close("2021-01")), [""; 0]);
}

#[test]
fn a_record_that_runs_through_closed_months_has_a_line_for_each() {
    let mut office = office();
    office.close("2020-10");
    office.close("2020-11");
    office.usage(usage("db", "p", "2020-10-31T12:00", ""));
    let bill = office.close("2020-12");
    assert_eq!(office::adjustments(&bill), ["2020-10 db 0.31", "2020-11 db 18.72"]);
    assert_eq!(lines(&bill), ["db 12-01..01-01 744 19.34"]);
}

#[test]
fn usage_that_ended_earlier_than_it_was_billed_is_taken_back() {
    let mut office = office();
    office.usage(usage("db", "p", "2020-11-01", ""));
    office.close("2020-10");
    assert_eq!(office.close("2020-11").subtotal, money("18.72", "USD"));
    office.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
    office.usage(usage("other", "p", "2020-12-01", ""));
    let bill = office.close("2020-12");
    // 240 h are 6.24.
    let expected = "OtherEvent -12.48 Correction of g-2 for 2020-11: usage db from 2020-11-11T00:00:00Z to \
                    2020-12-01T00:00:00Z, db: PostgreSQL Hobbyist google-europe-north1";
    assert_eq!(office::items(&bill), [expected]);
    assert_eq!(bill.subtotal, money("6.86", "USD"));
    assert_eq!(office::items(&office.close("2021-01")), [""; 0]);
}

#[test]
fn a_record_that_is_replaced_is_taken_back_and_its_replacement_billed() {
    let mut office = office();
    office.usage(usage("db", "p", NOVEMBER.0, NOVEMBER.1));
    office.close("2020-10");
    office.close("2020-11");
    office.usage(Usage { replaces: Some(name("db")), ..usage("db2", "p", "2020-11-01", "2020-11-11") });
    office.usage(usage("other", "p", "2020-12-01", ""));
    assert_eq!(office::adjustments(&office.close("2020-12")), ["2020-11 db -18.72", "2020-11 db2 6.24"]);
    assert_eq!(office::items(&office.close("2021-01")), [""; 0]);
}

#[test]
fn a_record_that_was_replaced_on_a_final_counts_as_nothing_after_what_replaced_it_is_purged() {
    let mut office = office();
    office.usage(usage("db", "p", NOVEMBER.0, NOVEMBER.1));
    office.usage(Usage { replaces: Some(name("db")), ..usage("db2", "p", "2020-11-01", "2020-11-11") });
    office.usage(Usage { replaces: Some(name("db2")), ..usage("db3", "p", "2020-11-01", "2020-11-06") });
    office.close("2020-10");
    assert_eq!(lines(&office.close("2020-11")), ["db3 11-01..11-06 120 3.12"]);
    for purged in ["db2", "db3"] {
        office.purge(purged);
        assert_eq!(office::items(&office.look("2020-12")), [""; 0]);
    }
    let mut late = self::office();
    late.usage(usage("db", "p", NOVEMBER.0, NOVEMBER.1));
    late.close("2020-10");
    late.close("2020-11");
    late.usage(Usage { replaces: Some(name("db")), ..usage("db2", "p", "2020-11-01", "2020-11-11") });
    late.usage(usage("other", "p", "2020-12-01", ""));
    late.close("2020-12");
    late.purge("db2");
    assert_eq!(office::items(&late.look("2021-01")), [""; 0]);
}

#[test]
fn a_purged_record_changes_nothing() {
    let mut office = office();
    office.usage(usage("db", "p", "2020-10-05", "2020-11-20"));
    office.close("2020-10");
    office.close("2020-11");
    office.purge("db");
    assert_eq!(office::items(&office.close("2020-12")), [""; 0]);
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
    let mut office = Office::new(with("10").project("p", &[segment("2020-01-01", "g")]), "2020-10");
    office.usage(usage("db", "p", "2020-11-01", ""));
    office.close("2020-10");
    assert_eq!(office.close("2020-11").subtotal, money("16.85", "USD"));
    office.world.prices = price_list(vec![hourly("PostgreSQL", "5")]);
    office.world.organization.put_group(Group { terms: Ok(discount("50")), ..group("g") });
    office.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
    office.usage(usage("new", "p", "2020-11-01", "2020-11-02"));
    let bill = office.close("2020-12");
    // 240 h × 0.026 × 0.9 are 5.62; 24 h × 5 × 0.5 are 60.00.
    assert_eq!(office::adjustments(&bill), ["2020-11 db -11.23", "2020-11 new 60.00"]);
    assert_eq!(bill.items.iter().find_map(|item| item.pre_discount), Some(money("-12.48", "USD")));
}

#[test]
fn a_single_unit_that_arrives_late_is_billed_in_the_month_in_which_it_happened() {
    let mut office = office();
    office.world.prices = price_list(vec![PriceEntry { unit: Unit::Unit, ..hourly("PostgreSQL", "12.50") }]);
    office.close("2020-10");
    office.close("2020-11");
    office.usage(usage("domain", "p", "2020-11-30T23:00", "2020-12-02"));
    assert_eq!(office::adjustments(&office.close("2020-12")), ["2020-11 domain 12.50"]);
    office.usage(Usage { replaces: Some(name("domain")), ..usage("nothing", "p", "2021-01-10", "2021-01-11") });
    assert_eq!(office::adjustments(&office.close("2021-01")), ["2020-11 domain -12.50"]);
    assert_eq!(office::items(&office.close("2021-02")), [""; 0]);
}

#[test]
fn what_stands_on_two_finals_is_taken_back_from_the_later() {
    let mut office = office();
    office.close("2020-10");
    office.usage(usage("db", "p", NOVEMBER.0, NOVEMBER.1));
    office.world.bill_elsewhere("db", period("2020-11-01", "2020-11-11"), Unit::Hour);
    // A final of its own, made by an operator that knew nothing of the other.
    let known = std::mem::take(&mut office.world.billed);
    let twice = office.bill("2020-11");
    office.world.billed = known;
    office.enter("2020-11", &twice);
    office.usage(usage("other", "p", "2020-12-01", ""));
    assert_eq!(office::adjustments(&office.close("2020-12")), ["2020-11 db -6.24"]);
    assert_eq!(office::items(&office.close("2021-01")), [""; 0]);
}

#[test]
fn a_project_that_moved_bills_its_payer_of_then() {
    let world = World::new([group("g"), group("now")])
        .project("p", &[segment("2020-01-01", "g"), segment("2020-12-10", "now")]);
    let mut office = Office::new(world, "2020-10");
    for month in ["2020-10", "2020-11"] {
        office.close(month);
    }
    office.usage(usage("db", "p", NOVEMBER.0, NOVEMBER.1));
    assert_eq!(office::adjustments(&office.look_of("now", "2020-12")), [""; 0]);
    assert_eq!(office::adjustments(&office.look_of("g", "2020-12")), ["2020-11 db 18.72"]);
}

#[test]
fn what_a_group_that_is_gone_billed_is_corrected_by_who_pays_in_its_place() {
    let world = World::new([group("g"), primary("main")]).project("p", &[segment("2020-01-01", "g")]);
    let mut office = Office::new(world, "2020-10");
    office.usage(usage("db", "p", "2020-11-01", ""));
    for month in ["2020-10", "2020-11"] {
        office.close(month);
    }
    office.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
    assert_eq!(office::adjustments(&office.look_of("main", "2020-12")), [""; 0]);
    office.world.organization.remove_group(uid("g"));
    assert_eq!(office::adjustments(&office.look_of("main", "2020-12")), ["2020-11 db -12.48"]);
}

#[test]
fn what_nobody_is_left_to_get_is_named() {
    let world = World::new([group("g"), group("other")]).project("p", &[segment("2020-01-01", "g")]);
    let mut office = Office::new(world, "2020-10");
    office.usage(usage("db", "p", "2020-11-01", ""));
    office.usage(usage("right", "p", "2020-11-01", "2020-11-03"));
    for month in ["2020-10", "2020-11"] {
        office.close(month);
    }
    let named = |office: &Office| {
        let records = Records { organization: &office.world.organization, billed: &office.world.billed };
        problems(&unclaimed(records, &office.closed("2020-12")))
    };
    office.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
    assert_eq!(named(&office), [""; 0]); // the group that paid for it gets it
    office.world.organization.remove_group(uid("g"));
    assert_eq!(named(&office), ["db PayerGone"]);
    office.world.organization.put_group(primary("main"));
    assert_eq!(named(&office), [""; 0]);
}

#[test]
fn nothing_of_a_month_with_a_final_that_is_missing_is_adjusted() {
    let mut office = office();
    office.close("2020-10");
    office.close("2020-11");
    office.usage(usage("db", "p", "2020-10-31", "2020-11-02"));
    office.world.closed.remove(&month("2020-10"));
    let bill = office.look("2020-12");
    assert_eq!(office::adjustments(&bill), ["2020-11 db 0.62"]);
}

#[test]
fn a_late_record_without_a_price_or_beside_another_is_left_off_and_named() {
    let mut office = office();
    let same = |record: &str, start: &str| Usage {
        service: service("s", "PostgreSQL"),
        ..usage(record, "p", start, "2020-11-10")
    };
    office.usage(same("first", "2020-11-02"));
    office.close("2020-10");
    office.close("2020-11");
    office.usage(Usage { service: service("odd", "Strange"), ..usage("odd", "p", NOVEMBER.0, NOVEMBER.1) });
    office.usage(same("second", "2020-11-05"));
    let bill = office.look("2020-12");
    assert_eq!(office::adjustments(&bill), [""; 0]);
    assert_eq!(problems(&bill.problems), ["odd Unpriced", "second OverlappingUsage"]);
}

#[test]
fn a_difference_in_a_currency_that_the_group_had_holds_its_bill() {
    let mut office = office();
    office.usage(usage("db", "p", "2020-11-01", ""));
    office.close("2020-10");
    office.close("2020-11");
    office.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
    office.world.organization.put_group(Group { currency: Some(currency("EUR")), ..group("g") });
    office.world.prices =
        PriceList::new(name("default"), uid("prices"), name("1"), currency("EUR"), Vec::new()).unwrap();
    assert_eq!(problems(&office.look("2020-12").problems), ["db CurrencyChanged"]);
}

#[test]
fn a_closed_month_keeps_the_attribution_that_it_was_closed_with() {
    let world = World::new([group("g"), group("now")])
        .project("p", &[segment("2020-01-01", "g"), segment("2020-11-20", "now")]);
    let mut office = Office::new(world, "2020-10");
    office.close("2020-10");
    office.close("2020-11");
    office.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
    office.world.closed = office.closed("2020-12");
    office.world.attribution = Attribution::Prorated;
    assert_eq!(office::adjustments(&office.world.bill("now", "2020-12")), ["2020-11 db 6.24"]);
    assert_eq!(office::adjustments(&office.world.bill("g", "2020-12")), [""; 0]);
}

#[test]
fn a_single_unit_that_stands_on_two_finals_is_taken_back_from_the_later() {
    let mut office = office();
    office.world.prices = price_list(vec![PriceEntry { unit: Unit::Unit, ..hourly("PostgreSQL", "12.50") }]);
    office.close("2020-10");
    office.usage(usage("domain", "p", "2020-11-05", "2020-11-06"));
    let event = Period::at(at("2020-11-05"));
    office.world.bill_elsewhere("domain", event, Unit::Unit);
    let known = std::mem::take(&mut office.world.billed);
    let twice = office.bill("2020-11");
    office.world.billed = known;
    office.enter("2020-11", &twice);
    assert_eq!(office::adjustments(&office.close("2020-12")), ["2020-11 domain -12.50"]);
    assert_eq!(office::items(&office.close("2021-01")), [""; 0]);
}

#[test]
fn the_amount_after_discounts_decides_whether_there_is_a_correction() {
    // At so little an hour, 720 h and 600 h both come to 0.04 before discounts; nine tenths of it are 0.04 and 0.03.
    for (percent, expected) in [("10", vec!["2020-11 db -0.01"]), ("100", vec![])] {
        let discount = Discount { name: name("d"), percent: percent.parse().unwrap(), validity: Validity::default() };
        let terms = Terms { discounts: vec![discount], ..Terms::default() };
        let world = World::new([Group { terms: Ok(terms), ..group("g") }]);
        let mut office = Office::new(world.project("p", &[segment("2020-01-01", "g")]), "2020-10");
        office.world.prices = price_list(vec![hourly("PostgreSQL", "0.0000611")]);
        office.usage(usage("db", "p", "2020-11-01", ""));
        office.close("2020-10");
        office.close("2020-11");
        office.usage(usage("db", "p", "2020-11-01", "2020-11-26"));
        assert_eq!(office::adjustments(&office.close("2020-12")), expected, "{percent} %");
        assert_eq!(office::items(&office.look("2021-01"))[1..], [""; 0]);
    }
}

#[test]
fn a_final_that_is_observed_again_bills_nothing_more() {
    let mut office = office();
    office.usage(usage("db", "p", NOVEMBER.0, NOVEMBER.1));
    office.close("2020-10");
    let bill = office.close("2020-11");
    let billed = office.world.billed.clone();
    office.enter("2020-11", &bill);
    assert_eq!(office.world.billed, billed);
    assert!(!billed.has_forgotten("db"), "how it is billed is kept");
    office.purge("db");
    assert!(office.world.billed.has_forgotten("db"));
}
