//! Objects as CEL sees them.

use std::collections::HashMap;
use std::sync::Arc;

use cel::Value;
use cel::objects::{Key, Map};
use serde_json::Value as Json;

/// So many bytes of text count as one part: copying them takes as long.
const TEXT_OF_A_PART: usize = 64;

/// An object, converted once for all expressions about it.
#[derive(Debug)]
pub struct Object {
    value: Value,
    largest: usize,
}

impl Object {
    /// From JSON. Whole numbers are `int`, others `double`.
    pub fn new(json: &Json) -> Self {
        let mut largest = 1;
        let value = convert(json, &mut largest);
        Self { value, largest }
    }

    pub(super) fn value(&self) -> Value {
        self.value.clone()
    }

    /// How many parts its largest list, map or text has.
    pub(super) fn largest(&self) -> usize {
        self.largest
    }
}

fn convert(json: &Json, largest: &mut usize) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(whole), _, _) => Value::Int(whole),
            (None, Some(whole), _) => Value::UInt(whole),
            (None, None, Some(float)) => Value::Float(float),
            (None, None, None) => Value::Null, // no number of JSON is none of these
        },
        Json::String(text) => {
            *largest = (*largest).max(text.len() / TEXT_OF_A_PART);
            Value::String(Arc::new(text.clone()))
        }
        Json::Array(items) => {
            *largest = (*largest).max(items.len());
            Value::List(Arc::new(items.iter().map(|item| convert(item, largest)).collect()))
        }
        Json::Object(fields) => {
            *largest = (*largest).max(fields.len());
            let fields =
                fields.iter().map(|(key, value)| (Key::String(Arc::new(key.clone())), convert(value, largest)));
            Value::Map(Map { map: Arc::new(fields.collect::<HashMap<_, _>>()) })
        }
    }
}
