//! Usage that is metered in more records costs the same but for rounding, which has a bound (`docs/concepts.md`).

use proptest::prelude::*;
use proptest::sample::select;

use super::super::world::*;
use super::worlds::{prices_by_the_month, prices_with_a_maximum, prices_without_gaps};
use crate::*;

/// One service that ran in November, and where its record is cut.
#[derive(Debug, Clone)]
struct Case {
    world: World,
    whole: Usage,
    cuts: Vec<Timestamp>,
}

/// In any of three currencies, without discounts and with two of them.
fn case(prices: impl Strategy<Value = Vec<PriceEntry>>, hours: HourRule) -> impl Strategy<Value = Case> {
    let instant =
        || (0_i64..2_592_000_000_000).prop_map(|micros| at("2020-11-01") + chrono::TimeDelta::microseconds(micros));
    let quantity = select(vec!["1", "0.000001", "2.345678", "1000.5"]);
    let code = select(vec!["USD", "JPY", "KWD"]);
    let discounts = select(vec![vec![], vec!["10", "33.3333"]]);
    let cuts = prop::collection::vec(instant(), 0..12);
    (prices, instant(), instant(), cuts, quantity, code, discounts).prop_map(
        move |(prices, a, b, cuts, quantity, code, discounts)| {
            let discount = |percent: &&str| Discount {
                name: name(percent),
                percent: percent.parse().unwrap(),
                validity: Validity::default(),
            };
            let terms = Terms { discounts: discounts.iter().map(discount).collect(), ..Terms::default() };
            let group = Group { currency: Some(currency(code)), terms: Ok(terms), ..group("g") };
            let mut world = World::new([group]).project("p", &[segment("2020-01-01", "g")]);
            world.prices = price_list(prices);
            let of_day = |code, rate| ("2020-12-01", code, rate);
            world.rates = rates("ecb", &[of_day("USD", "1.19"), of_day("JPY", "124.10"), of_day("KWD", "0.36405")]);
            world.hours = hours;
            let (start, end) = (a.min(b), Some(a.max(b) + chrono::TimeDelta::microseconds(1)));
            let whole = Usage { start, end, quantity: decimal(quantity), ..usage("db", "p", "2020-11-01", "") };
            Case { world, whole, cuts }
        },
    )
}

impl Case {
    /// The bill of these records.
    fn bill(&self, records: impl IntoIterator<Item = Usage>) -> Bill {
        let mut world = self.world.clone();
        records.into_iter().for_each(|record| world.organization.put_usage(record));
        world.bill("g", "2020-11")
    }

    /// The record cut into several, one after the other.
    fn pieces(&self) -> Vec<Usage> {
        let (start, end) = (self.whole.start, self.whole.end.unwrap());
        let mut marks: Vec<Timestamp> = self.cuts.iter().copied().filter(|cut| start < *cut && *cut < end).collect();
        marks.extend([start, end]);
        marks.sort();
        marks.dedup();
        let piece = |(number, pair): (usize, &[Timestamp])| {
            let record = name(&format!("db-{number}"));
            Usage { uid: uid(&record), name: record, start: pair[0], end: Some(pair[1]), ..self.whole.clone() }
        };
        marks.windows(2).enumerate().map(piece).collect()
    }
}

/// Half a unit of the currency for each line.
fn check_rounding(one: &Bill, other: &Bill) -> Result<(), TestCaseError> {
    let lines = (one.lines.len() + other.lines.len()) as u128;
    let before = |bill: &Bill| bill.lines.iter().map(|line| line.pre_discount.minor()).sum::<i128>();
    prop_assert!(one.subtotal.minor().abs_diff(other.subtotal.minor()) * 2 <= lines);
    prop_assert!(before(one).abs_diff(before(other)) * 2 <= lines);
    Ok(())
}

fn hours(bill: &Bill) -> i128 {
    let whole = |ratio: Ratio| match ratio {
        Ratio::Small { numerator, denominator: 1 } => numerator,
        other => panic!("{other:?} is not a number of hours"),
    };
    bill.lines.iter().map(|line| whole(line.multiple.ratio())).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn records_cut_in_time_differ_by_half_a_unit_a_line(case in case(prices_without_gaps(), HourRule::Exact)) {
        let (whole, pieces) = (case.bill([case.whole.clone()]), case.bill(case.pieces()));
        prop_assert!(pieces.lines.len() >= case.pieces().len());
        check_rounding(&whole, &pieces)?;
    }

    #[test]
    fn a_cut_adds_at_most_one_begun_hour_and_takes_none(case in case(prices_without_gaps(), HourRule::Ceil)) {
        let (whole, pieces) = (case.bill([case.whole.clone()]), case.bill(case.pieces()));
        let cuts = case.pieces().len() as i128 - 1;
        let more = hours(&pieces) - hours(&whole);
        prop_assert!((0..=cuts).contains(&more), "{} cuts add {} hours", cuts, more);
    }

    #[test]
    fn cuts_at_whole_hours_add_none(case in case(prices_without_gaps(), HourRule::Ceil)) {
        let hour = chrono::TimeDelta::hours(1);
        let start = case.whole.start;
        let whole_hours = |cut: &Timestamp| start + hour * ((*cut - start).num_hours() as i32);
        let case = Case { cuts: case.cuts.iter().map(whole_hours).collect(), ..case.clone() };
        let (whole, pieces) = (case.bill([case.whole.clone()]), case.bill(case.pieces()));
        prop_assert_eq!(hours(&whole), hours(&pieces));
        check_rounding(&whole, &pieces)?;
    }

    #[test]
    fn what_is_priced_by_the_month_adds_up_to_the_cent_wherever_it_is_cut(
        case in case(prices_by_the_month(), HourRule::Ceil),
    ) {
        let (whole, pieces) = (case.bill([case.whole.clone()]), case.bill(case.pieces()));
        let before = |bill: &Bill| bill.lines.iter().map(|line| line.pre_discount.minor()).sum::<i128>();
        prop_assert_eq!((before(&whole), whole.subtotal), (before(&pieces), pieces.subtotal));
    }

    #[test]
    fn by_the_month_and_with_a_maximum_it_adds_up_to_the_cent_whoever_pays_for_a_part(
        case in case(prop_oneof![prices_by_the_month(), prices_with_a_maximum()], HourRule::Ceil),
        moves in prop::collection::vec(0_i64..2_592_000_000_000, 0..4),
    ) {
        let whole = case.bill([case.whole.clone()]);
        let before = |bills: &[Bill]| bills.iter().flat_map(|bill| &bill.lines).map(|line| line.pre_discount.minor()).sum::<i128>();
        let total = |bills: &[Bill]| bills.iter().map(|bill| bill.subtotal.minor()).sum::<i128>();
        let whole = [whole];
        let mut world = case.world.clone();
        let group = world.organization.group(uid("g")).unwrap().clone();
        world.organization.put_group(Group { name: name("h"), uid: uid("h"), ..group });
        let from = |micros: &i64| at("2020-11-01") + chrono::TimeDelta::microseconds(*micros);
        let mut at_moves: Vec<Timestamp> = moves.iter().map(from).collect();
        at_moves.sort();
        at_moves.dedup();
        let payers = ["h", "g"].iter().cycle();
        let moved = at_moves.into_iter().zip(payers).map(|(from, group)| Segment { from, ..segment("2020-01-01", group) });
        let segments: Vec<Segment> = std::iter::once(segment("2020-01-01", "g")).chain(moved).collect();
        world.organization.put_ledger(name("p"), ledger(&segments));
        world.attribution = Attribution::Prorated;
        world.organization.put_usage(case.whole.clone());
        let shares = ["g", "h"].map(|group| world.bill(group, "2020-11"));
        prop_assert_eq!((before(&whole), total(&whole)), (before(&shares), total(&shares)));
    }

    #[test]
    fn a_quantity_in_several_records_differs_by_half_a_unit_a_line(
        case in case(prices_without_gaps(), HourRule::Ceil),
        millionths in prop::collection::vec(1_i64..3_000_000, 1..8),
    ) {
        let quantity = |millionths: i64| rust_decimal::Decimal::new(millionths, 6);
        let part = |(number, millionths): (usize, &i64)| {
            let record = name(&format!("db-{number}"));
            let service = service(&record, "PostgreSQL");
            Usage { uid: uid(&record), name: record, service, quantity: quantity(*millionths), ..case.whole.clone() }
        };
        let whole = Usage { quantity: quantity(millionths.iter().sum()), ..case.whole.clone() };
        let (whole, parts) = (case.bill([whole]), case.bill(millionths.iter().enumerate().map(part)));
        prop_assert_eq!(parts.lines.len(), whole.lines.len() * millionths.len());
        check_rounding(&whole, &parts)?;
    }
}
