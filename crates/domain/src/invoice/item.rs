//! The lines of an invoice that do not charge usage: what was agreed, adjusted, credited or rounded.

use crate::catalog::tax_rule::TaxGroup;
use crate::invoice::adjustment::Adjustment;
use crate::invoice::ids::item_id;
use crate::invoice::line_type::LineType;
use crate::invoice::part::PartKey;
use crate::invoice::source::{Source, SourceKind};
use crate::money::amount::Money;
use crate::name::Name;
use crate::time::period::Period;

/// One line that is not the charge of a usage record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is for; never a service charge.
    pub kind: LineType,
    /// Tells it from other items of its type and source: the name of a charge, say. Makes its id stable.
    pub key: String,
    /// The project that it is about, where it is about one.
    pub project: Option<Name>,
    /// The time that it is about, where that is another than the month of the invoice.
    pub period: Option<Period>,
    /// The amount before discounts, where those apply.
    pub pre_discount: Option<Money>,
    /// The amount.
    pub total: Money,
    /// How it is taxed; `None`: not at all, or nobody says how.
    pub tax: Option<TaxGroup>,
    /// Whether it is the share of what is taxed in another way than lines without a service: then others of its type and source have
    /// other shares.
    pub is_share: bool,
    /// What a reader sees: one line of at most 512 characters.
    pub description: String,
    /// The object that caused it.
    pub source: Source,
    /// What it adjusts, if it adjusts a closed month.
    pub adjustment: Option<Adjustment>,
}

impl Item {
    /// The same item has the same id on every invoice it is computed for.
    pub fn id(&self) -> String {
        match self.tax.filter(|_| self.is_share) {
            None => item_id(self.kind, self.source.kind, &self.source.name, &self.key),
            Some(tax) => item_id(self.kind, self.source.kind, &self.source.name, &format!("{} {tax}", self.key)),
        }
    }

    /// The part of a month's own bill that it is; `None` for one that only tells, is carried, or adjusts another month.
    pub fn part(&self) -> Option<PartKey> {
        let own = self.adjustment.is_none() && !self.is_balance_forward() && self.kind != LineType::Multiplier;
        let name = match self.source.kind {
            SourceKind::Credit => self.source.name.clone(),
            _ => Name::from(self.key.as_str()),
        };
        own.then_some(PartKey { kind: self.kind, name, tax: self.tax })
    }

    /// Whether it adjusts what a usage record is billed in a closed month.
    pub fn is_of_usage(&self) -> bool {
        self.source.kind == SourceKind::UsageRecord
    }

    /// Whether it moves an amount from one invoice to the next.
    pub fn is_balance_forward(&self) -> bool {
        let forward = self.source.kind == SourceKind::BillingGroup && self.key.is_empty();
        self.kind == LineType::OtherEvent && (forward || self.source.kind == SourceKind::Invoice)
    }
}
