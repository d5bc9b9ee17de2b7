//! Whatever comes in late, and in whatever order: closed months become whole, once.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::super::properties::worlds::scale;
use super::super::world::*;
use super::closing_simulator::ClosingSimulator;
use crate::*;

/// The months that have usage, and those after them.
pub const MONTHS: [&str; 6] = ["2020-10", "2020-11", "2020-12", "2021-01", "2021-02", "2021-03"];

/// A record, and how many months are closed when it comes in and when its end does.
#[derive(Debug, Clone)]
pub struct Story {
    pub usage: Usage,
    pub arrives: usize,
    pub ends: usize,
}

fn instant() -> impl Strategy<Value = Timestamp> {
    let shared = select(vec!["2020-10-01", "2020-10-20T10:30", "2020-11-01", "2020-11-20T23:59:59", "2020-12-01"]);
    let seconds = 0_i64..92 * 86_400;
    prop_oneof![shared.prop_map(at), seconds.prop_map(|seconds| at("2020-10-01") + chrono::TimeDelta::seconds(seconds)),]
}

/// `single` is whether it is priced by the unit.
fn story(number: usize, single: impl Strategy<Value = bool>) -> impl Strategy<Value = Story> {
    let when = (instant(), instant()).prop_filter("takes time", |(a, b)| a != b);
    let what = (select(vec!["p", "q"]), select(vec!["1", "2.345678", "0.000001"]), single);
    let replaces = prop::option::weighted(0.4, 0..number.max(1));
    (when, what, replaces, 0..4_usize, 0..4_usize).prop_map(
        move |((a, b), (project, quantity, single), replaces, arrives, later)| {
            let record = format!("r{number}");
            let usage = Usage {
                start: a.min(b),
                end: Some(a.max(b)),
                quantity: decimal(quantity),
                service: service(&record, if single { "Setup" } else { "PostgreSQL" }),
                replaces: replaces.filter(|_| number > 0).map(|other| name(&format!("r{other}"))),
                ..usage(&record, project, "2020-10-01", "")
            };
            Story { usage, arrives, ends: arrives.max(later) }
        },
    )
}

pub fn stories() -> impl Strategy<Value = Vec<Story>> {
    let mixed = (1..7_usize).prop_flat_map(|count| (0..count).map(|of| story(of, any::<bool>())).collect::<Vec<_>>());
    // So that some come together.
    let events = (4..10_usize).prop_flat_map(|count| (0..count).map(|of| story(of, Just(true))).collect::<Vec<_>>());
    prop_oneof![2 => mixed, 1 => events]
}

/// A primary group and another, and two projects, one of which moves.
pub fn world() -> impl Strategy<Value = World> {
    let moves = (instant(), select(vec!["a", "b", "gone"]), instant(), any::<bool>(), any::<bool>());
    let later = select(vec![
        hourly("PostgreSQL", "0.0333"),
        monthly("PostgreSQL", "29.99"),
        capped("PostgreSQL", "0.05", "19.99"),
    ]);
    let setup = prop_oneof![1 => Just(None), 2 => scale()];
    (moves, select(vec!["0", "10", "33.3333", "100"]), "2020-1[012]", later, setup).prop_map(
        |((at_move, to, price_change, prorated, exact), percent, last, later, scale)| {
            let entry = by_unit("Setup", "49.995");
            let setup = PriceEntry { price: UnitPrice { scale, ..entry.price }, ..entry };
            let validity = Validity { first: None, last: Some(month(&last)) };
            let discount = percent.parse().ok().map(|percent| Discount { name: name("d"), percent, validity });
            let terms = Ok(Terms { discounts: discount.into_iter().collect(), ..Terms::default() });
            let first = segment("2020-01-01", "a");
            let moved = Segment { from: at_move, ..segment("2020-01-01", to) };
            let mut world = World::new([Group { terms, ..primary("a") }, group("b")])
                .project("p", &[first.clone(), moved])
                .project("q", &[first]);
            world.prices = price_list(vec![
                PriceEntry { valid_until: Some(price_change), ..hourly("PostgreSQL", "0.026") },
                PriceEntry { valid_from: price_change, ..later },
                setup,
            ]);
            world.attribution = if prorated { Attribution::Prorated } else { Attribution::MonthEnd };
            world.hours = if exact { HourRule::Exact } else { HourRule::Ceil };
            world
        },
    )
}

/// The same, in a currency without digits, with two, or with three.
fn any_world() -> impl Strategy<Value = World> {
    (world(), select(vec!["JPY", "USD", "KWD"])).prop_map(|(mut world, code)| {
        let groups: Vec<Group> = world.organization.groups().cloned().collect();
        for group in groups {
            world.organization.put_group(Group { currency: Some(currency(code)), ..group });
        }
        let kinds = ["PostgreSQL", "Setup"].map(name);
        let entries = |list: &PriceList| kinds.iter().flat_map(|kind| list.entries_for(kind)).cloned().collect();
        world.prices = price_lists(code, world.prices.iter().map(entries).collect::<Vec<_>>());
        world
    })
}

/// By group, record and month: what finals bill in all, in minor units. What comes together with others is by project.
type Sums = BTreeMap<(Uid, Name, Month), i128>;

fn sums(simulator: &ClosingSimulator) -> Sums {
    let mut sums = Sums::new();
    let billed = &simulator.world.billed;
    for usage in simulator.world.organization.projects().flat_map(|project| project.usage()) {
        for part in billed.parts(&usage.name) {
            let group = billed.final_of(part).unwrap().group;
            let scaled = simulator.world.prices.tariff(&usage.service).at(usage.start).unwrap().price.scale.is_some();
            let whose = if scaled { &usage.project } else { &usage.name };
            *sums.entry((group, whose.clone(), part.month())).or_default() += part.total();
        }
    }
    for (group, refill) in billed.refills() {
        *sums.entry((group, refill.project.clone(), refill.month)).or_default() += refill.total.minor();
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

/// Closes all months, with what is known by then.
fn closed_as_told(world: &World, stories: &[Story]) -> ClosingSimulator {
    let mut simulator = ClosingSimulator::new(world.clone(), MONTHS[0]);
    for (index, month) in MONTHS[..5].iter().enumerate() {
        for Story { usage, ends, .. } in stories.iter().filter(|story| story.arrives <= index) {
            let end = usage.end.filter(|_| *ends <= index);
            simulator.usage(Usage { end, ..usage.clone() });
        }
        simulator.close(month);
    }
    simulator
}

/// Closes all months, with everything known from the first on.
fn closed_at_leisure(world: &World, stories: &[Story]) -> ClosingSimulator {
    let at_once: Vec<_> = stories.iter().map(|story| Story { arrives: 0, ends: 0, ..story.clone() }).collect();
    closed_as_told(world, &at_once)
}

/// A cent more.
fn cent(money: Money) -> Money {
    money.checked_add(Money::new(1, money.currency()).unwrap()).unwrap()
}

/// How many histories a test looks at: the sample, or what `make histories` asks for.
pub fn histories(sample: usize) -> usize {
    std::env::var("BILLING_HISTORIES").map_or(sample, |count| count.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: histories(192) as u32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn closed_months_become_whole_to_the_last_digit(world in any_world(), stories in stories()) {
        prop_assert_eq!(sums(&closed_as_told(&world, &stories)), sums(&closed_at_leisure(&world, &stories)));
    }

    #[test]
    fn nothing_is_adjusted_twice(world in any_world(), stories in stories()) {
        let mut simulator = closed_as_told(&world, &stories);
        for group in ["a", "b"] {
            prop_assert_eq!(super::closing_simulator::adjustments(&simulator.look_of(group, MONTHS[5])), [""; 0]);
        }
    }

    #[test]
    fn purging_what_finals_bill_changes_nothing(world in any_world(), stories in stories(), purged in any::<u16>()) {
        let mut simulator = closed_as_told(&world, &stories);
        let billed = |record: &String| !simulator.world.billed.parts(record).is_empty();
        let chosen = (0..stories.len()).filter(|index| purged >> index & 1 == 1);
        let purged: Vec<_> = chosen.map(|index| format!("r{index}")).filter(billed).collect();
        for record in purged {
            simulator.purge(&record);
            for group in ["a", "b"] {
                prop_assert_eq!(super::closing_simulator::adjustments(&simulator.look_of(group, MONTHS[5])), [""; 0]);
            }
        }
    }

    #[test]
    fn the_audit_catches_every_mutant_of_an_adjustment(
        world in any_world(),
        stories in stories(),
        choice in any::<prop::sample::Index>(),
    ) {
        let mut simulator = ClosingSimulator::new(world, MONTHS[0]);
        for month in &MONTHS[..3] {
            simulator.close(month);
        }
        stories.into_iter().for_each(|story| simulator.usage(story.usage));
        let bill = simulator.look_of("a", MONTHS[3]);
        let adjusting: Vec<_> = (0..bill.items.len()).filter(|at| bill.items[*at].adjustment.is_some()).collect();
        prop_assume!(!adjusting.is_empty());
        let at = adjusting[choice.index(adjusting.len())];
        let input = simulator.world.input("a", MONTHS[3], month(MONTHS[3]).end());
        let changed = |change: &dyn Fn(&mut Bill)| {
            let mut mutant = bill.clone();
            change(&mut mutant);
            mutant
        };
        let mutants = [
            ("dearer by a cent", changed(&|bill| bill.items[at].total = cent(bill.items[at].total))),
            ("dropped", changed(&|bill| drop(bill.items.remove(at)))),
            ("doubled", changed(&|bill| bill.items.insert(at, bill.items[at].clone()))),
            ("of another record", changed(&|bill| bill.items[at].source.name = name("nobody"))),
            ("of another month", changed(&|bill| bill.items[at].key = "2020-09".to_owned())),
            ("another amount carried forward", changed(&|bill| {
                bill.carried_forward = Some(bill.carried_forward.map_or(cent(Money::zero(bill.subtotal.currency())), cent));
            })),
        ];
        for (title, mutant) in mutants {
            prop_assert!(!audit(&input, &mutant).is_empty(), "{} is not noticed", title);
        }
    }
}
