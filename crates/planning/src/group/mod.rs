//! A billing group: its series, its members, its estimates, its end.

mod balance_transfer;
mod plan;
mod status;
mod unbillable;
mod write_coalescing;

pub use plan::{GroupPlan, InvoiceWrite, Steady, plan_group};
pub use status::{first_period_too_early, not_allowed, primary_ignored, series_taken, vat_id_invalid};
pub use write_coalescing::CoalescingStates;

#[cfg(test)]
mod tests;
