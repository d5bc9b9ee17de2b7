//! What a bill should say, as derived.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::difference::ChargeKey;
use crate::catalog::tax_rule::TaxGroup;
use crate::catalog::unit_price::UnitPrice;
use crate::invoice::line::Line;
use crate::money::amount::Money;
use crate::name::Name;

/// A charge as derived: what decides about the amount, and the amount in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DerivedCharge {
    pub(super) price: UnitPrice,
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
        DerivedCharge { price: line.price().clone(), pre_discount, total, tax: line.tax, price_total }
    }
}

impl fmt::Display for DerivedCharge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DerivedCharge { price, pre_discount, total, tax, price_total } = self;
        write!(f, "{total} minor units ({pre_discount} before discounts, at {price})")?;
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
