//! FOCUS, the FinOps Foundation's format for bills: an invoice or a credit note as the provider's own bill.
//!
//! `CostAndUsage` has a row for each line of the document and for each tax, so that its `BilledCost` adds up to the document's
//! total. `InvoiceDetail` has a row for each of these rows, with the same `InvoiceDetailId`. `BillingPeriod` says whether
//! a month may still change.

pub mod billing_period;
pub mod charge;
pub mod cost_and_usage;
pub mod invoice_detail;
pub mod offer;
mod pricing;

use serde::{Serialize, Serializer};

use super::cell::{Cell, Fixed};
use billing_api::Seller;
use billing_domain::Timestamp;

/// A version of FOCUS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// What most tools read, and what there is a validator for.
    V1_2,
    /// With the datasets of invoices.
    V1_4,
}

/// The least decimal places of a number: readers take a column of whole numbers for integers.
const PLACES: u8 = 2;

/// The name of an issuer that has none: FOCUS requires one.
const UNNAMED: &str = "not named";

/// Who issues a document.
pub fn issuer(seller: &Seller) -> &str {
    match seller.legal_name.as_str() {
        "" => UNNAMED,
        name => name,
    }
}

fn number<'a>(number: Fixed) -> Cell<'a> {
    Cell::Number(number, PLACES)
}

/// An instant as FOCUS writes it: whole seconds.
fn instant<'a>(instant: Timestamp) -> Cell<'a> {
    Timestamp::from_timestamp(instant.timestamp(), 0).map_or(Cell::Null, Cell::Time)
}

/// A JSON object of those keys that have a value; nothing when none has.
fn object<'a, T: Serialize>(values: impl IntoIterator<Item = (&'static str, Option<T>)>) -> Cell<'a> {
    let mut present = values.into_iter().filter_map(|(key, value)| Some((key, value?))).peekable();
    if present.peek().is_none() {
        return Cell::Null;
    }
    let mut json = Vec::new();
    let written = serde_json::Serializer::new(&mut json).collect_map(present);
    Cell::made(written.ok().and_then(|()| String::from_utf8(json).ok()))
}
