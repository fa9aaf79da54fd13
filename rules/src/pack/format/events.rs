//! `events.yaml`: the event types, and what they do to facts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Texts, TypeName};

/// `events.yaml`: the event types, the shape of their data, and what they do to facts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsFile {
    /// Event types by CloudEvents `type`.
    pub events: BTreeMap<String, EventEntry>,
}

/// One event type.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventEntry {
    /// What it reports.
    pub title: Texts,
    /// Fields of `data`.
    #[serde(default)]
    pub data: BTreeMap<String, FieldEntry>,
    /// What it does to facts.
    #[serde(default)]
    pub effects: Vec<Effect>,
    /// Makes this a retraction: the text field that holds the `id` of the event, of the same source and
    /// subject, that is taken back.
    pub retracts: Option<String>,
}

/// One field of an event's data.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldEntry {
    /// Its type.
    #[serde(rename = "type")]
    pub value_type: TypeName,
    /// Whether an event without it is a dead letter.
    #[serde(default)]
    pub required: bool,
    /// The closed list of values, for text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// What an event does to the facts of one person. Exactly one of `set`, `put`, `remove`, `link`, `unlink` is
/// given. An effect whose person or value is absent from the event does nothing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// Fact that takes `value`.
    pub set: Option<String>,
    /// Set that gains or changes the element `element`.
    pub put: Option<String>,
    /// Set that loses the element `element`.
    pub remove: Option<String>,
    /// Link that is made to `other`.
    pub link: Option<String>,
    /// Link that ends with `other`.
    pub unlink: Option<String>,
    /// Whose record: `subject`, or `event.FIELD` of type citizen.
    pub of: String,
    /// For `set`: `event.FIELD`, or a literal.
    pub value: Option<Literal>,
    /// For `put` and `remove`: `event.FIELD`, `subject`, or a literal.
    pub element: Option<Literal>,
    /// For `put`: element fields, each `event.FIELD`, `subject`, or a literal.
    #[serde(default)]
    pub fields: BTreeMap<String, Literal>,
    /// For `link` and `unlink`: `subject`, or `event.FIELD` of type citizen.
    pub other: Option<String>,
}

/// A value as YAML writes it; text of the form `event.FIELD` refers to the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// Whole number.
    Int(i64),
    /// Text, date (`yyyy-mm-dd`) or reference.
    Text(String),
}
