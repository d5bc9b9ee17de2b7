//! The lines of an invoice that do not charge usage: what was agreed, adjusted, credited or rounded.

use crate::invoice::adjustment::Adjustment;
use crate::invoice::ids::item_id;
use crate::invoice::line_type::LineType;
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
        item_id(self.kind, self.source.kind, &self.source.name, &self.key)
    }

    /// Whether it moves an amount from one invoice to the next.
    pub fn is_balance_forward(&self) -> bool {
        let forward = self.source.kind == SourceKind::BillingGroup && self.key.is_empty();
        self.kind == LineType::OtherEvent && (forward || self.source.kind == SourceKind::Invoice)
    }
}
