//! An audit costs what its own month costs: counted are looks, not time.

use super::late::closing_simulator::ClosingSimulator;
use super::world::*;
use crate::work::{Looks, looks};
use crate::*;

const GROUPS: [&str; 4] = ["a", "b", "c", "d"];
const RECORDS_A_MONTH: usize = 10;

/// Each group pays for a project of its own, whose one service has records of three hours.
fn world() -> World {
    let world = World::new(GROUPS.map(group));
    let project = |world: World, name: &&str| world.project(&format!("p-{name}"), &[segment("2020-01-01", name)]);
    GROUPS.iter().fold(world, project)
}

fn months(count: u32) -> Vec<Month> {
    let first = month("2020-01");
    (0..count).map(|later| first.later(later)).collect()
}

fn use_services(simulator: &mut ClosingSimulator, of: Month) {
    for group in GROUPS {
        for record in 0..RECORDS_A_MONTH {
            let start = of.start() + chrono::TimeDelta::hours(3 * i64::try_from(record).unwrap());
            let named = format!("{group}-{of}-{record:03}");
            simulator.usage(Usage {
                service: service("db", "PostgreSQL"),
                start,
                end: Some(start + chrono::TimeDelta::hours(3)),
                ..usage(&named, &format!("p-{group}"), "2020-01-01", "")
            });
        }
    }
}

#[test]
fn closed_months_cost_a_glance_at_the_records_of_the_groups_own_projects() {
    let mut simulator = ClosingSimulator::new(world(), "2020-01");
    for of in months(12) {
        use_services(&mut simulator, of);
        simulator.close(&of.to_string());
    }
    use_services(&mut simulator, month("2021-01"));
    looks();
    let bill = simulator.look_of("a", "2021-01");
    let own = RECORDS_A_MONTH;
    assert_eq!(bill.lines.len(), own);
    assert_eq!(looks(), Looks { glances: 13 * own, closer: 0, derivations: own, comparisons: own, finals: 0 });
}

#[test]
fn a_group_whose_months_close_first_does_not_derive_those_of_others() {
    let mut simulator = ClosingSimulator::new(world(), "2020-01");
    months(12).into_iter().for_each(|of| use_services(&mut simulator, of));
    for (closed, of) in (0..).zip(months(12)) {
        looks();
        let bill = simulator.look_of("a", &of.to_string());
        let Looks { glances, closer, derivations, .. } = looks();
        let expected = if closed == 0 { 0 } else { 12 * RECORDS_A_MONTH };
        assert_eq!((glances, closer, derivations), (expected, 0, RECORDS_A_MONTH), "{of}");
        simulator.enter_of("a", &of.to_string(), &bill);
    }
}

#[test]
fn a_late_record_costs_its_service_in_its_month() {
    let mut simulator = ClosingSimulator::new(world(), "2020-01");
    for of in months(12) {
        use_services(&mut simulator, of);
        simulator.close(&of.to_string());
    }
    simulator.usage(usage("late", "p-a", "2020-03-05", "2020-03-06"));
    looks();
    let bill = simulator.look_of("a", "2021-01");
    assert_eq!(super::late::closing_simulator::adjustments(&bill), ["2020-03 late 0.62"]);
    let Looks { closer, derivations, .. } = looks();
    assert_eq!((closer, derivations), (1, 1));
}

/// However many other groups and months there are.
#[test]
fn a_late_record_asks_the_finals_that_say_something_of_its_month() {
    let asked = |groups: &[&str], until: u32| {
        let world = World::new(groups.iter().map(|name| group(name)));
        let project = |world: World, name: &&str| world.project(&format!("p-{name}"), &[segment("2020-01-01", name)]);
        let mut simulator = ClosingSimulator::new(groups.iter().fold(world, project), "2020-01");
        for of in months(until) {
            for name in groups {
                simulator.usage(usage(
                    &format!("{name}-{of}"),
                    &format!("p-{name}"),
                    &format!("{of}-01"),
                    &format!("{of}-02"),
                ));
            }
            simulator.close(&of.to_string());
        }
        simulator.usage(usage("late", "p-a", "2020-03-05", "2020-03-06"));
        looks();
        let bill = simulator.look_of("a", &month("2020-01").later(until).to_string());
        assert_eq!(super::late::closing_simulator::adjustments(&bill), ["2020-03 late 0.62"]);
        looks().finals
    };
    let finals = asked(&["a"], 4);
    assert!((1..=12).contains(&finals), "{finals}");
    assert_eq!(asked(&GROUPS, 4), finals);
    assert_eq!(asked(&GROUPS, 12), finals);
}

#[test]
fn records_of_one_service_are_kept_apart_by_one_comparison_each() {
    let mut world = world();
    for record in 0..200 {
        let start = at("2020-01-01") + chrono::TimeDelta::hours(record);
        let end = Some(start + chrono::TimeDelta::hours(1));
        let record = usage(&format!("r-{record:03}"), "p-a", "2020-01-01", "");
        world = world.usage(Usage { service: service("db", "PostgreSQL"), start, end, ..record });
    }
    looks();
    assert_eq!(world.bill("a", "2020-01").lines.len(), 200);
    assert_eq!(looks().comparisons, 200);
}
