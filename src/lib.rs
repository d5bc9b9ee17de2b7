//! The operator: watches feed the state, planners decide, and one writer does what they say.
//!
//! What is decided, and how it is computed, is in `billing-planning` and below, where nothing reaches a cluster. What is not
//! about billing (queues, the API server's clock, the client, endpoints) is in `operator-kit`.

mod auditor;
mod billed_index;
mod closing;
mod context;
pub mod integrity;
mod kinds;
pub mod metrics;
mod operator;
pub mod probe;
mod queues;
pub mod settings;
mod slice_gc;
mod starting;
mod watch;
mod watches;
mod writer;

pub use operator::{Operator, RunError, run};
