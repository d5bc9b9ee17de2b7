//! The lines of an invoice, by project.

use std::collections::{BTreeMap, BTreeSet};

use billing_api::{Adjusts, AppliedDiscount, DocumentRate, Line, LineTier, LineType, PriceUnit};
use billing_documents::issued::{IssuedInvoice, NotIssued};
use rust_decimal::Decimal;

use super::words::{Words, decimal};
use super::{Columns, Row, Section, Subtotal, tax};
use crate::labels::Label;
use crate::legible::breakable;

/// The lines of each project, in the order in which the document lists them; then those of none. Discounts that are inside other lines
/// are not lines here: they are told below.
pub(super) fn sections(issued: &IssuedInvoice<'_>, words: &Words<'_>) -> Result<Vec<Section>, NotIssued> {
    let document = issued.document;
    let told_below = !document.discounts.is_empty();
    let shown = issued.lines.iter().filter(|line| !(told_below && line.kind == LineType::Multiplier));
    let listed: BTreeSet<&str> = document.projects.iter().map(|listed| listed.project.as_str()).collect();
    let mut by_project: BTreeMap<Option<&str>, Vec<Row>> = BTreeMap::new();
    for line in shown {
        // A project that the document does not list has no subtotal of its own.
        let project = line.project.as_deref().filter(|project| listed.contains(project));
        by_project.entry(project).or_default().push(row(line, issued, words)?);
    }
    let mut sections = Vec::new();
    for project in &document.projects {
        let Some(lines) = by_project.remove(&Some(project.project.as_str())) else { continue };
        let name = breakable(&project.project);
        let label = words.fill(Label::SubtotalOf, &[&name]);
        let subtotal = Some(Subtotal { label, amount: words.number(&project.subtotal) });
        let title = Some(format!("{} {name}", words.label(Label::Project)));
        sections.push(Section { project: Some(name), title, lines, subtotal });
    }
    if let Some(lines) = by_project.remove(&None) {
        let title = (!sections.is_empty()).then(|| words.label(Label::Other).to_owned());
        sections.push(Section { project: None, title, lines, subtotal: None });
    }
    Ok(sections)
}

/// The headings of the columns that some line fills.
pub(super) fn columns(sections: &[Section], tax_name: &'static str, words: &Words<'_>) -> Columns {
    let filled =
        |cell: fn(&Row) -> &String| sections.iter().flat_map(|section| &section.lines).any(|row| !cell(row).is_empty());
    let heading = |cell: fn(&Row) -> &String, label| filled(cell).then(|| words.label(label));
    Columns {
        description: words.label(Label::Description),
        quantity: heading(|row| &row.quantity, Label::Quantity),
        price: heading(|row| &row.price, Label::UnitPrice),
        before: heading(|row| &row.before, Label::Before),
        discount: heading(|row| &row.discount, Label::Discount),
        tax: filled(|row| &row.tax).then_some(tax_name),
        amount: words.in_currency(Label::Amount),
    }
}

fn row(line: &Line, issued: &IssuedInvoice<'_>, words: &Words<'_>) -> Result<Row, NotIssued> {
    let document = issued.document;
    let mut details = Vec::new();
    details.extend(adjustment(line, words)?);
    details.extend(interval(line, issued, words));
    details.extend(tier(line, words)?);
    let rate = line.exchange_rate.as_ref().or(document.exchange_rate.as_ref());
    if let (Some(total), Some(rate)) = (&line.price_total, rate) {
        details.push(format!("= {}\u{A0}{}", words.number(total), rate.from));
    }
    let before = line.pre_discount.as_deref().filter(|before| *before != &*line.total);
    let discounts = if line.discounts.is_empty() { &document.discounts } else { &line.discounts };
    let percent = before.map(|_| effective(discounts)).transpose()?.flatten();
    Ok(Row {
        description: breakable(&line.description),
        details,
        quantity: quantity(line, words)?,
        price: price(line, rate, words)?,
        before: before.map(|before| words.number(before)).unwrap_or_default(),
        discount: percent.map(|percent| words.locale.percent(&format!("-{percent}"))).unwrap_or_default(),
        tax: tax::of_line(line.tax.as_ref(), words),
        amount: words.number(&line.total),
    })
}

/// When it ran, where that is not the whole of the billed month.
fn interval(line: &Line, issued: &IssuedInvoice<'_>, words: &Words<'_>) -> Option<String> {
    let (start, end) = (line.start?.0, line.end?.0);
    let period = &issued.document.period;
    let whole = start == period.start.0 && end == period.end.0;
    (!whole).then(|| words.locale.interval(start, end))
}

/// The tier that it is charged by.
fn tier(line: &Line, words: &Words<'_>) -> Result<Option<String>, NotIssued> {
    let Some(LineTier { from, up_to, mode: _ }) = &line.tier else { return Ok(None) };
    let label = words.label(Label::Tier);
    let from = words.trimmed("status.document.lines.tier.from", from)?;
    Ok(Some(match up_to {
        Some(up_to) => format!("{label} {from} – {}", words.trimmed("status.document.lines.tier.upTo", up_to)?),
        None => format!("{label} > {from}"),
    }))
}

/// Which closed month it adjusts, and why by so much.
fn adjustment(line: &Line, words: &Words<'_>) -> Result<Vec<String>, NotIssued> {
    let Some(adjusts) = &line.adjusts else { return Ok(Vec::new()) };
    let Adjusts {
        period,
        invoice,
        closed_by,
        kind: _,
        part: _,
        billed,
        due,
        settled,
        notes: _,
        quantity_before: _,
        quantity_after: _,
    } = adjusts;
    let month = words.month("status.document.lines.adjusts.period", period)?;
    let Some(invoice) = invoice else {
        let of = closed_by.as_ref().map(|closed_by| words.fill(Label::InvoiceNumbered, &[closed_by]));
        let late = words.fill(Label::Late, &[&month]);
        return Ok(vec![[Some(late), of].into_iter().flatten().collect::<Vec<_>>().join(", ")]);
    };
    let what = words.fill(Label::Corrects, &[&month]);
    let mut details = vec![format!("{what}, {}", words.fill(Label::InvoiceNumbered, &[invoice]))];
    if let (Some(due), Some(billed)) = (due, billed) {
        let mut sums = words.fill(Label::DueLess, &[&words.number(due), &words.number(billed)]);
        if let Some(settled) = settled {
            sums = format!("{sums}, {}", words.fill(Label::Settled, &[&words.number(settled)]));
        }
        details.push(sums);
    }
    Ok(details)
}

fn quantity(line: &Line, words: &Words<'_>) -> Result<String, NotIssued> {
    let Some(quantity) = &line.quantity else { return Ok(String::new()) };
    let number = words.trimmed("status.document.lines.quantity", quantity)?;
    Ok(match unit(line, words, [Some(Label::Hour), Some(Label::Month), None]) {
        Some(unit) => format!("{number} {unit}"),
        None => number,
    })
}

/// What one unit, or as many as the price is for, costs: in the currency of the price list, which is named where it is another one.
fn price(line: &Line, rate: Option<&DocumentRate>, words: &Words<'_>) -> Result<String, NotIssued> {
    let Some(price) = &line.unit_price else { return Ok(String::new()) };
    let number = words.price("status.document.lines.unitPrice", price)?;
    let currency = rate.map(|rate| format!("\u{A0}{}", rate.from)).unwrap_or_default();
    let per = line.per.map(|per| format!("{}\u{A0}", words.number(&per.to_string()))).unwrap_or_default();
    Ok(match unit(line, words, [Some(Label::PerHour), Some(Label::PerMonth), Some(Label::PerUnit)]) {
        Some(unit) => format!("{number}{currency} / {per}{unit}"),
        None => format!("{number}{currency}"),
    })
}

/// What units are called: those of the price, else hours and months; mere pieces are not called anything where they are counted.
fn unit(line: &Line, words: &Words<'_>, [hour, month, unit]: [Option<Label>; 3]) -> Option<String> {
    if let Some(name) = &line.unit_name {
        return Some(breakable(name));
    }
    let label = match line.unit? {
        PriceUnit::Hour => hour,
        PriceUnit::Month => month,
        PriceUnit::Unit => unit,
    };
    label.map(|label| words.label(label).to_owned())
}

/// What several discounts, one after the other, come to: in per cent, to two decimals.
fn effective(discounts: &[AppliedDiscount]) -> Result<Option<Decimal>, NotIssued> {
    let mut left = Decimal::ONE;
    for discount in discounts {
        let percent = decimal("status.document.discounts.percent", &discount.percent)?;
        left *= Decimal::ONE - percent / Decimal::ONE_HUNDRED;
    }
    let percent = ((Decimal::ONE - left) * Decimal::ONE_HUNDRED).round_dp(2).normalize();
    Ok((!percent.is_zero()).then_some(percent))
}

#[cfg(test)]
mod tests {
    use billing_api::AppliedDiscount;

    use super::effective;

    #[test]
    fn discounts_multiply() {
        let discount = |percent: &str| AppliedDiscount { name: "one".to_owned(), percent: percent.into() };
        let percent =
            |discounts: &[AppliedDiscount]| effective(discounts).expect("reads").map(|percent| percent.to_string());
        assert_eq!(percent(&[discount("10"), discount("5.00")]), Some("14.5".to_owned()));
        assert_eq!(percent(&[discount("100")]), Some("100".to_owned()));
        assert_eq!((percent(&[]), percent(&[discount("0")])), (None, None));
        assert!(effective(&[discount("x")]).is_err());
    }
}
