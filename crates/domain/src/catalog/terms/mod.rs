//! What a group agreed with its provider: discounts, charges and a commitment.
//!
//! Terms hold for months. What is agreed for a month is the same whether its bill is an estimate or final, and
//! from the month's first instant on.

pub mod charge;
pub mod commitment;
pub mod discount;
pub mod error;

use crate::bill::inputs::GroupMonth;
use crate::bill::tally::{Overflow, Tally};
use crate::catalog::terms::charge::{AgreedCharge, ChargeType};
use crate::catalog::terms::commitment::Commitment;
use crate::catalog::terms::discount::Discount;
use crate::invoice::source::{Source, SourceKind};
use crate::money::product::Ratio;
use crate::time::month::Month;

/// The commercial terms of a group. By default there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// Percentages off the price of services; several multiply.
    pub discounts: Vec<Discount>,
    /// Amounts beside services.
    pub charges: Vec<AgreedCharge>,
    /// What the group pays at least.
    pub commitment: Option<Commitment>,
}

impl Terms {
    /// What is left of a service's price after the discounts of the month; `None` when there are none.
    pub fn discount_factor(&self, month: Month) -> Option<Ratio> {
        self.discounts_in(month).map(Discount::factor).reduce(Ratio::times)
    }

    /// The discounts in force in the month, in the order in which they are written.
    pub fn discounts_in(&self, month: Month) -> impl Iterator<Item = &Discount> {
        self.discounts.iter().filter(move |discount| discount.validity.contains(month))
    }
}

/// Puts on the bill what the group's terms say for the month.
pub(crate) fn bill_terms(month: &GroupMonth<'_>, terms: &Terms, tally: &mut Tally) -> Result<(), Overflow> {
    let group = month.group;
    let source = Source { kind: SourceKind::BillingGroup, name: group.name.clone(), uid: group.uid };
    for discount in terms.discounts_in(month.month) {
        tally.add(discount.item(&source, tally.currency()))?;
    }
    let charges = |kind| terms.charges.iter().filter(move |charge| charge.is_due(kind, month.month));
    for charge in charges(ChargeType::Extra).chain(charges(ChargeType::Support)) {
        tally.add(charge.item(&source, tally.services())?)?;
    }
    let commitment = terms.commitment.as_ref().filter(|commitment| commitment.validity.contains(month.month));
    if let Some(fee) = commitment.map(|commitment| commitment.fee(&source, tally.net())).transpose()?.flatten() {
        tally.add(fee)?;
    }
    for charge in charges(ChargeType::Other) {
        tally.add(charge.item(&source, tally.services())?)?;
    }
    Ok(())
}
