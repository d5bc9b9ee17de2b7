//! A project: its binding, its ledger, its default.

mod apply;
mod plan;

pub use apply::reconcile;

#[cfg(test)]
mod tests;
