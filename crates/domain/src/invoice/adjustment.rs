//! What a line says of the closed month that it adjusts.

use rust_decimal::Decimal;

use crate::catalog::price::EntryKey;
use crate::catalog::rates::CrossRate;
use crate::catalog::terms::discount::Discount;
use crate::invoice::line::Line;
use crate::invoice::part::PartKey;
use crate::money::amount::Money;
use crate::name::Name;
use crate::readings::ReadingPair;
use crate::time::hours::HourRule;
use crate::time::month::Month;

/// What an item adjusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// The closed month.
    pub month: Month,
    /// The final with which a group that is gone closed it, where another settles it in its place.
    pub closed_by: Option<Name>,
    /// How.
    pub kind: AdjustmentKind,
}

/// How a closed month is adjusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdjustmentKind {
    /// By usage that stands on no final.
    Late(Box<LateLine>),
    /// By what a final bills of a record too much, or too little.
    Correction {
        /// The number of that final.
        invoice: Name,
        /// What is billed so far: by that final, and by earlier corrections.
        billed: Money,
        /// What should be billed.
        due: Money,
        /// What credit notes settled: what is due, less what is billed, and this is the item's total.
        settled_by_credit_notes: Money,
        /// The credit notes that were counted, by number: what they took back is not given back again.
        notes: Vec<Name>,
        /// Whether the record counts as nothing, as another replaces it.
        replaced: bool,
        /// Of a metered record the readings by which it is due.
        readings: Option<ReadingPair>,
    },
    /// By what documents say too much, or too little, of a project's charges at a price with a scale: others came together with them.
    Refill {
        /// The number of the month's final.
        invoice: Name,
        /// The entry of a price list.
        entry: EntryKey,
        /// How much came together, by what documents say so far.
        before: Decimal,
        /// How much did.
        after: Decimal,
        /// What documents say of these charges so far.
        billed: Money,
        /// What they should say.
        due: Money,
        /// What credit notes settled, as for a correction.
        settled_by_credit_notes: Money,
        /// The credit notes that were counted, as for a correction.
        notes: Vec<Name>,
    },
    /// By what documents say of a part of the month too much, or too little.
    Part {
        /// The number of the month's final.
        invoice: Name,
        /// Which part.
        part: PartKey,
        /// What documents say of it so far.
        billed: Money,
        /// What they should say.
        due: Money,
        /// What credit notes settled, as for a correction.
        settled_by_credit_notes: Money,
        /// The credit notes that were counted, as for a correction.
        notes: Vec<Name>,
    },
}

/// A line that stands on no final, with all that its month's invoice would say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateLine {
    /// The line that its month's invoice would have.
    pub line: Line,
    /// The discounts in it.
    pub discounts: Vec<Discount>,
    /// How its price became its amounts, where that is in another currency.
    pub exchange_rate: Option<CrossRate>,
    /// How its hours were counted, where that is otherwise than on the invoice that has it.
    pub hours: Option<HourRule>,
}

impl Adjustment {
    /// The number of the final that it adjusts; `None` for usage that stands on none, of a group that is there.
    pub fn invoice(&self) -> Option<&Name> {
        match &self.kind {
            AdjustmentKind::Late(_) => self.closed_by.as_ref(),
            AdjustmentKind::Correction { invoice, .. }
            | AdjustmentKind::Refill { invoice, .. }
            | AdjustmentKind::Part { invoice, .. } => Some(invoice),
        }
    }

    /// The line that its month's invoice would have, if it stands on no final.
    pub fn late_line(&self) -> Option<&Line> {
        match &self.kind {
            AdjustmentKind::Late(new) => Some(&new.line),
            AdjustmentKind::Correction { .. } | AdjustmentKind::Refill { .. } | AdjustmentKind::Part { .. } => None,
        }
    }
}
