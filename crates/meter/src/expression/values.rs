//! Objects as CEL sees them.

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::objects::{Key, Map};
use cel::{Context, Value};
use serde_json::Value as Json;

use super::EvaluationError;

/// So many bytes of text count as one part: copying them takes as long.
const TEXT_OF_A_PART: usize = 64;

/// An object, converted once for all expressions about it.
pub struct Object {
    context: Context<'static>,
    largest: usize,
}

impl fmt::Debug for Object {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Object").field("largest", &self.largest).finish_non_exhaustive()
    }
}

impl Object {
    /// From JSON. Whole numbers are `int`, others `double`.
    ///
    /// # Errors
    /// The library does not take it.
    pub fn new(json: &Json) -> Result<Self, EvaluationError> {
        let converted = catch_unwind(AssertUnwindSafe(|| {
            let (mut largest, mut context) = (1, super::context());
            context.add_variable_from_value(super::OBJECT, convert(json, &mut largest));
            Self { context, largest }
        }));
        converted.map_err(|panic| EvaluationError::Panicked(super::panic_message(panic.as_ref())))
    }

    pub(super) fn context(&self) -> &Context<'static> {
        &self.context
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
