//! A cent more or less anywhere is found.

use rust_decimal::Decimal;

use super::{credit_note, terms};
use crate::model::Invoice;
use crate::{Profile, Refusal};

const CENT: Decimal = Decimal::from_parts(1, 0, 0, false, 2);

/// An amount of the terms.
type Amount = fn(&mut Invoice) -> &mut Decimal;

#[test]
fn every_amount_that_is_a_cent_off_is_refused() {
    let amounts: [(&str, Amount); 12] = [
        ("line 1", |terms| &mut terms.lines[0].net),
        ("line 1", |terms| &mut terms.lines[0].price),
        ("line 1", |terms| &mut terms.lines[0].discount.as_mut().expect("a discount").amount),
        ("the taxed amount", |terms| &mut terms.allowances[0].amount),
        ("the taxed amount", |terms| &mut terms.taxes[0].base),
        ("the tax in category S", |terms| &mut terms.taxes[0].amount),
        ("the sum of its lines", |terms| &mut terms.totals.lines),
        ("the sum of its allowances", |terms| &mut terms.totals.allowances),
        ("its total before tax", |terms| &mut terms.totals.subtotal),
        ("its tax", |terms| &mut terms.totals.tax),
        ("its total", |terms| &mut terms.totals.total),
        ("its amount due", |terms| &mut terms.totals.prepaid),
    ];
    let good = terms(|_| {});
    assert_eq!(good.check(), Ok(()));
    for (said, amount) in amounts {
        for off in [CENT, -CENT] {
            let mut terms = good.clone();
            *amount(&mut terms) += off;
            match terms.check() {
                Err(Refusal::Sum { what, .. }) => assert!(what.starts_with(said), "{what}, not {said}"),
                other => panic!("{said}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_price_below_zero_and_a_tax_at_another_rate_are_refused() {
    let mut negative = terms(|_| {});
    (negative.lines[1].price, negative.lines[1].quantity) = (-negative.lines[1].price, -negative.lines[1].quantity);
    assert!(matches!(negative.check(), Err(Refusal::Sum { .. })));
    let mut rate = terms(|_| {});
    rate.lines[1].tax.rate = Decimal::TEN;
    assert!(matches!(rate.check(), Err(Refusal::Sum { .. })));
}

/// Several notes of one invoice give back what its rounding leaves: one may be a cent off, and not two.
#[test]
fn the_tax_of_a_credit_note_may_be_a_cent_off() {
    let noted = |tax: &'static str, total: &'static str| {
        credit_note(
            |note| {
                (note["tax"], note["total"], note["taxes"][0]["amount"]) = (tax.into(), total.into(), tax.into());
            },
            Profile::En16931,
        )
    };
    assert!(noted("-3.82", "-18.82").is_ok() && noted("-3.84", "-18.84").is_ok());
    assert!(matches!(noted("-3.85", "-18.85"), Err(Refusal::Sum { .. })));
}
