//! Which lines stand in the document itself, and which in slices.

use super::bounds::outgrown_slice;
use super::canonical::digest;
use super::document::{RenderError, amount};
use super::line::{render_item, render_line};
use billing_api as api;
use billing_domain::{Bill, Currency, Item, Money, Name};

/// The most lines, and the most bytes of them, that stand in the document itself.
const MAX_LINES: usize = 500;
const MAX_BYTES: usize = 512 * 1024;

/// The most lines other than those of usage that stand in a document which has slices.
const MAX_OTHER_LINES: usize = 1_500;

/// The most slices that a document lists.
pub(super) const MAX_SLICES: usize = 200;

/// Lines that stand outside the document.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// How the document lists it.
    pub reference: api::SliceRef,
    /// What it holds.
    pub spec: api::InvoiceSliceSpec,
}

/// The lines of a document and its slices. Lines that fit stand in the document, all of them in their order. Of more,
/// those of usage go into slices, and what was agreed, credited, rounded or settled stays where a reader looks first.
pub(super) fn place_lines(
    number: &Name,
    is_final: bool,
    bill: &Bill,
) -> Result<(Vec<api::Line>, Vec<Slice>), RenderError> {
    let (usage, others): (Vec<&Item>, Vec<&Item>) = bill.items.iter().partition(|item| item.is_of_usage());
    if others.len() > MAX_OTHER_LINES {
        return Err(RenderError::TooManyLines { number: number.clone(), lines: others.len() });
    }
    let services = bill.lines.iter().map(|line| (render_line(bill, line), line.total));
    let of_usage: Vec<_> =
        services.chain(usage.into_iter().map(|item| (render_item(bill, item), item.total))).collect();
    let sizes = of_usage.iter().map(|(line, _)| size(line)).collect::<Result<Vec<_>, _>>()?;
    let others: Vec<_> = others.into_iter().map(|item| render_item(bill, item)).collect();
    let bytes = others.iter().map(size).sum::<Result<usize, _>>()? + sizes.iter().sum::<usize>();
    if of_usage.len() + others.len() <= MAX_LINES && bytes <= MAX_BYTES {
        let services = bill.lines.iter().map(|line| render_line(bill, line));
        return Ok((services.chain(bill.items.iter().map(|item| render_item(bill, item))).collect(), Vec::new()));
    }
    Ok((others, cut(number, is_final, bill.subtotal.currency(), of_usage, &sizes)?))
}

fn size(line: &api::Line) -> Result<usize, serde_json::Error> {
    serde_json::to_vec(line).map(|json| json.len())
}

/// Cuts lines of these sizes into slices, in their order.
fn cut(
    number: &Name,
    is_final: bool,
    currency: Currency,
    lines: Vec<(api::Line, Money)>,
    sizes: &[usize],
) -> Result<Vec<Slice>, RenderError> {
    let lengths = chunk_lengths(sizes);
    if lengths.len() > MAX_SLICES {
        return Err(RenderError::TooManyLines { number: number.clone(), lines: lines.len() });
    }
    let mut rest = lines.into_iter();
    let slices = lengths.into_iter().map(|length| {
        let (chunk, totals): (Vec<_>, Vec<_>) = rest.by_ref().take(length).unzip();
        let total = sum(&totals, currency).ok_or_else(|| RenderError::Overflow { number: number.clone() })?;
        render_slice(number, is_final, total, chunk)
    });
    slices.collect()
}

/// How many of the lines with these sizes are in each slice.
fn chunk_lengths(mut sizes: &[usize]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while !sizes.is_empty() {
        let length = chunk_length(sizes);
        lengths.push(length);
        sizes = &sizes[length..];
    }
    lengths
}

/// How many of the lines with these sizes fit into one slice; at least one.
fn chunk_length(sizes: &[usize]) -> usize {
    let mut bytes = 0;
    let fits = |size: &&usize| {
        bytes += **size;
        bytes <= MAX_BYTES
    };
    sizes.iter().take(MAX_LINES).take_while(fits).count().max(1)
}

fn sum(totals: &[Money], currency: Currency) -> Option<Money> {
    totals.iter().try_fold(Money::zero(currency), |sum, total| sum.checked_add(*total))
}

/// Names a slice `<number>-<20 hexadecimal digits of its digest>`: the same content has the same name.
fn render_slice(number: &Name, is_final: bool, total: Money, lines: Vec<api::Line>) -> Result<Slice, RenderError> {
    let count = i32::try_from(lines.len()).unwrap_or(i32::MAX); // at most MAX_LINES
    let spec = api::InvoiceSliceSpec { invoice: number.as_str().into(), is_final, subtotal: amount(total), lines };
    let value = serde_json::to_value(&spec)?;
    if let Some(outgrown) = outgrown_slice(&value) {
        return Err(RenderError::Outgrown { number: number.clone(), outgrown });
    }
    let digest = digest(&value)?;
    let digits: String = digest.trim_start_matches("sha256:").chars().take(20).collect();
    let name = format!("{number}-{digits}").into();
    Ok(Slice { reference: api::SliceRef { name, lines: count, subtotal: spec.subtotal.clone(), digest }, spec })
}
