//! Months that become final one after the other, while usage comes in late, is read late, ends late and is replaced, notes take finals
//! back, some are issued again for another buyer, and groups go.

mod office;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;
use rust_decimal::Decimal;

use self::office::{Closed, Engine, closed, closed_by, encoded_history};
use super::*;
use crate::tests::late::closing_simulator::ClosingSimulator;
use crate::tests::late::properties::{MONTHS, Story, histories, stories, world};
use crate::tests::properties::taxes::{any_buyer, any_issuer};
use crate::tests::properties::worlds::{credits, scale, terms};

/// Each of six months of two or three groups: some 18,000 bills. `make histories` compares more.
const HISTORIES: usize = 1_400;

/// So many are held in memory at once.
const AT_ONCE: usize = 500;

/// What happens to a world that has no usage yet.
#[derive(Debug, Clone)]
struct History {
    world: World,
    /// What comes in, and when.
    stories: Vec<Story>,
    /// What is counted, and when it is read.
    counters: Vec<Counter>,
    /// How far back months are settled.
    window: LateUsageWindow,
    /// Which notes are issued.
    notes: Vec<NoteStory>,
    /// How running time becomes hours, by month.
    hours: Vec<HourRule>,
    /// The price lists that the groups have, by month.
    prices: Vec<PriceLists>,
    /// Who buys for which group, after so many closed months.
    buyers: Vec<(usize, &'static str, Buyer)>,
    /// After how many closed months groups are gone.
    ends: Vec<(usize, &'static str)>,
}

/// A metered record with all its readings, after how many closed months it comes in, how many of its readings are known by month, and
/// whether it is ended once all are.
#[derive(Debug, Clone)]
struct Counter {
    usage: Usage,
    arrives: usize,
    known: Vec<usize>,
    ended: bool,
}

impl Counter {
    fn readings(&self) -> Vec<Reading> {
        self.usage.metering.as_ref().map(|metering| metering.readings.iter().collect()).unwrap_or_default()
    }

    /// After how many closed months all of it is known.
    fn complete(&self) -> usize {
        self.known.iter().position(|count| *count == self.readings().len()).unwrap_or(MONTHS.len())
    }

    /// The record as it is known after so many closed months.
    fn at(&self, index: usize) -> Usage {
        let readings = self.readings();
        let is_ended = self.ended && self.complete() <= index;
        let end = readings.last().filter(|_| is_ended).map_or(Month::of(self.usage.start).end(), |last| last.at);
        let readings = Readings::new(readings.into_iter().take(self.known[index])).unwrap();
        let metering = Metering { readings, is_ended, meter: None };
        Usage { end: Some(end), metering: Some(Box::new(metering)), ..self.usage.clone() }
    }
}

fn counter(number: usize) -> impl Strategy<Value = Counter> {
    let rises = (1_i64..400_000, select(vec!["0", "1", "0.000001", "12.345678", "250"]));
    let when = (select(MONTHS[..3].to_vec()), 0_i64..20 * 86_400, 0..4_usize);
    let what = (select(vec!["p", "q"]), any::<bool>(), prop::option::weighted(0.3, 0..4_usize));
    let known = prop::collection::vec(any::<Index>(), MONTHS.len());
    (when, prop::collection::vec(rises, 1..8), what, known).prop_map(
        move |((of, seconds, arrives), rises, (project, ended, replaces), known)| {
            let start = month(of).start() + chrono::TimeDelta::seconds(seconds);
            let (mut at, mut quantity, mut readings) = (start, Decimal::ZERO, Vec::new());
            for (seconds, more) in rises {
                (at, quantity) = (at + chrono::TimeDelta::seconds(seconds), quantity + decimal(more));
                if at <= month(of).end() {
                    readings.push(Reading { at, quantity });
                }
            }
            let mut known: Vec<usize> = known.iter().map(|count| count.index(readings.len() + 1)).collect();
            known.sort_unstable();
            let record = format!("m{number}");
            let others = [format!("m{}", number.wrapping_sub(1)), "r0".to_owned()];
            let metering = Metering { readings: Readings::new(readings).unwrap(), is_ended: false, meter: None };
            let usage = Usage {
                start,
                service: service(&record, "Requests"),
                metering: Some(Box::new(metering)),
                replaces: replaces.and_then(|which| others.get(which)).map(|other| name(other)),
                ..usage(&record, project, "2020-10-01", "")
            };
            Counter { usage, arrives, known, ended }
        },
    )
}

fn counters() -> impl Strategy<Value = Vec<Counter>> {
    let some = (1..4_usize).prop_flat_map(|count| (0..count).map(counter).collect::<Vec<_>>());
    prop_oneof![3 => Just(Vec::new()), 2 => some]
}

/// A credit note that is issued after so many months are closed, over the final of one of them.
#[derive(Debug, Clone)]
struct NoteStory {
    after: usize,
    group: &'static str,
    over: Index,
    /// In full, where that may be; else so much of one line, in per cent of what is left of it.
    full: bool,
    /// To be issued again, where that may be, to this buyer.
    again: Option<Buyer>,
    line: Index,
    percent: i128,
}

fn note_story() -> impl Strategy<Value = NoteStory> {
    let (when, what) = ((0..5_usize, select(vec!["a", "a", "b"]), any::<Index>()), (any::<Index>(), 1..=100_i128));
    let how = (prop::bool::weighted(0.3), prop::option::weighted(0.7, any_buyer()));
    (when, how, what).prop_map(|((after, group, over), (full, again), (line, percent))| NoteStory {
        after,
        group,
        over,
        full,
        again,
        line,
        percent,
    })
}

fn history() -> impl Strategy<Value = History> {
    let code = || select(vec!["USD", "USD", "JPY", "KWD"]);
    let group = || (code(), any_buyer(), prop::option::weighted(0.9, terms()));
    // Most without a limit, so that old months are adjusted, too.
    let window = select(vec![0, 0, 0, 1, 2, 3]).prop_map(LateUsageWindow::of_months);
    let notes = prop::collection::vec(note_story(), 0..10);
    let of_world = (world(), any_issuer(), credits(), group(), group());
    let usage = (with_slips(), counters(), requests());
    let groups = (buyers(), ends(), prop::bool::weighted(0.15));
    (of_world, usage, window, notes, (rules_of_hours(), later_prices()), groups).prop_map(
        |(
            (world, issuer, credits, a, b),
            (stories, counters, requests),
            window,
            notes,
            (hours, later),
            (buyers, ends, elsewhere),
        )| {
            let mut world = World { issuer, credits, rates: quoted(), ..world };
            for (name, (code, buyer, terms)) in [("a", a), ("b", b)] {
                let group = world.organization.group(uid(name)).unwrap().clone();
                // What is agreed is in dollars.
                let terms = terms.filter(|_| code == "USD").map_or_else(|| group.terms.clone(), Ok);
                world.organization.put_group(Group { currency: Some(currency(code)), buyer, terms, ..group });
            }
            if !ends.is_empty() {
                // The primary group that is left when the other one is gone; another legal entity bills some.
                let currency = world.organization.group(uid("a")).unwrap().currency;
                let issuer = name(if elsewhere { "elsewhere" } else { "default" });
                world.organization.put_group(Group { currency, issuer, created: at("2020-05-01"), ..primary("c") });
            }
            let world = ClosingSimulator::new(world, MONTHS[0]).world;
            let first = with_more(&world.prices, &requests);
            let from = later.as_ref().map_or(MONTHS.len(), |(from, _)| *from);
            let of_month =
                |index| if index < from { &first } else { later.as_ref().map_or(&first, |(_, later)| later) };
            let prices = (0..MONTHS.len()).map(of_month).cloned().collect();
            History { world, stories, counters, window, notes, hours, prices, buyers, ends }
        },
    )
}

/// What requests cost: as much as they are, or one price after the other.
fn requests() -> impl Strategy<Value = Vec<PriceEntry>> {
    let changing = (0_i64..92 * 86_400).prop_map(|seconds| {
        let changes = month(MONTHS[0]).start() + chrono::TimeDelta::seconds(seconds);
        let before = PriceEntry { valid_until: Some(changes), ..by_unit("Requests", "0.333") };
        vec![before, PriceEntry { valid_from: changes, ..by_unit("Requests", "1.1") }]
    });
    let filling = scale().prop_map(|scale| {
        let entry = by_unit("Requests", "0.333");
        vec![PriceEntry { price: UnitPrice { scale, ..entry.price }, ..entry }]
    });
    prop_oneof![changing, filling]
}

/// Somebody else buys.
fn buyers() -> impl Strategy<Value = Vec<(usize, &'static str, Buyer)>> {
    prop::collection::vec((1..6_usize, select(vec!["a", "b"]), any_buyer()), 0..3)
}

/// Most groups stay.
fn ends() -> impl Strategy<Value = Vec<(usize, &'static str)>> {
    let some = (1..5_usize, select(vec![2_usize, 3, 4, 9])).prop_map(|(b, a)| vec![(b, "b"), (a, "a")]);
    prop_oneof![3 => Just(Vec::new()), 1 => some]
}

/// Some name a plan of their own, and some of these write it in another way than price lists do.
fn with_slips() -> impl Strategy<Value = Vec<Story>> {
    let plans = ["Hobbyist"; 8].into_iter().chain(["Business", "business", "\u{ff22}usiness"]);
    let plans = prop::collection::vec(select(plans.collect::<Vec<_>>()), 10);
    (stories(), plans).prop_map(|(mut stories, plans)| {
        for (story, plan) in stories.iter_mut().zip(plans) {
            story.usage.service = Service { plan: Some(name(plan)), ..Service::clone(&story.usage.service) }.into();
        }
        stories
    })
}

/// The same in all months, or another one from some month on, and back.
fn rules_of_hours() -> impl Strategy<Value = Vec<HourRule>> {
    (any::<bool>(), prop::option::of((1..5_usize, 1..3_usize))).prop_map(|(exact, other)| {
        let rule = |exact| if exact { HourRule::Exact } else { HourRule::Ceil };
        let is_other = |index: &usize| other.is_some_and(|(from, months)| (from..from + months).contains(index));
        (0..MONTHS.len()).map(|index| rule(exact != is_other(&index))).collect()
    })
}

/// The lists that take the place of the first one, and from which month on.
fn later_prices() -> impl Strategy<Value = Option<(usize, PriceLists)>> {
    let later = scale().prop_map(|scale| {
        let setup = by_unit("Setup", "12.345");
        let setup = PriceEntry { price: UnitPrice { scale, ..setup.price }, ..setup };
        let entries = [hourly("PostgreSQL", "0.0471"), business("0.03"), setup, by_unit("Requests", "0.2")];
        let of = |list: &str| {
            let entries = entries.iter().map(|entry| PriceEntry { list: name(list), ..entry.clone() });
            PriceList::new(name(list), uid(list), 1, currency("USD"), entries.collect()).unwrap()
        };
        PriceLists::from(of("later"))
    });
    prop::option::of((1..5_usize, later))
}

/// A plan at a price of its own.
fn business(amount: &str) -> PriceEntry {
    PriceEntry { name: name("business"), plan: Some(name("Business")), ..hourly("PostgreSQL", amount) }
}

fn with_more(prices: &PriceLists, requests: &[PriceEntry]) -> PriceLists {
    let kinds = ["PostgreSQL", "Setup"].map(name);
    let entries = |list: &PriceList| kinds.iter().flat_map(|kind| list.entries_for(kind)).cloned().collect::<Vec<_>>();
    price_list(prices.iter().flat_map(entries).chain([business("0.07")]).chain(requests.iter().cloned()).collect())
}

/// Other quotes for every month.
fn quoted() -> Rates {
    let days = ["2020-10-30", "2020-12-01", "2020-12-31", "2021-01-29", "2021-02-26"];
    let dollars = ["1.1698", "1.1968", "1.2271", "1.2136", "1.2121"];
    let yen = ["122.36", "124.87", "126.49", "127.05", "128.83"];
    let dinars = ["0.35772", "0.36545", "0.37332", "0.36724", "0.36684"];
    let of = |code, rates: [&'static str; 5]| (0..5).map(move |index| (days[index], code, rates[index]));
    rates("ecb", &of("USD", dollars).chain(of("JPY", yen)).chain(of("KWD", dinars)).collect::<Vec<_>>())
}

#[test]
fn what_finals_adjust_and_carry_forward_is_what_an_independent_implementation_says() {
    let mut runner = TestRunner::deterministic();
    let (mut seen, mut compared, count) = (BTreeMap::new(), 0, histories(HISTORIES));
    while compared < count {
        let some = AT_ONCE.min(count - compared);
        let histories: Vec<History> = (0..some).map(|_| history().new_tree(&mut runner).unwrap().current()).collect();
        compare(&histories, &mut seen);
        compared += some;
    }
    let least = [
        ("late", 1_500),
        ("correction", 400),
        ("part", 400),
        ("refill", 100),
        ("fee", 60),
        ("credit given back", 12),
        ("carried", 400),
        ("carried on", 300),
        ("note", 300),
        ("another rule of hours", 300),
        ("other price lists", 300),
        ("slip of the pen", 250),
        ("note in full", 30),
        ("issued again", 100),
        ("issued again with another tax", 5),
        ("adjustment of what was issued again", 10),
        ("read late", 100),
        ("line of readings on a scale", 100),
        ("group that is gone", 300),
        ("settled for a group that is gone", 100),
        ("part of a group that is gone", 20),
        ("correction of what a note took back", 30),
    ];
    let found = |what: &str| seen.get(what).copied().unwrap_or_default();
    let few = least.iter().filter(|(what, least)| found(what) < *least);
    let few: Vec<_> = few.map(|(what, least)| format!("{what}: {} of {least}", found(what))).collect();
    assert!(few.is_empty(), "too few to tell: {few:?}");
}

/// Of histories that change something, some show that an engine does not.
#[test]
fn the_independent_implementation_finds_an_engine_that_forgets_what_closed_months_keep() {
    let mut runner = TestRunner::deterministic();
    let mut unseen = Engine::WRONG.to_vec();
    for _ in 0..20 {
        let histories: Vec<History> = (0..30).map(|_| history().new_tree(&mut runner).unwrap().current()).collect();
        let closed: Vec<_> = histories.iter().map(closed).collect();
        let encoded: Vec<_> = histories.iter().zip(&closed).map(|(one, closed)| encoded_history(one, closed)).collect();
        let expected = reference(&encoded);
        closed.iter().zip(&expected).for_each(|(closed, expected)| assert_eq!(&json!(closed.answers), expected));
        let shows = |engine: &Engine| {
            let mut all = histories.iter().zip(&expected);
            all.any(|(history, expected)| json!(closed_by(*engine, history).answers) != *expected)
        };
        unseen.retain(|engine| !shows(engine));
        if unseen.is_empty() {
            return;
        }
    }
    panic!("none of 600 histories shows {unseen:?}");
}

/// Closes the months of histories in both implementations.
fn compare(histories: &[History], seen: &mut BTreeMap<&'static str, usize>) {
    let closed: Vec<_> = histories.iter().map(closed).collect();
    let encoded: Vec<Value> =
        histories.iter().zip(&closed).map(|(history, closed)| encoded_history(history, closed)).collect();
    histories.iter().for_each(|history| history.count(seen));
    for ((Closed { answers, notes, .. }, encoded), expected) in closed.iter().zip(&encoded).zip(reference(&encoded)) {
        let expected = expected.as_array().unwrap();
        assert_eq!(answers.len(), expected.len(), "{encoded}");
        let mut again = BTreeSet::new();
        for (answer, expected) in answers.iter().zip(expected) {
            assert_eq!(answer, expected, "{encoded}");
            match answer["number"].as_str() {
                Some(number) => drop(again.insert(number)),
                None => count_adjustments(seen, answer, &again),
            }
        }
        *seen.entry("note").or_default() += notes.len();
        *seen.entry("note in full").or_default() += notes.iter().filter(|note| note["full"] == true).count();
        *seen.entry("issued again").or_default() += again.len();
        let otherwise = notes.iter().filter(|note| note["taxed otherwise"] == true).count();
        *seen.entry("issued again with another tax").or_default() += otherwise;
    }
}

impl History {
    /// How many of these change something that closed months keep.
    fn count(&self, seen: &mut BTreeMap<&'static str, usize>) {
        let hours = usize::from(self.hours.windows(2).any(|pair| pair[0] != pair[1]));
        let prices = usize::from(self.prices.windows(2).any(|pair| !pair[0].names().eq(pair[1].names())));
        let is_slip =
            |story: &&Story| self.prices.iter().any(|lists| lists.misspelling(&story.usage.service).is_some());
        *seen.entry("slip of the pen").or_default() += self.stories.iter().filter(is_slip).count();
        *seen.entry("another rule of hours").or_default() += hours;
        *seen.entry("other price lists").or_default() += prices;
        *seen.entry("group that is gone").or_default() +=
            self.ends.iter().filter(|(end, _)| *end < MONTHS.len()).count();
    }
}

fn count_adjustments(seen: &mut BTreeMap<&str, usize>, bill: &Value, again: &BTreeSet<&str>) {
    let list = |what: &str| bill[what].as_array().unwrap();
    let (lines, adjustments) = (list("lines"), list("adjustments"));
    let corrections = adjustments.iter().filter(|encoded| encoded[2] != "").count();
    let parts = bill["parts"].as_array().unwrap();
    let carried = usize::from(bill["carried"].is_i64());
    let brought_forward = bill["brought"].as_i64() != Some(0);
    for (what, times) in [
        ("late", adjustments.len() - corrections),
        ("correction", corrections),
        ("correction of what a note took back", adjustments.iter().filter(|encoded| encoded[5].is_null()).count()),
        ("part", parts.len()),
        ("refill", bill["refills"].as_array().unwrap().len()),
        ("fee", parts.iter().filter(|part| part[1] == "CommitmentFee").count()),
        ("credit given back", bill["returned"].as_array().unwrap().len()),
        (
            "adjustment of what was issued again",
            adjustments.iter().filter(|told| again.contains(told[2].as_str().unwrap())).count(),
        ),
        ("read late", adjustments.iter().filter(|told| told[1].as_str().unwrap().starts_with('m')).count()),
        (
            "line of readings on a scale",
            lines.iter().filter(|line| line[0].as_str().unwrap().starts_with('m') && !line[9].is_null()).count(),
        ),
        ("settled for a group that is gone", adjustments.iter().filter(|told| told[6].is_string()).count()),
        ("part of a group that is gone", parts.iter().filter(|part| part[5].is_string()).count()),
        ("carried", carried),
        ("carried on", if brought_forward { carried } else { 0 }),
    ] {
        *seen.entry(what).or_default() += times;
    }
}
