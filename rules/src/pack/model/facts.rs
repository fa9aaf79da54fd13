//! Who states facts, what is known about a person, and why.

use std::collections::{BTreeMap, BTreeSet};

use tidings_domain::value::ValueType;

use crate::pack::format::{FoldKind, Sensitivity};

/// A registered source.
#[derive(Clone, Debug)]
pub struct Source {
    /// Short name; what records and logs carry.
    pub name: String,
    /// The CloudEvents `source`.
    pub uri: String,
    /// Higher wins.
    pub rank: u8,
    /// Event types it may send.
    pub events: BTreeSet<String>,
    /// Facts, sets and links it may state.
    pub facts: BTreeSet<String>,
    /// After how many days of silence it alarms.
    pub silent_after_days: Option<u32>,
    /// Above how many events an hour it alarms, and absences wait for it.
    pub loud_above: Option<u32>,
}

/// How long something is kept and believed; `None` for never.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// Purpose of keeping.
    pub purpose: String,
    /// Legal ground.
    pub ground: String,
    /// Needs special care.
    pub sensitivity: Sensitivity,
    /// Days kept.
    pub retention_days: u32,
    /// Days after which it is unknown.
    pub stale_after_days: Option<u32>,
}

/// A fact.
#[derive(Clone, Debug)]
pub struct Fact {
    /// Its type.
    pub value_type: ValueType,
    /// Closed list for text; empty means open.
    pub values: BTreeSet<String>,
    /// Why and how long.
    pub keeping: Keeping,
}

/// A keyed set.
#[derive(Clone, Debug)]
pub struct SetFact {
    /// Type of the element key.
    pub key: ValueType,
    /// Fields of an element.
    pub fields: BTreeMap<String, ValueType>,
    /// Why and how long.
    pub keeping: Keeping,
}

/// A fold over a set.
#[derive(Clone, Debug)]
pub struct Fold {
    /// The set.
    pub set: String,
    /// How.
    pub kind: FoldKind,
    /// The field; `None` for count.
    pub field: Option<String>,
    /// Type of the result.
    pub value_type: ValueType,
}

/// A link.
#[derive(Clone, Debug)]
pub struct Link {
    /// Facts the linked person may be shown.
    pub shows: BTreeSet<String>,
    /// Why and how long.
    pub keeping: Keeping,
    /// Facts and folds of the linked person that some rule reads through this link, so that they are
    /// mirrored.
    pub mirrored: BTreeSet<String>,
}
