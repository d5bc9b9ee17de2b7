//! Finals that are taken back in full and issued again: the month counts as billed by the later one alone.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;

use super::super::properties::taxes::any_issuer;
use super::super::properties::worlds::terms;
use super::super::tax::{issuer, rule};
use super::super::world::*;
use super::closing_simulator::{self, ClosingSimulator};
use super::properties::{MONTHS, Story, histories, stories, world};
use crate::*;

/// November of a database is final: g-2, 18.72; so is what runs in December: other.
fn simulator() -> ClosingSimulator {
    let mut simulator = super::simulator();
    simulator.usage(usage("db", "p", "2020-11-01", ""));
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.usage(usage("other", "p", "2020-12-01", ""));
    simulator
}

/// 240 h are 6.24: 12.48 less.
fn ends(simulator: &mut ClosingSimulator) {
    simulator.usage(usage("db", "p", "2020-11-01", "2020-11-11"));
}

fn same_tax(_: &mut ReadFinal) {}

fn group(category: TaxCategory, rate: &str) -> TaxGroup {
    TaxGroup { category, rate: rate.parse().unwrap() }
}

/// All of a final's own month is taxed so, and what it says of these.
fn taxed(tax: TaxGroup, others: BTreeSet<Month>) -> impl Fn(&mut ReadFinal) {
    move |read| {
        let is_taxed = |of: Month| of == read.facts.month || others.contains(&of);
        let lines = read.lines.iter_mut().filter(|line| is_taxed(Month::of(line.period.start())));
        lines.for_each(|line| line.tax = Some(tax));
        read.parts.iter_mut().filter(|part| is_taxed(part.month)).for_each(|part| part.key.tax = Some(tax));
        let refills = read.scales.refills.iter_mut().filter(|refill| is_taxed(refill.month));
        refills.for_each(|refill| refill.tax = Some(tax));
        let treatment = TaxTreatment { service_types: Vec::new(), group: tax, reason: None };
        read.terms.as_mut().unwrap().tax = TaxScheme::Treatments(vec![treatment]);
    }
}

#[test]
fn a_record_is_corrected_as_if_its_month_had_been_billed_once() {
    let mut simulator = simulator();
    simulator.reissue("g-2", "2020-12-05", same_tax);
    assert_eq!(closing_simulator::adjustments(&simulator.look("2020-12")), [""; 0], "nothing is billed again");
    ends(&mut simulator);
    let december = simulator.close("2020-12");
    assert_eq!(closing_simulator::adjustments(&december), ["2020-11 db -12.48"]);
    assert!(december.items[0].description.starts_with("Correction of g-2-r1 for 2020-11"), "{:?}", december.items);
    simulator.reissue("g-2", "2021-01-05", same_tax);
    assert_eq!(closing_simulator::adjustments(&simulator.close("2021-01")), [""; 0], "it is corrected already");
    let now = simulator.world.billed.final_in_place_of("g-2").unwrap();
    assert_eq!((now.number.as_str(), now.issued_at), ("g-2-r2", month("2020-11").end()));
}

/// What a note took back of the invoice that is gone was given back with it: it is no reason to leave anything billed.
#[test]
fn what_notes_took_back_of_the_invoice_before_settles_nothing_any_more() {
    let mut simulator = simulator();
    let line = simulator.finals["g-2"].lines[0].clone();
    let id = crate::invoice::ids::charge_id(&line.record, line.period.start(), None);
    simulator.credit("g-2", "2020-12-05", CreditedAmount::Lines(vec![(id, money("8.40", "USD"))]));
    ends(&mut simulator);
    assert_eq!(closing_simulator::adjustments(&simulator.close("2020-12")), ["2020-11 db -4.08"]);
    simulator.reissue("g-2", "2021-01-05", same_tax);
    assert_eq!(closing_simulator::adjustments(&simulator.close("2021-01")), ["2020-11 db -8.40"]);
    assert_eq!(closing_simulator::adjustments(&simulator.close("2021-02")), [""; 0]);
}

/// The tax of the invoice before is given back with it, so what it had given back of that tax is charged again.
#[test]
fn corrections_follow_the_tax_of_the_invoice_that_counts() {
    let rules = vec![rule("all", "", BuyerKind::Any, TaxCategory::Standard, "25")];
    let mut simulator = super::simulator();
    simulator.world.issuer = Some(issuer(rules));
    simulator.usage(usage("db", "p", "2020-11-01", ""));
    simulator.close("2020-10");
    simulator.close("2020-11");
    simulator.usage(usage("db", "p", "2020-11-01", "2020-11-21"));
    let december = simulator.close("2020-12");
    assert_eq!(closing_simulator::adjustments(&december), ["2020-11 db -6.24"]);
    let (before, now) = (group(TaxCategory::Standard, "25"), group(TaxCategory::ReverseCharge, "0"));
    simulator.reissue("g-2", "2021-01-05", taxed(now, BTreeSet::new()));
    ends(&mut simulator);
    let january = simulator.close("2021-01");
    let by_tax: Vec<_> = january.items.iter().map(|item| (item.tax.unwrap(), item.total.to_string())).collect();
    assert_eq!(by_tax, [(now, "-12.48".to_owned()), (before, "6.24".to_owned())]);
    assert_eq!(closing_simulator::adjustments(&simulator.close("2021-02")), [""; 0]);
}

#[test]
fn it_is_the_same_in_whatever_order_finals_are_read() {
    let mut simulator = simulator();
    let again = simulator.reissue("g-2", "2020-12-05", taxed(group(TaxCategory::ReverseCharge, "0"), BTreeSet::new()));
    let original = simulator.finals["g-2"].clone();
    let read = |finals: [&ReadFinal; 2]| {
        let mut billed = BilledIndex::default();
        finals.into_iter().for_each(|read| billed.add(read.clone(), |record| Some(name(record))));
        billed
    };
    let (in_order, reversed) = (read([&original, &again]), read([&again, &original]));
    for billed in [&in_order, &reversed] {
        assert!(billed.has("g-2") && billed.has("g-2-r1") && !billed.has("g-2-r2"));
        assert_eq!((billed.finals().count(), billed.finals_of(uid("g"))), (1, 1));
        assert_eq!(billed.parts("db")[0].tax(), Some(group(TaxCategory::ReverseCharge, "0")));
    }
    assert_eq!(in_order, reversed);
}

/// A final that was made before another was issued again was made from that as it was then.
#[test]
fn an_earlier_final_is_judged_by_what_there_was_when_it_was_made() {
    let mut simulator = simulator();
    let december = simulator.close("2020-12");
    let january = simulator.close("2021-01");
    let (before, now) = (None, Some(group(TaxCategory::ReverseCharge, "0")));
    simulator.reissue("g-2", "2021-01-05", taxed(now.unwrap(), BTreeSet::new()));
    let facts = |of: &str, bill| simulator.read_of("g", of, bill).facts;
    let records = [name("db")];
    for (of, bill, number, tax) in [("2020-12", &december, "g-2", before), ("2021-01", &january, "g-2-r1", now)] {
        let then = simulator.world.billed.as_of_final(&facts(of, bill), &BTreeSet::new(), &BTreeSet::new(), &records);
        let part = then.parts("db").iter().find(|part| part.month() == month("2020-11")).unwrap();
        assert_eq!(then.final_of(part).unwrap().number.as_str(), number, "as {of} had it");
        assert_eq!(part.tax(), tax, "as {of} had it");
    }
}

/// What is issued again while months are closed: after so many, of one of the groups, one of these.
#[derive(Debug, Clone)]
struct Again {
    after: usize,
    group: &'static str,
    which: Index,
}

fn again() -> impl Strategy<Value = Again> {
    (1..5_usize, prop::sample::select(vec!["a", "b"]), any::<Index>()).prop_map(|(after, group, which)| Again {
        after,
        group,
        which,
    })
}

/// All bills, but for the numbers that lines name, where finals are issued again, some with this tax.
fn closed(world: &World, stories: &[Story], again: &[Again], tax: Option<TaxGroup>) -> Vec<String> {
    let mut simulator = ClosingSimulator::new(world.clone(), MONTHS[0]);
    let mut bills = Vec::new();
    for (index, of) in MONTHS.iter().enumerate() {
        for (nth, Again { group, which, .. }) in again.iter().filter(|again| again.after == index).enumerate() {
            let ours = simulator.finals.iter().filter(|(number, read)| number.starts_with(group) && !gives_back(read));
            let finals: Vec<Name> = ours.map(|(number, _)| number.clone()).collect();
            let day = format!("{}T0{nth}:00:00", month(of).start().format("%F"));
            if !finals.is_empty() {
                let number: &Name = which.get(&finals);
                match tax {
                    None => simulator.reissue(number, &day, same_tax),
                    Some(tax) => {
                        let others = simulator.world.billed.taxed_again(uid(group)).into_keys().collect();
                        simulator.reissue(number, &day, taxed(tax, others))
                    }
                };
            }
        }
        for Story { usage, ends, .. } in stories.iter().filter(|story| story.arrives <= index) {
            let end = usage.end.filter(|_| *ends <= index);
            simulator.usage(Usage { end, ..usage.clone() });
        }
        for group in ["a", "b"] {
            let bill = simulator.look_of(group, of);
            let adjusted = closing_simulator::adjustments(&bill).join(", ");
            bills.push(format!("{group} {of}: {} {} [{adjusted}]", bill.total, bill.amount_due));
        }
        simulator.close(of);
    }
    bills
}

/// Whether a final gives back something of a closed month: no note takes it back in full.
fn gives_back(read: &ReadFinal) -> bool {
    let corrected = read.lines.iter().any(|line| line.total.minor() < 0);
    let refilled = read.scales.refills.iter().any(|refill| refill.total.minor() < 0);
    corrected || refilled || read.parts.iter().any(|part| part.adjusts.is_some() && part.total.minor() < 0)
}

/// The same with tax and with what is agreed beside services.
fn agreed() -> impl Strategy<Value = World> {
    (world(), any_issuer(), terms()).prop_map(|(mut world, issuer, terms)| {
        let group = world.organization.group(uid("a")).unwrap().clone();
        world.organization.put_group(Group { terms: Ok(terms), ..group });
        World { issuer, ..world }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: histories(192) as u32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_is_billed_later_tells_whether_finals_were_issued_again(
        world in world(),
        stories in stories(),
        again in prop::collection::vec(again(), 1..6),
    ) {
        prop_assert_eq!(closed(&world, &stories, &again, None), closed(&world, &stories, &[], None));
    }

    /// Each bill is audited.
    #[test]
    fn the_audit_agrees_where_finals_are_issued_again_with_another_tax(
        world in agreed(),
        stories in stories(),
        again in prop::collection::vec(again(), 1..6),
    ) {
        let bills = closed(&world, &stories, &again, Some(group(TaxCategory::ReverseCharge, "0")));
        for last in &bills[bills.len() - 2..] {
            prop_assert!(last.ends_with("[]"), "nothing is adjusted twice: {}", last);
        }
    }
}
