//! Properties: what holds for every organization, not only for the examples.

mod currencies;
mod splitting;
pub mod taxes;
pub mod worlds;

use std::sync::Arc;

use num_bigint::BigInt;
use proptest::prelude::*;

use self::taxes::parts_and_issuer;
use self::worlds::{MONTHS, parts};
use super::world::*;
use crate::*;

/// When the last month is estimated.
const AS_OF: &str = "2020-12-20T12:34:56.789";

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_audit_agrees_with_the_engine(parts in parts()) {
        let world = parts.world();
        for (input, bill) in bills(&world) {
            prop_assert_eq!(audit(&input, &bill), []);
        }
    }

    #[test]
    fn the_audit_catches_every_mutant_of_a_bill(parts in parts(), choice in any::<prop::sample::Index>()) {
        let world = parts.world();
        for (input, bill) in bills(&world).into_iter().filter(|(_, bill)| !bill.lines.is_empty()) {
            for (title, mutant) in mutants(&bill, choice.index(bill.lines.len())) {
                prop_assert!(!audit(&input, &mutant).is_empty(), "{} is not noticed", title);
            }
        }
    }

    #[test]
    fn the_order_in_which_things_are_observed_does_not_matter(
        (parts, issuer) in parts_and_issuer(),
        seed in any::<u64>(),
    ) {
        let mut reordered = issuer.clone();
        reordered.iter_mut().for_each(|issuer| issuer.minimum_charges.reverse());
        let world = World { issuer, ..parts.world() };
        let shuffled = World { issuer: reordered, ..parts.shuffled(seed).world() };
        let plain = |world: &World| bills(world).into_iter().map(|(_, bill)| bill).collect::<Vec<_>>();
        prop_assert_eq!(plain(&world), plain(&shuffled));
    }

    #[test]
    fn lines_add_up_to_every_total_and_have_ids_of_their_own(parts in parts()) {
        let world = parts.world();
        for (_, bill) in bills(&world) {
            let sum = |amounts: &mut dyn Iterator<Item = Money>| amounts.map(Money::minor).sum::<i128>();
            let subtotal = bill.subtotal.minor();
            let services = sum(&mut bill.lines.iter().map(|line| line.total));
            prop_assert_eq!(services + sum(&mut bill.items.iter().map(|item| item.total)), subtotal);
            prop_assert_eq!(sum(&mut bill.projects.iter().map(|project| project.subtotal)), services);
            prop_assert_eq!(sum(&mut bill.categories.iter().map(|category| category.subtotal)), subtotal);
            let prices = bill.lines.iter().filter_map(|line| line.price_total);
            let price_subtotal = bill.converted.as_ref().map(|converted| converted.price_subtotal.minor());
            prop_assert_eq!(sum(&mut prices.clone()), price_subtotal.unwrap_or_default());
            prop_assert_eq!(prices.count(), if price_subtotal.is_some() { bill.lines.len() } else { 0 });
            let ids: std::collections::BTreeSet<_> =
                bill.lines.iter().map(Line::id).chain(bill.items.iter().map(Item::id)).collect();
            prop_assert_eq!(ids.len(), bill.lines.len() + bill.items.len());
            prop_assert!(bill.items.iter().map(|item| item.kind).is_sorted());
        }
    }

    #[test]
    fn no_credit_pays_more_than_it_has_and_no_bill_falls_below_zero_by_credits(parts in parts()) {
        let world = parts.world();
        for (input, bill) in bills(&world) {
            prop_assert!(bill.subtotal.minor() >= 0);
            for used in &bill.credits {
                let offer = world.credits.iter().find(|offer| offer.name == used.name).unwrap();
                prop_assert!(0 < used.used.minor() && used.used.minor() <= offer.remaining.minor());
                prop_assert_eq!(used.remaining, offer.remaining.checked_sub(used.used).unwrap());
                prop_assert!(offer.validity.touches(input.month));
            }
        }
    }

    #[test]
    fn every_instant_of_a_project_has_exactly_one_payer(parts in parts()) {
        let world = parts.world();
        for project in world.organization.projects().filter(|project| project.ledger().is_some()) {
            for month in MONTHS.map(month) {
                let shares = world.records().payers(project, month, world.attribution);
                prop_assert_eq!(shares[0].0.start(), month.start());
                prop_assert_eq!(shares[shares.len() - 1].0.end(), month.end());
                for pair in shares.windows(2) {
                    prop_assert_eq!(pair[0].0.end(), pair[1].0.start());
                    prop_assert_ne!(pair[0].1, pair[1].1);
                }
            }
        }
    }

    #[test]
    fn every_second_of_usage_is_on_one_bill_or_named_as_unbilled(parts in parts()) {
        let world = parts.world();
        let bills = bills(&world);
        prop_assume!(inputs(&world).iter().all(|input| !matches!(bill_group_month(input), Err(BillError::Overflow { .. }))));
        for project in world.organization.projects() {
            for usage in project.usage() {
                check_conserved(&world, &bills, usage)?;
            }
        }
    }

    #[test]
    fn wherever_a_ledger_is_cut_the_hours_of_a_record_are_billed_once(
        run in worlds::a_period(),
        segments in worlds::segments(&["a", "b"]),
        prices in worlds::prices_without_gaps(),
        exact_hours in any::<bool>(),
    ) {
        let mut world = World::new([group("a"), group("b")]).project("p", &segments);
        world = world.usage(Usage { start: run.start(), end: Some(run.end()), ..usage("db", "p", "2020-01-01", "") });
        world.prices = price_list(prices);
        world.attribution = Attribution::Prorated;
        world.hours = if exact_hours { HourRule::Exact } else { HourRule::Ceil };
        let months = Month::of(run.start()).through(Month::of(run.end())).map(|month| month.to_string());
        let bills = months.flat_map(|month| ["a", "b"].map(|group| world.bill(group, &month)));
        let lines: Vec<Line> = bills.flat_map(|bill| bill.lines).collect();
        let hours: BigInt = lines.iter().map(|line| exact(&line.multiple.ratio())).sum();
        prop_assert_eq!(hours, exact(&world.hours.hours(run.start(), run).ratio()));
        let pieces: Vec<Period> = lines.iter().map(|line| line.period).collect();
        let nothing = |piece: &Period| world.hours.hours(run.start(), *piece).is_none();
        prop_assert!(run.subtract(&pieces).iter().all(nothing));
    }

    #[test]
    fn a_default_never_pays_in_a_month_in_which_a_choice_follows_it(parts in parts()) {
        for (_, segments) in parts.projects {
            let ledger = ledger(&segments);
            for (index, segment) in segments.iter().enumerate().filter(|(_, segment)| segment.default) {
                let rest = &segments[index + 1..];
                let yields = rest.iter().any(|later| !later.default && Month::of(later.from) == Month::of(segment.from));
                prop_assert_eq!(std::ptr::eq(ledger.payer_at(segment.from), &ledger.segments()[index]), !yields);
            }
        }
    }

    #[test]
    fn the_hours_of_pieces_add_up_to_the_hours_of_the_whole(
        start in 0_i64..4_000_000_000_000,
        length in 0_i64..9_000_000_000_000,
        cuts in prop::collection::vec(0_i64..1_000_000, 0..6),
        ceil in any::<bool>(),
    ) {
        let rule = if ceil { HourRule::Ceil } else { HourRule::Exact };
        let instant = |micros| at("2020-01-01") + chrono::TimeDelta::microseconds(micros);
        let mut marks: Vec<i64> = cuts.iter().map(|cut| start + length / 1_000_000 * cut).collect();
        marks.extend([start, start + length]);
        marks.sort_unstable();
        let hours = |from, until| {
            let piece = Period::new(instant(from), instant(until)).unwrap();
            exact(&rule.hours(instant(start), piece).ratio())
        };
        let parts: BigInt = marks.windows(2).map(|pair| hours(pair[0], pair[1])).sum();
        prop_assert_eq!(parts, hours(start, start + length));
    }

    #[test]
    fn a_rounded_amount_is_the_nearest_and_a_tie_goes_away_from_zero(numerator in any::<i128>(), denominator in 1..i128::MAX) {
        let ratio = Ratio::Small { numerator, denominator };
        if let Some(money) = money::amount::round_half_away(&ratio, currency("JPY")) {
            let twice_off: BigInt = (BigInt::from(numerator) - BigInt::from(money.minor()) * denominator) * 2;
            let away = if numerator < 0 { BigInt::from(0) - twice_off } else { twice_off };
            prop_assert!(BigInt::from(-denominator) <= away && away < BigInt::from(denominator));
        }
    }

    #[test]
    fn money_is_read_back_as_it_is_written(minor in any::<i64>(), which in 0..3_usize) {
        let currency = currency(["USD", "JPY", "KWD"][which]);
        let within = i128::from(minor) % (Money::limit(currency) + 1);
        let money = Money::new(within, currency).unwrap();
        prop_assert_eq!(Money::parse(&money.to_string(), currency), Ok(money));
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in "\\PC{0,40}") {
        let _ = (text.parse::<Month>().is_ok(), text.parse::<Uid>().is_ok(), text.parse::<Currency>().is_ok());
        let _ = Money::parse(&text, currency("USD")).is_ok();
    }
}

/// In units small enough for both rules.
fn exact(ratio: &Ratio) -> BigInt {
    match ratio {
        Ratio::Small { numerator, denominator } => BigInt::from(*numerator) * 3_600_000_000_i64 / *denominator,
        Ratio::Large { numerator, denominator } => numerator * 3_600_000_000_i64 / denominator,
    }
}

/// All groups in all months.
fn inputs(world: &World) -> Vec<GroupMonth<'_>> {
    let groups: Vec<Name> = world.organization.groups().map(|group| group.name.clone()).collect();
    let months = MONTHS.iter().flat_map(|month| groups.iter().map(move |group| (month, group)));
    months.map(|(month, group)| world.input(group, month, at(AS_OF))).collect()
}

/// Their bills; without those of groups without a currency, and those whose sum is too large.
fn bills(world: &World) -> Vec<(GroupMonth<'_>, Bill)> {
    inputs(world).into_iter().filter_map(|input| bill_group_month(&input).ok().map(|bill| (input, bill))).collect()
}

/// A record's pieces do not overlap, and lie in its time; whatever is missing is named by a problem or
/// belongs to nobody, and the hours of a record without a problem are conserved.
fn check_conserved(world: &World, bills: &[(GroupMonth<'_>, Bill)], usage: &Usage) -> Result<(), TestCaseError> {
    let of_record = |line: &&Line| line.usage.name == usage.name && line.unit() != Unit::Unit;
    let mut lines: Vec<&Line> = bills.iter().flat_map(|(_, bill)| &bill.lines).filter(of_record).collect();
    lines.sort_by_key(|line| line.period.start());
    for pair in lines.windows(2) {
        prop_assert!(pair[0].period.end() <= pair[1].period.start());
    }
    if !world.organization.is_effective(usage) {
        prop_assert!(lines.is_empty());
        return Ok(());
    }
    let mut until = usage.end.map_or(at(AS_OF), |end| end.min(at(AS_OF)));
    let entry = world.prices.tariff(&usage.service).at(usage.start);
    if entry.is_some_and(|entry| entry.price.unit == Unit::Unit) {
        until = until.min(usage.start + chrono::TimeDelta::microseconds(1)); // only its start counts
    }
    let first = month(MONTHS[0]).start();
    let Some(run) = Period::new(usage.start.max(first), until.max(usage.start.max(first))) else { return Ok(()) };
    let taken: Vec<Period> = lines.iter().map(|line| line.period).collect();
    prop_assert!(taken.iter().all(|piece| run.start() <= piece.start() && piece.end() <= run.end()));
    let remaining = run.subtract(&taken);
    let tariff = world.prices.tariff(&usage.service);
    let nothing = |piece: &Period| {
        let is_none = |(period, entry): (Period, Option<&Arc<PriceEntry>>)| {
            entry.is_some_and(|entry| entry.price.multiple(usage.start, period, world.hours).is_none())
        };
        tariff.running(*piece).all(is_none)
    };
    let by_hour = lines.iter().all(|line| line.unit() == Unit::Hour && line.price().hours.is_none());
    let no_hour = |piece: &Period| world.hours.hours(usage.start, *piece).is_none();
    if by_hour && remaining.iter().all(no_hour) && world.billed == BilledIndex::default() && usage.start >= first {
        let pieces: BigInt = lines.iter().map(|line| exact(&line.multiple.ratio())).sum();
        prop_assert_eq!(pieces, exact(&world.hours.hours(usage.start, run).ratio()));
    }
    let open = remaining.iter().flat_map(|piece| piece.subtract(&world.billed.billed_periods_in(&usage.name, *piece)));
    // Each month by itself: in one a record may be left off, and in the next have so little time that no hour begins.
    for piece in open.flat_map(by_month) {
        prop_assert!(
            nothing(&piece) || is_explained(world, bills, usage, piece),
            "{:?} of {} is missing",
            piece,
            usage.name
        );
    }
    Ok(())
}

/// What of a piece lies in each month.
fn by_month(piece: Period) -> impl Iterator<Item = Period> {
    let months = Month::of(piece.start()).through(Month::of(piece.end()));
    months.filter_map(move |month| month.period().intersect(&piece))
}

/// Whether something says why a piece of a record is on no bill.
fn is_explained(world: &World, bills: &[(GroupMonth<'_>, Bill)], usage: &Usage, piece: Period) -> bool {
    let months = Month::of(piece.start()).through(Month::of(piece.end()));
    let mut touched = months.filter(|month| month.period().intersect(&piece).is_some());
    let mut lines = bills.iter().flat_map(|(_, bill)| &bill.lines);
    if lines.any(|line| line.unit() == Unit::Unit && line.usage.name == usage.name) {
        return true;
    }
    touched.all(|month| {
        let input = OrganizationMonth {
            organization: &world.organization,
            month,
            attribution: world.attribution,
            hours: world.hours,
            billed: &world.billed,
            as_of: at(AS_OF),
        };
        let pricing = Pricing { prices: &world.prices, rates: &world.rates };
        unbilled(&input, &[], |_| Some(pricing)).iter().any(|problem| problem.usage.name == usage.name)
    })
}

/// The bill with one thing wrong.
fn mutants(bill: &Bill, index: usize) -> Vec<(&'static str, Bill)> {
    let cent = |money: Money| money.checked_add(Money::new(1, money.currency()).unwrap()).unwrap();
    let changed = |change: &dyn Fn(&mut Bill)| {
        let mut mutant = bill.clone();
        change(&mut mutant);
        mutant
    };
    let mut mutants = mutants_of_rates(bill, index);
    mutants.extend([
        ("a line dearer by a cent", changed(&|bill| bill.lines[index].total = cent(bill.lines[index].total))),
        (
            "a line dearer before discounts",
            changed(&|bill| bill.lines[index].pre_discount = cent(bill.lines[index].pre_discount)),
        ),
        ("a line dropped", changed(&|bill| drop(bill.lines.remove(index)))),
        ("a line doubled", changed(&|bill| bill.lines.insert(index, bill.lines[index].clone()))),
        (
            "a line moved to the end",
            changed(&|bill| {
                let line = bill.lines.remove(0);
                bill.lines.push(line);
                bill.projects.iter_mut().for_each(|project| project.subtotal = cent(project.subtotal));
            }),
        ),
        (
            "another state of a commitment",
            changed(&|bill| match &mut bill.commitment {
                Some(progress) => progress.spent = cent(progress.spent),
                None => bill.commitment = Some(progress_of(bill)),
            }),
        ),
        (
            "another count of projects",
            changed(&|bill| bill.terms.projects = Some(bill.terms.projects.map_or(0, |count| count + 1))),
        ),
        ("another subtotal", changed(&|bill| bill.subtotal = cent(bill.subtotal))),
        ("another subtotal of a project", changed(&|bill| bill.projects[0].subtotal = cent(bill.projects[0].subtotal))),
        ("a project dropped", changed(&|bill| drop(bill.projects.remove(0)))),
        ("a project doubled", changed(&|bill| bill.projects.insert(0, bill.projects[0].clone()))),
        (
            "another subtotal of a type",
            changed(&|bill| bill.categories[0].subtotal = cent(bill.categories[0].subtotal)),
        ),
        ("the types dropped", changed(&|bill| bill.categories.clear())),
        (
            "a problem that is none",
            changed(&|bill| {
                let usage = bill.lines[index].usage.clone();
                bill.problems.push(Problem { usage, reason: ProblemReason::Overflow });
            }),
        ),
    ]);
    mutants
}

/// A converted bill with another rate, or other prices.
/// A commitment that nobody made.
fn progress_of(bill: &Bill) -> TermProgress {
    let (amount, term) = (bill.subtotal, Term { first: bill.month, last: bill.month });
    TermProgress { name: name("c"), amount, term, spent: amount, left: Money::zero(amount.currency()) }
}

fn mutants_of_rates(bill: &Bill, index: usize) -> Vec<(&'static str, Bill)> {
    let Some(converted) = &bill.converted else { return Vec::new() };
    let cent = |money: Money| money.checked_add(Money::new(1, money.currency()).unwrap()).unwrap();
    let (conversion, price_subtotal) = (converted.conversion.clone(), converted.price_subtotal);
    let with = |rate: CrossRate, price_subtotal| {
        let conversion = Conversion { rate, ..conversion.clone() };
        let converted = Some(Converted { conversion, price_subtotal });
        Bill { converted, ..bill.clone() }
    };
    let rate = &conversion.rate;
    let earlier = CrossRate { quote_date: rate.quote_date.pred_opt().unwrap(), ..rate.clone() };
    let dearer = Quote { rate: Rate::new(rate.to.rate.decimal() + decimal("0.01")).unwrap(), ..rate.to };
    let mut other_price = bill.clone();
    other_price.lines[index].price_total = other_price.lines[index].price_total.map(cent);
    vec![
        ("no rate", Bill { converted: None, ..bill.clone() }),
        ("the quotes of another day", with(earlier, price_subtotal)),
        ("another quote", with(CrossRate { to: dearer, ..rate.clone() }, price_subtotal)),
        ("another sum of prices", with(rate.clone(), cent(price_subtotal))),
        ("a line of another price", other_price),
    ]
}
