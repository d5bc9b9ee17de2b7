//! The kubectl plugin: wiring only.

fn main() {}
