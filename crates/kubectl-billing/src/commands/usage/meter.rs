//! How an event becomes a usage record: a file that says where each field of the record is in the event.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::print::jsonpath::{Path, text as text_of};
use crate::read::text;

/// The file. A text that begins with `$` is the path of a value in the event, any other one is the value itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Meter {
    /// The events that are usage, by their type; absent: all.
    #[serde(default)]
    types: Vec<String>,
    /// The fields of a record.
    record: RecordFields,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordFields {
    project: String,
    service: ServiceFields,
    #[serde(default)]
    quantity: Option<String>,
    #[serde(default = "event_time")]
    start: String,
    #[serde(default)]
    end: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceFields {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    plan: Option<String>,
    #[serde(default)]
    cloud: Option<String>,
}

fn event_time() -> String {
    "$.time".to_owned()
}

impl Meter {
    /// Whether an event is usage.
    pub(super) fn wants(&self, event: &Value) -> bool {
        self.types.is_empty() || self.types.iter().any(|kind| kind == text(event, "/type"))
    }

    /// The spec of an event's record. What the event does not have is left out of it.
    ///
    /// # Errors
    /// The file has no path where it should.
    pub(super) fn spec(&self, event: &Value) -> Result<Value, String> {
        let RecordFields { project, service, quantity, start, end, tags } = &self.record;
        let ServiceFields { name, kind, plan, cloud } = service;
        let some = |field: &Option<String>| field.as_deref().map_or(Ok(Value::Null), |field| value(field, event));
        let service = object([
            ("name", value(name, event)?),
            ("type", value(kind, event)?),
            ("plan", some(plan)?),
            ("cloud", some(cloud)?),
        ]);
        let mut tagged = Map::new();
        for (tag, field) in tags {
            tagged.insert(tag.clone(), value(field, event)?);
        }
        tagged.retain(|_, value| !value.is_null());
        Ok(object([
            ("project", value(project, event)?),
            ("service", service),
            ("quantity", some(quantity)?),
            ("start", seconds(value(start, event)?)),
            ("end", seconds(some(end)?)),
            ("tags", if tagged.is_empty() { Value::Null } else { Value::Object(tagged) }),
        ]))
    }
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A value of the event as text, because records have no numbers; null where it has none.
fn value(field: &str, event: &Value) -> Result<Value, String> {
    if !field.starts_with('$') {
        return Ok(field.into());
    }
    let path: Path = field.parse()?;
    let found = path.of(event);
    Ok(found.first().map_or(Value::Null, |value| match value {
        Value::Null => Value::Null,
        value => text_of(value).into_owned().into(),
    }))
}

/// Records begin and end at whole seconds, in UTC: the fraction of an event's time is dropped.
fn seconds(value: Value) -> Value {
    let Some(written) = value.as_str() else { return value };
    match chrono::DateTime::parse_from_rfc3339(written) {
        Ok(time) => time.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true).into(),
        // The API server says what is wrong with it.
        Err(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Meter;

    const METER: &str = "
types: [com.example.calls]
record:
  project: $.subject
  service: {name: $.data.service, type: Calls, plan: $.data.plan}
  quantity: $.data.count
  end: $.data.end
  tags:
    region: $.data['the region']
    meter: gateway
";

    fn event() -> Value {
        json!({
            "type": "com.example.calls", "subject": "web", "time": "2026-10-01T14:00:00.75+02:00",
            "data": { "service": "api", "count": 12.5, "end": "2026-10-01T13:00:00Z", "the region": "north" },
        })
    }

    #[test]
    fn a_record_is_what_the_file_says_of_the_event() {
        let meter: Meter = serde_saphyr::from_str(METER).unwrap();
        assert!(meter.wants(&event()) && !meter.wants(&json!({ "type": "com.example.other" })));
        let expected = json!({
            "project": "web", "service": { "name": "api", "type": "Calls" }, "quantity": "12.5",
            "start": "2026-10-01T12:00:00Z", "end": "2026-10-01T13:00:00Z",
            "tags": { "region": "north", "meter": "gateway" },
        });
        assert_eq!(meter.spec(&event()), Ok(expected));
    }

    #[test]
    fn a_file_that_says_something_else_is_refused() {
        for broken in [METER.replace("project", "projekt"), METER.replace("types", "kinds")] {
            assert!(serde_saphyr::from_str::<Meter>(&broken).is_err());
        }
        let meter: Meter = serde_saphyr::from_str(&METER.replace("$.subject", "$.subject[")).unwrap();
        assert!(meter.spec(&event()).unwrap_err().contains("bracket"));
    }
}
