//! Usage that a month does not bill.

use super::world::*;
use crate::unbilled::mistaken;
use crate::*;

fn reasons(world: &World, of: &str) -> Vec<String> {
    let input = OrganizationMonth {
        organization: &world.organization,
        month: month(of),
        attribution: world.attribution,
        hours: world.hours,
        billed: &world.billed,
        as_of: month(of).end(),
    };
    problems(&unbilled(&input, &input.successions(), |_| Some(Pricing { prices: &world.prices, rates: &world.rates })))
}

fn world() -> World {
    let mut world = World::new([group("g"), Group { first_period: month("2021-01"), ..group("young") }])
        .project("paid", &[segment("2020-01-01", "g")])
        .project("orphan", &[segment("2020-01-01", "gone")])
        .project("early", &[segment("2020-01-01", "young")]);
    world.organization.put_namespace(name("unbound"), uid("unbound"));
    for project in ["paid", "orphan", "early", "unbound", "unknown"] {
        world.organization.put_usage(usage(project, project, "2020-11-10", "2020-11-12"));
    }
    let strange = service("strange", "Strange");
    world.usage(Usage { service: strange, ..usage("strange", "paid", "2020-11-11", "") })
}

#[test]
fn every_record_that_is_on_no_bill_says_why() {
    let expected = [
        "early BeforeFirstPeriod",
        "orphan PayerGone",
        "strange Unpriced",
        "unbound ProjectUnbound",
        "unknown ProjectUnknown",
    ];
    assert_eq!(reasons(&world(), "2020-11"), expected);
}

#[test]
fn a_month_without_usage_has_none_that_is_unbilled() {
    assert_eq!(reasons(&world(), "2020-10"), [""; 0]);
    assert_eq!(reasons(&world(), "2020-12"), ["strange Unpriced"]);
}

#[test]
fn what_is_billed_or_replaced_is_not_missing() {
    let mut world = world().usage(Usage { replaces: Some(name("unknown")), ..usage("new", "paid", "2020-11-10", "") });
    world.bill_elsewhere("orphan", period("2020-11-10", "2020-11-12"), Unit::Hour);
    world.bill_elsewhere("unbound", period("2020-11-10", "2020-11-10"), Unit::Unit);
    assert_eq!(reasons(&world, "2020-11"), ["early BeforeFirstPeriod", "strange Unpriced"]);
}

#[test]
fn a_primary_group_takes_what_nobody_else_pays_for() {
    let mut world = world();
    world.organization.put_group(primary("main"));
    assert!(!reasons(&world, "2020-11").contains(&"orphan PayerGone".to_owned()));
    assert_eq!(lines(&world.bill("main", "2020-11")), ["orphan 11-10..11-12 48 1.25"]);
}

#[test]
fn a_record_that_is_missing_on_two_bills_is_told_once() {
    let strange = Usage { service: service("db", "Strange"), ..usage("db", "p", "2020-11-01", "") };
    let segments = [segment("2020-01-01", "a"), segment("2020-11-10", "b"), segment("2020-11-20", "gone")];
    let mut world = World::new([group("a"), group("b")]).project("p", &segments).usage(strange);
    world.attribution = Attribution::Prorated;
    assert_eq!(reasons(&world, "2020-11"), ["db PayerGone"]);
    world.organization.put_ledger(name("p"), ledger(&segments[..2]));
    assert_eq!(reasons(&world, "2020-11"), ["db Unpriced"]);
}

fn outside(world: &World, until: &str) -> Vec<String> {
    problems(&outside_periods(world.records(), |_| world.attribution, month(until)))
}

#[test]
fn usage_before_every_invoice_is_reported_long_after() {
    let expected = ["early BeforeFirstPeriod", "unbound ProjectUnbound", "unknown ProjectUnknown"];
    assert_eq!(outside(&world(), "2026-11"), expected);
    assert_eq!(outside(&world(), "2020-11"), [""; 0], "of a month that is not settled the month itself tells");
}

#[test]
fn what_a_default_may_have_billed_before_it_yielded_is_not_reported() {
    let ledger = [default_segment("2021-01-05", "g"), segment("2021-01-06", "young")];
    let world = world().project("yielded", &ledger);
    let mut world = world.usage(usage("yielded", "yielded", "2020-11-10", "2020-11-12"));
    assert!(!outside(&world, "2026-11").iter().any(|problem| problem.starts_with("yielded")));
    world.organization.put_group(Group { first_period: month("2020-12"), ..group("g") });
    assert!(outside(&world, "2026-11").contains(&"yielded BeforeFirstPeriod".to_owned()));
}

/// Records of a project by name, start and what they replace.
fn replacing(records: &[(&str, &str, Option<&str>)]) -> World {
    records.iter().fold(World::new([group("g")]), |world, (record, start, replaces)| {
        let replaces = replaces.map(name);
        world.usage(Usage { replaces, ..usage(record, "p", start, "2021-01-01") })
    })
}

fn mistakes(world: &World, as_of: &str) -> Vec<String> {
    let found = mistaken(&world.organization, at(as_of));
    found.iter().map(|problem| format!("{} {}", problem.usage.name, problem.reason.as_str())).collect()
}

#[test]
fn a_record_that_starts_more_than_an_hour_from_now_is_named() {
    let world = replacing(&[("now", "2020-11-02", None), ("later", "2020-11-03", None)]);
    assert_eq!(mistakes(&world, "2020-11-02"), ["later StartsInFuture"]);
    assert_eq!(mistakes(&world, "2020-11-02T23:00:00"), [""; 0]);
    assert_eq!(mistakes(&world, "2020-11-02T22:59:59"), ["later StartsInFuture"]);
    let corrected = replacing(&[("wrong", "2062-11-03", None), ("right", "2020-11-01", Some("wrong"))]);
    assert_eq!(mistakes(&corrected, "2020-11-02"), [""; 0], "nobody waits for what is replaced");
}

#[test]
fn records_that_replace_each_other_are_named_with_the_one_that_is_billed() {
    let circle =
        replacing(&[("a", "2020-11-01", Some("b")), ("b", "2020-11-01", Some("c")), ("c", "2020-11-01", Some("a"))]);
    let found = mistaken(&circle.organization, at("2020-11-02"));
    let said: Vec<_> = found.iter().map(ToString::to_string).collect();
    let words = "the usage records a, b, c replace each other in a circle; a is taken to replace nothing, so b is billed; if \
                 another should be, replace that one with a corrected record";
    assert_eq!(said, [words]);
    let effective = |record: &str| circle.organization.is_effective(circle.organization.usage(record).unwrap());
    assert_eq!(["a", "b", "c"].map(effective), [false, true, false]);
    // A chain is no circle, nor is what leads into one.
    assert_eq!(
        mistakes(&replacing(&[("a", "2020-11-01", Some("b")), ("b", "2020-11-01", None)]), "2020-11-02"),
        [""; 0]
    );
    let into = [("a", "2020-11-01", Some("b")), ("b", "2020-11-01", Some("c")), ("c", "2020-11-01", Some("b"))];
    assert_eq!(mistakes(&replacing(&into), "2020-11-02"), ["b ReplacesCycle"]);
}

/// In packages of one at 49.995, what is before the second record costs more than an amount can be, and so does what is with it.
#[test]
fn what_is_too_large_beside_others_is_named_as_the_bill_names_it() {
    let mut world = World::new([group("g")]).project("p", &[segment("2020-01-01", "g")]);
    world.prices = price_list(vec![scaled("Setup", "49.995", Scope::Project, ScalePricing::Packages)]);
    for (record, start, quantity) in [("many", "2020-11-01", "9999999999999.999999"), ("one", "2020-11-20", "1")] {
        let setup = service(record, "Setup");
        world = world.usage(Usage {
            service: setup,
            quantity: decimal(quantity),
            ..usage(record, "p", start, "2020-12-01")
        });
    }
    let bill = world.bill("g", "2020-11");
    assert_eq!((lines(&bill), problems(&bill.problems)), (vec![], vec!["many Overflow".into(), "one Overflow".into()]));
    assert_eq!(reasons(&world, "2020-11"), ["many Overflow", "one Overflow"]);
    // Alone it can be billed.
    world.organization.remove_usage("many");
    assert_eq!(reasons(&world, "2020-11"), [""; 0]);
}
