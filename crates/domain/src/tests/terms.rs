//! Discounts, charges and commitments.

use super::world::*;
use crate::*;

/// A month of 720 hours at so much an hour, for a group with these terms.
fn world(unit_price: &str, terms: Terms) -> World {
    let mut world = World::new([Group { terms: Ok(terms), ..group("g") }])
        .project("p", &[segment("2020-01-01", "g")])
        .usage(usage("db", "p", "2020-11-01", "2020-12-01"));
    world.prices = price_list(vec![hourly("PostgreSQL", unit_price)]);
    world
}

fn discount(text: &str, percent: &str) -> Discount {
    Discount { name: name(text), percent: percent.parse().unwrap(), validity: Validity::default() }
}

fn charge(text: &str, kind: ChargeType, amount: ChargeAmount) -> AgreedCharge {
    AgreedCharge { name: name(text), kind, amount, validity: Validity::default() }
}

fn support(percent: &str, minimum: Option<&str>) -> AgreedCharge {
    let (percent, minimum) = (percent.parse().unwrap(), minimum.map(|minimum| money(minimum, "USD")));
    charge("Business support", ChargeType::Support, ChargeAmount::OfServices { percent, minimum })
}

fn commitment(amount: &str) -> Commitment {
    Commitment {
        name: name("Annual plan"),
        amount: money(amount, "USD"),
        validity: Validity::default(),
        settlement: CommitmentSettlement::Month,
    }
}

fn charges(charges: Vec<AgreedCharge>) -> Terms {
    Terms { charges, ..Terms::default() }
}

/// `type total: description` of every item.
fn items(bill: &Bill) -> Vec<String> {
    bill.items.iter().map(|item| format!("{} {}: {}", item.kind.as_str(), item.total, item.description)).collect()
}

#[test]
fn a_month_without_services_says_nothing_of_discounts() {
    let terms = Terms { discounts: vec![discount("Partner", "10")], ..Terms::default() };
    assert_eq!(items(&world("0.026", terms).bill("g", "2020-10")), [""; 0]);
}

#[test]
fn golden_10_a_discount_is_inside_the_services_lines_and_told_by_a_line_of_zero() {
    let terms = Terms { discounts: vec![discount("Partner", "10")], ..Terms::default() };
    let bill = world("0.026", terms).bill("g", "2020-11");
    assert_eq!(bill.lines[0].pre_discount, money("18.72", "USD"));
    assert_eq!(bill.lines[0].total, money("16.85", "USD"), "18.72 less 10 % is 16.848");
    assert_eq!(items(&bill), ["Multiplier 0.00: Partner: 10 % off services"]);
    assert_eq!(bill.subtotal, money("16.85", "USD"));
}

#[test]
fn several_discounts_multiply_and_are_rounded_once() {
    let discounts = vec![discount("Partner", "10"), discount("Volume", "20"), discount("Launch", "33.3333")];
    let bill = world("0.026", Terms { discounts, ..Terms::default() }).bill("g", "2020-11");
    // 18.72 × 0.9 × 0.8 × 0.666667 = 8.9856044928; rounding in between would give 8.99 by luck, and 16.85 × … 8.986
    assert_eq!(bill.lines[0].total, money("8.99", "USD"));
    assert_eq!(bill.items.len(), 3);
}

#[test]
fn a_discount_of_everything_leaves_nothing() {
    let terms = Terms { discounts: vec![discount("Free", "100")], ..Terms::default() };
    assert_eq!(world("0.026", terms).bill("g", "2020-11").subtotal, money("0.00", "USD"));
}

#[test]
fn terms_hold_from_their_first_month_to_their_last() {
    let from_to = |first: &str, last: &str| Validity { first: Some(month(first)), last: Some(month(last)) };
    for (first, last, discounted) in [
        ("2020-11", "2020-11", true),
        ("2020-01", "2020-11", true),
        ("2020-11", "2021-12", true),
        ("2020-01", "2020-10", false),
        ("2020-12", "2021-12", false),
    ] {
        let discounts = vec![Discount { validity: from_to(first, last), ..discount("Partner", "50") }];
        let charges = vec![AgreedCharge { validity: from_to(first, last), ..support("10", None) }];
        let commitment = Some(Commitment { validity: from_to(first, last), ..commitment("1000.00") });
        let bill = world("0.026", Terms { discounts, charges, commitment }).bill("g", "2020-11");
        assert_eq!(bill.lines[0].total == money("9.36", "USD"), discounted, "{first} to {last}");
        assert_eq!(bill.items.len(), if discounted { 3 } else { 0 }, "{first} to {last}");
    }
}

#[test]
fn support_is_a_part_of_services_and_at_least_its_minimum() {
    // 720 h at these prices: 5,000.40 and 12,000.24
    for (unit_price, total) in [("6.945", "500.00"), ("16.667", "540.01")] {
        let bill = world(unit_price, charges(vec![support("4.5", Some("500.00"))])).bill("g", "2020-11");
        assert_eq!(bill.items[0].total, money(total, "USD"));
        assert_eq!(bill.items[0].kind, LineType::SupportCharge);
    }
}

#[test]
fn golden_7_support_is_500_for_5000_and_540_for_12000() {
    for (spend, total) in [("5000", "500.00"), ("12000", "540.00")] {
        let mut world = world("1", charges(vec![support("4.5", Some("500.00"))]));
        world.prices = price_list(vec![by_unit("PostgreSQL", spend)]);
        let bill = world.bill("g", "2020-11");
        assert_eq!(
            items(&bill),
            [format!("SupportCharge {total}: Business support: 4.5 % of services {spend}.00 USD, at least 500.00")]
        );
    }
}

#[test]
fn golden_8_a_commitment_makes_up_what_is_missing() {
    for (spend, fee) in [("820.50", Some("179.50")), ("1000", None), ("1000.01", None), ("0", Some("1000.00"))] {
        let mut world = world("1", Terms { commitment: Some(commitment("1000.00")), ..Terms::default() });
        world.prices = price_list(vec![by_unit("PostgreSQL", spend)]);
        let bill = world.bill("g", "2020-11");
        assert_eq!(bill.items.first().map(|item| item.total), fee.map(|fee| money(fee, "USD")), "{spend}");
        assert!(bill.items.iter().all(|item| item.kind == LineType::CommitmentFee));
    }
}

#[test]
fn extra_charges_and_support_count_towards_a_commitment_and_other_events_do_not() {
    let fixed = |text: &str, kind, amount: &str| charge(text, kind, ChargeAmount::Fixed(money(amount, "USD")));
    let charges = vec![
        fixed("Move of data", ChargeType::Other, "7.00"),
        support("10", None),
        fixed("Dedicated line", ChargeType::Extra, "50.00"),
    ];
    let bill = world("0.026", Terms { charges, commitment: Some(commitment("100.00")), ..Terms::default() })
        .bill("g", "2020-11");
    assert_eq!(
        items(&bill),
        [
            "ExtraCharge 50.00: Dedicated line",
            "SupportCharge 1.87: Business support: 10 % of services 18.72 USD",
            "CommitmentFee 29.41: Annual plan: commitment 100.00 USD, spent 70.59",
            "OtherEvent 7.00: Move of data",
        ]
    );
    assert_eq!(bill.subtotal, money("107.00", "USD"));
    let categories: Vec<_> =
        bill.categories.iter().map(|sum| format!("{} {}", sum.kind.as_str(), sum.subtotal)).collect();
    assert_eq!(
        categories,
        ["ServiceCharge 18.72", "ExtraCharge 50.00", "SupportCharge 1.87", "CommitmentFee 29.41", "OtherEvent 7.00"]
    );
}

#[test]
fn an_item_keeps_its_id_when_amounts_change_and_differs_by_name_and_type() {
    let ids = |price: &str| {
        let terms = charges(vec![support("10", None), AgreedCharge { name: name("Other"), ..support("10", None) }]);
        let bill = world(price, terms).bill("g", "2020-11");
        bill.items.iter().map(Item::id).collect::<Vec<_>>()
    };
    assert_eq!(ids("0.026"), ids("1"));
    assert_ne!(ids("1")[0], ids("1")[1]);
}

#[test]
fn terms_that_contradict_themselves_are_no_bill_at_all() {
    let error = TermsError::Amount { field: "charges[support]".to_owned() };
    let world = World::new([Group { terms: Err(error.clone()), ..group("g") }]);
    let bill = bill_group_month(&world.input("g", "2020-11", at("2020-12-01")));
    assert_eq!(bill, Err(BillError::Terms { group: name("g"), error }));
}

#[test]
fn the_audit_says_that_it_derives_no_items_instead_of_deriving_none() {
    let readable = World::new([group("g")]);
    let bill = readable.bill("g", "2020-11");
    let error = TermsError::Amount { field: "charges[support]".to_owned() };
    let unreadable = World::new([Group { terms: Err(error), ..group("g") }]);
    let differences = audit(&unreadable.input("g", "2020-11", at("2020-12-01")), &bill);
    assert!(differences.contains(&AuditDifference::ItemsNotDerived), "{differences:?}");
}

#[test]
fn the_audit_sees_a_wrong_item() {
    let world = world("0.026", Terms { commitment: Some(commitment("100.00")), ..charges(vec![support("10", None)]) });
    let input = world.input("g", "2020-11", at("2020-12-01"));
    let bill = world.bill("g", "2020-11");
    let mutants: [fn(&mut Bill); 4] = [
        |bill| bill.items[0].total = money("1.86", "USD"),
        |bill| bill.items.swap(0, 1),
        |bill| bill.items.truncate(1),
        |bill| bill.items[1].key = "another".to_owned(),
    ];
    for mutant in mutants {
        let mut wrong = bill.clone();
        mutant(&mut wrong);
        assert_ne!(audit(&input, &wrong), []);
    }
}

#[test]
fn a_percentage_is_above_zero_and_at_most_a_hundred() {
    for good in ["0.0001", "4.5", "33.3333", "100"] {
        assert!(good.parse::<Percent>().is_ok(), "{good}");
    }
    for bad in ["0", "-1", "100.0001", "0.00001", "", "5%", "1e1", "ten"] {
        assert!(bad.parse::<Percent>().is_err(), "{bad}");
    }
}
