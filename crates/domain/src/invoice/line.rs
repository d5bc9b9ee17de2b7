//! The lines of an invoice that charge usage; all others are [items](crate::invoice::item).

use std::sync::Arc;

use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use crate::catalog::price::{PriceEntry, Unit};
use crate::money::amount::Money;
use crate::money::product::Ratio;
use crate::time::hours::Hours;
use crate::time::period::{Period, Timestamp};
use crate::usage::Usage;

/// What a line is for, in the order in which lines stand on an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LineType {
    /// A service of a project.
    ServiceCharge,
    /// Names a discount, which is in the services' lines already; of no amount.
    Multiplier,
    /// Something that was agreed beside services.
    ExtraCharge,
    /// Support.
    SupportCharge,
    /// What is missing to the amount that was committed to.
    CommitmentFee,
    /// Anything else: the adjustment of a closed month, an amount carried from one invoice to the next.
    OtherEvent,
    /// A credit that is used; negative.
    CreditConsumption,
    /// Brings a total that is too small to be worth a payment to zero.
    Rounding,
}

impl LineType {
    /// Its name on documents.
    pub fn as_str(self) -> &'static str {
        match self {
            LineType::ServiceCharge => "ServiceCharge",
            LineType::Multiplier => "Multiplier",
            LineType::ExtraCharge => "ExtraCharge",
            LineType::SupportCharge => "SupportCharge",
            LineType::CommitmentFee => "CommitmentFee",
            LineType::OtherEvent => "OtherEvent",
            LineType::CreditConsumption => "CreditConsumption",
            LineType::Rounding => "Rounding",
        }
    }
}

/// The id of a line: 16 hexadecimal digits of a hash of what it is for, whose it is, and what tells it from others
/// of the same.
pub(crate) fn line_id(kind: LineType, whose: &[u8], which: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(kind.as_str());
    hash.update([0]);
    hash.update(whose);
    hash.update([0]);
    hash.update(which);
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The id of the charge of a record from an instant on.
pub(crate) fn charge_id(record: &str, start: Timestamp) -> String {
    line_id(LineType::ServiceCharge, record.as_bytes(), &start.timestamp_micros().to_be_bytes())
}

/// One line: a record over one continuous period at one price.
///
/// Kept small, because a month has hundreds of thousands; what a reader sees is computed when asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The record that is charged.
    pub usage: Arc<Usage>,
    /// What of it is charged; empty, at the start of the record, for a single unit.
    pub period: Period,
    /// The price, as its list has it at the start of the period.
    pub price: Arc<PriceEntry>,
    /// The hours charged; one for a single unit.
    pub hours: Hours,
    /// The amount before discounts.
    pub pre_discount: Money,
    /// The amount.
    pub total: Money,
    /// The amount in the currency of the price, where that is another; rounded to the digits of that one.
    pub price_total: Option<Money>,
}

impl Line {
    /// What the price is for.
    pub fn unit(&self) -> Unit {
        self.price.unit
    }

    /// The price of one.
    pub fn unit_price(&self) -> Decimal {
        self.price.unit_price
    }

    /// What it is for.
    pub fn kind(&self) -> LineType {
        LineType::ServiceCharge
    }

    /// The same charge has the same id on every invoice it is computed for: 16 hexadecimal digits of a
    /// hash of what it is for, the record's name and the start of the piece.
    pub fn id(&self) -> String {
        charge_id(&self.usage.name, self.period.start())
    }

    /// Hours × the record's quantity, to 6 decimal places for reading. The amounts come from the exact
    /// product, not from this.
    pub fn quantity(&self) -> String {
        self.hours.ratio().times(Ratio::from(self.usage.quantity)).display(6)
    }

    /// `<service>: <type> <plan> <cloud>`.
    pub fn description(&self) -> String {
        self.usage.service.description()
    }
}
