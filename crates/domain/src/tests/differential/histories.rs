//! Months that become final one after the other, while usage comes in late, ends late and is replaced.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;

use super::*;
use crate::tests::late::closing_simulator::ClosingSimulator;
use crate::tests::late::properties::{MONTHS, Story, histories, stories, world};
use crate::tests::properties::taxes::{any_buyer, any_issuer};
use crate::tests::properties::worlds::{credits, scale, terms};

/// Each of six months of two groups: 16,800 bills. `make histories` compares more.
const HISTORIES: usize = 1_400;

/// So many are held in memory at once.
const AT_ONCE: usize = 500;

/// What happens to a world that has no usage yet.
#[derive(Debug, Clone)]
struct History {
    world: World,
    /// What comes in, and when.
    stories: Vec<Story>,
    /// How far back months are settled.
    window: LateUsageWindow,
    /// Which notes are issued.
    notes: Vec<NoteStory>,
    /// How running time becomes hours, by month.
    hours: Vec<HourRule>,
    /// The price lists that the groups have, by month.
    prices: Vec<PriceLists>,
}

/// A credit note that is issued after so many months are closed, over the final of one of them.
#[derive(Debug, Clone)]
struct NoteStory {
    after: usize,
    group: &'static str,
    over: Index,
    /// In full, where that may be; else so much of one line, in per cent of what is left of it.
    full: bool,
    line: Index,
    percent: i128,
}

fn note_story() -> impl Strategy<Value = NoteStory> {
    let (when, what) = ((0..5_usize, select(vec!["a", "a", "b"]), any::<Index>()), (any::<Index>(), 1..=100_i128));
    (when, prop::bool::weighted(0.2), what).prop_map(|((after, group, over), full, (line, percent))| NoteStory {
        after,
        group,
        over,
        full,
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
    (of_world, with_slips(), window, notes, rules_of_hours(), later_prices()).prop_map(
        |((world, issuer, credits, a, b), stories, window, notes, hours, later)| {
            let mut world = World { issuer, credits, rates: quoted(), ..world };
            for (name, (code, buyer, terms)) in [("a", a), ("b", b)] {
                let group = world.organization.group(uid(name)).unwrap().clone();
                // What is agreed is in dollars.
                let terms = terms.filter(|_| code == "USD").map_or_else(|| group.terms.clone(), Ok);
                world.organization.put_group(Group { currency: Some(currency(code)), buyer, terms, ..group });
            }
            let world = ClosingSimulator::new(world, MONTHS[0]).world;
            let (first, from) = (with_business(&world.prices), later.as_ref().map_or(MONTHS.len(), |(from, _)| *from));
            let of_month =
                |index| if index < from { &first } else { later.as_ref().map_or(&first, |(_, later)| later) };
            let prices = (0..MONTHS.len()).map(of_month).cloned().collect();
            History { world, stories, window, notes, hours, prices }
        },
    )
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
        let entries = [hourly("PostgreSQL", "0.0471"), business("0.03"), setup];
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

fn with_business(prices: &PriceLists) -> PriceLists {
    let kinds = ["PostgreSQL", "Setup"].map(name);
    let entries = |list: &PriceList| kinds.iter().flat_map(|kind| list.entries_for(kind)).cloned().collect::<Vec<_>>();
    price_list(prices.iter().flat_map(entries).chain([business("0.07")]).collect())
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
    for (what, least) in [
        ("late", 1_500),
        ("correction", 400),
        ("part", 400),
        ("refill", 100),
        ("fee", 60),
        ("credit given back", 20),
        ("carried", 500),
        ("carried on", 300),
        ("note", 300),
        ("another rule of hours", 300),
        ("other price lists", 300),
        ("slip of the pen", 300),
        ("note in full", 30),
        ("correction of what a note took back", 30),
    ] {
        let found = seen.get(what).copied().unwrap_or_default();
        assert!(found >= least, "{what}: {found} are too few to tell");
    }
}

/// Of histories that change something, some show that an engine does not.
#[test]
fn the_independent_implementation_finds_an_engine_that_forgets_what_closed_months_keep() {
    let mut runner = TestRunner::deterministic();
    let histories: Vec<History> = (0..60).map(|_| history().new_tree(&mut runner).unwrap().current()).collect();
    let closed: Vec<_> = histories.iter().map(closed).collect();
    let encoded: Vec<_> = histories.iter().zip(&closed).map(|(one, (_, notes))| encoded_history(one, notes)).collect();
    let expected = reference(&encoded);
    for engine in [Engine::Right, Engine::ForgetsHours, Engine::ForgetsPrices, Engine::SeesNoSlip] {
        let differs = |(history, expected): &(&History, &Value)| json!(closed_by(engine, history).0) != **expected;
        let found = histories.iter().zip(&expected).filter(differs).count();
        assert_eq!(found > 0, engine != Engine::Right, "{engine:?}: {found}");
    }
}

/// Closes the months of histories in both implementations.
fn compare(histories: &[History], seen: &mut BTreeMap<&'static str, usize>) {
    let closed: Vec<_> = histories.iter().map(closed).collect();
    let encoded: Vec<Value> =
        histories.iter().zip(&closed).map(|(history, (_, notes))| encoded_history(history, notes)).collect();
    histories.iter().for_each(|history| history.count(seen));
    for (((bills, notes), encoded), expected) in closed.iter().zip(&encoded).zip(reference(&encoded)) {
        assert_eq!(bills.len(), MONTHS.len() * 2);
        for (bill, expected) in bills.iter().zip(expected.as_array().unwrap()) {
            assert_eq!(bill, expected, "{encoded}");
            count_adjustments(seen, bill);
        }
        *seen.entry("note").or_default() += notes.len();
        *seen.entry("note in full").or_default() += notes.iter().filter(|note| note["full"] == true).count();
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
    }
}

fn count_adjustments(seen: &mut BTreeMap<&str, usize>, bill: &Value) {
    let adjustments = bill["adjustments"].as_array().unwrap();
    let corrections = adjustments.iter().filter(|encoded| encoded[2] != "").count();
    let parts = bill["parts"].as_array().unwrap();
    let carried = usize::from(bill["carried"].is_i64());
    let brought_forward = bill["brought"].as_i64() != Some(0);
    for (what, times) in [
        ("late", adjustments.len() - corrections),
        ("correction", corrections),
        ("correction of what a note took back", adjustments.iter().filter(|encoded| encoded[4].is_null()).count()),
        ("part", parts.len()),
        ("refill", bill["refills"].as_array().unwrap().len()),
        ("fee", parts.iter().filter(|part| part[1] == "CommitmentFee").count()),
        ("credit given back", bill["returned"].as_array().unwrap().len()),
        ("carried", carried),
        ("carried on", if brought_forward { carried } else { 0 }),
    ] {
        *seen.entry(what).or_default() += times;
    }
}

/// All bills, month by month, of one group after the other; and the notes that were issued.
fn closed(history: &History) -> (Vec<Value>, Vec<Value>) {
    closed_by(Engine::Right, history)
}

/// What is wrong with an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Right,
    /// It counts all closed months by the rule of hours of now.
    ForgetsHours,
    /// It takes late usage at the prices of now.
    ForgetsPrices,
    /// It takes every word for what it is.
    SeesNoSlip,
}

fn closed_by(engine: Engine, history: &History) -> (Vec<Value>, Vec<Value>) {
    let History { world, stories, window, notes, hours, prices } = history;
    let mut simulator = ClosingSimulator { window: *window, ..ClosingSimulator::new(world.clone(), MONTHS[0]) };
    let (mut told, mut credits) = (Vec::new(), world.credits.clone());
    let (mut finals, mut issued) = (Finals::default(), Vec::new());
    let mut brought_forward: BTreeMap<&str, BroughtForward> = BTreeMap::new();
    for (index, month) in MONTHS.iter().enumerate() {
        let end = super::month(month).end();
        simulator.world.hours = hours[index];
        simulator.world.prices = prices[index].clone();
        let others = (0..index).filter(|before| !prices[*before].names().eq(prices[index].names()));
        simulator.world.former_prices = others
            .filter(|_| engine != Engine::ForgetsPrices)
            .map(|before| (super::month(MONTHS[before]), prices[before].clone()))
            .collect();
        if engine == Engine::SeesNoSlip {
            simulator.world.prices = simulator.world.prices.as_written();
        }
        for Story { usage, ends, .. } in stories.iter().filter(|story| story.arrives <= index) {
            let end = usage.end.filter(|_| *ends <= index);
            simulator.usage(Usage { end, ..usage.clone() });
        }
        for group in ["a", "b"] {
            simulator.prepare(group, month);
            simulator.world.brought_forward = brought_forward.remove(group);
            // All credits are the first group's.
            simulator.world.credits = if group == "a" { credits.clone() } else { Vec::new() };
            let bill = simulator.world.bill(group, month);
            for used in &bill.credits {
                credits
                    .iter_mut()
                    .filter(|offer| offer.name == used.name)
                    .for_each(|offer| offer.remaining = used.remaining);
            }
            if let Some(amount) = bill.carried_forward {
                let invoice = name(&format!("{group}-{}", index + 1));
                brought_forward
                    .insert(group, BroughtForward { amount, uid: uid(&invoice), invoice, includes_tax: true });
            }
            let read = simulator.read_of(group, month, &bill);
            let next = hours.get(index + 1).copied().filter(|_| engine == Engine::ForgetsHours);
            let hours = next.unwrap_or(read.facts.hours);
            simulator
                .world
                .billed
                .add(ReadFinal { facts: FinalFacts { hours, ..read.facts }, ..read }, |record| Some(name(record)));
            told.push(told_bill(&bill));
            finals.add(group, index, &bill);
        }
        for (number, story) in notes.iter().enumerate().filter(|(_, story)| story.after == index) {
            let Some((invoice, credited, encoded)) = finals.note(story) else { continue };
            let issued_at = end + chrono::TimeDelta::hours(100 + number as i64);
            simulator.credit(&invoice, &issued_at.format("%FT%H:%M").to_string(), credited);
            issued.push(encoded);
        }
    }
    (told, issued)
}

/// The world with everything that ever comes in, and by record how many months are closed then, and when its end is told.
fn encoded_history(history: &History, notes: &[Value]) -> Value {
    let History { world, stories, window, notes: _, hours, prices } = history;
    let mut all = world.clone();
    stories.iter().for_each(|story| all.organization.put_usage(story.usage.clone()));
    let mut encoded = encoded(&all);
    encoded["months"] = json!(MONTHS);
    let kinds: BTreeSet<Name> = prices.iter().flat_map(PriceLists::iter).flat_map(PriceList::types).cloned().collect();
    let by_month = |told: &dyn Fn(usize) -> Value| {
        let months = MONTHS.iter().enumerate().map(|(index, month)| ((*month).to_owned(), told(index)));
        Value::Object(months.collect())
    };
    encoded["prices_of"] = by_month(&|index| told_prices(&prices[index], &kinds));
    encoded["hours_of"] = by_month(&|index| json!(told_rule_of_hours(hours[index])));
    encoded["window"] = json!(window.months());
    encoded["notes"] = json!(notes);
    let when = stories.iter().map(|story| (story.usage.name.to_string(), json!([story.arrives, story.ends])));
    encoded["history"] = Value::Object(when.collect());
    encoded
}

/// What credit notes can take back.
#[derive(Default)]
struct Finals(Vec<NotedFinal>);

struct NotedFinal {
    group: &'static str,
    number: String,
    /// Its charges: by which id and under which name each is known, and what is left of it.
    charges: Vec<(String, Value, i128)>,
    /// Whether it gives something of another month back, so that no note takes it back in full.
    gives_back: bool,
    currency: Currency,
}

impl Finals {
    fn add(&mut self, group: &'static str, index: usize, bill: &Bill) {
        let line = |line: &Line| {
            let start = line.period.start().timestamp_micros();
            let before = line.portion.as_ref().map(|portion| fraction(&Ratio::from(portion.before)));
            (line.id(), json!(["line", line.usage.name.as_str(), start, before]), line.total.minor())
        };
        let item = |item: &Item| {
            let late = item.adjustment.as_ref().and_then(Adjustment::late_line);
            let refilled = item.adjustment.as_ref().and_then(|adjustment| match &adjustment.kind {
                AdjustmentKind::Refill { entry, .. } => {
                    Some((adjustment.month.to_string(), format!("{}/{}", entry.list, entry.entry)))
                }
                _ => None,
            });
            let project = item.project.as_deref();
            let named = match (late, part_of(MONTHS[index], item)) {
                (Some(late), _) => line(late).1,
                _ if let Some((month, entry)) = refilled => {
                    json!(["entry", month, entry, project, told_group(item.tax)])
                }
                (None, Some((month, part))) if part.kind < LineType::CreditConsumption => {
                    json!(["part", month, part.kind.as_str(), part.name.as_str(), told_group(part.tax)])
                }
                _ => return None,
            };
            Some((item.id(), named, item.total.minor()))
        };
        let charges = bill.lines.iter().map(line).chain(bill.items.iter().filter_map(item));
        self.0.push(NotedFinal {
            group,
            number: format!("{group}-{}", index + 1),
            charges: charges.filter(|(.., left)| *left > 0).collect(),
            gives_back: bill.items.iter().any(|item| item.adjustment.is_some() && item.total.minor() < 0),
            currency: bill.subtotal.currency(),
        });
    }

    /// The note of a story, if there is something to take back: over which invoice, and how it is told.
    fn note(&mut self, story: &NoteStory) -> Option<(String, CreditedAmount, Value)> {
        let mut finals: Vec<_> = self.0.iter_mut().filter(|known| known.group == story.group).collect();
        let over = story.over.index(finals.len());
        let NotedFinal { number, charges, gives_back, currency, .. } = finals.swap_remove(over);
        charges.retain(|(.., left)| *left > 0);
        if charges.is_empty() {
            return None;
        }
        if story.full && !*gives_back {
            charges.clear();
            return Some((
                number.clone(),
                CreditedAmount::Remainder,
                json!({ "after": story.after, "over": number, "full": true }),
            ));
        }
        let at = story.line.index(charges.len());
        let (id, named, left) = &mut charges[at];
        let amount = (*left * story.percent + 99) / 100;
        *left -= amount;
        let lines = vec![(id.clone(), Money::new(amount, *currency).unwrap())];
        let encoded = json!({ "after": story.after, "over": number, "line": named, "amount": amount as i64 });
        Some((number.clone(), CreditedAmount::Lines(lines), encoded))
    }
}

/// The part of a month that an item of a bill charges, if it is one.
fn part_of(own: &str, item: &Item) -> Option<(String, PartKey)> {
    match item.adjustment.as_ref() {
        None => Some((own.to_owned(), item.part()?)),
        Some(Adjustment { month, kind: AdjustmentKind::Part { part, .. }, .. }) => {
            Some((month.to_string(), part.clone()))
        }
        Some(_) => None,
    }
}
