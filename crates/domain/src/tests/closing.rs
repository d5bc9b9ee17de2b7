//! When a month becomes final.

use chrono::TimeDelta;

use super::world::*;
use crate::*;

/// A month of November with everything in place.
fn ready() -> ClosingFacts<'static> {
    ClosingFacts {
        period_end: at("2020-12-01"),
        period_exists: true,
        group_created: at("2020-10-01"),
        grace: TimeDelta::hours(1),
        min_closing_delay: TimeDelta::seconds(60),
        awaited_readings: &[],
        readings_wait: TimeDelta::hours(24),
        pending_projects: &[],
        open_predecessor: None,
        pending_reissue: None,
        holds: &[],
        suspended: false,
        finalise: true,
    }
}

fn reason(facts: &ClosingFacts<'_>, now: &str) -> String {
    match decide_closing(facts, at(now)) {
        CloseDecision::Finalise => "Finalise".to_owned(),
        CloseDecision::Hold(hold) => hold.reason.as_str().to_owned(),
        CloseDecision::Wait { reason, until: None } => reason.as_str().to_owned(),
        CloseDecision::Wait { reason, until: Some(until) } => {
            format!("{} {}", reason.as_str(), until.format("%m-%dT%H:%M:%S"))
        }
    }
}

#[test]
fn a_month_passes_from_open_through_its_grace_to_final() {
    let facts = ready();
    assert_eq!(reason(&facts, "2020-11-30T23:59:59.999999"), "Open 12-01T00:00:00");
    assert_eq!(reason(&facts, "2020-12-01"), "SettlingIn 12-01T01:00:00");
    assert_eq!(reason(&facts, "2020-12-01T00:59:59.999999"), "SettlingIn 12-01T01:00:00");
    assert_eq!(reason(&facts, "2020-12-01T01:00"), "Finalise");
}

#[test]
fn the_settle_time_holds_where_the_grace_is_shorter() {
    let facts = ClosingFacts { grace: TimeDelta::zero(), ..ready() };
    assert_eq!(reason(&facts, "2020-12-01"), "SettlingIn 12-01T00:01:00");
    assert_eq!(reason(&facts, "2020-12-01T00:01"), "Finalise");
}

#[test]
fn a_group_made_after_the_month_waits_from_its_creation_on() {
    let facts = ClosingFacts { group_created: at("2021-03-05T10:00"), ..ready() };
    assert_eq!(reason(&facts, "2021-03-05T10:59"), "SettlingIn 03-05T11:00:00");
    assert_eq!(reason(&facts, "2021-03-05T11:00"), "Finalise");
}

#[test]
fn everything_in_the_way_is_named_the_first_thing_first() {
    let projects = [name("p")];
    let (number, note) = (name("f3397-1"), name("wrong-vat-id"));
    let holds = [Hold { reason: HoldReason::Unpriced, message: "usage db has no price".to_owned() }];
    let all = ClosingFacts {
        period_exists: false,
        pending_projects: &projects,
        open_predecessor: Some(&number),
        pending_reissue: Some(&note),
        holds: &holds,
        suspended: true,
        finalise: false,
        ..ready()
    };
    let now = "2020-12-02";
    assert_eq!(reason(&all, now), "Unpriced");
    assert_eq!(reason(&all, "2020-11-10"), "Unpriced");
    let all = ClosingFacts { holds: &[], ..all };
    assert_eq!(reason(&all, now), "AwaitingPeriod");
    let all = ClosingFacts { period_exists: true, ..all };
    assert_eq!(reason(&all, now), "AwaitingBindings");
    let all = ClosingFacts { pending_projects: &[], ..all };
    assert_eq!(reason(&all, now), "AwaitingPredecessor");
    let all = ClosingFacts { open_predecessor: None, pending_reissue: Some(&note), ..all };
    assert_eq!(reason(&all, now), "AwaitingReissue");
    let all = ClosingFacts { pending_reissue: None, ..all };
    assert_eq!(reason(&all, now), "Suspended");
    assert_eq!(reason(&ClosingFacts { suspended: false, ..all.clone() }, now), "Suspended");
    assert_eq!(reason(&ClosingFacts { finalise: true, ..all.clone() }, now), "Suspended");
    assert_eq!(reason(&ClosingFacts { finalise: true, suspended: false, ..all }, now), "Finalise");
}

#[test]
fn the_next_look_is_the_next_boundary() {
    let facts = ready();
    assert_eq!(facts.next_change(at("2020-11-15")), Some(at("2020-12-01")));
    assert_eq!(facts.next_change(at("2020-12-01")), Some(at("2020-12-01T01:00")));
    assert_eq!(facts.next_change(at("2020-12-01T01:00")), None);
    let endless = ClosingFacts { grace: TimeDelta::MAX, ..ready() };
    assert_eq!(reason(&endless, "2999-01-01")[..10], *"SettlingIn");
}

#[test]
fn problems_hold_or_only_count() {
    let world = World::new([group("g")]).project("p", &[segment("2020-01-01", "g")]);
    let strange = Usage { service: service("db", "Strange"), ..usage("db", "p", "2020-11-01", "") };
    let bill = world.usage(strange).bill("g", "2020-11");
    let hold = Hold::of_problem(&bill.problems[0]).unwrap();
    assert_eq!((hold.reason, hold.message), (HoldReason::Unpriced, bill.problems[0].to_string()));
    let counted = Problem { reason: ProblemReason::PayerGone, ..bill.problems[0].clone() };
    assert_eq!(Hold::of_problem(&counted), None);
}

#[test]
fn a_problem_that_holds_has_a_hold_of_the_same_name_and_no_other_has_one() {
    let (from, to, at) = (currency("EUR"), currency("USD"), at("2020-11-01"));
    let record = std::sync::Arc::new(usage("db", "p", "2020-11-01", ""));
    for reason in [
        ProblemReason::Unpriced { price_lists: vec![name("l")], at },
        ProblemReason::PriceUnusable { price_list: name("l"), error: PriceListError::NeverValid { entry: name("e") } },
        ProblemReason::RateMissing { from, missing: MissingRate::NoSource { to } },
        ProblemReason::OverlappingUsage { with: name("x") },
        ProblemReason::Overflow,
        ProblemReason::PayerGone,
        ProblemReason::BeforeFirstPeriod { group: name("g"), first_period: month("2020-11") },
        ProblemReason::ProjectUnbound,
        ProblemReason::ProjectUnknown,
    ] {
        let problem = Problem { usage: record.clone(), reason };
        let hold = Hold::of_problem(&problem);
        assert_eq!(hold.is_some(), problem.reason.holds(), "{problem}");
        assert!(hold.is_none_or(|hold| hold.reason.as_str() == problem.reason.as_str()), "{problem}");
    }
}

#[test]
fn a_month_waits_for_readings_no_longer_than_its_issuer_says() {
    let reading = |record: &str| AwaitedReading {
        record: name(record),
        meter: Some(name("requests")),
        at: at("2020-12-01"),
        last: Some(at("2020-11-30T18:00")),
    };
    let one = [reading("r")];
    let facts = ClosingFacts { awaited_readings: &one, ..ready() };
    assert_eq!(reason(&facts, "2020-12-01T00:30"), "SettlingIn 12-01T01:00:00");
    assert_eq!(reason(&facts, "2020-12-01T01:00"), "AwaitingReading 12-02T00:00:00");
    assert_eq!(facts.next_change(at("2020-12-01T01:00")), Some(at("2020-12-02")));
    assert_eq!(reason(&facts, "2020-12-02"), "Finalise");
    assert_eq!(
        reason(&ClosingFacts { readings_wait: TimeDelta::zero(), ..facts.clone() }, "2020-12-01T01:00"),
        "Finalise"
    );
    let new = ClosingFacts { group_created: at("2021-03-01"), ..facts.clone() };
    assert_eq!(reason(&new, "2021-03-01T02:00"), "AwaitingReading 03-02T00:00:00");
    let CloseDecision::Wait { reason: waits, .. } = decide_closing(&facts, at("2020-12-01T01:00")) else {
        panic!("waits")
    };
    let words = "usage r of Meter requests has no reading at 2020-12-01T00:00:00Z, only until 2020-11-30T18:00:00Z; add the \
                 reading (its last quantity again if nothing more was counted) or end the record, else the invoice becomes final \
                 without it at 2020-12-02T00:00:00Z, and what is read later is billed as late usage";
    assert_eq!(waits.to_string(), words);
    let three = [reading("r"), AwaitedReading { meter: None, last: None, ..reading("s") }, reading("t")];
    assert!(missing_readings(&three).ends_with(", nor have 2 others"));
    assert_eq!(missing_readings(&three[1..2]), "usage s has no reading at 2020-12-01T00:00:00Z, nor any other");
}
