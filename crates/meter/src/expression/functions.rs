//! The functions that expressions have beside CEL's own: each reads the notations that objects are written in, exactly.

use std::sync::Arc;

use cel::extractors::This;
use cel::{Context, ExecutionError, FunctionContext, Value};

use super::quantities;

/// CEL's own functions, as the library names them.
const OF_CEL: [&str; 32] = [
    "contains",
    "size",
    "max",
    "min",
    "startsWith",
    "endsWith",
    "string",
    "bytes",
    "double",
    "int",
    "uint",
    "optional.none",
    "optional.of",
    "optional.ofNonZeroValue",
    "value",
    "hasValue",
    "or",
    "orValue",
    "matches",
    "duration",
    "timestamp",
    "getFullYear",
    "getMonth",
    "getDayOfYear",
    "getDayOfMonth",
    "getDate",
    "getDayOfWeek",
    "getHours",
    "getMinutes",
    "getSeconds",
    "getMilliseconds",
    "has",
];

/// Ours.
const OURS: [&str; 4] = ["gib", "cores", "count", "seconds"];

/// Whether there is a function, or an operator, of this name. Operators are no names: `_+_`.
pub(super) fn is_known(name: &str) -> bool {
    let is_operator = !name.starts_with(|first: char| first.is_ascii_alphabetic());
    is_operator || OF_CEL.contains(&name) || OURS.contains(&name)
}

/// Adds ours.
pub(super) fn add(context: &mut Context<'_>) {
    context
        .add_function("gib", |ftx: &FunctionContext, This(value): This<Value>| convert(ftx, &value, quantities::gib));
    context.add_function("cores", |ftx: &FunctionContext, This(value): This<Value>| {
        convert(ftx, &value, quantities::plain)
    });
    context.add_function("count", count);
    context.add_function("seconds", |ftx: &FunctionContext, This(value): This<Value>| {
        convert(ftx, &value, quantities::seconds)
    });
}

/// How many parts a list or map has, or what a quantity is without its suffix.
fn count(ftx: &FunctionContext, This(value): This<Value>) -> Result<Value, ExecutionError> {
    let whole = |size: usize| i64::try_from(size).map(Value::Int).map_err(|_| ftx.error("it is too large"));
    match &value {
        Value::List(items) => whole(items.len()),
        Value::Map(map) => whole(map.map.len()),
        _ => convert(ftx, &value, quantities::plain),
    }
}

/// Reads a notation, which may be a bare number, and writes a decimal.
fn convert(
    ftx: &FunctionContext,
    value: &Value,
    read: fn(&str) -> Result<String, String>,
) -> Result<Value, ExecutionError> {
    let text = match value {
        Value::String(text) => Arc::clone(text),
        Value::Int(whole) => Arc::new(whole.to_string()),
        Value::UInt(whole) => Arc::new(whole.to_string()),
        other => return Err(ftx.error(format!("a text like '10Gi' is expected, and not {}", other.type_of()))),
    };
    read(&text).map(|decimal| Value::String(Arc::new(decimal))).map_err(|why| ftx.error(why))
}
