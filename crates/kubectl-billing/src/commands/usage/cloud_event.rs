//! CloudEvents 1.0 in the JSON format: one to a line, or in arrays.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::read::text;

/// The events of a file, each with its place in it.
///
/// # Errors
/// What is no event, with its place.
pub(super) fn events(bytes: &[u8]) -> Result<Vec<(String, Value)>, String> {
    let read = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    let mut events = Vec::new();
    for value in read {
        let values = match value.map_err(|error| format!("event {}: is not JSON: {error}", events.len() + 1))? {
            Value::Array(batch) => batch,
            event => vec![event],
        };
        for event in values {
            let place = format!("event {}", events.len() + 1);
            check(&event).map_err(|reason| format!("{place}: {reason}"))?;
            events.push((place, event));
        }
    }
    Ok(events)
}

/// What every CloudEvent of version 1.0 has.
fn check(event: &Value) -> Result<(), String> {
    for attribute in ["id", "source", "specversion", "type"] {
        if text(event, &format!("/{attribute}")).is_empty() {
            return Err(format!("is no CloudEvent: it has no {attribute}"));
        }
    }
    match text(event, "/specversion") {
        "1.0" => Ok(()),
        other => Err(format!("has specversion {other:?}; only 1.0 is known")),
    }
}

/// The name of an event's record. Source and id identify an event, so that an import can be repeated.
pub(super) fn record_name(event: &Value) -> String {
    let digest = Sha256::new().chain_update(text(event, "/source")).chain_update([0]).chain_update(text(event, "/id"));
    let digest: String = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("ce-{digest}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{events, record_name};

    const EVENT: &str = r#"{"specversion": "1.0", "id": "1", "source": "/gateway", "type": "com.example.calls"}"#;

    #[test]
    fn events_stand_in_lines_or_in_arrays() {
        for text in [format!("{EVENT}\n{EVENT}\n"), format!("[{EVENT}, {EVENT}]"), format!("{EVENT} [{EVENT}]")] {
            let found = events(text.as_bytes()).unwrap();
            assert_eq!(found.iter().map(|(place, _)| place.as_str()).collect::<Vec<_>>(), ["event 1", "event 2"]);
        }
    }

    #[test]
    fn what_is_no_event_is_named_by_its_place() {
        for (broken, said) in [
            (r#"{"id": "1"}"#, "event 2: is no CloudEvent: it has no source"),
            ("{", "event 2: is not JSON"),
            (r#"{"specversion": "0.3", "id": "1", "source": "s", "type": "t"}"#, "has specversion \"0.3\""),
        ] {
            let error = events(format!("{EVENT}\n{broken}").as_bytes()).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_name_is_of_source_and_id_and_of_nothing_else() {
        let event = |source: &str, id: &str, kind: &str| json!({ "source": source, "id": id, "type": kind });
        assert_eq!(record_name(&event("a", "b", "x")), record_name(&event("a", "b", "y")));
        assert_ne!(record_name(&event("a", "bc", "x")), record_name(&event("ab", "c", "x")));
        // printf 'a\0b' | sha256sum | cut -c1-32
        assert_eq!(record_name(&event("a", "b", "x")), "ce-59b271ae1bbcb1d31d41929817f4b16f");
    }
}
