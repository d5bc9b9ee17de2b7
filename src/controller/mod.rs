//! The control loops: fetch, validate, plan, apply.

mod auditor;
pub(crate) mod closing;
mod context;
pub(crate) mod credit;
mod credit_note;
mod finals;
pub(crate) mod group;
pub mod invoice;
pub(crate) mod objects;
mod operator;
mod period;
pub(crate) mod project;
mod queues;
mod receivables;
pub mod recompute;
pub mod rules;
pub mod runtime;
#[cfg(test)]
mod scenario;
mod sweep;
pub(crate) mod usage;
pub(crate) mod waiting;
mod watch;
mod watches;
mod writer;

pub use operator::{Operator, RunError, run};
