//! Metered records: charged by what a counter has counted, reading by reading.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::sample::select;
use rust_decimal::Decimal;

use super::late::closing_simulator::{ClosingSimulator, adjustments, items};
use super::late::properties::histories;
use super::world::*;
use crate::*;

/// A record of requests; `end` may be "" while it is not ended. Each reading is "10-05 12.5".
fn requests(record: &str, start: &str, end: &str, readings: &[&str]) -> Usage {
    let year = &start[..4];
    let reading = |text: &&str| {
        let (when, quantity) = text.split_once(' ').unwrap();
        Reading { at: at(&format!("{year}-{when}")), quantity: decimal(quantity) }
    };
    let readings = Readings::new(readings.iter().map(reading)).unwrap();
    let ended = (!end.is_empty()).then(|| at(end));
    Usage {
        service: service(record, "Requests"),
        end: ended.or(Some(Month::of(at(start)).end())),
        metering: Some(Box::new(Metering { readings, is_ended: ended.is_some(), meter: None })),
        ..usage(record, "p", start, "")
    }
}

/// A group with a project that uses requests at 0.10 each.
fn world() -> World {
    let mut world = World::new([group("g")]).project("p", &[segment("2020-01-01", "g")]);
    world.prices = price_list(vec![by_unit("Requests", "0.10"), hourly("PostgreSQL", "0.026")]);
    world
}

#[test]
fn readings_are_kept_in_few_bytes_and_come_out_as_they_went_in() {
    let start = at("2020-10-01");
    let hour = |number: i64| Reading {
        at: start + TimeDelta::hours(number),
        quantity: Decimal::new(number * 1_234_567, 3).normalize(),
    };
    let all: Vec<Reading> = (1..=744).map(hour).collect();
    let readings = Readings::new(all.clone()).unwrap();
    assert_eq!(readings.iter().collect::<Vec<_>>(), all);
    assert!(readings.size() < 744 * 8, "{} bytes", readings.size());
    for (instant, number) in [(TimeDelta::minutes(59), 0), (TimeDelta::hours(1), 1), (TimeDelta::minutes(119), 1)] {
        assert_eq!(readings.at(start + instant), (number > 0).then(|| hour(number)), "{instant}");
    }
    assert_eq!(readings.at(at("2021-01-01")), readings.last());
    assert_eq!(readings.until(start + TimeDelta::hours(10)).iter().count(), 10);
    let largest = Reading { at: start, quantity: decimal("999999999999999.999999") };
    assert_eq!(Readings::new([largest]).unwrap().last(), Some(largest));
}

#[test]
fn what_is_no_counter_is_refused() {
    let read = |readings: &[(&str, &str)]| {
        let readings = readings.iter().map(|(when, quantity)| Reading { at: at(when), quantity: decimal(quantity) });
        Readings::new(readings).unwrap_err()
    };
    assert_eq!(read(&[("2020-10-02", "1"), ("2020-10-02", "1")]), ReadingsError::Order);
    assert_eq!(read(&[("2020-10-02", "1"), ("2020-10-01", "1")]), ReadingsError::Order);
    assert_eq!(read(&[("2020-10-02T00:00:00.5", "1")]), ReadingsError::Order);
    assert_eq!(read(&[("2020-10-02", "1"), ("2020-10-03", "0.999999")]), ReadingsError::Falls);
    assert_eq!(read(&[("2020-10-02", "0.0000001")]), ReadingsError::Quantity);
    assert_eq!(read(&[("2020-10-02", "-1")]), ReadingsError::Quantity);
}

#[test]
fn a_month_costs_what_was_counted_in_it() {
    let world = world().usage(requests("r", "2020-10-01", "", &["10-02 3", "10-20 10.5", "11-01 12.55"]));
    assert_eq!(lines(&world.bill("g", "2020-10")), ["r 10-01..11-01 12.55 1.26"]);
    assert_eq!(lines(&world.bill("g", "2020-11")), [""; 0]);
    let line = &world.bill("g", "2020-10").lines[0];
    let pair = line.usage.readings_of(line.period).unwrap();
    assert_eq!((pair.from, pair.to.map(|to| to.quantity)), (None, Some(decimal("12.55"))));
}

#[test]
fn a_line_keeps_its_id_from_refresh_to_refresh_and_counts_what_is_read() {
    let world = world().usage(requests("r", "2020-10-01", "", &["10-02 3", "10-20 10"]));
    let early = world.bill_as_of("g", "2020-10", at("2020-10-10"));
    let late = world.bill_as_of("g", "2020-10", at("2020-10-25"));
    assert_eq!(lines(&early), ["r 10-01..10-10 3 0.30"]);
    assert_eq!(lines(&late), ["r 10-01..10-25 10 1.00"]);
    assert_eq!(early.lines[0].id(), late.lines[0].id());
    assert_eq!(lines(&world.bill_as_of("g", "2020-10", at("2020-10-01T12:00"))), [""; 0], "nothing was counted yet");
}

#[test]
fn a_reading_of_the_future_does_not_count_yet_and_is_named() {
    let world = world().usage(requests("r", "2020-10-01", "", &["10-02 3", "10-20T12:01 10"]));
    let near = at("2020-10-20T12:00");
    let before = near - TimeDelta::seconds(1);
    assert_eq!(lines(&world.bill_as_of("g", "2020-10", near)), ["r 10-01..10-20T12:01 10 1.00"]);
    assert_eq!(lines(&world.bill_as_of("g", "2020-10", before)), ["r 10-01..10-20T11:59 3 0.30"]);
    let mistaken = |as_of| problems(&unbilled::mistaken(&world.organization, as_of));
    assert_eq!(mistaken(near), [""; 0]);
    assert_eq!(mistaken(before), ["r ReadingInFuture"]);
}

#[test]
fn each_price_has_what_was_counted_while_it_was_valid() {
    let mut world = world().usage(requests("r", "2020-10-01", "", &["10-09 9", "10-10 10", "10-11 11", "11-01 31"]));
    world.prices = price_list(vec![
        PriceEntry { valid_until: Some(at("2020-10-10")), ..by_unit("Requests", "0.10") },
        PriceEntry { valid_from: at("2020-10-10"), ..by_unit("Requests", "1") },
    ]);
    // What is read at the boundary belongs before it.
    let bill = world.bill("g", "2020-10");
    assert_eq!(lines(&bill), ["r 10-01..10-10 10 1.00", "r 10-10..11-01 21 21.00"]);
    let to = bill.lines[1].usage.readings_of(bill.lines[1].period).unwrap();
    assert_eq!((to.from.unwrap().quantity, to.to.unwrap().quantity), (decimal("10"), decimal("31")));
}

#[test]
fn what_grows_between_two_readings_belongs_to_the_later_one() {
    let mut world = world().usage(requests("r", "2020-10-01", "", &["10-09 9", "10-11 11", "11-01 31"]));
    world.prices = price_list(vec![
        PriceEntry { valid_until: Some(at("2020-10-10")), ..by_unit("Requests", "0.10") },
        PriceEntry { valid_from: at("2020-10-10"), ..by_unit("Requests", "1") },
    ]);
    assert_eq!(lines(&world.bill("g", "2020-10")), ["r 10-01..10-10 9 0.90", "r 10-10..11-01 22 22.00"]);
}

#[test]
fn each_payer_pays_what_was_counted_while_it_paid() {
    let usage = requests("r", "2020-10-01", "", &["10-15 10", "11-01 31"]);
    let moved = [segment("2020-01-01", "a"), segment("2020-10-15", "b")];
    let mut world = World::new([group("a"), group("b")]).project("p", &moved).usage(usage);
    world.prices = price_list(vec![by_unit("Requests", "0.10")]);
    assert_eq!(lines(&world.bill("a", "2020-10")), [""; 0]);
    assert_eq!(lines(&world.bill("b", "2020-10")), ["r 10-01..11-01 31 3.10"]);
    world.attribution = Attribution::Prorated;
    assert_eq!(lines(&world.bill("a", "2020-10")), ["r 10-01..10-15 10 1.00"]);
    assert_eq!(lines(&world.bill("b", "2020-10")), ["r 10-15..11-01 21 2.10"]);
}

#[test]
fn tiers_are_filled_by_what_was_counted() {
    let pricing = ScalePricing::Graduated(tiers(&[("100", "0"), ("", "0.05")]));
    let mut world = world().usage(requests("a", "2020-10-01", "", &["10-15 80", "11-01 120"])).usage(requests(
        "b",
        "2020-10-02",
        "",
        &["10-15 10", "11-01 40"],
    ));
    world.prices = price_list(vec![scaled("Requests", "0", Scope::Project, pricing)]);
    let bill = world.bill("g", "2020-10");
    assert_eq!(
        lines(&bill),
        ["a 10-01..11-01 100 0.00", "a 10-01..11-01 20 1.00", "b 10-02..11-01 40 2.00"],
        "in order of start"
    );
}

#[test]
fn a_price_for_running_time_is_a_problem_and_never_a_guess() {
    for (entry, unit) in [(hourly("Requests", "1"), "Hour"), (monthly("Requests", "1"), "Month")] {
        let mut world = world().usage(requests("r", "2020-10-01", "", &[]));
        world.prices = price_list(vec![entry]);
        let bill = world.bill("g", "2020-10");
        assert_eq!((lines(&bill), problems(&bill.problems)), (vec![], vec!["r PricedByTime".to_owned()]));
        assert!(bill.problems[0].to_string().contains(&format!("is a price by the {unit}")));
        assert_eq!(Hold::of_problem(&bill.problems[0]).unwrap().reason, HoldReason::Unpriced);
    }
    let mut world = world().usage(requests("r", "2020-10-01", "", &["10-02 1"]));
    world.prices = price_list(vec![PriceEntry { valid_from: at("2020-10-10"), ..by_unit("Requests", "1") }]);
    assert_eq!(problems(&world.bill("g", "2020-10").problems), ["r Unpriced"]);
}

#[test]
fn counters_of_one_service_may_count_at_once_and_those_of_two_clusters_are_two_services() {
    let same =
        |record: &str| Usage { service: service("r", "Requests"), ..requests(record, "2020-10-01", "", &["11-01 1"]) };
    assert_eq!(world().usage(same("a")).usage(same("b")).bill("g", "2020-10").problems, []);
    let runs = |record: &str, cluster: Option<&str>| {
        let service = Service { cluster: cluster.map(name), ..Service::clone(&service("db", "PostgreSQL")) };
        Usage { service: service.into(), ..usage(record, "p", "2020-10-01", "2020-10-02") }
    };
    let two = world().usage(runs("a", Some("north"))).usage(runs("b", Some("south"))).usage(runs("c", None));
    assert_eq!(two.bill("g", "2020-10").problems, []);
    let one = world().usage(runs("a", Some("north"))).usage(runs("b", Some("north")));
    assert_eq!(problems(&one.bill("g", "2020-10").problems), ["b OverlappingUsage"]);
}

/// What a month of a group waits for, as `record at last`.
fn awaited(world: &World, group: &str) -> Vec<String> {
    let readings = awaited_readings(&world.input(group, "2020-10", at("2020-11-02")));
    let shown = |reading: &AwaitedReading| {
        let day = |instant: Timestamp| instant.format("%m-%d").to_string();
        format!("{} {} {}", reading.record, day(reading.at), reading.last.map_or("never".to_owned(), day))
    };
    readings.iter().map(shown).collect()
}

#[test]
fn a_month_waits_for_the_reading_at_its_end_and_for_nothing_of_what_is_ended() {
    let of = |end: &str, readings: &[&str]| awaited(&world().usage(requests("r", "2020-10-01", end, readings)), "g");
    assert_eq!(of("", &[]), ["r 11-01 never"]);
    assert_eq!(of("", &["10-31 5"]), ["r 11-01 10-31"]);
    assert_eq!(of("", &["11-01 5"]), [""; 0]);
    assert_eq!(of("2020-10-20", &["10-15 5"]), [""; 0]);
    let replaced = Usage { replaces: Some(name("r")), ..usage("new", "p", "2020-10-01", "2020-10-02") };
    let world = world().usage(requests("r", "2020-10-01", "", &[])).usage(replaced);
    assert_eq!(awaited(&world, "g"), [""; 0]);
}

#[test]
fn a_payer_waits_for_a_reading_after_its_own_time_only() {
    let usage = requests("r", "2020-10-01", "", &["10-15 10"]);
    let moved = [segment("2020-01-01", "a"), segment("2020-10-15", "b")];
    let mut world = World::new([group("a"), group("b")]).project("p", &moved).usage(usage);
    world.attribution = Attribution::Prorated;
    assert_eq!((awaited(&world, "a"), awaited(&world, "b")), (vec![], vec!["r 11-01 10-15".to_owned()]));
}

#[test]
fn what_is_read_late_is_billed_by_the_next_final_and_once() {
    let mut simulator = ClosingSimulator::new(world(), "2020-10");
    simulator.usage(requests("r", "2020-10-01", "", &["10-20 10"]));
    simulator.usage(requests("idle", "2020-10-01", "", &["10-20 0"]));
    assert_eq!(lines(&simulator.close("2020-10")), ["r 10-01..11-01 10 1.00"]);
    assert_eq!(items(&simulator.look("2020-11")), [""; 0]);
    simulator.usage(requests("r", "2020-10-01", "", &["10-20 10", "10-25 15"]));
    simulator.usage(requests("idle", "2020-10-01", "", &["10-20 0", "11-01 2"]));
    let november = simulator.look("2020-11");
    assert_eq!(adjustments(&november), ["2020-10 idle 0.20", "2020-10 r 0.50"]);
    let Some(Adjustment { kind: AdjustmentKind::Correction { billed, due, readings, .. }, .. }) =
        &november.items[1].adjustment
    else {
        panic!("{:?}", november.items)
    };
    assert_eq!((*billed, *due), (money("1.00", "USD"), money("1.50", "USD")));
    assert_eq!(readings.unwrap().to.unwrap().quantity, decimal("15"));
    simulator.enter("2020-11", &november);
    assert_eq!(items(&simulator.look("2020-12")), [""; 0], "once");
    simulator.usage(requests("r", "2020-10-01", "2020-11-01", &["10-20 10", "10-25 15", "11-01 16"]));
    assert_eq!(adjustments(&simulator.look("2020-12")), ["2020-10 r 0.10"]);
    // That it ended takes nothing away.
    simulator.usage(requests("idle", "2020-10-01", "2020-10-21", &["10-20 0"]));
    let replaced = Usage { replaces: Some(name("r")), ..requests("less", "2020-10-01", "2020-11-01", &["11-01 4"]) };
    simulator.usage(replaced);
    let december = simulator.close("2020-12");
    assert_eq!(december.subtotal, money("-1.30", "USD"), "idle 0.20, r 1.50 back, less 0.40");
    assert_eq!(items(&simulator.look("2021-01")), [""; 0]);
}

#[test]
fn at_prices_with_tiers_what_is_read_late_is_one_line_for_the_project() {
    let pricing = ScalePricing::Graduated(tiers(&[("100", "0.10"), ("", "0.05")]));
    let mut world = world();
    world.prices = price_list(vec![scaled("Requests", "0", Scope::Project, pricing)]);
    let mut simulator = ClosingSimulator::new(world, "2020-10");
    simulator.usage(requests("a", "2020-10-01", "", &["10-20 80"]));
    simulator.usage(requests("b", "2020-10-02", "", &["11-01 40"]));
    assert_eq!(simulator.close("2020-10").subtotal, money("11.00", "USD"));
    simulator.usage(requests("a", "2020-10-01", "", &["10-20 80", "11-01 130"]));
    let november = simulator.look("2020-11");
    assert_eq!(november.subtotal, money("2.50", "USD"), "170 are 13.50");
    assert_eq!(november.items.len(), 1);
    simulator.enter("2020-11", &november);
    assert_eq!(items(&simulator.look("2020-12")), [""; 0]);
}

/// What came together before is what the last document says: not what the first one had read.
#[test]
fn what_came_together_before_is_what_the_last_document_says() {
    let pricing = ScalePricing::Graduated(tiers(&[("100", "0.10"), ("", "0.05")]));
    let mut world = world();
    world.prices = price_list(vec![scaled("Requests", "0", Scope::Project, pricing)]);
    let mut simulator = ClosingSimulator::new(world, "2020-10");
    let refilled = |simulator: &mut ClosingSimulator, of: &str| {
        let bill = simulator.close(of);
        let told = |item: &Item| match &item.adjustment.as_ref()?.kind {
            AdjustmentKind::Refill { before, after, .. } => {
                Some((before.to_string(), after.to_string(), item.total.to_string()))
            }
            _ => None,
        };
        bill.items.iter().filter_map(told).collect::<Vec<_>>()
    };
    let told = |before: &str, after: &str, total: &str| vec![(before.to_owned(), after.to_owned(), total.to_owned())];
    simulator.usage(requests("a", "2020-10-01", "", &["10-20 80"]));
    simulator.usage(requests("b", "2020-10-02", "", &["10-31 40"]));
    assert_eq!(refilled(&mut simulator, "2020-10"), []);
    simulator.usage(requests("a", "2020-10-01", "", &["10-20 80", "10-25 130"]));
    assert_eq!(refilled(&mut simulator, "2020-11"), told("120", "170", "2.50"));
    simulator.usage(requests("a", "2020-10-01", "", &["10-20 80", "10-25 130", "11-01 140"]));
    assert_eq!(refilled(&mut simulator, "2020-12"), told("170", "180", "0.50"));
    // One that comes late has a line of its own, and nothing moves. One that is taken back is in it until then.
    simulator.usage(requests("late", "2020-10-03", "", &["11-01 20"]));
    assert_eq!(refilled(&mut simulator, "2021-01"), []);
    simulator.usage(Usage { replaces: Some(name("a")), ..requests("less", "2020-10-01", "", &["11-01 15"]) });
    assert_eq!(refilled(&mut simulator, "2021-02"), told("200", "75", "-1.00"));
    simulator.usage(requests("b", "2020-10-02", "", &["10-31 40", "11-01 50"]));
    assert_eq!(refilled(&mut simulator, "2021-03"), told("75", "85", "1.00"));
}

#[test]
fn a_metered_record_is_settled_once_it_is_ended_and_billed_as_it_is_read() {
    let mut simulator = ClosingSimulator::new(world(), "2020-10");
    let open = requests("r", "2020-10-01", "", &["11-01 10"]);
    simulator.usage(open.clone());
    simulator.close("2020-10");
    let settled = |simulator: &ClosingSimulator, usage: &Usage| {
        let records = BilledUsage { organization: &simulator.world.organization, billed: &simulator.world.billed };
        is_settled_within(records, &simulator.months_until("2020-11"), usage)
    };
    assert!(!settled(&simulator, &open), "who reads it may read on");
    let ended = requests("r", "2020-10-01", "2020-11-01", &["11-01 10"]);
    assert!(settled(&simulator, &ended));
    assert!(!settled(&simulator, &requests("r", "2020-10-01", "2020-11-01", &["11-01 11"])));
}

/// A metered record of October, what is read of it, and how many readings are there when so many months are closed.
#[derive(Debug, Clone)]
struct Counter {
    usage: Usage,
    known: [usize; 3],
}

impl Counter {
    /// The record with as many readings.
    fn with(&self, count: usize) -> Usage {
        let metering = self.usage.metering.as_ref().unwrap();
        let readings = Readings::new(metering.readings.iter().take(count)).unwrap();
        Usage { metering: Some(Box::new(Metering { readings, ..Metering::clone(metering) })), ..self.usage.clone() }
    }

    fn count(&self) -> usize {
        self.usage.metering.as_ref().unwrap().readings.iter().count()
    }
}

fn counter(number: usize) -> impl Strategy<Value = Counter> {
    let rises = prop::collection::vec((1_i64..200_000, select(vec!["0", "1", "0.000001", "12.345678", "250"])), 0..12);
    let known = prop::array::uniform3(any::<prop::sample::Index>());
    let what = (0_i64..20 * 86_400, select(vec!["p", "q"]), any::<bool>());
    (what, rises, known).prop_map(move |((start, project, ended), rises, known)| {
        let record = format!("r{number}");
        let (start, until) = (at("2020-10-01") + TimeDelta::seconds(start), at("2020-11-01"));
        let (mut last, mut quantity, mut readings) = (start, Decimal::ZERO, Vec::new());
        for (seconds, more) in rises {
            (last, quantity) = (last + TimeDelta::seconds(seconds), quantity + decimal(more));
            if last <= until {
                readings.push(Reading { at: last, quantity });
            }
        }
        let end = readings.last().filter(|_| ended).map_or(until, |last| last.at);
        let mut known = known.map(|index| index.index(readings.len() + 1));
        known.sort_unstable();
        let readings = Readings::new(readings).unwrap();
        let usage = Usage {
            start,
            end: Some(end),
            service: service(&record, "Requests"),
            metering: Some(Box::new(Metering { readings, is_ended: ended, meter: None })),
            ..usage(&record, project, "2020-10-01", "")
        };
        Counter { usage, known }
    })
}

fn counters() -> impl Strategy<Value = Vec<Counter>> {
    (1..5_usize).prop_flat_map(|count| (0..count).map(counter).collect::<Vec<_>>())
}

/// Two groups and two projects, one of which moves; a price that changes, or one with a scale.
fn any_world() -> impl Strategy<Value = World> {
    let instant = || (0_i64..31 * 86_400).prop_map(|seconds| at("2020-10-01") + TimeDelta::seconds(seconds));
    let scale = prop_oneof![1 => Just(None), 1 => super::properties::worlds::scale()];
    (instant(), instant(), any::<bool>(), scale).prop_map(|(moves, changes, prorated, scale)| {
        let first = segment("2020-01-01", "a");
        let moved = Segment { from: moves, ..segment("2020-01-01", "b") };
        let mut world =
            World::new([group("a"), group("b")]).project("p", &[first.clone(), moved]).project("q", &[first]);
        let before = PriceEntry { valid_until: Some(changes), ..by_unit("Requests", "0.333") };
        let after = PriceEntry { valid_from: changes, ..by_unit("Requests", "1.1") };
        world.prices = match scale {
            None => price_list(vec![before, after]),
            scale => {
                let entry = by_unit("Requests", "0.333");
                price_list(vec![PriceEntry { price: UnitPrice { scale, ..entry.price }, ..entry }])
            }
        };
        world.attribution = if prorated { Attribution::Prorated } else { Attribution::MonthEnd };
        world
    })
}

const MONTHS: [&str; 4] = ["2020-10", "2020-11", "2020-12", "2021-01"];

/// Closes the months, with as many readings as `known` says by then.
fn close_with(world: &World, counters: &[Counter], known: impl Fn(&Counter, usize) -> usize) -> ClosingSimulator {
    let mut simulator = ClosingSimulator::new(world.clone(), MONTHS[0]);
    for (index, month) in MONTHS[..3].iter().enumerate() {
        counters.iter().for_each(|counter| simulator.usage(counter.with(known(counter, index))));
        simulator.close(month);
    }
    simulator
}

/// What finals bill in all, by group, and by record, or by project where others come together with it.
fn sums(simulator: &ClosingSimulator) -> BTreeMap<(Uid, Name), i128> {
    let (billed, mut sums) = (&simulator.world.billed, BTreeMap::new());
    for usage in simulator.world.organization.projects().flat_map(|project| project.usage()) {
        let is_scaled = simulator.world.prices.has_scales();
        let whose = if is_scaled { &usage.project } else { &usage.name };
        for part in billed.parts(&usage.name) {
            *sums.entry((billed.final_about(part).unwrap().group, whose.clone())).or_default() += part.total();
        }
    }
    for (group, refill) in billed.refills() {
        *sums.entry((group, refill.project.clone())).or_default() += refill.total.minor();
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

proptest! {
    #![proptest_config(ProptestConfig { cases: histories(128) as u32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_that_is_counted_is_charged_once(world in any_world(), counters in counters()) {
        let world = counters.iter().fold(world, |world, counter| world.usage(counter.usage.clone()));
        let mut charged: BTreeMap<Name, Decimal> = BTreeMap::new();
        for group in ["a", "b"] {
            for line in world.bill(group, MONTHS[0]).lines {
                *charged.entry(line.usage.name.clone()).or_default() += decimal(&line.quantity());
            }
        }
        let counted = counters.iter().filter_map(|counter| {
            let last = counter.usage.metering.as_ref().unwrap().readings.last()?;
            (!last.quantity.is_zero()).then(|| (counter.usage.name.clone(), last.quantity))
        });
        let charged: BTreeMap<_, _> = charged.into_iter().map(|(record, sum)| (record, sum.normalize())).collect();
        prop_assert_eq!(charged, counted.collect::<BTreeMap<_, _>>());
    }

    #[test]
    fn final_and_adjustments_are_the_bill_that_knew_all(world in any_world(), counters in counters()) {
        let told = close_with(&world, &counters, |counter, month| if month < 2 { counter.known[month] } else { counter.count() });
        let at_leisure = close_with(&world, &counters, |counter, _| counter.count());
        prop_assert_eq!(sums(&told), sums(&at_leisure));
    }

    #[test]
    fn nothing_that_is_read_is_adjusted_twice(world in any_world(), counters in counters()) {
        let mut simulator = close_with(&world, &counters, |counter, month| counter.known[month]);
        for group in ["a", "b"] {
            prop_assert_eq!(adjustments(&simulator.look_of(group, MONTHS[3])), [""; 0]);
        }
    }

    #[test]
    fn the_audit_catches_every_mutant_of_a_line(
        world in any_world(),
        counters in counters(),
        choice in any::<prop::sample::Index>(),
    ) {
        let world = counters.iter().fold(world, |world, counter| world.usage(counter.usage.clone()));
        let bill = world.bill("a", MONTHS[0]);
        prop_assume!(!bill.lines.is_empty());
        let at = choice.index(bill.lines.len());
        let input = world.input("a", MONTHS[0], month(MONTHS[0]).end());
        let changed = |change: &dyn Fn(&mut Bill)| {
            let mut mutant = bill.clone();
            change(&mut mutant);
            mutant
        };
        let shorter = |period: Period| Period::new(period.start(), period.end() - TimeDelta::seconds(1)).unwrap();
        let mutants = [
            ("dearer by a cent", changed(&|bill| {
                bill.lines[at].total = bill.lines[at].total.checked_add(money("0.01", "USD")).unwrap();
            })),
            ("dropped", changed(&|bill| drop(bill.lines.remove(at)))),
            ("doubled", changed(&|bill| bill.lines.insert(at, bill.lines[at].clone()))),
            ("shorter", changed(&|bill| bill.lines[at].period = shorter(bill.lines[at].period))),
        ];
        for (title, mutant) in mutants {
            prop_assert!(!audit(&input, &mutant).is_empty(), "{} is not noticed", title);
        }
    }
}
