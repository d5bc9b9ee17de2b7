//! Charges that were agreed beside services.

use crate::money::amount::{Money, round_half_away};
use crate::money::percent::Percent;
use crate::name::Name;
use crate::time::validity::Validity;

/// An amount for every month in which it is in force; a single charge has one month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreedCharge {
    /// What it is called; printed.
    pub name: Name,
    /// What it is for.
    pub kind: ChargeType,
    /// How much it is.
    pub amount: ChargeAmount,
    /// When it is in force.
    pub validity: Validity,
}

/// What a charge is for, in the order of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChargeType {
    /// Something beside services.
    Extra,
    /// Support.
    Support,
    /// Anything else; does not count towards a commitment.
    Other,
}

/// How much a charge is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeAmount {
    /// So much a month.
    Fixed(Money),
    /// So much a month for each project that the group pays for at the month's end.
    PerProject(Money),
    /// A part of what services cost.
    OfServices {
        /// Which part.
        percent: Percent,
        /// How much it is at least.
        minimum: Option<Money>,
    },
}

impl ChargeAmount {
    /// The amount for so many projects, whose services have this total.
    pub(crate) fn of(&self, services: Money, projects: u32) -> Option<Money> {
        match self {
            ChargeAmount::Fixed(amount) => Some(*amount),
            ChargeAmount::PerProject(amount) => {
                Money::new(amount.minor().checked_mul(projects.into())?, amount.currency())
            }
            ChargeAmount::OfServices { percent, minimum } => {
                let part = round_half_away(&services.exact().times(percent.part()), services.currency())?;
                let least = minimum.filter(|least| part.minor() < least.minor());
                Some(least.unwrap_or(part))
            }
        }
    }
}
