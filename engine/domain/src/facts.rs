//! Facts: what is known about one person, kept as the writes that contributed to it.
//!
//! Everything here is a join-semilattice: merging is a set union, so any order and any repetition of the same
//! writes and retractions gives the same facts. The winner among writes is found when a value is read.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use compact_str::CompactString;
use serde::ser::SerializeTuple;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

use crate::ids::EventKey;
use crate::time::Timestamp;
use crate::value::Value;

/// A short name or key, kept in place up to 24 bytes: records are full of them.
pub type Name = CompactString;

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
/// Encoded as the list of origins, each once and in order, and then the cells with the place of each write's
/// origin in that list: equal facts have equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    cells: BTreeMap<Cell, Writes>,
}

/// The writes of one cell, in order; nearly always one.
pub type Writes = SmallVec<[Write; 1]>;

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut origins: Vec<&Origin> = self.cells.values().flatten().map(|write| &*write.origin).collect();
        origins.sort_unstable();
        origins.dedup();
        let cells: Vec<PackedCell<'_>> =
            self.cells.iter().map(|(cell, writes)| PackedCell { cell, writes, origins: &origins }).collect();
        let mut tuple = serializer.serialize_tuple(2)?;
        tuple.serialize_element(&origins)?;
        tuple.serialize_element(&cells)?;
        tuple.end()
    }
}

struct PackedCell<'a> {
    cell: &'a Cell,
    writes: &'a [Write],
    origins: &'a [&'a Origin],
}

impl Serialize for PackedCell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let place = |write: &Write| self.origins.binary_search(&&*write.origin).unwrap_or_default();
        let writes: SmallVec<[(usize, &Option<Value>); 4]> =
            self.writes.iter().map(|write| (place(write), &write.value)).collect();
        (self.cell, writes.as_slice()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Facts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        type Packed = (Cell, SmallVec<[(usize, Option<Value>); 1]>);
        let (origins, packed): (Vec<Origin>, Vec<Packed>) = Deserialize::deserialize(deserializer)?;
        let origins: Vec<Arc<Origin>> = origins.into_iter().map(Arc::new).collect();
        let write = |(place, value): (usize, Option<Value>)| {
            let origin =
                origins.get(place).ok_or_else(|| serde::de::Error::custom("a write without an origin"))?;
            Ok(Write { origin: Arc::clone(origin), value })
        };
        let cell = |(cell, writes): Packed| {
            let writes: Result<Writes, D::Error> = writes.into_iter().map(write).collect();
            Ok((cell, writes?))
        };
        Ok(Self { cells: packed.into_iter().map(cell).collect::<Result<_, D::Error>>()? })
    }
}

impl Facts {
    /// Whether nothing was ever written.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Adds a write; returns whether it was new.
    pub fn insert(&mut self, cell: Cell, write: Write) -> bool {
        let writes = self.cells.entry(cell).or_default();
        match writes.binary_search(&write) {
            Ok(_) => false,
            Err(place) => {
                writes.insert(place, write);
                true
            }
        }
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
        let mut cells = BTreeMap::new();
        for name in names {
            cells.extend(self.cells_of(name).map(|(cell, writes)| (cell.clone(), writes.clone())));
        }
        Self { cells }
    }

    /// Every cell of one fact, set or link.
    pub fn cells_of<'a>(&'a self, name: &str) -> impl Iterator<Item = (&'a Cell, &'a Writes)> + use<'a> {
        let first = Cell::fact(name);
        let name = first.fact.clone();
        self.cells.range(first..).take_while(move |(cell, _)| cell.fact == name)
    }

    /// All cells.
    pub fn cells(&self) -> impl Iterator<Item = (&Cell, &Writes)> {
        self.cells.iter()
    }

    /// The events that contributed.
    pub fn events(&self) -> BTreeSet<EventKey> {
        self.cells.values().flatten().map(|write| write.event).collect()
    }

    /// The write that decides the cell at `at`: the highest-ranked source, then the latest event time, then the
    /// largest (source, event). Writes later than `at` and writes of retracted events do not count.
    pub fn winner(&self, cell: &Cell, view: View<'_>) -> Option<&Write> {
        view.winner(self.cells.get(cell)?)
    }

    /// Keeps the cells for which `keep` says so.
    pub fn retain(&mut self, keep: impl Fn(&Cell) -> bool) {
        self.cells.retain(|cell, _| keep(cell));
    }

    /// Folds what is older than `horizon` before the latest write of each cell into the one write that wins
    /// there. Folding commutes with merging, because the winner is a maximum; only a retraction of what was
    /// folded away can no longer be carried out (`Retraction` says what happens then).
    pub fn fold(&mut self, horizon: Duration, ranks: &dyn Ranks, retracted: &BTreeSet<EventKey>) {
        for writes in self.cells.values_mut() {
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
