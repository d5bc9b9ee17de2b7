//! The Helm chart: what it renders, and what becomes of it on an API server.

mod built;
mod definitions;
mod export;
mod probe;
mod release;
pub mod rendered;
mod rights;
mod rollback;
mod template;

pub use billing_test_harness::chart as install;
