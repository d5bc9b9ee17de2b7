//! What scenarios are made of: a [`World`] with the operator at work in it, and a [`Scene`] for each test to act in.

pub mod command;
mod conditions;
mod months;
pub mod python;
mod refusal;
mod scene;
mod watching;
mod world;

pub use conditions::{reason, stands};
pub use months::{back, open_month};
pub use refusal::refusal;
pub use scene::Scene;
pub use watching::{LIMIT, wait};
pub use world::{World, prepare, start_operator};
