//! Issuers and buyers made up at random.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::tax::{issuer, judged, rule};
use super::bills;
use super::worlds::{Parts, parts};
use crate::tests::world::*;
use crate::*;

fn tax_rule() -> impl Strategy<Value = TaxRule> {
    let countries = subsequence(vec!["EU", "FI", "DE", "US", "MC"], 0..3);
    let kind = select(vec![BuyerKind::Any, BuyerKind::Any, BuyerKind::Business, BuyerKind::Consumer]);
    let tax = select(vec![
        (TaxCategory::Standard, "25.5"),
        (TaxCategory::Standard, "12.5"), // an eighth: half a cent comes often
        (TaxCategory::Standard, "0.0001"),
        (TaxCategory::ZeroRated, "0"),
        (TaxCategory::Exempt, "0"),
        (TaxCategory::ReverseCharge, "0"),
        (TaxCategory::ReverseCharge, "0"),
        (TaxCategory::OutsideScope, "0"),
    ]);
    let services = prop::collection::vec(select(vec!["PostgreSQL", "MySQL", "Setup"]).prop_map(name), 1..3);
    let services = prop::option::weighted(0.3, services).prop_map(Option::unwrap_or_default);
    let months = || prop::option::weighted(0.2, select(super::MONTHS.to_vec()).prop_map(month));
    (countries, kind, tax, services, months(), months()).prop_map(
        |(countries, kind, (category, rate), services, first, last)| TaxRule {
            service_types: services,
            validity: Validity { first, last },
            ..rule("rule", &countries.join(" "), kind, category, rate)
        },
    )
}

pub fn any_issuer() -> impl Strategy<Value = Option<Issuer>> {
    let minimums = subsequence(vec![money("5.00", "USD"), money("100.00", "EUR"), money("5", "JPY")], 0..3);
    let requires = select(vec![ReverseChargeRequires::Format, ReverseChargeRequires::Confirmed]);
    let rules = prop::collection::vec(tax_rule(), 0..5);
    let home = select(vec![Some("FI"), Some("FI"), Some("MC"), None]);
    let one = (minimums, requires, rules, home).prop_map(|(minimum_charges, requires, rules, home)| {
        let country = home.map(|code| code.parse().unwrap());
        Issuer { minimum_charges, reverse_charge_requires: requires, country, ..issuer(rules) }
    });
    prop::option::weighted(0.9, one)
}

pub fn any_buyer() -> impl Strategy<Value = Buyer> {
    let home = select(vec!["", "FI", "DE", "US", "SE", "MC"]);
    let ids = ["", "", "FI20774740", "DE136695976", "DE136695977", "FR40303265045", "12345"];
    let finding = select(vec![None, None, Some(VatFinding::Confirmed), Some(VatFinding::Refused)]);
    (home, select(ids.to_vec()), finding).prop_map(|(home, id, finding)| judged(home, id, finding))
}

/// What a world with buyers of all kinds is made of, and an issuer.
pub fn parts_and_issuer() -> impl Strategy<Value = (Parts, Option<Issuer>)> {
    (parts(), any_issuer(), prop::collection::vec(any_buyer(), 3)).prop_map(|(mut parts, issuer, buyers)| {
        parts.groups.iter_mut().zip(buyers).for_each(|(group, buyer)| group.buyer = buyer);
        (parts, issuer)
    })
}

/// A world of these.
pub fn world() -> impl Strategy<Value = World> {
    parts_and_issuer().prop_map(|(parts, issuer)| World { issuer, ..parts.world() })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_audit_agrees_about_tax(world in world()) {
        for (input, bill) in bills(&world) {
            prop_assert_eq!(audit(&input, &bill), []);
        }
    }

    #[test]
    fn all_of_a_subtotal_is_taxed_in_one_way_or_another_or_there_is_a_word_about_it(world in world()) {
        for (_, bill) in bills(&world) {
            prop_assert_eq!(bill.subtotal.checked_add(bill.tax), Some(bill.total));
            prop_assert_eq!(bill.taxes.is_empty(), bill.untaxed.is_some());
            let sum = |of: fn(&TaxSubtotal) -> Money| bill.taxes.iter().map(|tax| of(tax).minor()).sum::<i128>();
            if bill.untaxed.is_none() {
                prop_assert_eq!(sum(|tax| tax.base), bill.subtotal.minor());
            }
            prop_assert_eq!(sum(|tax| tax.amount), bill.tax.minor());
            let groups: BTreeSet<TaxGroup> = bill.taxes.iter().map(TaxSubtotal::group).collect();
            prop_assert_eq!(groups.len(), bill.taxes.len());
            for tax in &bill.taxes {
                prop_assert_eq!(tax.category == TaxCategory::Standard, tax.rate > TaxRate::ZERO);
            }
            prop_assert_eq!(bill.holds.is_empty(), bill.untaxed != Some(Untaxed::NoRule));
        }
    }

    #[test]
    fn the_audit_catches_every_mutant_of_tax(world in world()) {
        for (input, bill) in bills(&world) {
            for (title, mutant) in mutants(&bill) {
                prop_assert!(!audit(&input, &mutant).is_empty(), "{} is not noticed", title);
            }
        }
    }
}

fn mutants(bill: &Bill) -> Vec<(&'static str, Bill)> {
    let cent = |money: Money| money.checked_add(Money::new(1, money.currency()).unwrap()).unwrap_or(money.negated());
    let changed = |change: &dyn Fn(&mut Bill)| {
        let mut mutant = bill.clone();
        change(&mut mutant);
        mutant
    };
    let mut mutants = vec![
        ("another tax", changed(&|bill| bill.tax = cent(bill.tax))),
        ("another total", changed(&|bill| bill.total = cent(bill.total))),
        (
            "a hold dropped or added",
            changed(&|bill| {
                if bill.holds.pop().is_none() {
                    bill.holds.push(Hold { reason: HoldReason::NoTaxRule, message: String::new() });
                }
            }),
        ),
        (
            "no word about tax, or one too many",
            changed(&|bill| {
                bill.untaxed = if bill.untaxed.is_some() { None } else { Some(Untaxed::NoRules) };
            }),
        ),
        (
            "taxed twice",
            changed(&|bill| {
                let tax = bill.taxes.first().cloned();
                let none = TaxSubtotal {
                    category: TaxCategory::Exempt,
                    rate: TaxRate::ZERO,
                    base: bill.subtotal,
                    amount: Money::zero(bill.subtotal.currency()),
                    reason: None,
                };
                bill.taxes.push(tax.unwrap_or(none));
            }),
        ),
    ];
    if !bill.taxes.is_empty() {
        mutants.extend([
            ("not taxed", changed(&|bill| bill.taxes.clear())),
            ("another base", changed(&|bill| bill.taxes[0].base = cent(bill.taxes[0].base))),
            ("another amount", changed(&|bill| bill.taxes[0].amount = cent(bill.taxes[0].amount))),
            ("another rate", changed(&|bill| bill.taxes[0].rate = "99".parse().unwrap())),
            ("another reason", changed(&|bill| bill.taxes[0].reason = Some("because".to_owned()))),
            (
                "another category",
                changed(&|bill| {
                    let exempt = bill.taxes[0].category == TaxCategory::Exempt;
                    bill.taxes[0].category = if exempt { TaxCategory::OutsideScope } else { TaxCategory::Exempt };
                }),
            ),
        ]);
    }
    if bill.items.iter().any(|item| item.kind == LineType::Rounding) {
        mutants.push((
            "the small amount charged",
            changed(&|bill| bill.items.retain(|item| item.kind != LineType::Rounding)),
        ));
    }
    mutants
}
