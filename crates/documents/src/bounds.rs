//! What a definition allows at most: documents that outgrow it are told before the API server refuses them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use billing_api::{Invoice, InvoiceSlice};
use kube_core::CustomResourceExt;
use serde_json::Value;

/// The most that a node of a definition may have, and the nodes below it.
#[derive(Debug, Default)]
struct Bounds {
    /// Of a list.
    items: Option<u64>,
    /// Of text, in characters.
    length: Option<u64>,
    /// Of a map.
    entries: Option<u64>,
    /// Of a number.
    number: Option<f64>,
    fields: BTreeMap<String, Bounds>,
    /// Of every element of a list, or of every value of a map.
    each: Option<Box<Bounds>>,
}

/// Something larger than its definition allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgrown {
    /// Where it is: `lines[3].tags`.
    pub path: String,
    /// How many items, characters or entries it has; or the number.
    pub size: u64,
    /// How many it may have.
    pub most: u64,
}

static DOCUMENT: LazyLock<Bounds> = LazyLock::new(|| bounds_of(&Invoice::crd(), &["status", "document"]));
static SLICE: LazyLock<Bounds> = LazyLock::new(|| bounds_of(&InvoiceSlice::crd(), &["spec"]));

/// What of a document is larger than the definition of Invoice allows.
pub(crate) fn outgrown_document(document: &Value) -> Option<Outgrown> {
    DOCUMENT.outgrown(document, "")
}

/// What of a slice is larger than its definition allows.
pub(crate) fn outgrown_slice(spec: &Value) -> Option<Outgrown> {
    SLICE.outgrown(spec, "")
}

/// The bounds of a field of a definition.
fn bounds_of(definition: &impl serde::Serialize, path: &[&str]) -> Bounds {
    let definition = serde_json::to_value(definition).unwrap_or_default();
    let schema = definition.pointer("/spec/versions/0/schema/openAPIV3Schema");
    let field = path.iter().fold(schema, |schema, field| schema?.get("properties")?.get(field));
    field.map(Bounds::of).unwrap_or_default()
}

impl Bounds {
    fn of(schema: &Value) -> Self {
        let count = |key: &str| schema.get(key).and_then(Value::as_u64);
        let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
        let each = schema.get("items").or_else(|| schema.get("additionalProperties").filter(|each| each.is_object()));
        Bounds {
            items: count("maxItems"),
            length: count("maxLength"),
            entries: count("maxProperties"),
            number: schema.get("maximum").and_then(Value::as_f64),
            fields: fields.map(|(name, schema)| (name.clone(), Bounds::of(schema))).collect(),
            each: each.map(|each| Box::new(Bounds::of(each))),
        }
    }

    /// The first that is too large, and its place below a path. Cost: that of looking at every node.
    fn outgrown(&self, value: &Value, path: &str) -> Option<Outgrown> {
        let within = |size: usize, most: Option<u64>| {
            let (size, most) = (u64::try_from(size).unwrap_or(u64::MAX), most?);
            (most < size).then(|| Outgrown { path: path.to_owned(), size, most })
        };
        match value {
            // Text of so many bytes has no more characters.
            Value::String(text) if self.length.is_none_or(|most| text.len() as u64 <= most) => None,
            Value::String(text) => within(text.chars().count(), self.length),
            Value::Array(items) => within(items.len(), self.items).or_else(|| {
                let each = self.each.as_ref()?;
                items.iter().enumerate().find_map(|(at, item)| each.outgrown(item, &format!("{path}[{at}]")))
            }),
            Value::Object(entries) => within(entries.len(), self.entries).or_else(|| {
                let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                entries.iter().find_map(|(name, value)| {
                    self.fields.get(name).or(self.each.as_deref())?.outgrown(value, &below(name))
                })
            }),
            Value::Number(number) => {
                let (is, most) = (number.as_f64()?, self.number?);
                (most < is).then(|| Outgrown { path: path.to_owned(), size: is as u64, most: most as u64 })
            }
            Value::Null | Value::Bool(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    /// A value that has just so many of what a bound counts, at a place below fields and lists.
    fn sized(bounds: &Bounds, size: u64) -> Option<Value> {
        let count = usize::try_from(size).ok()?;
        if bounds.items.is_some() {
            return Some(Value::Array(vec![Value::Null; count]));
        }
        if bounds.length.is_some() {
            // Two bytes each: characters count.
            return Some(Value::String("ä".repeat(count)));
        }
        if bounds.entries.is_some() {
            return Some(Value::Object((0..count).map(|key| (key.to_string(), Value::Null)).collect()));
        }
        bounds.number.map(|_| json!(size))
    }

    /// Looks at a bound: its path, what it is, and how to build a document around a value in its place.
    type Look<'l, 'a> = dyn FnMut(&str, &'a Bounds, &dyn Fn(Value) -> Value) + 'l;

    /// Every bound below a node: its path in a document that has one element of each list, how much it is, and how to build that
    /// document around a value.
    fn walk<'a>(bounds: &'a Bounds, path: &str, around: &dyn Fn(Value) -> Value, found: &mut Look<'_, 'a>) {
        found(path, bounds, around);
        for (name, field) in &bounds.fields {
            let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            walk(field, &below, &|value| around(Value::Object(Map::from_iter([(name.clone(), value)]))), found);
        }
        if let Some(each) = &bounds.each {
            match bounds.entries {
                Some(_) => walk(each, &format!("{path}.k"), &|value| around(json!({ "k": value })), found),
                None => walk(each, &format!("{path}[0]"), &|value| around(json!([value])), found),
            }
        }
    }

    /// Looks at each maximum of a definition: as much is right, one more is named. Answers with how many there are.
    fn check_every_maximum(bounds: &Bounds, outgrown: fn(&Value) -> Option<Outgrown>) -> usize {
        let mut maxima = 0;
        walk(bounds, "", &|value| value, &mut |path, bounds, around| {
            let most = bounds.items.or(bounds.length).or(bounds.entries).or(bounds.number.map(|most| most as u64));
            let Some(most) = most else { return };
            maxima += 1;
            assert_eq!(outgrown(&around(sized(bounds, most).unwrap())), None, "{path}: {most} are allowed");
            let told = outgrown(&around(sized(bounds, most + 1).unwrap()));
            assert_eq!(told, Some(Outgrown { path: path.to_owned(), size: most + 1, most }));
        });
        maxima
    }

    #[test]
    fn every_maximum_of_the_definitions_is_known_and_one_more_is_named() {
        let (document, slice) =
            (check_every_maximum(&DOCUMENT, outgrown_document), check_every_maximum(&SLICE, outgrown_slice));
        assert!(document > 150 && slice > 50, "{document} and {slice} are too few: the walk misses some");
    }

    #[test]
    fn no_list_of_a_document_is_without_a_maximum() {
        let mut endless = Vec::new();
        walk(&DOCUMENT, "", &|value| value, &mut |path, bounds, _| {
            if bounds.each.is_some() && bounds.items.or(bounds.entries).is_none() {
                endless.push(path.to_owned());
            }
        });
        assert_eq!(endless, [""; 0]);
    }
}
