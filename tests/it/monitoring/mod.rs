//! Metrics, alerts and the dashboard, with a real Prometheus; and what the operator says when it cannot work.

mod meter;
mod outage;
mod rules;
mod scrape;
mod server;

pub use rules::sampled_of_meter;
