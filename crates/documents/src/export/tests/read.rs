//! Files and cells, read back.

use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field as Read;
use serde_json::Value;

use crate::export::cell::{Cell, Column, Fixed};
use crate::export::dataset::Dataset;

/// A cell as text.
pub fn cell<R>(columns: &[Column<R>], name: &str, row: &R) -> String {
    let column = columns.iter().find(|column| column.field.name == name).expect(name);
    match (column.cell)(row) {
        Cell::Null => String::new(),
        Cell::Text(text) => text.into_owned(),
        Cell::Number(number, least) => number.text(least),
        Cell::Time(instant) => billing_api::Time(instant).to_string(),
        other => format!("{other:?}"),
    }
}

/// The cells of a column of a dataset's file.
pub fn column(dataset: Dataset, file: &[u8], name: &str) -> Vec<String> {
    match dataset.extension() {
        "csv" => {
            let mut reader = csv::Reader::from_reader(file);
            let at = reader.headers().expect("a header").iter().position(|head| head == name).expect(name);
            reader.records().map(|record| record.expect("a record")[at].to_owned()).collect()
        }
        "parquet" => {
            let reader = SerializedFileReader::new(Bytes::copy_from_slice(file)).expect("opens");
            let cell = |row: parquet::record::Row| {
                let found = row.get_column_iter().find(|(head, _)| *head == name).expect(name).1.clone();
                match found {
                    Read::Str(text) => text,
                    Read::Decimal(number) => {
                        let units = i128::from_be_bytes(number.data().try_into().expect("16 bytes"));
                        Fixed::of_units(units).expect("fits").text(2)
                    }
                    other => other.to_string(),
                }
            };
            reader.get_row_iter(None).expect("rows").map(|row| cell(row.expect("a row"))).collect()
        }
        _ => {
            let text = std::str::from_utf8(file).expect("UTF-8");
            let values: Vec<Value> = match dataset {
                Dataset::Document => vec![serde_json::from_str(text).expect("JSON")],
                _ => text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect(),
            };
            values.iter().map(|value| value[name].as_str().expect(name).to_owned()).collect()
        }
    }
}

/// What numbers add up to.
pub fn sum(cells: &[String]) -> String {
    let sum = cells
        .iter()
        .fold(Fixed::default(), |sum, cell| sum.checked_add(Fixed::parse(cell).expect("a number")).expect("fits"));
    sum.text(2)
}
