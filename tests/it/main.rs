//! One integration binary: rules, scenarios, chart.

mod binding;
mod chaos;
mod chart;
mod cli;
mod deletion;
mod docs;
mod documents;
mod explain;
mod export;
mod guards;
mod house;
mod kstatus;
mod meter;
mod monitoring;
mod month;
mod preview;
mod rules;
mod support;
mod vat;

/// What may go wrong in a test.
type Error = Box<dyn std::error::Error + Send + Sync>;
/// The result of a test, and of what it is made of.
type Result<T = (), E = Error> = std::result::Result<T, E>;
