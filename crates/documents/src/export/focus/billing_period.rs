//! The dataset `BillingPeriod` of FOCUS 1.4: a row for each month and issuer.

use std::collections::BTreeMap;

use super::instant;
use crate::export::cell::{Cell, Column, Kind};
use crate::export::error::ExportError;
use crate::export::table::{Encoding, TableEncoder};
use billing_domain::{Month, Timestamp};

/// What is known of the invoices of one month.
#[derive(Debug, Clone)]
pub struct BillingPeriods {
    month: Month,
    issuers: BTreeMap<String, Known>,
}

/// What is known of the invoices of an issuer.
#[derive(Debug, Clone, Copy)]
struct Known {
    all_final: bool,
    updated: Timestamp,
}

/// A row.
struct Row<'a> {
    month: Month,
    issuer: &'a str,
    known: Known,
}

impl BillingPeriods {
    /// A month of which no invoice is known.
    pub fn new(month: Month) -> Self {
        Self { month, issuers: BTreeMap::new() }
    }

    /// The month.
    pub fn month(&self) -> Month {
        self.month
    }

    /// Whether no invoice is known.
    pub fn is_empty(&self) -> bool {
        self.issuers.is_empty()
    }

    /// Takes an invoice into account.
    pub fn add(&mut self, issuer: &str, is_final: bool, written_at: Timestamp) {
        let known = self.issuers.entry(issuer.to_owned()).or_insert(Known { all_final: true, updated: written_at });
        known.all_final &= is_final;
        known.updated = known.updated.max(written_at);
    }

    /// The table. A month is closed for an issuer when all of its invoices that are known are final.
    ///
    /// # Errors
    /// None that memory does not cause.
    pub fn render(&self, encoding: Encoding) -> Result<Vec<u8>, ExportError> {
        let rows: Vec<_> =
            self.issuers.iter().map(|(issuer, known)| Row { month: self.month, issuer, known: *known }).collect();
        let columns = columns();
        let mut encoder = TableEncoder::new(encoding, &columns)?;
        encoder.append(&columns, &rows)?;
        encoder.finish()
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
        required("BillingPeriodLastUpdated", Time, |row| instant(row.known.updated)),
        required("BillingPeriodStart", Time, |row| instant(row.month.start())),
        required("BillingPeriodStatus", Text, |row| Cell::text(if row.known.all_final { "Closed" } else { "Open" })),
        required("InvoiceIssuerName", Text, |row| Cell::text(row.issuer)),
    ]
}
