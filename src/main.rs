//! The operator: wiring only.

fn main() {}
