//! The names in an expression: one that nothing has is a fault of the expression, and not of each object.

use cel::IdedExpr;
use cel::common::ast::{EntryExpr, Expr};

use super::functions;

/// The names that are always there: the object, and the prefix of functions about optional values.
const GIVEN: [&str; 2] = [super::OBJECT, "optional"];

/// The first name that nothing has.
pub(super) fn unknown(expression: &IdedExpr) -> Option<&str> {
    of(expression, &mut Vec::new())
}

/// `bound` are the variables of the comprehensions around.
fn of<'a>(expression: &'a IdedExpr, bound: &mut Vec<&'a str>) -> Option<&'a str> {
    match &expression.expr {
        Expr::Unspecified | Expr::Literal(_) => None,
        Expr::Ident(name) => {
            let known = GIVEN.contains(&name.as_str()) || bound.contains(&name.as_str());
            (!known).then_some(name)
        }
        Expr::Select(select) => of(&select.operand, bound),
        Expr::Call(call) => {
            let unknown = Some(call.func_name.as_str()).filter(|name| !functions::is_known(name));
            let parts = call.target.iter().map(AsRef::as_ref).chain(&call.args);
            unknown.or_else(|| first(parts, bound))
        }
        Expr::List(list) => first(&list.elements, bound),
        Expr::Map(map) => map.entries.iter().find_map(|entry| of_entry(&entry.expr, bound)),
        Expr::Struct(made) => Some(made.type_name.as_str()), // there are no types of messages
        Expr::Comprehension(comprehension) => {
            if let Some(unknown) = first([&comprehension.iter_range, &comprehension.accu_init], bound) {
                return Some(unknown);
            }
            let before = bound.len();
            bound.extend([comprehension.iter_var.as_str(), comprehension.accu_var.as_str()]);
            bound.extend(comprehension.iter_var2.as_deref());
            let inner = [&comprehension.loop_cond, &comprehension.loop_step, &comprehension.result];
            let unknown = first(inner, bound);
            bound.truncate(before);
            unknown
        }
    }
}

fn first<'a>(expressions: impl IntoIterator<Item = &'a IdedExpr>, bound: &mut Vec<&'a str>) -> Option<&'a str> {
    expressions.into_iter().find_map(|expression| of(expression, bound))
}

fn of_entry<'a>(entry: &'a EntryExpr, bound: &mut Vec<&'a str>) -> Option<&'a str> {
    match entry {
        EntryExpr::StructField(field) => of(&field.value, bound),
        EntryExpr::MapEntry(entry) => first([&entry.key, &entry.value], bound),
    }
}
