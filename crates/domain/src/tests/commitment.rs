//! Commitments over a term, and charges for each project.

use super::late::closing_simulator::{ClosingSimulator, items};
use super::world::*;
use crate::*;

fn over(first: &str, last: &str, amount: &str) -> Commitment {
    let (first, last) = (month(first), month(last));
    Commitment {
        name: name("Plan"),
        amount: money(amount, "USD"),
        validity: Validity { first: Some(first), last: Some(last) },
        settlement: CommitmentSettlement::Term(Term { first, last }),
    }
}

fn of_1000() -> Terms {
    Terms { commitment: Some(over("2020-10", "2020-12", "1000.00")), ..Terms::default() }
}

/// The group g with these terms, and h; at 1.00 an hour, from October on.
fn simulator(terms: Terms) -> ClosingSimulator {
    let world = World::new([Group { terms: Ok(terms), ..group("g") }, group("h")])
        .project("a", &[segment("2020-01-01", "g")])
        .project("b", &[segment("2020-01-01", "g")]);
    let mut simulator = ClosingSimulator::new(world, "2020-10");
    simulator.world.prices = price_list(vec![hourly("PostgreSQL", "1")]);
    simulator
}

fn runs(record: &str, start: &str, hours: i64) -> Usage {
    let end = at(start) + chrono::TimeDelta::hours(hours);
    Usage { end: Some(end), ..usage(record, "a", start, "") }
}

fn progress(bill: &Bill) -> Option<String> {
    bill.commitment.as_ref().map(|one| format!("{} of {}, {} left", one.spent, one.amount, one.left))
}

/// October 100.00, November 200.00, December 300.00.
fn three_months(terms: Terms) -> ClosingSimulator {
    let mut simulator = simulator(terms);
    for (record, start, hours) in [("o", "2020-10-01", 100), ("n", "2020-11-01", 200), ("d", "2020-12-01", 300)] {
        simulator.usage(runs(record, start, hours));
    }
    simulator
}

#[test]
fn what_is_missing_over_a_term_is_billed_with_its_last_month_and_every_bill_says_how_far_it_is() {
    let mut simulator = three_months(of_1000());
    let (october, november) = (simulator.close("2020-10"), simulator.close("2020-11"));
    assert_eq!((items(&october).len(), items(&november).len()), (0, 0));
    assert_eq!(progress(&october).as_deref(), Some("100.00 of 1000.00, 900.00 left"));
    assert_eq!(progress(&november).as_deref(), Some("300.00 of 1000.00, 700.00 left"));
    let december = simulator.close("2020-12");
    let fee = "CommitmentFee 400.00 Plan: commitment 1000.00 USD for 2020-10 to 2020-12, spent 600.00";
    assert_eq!(items(&december), [fee]);
    assert_eq!(progress(&december).as_deref(), Some("600.00 of 1000.00, 400.00 left"));
    let january = simulator.close("2021-01");
    assert_eq!((items(&january).len(), progress(&january)), (0, None));
}

#[test]
fn a_term_that_is_met_costs_nothing() {
    let commitment = Some(over("2020-10", "2020-12", "600.00"));
    let mut simulator = three_months(Terms { commitment, ..Terms::default() });
    simulator.close("2020-10");
    simulator.close("2020-11");
    let december = simulator.close("2020-12");
    assert_eq!(items(&december), [""; 0]);
    assert_eq!(progress(&december).as_deref(), Some("600.00 of 600.00, 0.00 left"));
}

#[test]
fn extra_charges_and_support_of_every_month_count() {
    let charge = |text: &str, kind, amount: &str| AgreedCharge {
        name: name(text),
        kind,
        amount: ChargeAmount::Fixed(money(amount, "USD")),
        validity: Validity::default(),
    };
    let charges = vec![
        charge("Line", ChargeType::Extra, "10.00"),
        charge("Support", ChargeType::Support, "20.00"),
        charge("Training", ChargeType::Other, "1000.00"),
    ];
    let mut simulator = three_months(Terms { charges, ..of_1000() });
    simulator.close("2020-10");
    simulator.close("2020-11");
    let december = simulator.close("2020-12");
    assert_eq!(progress(&december).as_deref(), Some("690.00 of 1000.00, 310.00 left"));
}

#[test]
fn late_usage_within_the_term_counts_once_and_after_it_settles_the_last_month_again() {
    let mut simulator = three_months(of_1000());
    simulator.close("2020-10");
    // October is worth 150.00 now, which November bills.
    simulator.usage(runs("o-late", "2020-10-10", 50));
    assert_eq!(progress(&simulator.close("2020-11")).as_deref(), Some("350.00 of 1000.00, 650.00 left"));
    assert_eq!(progress(&simulator.close("2020-12")).as_deref(), Some("650.00 of 1000.00, 350.00 left"));
    // November had 100.00 more: so much less is missing.
    simulator.usage(runs("n-late", "2020-11-20", 100));
    let january = simulator.close("2021-01");
    let less = "OtherEvent -100.00 Adjustment of g-3 for 2020-12: CommitmentFee Plan, 350.00 billed, 250.00 due";
    assert_eq!(items(&january)[1..], [less]);
    assert_eq!(january.total, money("0.00", "USD"));
    // The term is more than met: what is beyond the fee is to be paid.
    simulator.usage(runs("o-later", "2020-10-20", 260));
    let february = simulator.close("2021-02");
    let none = "OtherEvent -250.00 Adjustment of g-3 for 2020-12: CommitmentFee Plan, 250.00 billed, 0.00 due";
    assert_eq!(items(&february)[1..], [none]);
    assert_eq!(february.total, money("10.00", "USD"));
    assert_eq!(items(&simulator.close("2021-03")), [""; 0]);
}

#[test]
fn usage_that_ended_earlier_raises_the_fee_of_a_term_that_is_over() {
    let mut simulator = three_months(of_1000());
    for month in ["2020-10", "2020-11", "2020-12"] {
        simulator.close(month);
    }
    simulator.usage(runs("n", "2020-11-01", 120));
    let january = simulator.close("2021-01");
    let more = "OtherEvent 80.00 Adjustment of g-3 for 2020-12: CommitmentFee Plan, 400.00 billed, 480.00 due";
    assert_eq!(items(&january)[1..], [more]);
    assert_eq!(january.total, money("0.00", "USD"));
}

/// What was given back is not spent.
#[test]
fn a_month_that_was_taken_back_in_full_counts_as_nothing_but_what_is_billed_for_it_since() {
    let mut simulator = three_months(of_1000());
    simulator.close("2020-10");
    simulator.credit("g-1", "2020-11-15", CreditedAmount::Remainder);
    assert_eq!(progress(&simulator.close("2020-11")).as_deref(), Some("200.00 of 1000.00, 800.00 left"));
    simulator.usage(runs("o-late", "2020-10-10", 50));
    assert_eq!(progress(&simulator.close("2020-12")).as_deref(), Some("550.00 of 1000.00, 450.00 left"));
    simulator.usage(runs("o-later", "2020-10-20", 50));
    let january = simulator.close("2021-01");
    let less = "OtherEvent -50.00 Adjustment of g-3 for 2020-12: CommitmentFee Plan, 450.00 billed, 400.00 due";
    assert_eq!(items(&january)[1..], [less]);
}

/// The fee is the same whether the note is issued before the last month is closed, or after it.
#[test]
fn a_month_that_is_taken_back_in_full_after_its_term_raises_the_fee_like_one_before() {
    let mut before = three_months(of_1000());
    before.close("2020-10");
    before.close("2020-11");
    before.credit("g-2", "2020-12-15", CreditedAmount::Remainder);
    assert_eq!(items(&before.close("2020-12")).len(), 1);
    assert_eq!(items(&before.close("2021-01")), [""; 0]);

    let mut after = three_months(of_1000());
    let closed = ["2020-10", "2020-11", "2020-12"].map(|month| after.close(month));
    assert_eq!(closed[2].total, money("700.00", "USD"));
    after.credit("g-2", "2021-01-15", CreditedAmount::Remainder);
    let january = after.close("2021-01");
    let more = "OtherEvent 200.00 Adjustment of g-3 for 2020-12: CommitmentFee Plan, 400.00 billed, 600.00 due";
    assert_eq!(items(&january), [more]);
    assert_eq!(items(&after.close("2021-02")), [""; 0]);
    // What is found for it since counts again; and all of the term's last month is settled once that is taken back.
    after.usage(runs("n-late", "2020-11-20", 50));
    let march = after.close("2021-03");
    let less = "OtherEvent -50.00 Adjustment of g-3 for 2020-12: CommitmentFee Plan, 600.00 billed, 550.00 due";
    assert_eq!(items(&march)[1..], [less]);
    after.credit("g-3", "2021-04-15", CreditedAmount::Remainder);
    after.credit("g-1", "2021-04-15", CreditedAmount::Remainder);
    assert_eq!(items(&after.close("2021-04")), [""; 0]);
}

/// What a correction left to a credit note is spent no more.
#[test]
fn a_charge_counts_as_what_is_due_of_it_whatever_a_credit_note_took_back() {
    let amount = ChargeAmount::OfServices { percent: "10".parse().unwrap(), minimum: None };
    let charge =
        AgreedCharge { name: name("Support"), kind: ChargeType::Support, amount, validity: Validity::default() };
    let mut simulator = three_months(Terms { charges: vec![charge], ..of_1000() });
    let october = simulator.close("2020-10");
    let support = october.items.iter().find(|item| item.kind == LineType::SupportCharge).unwrap();
    let taken_back = CreditedAmount::Lines(vec![(support.id(), money("4.00", "USD"))]);
    simulator.credit("g-1", "2020-11-15", taken_back);
    simulator.usage(runs("o", "2020-10-01", 40));
    // 60.00 less of services, and 6.00 less of support: of these the note gave back 4.00.
    let november = simulator.close("2020-11");
    assert_eq!(november.subtotal, money("158.00", "USD"), "220.00 less 60.00 less 2.00");
    assert_eq!(progress(&november).as_deref(), Some("264.00 of 1000.00, 736.00 left"));
    assert_eq!(progress(&simulator.close("2020-12")).as_deref(), Some("594.00 of 1000.00, 406.00 left"));
}

/// The month before is not final: it counts as it would be billed now.
#[test]
fn an_estimate_of_the_last_month_counts_a_month_that_waits() {
    let mut simulator = three_months(of_1000());
    simulator.close("2020-10");
    let december = simulator.bill("2020-12");
    assert_eq!(progress(&december).as_deref(), Some("600.00 of 1000.00, 400.00 left"));
    assert_eq!(items(&december).len(), 1);
}

/// Nobody adds euros to dollars.
#[test]
fn a_month_that_was_billed_in_another_currency_holds_the_term() {
    let mut simulator = three_months(of_1000());
    let october = simulator.bill("2020-10");
    let mut read = simulator.read_of("g", "2020-10", &october);
    read.facts.currency = currency("EUR");
    simulator.world.billed.add(read, |record| Some(name(record)));
    let holds: Vec<String> = simulator.bill("2020-11").holds.into_iter().map(|hold| hold.message).collect();
    assert_eq!(
        holds,
        [
            "the commitment Plan counts 2020-10, which was billed in EUR, and the group pays in USD; let its term begin later"
        ]
    );
}

#[test]
fn months_before_the_groups_first_do_not_count() {
    let commitment = Some(over("2020-01", "2020-10", "1000.00"));
    let mut simulator = three_months(Terms { commitment, ..Terms::default() });
    assert_eq!(progress(&simulator.close("2020-10")).as_deref(), Some("100.00 of 1000.00, 900.00 left"));
}

#[test]
fn a_group_that_is_deleted_ends_its_term_with_its_last_month() {
    let mut simulator = three_months(of_1000());
    simulator.close("2020-10");
    let known = simulator.world.organization.group(uid("g")).unwrap().clone();
    simulator.world.organization.put_group(Group { deleted: Some(at("2020-11-20")), ..known });
    let november = simulator.look_of("g", "2020-11");
    let fee = "CommitmentFee 700.00 Plan: commitment 1000.00 USD for 2020-10 to 2020-11, spent 300.00";
    assert_eq!(items(&november), [fee]);
}

fn agreed(simulator: &mut ClosingSimulator, terms: Terms) {
    let known = simulator.world.organization.group(uid("g")).unwrap().clone();
    simulator.world.organization.put_group(Group { terms: Ok(terms), ..known });
}

#[test]
fn a_term_cannot_be_made_to_end_before_the_oldest_open_month() {
    let mut simulator = three_months(of_1000());
    simulator.close("2020-10");
    let shorter = Some(over("2020-10", "2020-10", "1000.00"));
    agreed(&mut simulator, Terms { commitment: shorter, ..Terms::default() });
    let refused = bill_group_month(&simulator.world.input("g", "2020-11", at("2020-12-01"))).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "billing group g: spec.terms.commitment.lastPeriod 2020-10: no invoice would bill what is missing, as the months before 2020-11 are final or not billed; let the term end with 2020-11 or later, or remove the commitment"
    );
    // A month that waits may still be the last.
    let last_that_waits = Some(over("2020-10", "2020-11", "1000.00"));
    agreed(&mut simulator, Terms { commitment: last_that_waits, ..Terms::default() });
    assert_eq!(items(&simulator.bill("2020-12")), [""; 0]);
    assert_eq!(items(&simulator.close("2020-11")).len(), 1);
    // Once it is settled, it may stand there for ever.
    assert_eq!(items(&simulator.close("2020-12")), [""; 0]);
}

#[test]
fn a_term_that_ends_before_the_groups_first_month_is_refused() {
    let simulator = three_months(Terms { commitment: Some(over("2020-01", "2020-09", "1.00")), ..Terms::default() });
    let refused = bill_group_month(&simulator.world.input("g", "2020-10", at("2020-11-01")));
    assert!(matches!(refused, Err(BillError::Terms { error: TermsError::TermOver { .. }, .. })), "{refused:?}");
}

fn per_project(amount: &str) -> Terms {
    let amount = ChargeAmount::PerProject(money(amount, "USD"));
    let charge = AgreedCharge { name: name("Fee"), kind: ChargeType::Extra, amount, validity: Validity::default() };
    Terms { charges: vec![charge], ..Terms::default() }
}

#[test]
fn a_charge_for_each_project_is_owed_by_who_pays_for_it_at_the_months_end() {
    for attribution in [Attribution::MonthEnd, Attribution::Prorated] {
        let both = |text: &str| Group { terms: Ok(per_project("10.00")), ..group(text) };
        let mut world = World::new([both("g"), both("h")])
            .project("a", &[segment("2020-01-01", "g")])
            .project("b", &[segment("2020-01-01", "g"), segment("2020-10-20", "h")])
            .project("c", &[segment("2020-01-01", "h"), segment("2020-10-20", "g")])
            .usage(usage("db", "b", "2020-10-01", "2020-10-02"));
        world.attribution = attribution;
        world.prices = price_list(vec![hourly("PostgreSQL", "1")]);
        let of = |group| items(&world.bill(group, "2020-10"));
        assert_eq!(of("g"), ["ExtraCharge 20.00 Fee: 2 projects at 10.00 USD each"], "{attribution:?}");
        assert_eq!(of("h"), ["ExtraCharge 10.00 Fee: 1 project at 10.00 USD each"], "{attribution:?}");
        assert_eq!(world.bill("h", "2020-10").terms.projects, Some(1));
    }
}

#[test]
fn a_closed_month_gains_and_loses_no_charge_for_a_project() {
    let mut simulator = three_months(per_project("10.00"));
    assert_eq!(simulator.close("2020-10").terms.projects, Some(2));
    // A third project, found to be the group's since January; and late usage, so that October is looked at again.
    simulator.world = simulator.world.clone().project("c", &[segment("2020-01-01", "g")]);
    simulator.usage(runs("late", "2020-10-20", 1));
    let november = simulator.close("2020-11");
    assert_eq!(november.terms.projects, Some(3));
    let adjusting: Vec<&Item> = november.items.iter().filter(|item| item.adjustment.is_some()).collect();
    assert_eq!(adjusting.iter().map(|item| item.total.to_string()).collect::<Vec<_>>(), ["1.00"]);
}

#[test]
fn a_charge_for_each_of_no_project_is_nothing() {
    let world = World::new([Group { terms: Ok(per_project("10.00")), ..group("g") }]);
    assert_eq!(items(&world.bill("g", "2020-10")), ["ExtraCharge 0.00 Fee: 0 projects at 10.00 USD each"]);
}
