//! A real control plane for the tests, the demo and the benchmarks.
