//! Event types, and what they do to facts.

use std::collections::{BTreeMap, BTreeSet};

use tidings_domain::value::{Value, ValueType};

/// An event type.
#[derive(Clone, Debug)]
pub struct EventType {
    /// CloudEvents `type`.
    pub name: String,
    /// Fields of `data`.
    pub fields: BTreeMap<String, Field>,
    /// What it does.
    pub effects: Vec<Effect>,
    /// The field that names the event taken back.
    pub retracts: Option<String>,
    /// Positions in [`super::Pack::life_events`] of the life events it reports.
    pub life_events: Vec<usize>,
}

/// A field of event data.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its type.
    pub value_type: ValueType,
    /// An event without it is a dead letter.
    pub required: bool,
    /// Closed list for text; empty means open.
    pub values: BTreeSet<String>,
}

/// Whose record, or who, in an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    /// The event's subject.
    Subject,
    /// The citizen in this data field.
    Field(String),
}

/// Where an effect's value comes from.
#[derive(Clone, Debug)]
pub enum Term {
    /// The value of this data field.
    Field(String),
    /// The event's subject, as a citizen.
    Subject,
    /// Always this.
    Constant(Value),
}

/// One effect: on whose facts, and what.
#[derive(Clone, Debug)]
pub struct Effect {
    /// Whose record.
    pub of: Person,
    /// What happens.
    pub change: Change,
}

/// What an effect does.
#[derive(Clone, Debug)]
pub enum Change {
    /// A fact takes a value.
    Set {
        /// Name of the fact.
        fact: String,
        /// The value.
        value: Term,
    },
    /// A set gains or changes an element.
    Put {
        /// Name of the set.
        set: String,
        /// Element key.
        element: Term,
        /// Element fields.
        fields: Vec<(String, Term)>,
    },
    /// A set loses an element.
    Remove {
        /// Name of the set.
        set: String,
        /// Element key.
        element: Term,
    },
    /// A link begins.
    Link {
        /// Name of the link.
        link: String,
        /// The other person.
        other: Person,
    },
    /// A link ends.
    Unlink {
        /// Name of the link.
        link: String,
        /// The other person.
        other: Person,
    },
}

impl Change {
    /// Name of the fact, set or link that it changes.
    pub fn name(&self) -> &str {
        match self {
            Self::Set { fact, .. } => fact,
            Self::Put { set, .. } | Self::Remove { set, .. } => set,
            Self::Link { link, .. } | Self::Unlink { link, .. } => link,
        }
    }
}
