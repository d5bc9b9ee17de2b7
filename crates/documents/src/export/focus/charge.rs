//! A line or a tax of an invoice as a charge in the sense of FOCUS.

use chrono::{Days, NaiveTime};

use super::pricing::{Pricing, pricing};
use crate::export::cell::Fixed;
use crate::export::error::ExportError;
use crate::export::lines::{Entry, Row, line_type};
use crate::issued::IssuedInvoice;
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
    pub pricing: Option<Pricing>,
    /// What is sold.
    pub sku: Option<String>,
}

/// The charges of an invoice, in its order. A line that only tells of a discount is none: the discount is in the lines of
/// services.
///
/// # Errors
/// An amount cannot be read.
pub fn charges<'a>(issued: &'a IssuedInvoice<'a>) -> impl Iterator<Item = Result<Charge<'a>, ExportError>> {
    super::super::lines::rows(issued).filter(|row| !is_remark(row)).map(Charge::new)
}

fn is_remark(row: &Row<'_>) -> bool {
    let is_zero = || Fixed::parse(row.total()) == Some(Fixed::default());
    row.line().is_some_and(|line| line.kind == LineType::Multiplier) && is_zero()
}

impl<'a> Charge<'a> {
    fn new(row: Row<'a>) -> Result<Self, ExportError> {
        let billed = Fixed::parse(row.total())
            .ok_or_else(|| ExportError::NoNumber { column: "BilledCost", text: row.total().to_owned() })?;
        let Entry::Line(line) = row.entry else {
            let period = billing_period(row.issued);
            return Ok(Self {
                row,
                category: Category::Tax,
                is_correction: false,
                period,
                billed,
                pricing: None,
                sku: None,
            });
        };
        let category = category(line);
        Ok(Self {
            row,
            category,
            is_correction: line.adjusts.is_some(),
            period: charge_period(row.issued, line),
            billed,
            pricing: pricing(row.issued.document, line, category, billed),
            sku: sku(line, category),
        })
    }

    /// How often it comes: FOCUS has no `Usage-Based` purchase.
    pub fn frequency(&self) -> &'static str {
        match (self.category, self.row.line().map(|line| line.kind)) {
            (_, Some(LineType::SupportCharge)) => "Recurring",
            (Category::Usage, Some(LineType::ServiceCharge | LineType::OtherEvent)) => "Usage-Based",
            _ => "One-Time",
        }
    }

    /// What FOCUS calls the service.
    pub fn service_name(&self) -> &'a str {
        let Some(line) = self.row.line() else { return "Tax" };
        match &line.service {
            Some(service) => &service.kind,
            None => line_type(line.kind),
        }
    }

    /// The resource that was used: the service's name, in its project.
    pub fn resource_id(&self) -> Option<String> {
        let line = self.row.line()?;
        Some([line.project.as_deref()?, "/", &line.service.as_ref()?.name].concat())
    }

    /// What identifies the price of what is sold.
    pub fn sku_price(&self) -> Option<String> {
        let sku = self.sku.as_ref()?;
        Some(match &self.row.line()?.price {
            Some(price) => {
                let parts = [Some(sku.as_str()), self.row.price_list(), Some(&*price.entry)];
                parts.into_iter().flatten().collect::<Vec<_>>().join("/")
            }
            None => sku.clone(),
        })
    }

    /// What identifies it among all invoices.
    pub fn detail_id(&self) -> String {
        [&self.row.issued.document.number, "/", &*self.row.id()].concat()
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

/// What is sold: the service by type, plan and cloud, or the charge that was agreed by its name.
fn sku(line: &Line, category: Category) -> Option<String> {
    if let Some(service) = &line.service {
        let mut sku = service.kind.clone();
        for part in [&service.plan, &service.cloud].into_iter().flatten() {
            sku.push('/');
            sku.push_str(part);
        }
        return Some(sku);
    }
    if line.adjusts.is_some() || !matches!(category, Category::Usage | Category::Purchase) {
        return None;
    }
    let name = line.source.as_ref().map(|source| source.part.as_deref().unwrap_or(&source.name));
    Some(format!("{}/{}", line_type(line.kind), name.unwrap_or(&line.description)))
}

fn billing_period(issued: &IssuedInvoice<'_>) -> (Timestamp, Timestamp) {
    let period = &issued.document.period;
    (period.start.0, period.end.0)
}

/// The time that a line is about: its own, else the month that it adjusts, else the document's. What happened at an instant
/// counts for its day, because no period of FOCUS is empty.
fn charge_period(issued: &IssuedInvoice<'_>, line: &Line) -> (Timestamp, Timestamp) {
    match (line.start, line.end) {
        (Some(start), Some(end)) if start < end => (start.0, end.0),
        (Some(start), _) => day(start.0),
        _ => {
            let adjusted = line.adjusts.as_ref().and_then(|adjusts| adjusts.period.parse::<Month>().ok());
            adjusted.map_or_else(|| billing_period(issued), |month| (month.start(), month.end()))
        }
    }
}

fn day(instant: Timestamp) -> (Timestamp, Timestamp) {
    let start = instant.date_naive().and_time(NaiveTime::MIN).and_utc();
    (start, start + Days::new(1))
}
