//! Invoices: what one group owes for one month, as an estimate and as the final document.

mod apply;
mod estimate;
mod month;
mod status;

pub use apply::{InvoiceFacts, delete_slices, ensure_slices, make_invoice, slice_object, status_object};
pub use estimate::{EstimatePlan, EstimateWrite, plan_estimate};
pub use month::{GroupInvoices, MonthView, Predecessor};
pub use status::{estimate_status, final_status};

#[cfg(test)]
mod tests;
