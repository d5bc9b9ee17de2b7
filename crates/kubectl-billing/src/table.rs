//! Rows in columns, as `kubectl` prints them: no borders, upper-case titles.

use crate::output::one_line;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::print::{self, Holds};

/// What stands between two columns.
const GAP: u16 = 3;

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
        formatted.set_padding((0, GAP));
        formatted.set_cell_alignment(match column {
            Column::Text(_) => CellAlignment::Left,
            Column::Number(_) => CellAlignment::Right,
        });
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// The width that is left to words which are cut at least.
const NARROWEST: usize = 12;

/// A table of columns that are paths into objects. Where it is to fit a width, words that may be cut are, the longest first.
pub fn render_rows(columns: &[print::Column], mut rows: Vec<Vec<String>>, width: Option<usize>) -> String {
    if let Some(width) = width {
        fit(columns, &mut rows, width);
    }
    let columns: Vec<_> = columns
        .iter()
        .map(|column| match column.holds {
            Holds::Text | Holds::Elastic => Column::Text(column.title),
            Holds::Number => Column::Number(column.title),
        })
        .collect();
    render_table(&columns, rows)
}

fn fit(columns: &[print::Column], rows: &mut [Vec<String>], width: usize) {
    let cell = |row: &Vec<String>, at: usize| row.get(at).map_or(0, |cell| cell.chars().count());
    let mut widths: Vec<usize> = columns.iter().map(|column| column.title.len()).collect();
    for (at, widest) in widths.iter_mut().enumerate() {
        *widest = rows.iter().map(|row| cell(row, at)).max().unwrap_or_default().max(*widest);
    }
    let gaps = usize::from(GAP) * columns.len().saturating_sub(1);
    loop {
        let over = (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
        let elastic = |at: &usize| columns.get(*at).is_some_and(|column| column.holds == Holds::Elastic);
        let widest = (0..widths.len()).filter(elastic).max_by_key(|at| widths.get(*at));
        let Some(at) = widest.filter(|at| over > 0 && widths.get(*at).is_some_and(|width| *width > NARROWEST)) else {
            break;
        };
        if let Some(column) = widths.get_mut(at) {
            *column = column.saturating_sub(over).max(NARROWEST);
        }
        for row in rows.iter_mut() {
            if let (Some(cell), Some(width)) = (row.get_mut(at), widths.get(at)) {
                cut(cell, *width);
            }
        }
    }
}

/// Cuts a text that is longer, and shows that it was.
fn cut(text: &mut String, width: usize) {
    if text.chars().count() > width {
        *text = text.chars().take(width.saturating_sub(1)).chain(['…']).collect();
    }
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
