//! Tables as Parquet: amounts as `DECIMAL(38,12)`, instants as `TIMESTAMP` in microseconds of UTC.
//!
//! Cells are gathered by column until a group of rows is full. Nothing in the file tells when or where it was made, so
//! the same rows give the same bytes.

use std::iter::repeat_n;
use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use super::cell::{Cell, Column, Field, Fixed, Kind};
use super::error::ExportError;

/// The rows of a group: enough for a good compression, few enough for any memory.
const GROUP_ROWS: usize = 64 * 1024;

/// The bytes of a number with 38 digits.
const NUMBER_BYTES: i32 = 16;

/// Writes a table into memory.
pub struct ParquetEncoder {
    writer: SerializedFileWriter<Vec<u8>>,
    buffers: Vec<Buffer>,
    rows: usize,
}

/// The cells of a column that no group of rows has yet.
struct Buffer {
    field: Field,
    /// Of each row whether it holds something (1) or not (0); stays empty where every row does.
    levels: Vec<i16>,
    values: Values,
}

enum Values {
    /// Pieces of one text, by where each begins and ends. Several may be the same piece.
    Bytes {
        bytes: Vec<u8>,
        pieces: Vec<Range<usize>>,
    },
    Integers(Vec<i64>),
}

impl ParquetEncoder {
    /// A table without rows.
    ///
    /// # Errors
    /// The columns make no schema.
    pub fn new(fields: &[Field]) -> Result<Self, ExportError> {
        let properties = WriterProperties::builder()
            .set_created_by(concat!("billing-operator version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk);
        let properties = fields.iter().filter(|field| field.unique).fold(properties, |properties, field| {
            properties.set_column_dictionary_enabled(ColumnPath::from(field.name), false)
        });
        Ok(Self {
            writer: SerializedFileWriter::new(Vec::new(), schema(fields)?, Arc::new(properties.build()))?,
            buffers: fields.iter().map(|field| Buffer::new(*field)).collect(),
            rows: 0,
        })
    }

    /// More rows, of one document.
    ///
    /// # Errors
    /// A number cannot be read, or a cell is empty that must not be.
    pub fn append<R>(&mut self, columns: &[Column<R>], rows: &[R]) -> Result<(), ExportError> {
        let mut rest = rows;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(GROUP_ROWS - self.rows));
            for (buffer, column) in self.buffers.iter_mut().zip(columns) {
                match now {
                    [first, ..] if column.of_document => buffer.push(&(column.cell)(first), now.len())?,
                    rows => rows.iter().try_for_each(|row| buffer.push(&(column.cell)(row), 1))?,
                }
            }
            self.rows += now.len();
            if self.rows == GROUP_ROWS {
                self.write_group()?;
            }
            rest = later;
        }
        Ok(())
    }

    /// What is written so far, and was not taken yet.
    ///
    /// # Errors
    /// None that memory does not cause.
    pub fn take(&mut self) -> Result<Vec<u8>, ExportError> {
        self.writer.flush().map_err(|error| ParquetError::External(error.into()))?;
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    /// What was not taken yet, to the end of the file.
    ///
    /// # Errors
    /// None that memory does not cause.
    pub fn finish(mut self) -> Result<Vec<u8>, ExportError> {
        if self.rows > 0 {
            self.write_group()?;
        }
        Ok(self.writer.into_inner()?)
    }

    fn write_group(&mut self) -> Result<(), ExportError> {
        let mut group = self.writer.next_row_group()?;
        for buffer in &mut self.buffers {
            let Some(column) = group.next_column()? else { break };
            buffer.write(column)?;
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }
}

impl Buffer {
    fn new(field: Field) -> Self {
        let values = match field.kind {
            Kind::Text | Kind::Number => Values::Bytes { bytes: Vec::new(), pieces: Vec::new() },
            Kind::Time | Kind::Count => Values::Integers(Vec::new()),
        };
        Self { field, levels: Vec::new(), values }
    }

    /// A cell that so many rows have.
    fn push(&mut self, cell: &Cell<'_>, rows: usize) -> Result<(), ExportError> {
        if !self.field.required {
            self.levels.extend(repeat_n(i16::from(!matches!(cell, Cell::Null)), rows));
        }
        match (cell, &mut self.values) {
            (Cell::Null, _) if self.field.required => return Err(ExportError::Empty(self.field.name)),
            (Cell::Null, _) => {}
            (Cell::Text(text), Values::Bytes { bytes, pieces }) => extend(bytes, pieces, text.as_bytes(), rows),
            (Cell::Number(number, _), Values::Bytes { bytes, pieces }) => {
                extend(bytes, pieces, &number.units().to_be_bytes(), rows);
            }
            (Cell::Time(instant), Values::Integers(values)) => {
                values.extend(repeat_n(instant.timestamp_micros(), rows))
            }
            (Cell::Count(count), Values::Integers(values)) => values.extend(repeat_n(*count, rows)),
            (Cell::NoNumber(text), _) => return Err(ExportError::no_number(&self.field, text)),
            (cell, _) => return Err(ExportError::no_number(&self.field, &format!("{cell:?}"))),
        }
        Ok(())
    }

    /// Writes what is gathered, and forgets it.
    fn write(&mut self, mut column: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let Self { field, levels, values } = self;
        let of_rows = (!field.required).then_some(levels.as_slice());
        match values {
            Values::Integers(values) => {
                column.typed::<Int64Type>().write_batch(values, of_rows, None)?;
                values.clear();
            }
            Values::Bytes { bytes, pieces } => {
                // The next group will be about as large.
                let next = Vec::with_capacity(bytes.len());
                let all = ByteArray::from(std::mem::replace(bytes, next));
                let pieces = pieces.drain(..).map(|piece| all.slice(piece.start, piece.len()));
                match field.kind {
                    Kind::Number => {
                        let numbers: Vec<_> = pieces.map(FixedLenByteArray::from).collect();
                        column.typed::<FixedLenByteArrayType>().write_batch(&numbers, of_rows, None)?;
                    }
                    _ => {
                        let texts: Vec<_> = pieces.collect();
                        column.typed::<ByteArrayType>().write_batch(&texts, of_rows, None)?;
                    }
                }
            }
        }
        levels.clear();
        column.close()
    }
}

/// Adds a piece that so many rows have.
fn extend(bytes: &mut Vec<u8>, pieces: &mut Vec<Range<usize>>, piece: &[u8], rows: usize) {
    let start = bytes.len();
    bytes.extend_from_slice(piece);
    pieces.extend(repeat_n(start..bytes.len(), rows));
}

fn schema(fields: &[Field]) -> Result<TypePtr, ParquetError> {
    let fields = fields.iter().map(|field| field_type(field).map(Arc::new)).collect::<Result<_, _>>()?;
    Ok(Arc::new(Type::group_type_builder("schema").with_fields(fields).build()?))
}

fn field_type(field: &Field) -> Result<Type, ParquetError> {
    let repetition = if field.required { Repetition::REQUIRED } else { Repetition::OPTIONAL };
    let of = |physical| Type::primitive_type_builder(field.name, physical).with_repetition(repetition);
    match field.kind {
        Kind::Text => of(PhysicalType::BYTE_ARRAY).with_logical_type(Some(LogicalType::String)),
        Kind::Number => of(PhysicalType::FIXED_LEN_BYTE_ARRAY)
            .with_length(NUMBER_BYTES)
            .with_precision(38)
            .with_scale(Fixed::PLACES as i32)
            .with_logical_type(Some(LogicalType::decimal(Fixed::PLACES as i32, 38))),
        Kind::Time => of(PhysicalType::INT64).with_logical_type(Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        Kind::Count => of(PhysicalType::INT64),
    }
    .build()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field as Read;

    use super::*;
    use crate::export::cell::Fixed;

    type Row = (Option<String>, i128);

    fn columns() -> Vec<Column<Row>> {
        vec![
            Column::optional("text", Kind::Text, |row: &Row| Cell::maybe(row.0.as_deref())),
            Column::required("amount", Kind::Number, |row: &Row| {
                Fixed::of_units(row.1).map_or(Cell::NoNumber("too large"), |number| Cell::Number(number, 0))
            }),
        ]
    }

    fn encoded(rows: &[Row], pieces: usize) -> Vec<u8> {
        encoded_with(&columns(), rows, pieces)
    }

    fn encoded_with(columns: &[Column<Row>], rows: &[Row], pieces: usize) -> Vec<u8> {
        let fields: Vec<_> = columns.iter().map(|column| column.field).collect();
        let mut encoder = ParquetEncoder::new(&fields).expect("begins");
        let mut file = Vec::new();
        for rows in rows.chunks(rows.len().div_ceil(pieces).max(1)) {
            encoder.append(columns, rows).expect("appends");
            file.extend(encoder.take().expect("takes"));
        }
        file.extend(encoder.finish().expect("finishes"));
        file
    }

    fn rows(count: usize) -> Vec<Row> {
        let text = |n: usize| (!n.is_multiple_of(3)).then(|| format!("=text {}", n % 100));
        (0..count).map(|n| (text(n), n as i128 * 1_000_000_000_001 - 5_000_000_000_000)).collect()
    }

    #[test]
    fn what_is_written_is_read_back_over_groups_of_rows() {
        let rows = rows(GROUP_ROWS + 10);
        let reader = SerializedFileReader::new(Bytes::from(encoded(&rows, 3))).expect("opens");
        assert_eq!(reader.num_row_groups(), 2);
        let mut read = reader.get_row_iter(None).expect("rows");
        for (text, units) in &rows {
            let row = read.next().expect("a row").expect("reads");
            let fields: Vec<_> = row.get_column_iter().map(|(_, field)| field.clone()).collect();
            assert_eq!(fields[0], text.as_ref().map_or(Read::Null, |text| Read::Str(text.clone())));
            let Read::Decimal(decimal) = &fields[1] else { panic!("{fields:?}") };
            assert_eq!(decimal.data(), units.to_be_bytes());
            assert_eq!((decimal.precision(), decimal.scale()), (38, 12));
        }
        assert!(read.next().is_none());
    }

    #[test]
    fn the_same_rows_give_the_same_bytes_however_they_come() {
        let rows = rows(GROUP_ROWS + 2_000);
        assert_eq!(encoded(&rows, 1), encoded(&rows, 1));
        assert_eq!(encoded(&rows, 1), encoded(&rows, 7));
        assert_ne!(encoded(&rows, 1), encoded(&rows[1..], 1));
    }

    #[test]
    fn a_cell_of_a_document_is_that_of_its_first_row_in_each_group_of_rows() {
        let rows: Vec<Row> = (0..GROUP_ROWS + 5).map(|_| (Some("acme".to_owned()), 7)).collect();
        let plain = encoded_with(&columns(), &rows, 2);
        let shared: Vec<_> = columns().into_iter().map(Column::of_document).collect();
        assert_eq!(encoded_with(&shared, &rows, 2), plain);
        // Empty ones, too.
        let empty: Vec<Row> = (0..10).map(|_| (None, 7)).collect();
        assert_eq!(encoded_with(&shared, &empty, 3), encoded_with(&columns(), &empty, 3));
    }

    #[test]
    fn a_table_without_rows_is_a_table() {
        let reader = SerializedFileReader::new(Bytes::from(encoded(&[], 1))).expect("opens");
        assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
        assert_eq!(reader.metadata().file_metadata().schema().get_fields().len(), 2);
    }

    #[test]
    fn what_is_no_number_is_named() {
        let columns = columns();
        let fields: Vec<_> = columns.iter().map(|column| column.field).collect();
        let mut encoder = ParquetEncoder::new(&fields).expect("begins");
        let error = encoder.append(&columns, &[(None, i128::MAX)]).expect_err("too large");
        assert_eq!(error.to_string(), "\"too large\" in column amount is not a number with up to 12 decimals");
    }
}
