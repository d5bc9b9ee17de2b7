//! The control loops: fetch, validate, plan, apply.

pub mod runtime;
