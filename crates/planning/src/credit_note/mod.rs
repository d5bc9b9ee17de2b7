//! Credit notes: computed, numbered and frozen; then the credits go back that the invoice used.

mod plan;
mod restore_credits;
#[cfg(test)]
mod tests;

pub use plan::{NoteError, Observed, Step, plan_note};
pub use restore_credits::{RestorationFacts, RestorationStep, plan_restoration};
