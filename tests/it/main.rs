//! One integration binary: rules, scenarios, chart.

fn main() {}
