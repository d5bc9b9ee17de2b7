//! Tables as CSV: RFC 4180, UTF-8, with a header.

use std::borrow::Cow;

use csv::{Terminator, WriterBuilder};

use super::cell::{Cell, Column, Field};
use super::error::ExportError;
use billing_api::Time;

/// What a spreadsheet takes for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Writes a table into memory.
pub struct CsvEncoder {
    writer: csv::Writer<Vec<u8>>,
}

impl CsvEncoder {
    /// A table with a header, and no rows yet.
    ///
    /// # Errors
    /// None that memory does not cause.
    pub fn new(fields: &[Field]) -> Result<Self, ExportError> {
        let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
        writer.write_record(fields.iter().map(|field| field.name))?;
        Ok(Self { writer })
    }

    /// More rows.
    ///
    /// # Errors
    /// A number cannot be read, or a cell is empty that must not be.
    pub fn append<R>(&mut self, columns: &[Column<R>], rows: &[R]) -> Result<(), ExportError> {
        for row in rows {
            for column in columns {
                let cell = (column.cell)(row);
                self.writer.write_field(written(&column.field, &cell)?.as_bytes())?;
            }
            self.writer.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    /// What is written so far, and was not taken yet.
    ///
    /// # Errors
    /// None that memory does not cause.
    pub fn take(&mut self) -> Result<Vec<u8>, ExportError> {
        let header_is_written = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
        let done = std::mem::replace(&mut self.writer, header_is_written);
        done.into_inner().map_err(|error| ExportError::Csv(error.into_error().into()))
    }
}

/// A cell as text.
fn written<'a>(field: &Field, cell: &'a Cell<'a>) -> Result<Cow<'a, str>, ExportError> {
    Ok(match cell {
        Cell::Null if field.required => return Err(ExportError::Empty(field.name)),
        Cell::Null => Cow::Borrowed(""),
        Cell::Text(text) => harmless(text),
        Cell::Number(number, least) => Cow::Owned(number.text(*least)),
        Cell::Time(instant) => Cow::Owned(Time(*instant).to_string()),
        Cell::Count(count) => Cow::Owned(count.to_string()),
        Cell::NoNumber(text) => return Err(ExportError::no_number(field, text)),
    })
}

/// A text that no spreadsheet takes for a formula: an apostrophe goes before what begins like one.
fn harmless(text: &str) -> Cow<'_, str> {
    match text.starts_with(FORMULA) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::cell::{Fixed, Kind};

    fn columns<'a>() -> Vec<Column<Vec<Cell<'a>>>> {
        vec![
            Column::required("id", Kind::Text, |row: &Vec<Cell<'a>>| row[0].clone()),
            Column::optional("amount", Kind::Number, |row: &Vec<Cell<'a>>| row[1].clone()),
        ]
    }

    fn rendered(rows: &[Vec<Cell<'_>>]) -> Result<String, ExportError> {
        let columns = columns();
        let fields: Vec<_> = columns.iter().map(|column| column.field).collect();
        let mut encoder = CsvEncoder::new(&fields)?;
        encoder.append(&columns, rows)?;
        Ok(String::from_utf8(encoder.take()?).expect("UTF-8"))
    }

    #[test]
    fn text_that_begins_like_a_formula_is_harmless_and_numbers_stay_numbers() {
        let amount = || Cell::Number(Fixed::parse("-1.50").expect("a number"), 2);
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\rx", "\"'\rx\""),
            ("1=1", "1=1"),
            ("a,\"b\"\r\nc", "\"a,\"\"b\"\"\r\nc\""),
            ("\u{202e}😀\u{1b}[31m", "\u{202e}😀\u{1b}[31m"),
        ] {
            let table = rendered(&[vec![Cell::text(text), amount()]]).expect("renders");
            assert_eq!(table, format!("id,amount\r\n{cell},-1.50\r\n"));
        }
    }

    #[test]
    fn every_reader_gets_back_what_was_written() {
        let long = "\"🦀,\n".repeat(2_500);
        let table = rendered(&[vec![Cell::text(&long), Cell::Null]]).expect("renders");
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        let record = reader.records().next().expect("a record").expect("reads");
        assert_eq!((&record[0], &record[1]), (long.as_str(), ""));
    }

    #[test]
    fn no_row_is_lost_or_headed_twice_when_pieces_are_taken() {
        let columns = columns();
        let fields: Vec<_> = columns.iter().map(|column| column.field).collect();
        let mut encoder = CsvEncoder::new(&fields).expect("begins");
        let mut pieces = Vec::new();
        for id in ["a", "b", "c"] {
            encoder.append(&columns, &[vec![Cell::text(id), Cell::Null]]).expect("appends");
            pieces.extend(encoder.take().expect("takes"));
        }
        assert_eq!(String::from_utf8(pieces).expect("UTF-8"), "id,amount\r\na,\r\nb,\r\nc,\r\n");
    }

    #[test]
    fn what_is_missing_or_no_number_is_named() {
        let error = rendered(&[vec![Cell::Null, Cell::Null]]).expect_err("an id is missing");
        assert_eq!(error.to_string(), "column id must not be empty");
        let error = rendered(&[vec![Cell::text("a"), Cell::number("1,5")]]).expect_err("no number");
        assert_eq!(error.to_string(), "\"1,5\" in column amount is not a number with up to 12 decimals");
    }
}
