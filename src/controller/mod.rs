//! The control loops: fetch, validate, plan, apply.

mod closing;
mod context;
mod group;
pub mod invoice;
mod operator;
mod period;
mod project;
mod queues;
pub mod rules;
pub mod runtime;
#[cfg(test)]
mod scenario;
mod sweep;
mod usage;
mod waiting;
mod watch;
mod watches;
mod writer;

pub use operator::{Operator, RunError, run};
