//! A population, whatever it is kept in.

use std::path::Path;

use arrow_array::ArrayRef;
use chrono::NaiveDate;
use tidings_rules::whatif::{Batch, Column, Period, Study};

use super::csv::CsvTable;
use crate::out::Usage;

/// Rows that are judged at once.
pub(super) const BATCH_ROWS: usize = 65_536;
/// Columns that must be there under one of several names, the first of them the usual one.
const PREFIXES: [&str; 3] = ["subject.", "", "citizen."];

/// Reads rows and hands them on, some columns and how many rows at a time.
type ReadRows = dyn FnOnce(&mut dyn FnMut(Vec<Option<ArrayRef>>, usize) -> Result) -> Result + Send;

/// Some rows that are read when they are judged, on whichever core.
pub(super) struct Chunk {
    pub(super) first_row: u64,
    pub(super) read: Box<ReadRows>,
}

pub(super) type Result<T = ()> = anyhow::Result<T>;

impl Chunk {
    /// Hands over its rows, a batch at a time.
    pub(super) fn each(
        self,
        period: Period,
        every_answer: bool,
        judge: &mut dyn FnMut(Batch<'_>) -> Result,
    ) -> Result {
        let mut first_row = self.first_row;
        (self.read)(&mut |columns, rows| {
            judge(Batch { first_row, rows, every_answer, period, columns: &columns })?;
            first_row += rows as u64;
            Ok(())
        })
    }
}

/// A population that is read from the start to the end.
pub(super) trait Table {
    /// The next chunks, at most `most`; none at the end.
    fn next_chunks(&mut self, most: usize) -> Result<Vec<Chunk>>;
    /// How many rows, if that is known beforehand.
    fn rows(&self) -> Option<u64>;
    /// The day that the table says it is of.
    fn as_of(&self) -> Option<NaiveDate>;
    /// The first day of the period that the table says it is of.
    fn from(&self) -> Option<NaiveDate>;
    /// Columns of the study that the table does not have.
    fn absent(&self) -> &[String];
}

/// Opens a table by the end of its name.
pub(super) fn open(path: &Path, study: &Study<'_>) -> Result<Box<dyn Table>> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("csv") => Ok(Box::new(CsvTable::open(path, study)?)),
        #[cfg(feature = "parquet")]
        Some("parquet") => Ok(Box::new(super::parquet::ParquetTable::open(path, study)?)),
        #[cfg(not(feature = "parquet"))]
        Some("parquet") => Err(no_parquet().into()),
        _ => Err(Usage("--population takes a .parquet or .csv file".to_owned()).into()),
    }
}

#[cfg(not(feature = "parquet"))]
pub(super) fn no_parquet() -> Usage {
    Usage("this tidings is built without Parquet; build it with the feature `parquet`".to_owned())
}

/// Where each column of the study stands in a table, and the names of those that do not.
pub(super) fn places(study: &Study<'_>, names: &[String]) -> (Vec<Option<usize>>, Vec<String>) {
    let place = |column: &Column| {
        let named = |name: &str| names.iter().position(|known| known == name);
        match column.name.strip_prefix("subject.") {
            Some(name) => PREFIXES.iter().find_map(|prefix| named(&format!("{prefix}{name}"))),
            None => named(&column.name),
        }
    };
    let places: Vec<_> = study.columns.iter().map(place).collect();
    let absent = study.columns.iter().zip(&places).filter(|(_, place)| place.is_none());
    let absent = absent.map(|(column, _)| column.name.clone()).collect();
    (places, absent)
}
