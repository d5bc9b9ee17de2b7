//! How an operator bills, and what the values of its settings are called.

use std::time::Duration;

use chrono::TimeDelta;
use k8s_openapi::jiff::SignedDuration;

use billing_domain::tenancy::default_binding::{DefaultPolicy, DefaultSettings};
use billing_domain::{Attribution, HourRule, LateUsageWindow, Month};

/// How this operator bills.
#[derive(Debug, Clone, Copy)]
pub struct BillingSettings {
    /// How a month's cost is shared out, until its BillingPeriod fixes that.
    pub attribution: Attribution,
    /// How running time becomes hours.
    pub hours: HourRule,
    /// How far back closed months are settled.
    pub late_usage_window: LateUsageWindow,
    /// How long usage records are kept; `None` for ever.
    pub usage_retention: Option<UsageRetention>,
    /// How long a month settles, whatever its issuer says.
    pub min_closing_delay: TimeDelta,
    /// Whether anything becomes final.
    pub finalise: bool,
    /// How often an estimate follows the clock.
    pub estimate_interval: TimeDelta,
    /// What projects without a payer get.
    pub defaults: DefaultSettings,
}

/// How many months back closed months are settled where nobody set it otherwise: as many as a group may begin before it was made.
pub const DEFAULT_LATE_USAGE_MONTHS: u16 = 24;

impl Default for BillingSettings {
    /// How an operator bills that nobody set otherwise.
    fn default() -> Self {
        Self {
            attribution: Attribution::MonthEnd,
            hours: HourRule::Ceil,
            late_usage_window: LateUsageWindow::of_months(DEFAULT_LATE_USAGE_MONTHS),
            usage_retention: None,
            min_closing_delay: TimeDelta::seconds(60),
            finalise: true,
            estimate_interval: TimeDelta::seconds(900),
            defaults: DefaultSettings { policy: DefaultPolicy::PrimaryOrDedicated, delay: TimeDelta::seconds(60) },
        }
    }
}

/// How long usage records are kept that are billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageRetention {
    months: u16,
}

impl UsageRetention {
    /// So many months; 0 is for ever. What documents still settle is kept in any case.
    ///
    /// # Errors
    /// Documents settle every month, so every record is needed.
    pub fn of_months(months: u16, window: LateUsageWindow) -> Result<Option<Self>, String> {
        match (months, window.months()) {
            (0, _) => Ok(None),
            (_, None) => {
                Err("usage records can be removed only where late usage has a limit: set the window of late usage, \
                              too, or keep the records (0)"
                    .to_owned())
            }
            (months, Some(window)) => Ok(Some(Self { months: months.max(window) })),
        }
    }

    /// The oldest month of which records are kept, while `open` is the oldest that is not final.
    pub fn oldest_kept(self, open: Month) -> Month {
        open.earlier(self.months.into())
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
