//! Expressions in CEL about an object, bounded in length, depth and steps.
//!
//! Guarantees: what is wrong with an expression, or with what it finds in one object, is an error that names the place; a panic of
//! the library is one, too. Nothing here asks the time, the cluster or the environment.

mod functions;
mod names;
mod quantities;
mod steps;
mod values;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use billing_api::meter::MAX_EXPRESSION;
use cel::{Context, ExecutionError, Program, Value};

pub use quantities::decimal;
pub use values::Object;

/// How many steps an expression may take with one object.
const MAX_STEPS: u64 = 1_000_000;

/// How deep brackets may be in each other.
const MAX_BRACKETS: usize = 24;

/// How deep parts may be in each other, brackets or not: evaluating goes down as far.
const MAX_DEPTH: usize = 48;

/// The stack that the parser gets: it goes down a dozen calls for each level of an expression.
const PARSER_STACK: usize = 32 << 20;

/// The only name that an expression knows.
const OBJECT: &str = "object";

/// Why an expression is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It is longer than the schema allows.
    #[error("it is longer than {MAX_EXPRESSION} characters")]
    TooLong,
    /// Its brackets are too deep in each other.
    #[error("its brackets are more than {MAX_BRACKETS} deep")]
    TooDeep,
    /// Its parts are too deep in each other.
    #[error("its parts are more than {MAX_DEPTH} deep in each other: write it shorter")]
    TooNested,
    /// It does not parse.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// The line, from 1.
        line: isize,
        /// The column, from 1.
        column: isize,
        /// What the parser says.
        message: String,
    },
    /// It names something other than `object` and the functions that there are.
    #[error("{0} is not known: an expression is about `object`")]
    Unknown(String),
    /// The parser gave up.
    #[error("it cannot be parsed: {0}")]
    Panicked(String),
}

/// Why an expression says nothing of one object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// The object has no such field.
    #[error("the object has no {0}")]
    MissingField(String),
    /// Too many steps would be needed.
    #[error("the object is too large for it: more than {MAX_STEPS} steps")]
    TooManySteps,
    /// Something of another type was found.
    #[error("{0}")]
    Failed(String),
    /// The library gave up.
    #[error("it cannot be evaluated: {0}")]
    Panicked(String),
}

/// An expression that parses.
#[derive(Debug)]
pub struct Expression {
    program: Program,
    cost: steps::Cost,
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// It is none, or too large.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        if text.chars().count() > MAX_EXPRESSION {
            return Err(ExpressionError::TooLong);
        }
        if deepest_bracket(text) > MAX_BRACKETS {
            return Err(ExpressionError::TooDeep);
        }
        let program = compile(text)?;
        let cost = steps::Cost::of(program.expression());
        if cost.depth() > MAX_DEPTH {
            return Err(ExpressionError::TooNested);
        }
        if let Some(name) = names::unknown(program.expression()) {
            return Err(ExpressionError::Unknown(name.to_owned()));
        }
        Ok(Self { program, cost })
    }

    /// What it says of an object.
    ///
    /// # Errors
    /// It says nothing of this one.
    pub fn evaluate(&self, object: &Object) -> Result<Value, EvaluationError> {
        if self.cost.with(object.largest()) > MAX_STEPS {
            return Err(EvaluationError::TooManySteps);
        }
        let evaluated = catch_unwind(AssertUnwindSafe(|| self.program.execute(object.context())));
        match evaluated {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(ExecutionError::NoSuchKey(field))) => Err(EvaluationError::MissingField(field.to_string())),
            Ok(Err(error)) => Err(EvaluationError::Failed(cut(&error.to_string()))),
            Err(panic) => Err(EvaluationError::Panicked(panic_message(panic.as_ref()))),
        }
    }
}

/// What expressions may use: CEL's own functions and ours.
fn context() -> Context<'static> {
    let mut context = Context::default();
    functions::add(&mut context);
    context
}

/// Parses on a stack of its own: the parser's recursion must not end the process.
fn compile(text: &str) -> Result<Program, ExpressionError> {
    let compiled = thread::scope(|scope| {
        let parser = thread::Builder::new().stack_size(PARSER_STACK).spawn_scoped(scope, || Program::compile(text));
        parser.map(thread::ScopedJoinHandle::join)
    });
    match compiled {
        Ok(Ok(Ok(program))) => Ok(program),
        Ok(Ok(Err(errors))) => Err(match errors.errors.first() {
            Some(first) => {
                let (line, column) = first.pos;
                ExpressionError::Syntax { line, column, message: cut(&first.msg) }
            }
            None => ExpressionError::Panicked("the parser does not say why".to_owned()),
        }),
        Ok(Err(panic)) => Err(ExpressionError::Panicked(panic_message(panic.as_ref()))),
        Err(error) => Err(ExpressionError::Panicked(error.to_string())),
    }
}

/// How deep the brackets outside of texts are in each other.
fn deepest_bracket(text: &str) -> usize {
    let (mut depth, mut deepest, mut quote, mut escaped) = (0_usize, 0, None, false);
    for character in text.chars() {
        match (quote, character) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '(' | '[' | '{') => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            (None, ')' | ']' | '}') => depth = depth.saturating_sub(1),
            (None, _) => {}
        }
    }
    deepest
}

/// What a panic says.
fn panic_message(panic: &(dyn Any + Send)) -> String {
    cut(&operator_kit::supervision::panic_message(panic))
}

/// Errors repeat what they found, which may be all of an object.
fn cut(text: &str) -> String {
    const MAX: usize = 200;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object() -> Object {
        Object::new(&json!({
            "metadata": {"name": "data", "labels": {"tier": "gold"}},
            "spec": {"replicas": 3, "share": 0.5, "sizes": ["1Gi", "2Gi"], "paused": false},
            "status": {"phase": "Bound", "capacity": {"storage": "10Gi"}},
        }))
        .unwrap()
    }

    #[track_caller]
    fn check(text: &str, expected: Value) {
        assert_eq!(Expression::parse(text).unwrap().evaluate(&object()), Ok(expected), "{text}");
    }

    #[track_caller]
    fn check_none(text: &str, message: &str) {
        let error = Expression::parse(text).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }

    #[track_caller]
    fn check_fault(text: &str, message: &str) {
        let error = Expression::parse(text).unwrap().evaluate(&object()).unwrap_err().to_string();
        assert!(error.contains(message), "{text}: {error}");
    }

    #[test]
    fn an_expression_is_about_an_object() {
        check("object.status.phase == 'Bound'", true.into());
        check("object.metadata.name", "data".into());
        check("object.spec.replicas * 2 + size(object.spec.sizes)", 8.into());
        check("has(object.spec.zone) ? object.spec.zone : 'none'", "none".into());
        check("'tier' in object.metadata.labels && object.metadata.labels['tier'] == 'gold'", true.into());
        check("object.spec.sizes.exists(s, s == '2Gi')", true.into());
        check("gib(object.status.capacity.storage)", "10".into());
        check("object.spec.sizes.map(s, gib(s))[1]", "2".into());
        check("object.spec.sizes.filter(s, s.startsWith('1')).size()", 1.into());
    }

    #[test]
    fn what_is_no_expression_says_where() {
        check_none("object.status.phase ==", "line 1, column");
        check_none("object.\nstatus..phase", "line 2, column");
        check_none("'", "line 1");
        check_none("now > object.metadata.creationTimestamp", "now is not known");
        check_none("bytesof(object.spec)", "bytesof is not known");
        check_none("object.spec.sizes.exists(s, t == '')", "t is not known");
        check_none("object.spec.sizes.all(s, s == '') && s == ''", "s is not known");
        check_none("object.name.toUpper()", "toUpper is not known");
        check_none("Message{}", "Message is not known");
        check_none(&format!("'{}'", "a".repeat(511)), "longer than 512 characters");
        check_none(&"(".repeat(300), "brackets are more than 24 deep");
        check_none("", "line 1");
    }

    #[test]
    fn what_an_object_lacks_is_told_of_that_object() {
        check_fault("object.status.phases", "the object has no phases");
        check_fault("object.spec.replicas + 'a'", "");
        check_fault("object.spec.sizes[7]", "");
        check_fault("gib(object.spec.paused)", "gib");
        check_fault("1 / (object.spec.replicas - 3)", "zero");
        check_fault("9223372036854775807 + object.spec.replicas", "verflow");
    }

    /// The library has places that panic, and a parser that recurses: neither may end the process.
    #[test]
    fn whatever_is_written_ends_in_an_answer() {
        let nested = |open: &str, close: &str, times: usize| format!("{}1{}", open.repeat(times), close.repeat(times));
        for text in [
            "Message{field: 1}".to_owned(),
            "object.Message{}".to_owned(),
            "{'a': 1}.a".to_owned(),
            "dyn(object)".to_owned(),
            "[1, 2].map(x)".to_owned(),
            "object.spec.sizes.map(1, 2)".to_owned(),
            "b'\\xff'".to_owned(),
            "'\\u00'".to_owned(),
            "-9223372036854775808".to_owned(),
            "9223372036854775808".to_owned(),
            "1e999".to_owned(),
            "timestamp('x')".to_owned(),
            "duration('99999999999999h')".to_owned(),
            "'a'.matches('(')".to_owned(),
            "object.?spec".to_owned(),
            "optional.none().value()".to_owned(),
            "!".repeat(512),
            "-".repeat(511) + "1",
            nested("(", ")", 24),
            nested("[", "]", 24),
            nested("{1:", "}", 24),
            "true?".repeat(80) + "1" + &":1".repeat(80),
            "1+".repeat(255) + "1",
            "object".to_owned() + &".a".repeat(250),
            "a.".repeat(255) + "a",
            "object == object".to_owned(),
            "object.all(k, object[k] == object[k])".to_owned(),
            "int(object.spec.share * 1e300)".to_owned(),
            "max()".to_owned(),
            "min(object)".to_owned(),
        ] {
            if let Ok(expression) = Expression::parse(&text) {
                let _ = expression.evaluate(&object());
            }
        }
    }

    #[test]
    fn what_takes_too_many_steps_is_not_begun() {
        let large = Object::new(&json!({"spec": {"items": vec![1; 2000]}})).unwrap();
        let once = Expression::parse("object.spec.items.all(a, a > 0)").unwrap();
        assert_eq!(once.evaluate(&large), Ok(true.into()));
        let twice = Expression::parse("object.spec.items.all(a, object.spec.items.all(b, a == b))").unwrap();
        assert_eq!(twice.evaluate(&large), Err(EvaluationError::TooManySteps));
        assert!(
            matches!(twice.evaluate(&object()), Err(EvaluationError::MissingField(_))),
            "the small one has no items"
        );
    }
}
