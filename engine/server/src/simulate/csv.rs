//! A population in CSV: a header, then a citizen a line. An empty cell is NULL.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use arrow_array::ArrayRef;
use arrow_array::builder::{
    BooleanBuilder, Date32Builder, FixedSizeBinaryBuilder, Int64Builder, StringBuilder,
};
use chrono::NaiveDate;
use csv::{ByteRecord, Reader};
use tidings_domain::ids::ID_BYTES;
use tidings_domain::value::{ValueType, days};
use tidings_rules::whatif::{Column, Study};

use super::table::{BATCH_ROWS, Chunk, Result, Table, places};
use crate::out::Usage;

pub(super) struct CsvTable {
    reader: Reader<File>,
    columns: Arc<Vec<(Column, Option<usize>)>>,
    absent: Vec<String>,
    next_row: u64,
}

impl CsvTable {
    pub(super) fn open(path: &Path, study: &Study<'_>) -> Result<Self> {
        let unreadable = || format!("{} cannot be read", path.display());
        let mut reader = Reader::from_path(path).with_context(unreadable)?;
        let names: Vec<String> =
            reader.headers().with_context(unreadable)?.iter().map(str::to_owned).collect();
        let (places, absent) = places(study, &names);
        let columns = Arc::new(study.columns.iter().cloned().zip(places).collect());
        Ok(Self { reader, columns, absent, next_row: 0 })
    }
}

impl Table for CsvTable {
    fn next_chunks(&mut self, most: usize) -> Result<Vec<Chunk>> {
        let mut chunks = Vec::new();
        while chunks.len() < most {
            let mut records = Vec::new();
            let mut record = ByteRecord::new();
            while records.len() < BATCH_ROWS && self.reader.read_byte_record(&mut record)? {
                records.push(record.clone());
            }
            if records.is_empty() {
                break;
            }
            let (first_row, columns) = (self.next_row, Arc::clone(&self.columns));
            self.next_row += records.len() as u64;
            chunks.push(Chunk {
                first_row,
                read: Box::new(move |judge| {
                    let read = |(column, place): &(Column, Option<usize>)| {
                        place.map(|place| array(column, place, &records, first_row)).transpose()
                    };
                    judge(columns.iter().map(read).collect::<Result<_>>()?, records.len())
                }),
            });
        }
        Ok(chunks)
    }

    fn rows(&self) -> Option<u64> {
        None
    }

    fn as_of(&self) -> Option<NaiveDate> {
        None
    }

    fn from(&self) -> Option<NaiveDate> {
        None
    }

    fn absent(&self) -> &[String] {
        &self.absent
    }
}

fn array(column: &Column, place: usize, records: &[ByteRecord], first_row: u64) -> Result<ArrayRef> {
    let cells = records.iter().map(|record| {
        let cell = std::str::from_utf8(record.get(place).unwrap_or_default()).ok();
        (cell != Some("")).then_some(cell)
    });
    Ok(match column.value_type {
        None => {
            let mut builder = BooleanBuilder::with_capacity(records.len());
            cells.for_each(|cell| builder.append_option(cell.map(|_| true)));
            Arc::new(builder.finish())
        }
        Some(value_type) => typed(value_type, cells).map_err(|row| {
            // The value itself is personal.
            Usage(format!("row {}, column {}: not {value_type}", first_row + row + 1, column.name))
        })?,
    })
}

/// `Err` is the place of the first cell that is not of the type; `None` is NULL, and `Some(None)` no text at all.
fn typed<'r>(
    value_type: ValueType,
    cells: impl Iterator<Item = Option<Option<&'r str>>>,
) -> std::result::Result<ArrayRef, u64> {
    fn read<'r, T>(
        cells: impl Iterator<Item = Option<Option<&'r str>>>,
        parse: impl Fn(&'r str) -> Option<T>,
        mut push: impl FnMut(Option<T>),
    ) -> std::result::Result<(), u64> {
        for (row, cell) in cells.enumerate() {
            let value = cell.map(|text| text.and_then(&parse).ok_or(row as u64)).transpose()?;
            push(value);
        }
        Ok(())
    }
    Ok(match value_type {
        ValueType::Bool => {
            let mut builder = BooleanBuilder::new();
            read(cells, |text| text.parse().ok(), |value| builder.append_option(value))?;
            Arc::new(builder.finish())
        }
        ValueType::Int => {
            let mut builder = Int64Builder::new();
            read(cells, |text| text.parse().ok(), |value| builder.append_option(value))?;
            Arc::new(builder.finish())
        }
        ValueType::Date => {
            let mut builder = Date32Builder::new();
            let date = |text: &str| text.parse::<NaiveDate>().ok().map(days);
            read(cells, date, |value| builder.append_option(value))?;
            Arc::new(builder.finish())
        }
        ValueType::Text => {
            let mut builder = StringBuilder::new();
            read(cells, Some, |value| builder.append_option(value))?;
            Arc::new(builder.finish())
        }
        ValueType::Citizen => {
            let mut builder = FixedSizeBinaryBuilder::new(ID_BYTES as i32);
            let id = |text: &str| tidings_domain::ids::CitizenId::parse(text);
            read(cells, id, |value| match value {
                Some(id) => _ = builder.append_value(id.0),
                None => builder.append_null(),
            })?;
            Arc::new(builder.finish())
        }
    })
}
