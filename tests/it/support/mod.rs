//! What scenarios are made of: a [`World`] with the operator at work in it, and a [`Scene`] for each test to act in.

pub mod command;
mod conditions;
pub mod python;
mod refusal;
mod scene;
mod watching;
mod world;

pub use conditions::{reason, stands};
pub use refusal::refusal;
pub use scene::{Scene, open_month};
pub use watching::{LIMIT, wait};
pub use world::{World, prepare, start_operator};
