//! Logs, as text for people or as JSON for collectors.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// kube logs each failed call at level error, and so do we, with what it was about.
const SUPPRESSED_DUPLICATES: &str = "kube_client::client::builder=off";

/// Sends the logs of this process to standard error, from now on.
///
/// # Errors
/// If `level` is no filter.
pub fn start(level: &str, format: LogFormat) -> Result<(), ParseError> {
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter(level)?)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().flatten_event(true).init(),
    }
    Ok(())
}

/// The filter that was asked for, without doubled lines unless they were asked for by name.
///
/// # Errors
/// If `level` is no filter.
pub fn filter(level: &str) -> Result<EnvFilter, ParseError> {
    let filter = EnvFilter::builder().parse(level)?;
    if level.contains("kube_client") { Ok(filter) } else { Ok(filter.add_directive(SUPPRESSED_DUPLICATES.parse()?)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_kept_as_it_was_asked_for() {
        let text = |level| filter(level).expect("a filter").to_string();
        assert!(text("info").contains(SUPPRESSED_DUPLICATES) && text("info").contains("info"));
        assert!(!text("info,kube_client=debug").contains("off"));
    }

    #[test]
    fn a_filter_that_is_none_is_refused() {
        assert!(filter("billing_operator=loud").is_err());
    }
}
