//! The dataset `BillingPeriod` of FOCUS 1.4: a row for each month and issuer.

use std::collections::BTreeMap;

use super::instant;
use crate::export::cell::{Cell, Column, Kind};
use crate::export::error::ExportError;
use crate::export::table::{Encoding, TableEncoder};
use billing_domain::{Month, Timestamp};

/// What is known of the documents of one month.
#[derive(Debug, Clone)]
pub struct BillingPeriods {
    month: Month,
    is_over: bool,
    issuers: BTreeMap<String, Known>,
}

/// What is known of the documents of an issuer.
#[derive(Debug, Clone, Copy)]
struct Known {
    all_final: bool,
    updated: Timestamp,
}

/// A row.
struct Row<'a> {
    month: Month,
    issuer: &'a str,
    updated: Timestamp,
    is_closed: bool,
}

impl BillingPeriods {
    /// A month of which no document is known.
    pub fn new(month: Month, now: Timestamp) -> Self {
        Self { month, is_over: month.end() <= now, issuers: BTreeMap::new() }
    }

    /// The month.
    pub fn month(&self) -> Month {
        self.month
    }

    /// Whether no document is known.
    pub fn is_empty(&self) -> bool {
        self.issuers.is_empty()
    }

    /// Takes a document into account.
    pub fn add(&mut self, issuer: &str, is_final: bool, written_at: Timestamp) {
        let known = self.issuers.entry(issuer.to_owned()).or_insert(Known { all_final: true, updated: written_at });
        known.all_final &= is_final;
        known.updated = known.updated.max(written_at);
    }

    /// The table. A month is closed for an issuer when it is over, and all of its invoices that are known are final.
    ///
    /// # Errors
    /// None that memory does not cause.
    pub fn render(&self, encoding: Encoding) -> Result<Vec<u8>, ExportError> {
        let rows: Vec<_> = self.issuers.iter().map(|(issuer, known)| self.row(issuer, *known)).collect();
        let columns = columns();
        let mut encoder = TableEncoder::new(encoding, &columns)?;
        encoder.append(&columns, &rows)?;
        encoder.finish()
    }

    fn row<'a>(&self, issuer: &'a str, known: Known) -> Row<'a> {
        Row { month: self.month, issuer, updated: known.updated, is_closed: self.is_over && known.all_final }
    }

    /// How many rows the table has.
    pub fn rows(&self) -> u64 {
        self.issuers.len() as u64
    }
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    use Kind::{Text, Time};
    let required = Column::<Row<'a>>::required;
    vec![
        required("BillingPeriodCreated", Time, |row| instant(row.month.start())),
        required("BillingPeriodEnd", Time, |row| instant(row.month.end())),
        required("BillingPeriodLastUpdated", Time, |row| instant(row.updated)),
        required("BillingPeriodStart", Time, |row| instant(row.month.start())),
        required("BillingPeriodStatus", Text, |row| Cell::text(if row.is_closed { "Closed" } else { "Open" })),
        required("InvoiceIssuerName", Text, |row| Cell::text(row.issuer)),
    ]
}
