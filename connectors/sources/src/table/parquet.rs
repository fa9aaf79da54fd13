//! Parquet: record batches, one after the other.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use tidings_domain::value::{Pii, date_of};

use super::error::{BadColumn, RowFault, TableError};
use super::{Columns, ROW_BYTES, Read, Rows, TableReader, check_names, gather, shown, whole};

/// Rows that are decoded at once.
const DECODED_ROWS: usize = 1_024;

/// What a cell says, as text; asked only for cells that are not null.
type ReadCell = fn(&dyn Array, usize, &dyn Fn() -> String) -> Result<String, RowFault>;

pub(super) struct ParquetTable {
    file: File,
    metadata: ArrowReaderMetadata,
    columns: Vec<String>,
    cells: Vec<ReadCell>,
    batches: ParquetRecordBatchReader,
    batch: RecordBatch,
    /// The next row, in the batch and in the table.
    at: usize,
    next: u64,
    total: u64,
}

impl ParquetTable {
    pub(super) fn open(path: &Path) -> Result<Self, TableError> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(TableError::Unreadable(ErrorKind::IsADirectory));
        }
        // The plain schema has fewer types; what the writer's own schema calls otherwise must not pass as a number.
        let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::load(&file, plain).map_err(damaged)?;
        let written = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(damaged)?;
        let fields = metadata.schema().fields();
        let columns: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
        check_names(&columns)?;
        let (mut cells, mut bad) = (Vec::with_capacity(columns.len()), Vec::new());
        for (position, (field, written)) in fields.iter().zip(written.schema().fields()).enumerate() {
            match read_cell(field.data_type()).filter(|_| !is_time(written.data_type())) {
                Some(cell) => cells.push(cell),
                None => bad.push(bad_column(shown(field.name(), position), written.data_type())),
            }
        }
        if !bad.is_empty() {
            return Err(TableError::Columns(bad));
        }
        let batches = batches(&file, &metadata, 0)?;
        let total = u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
        let batch = RecordBatch::new_empty(metadata.schema().clone());
        Ok(Self { file, metadata, columns, cells, batches, batch, at: 0, next: 0, total })
    }

    fn next_row(&mut self) -> Result<Option<(u64, Read)>, TableError> {
        while self.at == self.batch.num_rows() {
            match self.batches.next().transpose().map_err(|error| damaged(error.into()))? {
                Some(batch) => (self.batch, self.at) = (batch, 0),
                None => return Ok(None),
            }
        }
        let (at, row) = (self.at, self.next);
        self.at += 1;
        self.next += 1;
        Ok(Some((row, self.row(at))))
    }

    fn row(&self, at: usize) -> Read {
        let (mut columns, mut bytes) = (Columns::new(), 0);
        for (position, (name, cell)) in self.columns.iter().zip(&self.cells).enumerate() {
            let array = self.batch.column(position);
            if array.is_null(at) {
                continue;
            }
            let text = cell(array, at, &|| shown(name, position))?;
            bytes += text.len();
            if bytes > ROW_BYTES {
                return Err(RowFault::TooLong);
            }
            if !text.is_empty() {
                columns.insert(name.clone(), Pii::new(text));
            }
        }
        Ok(columns)
    }
}

impl TableReader for ParquetTable {
    fn columns(&self) -> Option<&[String]> {
        Some(&self.columns)
    }

    fn next_rows(&mut self, limit: usize) -> Result<Rows, TableError> {
        gather(limit, || self.next_row())
    }

    fn skip_to(&mut self, row: u64) -> Result<(), TableError> {
        let row = row.min(self.total);
        if row > self.next {
            self.batches = batches(&self.file, &self.metadata, row)?;
            self.batch = RecordBatch::new_empty(self.metadata.schema().clone());
            (self.at, self.next) = (0, row);
        }
        Ok(())
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (self.next, Some(self.total))
    }
}

fn batches(
    file: &File,
    metadata: &ArrowReaderMetadata,
    from: u64,
) -> Result<ParquetRecordBatchReader, TableError> {
    let from = usize::try_from(from).map_err(|_| TableError::Damaged("too many rows".into()))?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.try_clone()?, metadata.clone());
    builder.with_batch_size(DECODED_ROWS).with_offset(from).build().map_err(damaged)
}

/// How cells of a type become text; `None` for types that have no place in a fact.
fn read_cell(data_type: &DataType) -> Option<ReadCell> {
    Some(match data_type {
        DataType::Null => |_, _, _| Ok(String::new()),
        DataType::Boolean => |array, at, _| Ok(array.as_boolean().value(at).to_string()),
        DataType::Int8 => integer::<Int8Type>,
        DataType::Int16 => integer::<Int16Type>,
        DataType::Int32 => integer::<Int32Type>,
        DataType::Int64 => integer::<Int64Type>,
        DataType::UInt8 => integer::<UInt8Type>,
        DataType::UInt16 => integer::<UInt16Type>,
        DataType::UInt32 => integer::<UInt32Type>,
        DataType::UInt64 => integer::<UInt64Type>,
        DataType::Decimal128(_, 0) => integer::<Decimal128Type>,
        DataType::Float32 => float::<Float32Type>,
        DataType::Float64 => float::<Float64Type>,
        DataType::Date32 => |array, at, column| {
            let date = date_of(array.as_primitive::<Date32Type>().value(at));
            date.map(|date| date.to_string()).ok_or_else(|| RowFault::NoDate { column: column() })
        },
        DataType::Utf8 => |array, at, _| Ok(array.as_string::<i32>().value(at).to_owned()),
        // What writers without the notion of text make of it.
        DataType::Binary => |array, at, column| {
            let bytes = array.as_binary::<i32>().value(at).to_vec();
            String::from_utf8(bytes).map_err(|_| RowFault::CellNotUtf8 { column: column() })
        },
        _ => return None,
    })
}

fn integer<T: ArrowPrimitiveType>(
    array: &dyn Array,
    at: usize,
    _: &dyn Fn() -> String,
) -> Result<String, RowFault>
where
    T::Native: ToString,
{
    Ok(array.as_primitive::<T>().value(at).to_string())
}

fn float<T: ArrowPrimitiveType>(
    array: &dyn Array,
    at: usize,
    column: &dyn Fn() -> String,
) -> Result<String, RowFault>
where
    T::Native: Into<f64>,
{
    let number = array.as_primitive::<T>().value(at).into();
    whole(number).ok_or_else(|| RowFault::NotWhole { column: column() })
}

const fn is_time(data_type: &DataType) -> bool {
    use DataType::{Date64, Duration, Interval, Time32, Time64, Timestamp};
    matches!(data_type, Timestamp(..) | Date64 | Time32(_) | Time64(_) | Duration(_) | Interval(_))
}

fn bad_column(column: String, data_type: &DataType) -> BadColumn {
    let (found, fix) = match data_type {
        DataType::Timestamp(..) => ("a timestamp", "a fact holds a date: cast it, or leave it out"),
        time if is_time(time) => ("a time", "a fact holds a date: cast it, or leave it out"),
        nested if nested.is_nested() => ("nested", "a cell holds one plain value: write one column each"),
        DataType::Decimal128(..) | DataType::Decimal256(..) => {
            ("a decimal number", "write amounts as whole numbers in the smallest unit")
        }
        _ => ("of a type that is not read", "write it as text, a whole number, a boolean or a date"),
    };
    BadColumn { column, found: found.to_owned(), fix }
}

/// The library's own text is not repeated: it could hold values.
fn damaged(error: ParquetError) -> TableError {
    TableError::Damaged(match error {
        ParquetError::EOF(_) => "it is cut off".to_owned(),
        ParquetError::NYI(_) => "it uses a part of Parquet that is not read here".to_owned(),
        ParquetError::External(error) => match error.downcast_ref::<std::io::Error>() {
            Some(error) => return TableError::Unreadable(error.kind()),
            None => "a page does not decode".to_owned(),
        },
        ParquetError::ArrowError(_) => "a column does not decode".to_owned(),
        _ => "its structure does not decode".to_owned(),
    })
}
