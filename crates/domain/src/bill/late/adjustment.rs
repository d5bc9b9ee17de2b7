//! The lines that adjust a closed month.

use crate::catalog::rates::Conversion;
use crate::catalog::terms::Discount;
use crate::invoice::item::{Item, Source, SourceKind, item_id};
use crate::invoice::line::{Line, LineType};
use crate::money::amount::Money;
use crate::name::Name;
use crate::time::month::Month;
use crate::time::period::{Period, Timestamp};
use crate::usage::Usage;

/// What an item adjusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// The closed month.
    pub month: Month,
    /// How.
    pub kind: AdjustmentKind,
}

/// How a closed month is adjusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdjustmentKind {
    /// By usage that stands on no final.
    New(Box<NewLine>),
    /// By what a final bills of a record too much, or too little.
    Correction {
        /// The number of that final.
        invoice: Name,
        /// What is billed so far: by that final, and by earlier corrections.
        billed: Money,
        /// What should be billed.
        due: Money,
        /// What credit notes settled: what is due, less what is billed, and this is the item's total.
        settled: Money,
        /// Whether the record counts as nothing, as another replaces it.
        replaced: bool,
    },
}

/// A line that stands on no final, with all that its month's invoice would say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLine {
    /// The line that its month's invoice would have.
    pub line: Line,
    /// The discounts in it.
    pub discounts: Vec<Discount>,
    /// How its price became its amounts, where that is in another currency.
    pub conversion: Option<Conversion>,
}

impl Adjustment {
    /// The line that its month's invoice would have, if it stands on no final.
    pub fn new_line(&self) -> Option<&Line> {
        match &self.kind {
            AdjustmentKind::New(new) => Some(&new.line),
            AdjustmentKind::Correction { .. } => None,
        }
    }
}

/// The most characters of a description.
const MAX_DESCRIPTION: usize = 512;

/// The item of a line that its month's invoice does not have.
pub(super) fn new_item(month: Month, new: NewLine) -> Item {
    let line = &new.line;
    let description = described(&format!("Late for {month}"), &line.usage, line.period);
    Item {
        kind: LineType::OtherEvent,
        key: new_key(month, line.period.start()),
        project: Some(line.usage.project.clone()),
        period: Some(line.period),
        pre_discount: Some(line.pre_discount),
        total: line.total,
        description,
        source: source(&line.usage),
        adjustment: Some(Adjustment { month, kind: AdjustmentKind::New(Box::new(new)) }),
    }
}

/// What tells a new line of a record from others of it.
fn new_key(month: Month, start: Timestamp) -> String {
    format!("{month} {}", start.format("%FT%TZ"))
}

/// The id of a line of a record, from an instant on, that its month's invoice does not have.
pub fn new_id(record: &str, month: Month, start: Timestamp) -> String {
    item_id(LineType::OtherEvent, SourceKind::UsageRecord, record, &new_key(month, start))
}

/// What tells a correction of a record from others of it.
fn correction_key(month: Month, invoice: &str) -> String {
    format!("{month} {invoice}")
}

/// The id of the correction of what an invoice bills of a record.
pub fn correction_id(record: &str, month: Month, invoice: &str) -> String {
    item_id(LineType::OtherEvent, SourceKind::UsageRecord, record, &correction_key(month, invoice))
}

/// By how much a final bills a record wrongly in a month.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The number of the final.
    pub(super) invoice: Name,
    /// What is wrong.
    pub(super) period: Period,
    /// The difference before discounts; `None` once credit notes make it no product of a price.
    pub(super) pre_discount: Option<Money>,
    /// What is billed so far, earlier corrections included.
    pub(super) billed: Money,
    /// What should be billed.
    pub(super) due: Money,
    /// What of the difference credit notes settled.
    pub(super) settled: Money,
    /// The difference, and what is settled of it.
    pub(super) total: Money,
    /// How much more it would be, had credit notes not taken that back before.
    pub(super) credited: Money,
}

/// The item that corrects what a final bills of a record in a month.
pub(super) fn correction(month: Month, usage: &Usage, wrong: Wrong, replaced: bool) -> Item {
    let Wrong { invoice, period, pre_discount, billed, due, settled, total, credited } = wrong;
    let less = if credited.is_zero() { String::new() } else { format!(", less {credited} credited") };
    Item {
        kind: LineType::OtherEvent,
        key: correction_key(month, &invoice),
        project: Some(usage.project.clone()),
        period: Some(period),
        pre_discount,
        total,
        description: described(&format!("Correction of {invoice} for {month}{less}"), usage, period),
        source: source(usage),
        adjustment: Some(Adjustment {
            month,
            kind: AdjustmentKind::Correction { invoice, billed, due, settled, replaced },
        }),
    }
}

fn source(usage: &Usage) -> Source {
    Source { kind: SourceKind::UsageRecord, name: usage.name.clone(), uid: usage.uid }
}

/// What it is, which record and interval, which service; as much of that as fits.
fn described(what: &str, usage: &Usage, period: Period) -> String {
    let (start, end) = (period.start().format("%FT%TZ"), period.end().format("%FT%TZ"));
    let service = usage.service.description();
    let text = format!("{what}: usage {} from {start} to {end}, {service}", usage.name);
    if text.chars().count() <= MAX_DESCRIPTION {
        return text;
    }
    text.chars().take(MAX_DESCRIPTION - 1).chain(['…']).collect()
}
