//! Commitments: what a group pays at least.

use crate::bill::tally::Overflow;
use crate::invoice::item::Item;
use crate::invoice::line_type::LineType;
use crate::invoice::source::Source;
use crate::money::amount::Money;
use crate::name::Name;
use crate::time::validity::Validity;

/// An amount that the group pays every month in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    /// What it is called; printed.
    pub name: Name,
    /// How much a month.
    pub amount: Money,
    /// When it is in force.
    pub validity: Validity,
}

impl Commitment {
    /// What is missing to it; `None` when `spent` (services, extra charges and support) reaches it.
    pub(super) fn fee(&self, source: &Source, spent: Money) -> Result<Option<Item>, Overflow> {
        let shortfall = self.amount.checked_sub(spent).ok_or(Overflow)?;
        Ok((shortfall.minor() > 0).then(|| Item {
            kind: LineType::CommitmentFee,
            key: self.name.to_string(),
            project: None,
            period: None,
            pre_discount: None,
            total: shortfall,
            description: format!("{}: commitment {} {}, spent {spent}", self.name, self.amount, self.amount.currency()),
            source: source.clone(),
            adjustment: None,
        }))
    }
}
