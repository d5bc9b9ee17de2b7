//! The order of what is listed.

use std::cmp::Ordering;

use rust_decimal::Decimal;
use serde_json::Value;

use super::jsonpath::{Path, text};
use super::{Rows, Section};

/// Orders the objects of a section by a field of theirs, or by a column of the table.
///
/// # Errors
/// It is neither, with the columns that there are.
pub(super) fn sort(section: &mut Section, field: &str) -> Result<(), String> {
    let columns = section.shape.columns(true);
    let column = columns.iter().find(|column| column.title.eq_ignore_ascii_case(field));
    let (path, or) = match column {
        Some(column) => (column.path, column.or),
        None if field.starts_with(['.', '{', '$']) => (field, None),
        None => {
            let titles: Vec<_> = columns.iter().map(|column| column.title).collect();
            return Err(format!(
                "cannot order by {field:?}: name a field such as .metadata.name, or one of the columns {}",
                titles.join(", ")
            ));
        }
    };
    let by: Result<Vec<Path>, _> =
        [path].into_iter().chain(or).map(|path| path.trim_start_matches('@').parse()).collect();
    let by = by?;
    match (section.shape.rows_of(), path.starts_with('.') || path.starts_with('{')) {
        // What is listed in an object has its own order: that of the items in it.
        (Rows::Items(items), false) => {
            for object in &mut section.objects {
                items.iter().for_each(|path| sort_items(object, path, &by));
            }
        }
        _ => section.objects.sort_by(|a, b| compare(&key(a, &by), &key(b, &by))),
    }
    Ok(())
}

/// Orders what a path such as `.status.document.lines[*]` lists.
fn sort_items(object: &mut Value, items: &str, by: &[Path]) {
    let list = items.strip_suffix("[*]").unwrap_or(items).replace('.', "/");
    if let Some(Value::Array(items)) = object.pointer_mut(&list) {
        items.sort_by(|a, b| compare(&key(a, by), &key(b, by)));
    }
}

fn key(value: &Value, by: &[Path]) -> String {
    by.iter().find_map(|by| by.of(value).first().map(|value| text(value).into_owned())).unwrap_or_default()
}

/// Numbers as numbers, everything else as text.
fn compare(a: &str, b: &str) -> Ordering {
    match (a.parse::<Decimal>(), b.parse::<Decimal>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.cmp(b),
    }
}
