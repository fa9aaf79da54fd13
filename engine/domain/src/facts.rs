//! Facts: what is known about one person, kept as the writes that contributed to it.
//!
//! Everything here is a join-semilattice: merging is a set union, so any order and any repetition of the same
//! writes and retractions gives the same facts. The winner among writes is found when a value is read.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use serde::ser::{SerializeSeq, SerializeTuple};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

use crate::ids::EventKey;
use crate::time::Timestamp;
use crate::value::Value;

/// A short name or key, kept in place up to 24 bytes: records are full of them.
pub type Name = CompactString;

/// A map in one sorted list, for the few entries that a record's maps have: read, written and let go at once.
pub type Map<K, V> = litemap::LiteMap<K, V>;

/// The smallest thing that can be written: a fact, an element of a set, or a field of an element.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// Name of the fact, set or link.
    pub fact: Name,
    /// Element key, for sets and links (a link's element is the other person's id).
    pub element: Option<Name>,
    /// Field of the element; `None` is the element's presence.
    pub field: Option<Name>,
}

impl Cell {
    /// The cell of a single-valued fact.
    pub fn fact(name: &str) -> Self {
        Self { fact: name.into(), element: None, field: None }
    }

    /// The presence of an element.
    pub fn element(set: &str, element: &str) -> Self {
        Self { fact: set.into(), element: Some(element.into()), field: None }
    }

    /// A field of an element.
    pub fn field(set: &str, element: &str, field: &str) -> Self {
        Self { fact: set.into(), element: Some(element.into()), field: Some(field.into()) }
    }
}

/// Who stated something, when, and in which event. All writes of one event share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// From when it holds: the event's time.
    pub time: Timestamp,
    /// Short name of the source.
    pub source: Name,
    /// The event that stated it.
    pub event: EventKey,
}

/// One source's statement about one cell. Reads as its [`Origin`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Write {
    /// Where it comes from.
    #[serde(with = "shared")]
    pub origin: Arc<Origin>,
    /// The value; `None` states that there is none.
    pub value: Option<Value>,
}

impl Deref for Write {
    type Target = Origin;

    fn deref(&self) -> &Origin {
        &self.origin
    }
}

/// A lone write carries its origin whole; only [`Facts`] share them.
mod shared {
    use super::{Arc, Deserialize, Deserializer, Origin, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(origin: &Arc<Origin>, serializer: S) -> Result<S::Ok, S::Error> {
        (**origin).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<Origin>, D::Error> {
        Origin::deserialize(deserializer).map(Arc::new)
    }
}

/// How much each source counts; from the pack's register.
pub trait Ranks {
    /// The rank of a source by short name; higher wins.
    fn rank(&self, source: &str) -> u8;
}

/// The writes of one person, by cell. Grow-only but for [`Facts::fold`].
///
/// Encoded as three lists, so that nothing is said twice: the origins, each once and in order; the cells, in order;
/// and each write's value with the places of its cell and its origin. Equal facts have equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// In order of the cells, each once: records are read and written far more often than a cell is added.
    cells: Vec<(Cell, Writes)>,
}

/// The writes of one cell, in order; nearly always one.
pub type Writes = SmallVec<[Write; 1]>;

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let origins = self.origins();
        let mut tuple = serializer.serialize_tuple(3)?;
        tuple.serialize_element(origins.as_slice())?;
        tuple.serialize_element(&Cells(self))?;
        tuple.serialize_element(&PackedWrites { facts: self, origins: &origins })?;
        tuple.end()
    }
}

struct Cells<'a>(&'a Facts);

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.cells.iter().map(|(cell, _)| cell))
    }
}

struct PackedWrites<'a> {
    facts: &'a Facts,
    origins: &'a [&'a Origin],
}

impl Serialize for PackedWrites<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.facts.writes().count()))?;
        for (cell, (_, writes)) in self.facts.cells.iter().enumerate() {
            for write in writes {
                let origin = self.origins.binary_search(&&*write.origin).unwrap_or_default();
                list.serialize_element(&(cell, origin, &write.value))?;
            }
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Facts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        type Packed = (Vec<Origin>, Vec<Cell>, Vec<(usize, usize, Option<Value>)>);
        let wrong = |what| Err(serde::de::Error::custom(what));
        let (origins, cells, writes): Packed = Deserialize::deserialize(deserializer)?;
        if !cells.is_sorted_by(|one, next| one < next) {
            return wrong("cells out of order");
        }
        let origins: Vec<Arc<Origin>> = origins.into_iter().map(Arc::new).collect();
        let mut cells: Vec<(Cell, Writes)> = cells.into_iter().map(|cell| (cell, Writes::new())).collect();
        for (cell, origin, value) in writes {
            match (cells.get_mut(cell), origins.get(origin)) {
                (Some((_, writes)), Some(origin)) => writes.push(Write { origin: Arc::clone(origin), value }),
                _ => return wrong("a write without its cell or origin"),
            }
        }
        Ok(Self { cells })
    }
}

impl Facts {
    /// Whether nothing was ever written.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Adds a write; returns whether it was new.
    pub fn insert(&mut self, cell: Cell, write: Write) -> bool {
        match self.place(&cell) {
            Err(place) => self.cells.insert(place, (cell, SmallVec::from_iter([write]))),
            Ok(place) => {
                let writes = &mut self.cells[place].1;
                let Err(place) = writes.binary_search(&write) else { return false };
                writes.insert(place, write);
            }
        }
        true
    }

    /// Where the cell is, or where it belongs.
    fn place(&self, cell: &Cell) -> Result<usize, usize> {
        self.cells.binary_search_by(|(known, _)| known.cmp(cell))
    }

    /// Who stated anything, each once and in order.
    fn origins(&self) -> SmallVec<[&Origin; 8]> {
        let mut shared: SmallVec<[&Arc<Origin>; 8]> = SmallVec::new();
        for write in self.writes() {
            // Nearly all writes share one of few.
            if !shared.iter().any(|known| Arc::ptr_eq(known, &write.origin)) {
                shared.push(&write.origin);
            }
        }
        let mut origins: SmallVec<[&Origin; 8]> = shared.into_iter().map(|origin| &**origin).collect();
        origins.sort_unstable();
        origins.dedup();
        origins
    }

    fn writes(&self) -> impl Iterator<Item = &Write> {
        self.cells.iter().flat_map(|(_, writes)| writes)
    }

    /// Adds all writes of `other`; returns the names of the facts that changed.
    pub fn merge(&mut self, other: Self) -> BTreeSet<Name> {
        let mut changed = BTreeSet::new();
        for (cell, writes) in other.cells {
            for write in writes {
                if self.insert(cell.clone(), write) {
                    changed.insert(cell.fact.clone());
                }
            }
        }
        changed
    }

    /// The writes of the named facts, sets and links alone.
    pub fn only(&self, names: &BTreeSet<Name>) -> Self {
        // Names and cells have one order.
        let cells = names.iter().flat_map(|name| self.cells_of(name));
        Self { cells: cells.map(|(cell, writes)| (cell.clone(), writes.clone())).collect() }
    }

    /// Every cell of one fact, set or link.
    pub fn cells_of(&self, name: &str) -> impl Iterator<Item = (&Cell, &Writes)> + use<'_> {
        let first = self.cells.partition_point(|(cell, _)| cell.fact.as_str() < name);
        let rest = &self.cells[first..];
        let count = rest.iter().take_while(|(cell, _)| cell.fact == name).count();
        rest[..count].iter().map(|(cell, writes)| (cell, writes))
    }

    /// All cells.
    pub fn cells(&self) -> impl Iterator<Item = (&Cell, &Writes)> {
        self.cells.iter().map(|(cell, writes)| (cell, writes))
    }

    /// The events that contributed.
    pub fn events(&self) -> BTreeSet<EventKey> {
        self.writes().map(|write| write.event).collect()
    }

    /// The write that decides the cell at `at`: the highest-ranked source, then the latest event time, then the
    /// largest (source, event). Writes later than `at` and writes of retracted events do not count.
    pub fn winner(&self, cell: &Cell, view: View<'_>) -> Option<&Write> {
        view.winner(&self.cells[self.place(cell).ok()?].1)
    }

    /// Keeps the cells for which `keep` says so.
    pub fn retain(&mut self, keep: impl Fn(&Cell) -> bool) {
        self.cells.retain(|(cell, _)| keep(cell));
    }

    /// Folds what is older than `horizon` before the latest write of each cell into the one write that wins
    /// there. Folding commutes with merging, because the winner is a maximum; only a retraction of what was
    /// folded away can no longer be carried out (`Retraction` says what happens then).
    pub fn fold(&mut self, horizon: Duration, ranks: &dyn Ranks, retracted: &BTreeSet<EventKey>) {
        for (_, writes) in &mut self.cells {
            let Some(latest) = writes.last().map(|write| write.time) else { continue };
            let cutoff = latest - horizon;
            if writes.iter().filter(|write| write.time < cutoff).nth(1).is_none() {
                continue;
            }
            let view = View { at: Timestamp(cutoff.0 - 1), ranks, retracted };
            let base = view.winner(writes).cloned();
            writes.retain(|write: &mut Write| write.time >= cutoff || Some(&*write) == base.as_ref());
        }
    }
}

/// How facts are read: as of a moment, with the ranks of a pack, without what was taken back.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Writes later than this do not count.
    pub at: Timestamp,
    /// Ranks of sources.
    pub ranks: &'a dyn Ranks,
    /// Events taken back.
    pub retracted: &'a BTreeSet<EventKey>,
}

impl View<'_> {
    /// The write that wins among `writes`.
    pub fn winner<'w>(&self, writes: &'w [Write]) -> Option<&'w Write> {
        writes
            .iter()
            .filter(|write| write.time <= self.at && !self.retracted.contains(&write.event))
            .max_by_key(|write| (self.ranks.rank(&write.source), write.time, &write.source, write.event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct ByName;

    impl Ranks for ByName {
        fn rank(&self, source: &str) -> u8 {
            if source == "high" { 90 } else { 10 }
        }
    }

    fn write(time: i64, source: &str, id: &str, value: i64) -> Write {
        let origin = Origin { time: Timestamp(time), source: source.into(), event: EventKey::of(source, id) };
        Write { origin: Arc::new(origin), value: Some(Value::Int(value)) }
    }

    fn read(facts: &Facts, at: i64, retracted: &BTreeSet<EventKey>) -> Option<Value> {
        let view = View { at: Timestamp(at), ranks: &ByName, retracted };
        facts.winner(&Cell::fact("f"), view)?.value.clone()
    }

    #[test]
    fn rank_then_time_decides_and_a_retraction_uncovers() {
        let mut facts = Facts::default();
        facts.insert(Cell::fact("f"), write(1, "high", "a", 1));
        facts.insert(Cell::fact("f"), write(5, "low", "b", 2));
        facts.insert(Cell::fact("f"), write(3, "high", "c", 3));
        let none = BTreeSet::new();
        assert_eq!(read(&facts, 9, &none), Some(Value::Int(3)));
        assert_eq!(read(&facts, 2, &none), Some(Value::Int(1)));
        assert_eq!(read(&facts, 0, &none), None);
        let retracted = BTreeSet::from([EventKey::of("high", "a"), EventKey::of("high", "c")]);
        assert_eq!(read(&facts, 9, &retracted), Some(Value::Int(2)));
    }

    #[test]
    fn folding_commutes_with_merging() {
        let horizon = Duration::from_millis(10);
        let all: Vec<_> = (0..12)
            .map(|i| write(i * 4, if i % 3 == 0 { "high" } else { "low" }, &i.to_string(), i))
            .collect();
        let none = BTreeSet::new();
        for split in 0..all.len() {
            let (mut early, mut late, mut whole) = (Facts::default(), Facts::default(), Facts::default());
            for (place, write) in all.iter().enumerate() {
                whole.insert(Cell::fact("f"), write.clone());
                let half = if (place * 7) % 12 < split { &mut early } else { &mut late };
                half.insert(Cell::fact("f"), write.clone());
            }
            early.fold(horizon, &ByName, &none);
            late.fold(horizon, &ByName, &none);
            early.merge(late);
            early.fold(horizon, &ByName, &none);
            whole.fold(horizon, &ByName, &none);
            assert_eq!(early, whole, "split {split}");
        }
    }
}
