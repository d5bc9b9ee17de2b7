//! Meters of metrics on a real API server, with servers of metrics that nobody here wrote: Prometheus and VictoriaMetrics.
//!
//! The program runs within the tests, under its own account, with a clock that tests move.

mod clusters;
mod data;
mod deep;
mod docs;
mod failing;
mod http;
#[path = "../running/mod.rs"]
mod running;
mod same;
mod servers;
mod stage;

type Result<T = (), E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;
