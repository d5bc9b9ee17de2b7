//! A line or a tax of a document as a charge in the sense of FOCUS.

use std::rc::Rc;

use chrono::{Days, NaiveTime};

use super::offer::{Known, Offer};
use super::pricing::{Pricing, Terms, pricing};
use crate::export::cell::Fixed;
use crate::export::document::{ExportedDocument, Stored};
use crate::export::error::ExportError;
use crate::export::lines::{Entry, Row};
use billing_api::{Line, LineType};
use billing_domain::{Month, Timestamp};

/// What kind of charge it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// A service that ran, and what is missing to a commitment.
    Usage,
    /// What is agreed beside usage.
    Purchase,
    /// A tax.
    Tax,
    /// Prepaid or granted money that is used.
    Credit,
    /// Anything else.
    Adjustment,
}

impl Category {
    /// As FOCUS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "Usage",
            Self::Purchase => "Purchase",
            Self::Tax => "Tax",
            Self::Credit => "Credit",
            Self::Adjustment => "Adjustment",
        }
    }
}

/// A charge.
#[derive(Debug, Clone)]
pub struct Charge<'a> {
    /// Where it is from.
    pub row: Row<'a>,
    /// What kind it is.
    pub category: Category,
    /// Whether it corrects a month that was invoiced before.
    pub is_correction: bool,
    /// Its first instant, and the first one after it.
    pub period: (Timestamp, Timestamp),
    /// What is billed: the amount of the line.
    pub billed: Fixed,
    /// How that came about, where it has a price.
    pub pricing: Option<Pricing<'a>>,
    /// What is sold.
    pub offer: Option<Rc<Offer>>,
    /// The tags of its line, as JSON.
    pub tags: Option<Rc<str>>,
}

/// The charges of a document, in its order. A line that only tells of a discount is none: the discount is in the lines of
/// services.
///
/// # Errors
/// An amount cannot be read.
pub fn charges<'a>(document: &'a ExportedDocument<'a>) -> impl Iterator<Item = Result<Charge<'a>, ExportError>> {
    let terms = match document.stored {
        Stored::Invoice(issued) => Terms::of(issued.document),
        Stored::CreditNote(_) => None,
    };
    let mut known = Known::default();
    let charged = super::super::lines::rows(document).filter(|row| !is_remark(row));
    charged.map(move |row| Charge::new(row, terms.as_ref(), &mut known))
}

fn is_remark(row: &Row<'_>) -> bool {
    let is_zero = || Fixed::parse(row.total()) == Some(Fixed::default());
    row.line().is_some_and(|line| line.kind == LineType::Multiplier) && is_zero()
}

impl<'a> Charge<'a> {
    fn new(row: Row<'a>, terms: Option<&Terms<'a>>, known: &mut Known<'a>) -> Result<Self, ExportError> {
        let billed = Fixed::parse(row.total())
            .ok_or_else(|| ExportError::NoNumber { column: "BilledCost", text: row.total().to_owned() })?;
        let about = row.about();
        let category = match (row.entry, about) {
            (Entry::Tax(_), _) => Category::Tax,
            (_, Some(line)) => category(line),
            // What is credited of an invoice as a whole.
            (_, None) => Category::Credit,
        };
        // An amount of a credit note has none.
        let pricing = row.line().and_then(|line| pricing(terms, line, category, billed));
        Ok(Self {
            row,
            category,
            is_correction: row.adjusts().is_some(),
            period: about.map_or_else(|| billed_period(row.document), |line| charge_period(row.document, line)),
            billed,
            pricing,
            offer: about.and_then(|line| known.offer(line, row.price_list(), category)),
            tags: about.and_then(|line| known.tags(line)),
        })
    }

    /// How often it comes: FOCUS has no `Usage-Based` purchase.
    pub fn frequency(&self) -> &'static str {
        match (self.category, self.row.about().map(|line| line.kind)) {
            (_, Some(LineType::SupportCharge)) => "Recurring",
            (Category::Usage, Some(LineType::ServiceCharge | LineType::OtherEvent)) => "Usage-Based",
            _ => "One-Time",
        }
    }

    /// What FOCUS calls the service.
    pub fn service_name(&self) -> &'a str {
        match self.row.about().and_then(|line| line.service.as_ref()) {
            Some(service) => &service.kind,
            None => self.row.kind(),
        }
    }

    /// The resource that was used: the service's name, in its project.
    pub fn resource_id(&self) -> Option<String> {
        let line = self.row.about()?;
        Some([line.project.as_deref()?, "/", &line.service.as_ref()?.name].concat())
    }

    /// What identifies what is sold.
    pub fn sku(&self) -> Option<&str> {
        self.offer.as_ref().map(|offer| offer.sku.as_str())
    }

    /// What identifies the price of what is sold.
    pub fn sku_price(&self) -> Option<&str> {
        self.offer.as_ref().map(|offer| offer.price.as_str())
    }

    /// What identifies it among all documents.
    pub fn detail_id(&self) -> String {
        [self.row.document.number, "/", &*self.row.id()].concat()
    }
}

fn category(line: &Line) -> Category {
    category_of(line.kind).unwrap_or_else(|| corrected(line))
}

fn category_of(kind: LineType) -> Option<Category> {
    Some(match kind {
        LineType::ServiceCharge | LineType::CommitmentFee => Category::Usage,
        LineType::ExtraCharge | LineType::SupportCharge => Category::Purchase,
        LineType::CreditConsumption => Category::Credit,
        LineType::Multiplier | LineType::Rounding => Category::Adjustment,
        LineType::OtherEvent => return None,
    })
}

/// A correction is of the category of what it corrects.
fn corrected(line: &Line) -> Category {
    if let Some(category) = line.adjusts.as_ref().and_then(|adjusts| category_of(adjusts.kind?)) {
        return category;
    }
    let source = line.source.as_ref().filter(|_| line.adjusts.is_some());
    match source.map(|source| source.kind.as_str()) {
        Some("UsageRecord") => Category::Usage,
        Some("Credit") => Category::Credit,
        _ => Category::Adjustment,
    }
}

/// The month that a document bills, or that the one bills that it credits.
fn billed_period(document: &ExportedDocument<'_>) -> (Timestamp, Timestamp) {
    let credited = document.credited().map(|issued| &issued.document.period);
    credited.map_or((document.start, document.end), |period| (period.start.0, period.end.0))
}

/// The time that a line is about: its own, else the month that it adjusts, else the one that is billed. What happened at an instant
/// counts for its day, because no period of FOCUS is empty.
fn charge_period(document: &ExportedDocument<'_>, line: &Line) -> (Timestamp, Timestamp) {
    match (line.start, line.end) {
        (Some(start), Some(end)) if start < end => (start.0, end.0),
        (Some(start), _) => day(start.0),
        _ => {
            let adjusted = line.adjusts.as_ref().and_then(|adjusts| adjusts.period.parse::<Month>().ok());
            adjusted.map_or_else(|| billed_period(document), |month| (month.start(), month.end()))
        }
    }
}

fn day(instant: Timestamp) -> (Timestamp, Timestamp) {
    let start = instant.date_naive().and_time(NaiveTime::MIN).and_utc();
    (start, start + Days::new(1))
}
