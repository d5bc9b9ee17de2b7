//! Tables of objects: columns that are paths, rows that are objects or what is listed in them.

use serde_json::Value;

use super::jsonpath::{Path, text};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Words that are shown whole.
    Text,
    /// Words that are cut where a table would be too wide.
    Elastic,
    /// Amounts.
    Number,
}

/// A column: a title, and the path of what stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its title.
    pub title: &'static str,
    /// Where its cells are: from the row's item if it begins with `@`, else from the object.
    pub path: &'static str,
    /// Where a cell is that this path does not lead to.
    pub or: Option<&'static str>,
    /// What they hold.
    pub holds: Holds,
    wide: bool,
}

impl Column {
    /// A column of words.
    pub const fn text(title: &'static str, path: &'static str) -> Self {
        Self { title, path, or: None, holds: Holds::Text, wide: false }
    }

    /// A column of words that people choose freely.
    pub const fn elastic(title: &'static str, path: &'static str) -> Self {
        Self { title, path, or: None, holds: Holds::Elastic, wide: false }
    }

    /// A column of amounts.
    pub const fn number(title: &'static str, path: &'static str) -> Self {
        Self { title, path, or: None, holds: Holds::Number, wide: false }
    }

    /// The same, with another place for what objects leave out where it is what stands there.
    pub const fn or(mut self, path: &'static str) -> Self {
        self.or = Some(path);
        self
    }

    /// The same, only where there is room for everything.
    pub const fn wide(mut self) -> Self {
        self.wide = true;
        self
    }
}

/// What a table has a row for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Each object.
    Objects,
    /// Each value that one of these paths leads to in an object.
    Items(&'static [&'static str]),
}

/// Which rows a table keeps, by object and item.
type Keep = Box<dyn Fn(&Value, &Value) -> bool>;

/// What a table shows of objects.
pub struct TableShape {
    columns: std::borrow::Cow<'static, [Column]>,
    rows: Rows,
    keep: Option<Keep>,
}

impl std::fmt::Debug for TableShape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableShape").field("columns", &self.columns).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl TableShape {
    /// A row for each object.
    pub const fn of(columns: &'static [Column]) -> Self {
        Self { columns: std::borrow::Cow::Borrowed(columns), rows: Rows::Objects, keep: None }
    }

    /// A row for each value that one of the paths leads to in an object.
    pub const fn of_items(paths: &'static [&'static str], columns: &'static [Column]) -> Self {
        Self { columns: std::borrow::Cow::Borrowed(columns), rows: Rows::Items(paths), keep: None }
    }

    /// The same, with the namespace first.
    #[must_use]
    pub fn with_namespace(mut self) -> Self {
        self.columns.to_mut().insert(0, Column::text("NAMESPACE", ".metadata.namespace"));
        self
    }

    /// The same, with only those rows that fit.
    #[must_use]
    pub fn keeping(mut self, keep: impl Fn(&Value, &Value) -> bool + 'static) -> Self {
        self.keep = Some(Box::new(keep));
        self
    }

    /// The columns, with or without those of a wide table.
    pub fn columns(&self, wide: bool) -> Vec<Column> {
        self.columns.iter().filter(|column| wide || !column.wide).copied().collect()
    }

    /// What the table has a row for.
    pub fn rows_of(&self) -> Rows {
        self.rows
    }

    /// The rows of objects.
    pub fn rows<'a>(&'a self, objects: &'a [Value]) -> impl Iterator<Item = Row<'a>> {
        objects.iter().flat_map(|object| self.rows_in(object))
    }

    fn rows_in<'a>(&'a self, object: &'a Value) -> Vec<Row<'a>> {
        let items = match self.rows {
            Rows::Objects => vec![object],
            Rows::Items(paths) => paths.iter().flat_map(|path| values(path, object)).collect(),
        };
        let kept = |item: &&Value| self.keep.as_ref().is_none_or(|keep| keep(object, item));
        items.into_iter().filter(kept).map(|item| Row { object, item }).collect()
    }
}

/// What a row shows.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    object: &'a Value,
    item: &'a Value,
}

impl Row<'_> {
    /// The text of each column.
    pub fn cells(&self, columns: &[Column]) -> Vec<String> {
        columns.iter().map(|column| self.of(column)).collect()
    }

    /// The text of each column, harmless to a spreadsheet.
    pub fn csv(&self, columns: &[Column]) -> Vec<String> {
        let harmless = |column: &Column| match column.holds {
            Holds::Text | Holds::Elastic => inert(self.of(column)),
            Holds::Number => self.of(column),
        };
        columns.iter().map(harmless).collect()
    }

    fn of(&self, column: &Column) -> String {
        match (self.cell(column.path), column.or) {
            (text, Some(or)) if text.is_empty() => self.cell(or),
            (text, _) => text,
        }
    }

    /// The text of what a path leads to.
    pub fn cell(&self, path: &str) -> String {
        let (from, path) = match path.strip_prefix('@') {
            Some(path) => (self.item, path),
            None => (self.object, path),
        };
        let found: Vec<_> = values(path, from).into_iter().map(text).filter(|text| !text.is_empty()).collect();
        found.join(",")
    }
}

/// What a path of ours leads to: step by step where it has nothing but names, because a table can have 100,000 rows.
fn values<'a>(path: &str, value: &'a Value) -> Vec<&'a Value> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.';
    if path.chars().all(plain) {
        let found = path.split('.').filter(|name| !name.is_empty()).try_fold(value, |value, name| value.get(name));
        return found.into_iter().collect();
    }
    path.parse::<Path>().map(|path| path.of(value)).unwrap_or_default()
}

/// A text that a spreadsheet does not take for a formula.
fn inert(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}
