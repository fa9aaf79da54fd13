//! `sources.yaml`: who may state what.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Texts;

/// `sources.yaml`: who may state what.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourcesFile {
    /// Sources by short name.
    pub sources: BTreeMap<String, SourceEntry>,
}

/// One registered source.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceEntry {
    /// The CloudEvents `source` it sends.
    pub uri: String,
    /// Who that is.
    pub title: Texts,
    /// Between sources that differ, the higher rank wins; 0 to 100.
    pub rank: u8,
    /// Event types it may send.
    #[serde(default)]
    pub events: Vec<String>,
    /// Facts, sets and links it may state, by event or by bulk load.
    #[serde(default)]
    pub facts: Vec<String>,
    /// Alarm when nothing was heard of it for so long: `N days|months|years`.
    pub silent_after: Option<String>,
    /// Alarm, and let absences wait, when it sends more events than this in an hour.
    pub loud_above: Option<u32>,
}
