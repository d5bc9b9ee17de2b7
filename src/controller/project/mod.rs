//! A project: its binding, its ledger, its default.

mod apply;
mod plan;

pub use apply::reconcile;
pub use plan::{DefaultStep, ProjectPlan, plan_project};

#[cfg(test)]
mod tests;
