//! Bulk tables for `tidings load`: what the state already knows about people, one row a person.
//!
//! CSV (RFC 4180, with a header), NDJSON (one object a line) and, with the feature `parquet`, Parquet. Each is read
//! as a stream, and every scalar becomes the same text whatever the format: `true` and `false`, whole numbers in
//! decimal digits, dates in ISO 8601. A null or empty cell is absent from its row.
//!
//! A malformed row is reported by its number and reason, never by what it holds, and reading goes on after it. What
//! ends a table is damage to the file, or a header or schema that cannot be used; those are found when it is opened.
//!
//! Memory is bounded by one batch: by [`ROW_BYTES`] and [`BATCH_BYTES`], in Parquet by a page of each column as well.

mod csv;
mod error;
mod input;
mod ndjson;
#[cfg(feature = "parquet")]
mod parquet;

use std::collections::BTreeMap;
use std::path::Path;

use tidings_domain::value::Pii;

pub use error::{BadColumn, HeaderFault, RowError, RowFault, TableError};
use input::Input;

/// Most bytes in a row: of its cells in CSV and Parquet, of its line in NDJSON.
pub const ROW_BYTES: usize = 64 * 1024;
/// Most columns in a CSV or Parquet table.
pub const COLUMNS: usize = 512;
/// Bytes of cells after which a batch is handed over though it could hold more rows.
pub const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// One row: text by column; absent when nothing is stated.
pub type Columns = BTreeMap<String, Pii<String>>;

/// Rows with their numbers, counted from 0 without a gap.
pub type Rows = Vec<(u64, Result<Columns, RowError>)>;

/// A table that is read from its start to its end.
pub trait TableReader: Send {
    /// Names of the columns, in order; `None` when each row names its own (NDJSON).
    fn columns(&self) -> Option<&[String]>;

    /// The next rows, at most `limit` (at least one is asked for); none at the end.
    ///
    /// # Errors
    ///
    /// When the table cannot be read further. The rows of that batch are not given; they were not lost either, since
    /// a load goes on from the last row that was applied.
    fn next_rows(&mut self, limit: usize) -> Result<Rows, TableError>;

    /// Goes on at this row, counted from 0; past the end of the table there are no rows. Does nothing when the row
    /// was passed already.
    fn skip_to(&mut self, row: u64) -> Result<(), TableError>;

    /// How much was read, and of how much if that is known: bytes of a text file, rows of a Parquet file.
    fn progress(&self) -> (u64, Option<u64>);
}

/// Opens a table: `.csv`, `.ndjson`, `.jsonl` or `.parquet`.
///
/// # Errors
///
/// Any [`TableError`]; none repeats the path.
pub fn open(path: &Path) -> Result<Box<dyn TableReader>, TableError> {
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    match extension.as_deref() {
        Some("csv") => Ok(Box::new(csv::CsvTable::new(Input::open(path)?)?)),
        Some("ndjson" | "jsonl") => Ok(Box::new(ndjson::NdjsonTable::new(Input::open(path)?)?)),
        #[cfg(feature = "parquet")]
        Some("parquet") => Ok(Box::new(parquet::ParquetTable::open(path)?)),
        #[cfg(not(feature = "parquet"))]
        Some("parquet") => Err(TableError::FeatureMissing("parquet")),
        _ => Err(TableError::UnknownFormat),
    }
}

/// What a reader makes of its next row.
type Read = Result<Columns, RowFault>;

/// Gathers rows until there are `limit`, or [`BATCH_BYTES`] of cells, or no more.
fn gather(
    limit: usize,
    mut next: impl FnMut() -> Result<Option<(u64, Read)>, TableError>,
) -> Result<Rows, TableError> {
    let (mut rows, mut bytes) = (Rows::new(), 0);
    while rows.len() < limit.max(1) && bytes < BATCH_BYTES {
        let Some((row, read)) = next()? else { break };
        if let Ok(columns) = &read {
            bytes += columns.values().map(|cell| cell.reveal().len()).sum::<usize>();
        }
        rows.push((row, read.map_err(|fault| RowError { row, fault })));
    }
    Ok(rows)
}

/// Checks the names of a table's columns.
fn check_names(columns: &[String]) -> Result<(), TableError> {
    if columns.len() > COLUMNS {
        return Err(HeaderFault::TooManyColumns.into());
    }
    for (position, name) in columns.iter().enumerate() {
        if name.is_empty() {
            return Err(HeaderFault::Unnamed(position + 1).into());
        }
        if columns[..position].contains(name) {
            return Err(HeaderFault::Twice(shown(name, position)).into());
        }
    }
    Ok(())
}

/// A column's name if it looks like one, else its position: a file without a header, or a stray object, has personal
/// values where names should stand.
fn shown(name: &str, position: usize) -> String {
    if looks_like_a_name(name) { name.to_owned() } else { format!("number {}", position + 1) }
}

/// Whether a column's name looks like one, and may be shown.
pub fn looks_like_a_name(name: &str) -> bool {
    const LONGEST: usize = 64;
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    begins_well && plain && name.len() <= LONGEST
}

/// The text of a number that a format holds in floating point, if it is whole and exact (writers make whole columns
/// with nulls so).
fn whole(number: f64) -> Option<String> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    #[allow(clippy::cast_possible_truncation, reason = "whole and within 2^53, so exact")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then(|| (number as i64).to_string())
}

#[cfg(test)]
mod tests;
