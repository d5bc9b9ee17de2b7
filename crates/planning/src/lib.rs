//! What the operator decides: from what is observed, its settings and the time to a plan. Pure: the kinds of Kubernetes are
//! known here, its API server is not, and nothing waits.
//!
//! A plan says everything that is to be written, told and looked at again; whoever applies it decides nothing. The preview
//! of the plugin stands on the same planners.

pub mod billing_settings;
pub mod builders;
pub mod closing;
pub mod conditions;
pub mod credit;
pub mod credit_note;
pub mod group;
pub mod invoice;
#[cfg(test)]
mod keys_tests;
pub mod months;
pub mod pending_projects;
pub mod period;
pub mod project;
pub mod published;
pub mod receivables;
pub mod recompute;
#[cfg(test)]
mod scenario;
pub mod usage;
