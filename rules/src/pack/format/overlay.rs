//! `overlays/NAME.yaml`: what a province or commune adds to the national pack, or changes in it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MaybeDated, ParameterEntry, RuleEntry, ServiceEntry, Texts};

/// `overlays/NAME.yaml`: what holds in one place only, by where the person who is told lives.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OverlayFile {
    /// Stable name, unique in the pack.
    pub overlay: String,
    /// Name for people.
    pub title: Texts,
    /// The authority that answers for it.
    pub owner: Texts,
    /// Where it holds.
    #[serde(rename = "where")]
    pub place: PlaceEntry,
    /// Figures that differ here, and figures of this place alone.
    #[serde(default)]
    pub parameters: BTreeMap<String, ParameterEntry>,
    /// Services that only this place has.
    #[serde(default)]
    pub services: BTreeMap<String, ServiceEntry>,
    /// National services of which something differs here.
    #[serde(default)]
    pub changes: BTreeMap<String, ServiceChangeEntry>,
    /// Rules of this place, by the life event that they belong to.
    #[serde(default)]
    pub rules: BTreeMap<String, Vec<RuleEntry>>,
}

/// A place, by a fact about the person who is told.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceEntry {
    /// One of the facts under `places` in pack.yaml.
    pub fact: String,
    /// The codes of the place; one is enough.
    pub is: Vec<String>,
}

/// What differs of a service in a place; what is not given stays national.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceChangeEntry {
    /// Who provides it.
    pub authority: Option<MaybeDated>,
    /// Where and how to apply.
    #[serde(default)]
    pub channel: Texts,
    /// What it costs, as a sentence.
    pub cost: Option<MaybeDated>,
    /// The day the cost was known to be so, `yyyy-mm-dd`.
    pub cost_as_of: Option<String>,
    /// Where that is read.
    pub source: String,
}
