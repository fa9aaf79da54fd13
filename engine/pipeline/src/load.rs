//! Bulk load: what the state already knows about people, row by row. It states facts and links, and fires no
//! life event.

use std::collections::BTreeMap;

use tidings_domain::event::{End, Event, Position};
use tidings_domain::facts::Map;
use tidings_domain::ids::EventKey;
use tidings_domain::time::Timestamp;
use tidings_domain::value::{Pii, Value, ValueType};
use tidings_rules::pack::model::{Pack, Source};

use crate::apply::LOAD;
use crate::decode::{Decoded, parse_text};
use crate::engine::{Engine, PipelineError};
use crate::ingest::Incoming;

/// The column that holds the national number.
pub const NUMBER: &str = "number";

/// One row of a table: text by column; absent and empty mean that nothing is stated.
pub type Columns = BTreeMap<String, Pii<String>>;

/// Where rows come from.
#[derive(Clone, Debug)]
pub struct LoadAsk {
    /// Short name of the registered source that states them.
    pub source: String,
    /// The day the table was drawn: from when its facts hold.
    pub as_of: Timestamp,
    /// Stable name of the table, so that a load can be resumed.
    pub partition: String,
}

/// A row that was refused, with the column and why; never what it held.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RefusedRow {
    /// Row number, counted from 0.
    pub row: u64,
    /// The column.
    pub column: String,
    /// Why.
    pub why: String,
}

/// What became of a batch of rows.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Rows whose facts are now known.
    pub committed: u64,
    /// Rows that were loaded before.
    pub duplicates: u64,
    /// Rows of people who were forgotten.
    pub forgotten: u64,
    /// Rows refused.
    pub refused: Vec<RefusedRow>,
}

impl Engine {
    /// Loads a batch of rows, numbered from `first`. Returns once everything is durable.
    pub fn load(&self, ask: &LoadAsk, first: u64, rows: &[Columns]) -> Result<Loaded, PipelineError> {
        let active = self.active();
        let source = source(&active.pack, &ask.source)?;
        let mut loaded = Loaded::default();
        let mut batch = Vec::with_capacity(rows.len());
        for (offset, row) in (first..).zip(rows) {
            match self.row_event(&active.pack, source, ask, row) {
                Ok(event) => batch.push(Incoming {
                    decoded: Decoded::Event(Box::new(event)),
                    position: Some(Position { partition: ask.partition.clone(), epoch: 0, offset }),
                    refused: None,
                }),
                Err((column, why)) => {
                    loaded.refused.push(RefusedRow { row: offset, column, why: why.to_owned() });
                }
            }
        }
        for end in self.ingest(&batch)?.ends {
            match end {
                End::Committed => loaded.committed += 1,
                End::Duplicate => loaded.duplicates += 1,
                _ => loaded.forgotten += 1,
            }
        }
        Ok(loaded)
    }

    /// How many rows of a table every shard has applied: where a load goes on.
    pub fn loaded(&self, partition: &str) -> Result<u64, PipelineError> {
        let mut least = u64::MAX;
        for shard in self.shards() {
            let position = self.store.position(shard, partition)?;
            least = least.min(position.map_or(0, |position| position.offset + 1));
        }
        Ok(least)
    }

    fn row_event(
        &self,
        pack: &Pack,
        source: &Source,
        ask: &LoadAsk,
        row: &Columns,
    ) -> Result<Event, (String, &'static str)> {
        let number = row.get(NUMBER).map(|number| number.reveal().trim()).filter(|number| !number.is_empty());
        let number = number.ok_or((NUMBER.to_owned(), "there is no national number"))?;
        let subject = self.people.citizen(number);
        let mut data = Map::new();
        let mut identity = vec![ask.as_of.to_string(), subject.to_string()];
        for (column, text) in row {
            let text = text.reveal().trim();
            if column == NUMBER || text.is_empty() {
                continue;
            }
            let value = self.cell(pack, source, column, text).map_err(|why| (column.clone(), why))?;
            identity.push(format!("{column}={}", value.canonical()));
            data.insert(column.as_str().into(), value);
        }
        Ok(Event {
            key: EventKey::of(&format!("load:{}", source.uri), &identity.join("\u{1f}")),
            source: source.name.as_str().into(),
            kind: LOAD.to_owned(),
            subject,
            time: ask.as_of,
            recorded: ask.as_of,
            data,
        })
    }

    fn cell(&self, pack: &Pack, source: &Source, column: &str, text: &str) -> Result<Value, &'static str> {
        let (value_type, values) = match pack.facts.get(column) {
            Some(fact) => (fact.value_type, Some(&fact.values)),
            None if pack.links.contains_key(column) => (ValueType::Citizen, None),
            None => return Err("no fact or link of the pack has this name"),
        };
        if !source.facts.contains(column) {
            return Err("the source may not state this; see sources.yaml");
        }
        let value = parse_text(value_type, &self.people, text).ok_or("not of the fact's type")?;
        match (&value, values) {
            (Value::Text(text), Some(values)) if !values.is_empty() && !values.contains(text.as_str()) => {
                Err("not in the fact's list of values")
            }
            _ => Ok(value),
        }
    }
}

fn source<'a>(pack: &'a Pack, name: &str) -> Result<&'a Source, PipelineError> {
    let found = pack.sources.values().find(|source| source.name == name);
    found.ok_or_else(|| PipelineError::NotFound(format!("source {name} in the pack's register")))
}
