//! Instants on the wire.

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt};

/// An instant in RFC 3339, in UTC (`Z`), from the year 2000 on, to the microsecond.
///
/// The fraction is left out when it is zero, so that an instant has one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub DateTime<Utc>);

impl Time {
    /// The last instant in whole seconds that can be written: the schema ends with the year 2999.
    pub fn last() -> Self {
        const LAST: DateTime<Utc> = match DateTime::from_timestamp(32_503_679_999, 0) {
            Some(last) => last,
            None => panic!("chrono ends before the year 3000"), // while this is compiled
        };
        Self(LAST)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match self.0.timestamp_subsec_micros() {
            0 => SecondsFormat::Secs,
            _ => SecondsFormat::Micros,
        };
        f.pad(&self.0.to_rfc3339_opts(digits, true))
    }
}

impl From<DateTime<Utc>> for Time {
    fn from(instant: DateTime<Utc>) -> Self {
        Self(instant)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        DateTime::parse_from_rfc3339(&text)
            .map(|instant| Self(instant.to_utc()))
            .map_err(|error| de::Error::custom(format!("{text:?} is not a time of RFC 3339: {error}")))
    }
}

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "maxLength": 27,
            "pattern": r"^2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]([.][0-9]{1,6})?Z$",
        })
    }
}

/// The schema of a [`Time`] in whole seconds: what people and meters write.
pub fn whole_seconds(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "format": "date-time",
        "maxLength": 20,
        "pattern": r"^2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]Z$",
    })
}

/// Kubernetes' instants are jiff's, ours chrono's: this is the one way in. `None` beyond what chrono holds.
pub fn instant(instant: k8s_openapi::jiff::Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(instant.as_second(), instant.subsec_nanosecond().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::Time;

    #[track_caller]
    fn check(text: &str, printed: &str) {
        let time: Time = serde_json::from_value(text.into()).unwrap();
        assert_eq!(serde_json::to_value(time).unwrap(), printed);
    }

    #[test]
    fn an_instant_has_one_spelling() {
        check("2026-11-21T12:00:00Z", "2026-11-21T12:00:00Z");
        check("2026-11-21T12:00:00.000Z", "2026-11-21T12:00:00Z");
        check("2026-11-21T12:00:00.5Z", "2026-11-21T12:00:00.500000Z");
        check("2026-11-21T14:00:00+02:00", "2026-11-21T12:00:00Z");
    }

    #[test]
    fn the_last_instant_ends_a_millennium() {
        assert_eq!(Time::last().to_string(), "2999-12-31T23:59:59Z");
    }

    #[test]
    fn only_text_is_an_instant() {
        for value in [serde_json::json!(0), serde_json::json!(null), serde_json::json!("2026-11-21")] {
            serde_json::from_value::<Time>(value).unwrap_err();
        }
    }
}
