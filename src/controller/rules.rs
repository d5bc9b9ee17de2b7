//! The operator's settings as the planners use them.

use std::time::Duration;

use chrono::TimeDelta;

use super::runtime::settings::{BillingSettings, DefaultBinding};
use crate::domain::default_binding::{DefaultPolicy, DefaultSettings};
use crate::domain::{Attribution, HourRule};

/// How this operator bills.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How a month's cost is shared out, until its BillingPeriod fixes that.
    pub attribution: Attribution,
    /// How running time becomes hours.
    pub hours: HourRule,
    /// How long a month settles, whatever its issuer says.
    pub settle: TimeDelta,
    /// Whether anything becomes final.
    pub finalise: bool,
    /// How often an estimate follows the clock.
    pub estimate_interval: TimeDelta,
    /// What projects without a payer get.
    pub defaults: DefaultSettings,
}

impl From<&BillingSettings> for Rules {
    fn from(settings: &BillingSettings) -> Self {
        Self {
            attribution: settings.attribution.into(),
            hours: settings.hours.into(),
            settle: delta(settings.settle_time),
            finalise: settings.finalise,
            estimate_interval: delta(settings.estimate_interval),
            defaults: DefaultSettings {
                policy: match settings.default_binding {
                    DefaultBinding::PrimaryOrDedicated => DefaultPolicy::PrimaryOrDedicated,
                    DefaultBinding::PrimaryOnly => DefaultPolicy::PrimaryOnly,
                    DefaultBinding::Off => DefaultPolicy::Off,
                },
                delay: delta(settings.default_binding_delay),
            },
        }
    }
}

/// A setting longer than time itself is as good as for ever.
fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}
