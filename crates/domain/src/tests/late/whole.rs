//! Closed months, settled as a whole.

use super::super::tax::{buyer, issuer, judged, rule};
use super::super::world::*;
use super::closing_simulator::{self, ClosingSimulator};
use crate::*;

/// A group with these terms, at 1.00 an hour, and the projects a and b.
fn simulator(terms: Terms) -> ClosingSimulator {
    let world = World::new([Group { terms: Ok(terms), ..group("g") }])
        .project("a", &[segment("2020-01-01", "g")])
        .project("b", &[segment("2020-01-01", "g")]);
    let mut simulator = ClosingSimulator::new(world, "2020-10");
    simulator.world.prices = price_list(vec![hourly("PostgreSQL", "1")]);
    simulator
}

/// A record that runs for so many hours from an instant on.
fn runs(record: &str, project: &str, start: &str, hours: i64) -> Usage {
    let end = at(start) + chrono::TimeDelta::hours(hours);
    Usage { end: Some(end), ..usage(record, project, start, "") }
}

fn usd(text: &str) -> Money {
    money(text, "USD")
}

fn only_in_october() -> Validity {
    Validity { first: None, last: Some(month("2020-10")) }
}

fn support(percent: &str) -> Terms {
    let amount = ChargeAmount::OfServices { percent: percent.parse().unwrap(), minimum: None };
    let charge = AgreedCharge { name: name("Support"), kind: ChargeType::Support, amount, validity: only_in_october() };
    Terms { charges: vec![charge], ..Terms::default() }
}

fn commitment(amount: &str) -> Terms {
    let (amount, validity) = (usd(amount), only_in_october());
    let commitment = Commitment { name: name("Plan"), amount, validity, settlement: CommitmentSettlement::Month };
    Terms { commitment: Some(commitment), ..Terms::default() }
}

/// October with 200 hours of project a is final.
fn after_october(terms: Terms, credits: Vec<CreditOffer>) -> (ClosingSimulator, Bill) {
    let mut simulator = simulator(terms);
    simulator.world.credits = credits;
    simulator.usage(runs("u1", "a", "2020-10-01", 200));
    let october = simulator.close("2020-10");
    for used in &october.credits {
        let offers = simulator.world.credits.iter_mut().filter(|offer| offer.name == used.name);
        offers.for_each(|offer| offer.remaining = used.remaining);
    }
    (simulator, october)
}

/// Nothing is left to settle: the month after has no adjustment.
fn is_whole(mut simulator: ClosingSimulator) {
    simulator.world.credits.clear();
    assert_eq!(closing_simulator::adjustments(&simulator.close("2020-12")), [""; 0]);
}

#[test]
fn late_usage_takes_the_place_of_the_commitments_fee() {
    let (mut simulator, october) = after_october(commitment("300.00"), Vec::new());
    assert_eq!(october.total, usd("300.00"));
    simulator.usage(runs("u2", "a", "2020-10-10", 100));
    let november = simulator.close("2020-11");
    let fee = "OtherEvent -100.00 Adjustment of g-1 for 2020-10: CommitmentFee Plan, 100.00 billed, 0.00 due";
    assert_eq!(closing_simulator::items(&november)[1], fee);
    assert_eq!(november.total, usd("0.00"));
    is_whole(simulator);
}

#[test]
fn charges_in_percent_follow_late_usage() {
    let (mut simulator, october) = after_october(support("10"), Vec::new());
    assert_eq!(october.total, usd("220.00"));
    simulator.usage(runs("u2", "a", "2020-10-10", 100));
    // What is agreed afterwards changes no closed month.
    simulator.world.organization.put_group(Group { first_period: month("2020-10"), ..group("g") });
    assert_eq!(simulator.close("2020-11").total, usd("110.00"));
    is_whole(simulator);
}

fn limited_to_a(remaining: &str, expires: &str) -> CreditOffer {
    let validity = CreditValidity { starts: None, expires: Some(at(expires)) };
    CreditOffer { projects: only(&["a"]), validity, ..offer("sponsor", remaining) }
}

#[test]
fn what_is_left_of_a_credit_pays_late_usage_of_a_month_in_which_it_was_valid() {
    let (mut simulator, october) = after_october(Terms::default(), vec![limited_to_a("250.00", "2021-01-01")]);
    assert_eq!(october.total, usd("0.00"));
    simulator.usage(runs("b1", "b", "2020-11-01", 10));
    simulator.usage(runs("u2", "a", "2020-10-10", 100));
    let november = simulator.close("2020-11");
    assert_eq!(november.total, usd("60.00"));
    assert_eq!(november.credits.iter().map(|used| used.used).collect::<Vec<_>>(), [usd("50.00")]);
    is_whole(simulator);
}

#[test]
fn what_a_credit_paid_goes_back_to_it_and_is_never_money() {
    for (expires, returned) in [("2020-11-01", 0), ("2021-02-01", 1)] {
        let (mut simulator, _) = after_october(Terms::default(), vec![limited_to_a("250.00", expires)]);
        simulator.usage(runs("b1", "b", "2020-11-01", 100));
        simulator.usage(Usage { replaces: Some(name("u1")), ..runs("u1-corrected", "a", "2020-10-01", 100) });
        let november = simulator.close("2020-11");
        assert_eq!((november.total, november.credits.len()), (usd("100.00"), 0), "until {expires}");
        let back: Vec<_> = november.returned.iter().map(|back| (back.month, back.amount)).collect();
        assert_eq!(back, vec![(month("2020-10"), usd("100.00")); returned], "until {expires}");
        let says = if returned == 0 { "has expired, so nothing goes back" } else { "the difference goes back" };
        assert!(closing_simulator::items(&november).iter().any(|item| item.contains(says)), "until {expires}");
        is_whole(simulator);
    }
}

#[test]
fn a_credit_that_is_granted_later_does_not_pay_what_money_paid() {
    let (mut simulator, october) = after_october(Terms::default(), Vec::new());
    assert_eq!(october.total, usd("200.00"));
    simulator.world.credits = vec![offer("later", "1000.00")];
    simulator.usage(runs("u2", "a", "2020-10-10", 100));
    let november = simulator.close("2020-11");
    assert_eq!((november.total, november.credits[0].used), (usd("0.00"), usd("100.00")));
}

#[test]
fn a_correction_below_the_minimum_charge_gives_nothing_back() {
    let mut simulator = simulator(Terms::default());
    simulator.world.issuer = Some(Issuer { minimum_charges: vec![usd("5.00")], ..issuer(Vec::new()) });
    simulator.usage(runs("u1", "a", "2020-10-01", 4));
    assert_eq!(simulator.close("2020-10").total, usd("0.00"));
    simulator.usage(Usage { replaces: Some(name("u1")), ..runs("less", "a", "2020-10-01", 1) });
    simulator.usage(runs("b1", "b", "2020-11-01", 20));
    assert_eq!(simulator.close("2020-11").total, usd("20.00"));
    is_whole(simulator);
}

fn rate(of: &str, rate: &str, first: Option<&str>, last: Option<&str>) -> TaxRule {
    let validity = Validity { first: first.map(month), last: last.map(month) };
    TaxRule { validity, ..rule(of, "", BuyerKind::Any, TaxCategory::Standard, rate) }
}

/// `group base tax` of each.
fn taxes(bill: &Bill) -> Vec<String> {
    bill.taxes.iter().map(|tax| format!("{} {} {}", tax.group(), tax.base, tax.amount)).collect()
}

#[test]
fn a_closed_month_keeps_the_rate_of_the_day_of_its_supply() {
    let mut simulator = simulator(Terms::default());
    let rates = [rate("old", "22", None, Some("2020-10")), rate("new", "24", Some("2020-11"), None)];
    simulator.world.issuer = Some(issuer(rates.to_vec()));
    simulator.usage(runs("vm-june", "a", "2020-10-01", 100));
    simulator.close("2020-10");
    simulator.usage(Usage { replaces: Some(name("vm-june")), ..runs("less", "a", "2020-10-01", 50) });
    simulator.usage(runs("vm2", "a", "2020-10-10", 100));
    simulator.usage(runs("vm", "a", "2020-11-01", 100));
    let november = simulator.close("2020-11");
    assert_eq!(taxes(&november), ["S 22 50.00 11.00", "S 24 100.00 24.00"]);
    assert_eq!((november.subtotal, november.tax, november.total), (usd("150.00"), usd("35.00"), usd("185.00")));
    is_whole(simulator);
}

/// 200 hours of October at 1.00 USD, billed to a group that pays in EUR, at the last quote before its end.
fn converted() -> ClosingSimulator {
    let mut simulator = simulator(Terms::default());
    let paid_in_euros = Group { currency: Some(currency("EUR")), first_period: month("2020-10"), ..group("g") };
    simulator.world.organization.put_group(paid_in_euros);
    simulator.world.rates = rates("ecb", &[("2020-10-30", "USD", "1.25"), ("2020-11-30", "USD", "1.6")]);
    simulator.usage(runs("u1", "a", "2020-10-01", 200));
    assert_eq!(simulator.close("2020-10").total, money("160.00", "EUR"));
    simulator
}

#[test]
fn late_usage_is_converted_at_the_rate_that_its_month_recorded() {
    let mut simulator = converted();
    simulator.usage(runs("u2", "a", "2020-10-10", 100));
    // A nearer day is quoted after the final was made; and the quotes of that time are mended.
    let quoted_since: [&[(&str, &str, &str)]; 3] = [
        &[("2020-10-30", "USD", "1.25"), ("2020-10-31", "USD", "2"), ("2020-11-30", "USD", "1.6")],
        &[("2020-10-30", "USD", "2"), ("2020-11-30", "USD", "1.6")],
        &[("2020-11-30", "USD", "1.6")],
    ];
    for quotes in quoted_since {
        simulator.world.rates = rates("ecb", quotes);
        assert_eq!(simulator.look("2020-11").total, money("80.00", "EUR"), "{quotes:?}");
    }
    simulator.close("2020-11");
    is_whole(simulator);
}

#[test]
fn late_usage_with_prices_in_another_currency_than_its_month_had_takes_the_quotes_that_there_are() {
    let mut simulator = converted();
    simulator.usage(runs("u2", "a", "2020-10-10", 100));
    let entries = vec![hourly("PostgreSQL", "100")];
    simulator.world.prices = list_in("JPY", entries).into();
    simulator.world.rates = rates("ecb", &[("2020-10-30", "USD", "1.25"), ("2020-10-30", "JPY", "125")]);
    assert_eq!(simulator.look("2020-11").total, money("80.00", "EUR"));
}

#[test]
fn a_refund_goes_back_with_the_tax_that_was_charged() {
    let reverse = rule("EU", "EU", BuyerKind::Business, TaxCategory::ReverseCharge, "0");
    let rules = vec![reverse, rate("all", "25.5", None, None)];
    let mut simulator = simulator(Terms::default());
    simulator.world.issuer = Some(issuer(rules));
    let put = |simulator: &mut ClosingSimulator, buyer| {
        let first_period = month("2020-10");
        simulator.world.organization.put_group(Group { buyer, first_period, ..group("g") });
    };
    put(&mut simulator, buyer("DE", "DE136695976"));
    simulator.usage(runs("vm", "a", "2020-10-01", 100));
    assert_eq!(simulator.close("2020-10").total, usd("125.50"));
    put(&mut simulator, judged("DE", "DE136695976", Some(VatFinding::Confirmed)));
    simulator.usage(runs("vm", "a", "2020-10-01", 50));
    simulator.usage(runs("other", "a", "2020-11-01", 100));
    let november = simulator.close("2020-11");
    assert_eq!(taxes(&november), ["S 25.5 -50.00 -12.75", "AE 0 100.00 0.00"]);
    assert_eq!(november.total, usd("37.25"));
    assert_eq!(november.taxes[1].reason.as_deref(), Some("EU: no tax"));
}

#[test]
fn months_that_were_taxed_stand_beside_one_that_is_not() {
    let mut simulator = simulator(Terms::default());
    simulator.world.issuer = Some(issuer(vec![rate("all", "25.5", None, None)]));
    simulator.usage(runs("vm", "a", "2020-10-01", 100));
    simulator.close("2020-10");
    simulator.world.issuer = Some(issuer(Vec::new()));
    simulator.usage(runs("vm", "a", "2020-10-01", 50));
    simulator.usage(runs("other", "a", "2020-11-01", 100));
    let november = simulator.close("2020-11");
    assert_eq!(taxes(&november), ["S 25.5 -50.00 -12.75", "O 0 100.00 0.00"]);
    assert_eq!((november.untaxed, november.total), (None, usd("37.25")));
}

#[test]
fn an_invoice_that_was_taken_back_in_full_is_settled_no_more_but_for_its_records() {
    let (mut simulator, _) = after_october(support("10"), Vec::new());
    simulator.credit("g-1", "2020-11-05", CreditedAmount::Remainder);
    simulator.usage(runs("u2", "a", "2020-10-10", 100));
    assert_eq!(closing_simulator::adjustments(&simulator.close("2020-11")), ["2020-10 u2 100.00"]);
}

#[test]
fn what_a_note_took_back_of_a_charge_is_settled() {
    let (mut simulator, october) = after_october(support("10"), Vec::new());
    let charge = october.items[0].id();
    simulator.credit("g-1", "2020-11-05", CreditedAmount::Lines(vec![(charge, usd("15.00"))]));
    simulator.usage(Usage { replaces: Some(name("u1")), ..runs("less", "a", "2020-10-01", 20) });
    let november = simulator.close("2020-11");
    // 2.00 are due of the 20.00: of the 18.00 less, 15.00 went back before.
    let expected = "OtherEvent -3.00 Adjustment of g-1 for 2020-10, less 15.00 credited: SupportCharge Support, 20.00 \
                    billed, 2.00 due";
    assert!(closing_simulator::items(&november).contains(&expected.to_owned()));
    assert_eq!(counted(&november), [("OtherEvent".to_owned(), vec!["g-1-cn-2020-11-05".to_owned()])]);
    is_whole(simulator);
}

/// The adjustments that counted credit notes, and which.
fn counted(bill: &Bill) -> Vec<(String, Vec<String>)> {
    let notes = |item: &Item| match &item.adjustment.as_ref()?.kind {
        AdjustmentKind::Correction { notes, .. }
        | AdjustmentKind::Refill { notes, .. }
        | AdjustmentKind::Part { notes, .. }
            if !notes.is_empty() =>
        {
            Some((item.kind.as_str().to_owned(), notes.iter().map(ToString::to_string).collect()))
        }
        AdjustmentKind::Correction { .. }
        | AdjustmentKind::Refill { .. }
        | AdjustmentKind::Part { .. }
        | AdjustmentKind::Late(_) => None,
    };
    bill.items.iter().filter_map(notes).collect()
}

/// A closing reads, a note is issued, and the final is made of what was read.
#[test]
fn what_a_note_took_back_while_a_month_was_closed_is_billed_again_once() {
    for (of_the_charge, again) in [(true, "15.00"), (false, "100.00")] {
        let (mut simulator, october) = after_october(support("10"), Vec::new());
        simulator.usage(Usage { replaces: Some(name("u1")), ..runs("less", "a", "2020-10-01", 20) });
        let november = simulator.look("2020-11");
        assert_eq!(november.subtotal, usd("-198.00"));
        assert!(counted(&november).is_empty());
        let (line, amount) =
            if of_the_charge { (october.items[0].id(), usd("15.00")) } else { (october.lines[0].id(), usd("100.00")) };
        simulator.credit("g-1", "2020-11-05", CreditedAmount::Lines(vec![(line, amount)]));
        simulator.enter("2020-11", &november);
        let december = simulator.close("2020-12");
        let what = if of_the_charge { "g" } else { "u1" };
        assert_eq!(closing_simulator::adjustments(&december), [format!("2020-10 {what} {again}")]);
        assert_eq!(counted(&december).len(), 1);
        assert_eq!(closing_simulator::adjustments(&simulator.close("2021-01")), [""; 0]);
    }
}

/// Computed again, a final knows no more notes than it knew when it was made.
#[test]
fn a_note_that_a_final_did_not_know_is_none_of_those_that_it_is_computed_from_again() {
    for of_the_charge in [true, false] {
        let (mut simulator, october) = after_october(support("10"), Vec::new());
        simulator.usage(Usage { replaces: Some(name("u1")), ..runs("less", "a", "2020-10-01", 20) });
        let november = simulator.look("2020-11");
        let line = if of_the_charge { october.items[0].id() } else { october.lines[0].id() };
        simulator.credit("g-1", "2020-11-05", CreditedAmount::Lines(vec![(line, usd("15.00"))]));
        simulator.enter("2020-11", &november);
        let read = simulator.read_of("g", "2020-11", &november);
        let unknown = |since: &str| simulator.world.billed.notes_unknown_to(&read, at(since));
        assert_eq!(unknown("2020-11-04").into_iter().collect::<Vec<_>>(), [name("g-1-cn-2020-11-05")]);
        assert!(unknown("2020-11-06").is_empty(), "what was issued long before was read");
        let records = [name("u1"), name("less")];
        let again = |unknown: &std::collections::BTreeSet<Name>| {
            let mut then = simulator.clone();
            then.world.billed =
                simulator.world.billed.as_of_final(&read.facts, &std::collections::BTreeSet::new(), unknown, &records);
            // What a final replaces counts as nothing, whichever that is.
            then.world.billed.restore("u1");
            then.look("2020-11").items
        };
        assert!(again(&unknown("2020-11-04")) == november.items);
        assert!(again(&std::collections::BTreeSet::new()) != november.items);
        // The next final knows it: it says so.
        let december = simulator.close("2020-12");
        let read = simulator.read_of("g", "2020-12", &december);
        assert!(simulator.world.billed.notes_unknown_to(&read, at("2020-11-04")).is_empty());
    }
}

#[test]
fn a_note_after_the_final_that_lowered_a_charge_is_not_billed_again() {
    let (mut simulator, october) = after_october(support("10"), Vec::new());
    simulator.usage(Usage { replaces: Some(name("u1")), ..runs("less", "a", "2020-10-01", 20) });
    simulator.close("2020-11");
    let charge = october.items[0].id();
    simulator.credit("g-1", "2020-12-05", CreditedAmount::Lines(vec![(charge, usd("15.00"))]));
    assert_eq!(closing_simulator::adjustments(&simulator.close("2020-12")), [""; 0]);
}

#[test]
fn the_audit_finds_a_correction_that_says_other_notes_than_it_counted() {
    let (mut simulator, october) = after_october(support("10"), Vec::new());
    let lines = vec![(october.items[0].id(), usd("15.00")), (october.lines[0].id(), usd("1.00"))];
    simulator.credit("g-1", "2020-11-05", CreditedAmount::Lines(lines));
    simulator.usage(Usage { replaces: Some(name("u1")), ..runs("less", "a", "2020-10-01", 20) });
    let november = simulator.look("2020-11");
    assert_eq!(counted(&november).len(), 2);
    for place in 0..november.items.len() {
        let mut forged = november.clone();
        match forged.items[place].adjustment.as_mut().map(|adjustment| &mut adjustment.kind) {
            Some(
                AdjustmentKind::Correction { notes, .. }
                | AdjustmentKind::Refill { notes, .. }
                | AdjustmentKind::Part { notes, .. },
            ) => notes.clear(),
            _ => continue,
        }
        let found = audit(&simulator.world.input("g", "2020-11", month("2020-11").end()), &forged);
        assert!(matches!(found[..], [AuditDifference::Item { .. }]), "{found:?}");
    }
}

/// Rates by service: books are taxed less. Half of the month is books.
fn of_two_rates() -> ClosingSimulator {
    let books = TaxRule { service_types: vec![name("Books")], ..rate("books", "10", None, None) };
    let mut simulator = simulator(commitment("150.00"));
    simulator.world.prices = price_list(vec![hourly("PostgreSQL", "1"), hourly("Books", "1")]);
    simulator.world.issuer = Some(issuer(vec![books, rate("all", "25", None, None)]));
    simulator.usage(runs("u1", "a", "2020-10-01", 100));
    simulator.usage(Usage { service: service("u2", "Books"), ..runs("u2", "a", "2020-10-01", 50) });
    simulator
}

#[test]
fn a_credit_pays_of_each_rate_in_proportion_and_each_line_says_its_own() {
    let mut simulator = of_two_rates();
    simulator.world.credits = vec![offer("c", "30.01")];
    let october = simulator.close("2020-10");
    // 20.0067 and 10.0033: the cent that is left goes to the larger fraction.
    let credits: Vec<_> = october.items.iter().map(|item| (item.tax.map(|tax| tax.to_string()), item.total)).collect();
    assert_eq!(credits, [(Some("S 10".to_owned()), usd("-10.00")), (Some("S 25".to_owned()), usd("-20.01"))]);
    assert_eq!(taxes(&october), ["S 10 40.00 4.00", "S 25 79.99 20.00"]);
    let ids: std::collections::BTreeSet<_> = october.items.iter().map(Item::id).collect();
    assert_eq!(ids.len(), 2);
}

#[test]
fn a_minimum_charge_takes_each_rate_to_zero() {
    let mut simulator = of_two_rates();
    simulator.world.issuer =
        simulator.world.issuer.map(|issuer| Issuer { minimum_charges: vec![usd("200.00")], ..issuer });
    let october = simulator.close("2020-10");
    assert_eq!(taxes(&october), ["S 10 0.00 0.00", "S 25 0.00 0.00"]);
    assert_eq!(october.total, usd("0.00"));
}

#[test]
fn a_service_that_no_rule_is_for_holds_the_bill_and_is_named() {
    let mut simulator = of_two_rates();
    let books = TaxRule { service_types: vec![name("Books")], ..rate("books", "10", None, None) };
    simulator.world.issuer = Some(issuer(vec![books]));
    let october = simulator.world.bill("g", "2020-10");
    assert_eq!(october.holds[0].reason, HoldReason::NoTaxRule);
    assert!(october.holds[0].message.contains("for services of type PostgreSQL"), "{}", october.holds[0].message);
}

#[test]
fn money_that_was_paid_in_advance_pays_what_is_to_be_paid_and_no_tax_less() {
    let (mut simulator, _) = after_october(Terms::default(), Vec::new());
    simulator.world.issuer = Some(issuer(vec![rate("all", "25", None, None)]));
    let advance = CreditOffer { application: Application::AfterTax, ..offer("advance", "200.00") };
    simulator.world.credits = vec![advance, offer("rebate", "20.00")];
    simulator.usage(runs("b1", "b", "2020-11-01", 100));
    let november = simulator.close("2020-11");
    assert_eq!((november.subtotal, november.tax, november.total), (usd("80.00"), usd("20.00"), usd("100.00")));
    assert_eq!((november.prepaid, november.amount_due), (usd("100.00"), usd("0.00")));
    let used: Vec<_> = november.credits.iter().map(|used| (used.name.to_string(), used.used)).collect();
    assert_eq!(used, [("rebate".to_owned(), usd("20.00")), ("advance".to_owned(), usd("100.00"))]);
}
