//! A billing group: its series, its members, its estimates, its end.

mod apply;
mod plan;
mod status;

pub use apply::reconcile;

#[cfg(test)]
mod tests;
