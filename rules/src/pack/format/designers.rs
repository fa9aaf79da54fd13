//! `designers.yaml`: who may edit what.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Texts;

/// `designers.yaml`: who may edit which part of the pack. A pack may do without; then nobody is held to anything.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DesignersFile {
    /// Designers, or teams of them, by stable name.
    pub designers: BTreeMap<String, DesignerEntry>,
}

/// What a designer may edit; what is not listed, they may not.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DesignerEntry {
    /// Name for people.
    pub title: Texts,
    /// Everything, this file too.
    #[serde(default)]
    pub all: bool,
    /// The services that these authorities provide, as `services` names them in any language, and the rules that tell
    /// of them.
    #[serde(default)]
    pub authorities: Vec<String>,
    /// Whole overlays, by name.
    #[serde(default)]
    pub overlays: Vec<String>,
    /// Whole life events, by name.
    #[serde(default)]
    pub life_events: Vec<String>,
}
