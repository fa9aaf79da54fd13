//! `facts.yaml`: what may be known about a person, and why.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `facts.yaml`: what may be known about a person, and why.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FactsFile {
    /// Single values.
    pub facts: BTreeMap<String, FactEntry>,
    /// Keyed collections.
    #[serde(default)]
    pub sets: BTreeMap<String, SetEntry>,
    /// Single values derived from a set.
    #[serde(default)]
    pub folds: BTreeMap<String, FoldEntry>,
    /// Relations to other people.
    #[serde(default)]
    pub links: BTreeMap<String, LinkEntry>,
    /// Facts computed from others; conditions use them as facts.
    #[serde(default)]
    pub derived: BTreeMap<String, DerivedEntry>,
}

/// A fact computed from others; never stated, never stored, and unknown when what it needs is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DerivedEntry {
    /// Its type.
    #[serde(rename = "type")]
    pub value_type: TypeName,
    /// What it is: a SQL expression over `self` (the person's facts), `event.time` (the day of the occurrence) and
    /// `law`.
    pub is: String,
}

/// Why a fact may be kept, and for how long. Every fact, set and link says this or the pack does not load.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keeping {
    /// What it is used for.
    pub purpose: String,
    /// The legal ground, with its article.
    pub ground: String,
    /// `ordinary` or `sensitive` (Decree 356/2025, article 4, in the Viet Nam pack).
    pub sensitivity: Sensitivity,
    /// How long it is kept after it was stated: `N days|months|years`.
    pub retention: String,
    /// When a value counts as unknown: `N days|months|years` or `never`.
    pub stale_after: String,
}

/// One fact.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct FactEntry {
    /// Its type.
    #[serde(rename = "type")]
    pub value_type: TypeName,
    /// The closed list of values, for text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Why and how long.
    #[serde(flatten)]
    pub keeping: Keeping,
}

/// One keyed set: children, contracts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct SetEntry {
    /// Type of the element key: `text`, or `citizen` for a set of people.
    pub key: TypeName,
    /// Fields of an element.
    #[serde(default)]
    pub fields: BTreeMap<String, TypeName>,
    /// Why and how long.
    #[serde(flatten)]
    pub keeping: Keeping,
}

/// A value derived from a set; never stated, never stored.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FoldEntry {
    /// The set.
    pub set: String,
    /// How its elements become one value.
    pub fold: FoldKind,
    /// The field that is folded; not for `count`.
    pub field: Option<String>,
}

/// How a set becomes one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FoldKind {
    /// Number of elements.
    Count,
    /// Smallest field value.
    Min,
    /// Largest field value.
    Max,
    /// Sum of a field.
    Sum,
}

/// A dated relation to another person, from the one who holds the record.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("additionalProperties" = false))]
pub struct LinkEntry {
    /// Facts of the holder that the linked person may be shown.
    #[serde(default)]
    pub shows: Vec<String>,
    /// Why and how long.
    #[serde(flatten)]
    pub keeping: Keeping,
}

/// Whether a fact or life event needs special care.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sensitivity {
    /// Nothing special.
    #[default]
    Ordinary,
    /// Health, death, family conflict, and what the law lists.
    Sensitive,
}

/// Type of a fact or field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TypeName {
    /// `true` or `false`.
    Bool,
    /// Whole number.
    Int,
    /// `yyyy-mm-dd`.
    Date,
    /// Text.
    Text,
    /// A national number, kept as a pseudonym.
    Citizen,
}
