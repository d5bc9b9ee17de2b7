//! Discounts: percentages off the price of services.

use crate::invoice::item::Item;
use crate::invoice::line_type::LineType;
use crate::invoice::source::Source;
use crate::money::amount::{Currency, Money};
use crate::money::percent::Percent;
use crate::money::product::Ratio;
use crate::name::Name;
use crate::time::validity::Validity;

/// A percentage off the price of every service of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discount {
    /// What it is called; printed.
    pub name: Name,
    /// How much it takes off.
    pub percent: Percent,
    /// When it is in force.
    pub validity: Validity,
}

impl Discount {
    /// What it leaves of a price.
    pub(super) fn factor(&self) -> Ratio {
        self.percent.rest()
    }

    /// The line that tells of it. The discount itself is in the services' lines.
    pub(super) fn item(&self, source: &Source, currency: Currency) -> Item {
        Item {
            kind: LineType::Multiplier,
            key: self.name.to_string(),
            project: None,
            period: None,
            pre_discount: None,
            total: Money::zero(currency),
            description: format!("{}: {} off services", self.name, self.percent),
            source: source.clone(),
            adjustment: None,
        }
    }
}
