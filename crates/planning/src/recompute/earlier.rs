//! Finals that earlier versions made, which say less.
//!
//! A final records by what its month was billed (`terms`) since closed months are settled as a whole. One without was made before
//! that: it is compared with what its version would have written, or each of them would look forged after an upgrade.

use std::collections::BTreeSet;

use super::difference::{Explanation, FieldDifference, Reason};
use billing_api::{Line, LineType, PriceUnit};
use billing_documents::document::Rendered;
use billing_documents::issued::IssuedInvoice;

/// Whether a version made it that recorded no terms.
fn is_of_earlier_version(recorded: &IssuedInvoice<'_>) -> bool {
    recorded.document.terms.is_none()
}

/// Brings a computed document into the form of the version that made the recorded one.
pub(super) fn in_the_form_of(recorded: &IssuedInvoice<'_>, computed: &mut Rendered) {
    forget_unrecorded_notes(recorded, computed);
    forget_unnamed_lists(recorded, computed);
    if !is_of_earlier_version(recorded) {
        return;
    }
    let document = &mut computed.document;
    document.terms = None;
    let slices = computed.slices.iter_mut().flat_map(|slice| &mut slice.spec.lines);
    // There was one treatment for all lines. A line says its own only where there are several, which is told of the taxes then.
    document.lines.iter_mut().chain(slices).for_each(|line| line.tax = None);
    let remarks = remarks_without_services(recorded);
    if !remarks.is_empty() {
        let said = &recorded.document.categories;
        let of_remarks = said.iter().filter(|category| category.kind == LineType::Multiplier);
        document.categories.splice(..0, of_remarks.cloned());
        document.lines.splice(..0, remarks);
    }
}

/// Whether the version that made a final wrote lines of no hours: of time within an hour that was charged before.
pub(super) fn lists_no_hours(recorded: &IssuedInvoice<'_>) -> bool {
    let is_none = |line: &&Line| line.unit == Some(PriceUnit::Hour) && line.quantity.as_deref() == Some("0");
    recorded.lines.iter().copied().any(|line| is_none(&line))
}

/// Why late usage differs that earlier versions counted as the usage of the final that has it.
pub(super) fn explain_hours(recorded: &Line, computed: &Line, fields: &[FieldDifference]) -> Option<Explanation> {
    const COUNTED: [&str; 5] = ["hours", "quantity", "preDiscount", "total", "priceTotal"];
    let within = fields.iter().all(|field| COUNTED.contains(&field.field.as_str()));
    (within && recorded.hours.is_none() && computed.hours.is_some()).then(|| {
        Explanation::new(
            Reason::EarlierVersion,
            "an earlier version made the final, which counted the hours of late usage by the rule of its own month",
        )
    })
}

/// A line did not name its price list while a group had one, and `inputs.priceList` named it.
fn forget_unnamed_lists(recorded: &IssuedInvoice<'_>, computed: &mut Rendered) {
    if !recorded.document.inputs.price_lists.is_empty() {
        return;
    }
    let slices = computed.slices.iter_mut().flat_map(|slice| &mut slice.spec.lines);
    let prices = computed.document.lines.iter_mut().chain(slices).filter_map(|line| line.price.as_mut());
    prices.for_each(|price| price.list = None);
}

/// Corrections recorded no credit notes once. What notes settled of a line, it says all the same.
fn forget_unrecorded_notes(recorded: &IssuedInvoice<'_>, computed: &mut Rendered) {
    let adjusts = recorded.lines.iter().filter_map(|line| Some((line.id.as_str(), line.adjusts.as_ref()?)));
    let without: BTreeSet<&str> = adjusts.filter(|(_, adjusts)| adjusts.notes.is_empty()).map(|(id, _)| id).collect();
    let slices = computed.slices.iter_mut().flat_map(|slice| &mut slice.spec.lines);
    for line in computed.document.lines.iter_mut().chain(slices) {
        if let Some(adjusts) = line.adjusts.as_mut().filter(|_| without.contains(line.id.as_str())) {
            adjusts.notes.clear();
        }
    }
}

/// The lines that tell of discounts on a month in which no service had one. They were written once, and change no amount.
fn remarks_without_services(recorded: &IssuedInvoice<'_>) -> Vec<Line> {
    let lines = || recorded.lines.iter().copied();
    if lines().any(|line| line.kind == LineType::ServiceCharge) {
        return Vec::new();
    }
    let discounts = &recorded.document.discounts;
    let tells = |line: &&Line| {
        let of_a_discount = discounts.iter().any(|discount| line.description.starts_with(&discount.name));
        line.kind == LineType::Multiplier && of_a_discount
    };
    lines().filter(tells).cloned().collect()
}

/// Why a line differs that earlier versions wrote otherwise: the one by which they brought a final to zero.
pub(super) fn explain(recorded: &IssuedInvoice<'_>, line: &Line) -> Option<Explanation> {
    let of_group = line.source.as_ref().is_some_and(|source| source.kind == "BillingGroup");
    let carried = recorded.document.carried_forward.as_ref() == Some(&line.total);
    let is_it = line.kind == LineType::OtherEvent && line.adjusts.is_none() && of_group && carried;
    (is_it && is_of_earlier_version(recorded)).then(|| {
        Explanation::new(
            Reason::EarlierVersion,
            "an earlier version made the final, which brought what is below zero to zero by a line and carried it without tax",
        )
    })
}
