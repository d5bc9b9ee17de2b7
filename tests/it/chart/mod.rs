//! The Helm chart: what it renders, and what becomes of it on an API server.

mod definitions;
pub mod install;
mod probe;
mod release;
mod rendered;
mod rights;
mod template;
