//! How an operator bills, and what the values of its settings are called.

use std::time::Duration;

use chrono::TimeDelta;
use k8s_openapi::jiff::SignedDuration;

use billing_domain::tenancy::default_binding::{DefaultPolicy, DefaultSettings};
use billing_domain::{Attribution, HourRule};

/// How this operator bills.
#[derive(Debug, Clone, Copy)]
pub struct BillingSettings {
    /// How a month's cost is shared out, until its BillingPeriod fixes that.
    pub attribution: Attribution,
    /// How running time becomes hours.
    pub hours: HourRule,
    /// How long a month settles, whatever its issuer says.
    pub min_closing_delay: TimeDelta,
    /// Whether anything becomes final.
    pub finalise: bool,
    /// How often an estimate follows the clock.
    pub estimate_interval: TimeDelta,
    /// What projects without a payer get.
    pub defaults: DefaultSettings,
}

impl Default for BillingSettings {
    /// How an operator bills that nobody set otherwise.
    fn default() -> Self {
        Self {
            attribution: Attribution::MonthEnd,
            hours: HourRule::Ceil,
            min_closing_delay: TimeDelta::seconds(60),
            finalise: true,
            estimate_interval: TimeDelta::seconds(900),
            defaults: DefaultSettings { policy: DefaultPolicy::PrimaryOrDedicated, delay: TimeDelta::seconds(60) },
        }
    }
}

/// One value of a setting: what people call it, and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice<T> {
    /// Its name in flags, environment variables and the chart's values.
    pub name: &'static str,
    /// What it means, for `--help`.
    pub help: &'static str,
    /// The value.
    pub value: T,
}

/// Who pays for a project that moved within a month; the default first.
pub const ATTRIBUTIONS: &[Choice<Attribution>] = &[
    Choice {
        name: "month-end",
        help: "The group that holds the project at the first instant of the next month, for the whole month",
        value: Attribution::MonthEnd,
    },
    Choice { name: "prorated", help: "Each group for its own part of the month", value: Attribution::Prorated },
];

/// How running time becomes hours; the default first.
pub const HOUR_RULES: &[Choice<HourRule>] = &[
    Choice { name: "ceil", help: "Begun hours count as whole ones", value: HourRule::Ceil },
    Choice { name: "exact", help: "Seconds divided by 3600", value: HourRule::Exact },
];

/// Which group pays for a project that chose none; the default first.
pub const DEFAULT_BINDINGS: &[Choice<DefaultPolicy>] = &[
    Choice {
        name: "primary-or-dedicated",
        help: "The organization's primary group, or one made for the project",
        value: DefaultPolicy::PrimaryOrDedicated,
    },
    Choice {
        name: "primary-only",
        help: "The organization's primary group, or nobody",
        value: DefaultPolicy::PrimaryOnly,
    },
    Choice { name: "off", help: "Nobody: the project stays unbound", value: DefaultPolicy::Off },
];

/// A duration as people write it: `90s`, `15m`, `1h`, `1h30m`.
///
/// # Errors
/// Says how to write one.
pub fn duration(text: &str) -> Result<Duration, String> {
    let parsed: SignedDuration = text.parse().map_err(|_| "write it as 90s, 15m or 1h30m".to_owned())?;
    Duration::try_from(parsed).map_err(|_| "a duration must not be negative".to_owned())
}

/// A duration as the domain has it. One longer than time itself is as good as for ever.
pub fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
