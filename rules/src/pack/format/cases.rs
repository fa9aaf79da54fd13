//! What must hold of a rule, case by case.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Literal;

/// A test case of a rule.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Day of the occurrence, `yyyy-mm-dd`.
    pub on: String,
    /// Event data.
    #[serde(default)]
    pub event: BTreeMap<String, Literal>,
    /// Facts of the subject, by path (`mother.province` for a linked person).
    #[serde(default)]
    pub subject: BTreeMap<String, Literal>,
    /// Facts of the one who would be told; left out, they are the subject's.
    pub citizen: Option<BTreeMap<String, Literal>>,
    /// The answer.
    pub expect: Expect,
    /// The facts that must be named as missing, when the answer is unknown.
    #[serde(default)]
    pub missing: Vec<String>,
    /// The deadline that must come out, `yyyy-mm-dd`.
    pub deadline: Option<String>,
}

/// Cases as a table: a heading for each column, a line for each case.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseTable {
    /// What stands in the columns: `name`, `on` and `expect`; `event.FIELD`, `subject.FACT` and `citizen.FACT`;
    /// `missing` (columns, separated by commas) and `deadline`.
    pub columns: Vec<String>,
    /// What is the same in every line, by the same headings.
    #[serde(default)]
    pub shared: BTreeMap<String, Option<Literal>>,
    /// A value for each column, in their order; `~` where there is none: a fact that is not known, a deadline that is
    /// not looked at. Without a column `citizen.FACT`, the citizen's facts are the subject's.
    pub rows: Vec<Vec<Option<Literal>>>,
}

/// The answer a case expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Expect {
    /// The person may be told.
    Yes,
    /// Not.
    No,
    /// A fact is missing.
    Unknown,
}
