//! Meters of metrics: what they say, what a window comes to, and which reading is added to which record.

pub mod monthly;
pub mod pending;
mod plan;
mod recipe;
mod window;

pub use plan::{Known, KnownError, Refusal, Step, plan, sum};
pub use recipe::{Counted, CountingRecipe};
#[cfg(feature = "reader")]
pub use window::evaluate;
pub use window::{Came, percent};
