//! How far back closed months are settled, and what is told of those before.

use super::closing_simulator::{ClosingSimulator, adjustments};
use crate::tests::world::*;
use crate::*;

/// One group, one project, from October on; months are settled for two months.
fn simulator() -> ClosingSimulator {
    let world = World::new([group("g")]).project("p", &[segment("2020-01-01", "g")]);
    let window = LateUsageWindow::of_months(2);
    ClosingSimulator { window, ..ClosingSimulator::new(world, "2020-10") }
}

fn records(simulator: &ClosingSimulator) -> BilledUsage<'_> {
    BilledUsage { organization: &simulator.world.organization, billed: &simulator.world.billed }
}

/// `record month` of what is too late for the document of a month.
fn told(simulator: &ClosingSimulator, of: &str) -> Vec<String> {
    let problems = too_late(records(simulator), &simulator.too_old(of), simulator.window);
    let told = |problem: &Problem| match &problem.reason {
        ProblemReason::TooLate { month, window: _ } => format!("{} {month}", problem.usage.name),
        other => format!("{} {}", problem.usage.name, other.as_str()),
    };
    let mut told: Vec<_> = problems.iter().map(told).collect();
    told.sort();
    told
}

#[test]
fn a_month_is_settled_as_long_as_it_is_in_the_window() {
    let mut simulator = simulator();
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.usage(usage("db", "p", "2020-10-01", "2020-10-11"));
    assert_eq!(told(&simulator, "2020-12"), [""; 0]);
    assert_eq!(adjustments(&simulator.close("2020-12")), ["2020-10 db 6.24"]);
}

#[test]
fn what_is_found_later_is_billed_no_more_and_told() {
    let mut simulator = simulator();
    simulator.usage(usage("long", "p", "2020-10-01", ""));
    simulator.usage(usage("right", "p", "2020-10-01", "2020-11-01"));
    for month in ["2020-10", "2020-11", "2020-12"] {
        simulator.close(month);
    }
    simulator.usage(usage("late", "p", "2020-10-01", "2020-10-11"));
    simulator.usage(usage("long", "p", "2020-10-01", "2020-10-11"));
    simulator.usage(usage("both", "p", "2020-10-31", "2020-11-02"));
    // Of what the window has, November and December, the corrections go on.
    let bill = simulator.close("2021-01");
    assert_eq!(adjustments(&bill), ["2020-11 both 0.62", "2020-11 long -18.72", "2020-12 long -19.34"]);
    assert_eq!(told(&simulator, "2021-01"), ["both 2020-10", "late 2020-10", "long 2020-10"]);
    assert_eq!(told(&simulator, "2020-12"), [""; 0], "no month is too old for that");
}

#[test]
fn the_message_names_month_window_and_remedy() {
    let mut simulator = simulator();
    for month in ["2020-10", "2020-11", "2020-12"] {
        simulator.close(month);
    }
    simulator.usage(usage("late", "p", "2020-10-01", "2020-10-11"));
    let problems = too_late(records(&simulator), &simulator.too_old("2021-01"), simulator.window);
    assert_eq!(
        problems[0].to_string(),
        "usage late: finals bill something else of 2020-10 than it ran, and 2020-10 is settled no more, because that ends after 2 \
         months; give a credit, or agree on a charge, for what it is worth"
    );
    assert!(!problems[0].reason.holds());
}

#[test]
fn a_record_is_settled_when_finals_bill_what_is_due_of_all_of_it() {
    let mut simulator = simulator();
    simulator.usage(usage("billed", "p", "2020-10-01", "2020-11-02"));
    simulator.usage(usage("cut", "p", "2020-10-01", "2020-11-02"));
    simulator.usage(usage("wrong", "p", "2020-10-01", "2020-11-02"));
    simulator.usage(Usage { replaces: Some(name("wrong")), ..usage("right", "p", "2020-10-01", "2020-10-02") });
    simulator.usage(usage("runs", "p", "2020-10-01", ""));
    simulator.usage(usage("early", "p", "2020-09-30", "2020-10-02"));
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.usage(usage("cut", "p", "2020-10-01", "2020-10-02"));
    simulator.usage(usage("late", "p", "2020-10-01", "2020-10-02"));
    let settled = |simulator: &ClosingSimulator, closed: &ClosedMonths| {
        let usage = simulator.world.organization.project("p").into_iter().flat_map(Project::usage);
        let settled = usage.filter(|usage| is_settled_within(records(simulator), closed, usage));
        let mut names: Vec<_> = settled.map(|usage| usage.name.to_string()).collect();
        names.sort();
        names
    };
    let both = simulator.closed("2020-12");
    assert_eq!(settled(&simulator, &both), ["billed", "right", "wrong"]);
    let october = simulator.closed("2020-11");
    assert_eq!(settled(&simulator, &october), ["right"], "the others go on into November");
    let with_a_gap =
        ClosedMonths::from_iter([(month("2020-10"), Attribution::MonthEnd), (month("2020-12"), Attribution::MonthEnd)]);
    assert_eq!(settled(&simulator, &with_a_gap), [""; 0]);
    simulator.close("2020-12");
    let three = simulator.months_until("2021-01");
    assert_eq!(settled(&simulator, &three), ["billed", "cut", "late", "right", "wrong"], "adjusted by December's");
}
