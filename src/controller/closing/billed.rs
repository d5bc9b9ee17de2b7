//! Which usage the lines of a final bill.

use crate::api::{Document, InvoiceSlice, Line, PriceUnit};
use crate::domain::{Billed, Period};

/// Adds what a final's own lines bill.
pub fn add_document(billed: &mut Billed, document: &Document) {
    document.lines.iter().for_each(|line| add_line(billed, line));
}

/// Adds what a slice of a final bills.
pub fn add_slice(billed: &mut Billed, slice: &InvoiceSlice) {
    slice.spec.lines.iter().for_each(|line| add_line(billed, line));
}

fn add_line(billed: &mut Billed, line: &Line) {
    let Some(record) = line.source.as_ref().filter(|source| source.kind == "UsageRecord") else { return };
    let name = record.name.as_str().into();
    match (line.unit, line.start, line.end) {
        (Some(PriceUnit::Unit), _, _) => billed.add_event(name),
        (Some(PriceUnit::Hour), Some(start), Some(end)) => {
            if let Some(period) = Period::new(start.0, end.0) {
                billed.add_period(name, period);
            }
        }
        _ => {}
    }
}
