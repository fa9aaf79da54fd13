//! `pack.yaml`: what a pack is, and how it treats people's time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Texts;

/// `pack.yaml`: what the pack is, and how it treats people's time.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackFile {
    /// Short stable name, for example `vn`.
    pub name: String,
    /// Version of the pack, for people; the engine goes by the digest of the files.
    pub version: String,
    /// What the pack covers.
    pub title: Texts,
    /// IANA time zone of deadlines and quiet hours.
    pub zone: String,
    /// Languages that every text must exist in; the first is the default.
    pub languages: Vec<String>,
    /// When people may be written to.
    pub sociable_hours: SociableHours,
    /// How much people may be written to.
    pub caps: Caps,
    /// How long before now a late or corrected event may still change what is decided.
    pub horizon: String,
    /// Which facts the engine itself must understand.
    pub roles: Roles,
    /// The text facts that tell where a person lives, from wide to narrow; overlays go by them.
    #[serde(default)]
    pub places: Vec<String>,
    /// How an `article` begins that could not be found: a gap that `check` lists, not an article.
    #[serde(default)]
    pub article_gaps: Vec<String>,
    /// How the catalogue of services is published as linked data.
    pub catalogue: Option<crate::pack::publication::Publication>,
}

/// The hours of the day, in the pack's zone, in which a message may be sent.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SociableHours {
    /// First hour, 0 to 23.
    pub from: u32,
    /// Hour at which sending stops, 1 to 24.
    pub to: u32,
}

/// Limits on messages to one person. Duties are never capped.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// Messages in any seven days.
    pub per_week: u32,
    /// Opportunities grouped in one message, 1 to 3.
    pub per_message: u32,
}

/// Facts and sets with a meaning to the engine.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// Date fact: the day the person died. Silences everything to and about them.
    pub deceased_on: String,
    /// Bool fact: whether the death is confirmed. An unconfirmed death pauses.
    pub death_confirmed: String,
    /// Set whose elements are refusals: `all`, `model`, `channel:NAME` or `topic:LIFE_EVENT`.
    pub refusals: String,
    /// Set whose elements are the people from whom this person is shielded.
    pub shields: String,
    /// Text fact: full name, one field.
    pub name: String,
    /// Date fact: birth date, for the form of address.
    pub birth_date: String,
    /// Text fact `M` or `F`, for the form of address.
    pub sex: String,
    /// Text fact: preferred language code.
    pub language: String,
}
