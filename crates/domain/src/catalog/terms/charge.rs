//! Charges that were agreed beside services.

use crate::bill::tally::Overflow;
use crate::invoice::item::Item;
use crate::invoice::line_type::LineType;
use crate::invoice::source::Source;
use crate::money::amount::{Money, round_half_away};
use crate::money::percent::Percent;
use crate::name::Name;
use crate::time::month::Month;
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
    /// A part of what services cost.
    OfServices {
        /// Which part.
        percent: Percent,
        /// How much it is at least.
        minimum: Option<Money>,
    },
}

impl ChargeAmount {
    /// The amount for services of this total.
    fn of(&self, services: Money) -> Option<Money> {
        match self {
            ChargeAmount::Fixed(amount) => Some(*amount),
            ChargeAmount::OfServices { percent, minimum } => {
                let part = round_half_away(&services.exact().times(percent.part()), services.currency())?;
                let least = minimum.filter(|least| part.minor() < least.minor());
                Some(least.unwrap_or(part))
            }
        }
    }
}

impl AgreedCharge {
    /// Whether it is of this type, and in force in the month.
    pub(super) fn is_due(&self, kind: ChargeType, month: Month) -> bool {
        self.kind == kind && self.validity.contains(month)
    }

    pub(super) fn item(&self, source: &Source, services: Money) -> Result<Item, Overflow> {
        Ok(Item {
            kind: self.line_type(),
            key: self.name.to_string(),
            project: None,
            period: None,
            pre_discount: None,
            total: self.amount.of(services).ok_or(Overflow)?,
            description: self.description(services),
            source: source.clone(),
            adjustment: None,
        })
    }

    /// The type of its line.
    pub fn line_type(&self) -> LineType {
        match self.kind {
            ChargeType::Extra => LineType::ExtraCharge,
            ChargeType::Support => LineType::SupportCharge,
            ChargeType::Other => LineType::OtherEvent,
        }
    }

    fn description(&self, services: Money) -> String {
        let Self { name, .. } = self;
        match &self.amount {
            ChargeAmount::Fixed(_) => name.to_string(),
            ChargeAmount::OfServices { percent, minimum: None } => {
                format!("{name}: {percent} of services {services} {}", services.currency())
            }
            ChargeAmount::OfServices { percent, minimum: Some(minimum) } => {
                format!("{name}: {percent} of services {services} {}, at least {minimum}", services.currency())
            }
        }
    }
}
