//! Prices that depend on how much comes together in a month.

use super::late::closing_simulator::{ClosingSimulator, adjustments};
use super::world::*;
use crate::*;

/// Two projects of one group, which use something priced like this.
fn world(entry: PriceEntry) -> World {
    let first = segment("2020-01-01", "g");
    let mut world = World::new([group("g")]).project("p", std::slice::from_ref(&first)).project("q", &[first]);
    world.prices = price_list(vec![entry]);
    world
}

fn event(record: &str, project: &str, start: &str, quantity: &str) -> Usage {
    let end = at(start) + chrono::TimeDelta::seconds(1);
    let service = service("calls", "Calls");
    Usage { service, quantity: decimal(quantity), end: Some(end), ..usage(record, project, start, "") }
}

/// `record quantity total` of every line.
fn charged(bill: &Bill) -> Vec<String> {
    bill.lines.iter().map(|line| format!("{} {} {}", line.usage.name, line.quantity(), line.total)).collect()
}

fn graduated(scope: Scope) -> PriceEntry {
    scaled("Calls", "0", scope, ScalePricing::Graduated(tiers(&[("100", "0"), ("1000", "0.10"), ("", "0.05")])))
}

#[test]
fn a_quantity_fills_the_tiers_in_order_and_has_a_line_for_each() {
    let world = world(graduated(Scope::Project)).usage(event("second", "p", "2020-11-10", "1000")).usage(event(
        "first",
        "p",
        "2020-11-02",
        "80",
    ));
    let bill = world.bill("g", "2020-11");
    assert_eq!(charged(&bill), ["first 80 0.00", "second 20 0.00", "second 900 90.00", "second 80 4.00"]);
    let ids: std::collections::BTreeSet<String> = bill.lines.iter().map(Line::id).collect();
    assert_eq!(ids.len(), 4, "the tier is part of the id");
}

#[test]
fn projects_share_tiers_where_the_group_is_the_scope() {
    let usage =
        |world: World| world.usage(event("a", "p", "2020-11-02", "100")).usage(event("b", "q", "2020-11-01", "60"));
    let bill = usage(world(graduated(Scope::Project))).bill("g", "2020-11");
    assert_eq!(charged(&bill), ["a 100 0.00", "b 60 0.00"]);
    let bill = usage(world(graduated(Scope::BillingGroup))).bill("g", "2020-11");
    assert_eq!(charged(&bill), ["a 40 0.00", "a 60 6.00", "b 60 0.00"]);
}

#[test]
fn all_of_a_volume_has_the_price_of_the_tier_that_it_reaches() {
    let volume = |second: &str| {
        let pricing = ScalePricing::Volume(tiers(&[("100", "0.10"), ("", "0.05")]));
        let world = world(scaled("Calls", "0", Scope::Project, pricing));
        world
            .usage(event("a", "p", "2020-11-02", "60"))
            .usage(event("b", "p", "2020-11-03", second))
            .bill("g", "2020-11")
    };
    assert_eq!(charged(&volume("40")), ["a 60 6.00", "b 40 4.00"], "the end of a tier belongs to it");
    assert_eq!(charged(&volume("40.01")), ["a 60 3.00", "b 40.01 2.00"]);
}

#[test]
fn begun_packages_count_whole_over_all_that_comes_together() {
    let entry = scaled("Calls", "4.50", Scope::Project, ScalePricing::Packages);
    let price = UnitPrice { per: std::num::NonZeroU64::new(1_000).unwrap(), ..entry.price };
    let world = world(PriceEntry { price, ..entry })
        .usage(event("a", "p", "2020-11-02", "999"))
        .usage(event("b", "p", "2020-11-03", "1"))
        .usage(event("c", "p", "2020-11-04", "0.5"));
    assert_eq!(charged(&world.bill("g", "2020-11")), ["a 999 4.50", "b 1 0.00", "c 0.5 4.50"]);
}

#[test]
fn charges_of_a_tier_add_up_to_the_cent() {
    let pricing = ScalePricing::Graduated(tiers(&[("", "0.0333")]));
    let mut world = world(scaled("Calls", "0", Scope::Project, pricing));
    for number in 0..30 {
        world = world.usage(event(&format!("r{number:02}"), "p", "2020-11-02", "1"));
    }
    assert_eq!(world.bill("g", "2020-11").subtotal, money("1.00", "USD"), "30 x 0.0333 = 0.999");
}

#[test]
fn what_comes_late_takes_its_place_and_what_moves_is_one_line_for_each_project() {
    let mut simulator = ClosingSimulator::new(world(graduated(Scope::BillingGroup)), "2020-11");
    simulator.usage(event("a", "p", "2020-11-10", "100"));
    simulator.usage(event("b", "q", "2020-11-20", "100"));
    assert_eq!(charged(&simulator.close("2020-11")), ["a 100 0.00", "b 100 10.00"]);
    simulator.usage(event("early", "q", "2020-11-01", "50"));
    let december = simulator.look("2020-12");
    // The late record takes half of what is free from the first one; the other project pays as much as before.
    assert_eq!(adjustments(&december), ["2020-11 early 0.00", "2020-11 default 5.00"]);
    assert!(
        december.items[1].description.contains("calls-0, 200 came together before, 250 now; 0.00 billed, 5.00 due")
    );
    simulator.enter("2020-12", &december);
    assert_eq!(adjustments(&simulator.look("2021-01")), [""; 0], "once");
    // A deleted record keeps its place.
    simulator.purge("early");
    assert_eq!(adjustments(&simulator.look("2021-01")), [""; 0]);
    // One that is replaced is taken back, and leaves its place to others.
    simulator.usage(Usage { replaces: Some(name("a")), ..event("a2", "p", "2020-11-10", "10") });
    let january = simulator.look("2021-01");
    assert_eq!(january.subtotal, money("-9.00", "USD"));
    simulator.enter("2021-01", &january);
    assert_eq!(adjustments(&simulator.look("2021-02")), [""; 0]);
}

#[test]
fn a_price_with_tiers_is_for_whole_months_and_its_tiers_follow_each_other() {
    let build = |entry: PriceEntry| PriceList::new(name("l"), uid("l"), 1, currency("USD"), vec![entry]).unwrap_err();
    let late = PriceEntry { valid_from: at("2020-11-02"), ..graduated(Scope::Project) };
    assert_eq!(build(late.clone()), PriceListError::PartOfMonth { entry: late.name });
    let ended = PriceEntry { valid_until: Some(at("2020-11-30T12:00")), ..graduated(Scope::Project) };
    assert_eq!(build(ended.clone()), PriceListError::PartOfMonth { entry: ended.name });
    for ends in [vec![("100", "1")], vec![("100", "1"), ("100", "2"), ("", "3")], vec![("", "1"), ("", "2")], vec![]] {
        let entry = scaled("Calls", "0", Scope::Project, ScalePricing::Graduated(tiers(&ends)));
        assert_eq!(build(entry.clone()), PriceListError::Tiers { entry: entry.name });
    }
}

#[test]
fn a_replaced_record_that_cost_nothing_leaves_its_place_also_when_it_is_gone() {
    let mut simulator = ClosingSimulator::new(world(graduated(Scope::Project)), "2020-11");
    simulator.usage(event("a", "p", "2020-11-10", "100"));
    simulator.usage(event("b", "p", "2020-11-20", "50"));
    simulator.close("2020-11");
    simulator.usage(Usage { replaces: Some(name("a")), ..event("a2", "p", "2020-11-10", "60") });
    let december = simulator.look("2020-12");
    // Of the others, 40 are free now. What `a` cost was nothing: that is taken back, for its place.
    assert_eq!(adjustments(&december), ["2020-11 a 0.00", "2020-11 a2 0.00", "2020-11 default -4.00"]);
    simulator.enter("2020-12", &december);
    simulator.purge("a");
    assert_eq!(adjustments(&simulator.look("2021-01")), [""; 0]);
}

#[test]
fn what_a_note_took_back_is_not_given_back_again_where_tiers_are_filled_again() {
    let mut simulator = ClosingSimulator::new(world(graduated(Scope::Project)), "2020-11");
    simulator.usage(event("a", "p", "2020-11-10", "150"));
    let november = simulator.close("2020-11");
    assert_eq!(charged(&november), ["a 100 0.00", "a 50 5.00"]);
    let credited = CreditedAmount::Lines(vec![(november.lines[1].id(), money("4.00", "USD"))]);
    simulator.credit("g-1", "2020-12-02", credited);
    // Of 1,000 at 0.10, 950 are left for `a`: 5.00 are 5.00. Then its last 50 come above 1,000, where they cost half.
    simulator.usage(event("early", "p", "2020-11-01", "950"));
    let december = simulator.look("2020-12");
    assert_eq!(adjustments(&december), ["2020-11 early 0.00", "2020-11 early 85.00", "2020-11 default 5.00"]);
    simulator.enter("2020-12", &december);
    simulator.usage(event("second", "p", "2020-11-02", "1000"));
    let january = simulator.look("2021-01");
    // 10.00 are billed of `a`, and 7.50 are due: the note took that back already, and the line says so.
    let refill = january.items.iter().find(|item| item.source.kind == SourceKind::PriceList).unwrap();
    assert!(refill.description.contains("less 2.50 credited"), "{}", refill.description);
    assert_eq!(refill.total, money("0.00", "USD"));
    simulator.enter("2021-01", &january);
    assert_eq!(adjustments(&simulator.look("2021-02")), [""; 0], "it is said once");
}

#[test]
fn entries_of_one_name_in_two_lists_fill_tiers_of_their_own() {
    let named = |kind: &str| PriceEntry { name: name("units"), kind: name(kind), ..graduated(Scope::BillingGroup) };
    let mut world = world(graduated(Scope::Project));
    world.prices = price_lists("USD", [vec![named("Mails")], vec![named("Calls")]]);
    let mut simulator = ClosingSimulator::new(world, "2020-11");
    let mails = Usage { service: service("mails", "Mails"), ..event("mails", "p", "2020-11-05", "100") };
    simulator.usage(mails);
    simulator.usage(event("calls", "p", "2020-11-10", "100"));
    assert_eq!(charged(&simulator.close("2020-11")), ["calls 100 0.00", "mails 100 0.00"]);
    simulator.usage(event("early", "p", "2020-11-01", "100"));
    let december = simulator.look("2020-12");
    assert_eq!(adjustments(&december), ["2020-11 early 0.00", "2020-11 list-1 10.00"]);
    // The list is said also when the group has it no longer.
    simulator.enter("2020-12", &december);
    simulator.purge("early");
    simulator.world.prices = price_lists("USD", [vec![named("Mails")]]);
    simulator.usage(Usage { replaces: Some(name("calls")), ..event("calls-2", "q", "2020-11-10", "1") });
    let january = simulator.look("2021-01");
    assert!(january.items.iter().all(|item| item.source.uid != Uid(0)), "{:?}", january.items);
}

#[test]
fn a_record_that_another_groups_final_bills_first_leaves_its_place() {
    let mut simulator = ClosingSimulator::new(world(graduated(Scope::BillingGroup)), "2020-10");
    simulator.close("2020-10");
    simulator.usage(event("a", "p", "2020-11-10", "100"));
    simulator.usage(event("b", "q", "2020-11-20", "100"));
    simulator.world.bill_elsewhere("a", Period::at(at("2020-11-10")), Unit::Unit);
    let known = std::mem::take(&mut simulator.world.billed);
    let twice = simulator.bill("2020-11");
    assert_eq!(charged(&twice), ["a 100 0.00", "b 100 10.00"]);
    simulator.world.billed = known;
    simulator.enter("2020-11", &twice);
    assert_eq!(adjustments(&simulator.close("2020-12")), ["2020-11 a 0.00", "2020-11 default -10.00"]);
}

#[test]
fn a_closed_month_keeps_its_tiers_when_a_list_of_the_same_name_has_others() {
    let mut simulator = ClosingSimulator::new(world(graduated(Scope::Project)), "2020-11");
    simulator.usage(event("a", "p", "2020-11-10", "150"));
    simulator.close("2020-11");
    let dear = scaled("Calls", "0", Scope::Project, ScalePricing::Graduated(tiers(&[("", "1")])));
    simulator.world.prices = price_list(vec![dear]);
    simulator.usage(event("late", "p", "2020-11-20", "50"));
    assert_eq!(adjustments(&simulator.look("2020-12")), ["2020-11 late 5.00"]);
}

#[test]
fn a_note_that_a_closing_did_not_know_is_not_given_back_beside_it() {
    let pricing = ScalePricing::Volume(tiers(&[("100", "0.10"), ("", "0.05")]));
    let mut simulator = ClosingSimulator::new(world(scaled("Calls", "0", Scope::Project, pricing)), "2020-11");
    simulator.usage(event("a", "p", "2020-11-10", "60"));
    let november = simulator.close("2020-11");
    assert_eq!(charged(&november), ["a 60 6.00"]);
    // So much comes together that each costs half.
    simulator.usage(event("late", "p", "2020-11-20", "60"));
    let december = simulator.look("2020-12");
    assert_eq!(adjustments(&december), ["2020-11 late 3.00", "2020-11 default -3.00"]);
    // Between the reading of December's closing and its final, all of the line is taken back.
    let credited = CreditedAmount::Lines(vec![(november.lines[0].id(), money("6.00", "USD"))]);
    simulator.credit("g-1", "2020-12-20", credited);
    simulator.enter("2020-12", &december);
    let january = simulator.look("2021-01");
    assert_eq!(adjustments(&january), ["2020-11 default 3.00"]);
    simulator.enter("2021-01", &january);
    assert_eq!(adjustments(&simulator.look("2021-02")), [""; 0]);
}

#[test]
fn what_notes_settled_of_tiers_is_no_service_of_the_month_any_more() {
    let amount = ChargeAmount::OfServices { percent: "10".parse().unwrap(), minimum: None };
    let support =
        AgreedCharge { name: name("Support"), kind: ChargeType::Support, amount, validity: Validity::default() };
    let pricing = ScalePricing::Volume(tiers(&[("100", "0.10"), ("", "0.05")]));
    let mut world = world(scaled("Calls", "0", Scope::Project, pricing));
    let terms = Ok(Terms { charges: vec![support], ..Terms::default() });
    world.organization.put_group(Group { terms, ..group("g") });
    let mut simulator = ClosingSimulator::new(world, "2020-11");
    simulator.usage(event("a", "p", "2020-11-10", "60"));
    let november = simulator.close("2020-11");
    assert_eq!(november.subtotal, money("6.60", "USD"));
    let credited = CreditedAmount::Lines(vec![(november.lines[0].id(), money("6.00", "USD"))]);
    simulator.credit("g-1", "2020-12-02", credited);
    // 3.00 of `a` are not due any more, and were taken back already; 3.00 are new. Support stays.
    simulator.usage(event("late", "p", "2020-11-20", "60"));
    let december = simulator.look("2020-12");
    assert_eq!(adjustments(&december), ["2020-11 late 3.00", "2020-11 default 0.00"]);
    simulator.enter("2020-12", &december);
    // 2.00 more, and a tenth of that.
    simulator.usage(event("later", "p", "2020-11-21", "40"));
    assert_eq!(adjustments(&simulator.look("2021-01")), ["2020-11 later 2.00", "2020-11 g 0.20"]);
}
