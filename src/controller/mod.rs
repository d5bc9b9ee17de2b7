//! The control loops: fetch, validate, plan, apply.
