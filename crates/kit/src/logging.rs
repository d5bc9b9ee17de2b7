//! Logs, as text for people or as JSON for collectors.

use std::io::{self, IsTerminal};
use std::str::FromStr;

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

impl LogFormat {
    /// What they are called on a command line.
    pub const NAMES: [&str; 2] = ["text", "json"];
}

/// By its name.
impl FromStr for LogFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(format!("{other} is none of {}", Self::NAMES.join(", "))),
        }
    }
}

/// kube logs each failed call, each connection of a watch that breaks and each watch that is refused. So do we, with what it was
/// about, and not each time.
const SUPPRESSED_DUPLICATES: [&str; 2] = ["kube_client::client=off", "kube_runtime::watcher=off"];

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
    let mut filter = EnvFilter::builder().parse(level)?;
    for directive in SUPPRESSED_DUPLICATES {
        let asked_for = directive.split("::").next().is_some_and(|source| level.contains(source));
        if !asked_for {
            filter = filter.add_directive(directive.parse()?);
        }
    }
    Ok(filter)
}

/// The text of a filter that logs understand: for a flag.
///
/// # Errors
/// It is none.
pub fn valid_filter(text: &str) -> Result<String, String> {
    filter(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_names() {
        let formats = LogFormat::NAMES.map(|name| name.parse());
        assert_eq!(formats, [Ok(LogFormat::Text), Ok(LogFormat::Json)]);
        assert_eq!("xml".parse::<LogFormat>(), Err("xml is none of text, json".to_owned()));
    }

    #[test]
    fn a_filter_is_kept_as_it_was_asked_for() {
        let text = |level| filter(level).expect("a filter").to_string();
        assert!(SUPPRESSED_DUPLICATES.iter().all(|directive| text("info").contains(directive)));
        assert!(text("info").contains("info"));
        let asked = text("info,kube_client=debug");
        assert!(!asked.contains("client=off") && asked.contains("watcher=off"), "{asked}");
    }

    #[test]
    fn a_filter_that_is_none_is_refused() {
        assert!(filter("billing_operator=loud").is_err());
    }
}
