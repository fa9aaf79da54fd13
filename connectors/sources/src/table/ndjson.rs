//! NDJSON: one flat object a line.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tidings_domain::value::Pii;

use super::error::{RowFault, TableError};
use super::input::Input;
use super::{Columns, ROW_BYTES, Read, Rows, TableReader, gather, shown, whole};

pub(super) struct NdjsonTable {
    input: Input,
    /// The line read last; of a longer one than [`ROW_BYTES`], one byte more than that.
    line: Vec<u8>,
    next: u64,
}

impl NdjsonTable {
    pub(super) fn new(mut input: Input) -> Result<Self, TableError> {
        input.skip_mark()?;
        Ok(Self { input, line: Vec::new(), next: 0 })
    }

    fn next_row(&mut self) -> Result<Option<(u64, Read)>, TableError> {
        Ok(self.next_line()?.then(|| (self.next - 1, parse(&self.line))))
    }

    /// Reads the next line that has anything in it; `false` at the end.
    fn next_line(&mut self) -> Result<bool, TableError> {
        while self.read_line()? {
            if !self.line.trim_ascii().is_empty() {
                self.next += 1;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads one line, blank or not; `false` at the end.
    fn read_line(&mut self) -> Result<bool, TableError> {
        self.line.clear();
        let mut any = false;
        loop {
            let chunk = self.input.fill()?;
            if chunk.is_empty() {
                break;
            }
            any = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            self.line.extend_from_slice(&part[..part.len().min(ROW_BYTES + 1 - self.line.len())]);
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        Ok(any)
    }
}

impl TableReader for NdjsonTable {
    fn columns(&self) -> Option<&[String]> {
        None
    }

    fn next_rows(&mut self, limit: usize) -> Result<Rows, TableError> {
        gather(limit, || self.next_row())
    }

    fn skip_to(&mut self, row: u64) -> Result<(), TableError> {
        while self.next < row && self.next_line()? {}
        Ok(())
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.input.progress()
    }
}

fn parse(line: &[u8]) -> Read {
    if line.len() > ROW_BYTES {
        return Err(RowFault::TooLong);
    }
    let text = std::str::from_utf8(line).map_err(|_| RowFault::NotUtf8)?;
    let Object(read) = serde_json::from_str(text).map_err(|_| RowFault::NotAnObject)?;
    read
}

/// A flat object, or the first thing that is wrong in it.
struct Object(Read);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut cells = std::collections::BTreeMap::new();
        let mut fault = None;
        while let Some((name, cell)) = map.next_entry::<String, Cell>()? {
            let position = cells.len();
            let column = || shown(&name, position);
            let wrong = match &cell {
                _ if cells.contains_key(&name) => Some(RowFault::Twice { column: column() }),
                Cell::Nested => Some(RowFault::Nested { column: column() }),
                Cell::NotWhole => Some(RowFault::NotWhole { column: column() }),
                Cell::Absent | Cell::Text(_) => None,
            };
            fault = fault.or(wrong);
            cells.insert(name, cell);
        }
        let stated = |(name, cell)| match cell {
            Cell::Text(text) if !text.is_empty() => Some((name, Pii::new(text))),
            _ => None,
        };
        Ok(Object(fault.map_or_else(|| Ok(cells.into_iter().filter_map(stated).collect::<Columns>()), Err)))
    }
}

enum Cell {
    Absent,
    Text(String),
    Nested,
    NotWhole,
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a plain value")
    }

    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Absent)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Cell, E> {
        Ok(Cell::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Cell, E> {
        Ok(Cell::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Cell, E> {
        Ok(Cell::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Cell, E> {
        Ok(whole(value).map_or(Cell::NotWhole, Cell::Text))
    }

    fn visit_str<E>(self, value: &str) -> Result<Cell, E> {
        Ok(Cell::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Cell, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Cell::Nested)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Cell, A::Error> {
        while items.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Nested)
    }
}
