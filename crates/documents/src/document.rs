//! A bill as the document of an invoice: lines, sums, slices and digest.

use crate::bounds::{Outgrown, outgrown_document};
use crate::canonical::{CanonicalError, digest};
use crate::line::{line_type, render_scales};
use crate::slices::{MAX_SLICES, Slice, place_lines};
use crate::tax::render_tax;
use crate::terms::{render_progress, render_terms};
use billing_api as api;
use billing_domain::{
    Bill, CategorySubtotal, CrossRate, Date, LateUsageWindow, Money, Month, Name, Prepayment, ReturnedCredit,
};
use serde_json::Value;

/// Why a bill cannot be written as a document.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// It has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// A line is no JSON.
    #[error("a line cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// A credit that the bill uses is not among what was observed, or was observed without its version.
    #[error("Credit {credit} is used, and has no resourceVersion")]
    NoVersion {
        /// The credit.
        credit: Name,
    },
    /// A slice adds up to more than a document can carry.
    #[error("the lines of invoice {number} add up to more than an invoice can hold; check quantities and prices")]
    Overflow {
        /// The invoice.
        number: Name,
    },
    /// Something is larger than the definition of invoices allows.
    #[error("invoice {number} would have {} {} where at most {} fit; {}", .outgrown.size, .outgrown.path, .outgrown.most, remedy(&.outgrown.path))]
    Outgrown {
        /// The invoice.
        number: Name,
        /// What, and by how much.
        outgrown: Outgrown,
    },
    /// More lines than all the slices that a document can list.
    #[error(
        "invoice {number} has {lines} lines, more than fit into {MAX_SLICES} slices; bind some of the projects to another billing group, or meter with fewer, longer records"
    )]
    TooManyLines {
        /// The invoice.
        number: Name,
        /// How many there are.
        lines: usize,
    },
}

/// What a document says beside its lines and sums.
#[derive(Debug, Clone)]
pub struct Header {
    /// The invoice's number.
    pub number: Name,
    /// Whether it is final, and from when.
    pub status: IssueState,
    /// How the month's cost is shared out.
    pub attribution: api::Attribution,
    /// How running time became hours.
    pub hours: api::HourRule,
    /// The discounts that are in the services' lines.
    pub discounts: Vec<api::AppliedDiscount>,
    /// Who bills.
    pub seller: api::Seller,
    /// Who pays.
    pub buyer: api::Buyer,
    /// What it was computed from.
    pub inputs: api::Inputs,
    /// The finals that its lines adjust.
    pub adjusted_invoices: Vec<api::AdjustedInvoice>,
    /// How far back it settles closed months.
    pub late_usage_window: LateUsageWindow,
    /// The price lists that were asked, in order.
    pub price_lists: Vec<api::Name>,
    /// The position of the month's invoice among the group's, and that of a month in general: names of what it returns follow from it.
    pub first_period: Month,
    /// The digest of the group's final of the month before.
    pub previous_digest: Option<String>,
}

/// Whether a document is final.
#[derive(Debug, Clone, Copy)]
pub enum IssueState {
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

/// Writes a bill as a document.
///
/// # Errors
/// The document has no canonical form, or a slice adds up to too much.
pub fn render_document(header: Header, bill: &Bill) -> Result<Rendered, RenderError> {
    let Header {
        number,
        status,
        attribution,
        hours,
        discounts,
        seller,
        buyer,
        inputs,
        adjusted_invoices,
        late_usage_window,
        price_lists,
        first_period,
        previous_digest,
    } = header;
    let (issued_at, due_at, as_of) = match status {
        IssueState::Estimate { as_of } => (None, None, Some(as_of)),
        IssueState::Final { issued_at, due_at } => (Some(issued_at), Some(due_at), None),
    };
    let currency = bill.subtotal.currency();
    let converted = bill.converted.as_ref();
    let differs = bill.amount_due != bill.total || bill.carried_forward.is_some() || !bill.prepayments.is_empty();
    let (lines, slices) = place_lines(&number, issued_at.is_some(), bill)?;
    let document = api::Document {
        number: number.as_str().into(),
        issued_at,
        as_of,
        due_at,
        rate_date: converted.map(|converted| date(converted.conversion.rate_date)),
        period: api::DocumentPeriod { start: bill.month.start().into(), end: bill.month.end().into() },
        attribution,
        currency: currency.code().into(),
        seller,
        buyer,
        projects: bill.projects.iter().map(render_project).collect(),
        lines,
        slices: slices.iter().map(|slice| slice.reference.clone()).collect(),
        subtotal: amount(bill.subtotal),
        exchange_rate: converted.map(|converted| render_rate(&converted.conversion.rate)),
        price_subtotal: converted.map(|converted| amount(converted.price_subtotal)),
        discounts,
        hours: Some(hours),
        commitment: bill.commitment.as_ref().map(render_progress),
        taxes: bill.taxes.iter().map(render_tax).collect(),
        tax_note: bill.untaxed.map(|untaxed| untaxed.as_str().to_owned()),
        tax: amount(bill.tax),
        total: amount(bill.total),
        prepayments: bill.prepayments.iter().map(render_prepayment).collect(),
        prepaid: (!bill.prepaid.is_zero()).then(|| amount(bill.prepaid)),
        amount_due: differs.then(|| amount(bill.amount_due)),
        carried_forward: bill.carried_forward.map(amount),
        categories: bill.categories.iter().map(render_category).collect(),
        inputs,
        returned_credits: bill.returned.iter().map(|one| render_return(&number, first_period, one)).collect(),
        adjusted_invoices,
        reissues: None,
        scales: render_scales(bill),
        terms: issued_at.map(|_| render_terms(bill, price_lists, late_usage_window)),
        previous_digest,
        digest: String::new(),
    };
    Ok(Rendered { document: seal(document)?, slices })
}

/// Checks that a document fits, and gives it its digest.
pub(super) fn seal(mut document: api::Document) -> Result<api::Document, RenderError> {
    let value = serde_json::to_value(&document)?;
    if let Some(outgrown) = outgrown_document(&value) {
        return Err(RenderError::Outgrown { number: document.number.as_str().into(), outgrown });
    }
    document.digest = digest_without_itself(value)?;
    Ok(document)
}

/// What to do about a part of an invoice that is too large.
fn remedy(path: &str) -> &'static str {
    let field = path.split(['.', '[']).next().unwrap_or_default();
    match field {
        "projects" | "terms" => "bind some of the projects to another billing group",
        "inputs" | "prepayments" => "grant one credit for the sum of several, and delete those",
        "returnedCredits" | "adjustedInvoices" => {
            "settle fewer closed months at once: set the operator's lateUsageWindow, or replace fewer records of old months"
        }
        "scales" => {
            "price fewer services by tiers or whole packages, or bind some of the projects to another billing group"
        }
        "taxes" => "let fewer tax rules apply to one buyer",
        _ => "shorten it where it is written: in the usage records, the price list, the issuer or the group",
    }
}

/// The digest of a document: over its canonical JSON without the digest itself.
///
/// # Errors
/// The document cannot be brought into its canonical form.
pub fn document_digest(document: &api::Document) -> Result<String, CanonicalError> {
    digest_without_itself(serde_json::to_value(document).map_err(CanonicalError::from)?)
}

fn digest_without_itself(mut value: Value) -> Result<String, CanonicalError> {
    if let Some(fields) = value.as_object_mut() {
        fields.remove("digest");
    }
    digest(&value)
}

/// An amount as it stands on documents.
pub fn amount(money: Money) -> api::Amount {
    money.to_string().into()
}

fn date(date: Date) -> api::QuoteDate {
    date.to_string().into()
}

/// How prices became amounts, as documents say it.
pub fn render_rate(rate: &CrossRate) -> api::DocumentRate {
    let CrossRate { source, quote_date, base, from, to } = rate;
    api::DocumentRate {
        source: source.as_str().into(),
        from: from.currency.code().into(),
        to: to.currency.code().into(),
        rate: rate.digits(),
        base: base.code().into(),
        from_quote: from.rate.decimal().to_string().into(),
        to_quote: to.rate.decimal().to_string().into(),
        quote_date: date(*quote_date),
    }
}

pub(super) fn render_prepayment(prepayment: &Prepayment) -> api::Prepayment {
    let Prepayment { source, amount: paid } = prepayment;
    api::Prepayment {
        kind: source.kind.as_str().to_owned(),
        name: source.name.as_str().into(),
        uid: source.uid.to_string().into(),
        amount: amount(*paid),
    }
}

/// What goes back to a credit, and the name of the Credit that is made of it: one for each invoice, month and credit, so that it goes
/// back once.
fn render_return(number: &Name, first_period: Month, returned: &ReturnedCredit) -> api::CreditReturn {
    let ReturnedCredit { credit, month, closed_by: _, amount: back } = returned;
    api::CreditReturn {
        name: returned.name_on(number, first_period).as_str().into(),
        credit: credit.as_str().into(),
        period: month.to_string().into(),
        amount: amount(*back),
    }
}

fn render_project(project: &billing_domain::ProjectSubtotal) -> api::ProjectSubtotal {
    api::ProjectSubtotal { project: project.project.as_str().into(), subtotal: amount(project.subtotal) }
}

fn render_category(category: &CategorySubtotal) -> api::CategorySubtotal {
    api::CategorySubtotal { kind: line_type(category.kind), subtotal: amount(category.subtotal) }
}
