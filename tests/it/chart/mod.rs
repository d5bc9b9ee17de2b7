//! The Helm chart: what it renders, and what becomes of it on an API server.

mod built;
mod copies;
mod definitions;
mod drift;
mod elsewhere;
mod export;
mod hub;
mod probe;
mod release;
pub mod rendered;
mod rights;
mod rollback;
mod template;
mod upgrade;
mod values;
mod variables;

pub use billing_test_harness::chart as install;
