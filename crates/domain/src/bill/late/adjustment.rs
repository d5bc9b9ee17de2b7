//! The lines that adjust a closed month.

use crate::catalog::tax_rule::TaxGroup;
use crate::invoice::adjustment::{Adjustment, AdjustmentKind, LateLine};
use crate::invoice::ids::{correction_key, late_key};
use crate::invoice::item::Item;
use crate::invoice::line_type::LineType;
use crate::invoice::source::{Source, SourceKind};
use crate::money::amount::Money;
use crate::name::Name;
use crate::time::month::Month;
use crate::time::period::Period;
use crate::usage::Usage;

/// The most characters of a description.
const MAX_DESCRIPTION: usize = 512;

/// The item of a line that its month's invoice does not have.
pub(super) fn late_item(month: Month, closed_by: Option<Name>, new: LateLine) -> Item {
    let line = &new.line;
    let of = closed_by.as_ref().map(|closed_by| format!(" of {closed_by}")).unwrap_or_default();
    let description = described(&format!("Late for {month}{of}"), &line.usage, line.period);
    Item {
        kind: LineType::OtherEvent,
        key: late_key(month, line.period.start(), line.tier().map(|tier| tier.from)),
        project: Some(line.usage.project.clone()),
        period: Some(line.period),
        pre_discount: Some(line.pre_discount),
        total: line.total,
        tax: line.tax,
        is_share: false,
        description,
        source: source(&line.usage),
        adjustment: Some(Adjustment { month, closed_by, kind: AdjustmentKind::Late(Box::new(new)) }),
    }
}

/// By how much a final bills a record wrongly in a month.
#[derive(Debug)]
pub(super) struct Discrepancy {
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
    /// How it is taxed.
    pub(super) tax: Option<TaxGroup>,
    /// Whether another way of being taxed comes before it.
    pub(super) is_share: bool,
    /// What of the difference credit notes settled.
    pub(super) settled_by_credit_notes: Money,
    /// The difference, and what is settled of it.
    pub(super) total: Money,
    /// How much more it would be, had credit notes not taken that back before.
    pub(super) credited: Money,
    /// The credit notes that were counted, by number.
    pub(super) notes: Vec<Name>,
}

/// The item that corrects what a final bills of a record in a month.
pub(super) fn correction(
    (month, closed_by): (Month, Option<Name>),
    usage: &Usage,
    discrepancy: Discrepancy,
    replaced: bool,
) -> Item {
    let Discrepancy {
        invoice,
        period,
        pre_discount,
        billed,
        due,
        tax,
        is_share,
        settled_by_credit_notes,
        total,
        credited,
        notes,
    } = discrepancy;
    let readings = usage.readings_of(period);
    let less = if credited.is_zero() { String::new() } else { format!(", less {credited} credited") };
    Item {
        kind: LineType::OtherEvent,
        key: correction_key(month, &invoice),
        project: Some(usage.project.clone()),
        period: Some(period),
        pre_discount,
        total,
        tax,
        is_share,
        description: described(&format!("Correction of {invoice} for {month}{less}"), usage, period),
        source: source(usage),
        adjustment: Some(Adjustment {
            month,
            closed_by,
            kind: AdjustmentKind::Correction {
                invoice,
                billed,
                due,
                settled_by_credit_notes,
                notes,
                replaced,
                readings,
            },
        }),
    }
}

fn source(usage: &Usage) -> Source {
    Source { kind: SourceKind::UsageRecord, name: usage.name.clone(), uid: usage.uid }
}

/// A text of which as much is kept as fits.
pub(super) fn shortened(text: String) -> String {
    if text.chars().count() <= MAX_DESCRIPTION {
        return text;
    }
    text.chars().take(MAX_DESCRIPTION - 1).chain(['…']).collect()
}

/// What it is, which record and interval, which service; as much of that as fits.
fn described(what: &str, usage: &Usage, period: Period) -> String {
    let (start, end) = (period.start().format("%FT%TZ"), period.end().format("%FT%TZ"));
    let service = usage.service.description();
    shortened(format!("{what}: usage {} from {start} to {end}, {service}", usage.name))
}
