//! Invoices: what one group owes for one month, as an estimate and as the final document.

mod apply;
mod estimate;
mod month;

pub use apply::{InvoiceFacts, ensure_slices, make_invoice, status_object};
pub use estimate::{EstimatePlan, EstimateWrite, plan_estimate};
pub use month::{GroupInvoices, MonthView, Predecessor};

#[cfg(test)]
mod tests;
