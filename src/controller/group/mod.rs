//! A billing group: its series, its members, its estimates, its end.

mod apply;
mod carried;
mod gathering;
mod plan;
mod status;

pub use apply::reconcile;
pub use gathering::Gatherings;
pub use status::{first_period_too_early, not_allowed, primary_ignored, series_taken, vat_id_invalid};

#[cfg(test)]
mod tests;
