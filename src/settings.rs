//! What can be set: flags, each with an environment variable, each with a default.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, Resettable, TypedValueParser};
use clap::{Args, Command};
use operator_kit::client::ClientSettings;
use operator_kit::logging::{self, LogFormat};

use billing_domain::tenancy::default_binding::{DefaultPolicy, DefaultSettings};
use billing_domain::{Attribution, HourRule, LateUsageWindow};
use billing_planning::billing_settings::{
    ATTRIBUTIONS, BillingSettings, Choice, DEFAULT_BINDINGS, DEFAULT_LATE_USAGE_MONTHS, HOUR_RULES, UsageRetention,
    delta, duration,
};

/// How the operator is set up.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// How months are billed.
    #[command(flatten, next_help_heading = "Billing")]
    pub billing: BillingFlags,
    /// How the API server is reached.
    #[command(flatten, next_help_heading = "Cluster")]
    pub cluster: ClusterSettings,
    /// What the operator says of itself.
    #[command(flatten, next_help_heading = "Observation")]
    pub observation: ObservationSettings,
}

/// How months are billed, and when.
#[derive(Args, Clone, Debug)]
pub struct BillingFlags {
    /// Who pays for a project that moved within a month.
    ///
    /// A month keeps the setting that was in force when it was closed.
    #[arg(long, env = "BILLING_OPERATOR_ATTRIBUTION", value_parser = one_of(ATTRIBUTIONS), default_value = ATTRIBUTIONS[0].name)]
    pub attribution: Attribution,

    /// How running time becomes hours.
    #[arg(long, env = "BILLING_OPERATOR_HOURS", value_parser = one_of(HOUR_RULES), default_value = HOUR_RULES[0].name)]
    pub hours: HourRule,

    /// How many months back closed months are settled; 0 is no limit. What is found later is billed no more.
    #[arg(long, env = "BILLING_OPERATOR_LATE_USAGE_WINDOW", value_name = "MONTHS", default_value_t = DEFAULT_LATE_USAGE_MONTHS)]
    pub late_usage_window: u16,

    /// How many months billed usage records are kept, at least as many as closed months are settled; 0 keeps them for ever.
    #[arg(long, env = "BILLING_OPERATOR_USAGE_RETENTION", value_name = "MONTHS", default_value_t = 0)]
    pub usage_retention: u16,

    /// Which group pays for a project without a binding.
    #[arg(
        long,
        env = "BILLING_OPERATOR_DEFAULT_BINDING",
        value_parser = one_of(DEFAULT_BINDINGS),
        default_value = DEFAULT_BINDINGS[0].name
    )]
    pub default_binding: DefaultPolicy,

    /// How long a project may have no binding before it gets the default [90s, 15m, 1h]
    #[arg(
        long,
        env = "BILLING_OPERATOR_DEFAULT_BINDING_DELAY",
        value_name = "DURATION",
        value_parser = duration,
        default_value = "60s"
    )]
    pub default_binding_delay: Duration,

    /// How often the invoices of the open month are refreshed when nothing changed but the time
    #[arg(
        long,
        env = "BILLING_OPERATOR_ESTIMATE_INTERVAL",
        value_name = "DURATION",
        value_parser = positive_duration,
        default_value = "15m"
    )]
    pub estimate_interval: Duration,

    /// The minimum time from a month's end, or a group's creation, to the final invoice
    ///
    /// An issuer's grace counts if it is longer.
    #[arg(
        long,
        env = "BILLING_OPERATOR_SETTLE_TIME",
        value_name = "DURATION",
        value_parser = duration,
        default_value = "60s"
    )]
    pub settle_time: Duration,

    /// Whether invoices become final; `false` makes estimates only, for a trial
    #[arg(
        long,
        env = "BILLING_OPERATOR_FINALISE",
        value_name = "BOOL",
        action = clap::ArgAction::Set,
        default_value_t = true
    )]
    pub finalise: bool,
}

/// How the API server is reached, and how hard it is worked.
#[derive(Args, Clone, Debug)]
pub struct ClusterSettings {
    /// The kubeconfig file; by default KUBECONFIG, ~/.kube/config, or the pod's service account
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,

    /// The operator's own namespace, where the admission policies are probed
    #[arg(long, env = "BILLING_OPERATOR_NAMESPACE", value_name = "NAME", default_value = "billing-system")]
    pub namespace: String,

    /// The operator's own user, whom the admission policies let write what nobody else may
    ///
    /// By default the service account `billing-operator` of the operator's namespace.
    #[arg(long, env = "BILLING_OPERATOR_USER", value_name = "USER")]
    pub user: Option<String>,

    /// How long nothing stops when a definition or policy is not as the operator was built with, as during an upgrade
    ///
    /// After that, no invoice becomes final, no credit is used and no project gets another payer until it is.
    #[arg(
        long,
        env = "BILLING_OPERATOR_GUARDS_GRACE",
        value_name = "DURATION",
        value_parser = duration,
        default_value = "10m"
    )]
    pub guards_grace: Duration,

    /// Who is impersonated to probe the admission policies, which let the operator itself pass
    ///
    /// By default the service account `billing-operator-probe` of the operator's namespace.
    #[arg(long, env = "BILLING_OPERATOR_PROBE_USER", value_name = "USER")]
    pub probe_user: Option<String>,

    /// How long one call to the API server may take
    #[arg(
        long,
        env = "BILLING_OPERATOR_CALL_TIMEOUT",
        value_name = "DURATION",
        value_parser = positive_duration,
        default_value = "15s"
    )]
    pub call_timeout: Duration,

    /// How often the final invoices of the last two months are audited
    #[arg(
        long,
        env = "BILLING_OPERATOR_AUDIT_INTERVAL",
        value_name = "DURATION",
        value_parser = positive_duration,
        default_value = "24h"
    )]
    pub audit_interval: Duration,

    /// How many objects of one kind are processed at once
    #[arg(
        long,
        env = "BILLING_OPERATOR_CONCURRENCY",
        value_name = "COUNT",
        value_parser = clap::value_parser!(u16).range(1..=256),
        default_value_t = 16
    )]
    pub concurrency: u16,

    /// Seconds that are added to the local clock, which is wrong then; for testing
    #[arg(long, value_name = "SECONDS", hide = true, allow_negative_numbers = true, default_value_t = 0)]
    pub local_clock_offset: i64,
}

/// What the operator says of itself.
#[derive(Args, Clone, Debug)]
pub struct ObservationSettings {
    /// The address that serves /healthz, /readyz and /metrics
    ///
    /// `[::]` is IPv6 and IPv4, and IPv4 alone where the system has no IPv6.
    #[arg(long, env = "BILLING_OPERATOR_LISTEN", value_name = "ADDRESS", default_value = "[::]:8080")]
    pub listen: SocketAddr,

    /// The address that serves what is owed as /metrics, for finance alone; not served without it
    #[arg(long, env = "BILLING_OPERATOR_FINANCE_LISTEN", value_name = "ADDRESS")]
    pub finance_listen: Option<SocketAddr>,

    /// How long the API server, or a watch that fails, may be silent before /readyz says so
    #[arg(
        long,
        env = "BILLING_OPERATOR_SILENCE_LIMIT",
        value_name = "DURATION",
        value_parser = positive_duration,
        default_value = "3m"
    )]
    pub silence_limit: Duration,

    /// How logs are written: as lines for people, or as one JSON object a line
    #[arg(long, env = "BILLING_OPERATOR_LOG_FORMAT", value_name = "FORMAT", value_parser = log_format(), default_value = "text")]
    pub log_format: LogFormat,

    /// What is logged: a level, or levels by module: `info,billing_operator=debug`
    #[arg(long, env = "RUST_LOG", value_name = "FILTER", value_parser = logging::valid_filter, default_value = "info")]
    pub log_level: String,
}

/// Takes a variable that is empty for one that is not set: what makes manifests writes `value: ""` where it has none.
#[must_use]
pub fn without_empty_variables(command: Command) -> Command {
    let is_empty = |argument: &clap::Arg| {
        argument.get_env().is_some_and(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()))
    };
    let command = command.mut_args(|argument| match is_empty(&argument) {
        true => argument.env(Resettable::Reset),
        false => argument,
    });
    command.mut_subcommands(without_empty_variables)
}

/// Takes one of the names of a setting's values.
fn one_of<T: Copy + Send + Sync + 'static>(choices: &'static [Choice<T>]) -> impl TypedValueParser<Value = T> {
    let names = choices.iter().map(|choice| PossibleValue::new(choice.name).help(choice.help));
    PossibleValuesParser::new(names).try_map(|name| {
        choices.iter().find(|choice| choice.name == name).map(|choice| choice.value).ok_or("not one of the names")
    })
}

impl TryFrom<&BillingFlags> for BillingSettings {
    type Error = String;

    /// # Errors
    /// Two settings contradict each other.
    fn try_from(settings: &BillingFlags) -> Result<Self, String> {
        let late_usage_window = LateUsageWindow::of_months(settings.late_usage_window);
        Ok(Self {
            attribution: settings.attribution,
            hours: settings.hours,
            late_usage_window,
            usage_retention: UsageRetention::of_months(settings.usage_retention, late_usage_window)?,
            min_closing_delay: delta(settings.settle_time),
            finalise: settings.finalise,
            estimate_interval: delta(settings.estimate_interval),
            defaults: DefaultSettings {
                policy: settings.default_binding,
                delay: delta(settings.default_binding_delay),
            },
        })
    }
}

/// What the API server's logs and audit call the operator.
const USER_AGENT: &str = concat!("billing-operator/", env!("CARGO_PKG_VERSION"));

impl ClusterSettings {
    /// What the client needs of it.
    pub fn client(&self) -> ClientSettings {
        ClientSettings { user_agent: USER_AGENT, kubeconfig: self.kubeconfig.clone(), call_timeout: self.call_timeout }
    }

    /// The user whom the policies let pass.
    pub fn user(&self) -> String {
        let default = || format!("system:serviceaccount:{}:billing-operator", self.namespace);
        self.user.clone().unwrap_or_else(default)
    }

    /// The user whom the policies must refuse.
    pub fn probe_user(&self) -> String {
        let default = || format!("system:serviceaccount:{}:billing-operator-probe", self.namespace);
        self.probe_user.clone().unwrap_or_else(default)
    }
}

/// The formats of logs, by their names.
fn log_format() -> impl TypedValueParser<Value = LogFormat> {
    PossibleValuesParser::new(LogFormat::NAMES).try_map(|name| name.parse())
}

/// A duration that is at least a second.
fn positive_duration(text: &str) -> Result<Duration, String> {
    let parsed = duration(text)?;
    if parsed < Duration::from_secs(1) { Err("must be at least 1s".to_owned()) } else { Ok(parsed) }
}

#[cfg(test)]
pub(crate) mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser, Debug)]
    struct Command {
        #[command(flatten)]
        settings: Settings,
    }

    pub(crate) fn parse(args: &[&str]) -> Result<Settings, clap::Error> {
        let args = ["billing-operator"].iter().chain(args);
        Command::try_parse_from(args).map(|command| command.settings)
    }

    #[test]
    fn the_definitions_are_consistent() {
        Command::command().debug_assert();
    }

    #[test]
    fn without_flags_the_documented_defaults_hold() {
        let settings = parse(&[]).expect("valid");
        let billing = settings.billing;
        assert_eq!(billing.attribution, Attribution::MonthEnd);
        assert_eq!(billing.hours, HourRule::Ceil);
        assert_eq!(billing.default_binding, DefaultPolicy::PrimaryOrDedicated);
        assert_eq!((billing.settle_time.as_secs(), billing.estimate_interval.as_secs()), (60, 900));
        assert!(billing.finalise);
        assert_eq!(settings.cluster.probe_user(), "system:serviceaccount:billing-system:billing-operator-probe");
        assert_eq!(settings.observation.listen.port(), 8080);
    }

    #[test]
    fn flags_are_read() {
        let settings = parse(&[
            "--attribution=prorated",
            "--finalise=false",
            "--default-binding-delay=1h30m",
            "--local-clock-offset=-300",
            "--namespace=money",
        ])
        .expect("valid");
        assert_eq!(settings.billing.attribution, Attribution::Prorated);
        assert!(!settings.billing.finalise);
        assert_eq!(settings.billing.default_binding_delay.as_secs(), 5400);
        assert_eq!(settings.cluster.local_clock_offset, -300);
        assert_eq!(settings.cluster.probe_user(), "system:serviceaccount:money:billing-operator-probe");
    }

    #[test]
    fn nonsense_is_refused_with_the_remedy() {
        for (arg, remedy) in [
            ("--settle-time=60", "write it as 90s"),
            ("--settle-time=-5s", "must not be negative"),
            ("--estimate-interval=0s", "at least 1s"),
            ("--concurrency=0", "0 is not in 1..=256"),
            ("--log-level=loud=quiet", "level filter"),
            ("--hours=round", "possible values: ceil, exact"),
        ] {
            let error = parse(&[arg]).expect_err(arg).to_string();
            assert!(error.contains(remedy), "{arg}: {error}");
        }
    }
}
