//! Every currency is billed alike: what comes to so many cents comes to as many yen, or fils, where prices are that much
//! higher or lower.

use proptest::prelude::*;

use super::taxes::parts_and_issuer;
use super::worlds::Parts;
use crate::tests::world::*;
use crate::*;

/// Every amount in USD as so many of the smallest units of another currency, prices included.
fn in_currency(parts: &Parts, issuer: Option<&Issuer>, code: &str) -> World {
    let digits = currency(code).digits();
    let other = |money: Money| match money.currency().code() {
        "USD" => Money::new(money.minor(), currency(code)).unwrap(),
        _ => money,
    };
    let mut parts = parts.clone();
    for group in &mut parts.groups {
        group.currency = group.currency.map(|_| currency(code));
        let terms = group.terms.as_mut().unwrap();
        for charge in &mut terms.charges {
            charge.amount = match &charge.amount {
                ChargeAmount::Fixed(amount) => ChargeAmount::Fixed(other(*amount)),
                ChargeAmount::PerProject(amount) => ChargeAmount::PerProject(other(*amount)),
                ChargeAmount::OfServices { percent, minimum } => {
                    ChargeAmount::OfServices { percent: *percent, minimum: minimum.map(other) }
                }
            };
        }
        terms.commitment.iter_mut().for_each(|commitment| commitment.amount = other(commitment.amount));
    }
    // Nothing comes near to the most that a document can carry, which differs.
    let most = decimal("1000.5");
    parts.usage.iter_mut().for_each(|usage| usage.quantity = usage.quantity.min(most));
    let scaled = |amount: rust_decimal::Decimal| {
        amount.min(most) * decimal("100") / rust_decimal::Decimal::from(10_u32.pow(digits))
    };
    for entry in parts.prices.iter_mut().flat_map(|list| &mut list.entries) {
        entry.price.amount = scaled(entry.price.amount);
        entry.price.max_per_month = entry.price.max_per_month.map(scaled);
        entry.price.scale = entry.price.scale.take().map(|scale| {
            let mut scale = Scale::clone(&scale);
            scale.pricing.tiers_mut().iter_mut().for_each(|tier| tier.amount = scaled(tier.amount));
            scale.into()
        });
    }
    parts.credits.iter_mut().for_each(|credit| credit.remaining = other(credit.remaining));
    let in_issuer = |issuer: &Issuer| Issuer {
        minimum_charges: issuer.minimum_charges.iter().copied().map(other).collect(),
        ..issuer.clone()
    };
    World { prices: parts.prices_in(code), issuer: issuer.map(in_issuer), ..parts.world() }
}

/// Every amount of a bill in its smallest units, with what it is of.
fn units(bill: &Bill) -> Vec<(String, i128)> {
    let mut found = Vec::new();
    for line in &bill.lines {
        let whose = format!("{} {}", line.usage.name, line.period.start());
        found.push((format!("{whose} before discounts"), line.pre_discount.minor()));
        found.push((whose, line.total.minor()));
    }
    found.extend(
        bill.items.iter().map(|item| (format!("{} {}", item.kind.as_str(), item.source.name), item.total.minor())),
    );
    found.extend(bill.taxes.iter().map(|tax| (tax.category.code().to_owned(), tax.amount.minor())));
    let sums = [("subtotal", bill.subtotal), ("tax", bill.tax), ("total", bill.total)];
    found.extend(sums.map(|(what, sum)| (what.to_owned(), sum.minor())));
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn yen_dollars_and_dinars_are_billed_alike((parts, issuer) in parts_and_issuer()) {
        let issuer = issuer.map(|issuer| Issuer {
            minimum_charges: issuer.minimum_charges.into_iter().filter(|minimum| minimum.currency() == currency("USD")).collect(),
            ..issuer
        });
        let billed = |code| {
            let world = in_currency(&parts, issuer.as_ref(), code);
            super::bills(&world).iter().map(|(_, bill)| units(bill)).collect::<Vec<_>>()
        };
        let dollars = billed("USD");
        prop_assert_eq!(&billed("JPY"), &dollars);
        prop_assert_eq!(&billed("KWD"), &dollars);
    }
}
