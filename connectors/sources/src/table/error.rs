//! What can be wrong with a table, and with a row of it.

use std::io;

use thiserror::Error;

use super::{COLUMNS, ROW_BYTES};

/// Why a table cannot be read, or not further. Texts hold neither its path nor what it says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TableError {
    /// The file's name says nothing that is read here.
    #[error("a table is a .csv, .ndjson, .jsonl or .parquet file")]
    UnknownFormat,
    /// This build does not read the format.
    #[error(
        "this build does not read .{0} files: build it with the cargo feature `{0}`, or convert the table to .csv"
    )]
    FeatureMissing(&'static str),
    /// The system says no; the kind alone, since its full text could name the path.
    #[error("the table cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    /// The names of the columns cannot be used.
    #[error("the header cannot be used: {0}")]
    Header(#[from] HeaderFault),
    /// Columns of types that have no place in a fact.
    #[error("columns cannot be read: {}", list(.0))]
    Columns(Vec<BadColumn>),
    /// The file is not what its name says, or is damaged.
    #[error("the file is damaged, or not what its name says: {0}")]
    Damaged(String),
}

impl From<io::Error> for TableError {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error.kind())
    }
}

/// Why the names of a table's columns cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderFault {
    /// The file is empty.
    #[error("there is none; the first line names the columns")]
    Missing,
    /// Longer than a row may be.
    #[error("it is longer than {ROW_BYTES} bytes")]
    TooLong,
    /// More than [`COLUMNS`].
    #[error("it names more than {COLUMNS} columns")]
    TooManyColumns,
    /// A quote is not closed, or stands where none may.
    #[error("a quote is not closed, or stands where none may")]
    Quotes,
    /// Not UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// The column at this place, counted from 1, has no name.
    #[error("column number {0} has no name")]
    Unnamed(usize),
    /// Two columns have this name.
    #[error("two columns have the same name: {0}")]
    Twice(String),
}

/// A column of a type that is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadColumn {
    /// Its name.
    pub column: String,
    /// Its type.
    pub found: String,
    /// What to do.
    pub fix: &'static str,
}

fn list(columns: &[BadColumn]) -> String {
    let each = columns.iter().map(|bad| format!("{} is {} ({})", bad.column, bad.found, bad.fix));
    each.collect::<Vec<_>>().join("; ")
}

/// A row that cannot be used, by its number and reason.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("row {row}: {fault}")]
pub struct RowError {
    /// Its number, counted from 0; neither the header of a CSV file nor an empty line is counted.
    pub row: u64,
    /// Why.
    pub fault: RowFault,
}

/// Why a row cannot be used. `column` is the name of a column, or `number N` where that does not look like one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RowFault {
    /// CSV: another number of fields than the header names.
    #[error("{found} fields where the header names {expected}")]
    Fields {
        /// Columns of the header.
        expected: usize,
        /// Fields of the row.
        found: usize,
    },
    /// CSV: a quote within a field without quotes, text after a closing quote, or a lone carriage return. The row went
    /// on to the end of a line.
    #[error("a quote or carriage return where none may stand{}", spans(*.lines))]
    StrayQuote {
        /// Lines that the row goes over; more than one where a quote before was not closed.
        lines: usize,
    },
    /// CSV: the file ends within a quoted field.
    #[error("a quote is not closed before the end of the file{}", spans(*.lines))]
    OpenQuote {
        /// Lines that the row goes over.
        lines: usize,
    },
    /// Longer than [`ROW_BYTES`].
    #[error("longer than {ROW_BYTES} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// NDJSON: not one JSON object.
    #[error("the line is not one JSON object")]
    NotAnObject,
    /// NDJSON: a column that the object names twice.
    #[error("column {column} is there twice")]
    Twice {
        /// The column.
        column: String,
    },
    /// A list or an object in a cell.
    #[error("column {column} is nested: a cell holds one plain value")]
    Nested {
        /// The column.
        column: String,
    },
    /// A cell that is not UTF-8.
    #[error("column {column} is not UTF-8")]
    CellNotUtf8 {
        /// The column.
        column: String,
    },
    /// A number that is not whole, or too large to be exact.
    #[error("column {column} is no whole number below 2^53: write amounts in the smallest unit")]
    NotWhole {
        /// The column.
        column: String,
    },
    /// A date outside the calendar.
    #[error("column {column} is a date outside the calendar")]
    NoDate {
        /// The column.
        column: String,
    },
}

impl RowFault {
    /// The column, where the fault lies in one.
    pub fn column(&self) -> Option<&str> {
        match self {
            Self::Twice { column }
            | Self::Nested { column }
            | Self::CellNotUtf8 { column }
            | Self::NotWhole { column }
            | Self::NoDate { column } => Some(column),
            Self::Fields { .. }
            | Self::StrayQuote { .. }
            | Self::OpenQuote { .. }
            | Self::TooLong
            | Self::NotUtf8
            | Self::NotAnObject => None,
        }
    }
}

fn spans(lines: usize) -> String {
    if lines > 1 { format!("; the row goes over {lines} lines") } else { String::new() }
}
