//! Which fields of two objects, and which lines of two lists, differ.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::difference::FieldDifference;
use billing_api::Line;

/// One line on both sides, or on one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) recorded: Option<&'a Line>,
    pub(super) computed: Option<&'a Line>,
}

impl<'a> Pair<'a> {
    /// The side that there is.
    pub(super) fn any(&self) -> Option<&'a Line> {
        self.recorded.or(self.computed)
    }

    /// What differs.
    pub(super) fn fields(&self) -> Vec<FieldDifference> {
        match (self.recorded, self.computed) {
            (Some(recorded), Some(computed)) => differing_fields("", recorded, computed),
            (recorded, computed) => {
                let total = |line: Option<&'a Line>| line.map(|line| line.total.as_str());
                vec![FieldDifference::new("total", total(recorded), total(computed))]
            }
        }
    }
}

/// Whether it is how a line is taxed.
pub(super) fn is_tax(difference: &FieldDifference) -> bool {
    difference.field.split('.').next() == Some("tax")
}

/// The lines that differ, by id, in the order of the recorded ones; those that only the second list has come last.
pub(super) fn differing_lines<'a>(
    recorded: impl Iterator<Item = &'a Line> + Clone,
    computed: impl Iterator<Item = &'a Line>,
) -> Vec<Pair<'a>> {
    let mut others: BTreeMap<&str, &Line> = BTreeMap::new();
    let mut rest = Vec::new();
    for line in computed {
        rest.push(line);
        others.insert(&line.id, line);
    }
    let mut pairs = Vec::new();
    for line in recorded {
        let other = others.remove(line.id.as_str());
        if other != Some(line) {
            pairs.push(Pair { recorded: Some(line), computed: other });
        }
    }
    let new = rest.into_iter().filter(|line| others.contains_key(line.id.as_str()));
    pairs.extend(new.map(|line| Pair { recorded: None, computed: Some(line) }));
    pairs
}

/// The fields that differ, by path. What cannot be written as JSON is not taken for equal.
pub(super) fn differing_fields(
    path: &str,
    recorded: &impl Serialize,
    computed: &impl Serialize,
) -> Vec<FieldDifference> {
    let mut found = Vec::new();
    match (serde_json::to_value(recorded), serde_json::to_value(computed)) {
        (Ok(recorded), Ok(computed)) => walk(path, &recorded, &computed, &mut found),
        (recorded, computed) => {
            let unwritable = |side: serde_json::Result<Value>| side.err().map(|error| format!("no JSON ({error})"));
            let (recorded, computed) = (unwritable(recorded), unwritable(computed));
            found.push(FieldDifference { field: path.to_owned(), recorded, computed });
        }
    }
    found
}

fn walk(path: &str, recorded: &Value, computed: &Value, found: &mut Vec<FieldDifference>) {
    match (recorded, computed) {
        (recorded, computed) if recorded == computed => {}
        (Value::Object(recorded), Value::Object(computed)) => {
            let extra = computed.keys().filter(|key| !recorded.contains_key(*key));
            for key in recorded.keys().chain(extra) {
                let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let side = |object: &'_ serde_json::Map<String, Value>| object.get(key).unwrap_or(&Value::Null).clone();
                walk(&below, &side(recorded), &side(computed), found);
            }
        }
        (recorded, computed) => {
            let (recorded, computed) = (text(recorded), text(computed));
            found.push(FieldDifference { field: path.to_owned(), recorded, computed });
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::differing_fields;

    #[test]
    fn what_is_no_json_is_not_taken_for_equal() {
        let unwritable = BTreeMap::from([((1, 2), 3)]); // keys of JSON are texts
        let found = differing_fields("lines", &unwritable, &unwritable);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].field, "lines");
        assert!(found[0].recorded.as_deref().is_some_and(|text| text.starts_with("no JSON (")), "{found:?}");
        assert_eq!(differing_fields("lines", &[1, 2], &[1, 2]), []);
    }
}
