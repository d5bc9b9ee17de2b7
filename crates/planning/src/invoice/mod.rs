//! Invoices: what one group owes for one month, as an estimate and as the final document.

mod builders;
mod estimate;
mod month;
mod reissue;
mod status;

pub use builders::{InvoiceFacts, make_invoice, slice_named, slice_object, status_object};
pub use estimate::{EstimatePlan, EstimateWrite, plan_estimate};
pub(crate) use month::no_prices;
pub use month::{GroupInvoices, MonthView, Predecessor};
pub use reissue::{ReissueHeld, ReissueOrder, Reissued, with_reissued_month};
pub use status::{READINGS_COMPLETE, READINGS_MISSING, estimate_status, final_status, readings_missing};

#[cfg(test)]
mod tests;
