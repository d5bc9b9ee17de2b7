//! A bill as the document of an invoice: lines, sums, slices and digest.

use std::collections::BTreeMap;

use crate::api;
use crate::domain::{Bill, CategorySubtotal, Currency, Item, Line, LineType, Money, Name, Source, Unit};
use crate::render::canonical::{CanonicalError, digest};

/// Why a bill cannot be written as a document.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// It has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// A line is no JSON.
    #[error("a line cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// A slice adds up to more than a document can carry.
    #[error("the lines of invoice {number} add up to more than a document can carry")]
    Overflow {
        /// The invoice.
        number: Name,
    },
}

/// The most lines, and the most bytes of them, that stand in the document itself.
const MAX_LINES: usize = 500;
const MAX_BYTES: usize = 512 * 1024;

/// What a document says beside its lines and sums.
#[derive(Debug, Clone)]
pub struct Header {
    /// The invoice's number.
    pub number: Name,
    /// Whether it is final, and from when.
    pub status: Issue,
    /// How the month's cost is shared out.
    pub attribution: api::Attribution,
    /// Who bills.
    pub seller: api::Seller,
    /// Who pays.
    pub buyer: api::Buyer,
    /// What it was computed from.
    pub inputs: api::Inputs,
    /// The digest of the group's final of the month before.
    pub previous_digest: Option<String>,
}

/// Whether a document is final.
#[derive(Debug, Clone, Copy)]
pub enum Issue {
    /// An estimate, computed until this instant.
    Estimate {
        /// Until when.
        as_of: api::Time,
    },
    /// A final invoice.
    Final {
        /// When it was made.
        issued_at: api::Time,
        /// When it is to be paid.
        due_at: api::Time,
    },
}

/// A document and the slices that it lists.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The document.
    pub document: api::Document,
    /// Its slices, in the document's order; none when the lines fit.
    pub slices: Vec<Slice>,
}

/// Lines that stand outside the document.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice {
    /// How the document lists it.
    pub reference: api::SliceRef,
    /// What it holds.
    pub spec: api::InvoiceSliceSpec,
}

/// Writes a bill as a document.
///
/// # Errors
/// The document has no canonical form, or a slice adds up to too much.
pub fn render_document(header: Header, bill: &Bill) -> Result<Rendered, RenderError> {
    let Header { number, status, attribution, seller, buyer, inputs, previous_digest } = header;
    let (issued_at, due_at, as_of) = match status {
        Issue::Estimate { as_of } => (None, None, Some(as_of)),
        Issue::Final { issued_at, due_at } => (Some(issued_at), Some(due_at), None),
    };
    let currency = bill.subtotal.currency();
    let rendered = render_lines(bill);
    let (lines, slices) = slice(&number, issued_at.is_some(), currency, rendered)?;
    let mut document = api::Document {
        number: number.as_str().into(),
        issued_at,
        as_of,
        due_at,
        period: api::DocumentPeriod { start: bill.month.start().into(), end: bill.month.end().into() },
        attribution,
        currency: currency.code().into(),
        seller,
        buyer,
        projects: bill.projects.iter().map(render_project).collect(),
        lines,
        slices: slices.iter().map(|slice| slice.reference.clone()).collect(),
        subtotal: amount(bill.subtotal),
        tax: amount(Money::zero(currency)),
        total: amount(bill.subtotal),
        categories: bill.categories.iter().map(render_category).collect(),
        inputs,
        previous_digest,
        digest: String::new(),
    };
    document.digest = document_digest(&document)?;
    Ok(Rendered { document, slices })
}

/// The digest of a document: over its canonical JSON without the digest itself.
///
/// # Errors
/// The document cannot be brought into its canonical form.
pub fn document_digest(document: &api::Document) -> Result<String, CanonicalError> {
    let mut value = serde_json::to_value(document).map_err(CanonicalError::from)?;
    if let Some(fields) = value.as_object_mut() {
        fields.remove("digest");
    }
    digest(&value)
}

/// An amount as it stands on documents.
pub fn amount(money: Money) -> api::Amount {
    money.to_string().into()
}

fn render_project(project: &crate::domain::ProjectSubtotal) -> api::ProjectSubtotal {
    api::ProjectSubtotal { project: project.project.as_str().into(), subtotal: amount(project.subtotal) }
}

fn render_category(category: &CategorySubtotal) -> api::CategorySubtotal {
    api::CategorySubtotal { kind: line_type(category.kind), subtotal: amount(category.subtotal) }
}

fn line_type(kind: LineType) -> api::LineType {
    match kind {
        LineType::ServiceCharge => api::LineType::ServiceCharge,
        LineType::Multiplier => api::LineType::Multiplier,
        LineType::ExtraCharge => api::LineType::ExtraCharge,
        LineType::SupportCharge => api::LineType::SupportCharge,
        LineType::CommitmentFee => api::LineType::CommitmentFee,
        LineType::OtherEvent => api::LineType::OtherEvent,
        LineType::CreditConsumption => api::LineType::CreditConsumption,
        LineType::Rounding => api::LineType::Rounding,
    }
}

/// All lines in the document's order, each with its amount.
fn render_lines(bill: &Bill) -> Vec<(api::Line, Money)> {
    let services = bill.lines.iter().map(|line| (render_line(line), line.total));
    services.chain(bill.items.iter().map(|item| (render_item(item), item.total))).collect()
}

fn render_item(item: &Item) -> api::Line {
    let Item { kind, key: _, project, period, pre_discount, total, description, source } = item;
    api::Line {
        id: item.id(),
        kind: line_type(*kind),
        project: project.as_ref().map(|project| project.as_str().into()),
        service: None,
        start: period.map(|period| period.start().into()),
        end: period.map(|period| period.end().into()),
        quantity: None,
        unit: None,
        unit_price: None,
        pre_discount: pre_discount.map(amount),
        total: amount(*total),
        description: description.clone(),
        tags: BTreeMap::new(),
        source: Some(render_source(source)),
    }
}

fn render_source(source: &Source) -> api::LineSource {
    let Source { kind, name, uid } = source;
    api::LineSource { kind: kind.as_str().to_owned(), name: name.as_str().into(), uid: uid.to_string().into() }
}

fn render_line(line: &Line) -> api::Line {
    let usage = &line.usage;
    let service = &usage.service;
    let text = |name: &Option<Name>| name.as_ref().map(|name| name.as_str().to_owned());
    api::Line {
        id: line.id(),
        kind: line_type(line.kind()),
        project: Some(usage.project.as_str().into()),
        service: Some(api::Service {
            name: service.name.as_str().to_owned(),
            kind: service.kind.as_str().to_owned(),
            plan: text(&service.plan),
            cloud: text(&service.cloud),
        }),
        start: Some(line.period.start().into()),
        end: Some(line.period.end().into()),
        quantity: Some(line.quantity().into()),
        unit: Some(match line.unit {
            Unit::Hour => api::PriceUnit::Hour,
            Unit::Unit => api::PriceUnit::Unit,
        }),
        unit_price: Some(line.unit_price.to_string().into()),
        pre_discount: Some(amount(line.pre_discount)),
        total: amount(line.total),
        description: line.description(),
        tags: usage.tags.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
        source: Some(api::LineSource {
            kind: "UsageRecord".to_owned(),
            name: usage.name.as_str().into(),
            uid: usage.uid.to_string().into(),
        }),
    }
}

/// Leaves lines that fit in the document where they are, and cuts others into slices.
fn slice(
    number: &Name,
    is_final: bool,
    currency: Currency,
    lines: Vec<(api::Line, Money)>,
) -> Result<(Vec<api::Line>, Vec<Slice>), RenderError> {
    let size = |(line, _): &(api::Line, Money)| serde_json::to_vec(line).map(|json| json.len());
    let sizes = lines.iter().map(size).collect::<Result<Vec<_>, _>>()?;
    if lines.len() <= MAX_LINES && sizes.iter().sum::<usize>() <= MAX_BYTES {
        return Ok((lines.into_iter().map(|(line, _)| line).collect(), Vec::new()));
    }
    let mut slices = Vec::new();
    let mut rest = lines.into_iter();
    let mut start = 0;
    while start < sizes.len() {
        let end = start + chunk_length(&sizes[start..]);
        let (chunk, totals): (Vec<_>, Vec<_>) = rest.by_ref().take(end - start).unzip();
        let total = sum(&totals, currency).ok_or_else(|| RenderError::Overflow { number: number.clone() })?;
        slices.push(render_slice(number, is_final, total, chunk)?);
        start = end;
    }
    Ok((Vec::new(), slices))
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
    let digest = digest(&spec)?;
    let digits: String = digest.trim_start_matches("sha256:").chars().take(20).collect();
    let name = format!("{number}-{digits}").into();
    Ok(Slice { reference: api::SliceRef { name, lines: count, subtotal: spec.subtotal.clone(), digest }, spec })
}
