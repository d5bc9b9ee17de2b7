//! Credit notes: computed, numbered and frozen; then the credits go back that the invoice used.

mod plan;
mod returns;
#[cfg(test)]
mod tests;

pub use plan::{Observed, Step, plan_note};
pub use returns::{Return, Returning, plan_return};
