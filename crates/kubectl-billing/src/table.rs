//! Rows in columns, as `kubectl` prints them: no borders, upper-case titles.

use crate::output::one_line;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Words, which begin under each other.
    Text(&'static str),
    /// Amounts, which end under each other.
    Number(&'static str),
}

/// A table of these columns; every row has a cell for each, and is one line. Lines end without white space.
pub fn render_table(columns: &[Column], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| match column {
        Column::Text(title) | Column::Number(title) => *title,
    }));
    table.add_rows(rows.into_iter().map(|row| row.iter().map(|cell| one_line(cell)).collect::<Vec<_>>()));
    for (column, formatted) in columns.iter().zip(table.column_iter_mut()) {
        formatted.set_padding((0, 3));
        formatted.set_cell_alignment(match column {
            Column::Text(_) => CellAlignment::Left,
            Column::Number(_) => CellAlignment::Right,
        });
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::{Column, render_table};

    #[test]
    fn words_begin_and_amounts_end_under_each_other() {
        let rows = [["web", "1.66"], ["another", "100.00"]].map(|row| row.map(str::to_owned).to_vec());
        let table = render_table(&[Column::Text("PROJECT"), Column::Number("TOTAL")], rows);
        assert_eq!(table, "PROJECT    TOTAL\nweb         1.66\nanother   100.00\n");
    }

    #[test]
    fn a_cell_forges_no_row() {
        let rows = [vec!["web\nanother   0.00".to_owned(), "1.66".to_owned()]];
        let table = render_table(&[Column::Text("PROJECT"), Column::Number("TOTAL")], rows);
        assert_eq!(table.lines().count(), 2, "{table}");
    }
}
