//! CSV, strictly after RFC 4180: a header, fields separated by commas, quotes around fields that hold commas, quotes
//! or line breaks; LF ends a row as CRLF does.
//!
//! The `csv` crate is the oracle in the tests and not the parser here, for two reasons. It forgives a quote that
//! stands anywhere, so that `"1,x`, `2,y` and `"3,z` on three lines are one good row of two fields; and it follows an
//! open quote through the whole file into memory.
//!
//! A row ends where its quotes say so, never at a guess: were reading to start anew within a malformed row, text that
//! somebody wrote into a field could pass as a row.

use tidings_domain::value::Pii;

use super::error::{HeaderFault, RowFault, TableError};
use super::input::Input;
use super::{COLUMNS, Columns, ROW_BYTES, Read, Rows, TableReader, check_names, gather, shown};

pub(super) struct CsvTable {
    input: Input,
    record: Record,
    columns: Vec<String>,
    next: u64,
}

impl CsvTable {
    pub(super) fn new(mut input: Input) -> Result<Self, TableError> {
        input.skip_mark()?;
        let mut table = Self { input, record: Record::default(), columns: Vec::new(), next: 0 };
        table.columns = table.header()?;
        check_names(&table.columns)?;
        Ok(table)
    }

    fn header(&mut self) -> Result<Vec<String>, TableError> {
        if !self.read_record()? {
            return Err(HeaderFault::Missing.into());
        }
        let record = &self.record;
        match record.form() {
            Some(RowFault::TooLong) => Err(HeaderFault::TooLong.into()),
            Some(_) => Err(HeaderFault::Quotes.into()),
            None if record.fields > COLUMNS => Err(HeaderFault::TooManyColumns.into()),
            None => {
                let names = record.cells().map(|cell| std::str::from_utf8(cell).map(str::to_owned));
                names.collect::<Result<_, _>>().map_err(|_| HeaderFault::NotUtf8.into())
            }
        }
    }

    fn next_row(&mut self) -> Result<Option<(u64, Read)>, TableError> {
        if !self.read_record()? {
            return Ok(None);
        }
        let row = self.next;
        self.next += 1;
        Ok(Some((row, self.row())))
    }

    fn row(&self) -> Read {
        let (record, expected) = (&self.record, self.columns.len());
        if let Some(fault) = record.form() {
            return Err(fault);
        }
        if record.fields != expected {
            return Err(RowFault::Fields { expected, found: record.fields });
        }
        let mut columns = Columns::new();
        for (position, (name, cell)) in self.columns.iter().zip(record.cells()).enumerate() {
            let text = std::str::from_utf8(cell)
                .map_err(|_| RowFault::CellNotUtf8 { column: shown(name, position) })?;
            if !text.is_empty() {
                columns.insert(name.clone(), Pii::new(text.to_owned()));
            }
        }
        Ok(columns)
    }

    /// Reads one record, passing over empty lines; `false` at the end.
    fn read_record(&mut self) -> Result<bool, TableError> {
        self.record.clear();
        loop {
            let bytes = self.input.fill()?;
            if bytes.is_empty() {
                return Ok(self.record.end());
            }
            let end = bytes.iter().position(|byte| self.record.ends_with(*byte));
            let used = end.map_or(bytes.len(), |end| end + 1);
            self.input.consume(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

impl TableReader for CsvTable {
    fn columns(&self) -> Option<&[String]> {
        Some(&self.columns)
    }

    fn next_rows(&mut self, limit: usize) -> Result<Rows, TableError> {
        gather(limit, || self.next_row())
    }

    fn skip_to(&mut self, row: u64) -> Result<(), TableError> {
        while self.next < row && self.read_record()? {
            self.next += 1;
        }
        Ok(())
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.input.progress()
    }
}

/// Where parsing stands within a record.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum At {
    /// Before the first byte of a field.
    #[default]
    Start,
    /// In a field without quotes.
    Plain,
    /// Within quotes.
    Quoted,
    /// After a quote that ended a quoted field, or is the first of a pair.
    Closed,
    /// After a carriage return outside quotes: a line feed must follow.
    Return,
}

/// One record. What goes beyond a limit is parsed, not kept.
#[derive(Default)]
struct Record {
    text: Vec<u8>,
    ends: Vec<usize>,
    fields: usize,
    lines: usize,
    at: At,
    /// Nothing but the end of a line was seen.
    blank: bool,
    too_long: bool,
    stray: bool,
    open_quote: bool,
}

impl Record {
    fn clear(&mut self) {
        let (mut text, mut ends) = (std::mem::take(&mut self.text), std::mem::take(&mut self.ends));
        text.clear();
        ends.clear();
        *self = Self { text, ends, lines: 1, blank: true, ..Self::default() };
    }

    /// Takes one byte; `true` when it ends the record.
    fn ends_with(&mut self, byte: u8) -> bool {
        self.blank &= matches!(byte, b'\r' | b'\n');
        self.at = match (self.at, byte) {
            (At::Quoted, b'"') => At::Closed,
            (At::Quoted, _) => {
                self.lines += usize::from(byte == b'\n');
                self.keep(byte, At::Quoted)
            }
            (At::Closed, b'"') => self.keep(byte, At::Quoted),
            (_, b'\n') if self.blank => At::Start,
            (_, b'\n') => {
                self.end_field();
                return true;
            }
            (At::Start | At::Plain | At::Closed, b',') => self.end_field(),
            (At::Start | At::Plain | At::Closed, b'\r') => At::Return,
            (At::Start, b'"') => At::Quoted,
            (At::Start | At::Plain, _) if byte != b'"' => self.keep(byte, At::Plain),
            _ => {
                self.stray = true;
                At::Plain
            }
        };
        false
    }

    fn keep(&mut self, byte: u8, then: At) -> At {
        if self.text.len() < ROW_BYTES {
            self.text.push(byte);
        } else {
            self.too_long = true;
        }
        then
    }

    fn end_field(&mut self) -> At {
        self.fields += 1;
        if self.fields <= COLUMNS {
            self.ends.push(self.text.len());
        }
        At::Start
    }

    /// Ends the last record of the file; `false` when there is none.
    fn end(&mut self) -> bool {
        if !self.blank {
            self.open_quote = self.at == At::Quoted;
            self.end_field();
        }
        !self.blank
    }

    /// What is wrong with it, whatever the header says.
    fn form(&self) -> Option<RowFault> {
        let lines = self.lines;
        match self {
            Self { too_long: true, .. } => Some(RowFault::TooLong),
            Self { open_quote: true, .. } => Some(RowFault::OpenQuote { lines }),
            Self { stray: true, .. } => Some(RowFault::StrayQuote { lines }),
            _ => None,
        }
    }

    fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(start, end)| &self.text[*start..*end])
    }
}
