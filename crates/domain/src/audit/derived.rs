//! What a bill should say, as derived.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rust_decimal::Decimal;

use super::difference::ChargeKey;
use crate::catalog::scale::Portion;
use crate::catalog::tax_rule::TaxGroup;
use crate::catalog::unit_price::UnitPrice;
use crate::invoice::line::Line;
use crate::money::amount::Money;
use crate::name::Name;

/// A charge as derived: what decides about the amount, and the amount in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DerivedCharge {
    /// The list that the price is from.
    pub(super) list: Name,
    pub(super) price: UnitPrice,
    /// How much comes before it in the month, how much it is, and what a package of it costs, where that matters.
    pub(super) portion: Option<(Decimal, Decimal, Decimal)>,
    pub(super) pre_discount: i128,
    pub(super) total: i128,
    pub(super) tax: Option<TaxGroup>,
    /// In the currency of the price, where that is another.
    pub(super) price_total: Option<i128>,
}

impl DerivedCharge {
    pub(super) fn of_line(line: &Line) -> Self {
        let (pre_discount, total) = (line.pre_discount.minor(), line.total.minor());
        let price_total = line.price_total.map(Money::minor);
        let of = |portion: &Portion| (portion.before, portion.quantity, portion.amount);
        let portion = line.portion.as_deref().map(of);
        let (list, price) = (line.entry.list.clone(), line.price().clone());
        DerivedCharge { list, price, portion, pre_discount, total, tax: line.tax, price_total }
    }
}

impl fmt::Display for DerivedCharge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DerivedCharge { list, price, portion, pre_discount, total, tax, price_total } = self;
        write!(f, "{total} minor units ({pre_discount} before discounts, at {price} of {list})")?;
        portion.map_or(Ok(()), |(before, quantity, amount)| write!(f, ", {quantity} after {before} at {amount}"))?;
        tax.map_or(Ok(()), |tax| write!(f, ", taxed {tax}"))?;
        price_total.map_or(Ok(()), |price_total| write!(f, ", from {price_total} of the price's currency"))
    }
}

/// All that a bill should say.
#[derive(Debug, Default)]
pub(super) struct Derived {
    pub(super) charges: BTreeMap<ChargeKey, DerivedCharge>,
    pub(super) projects: BTreeSet<Name>,
    pub(super) problems: BTreeSet<Name>,
}
