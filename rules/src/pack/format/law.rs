//! `parameters.yaml`: the figures that law sets and changes, and the days on which nobody works.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Basis, Literal, Texts, TypeName};

/// `parameters.yaml`: what law sets in figures, with the days on which each took effect.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParametersFile {
    /// Figures by name; a condition writes `law.NAME`.
    #[serde(default)]
    pub parameters: BTreeMap<String, ParameterEntry>,
    /// Public holidays, year by year. In a year that is not here, working days are Monday to Friday.
    #[serde(default)]
    pub holidays: Vec<HolidaysEntry>,
}

/// One figure.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParameterEntry {
    /// What it is, for people.
    pub title: Texts,
    /// Its type.
    #[serde(rename = "type")]
    pub value_type: TypeName,
    /// What it counts: years, months, days, dong.
    pub unit: Option<String>,
    /// For a table: what it is looked up by, in order; a condition writes `law.NAME(first, second)`.
    #[serde(default)]
    pub keys: Vec<KeyEntry>,
    /// Its values, each with the day it took effect.
    pub values: Vec<FigureEntry>,
}

/// One key of a table.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// Its name, used in the rows.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub value_type: TypeName,
}

/// A figure from a day on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FigureEntry {
    /// The first day on which it is law, `yyyy-mm-dd`.
    pub from: String,
    /// The last day, `yyyy-mm-dd`; without one it holds until another value takes effect.
    pub to: Option<String>,
    /// The day on which it became known, `yyyy-mm-dd`, when that is not the day it took effect: a law may reach
    /// back.
    pub known: Option<String>,
    /// The value; not for a table.
    pub value: Option<Literal>,
    /// The rows of a table.
    #[serde(default)]
    pub rows: Vec<RowEntry>,
    /// The law that sets it.
    pub basis: Basis,
    /// True when the value needs a human check.
    #[serde(default)]
    pub review: bool,
}

/// A row of a table: the first whose cells all hold gives the value.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowEntry {
    /// What each key must be; a key left out may be anything that is known.
    pub when: BTreeMap<String, CellEntry>,
    /// The value.
    pub value: Literal,
}

/// What a key must be: a value, or a range of which either end may be open.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum CellEntry {
    /// `true` or `false`.
    Bool(bool),
    /// Whole number.
    Int(i64),
    /// Text or date (`yyyy-mm-dd`).
    Text(String),
    /// From one value to another, both included.
    Range(RangeEntry),
}

/// Both ends are included.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RangeEntry {
    /// The least.
    pub from: Option<Literal>,
    /// The greatest.
    pub to: Option<Literal>,
}

/// The holidays of one year.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HolidaysEntry {
    /// The year.
    pub year: u32,
    /// Days off on which people would else work, `yyyy-mm-dd`.
    pub off: Vec<String>,
    /// Saturdays and Sundays on which people work in exchange, `yyyy-mm-dd`.
    #[serde(default)]
    pub working: Vec<String>,
    /// The law or notice that sets them.
    pub basis: Basis,
    /// True when they need a human check.
    #[serde(default)]
    pub review: bool,
}

/// How many: a number, or `law.NAME`, a whole-number figure of law.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Amount {
    /// So many.
    Count(u32),
    /// `law.NAME`.
    Law(String),
}
