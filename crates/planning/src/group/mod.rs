//! A billing group: its series, its members, its estimates, its end.

mod carried;
mod gathering;
mod plan;
mod status;

pub use gathering::Gatherings;
pub use plan::{GroupPlan, InvoiceWrite, Steady, plan_group};
pub use status::{first_period_too_early, not_allowed, primary_ignored, series_taken, vat_id_invalid};

#[cfg(test)]
mod tests;
