//! Life events that nobody reports: time brings them (milestones), or silence does (absences).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Amount, Unit};

/// What brings a life event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum On {
    /// `milestone` or `absence`.
    Clock(String),
    /// The event types that report it.
    Events(Vec<String>),
}

/// A day computed from facts, and how long before it people are told.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MilestoneEntry {
    /// The day: a SQL expression over `subject` (their own facts, no links) and the name under `over`. Rules read it
    /// as `event.date`, and the first day of the lead time as `event.opens`.
    pub date: String,
    /// How long before the day people are told.
    pub lead: Span,
    /// One name with several values: the milestone is reached once for each (`age: [25, 40, 60]`).
    #[serde(default)]
    pub over: BTreeMap<String, Vec<Amount>>,
    /// Further fields of the life event, each a SQL expression as `date` is.
    #[serde(default)]
    pub data: BTreeMap<String, String>,
}

/// A life event, and that another has not followed it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AbsenceEntry {
    /// The life event that happened. Its fields are the fields of the absence, with `event.date`, the last day on
    /// which the other was still in time.
    pub of: String,
    /// The life event that should have followed.
    pub without: String,
    /// Fields that must be equal in both.
    #[serde(default)]
    pub same: Vec<String>,
    /// The date it is counted from: `event.FIELD` of the first, or `event.time`.
    pub anchor: Option<String>,
    /// How long it may take.
    pub within: Span,
}

/// A length of time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// How many.
    pub amount: Amount,
    /// Of what.
    pub unit: Unit,
}
