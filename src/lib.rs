//! Billing groups for Kubernetes: one payer per project, one consolidated invoice per month.
//!
//! The layers, from the inside out; each knows only those before it:
//!
//! * [`domain`]: what billing *is*. Pure: no Kubernetes, no serde, no runtime, no clock.
//! * [`api`]: the custom resources as they are written on the wire.
//! * [`render`]: documents in their canonical form and as text.
//! * [`books`]: what is observed of a cluster (or of a folder of manifests), as domain types.
//! * [`controller`]: fetch, validate, plan, apply.
//! * [`cli`]: the commands of `kubectl billing`.

pub mod api;
pub mod books;
pub mod cli;
pub mod controller;
pub mod domain;
pub mod render;
