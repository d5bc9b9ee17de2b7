//! Which lines stand in the document itself, and which in slices.

use super::bounds::outgrown_slice;
use super::canonical::digest;
use super::document::{RenderError, Rendered, amount};
use super::line::{render_item, render_line};
use billing_api as api;
use billing_domain::{Bill, Currency, Item, Money, Name};

/// The most lines, and the most bytes of them, that stand in the document itself.
const MAX_LINES: usize = 500;
const MAX_BYTES: usize = 512 * 1024;

/// The most lines other than those of usage that stand in a document which has slices.
const MAX_OTHER_LINES: usize = 1_500;

/// Of lines, one in so many may end a slice. A slice has 250 lines and 64 more on an average; one of 50 has none that may end it
/// among its other 250 ((1 − 1/64)²⁵⁰), and ends where it is full.
const ENDS_ONE_IN: u32 = 64;

/// The most slices that a document lists.
pub(super) const MAX_SLICES: usize = 350;

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
    let measured: Vec<(usize, bool)> =
        sizes.iter().zip(&lines).map(|(size, (line, _))| (*size, may_end_a_slice(&line.id))).collect();
    let lengths = chunk_lengths(&measured);
    if lengths.len() > MAX_SLICES {
        return Err(RenderError::TooManyLines { number: number.clone(), lines: lines.len() });
    }
    cut_at(number, is_final, currency, lines, &lengths)
}

/// Cuts lines into slices of these lengths.
pub(super) fn cut_at(
    number: &Name,
    is_final: bool,
    currency: Currency,
    lines: Vec<(api::Line, Money)>,
    lengths: &[usize],
) -> Result<Vec<Slice>, RenderError> {
    let mut rest = lines.into_iter();
    let slices = lengths.iter().map(|length| {
        let (chunk, totals): (Vec<_>, Vec<_>) = rest.by_ref().take(*length).unzip();
        let total = sum(&totals, currency).ok_or_else(|| RenderError::Overflow { number: number.clone() })?;
        render_slice(number, is_final, total, chunk)
    });
    slices.collect()
}

/// Cuts the slices of a document again, as another says that they are cut: earlier versions did it at other lines. Nothing happens where
/// that one has other lines.
///
/// # Errors
/// A slice adds up to too much, or has no canonical form.
pub fn recut(rendered: &mut Rendered, like: &api::Document, currency: Currency) -> Result<(), RenderError> {
    let lengths: Vec<usize> = like.slices.iter().map(|slice| usize::try_from(slice.lines).unwrap_or(0)).collect();
    let lines: Vec<&api::Line> = rendered.slices.iter().flat_map(|slice| &slice.spec.lines).collect();
    if lines.len() != lengths.iter().sum::<usize>() {
        return Ok(());
    }
    let number = Name::from(rendered.document.number.as_str());
    let overflow = |_| RenderError::Overflow { number: number.clone() };
    let amounts = lines.iter().map(|line| Money::parse(&line.total, currency).map_err(overflow));
    let amounts = amounts.collect::<Result<Vec<_>, _>>()?;
    let lines = lines.into_iter().cloned().zip(amounts).collect();
    rendered.slices = cut_at(&number, rendered.document.issued_at.is_some(), currency, lines, &lengths)?;
    rendered.document.slices = rendered.slices.iter().map(|slice| slice.reference.clone()).collect();
    Ok(())
}

/// Whether a slice may end after a line: one in [`ENDS_ONE_IN`], which its id decides. So a slice ends at the same line whatever comes
/// before it, and one more line changes the slice that it is in and hardly another.
fn may_end_a_slice(id: &str) -> bool {
    let last_digits = id.get(id.len().saturating_sub(4)..).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    last_digits.is_some_and(|digits| digits % ENDS_ONE_IN == 0)
}

/// How many of the lines of these sizes are in each slice.
fn chunk_lengths(mut lines: &[(usize, bool)]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while !lines.is_empty() {
        let length = chunk_length(lines);
        lengths.push(length);
        lines = &lines[length..];
    }
    lengths
}

/// How many of the lines of these sizes are in the first slice: at least one, and until one that may end it and follows on
/// half of what fits.
fn chunk_length(lines: &[(usize, bool)]) -> usize {
    let mut bytes = 0;
    for (count, (size, may_end)) in lines.iter().enumerate() {
        bytes += size;
        if count == MAX_LINES || (MAX_BYTES < bytes && count != 0) {
            return count;
        }
        let is_half_full = MAX_LINES / 2 <= count + 1 || MAX_BYTES / 2 <= bytes;
        if *may_end && is_half_full {
            return count + 1;
        }
    }
    lines.len()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A line with an id as hashes make them: the same for the same number.
    fn line(number: u64) -> (usize, bool) {
        use sha2::{Digest, Sha256};
        let hash = Sha256::digest(number.to_be_bytes());
        let id: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let size = 900 + usize::try_from(number % 200).unwrap();
        (size, may_end_a_slice(&id))
    }

    /// The numbers of the lines of each slice.
    fn slices(numbers: &[u64]) -> Vec<&[u64]> {
        let lines: Vec<_> = numbers.iter().copied().map(line).collect();
        let mut rest = numbers;
        let mut cut = |length| {
            let (slice, others) = rest.split_at(length);
            rest = others;
            slice
        };
        chunk_lengths(&lines).into_iter().map(&mut cut).collect()
    }

    #[test]
    fn slices_are_half_full_or_more_and_never_too_full() {
        let lines: Vec<_> = (0..20_000).map(line).collect();
        let lengths = chunk_lengths(&lines);
        assert_eq!(lengths.iter().sum::<usize>(), lines.len());
        let mut at = 0;
        for length in &lengths[..lengths.len() - 1] {
            let bytes: usize = lines[at..at + length].iter().map(|(size, _)| size).sum();
            assert!(
                (MAX_LINES / 2..=MAX_LINES).contains(length) && bytes <= MAX_BYTES,
                "{length} lines, {bytes} bytes"
            );
            at += length;
        }
        let average = lines.len() / lengths.len();
        assert!((290..=340).contains(&average), "{average}");
    }

    #[test]
    fn one_more_line_changes_one_slice_and_hardly_another() {
        let before: Vec<u64> = (0..5_000).collect();
        let known = slices(&before);
        let (mut changed, tried) = (0, 500);
        for place in 0..tried {
            // At places all over, each time a line that is nowhere else.
            let place = place * before.len() / tried;
            let mut after = before.clone();
            after.insert(place, 1_000_000 + place as u64);
            changed += slices(&after).iter().filter(|slice| !known.contains(slice)).count();
        }
        let of_each = changed as f64 / f64::from(u32::try_from(tried).unwrap());
        assert!(of_each < 1.2, "a line changes {of_each} slices");
    }

    #[test]
    fn a_line_that_fills_a_slice_is_one() {
        let large = vec![(MAX_BYTES + 1, false), (10, false), (MAX_BYTES + 1, true)];
        assert_eq!(chunk_lengths(&large), [1, 1, 1]);
    }
}
