//! The lines of an invoice that charge usage; all others are [items](super::item).

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::catalog::price::PriceEntry;
use crate::catalog::scale::{Portion, TierSpan};
use crate::catalog::tax_rule::TaxGroup;
use crate::catalog::unit_price::{Unit, UnitPrice};
use crate::invoice::ids::charge_id;
use crate::invoice::line_type::LineType;
use crate::money::amount::Money;
use crate::money::ratio::Ratio;
use crate::time::multiple::Multiple;
use crate::time::period::Period;
use crate::usage::Usage;

/// One line: a record over one continuous period at one price.
///
/// Kept small, because a month has hundreds of thousands; what a reader sees is computed when asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The record that is charged.
    pub usage: Arc<Usage>,
    /// What of it is charged; empty, at the start of the record, for a single unit, and never for a metered record.
    pub period: Period,
    /// The entry with its price, as the list has it at the start of the period.
    pub entry: Arc<PriceEntry>,
    /// How often its quantity is charged.
    pub multiple: Multiple,
    /// The amount before discounts.
    pub pre_discount: Money,
    /// The amount.
    pub total: Money,
    /// How it is taxed; `None`: not at all, or nobody says how.
    pub tax: Option<TaxGroup>,
    /// The amount in the currency of the price, where that is another; rounded to the digits of that one.
    pub price_total: Option<Money>,
    /// What it has of the quantity that comes together in the month, where the price depends on that.
    pub portion: Option<Box<Portion>>,
}

impl Line {
    /// What the price is for.
    pub fn unit(&self) -> Unit {
        self.entry.price.unit
    }

    /// What a unit of it costs.
    pub fn price(&self) -> &UnitPrice {
        &self.entry.price
    }

    /// What it is for.
    pub fn kind(&self) -> LineType {
        LineType::ServiceCharge
    }

    /// The same charge has the same id on every invoice it is computed for: 16 hexadecimal digits of a
    /// hash of what it is for, the record's name and the start of the piece.
    pub fn id(&self) -> String {
        charge_id(&self.usage.name, self.period.start(), self.tier().map(|tier| tier.from))
    }

    /// Hours, or the share of the month, × the record's quantity, to 6 decimal places for reading. The amounts come from the
    /// exact product, not from this.
    pub fn quantity(&self) -> String {
        let all = || self.usage.quantity_in(self.period);
        let quantity = self.portion.as_ref().map_or_else(all, |portion| portion.quantity);
        self.multiple.ratio().times(Ratio::from(quantity)).display(6)
    }

    /// How much as many units cost as the price is for.
    pub fn unit_amount(&self) -> Decimal {
        self.portion.as_ref().map_or(self.entry.price.amount, |portion| portion.amount)
    }

    /// The tier that it is charged by, where there are tiers.
    pub fn tier(&self) -> Option<&TierSpan> {
        self.portion.as_ref()?.tier()
    }

    /// `<service>: <type> <plan> <cloud>`.
    pub fn description(&self) -> String {
        self.usage.service.description()
    }
}
