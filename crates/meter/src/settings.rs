//! What can be set: flags, each with an environment variable, each with a default.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use billing_planning::billing_settings::duration;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use operator_kit::client::ClientSettings;
use operator_kit::logging::{self, LogFormat};

/// How the meter is set up.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// The kubeconfig file; by default KUBECONFIG, ~/.kube/config, or the pod's service account
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// The kubeconfig file of the cluster that bills, where that is another than the one that is measured
    ///
    /// Its account writes usage, and reads namespaces. Meters, servers of metrics and objects are those of the cluster that is measured.
    #[arg(long, env = "BILLING_METER_BILLING_KUBECONFIG", value_name = "FILE", requires = "cluster")]
    pub billing_kubeconfig: Option<PathBuf>,

    /// The name of the cluster on what is recorded: for each cluster another
    #[arg(long, env = "BILLING_METER_CLUSTER", value_name = "NAME", value_parser = dns_label)]
    pub cluster: Option<String>,

    /// The namespace of the Secrets that servers of metrics name; by default the one that the account is of
    #[arg(long, env = "BILLING_METER_NAMESPACE", value_name = "NAMESPACE")]
    pub namespace: Option<String>,

    /// How long one call to the API server may take
    #[arg(long, env = "BILLING_METER_CALL_TIMEOUT", value_name = "DURATION", value_parser = positive, default_value = "15s")]
    pub call_timeout: Duration,

    /// How many records are written at once
    #[arg(
        long,
        env = "BILLING_METER_CONCURRENCY",
        value_name = "COUNT",
        value_parser = clap::value_parser!(u16).range(1..=64),
        default_value_t = 8
    )]
    pub concurrency: u16,

    /// How often the records that run are compared with all objects
    #[arg(long, env = "BILLING_METER_COMPARE_INTERVAL", value_name = "DURATION", value_parser = positive, default_value = "1h")]
    pub compare_interval: Duration,

    /// How often a kind that cannot be read is looked for again
    #[arg(long, env = "BILLING_METER_RETRY_INTERVAL", value_name = "DURATION", value_parser = positive, default_value = "30s")]
    pub retry_interval: Duration,

    /// How often every Meter says until when everything was seen
    #[arg(long, env = "BILLING_METER_REPORT_INTERVAL", value_name = "DURATION", value_parser = positive, default_value = "60s")]
    pub report_interval: Duration,

    /// The address that serves /healthz, /readyz and /metrics
    ///
    /// `[::]` is IPv6 and IPv4, and IPv4 alone where the system has no IPv6.
    #[arg(long, env = "BILLING_METER_LISTEN", value_name = "ADDRESS", default_value = "[::]:8080")]
    pub listen: SocketAddr,

    /// How long the API server, or a watch that fails, may be silent before /readyz says so
    #[arg(long, env = "BILLING_METER_SILENCE_LIMIT", value_name = "DURATION", value_parser = positive, default_value = "3m")]
    pub silence_limit: Duration,

    /// How logs are written: as lines for people, or as one JSON object a line
    #[arg(long, env = "BILLING_METER_LOG_FORMAT", value_name = "FORMAT", value_parser = log_format(), default_value = "text")]
    pub log_format: LogFormat,

    /// What is logged: a level, or levels by module: `info,billing_meter=debug`
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", value_parser = logging::valid_filter, default_value = "info")]
    pub log_level: String,
}

/// What the API server's logs and audit call the meter.
const USER_AGENT: &str = concat!("billing-meter/", env!("CARGO_PKG_VERSION"));

impl Settings {
    /// What the client needs of it.
    pub fn client(&self) -> ClientSettings {
        self.client_of(self.kubeconfig.clone())
    }

    /// What the client of the cluster that bills needs of it, where that is another.
    pub fn billing_client(&self) -> Option<ClientSettings> {
        self.billing_kubeconfig.clone().map(|kubeconfig| self.client_of(Some(kubeconfig)))
    }

    fn client_of(&self, kubeconfig: Option<PathBuf>) -> ClientSettings {
        ClientSettings { user_agent: USER_AGENT, kubeconfig, call_timeout: self.call_timeout }
    }
}

/// The formats of logs, by their names.
fn log_format() -> impl TypedValueParser<Value = LogFormat> {
    PossibleValuesParser::new(LogFormat::NAMES).try_map(|name| name.parse())
}

/// A duration that is at least a second.
fn positive(text: &str) -> Result<Duration, String> {
    let parsed = duration(text)?;
    if parsed < Duration::from_secs(1) { Err("must be at least 1s".to_owned()) } else { Ok(parsed) }
}

/// A name as records can have it.
fn dns_label(text: &str) -> Result<String, String> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = text.chars().all(|c| letters(c) || c == '-') && text.starts_with(letters) && text.ends_with(letters);
    if fits && text.len() <= 63 {
        Ok(text.to_owned())
    } else {
        Err("must be lower-case letters, digits and `-`, at most 63".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser, Debug)]
    struct Command {
        #[command(flatten)]
        settings: Settings,
    }

    fn parse(args: &[&str]) -> Result<Settings, clap::Error> {
        Command::try_parse_from(["billing-meter"].iter().chain(args)).map(|command| command.settings)
    }

    #[test]
    fn flags_have_the_documented_defaults_and_nonsense_is_refused() {
        Command::command().debug_assert();
        let settings = parse(&[]).expect("valid");
        assert_eq!((settings.concurrency, settings.compare_interval.as_secs()), (8, 3600));
        assert_eq!(parse(&["--compare-interval=10m"]).expect("valid").compare_interval.as_secs(), 600);
        for (arg, remedy) in [
            ("--retry-interval=0s", "at least 1s"),
            ("--cluster=West", "lower-case letters"),
            ("--billing-kubeconfig=other.yaml", "--cluster <NAME>"),
            ("--concurrency=0", "0 is not in 1..=64"),
            ("--log-level=loud=quiet", "level filter"),
        ] {
            let error = parse(&[arg]).expect_err(arg).to_string();
            assert!(error.contains(remedy), "{arg}: {error}");
        }
    }
}
