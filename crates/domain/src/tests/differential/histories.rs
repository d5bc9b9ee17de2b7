//! Months that become final one after the other, while usage comes in late, ends late and is replaced.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;

use super::*;
use crate::tests::late::closing_simulator::ClosingSimulator;
use crate::tests::late::properties::{MONTHS, Story, stories, world};
use crate::tests::properties::taxes::{any_buyer, any_issuer};
use crate::tests::properties::worlds::{credits, terms};

/// Each of six months of two groups: 12,000 bills.
const HISTORIES: usize = 1_000;

/// A world without usage yet, and what comes in when.
type History = (World, Vec<Story>, LateUsageWindow);

fn history() -> impl Strategy<Value = History> {
    let code = || select(vec!["USD", "USD", "JPY", "KWD"]);
    let group = || (code(), any_buyer(), prop::option::weighted(0.9, terms()));
    // Most without a limit, so that old months are adjusted, too.
    let window = select(vec![0, 0, 0, 1, 2, 3]).prop_map(LateUsageWindow::of_months);
    (world(), stories(), any_issuer(), credits(), group(), group(), window).prop_map(
        |(world, stories, issuer, credits, a, b, window)| {
            let mut world = World { issuer, credits, rates: quoted(), ..world };
            for (name, (code, buyer, terms)) in [("a", a), ("b", b)] {
                let group = world.organization.group(uid(name)).unwrap().clone();
                // What is agreed is in dollars.
                let terms = terms.filter(|_| code == "USD").map_or_else(|| group.terms.clone(), Ok);
                world.organization.put_group(Group { currency: Some(currency(code)), buyer, terms, ..group });
            }
            (ClosingSimulator::new(world, MONTHS[0]).world, stories, window)
        },
    )
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
    let histories: Vec<History> = (0..HISTORIES).map(|_| history().new_tree(&mut runner).unwrap().current()).collect();
    let encoded: Vec<Value> = histories.iter().map(encoded_history).collect();
    let (mut seen, mut compared) = (BTreeMap::new(), 0);
    for ((history, encoded), expected) in histories.iter().zip(&encoded).zip(reference(&encoded)) {
        let bills = closed(history);
        for (bill, expected) in bills.iter().zip(expected.as_array().unwrap()) {
            assert_eq!(bill, expected, "{encoded}");
            count_adjustments(&mut seen, bill);
        }
        compared += bills.len();
    }
    assert_eq!(compared, HISTORIES * MONTHS.len() * 2);
    for (what, least) in [
        ("late", 1_500),
        ("correction", 400),
        ("part", 400),
        ("fee", 60),
        ("credit given back", 20),
        ("carried", 500),
        ("carried on", 300),
    ] {
        let found = seen.get(what).copied().unwrap_or_default();
        assert!(found >= least, "{what}: {found} are too few to tell");
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
        ("part", parts.len()),
        ("fee", parts.iter().filter(|part| part[1] == "CommitmentFee").count()),
        ("credit given back", bill["returned"].as_array().unwrap().len()),
        ("carried", carried),
        ("carried on", if brought_forward { carried } else { 0 }),
    ] {
        *seen.entry(what).or_default() += times;
    }
}

/// All bills, month by month, of one group after the other.
fn closed((world, stories, window): &History) -> Vec<Value> {
    let mut simulator = ClosingSimulator { window: *window, ..ClosingSimulator::new(world.clone(), MONTHS[0]) };
    let (mut bills, mut credits) = (Vec::new(), world.credits.clone());
    let mut brought_forward: BTreeMap<&str, BroughtForward> = BTreeMap::new();
    for (index, month) in MONTHS.iter().enumerate() {
        for Story { usage, ends, .. } in stories.iter().filter(|story| story.arrives <= index) {
            let end = usage.end.filter(|_| *ends <= index);
            simulator.usage(Usage { end, ..usage.clone() });
        }
        for group in ["a", "b"] {
            simulator.world.closed = simulator.closed(month);
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
            simulator.enter_of(group, month, &bill);
            bills.push(told_bill(&bill));
        }
    }
    bills
}

/// The world with everything that ever comes in, and by record how many months are closed then, and when its end is told.
fn encoded_history((world, stories, window): &History) -> Value {
    let mut all = world.clone();
    stories.iter().for_each(|story| all.organization.put_usage(story.usage.clone()));
    let mut encoded = encoded(&all);
    encoded["months"] = json!(MONTHS);
    encoded["window"] = json!(window.months());
    let when = stories.iter().map(|story| (story.usage.name.to_string(), json!([story.arrives, story.ends])));
    encoded["history"] = Value::Object(when.collect());
    encoded
}
