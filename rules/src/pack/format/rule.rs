//! The rules of a life event, as they are written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Amount, Case, CaseTable, Texts};

/// One rule: which service, to whom, when, until when, on what legal basis.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleEntry {
    /// Stable key, unique in the pack.
    pub key: String,
    /// Keys that this rule had before, oldest first; whoever was told under one of them is not told again.
    #[serde(default)]
    pub formerly: Vec<String>,
    /// The service in `services.yaml`.
    pub service: String,
    /// What the law makes of it.
    pub class: Class,
    /// Level of proactivity, 1 to 3 (Decree 224/2026, article 16).
    pub level: u8,
    /// Who is told: `subject`, or a link of the subject (`subject.mother`).
    pub to: Vec<String>,
    /// SQL condition over `event`, `subject`, `citizen` and `law`.
    pub when: String,
    /// Whose law applies: that of the day of the occurrence, that of the day on which the person files, or the
    /// more favourable of both.
    #[serde(default)]
    pub law_of: LawOf,
    /// Last day to act.
    pub deadline: Option<Deadline>,
    /// When to remind, for as long as `until` has not happened.
    #[serde(default)]
    pub remind: Vec<Offset>,
    /// The life events that end the need.
    #[serde(default)]
    pub until: Vec<Until>,
    /// Keys of rules of the same life event that are silent when this one speaks.
    #[serde(default)]
    pub covers: Vec<String>,
    /// What the message tells about somebody else, and on what ground.
    pub discloses: Option<Discloses>,
    /// The law.
    pub basis: Vec<Basis>,
    /// The days on which the rule applies.
    pub in_force: InForce,
    /// What becomes of occurrences before the rule was loaded.
    pub backfill: Backfill,
    /// For duties: the article that commands notice even to those who refused proactive services.
    pub must_tell: Option<String>,
    /// True when the law needs a human check.
    #[serde(default)]
    pub review: bool,
    /// The question to the person when a fact is missing and the rule cannot be decided, by language; without one,
    /// nothing is said.
    #[serde(default)]
    pub ask: Texts,
    /// Approved sentences by language.
    pub say: BTreeMap<String, Sentences>,
    /// What must hold.
    #[serde(default)]
    pub cases: Vec<Case>,
    /// More of what must hold, a line a case.
    pub table: Option<CaseTable>,
}

/// Which day's law a rule applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LawOf {
    /// The day on which it happened.
    #[default]
    Occurrence,
    /// The day on which the person files.
    Filing,
    /// Whichever of both says yes, with the later deadline.
    MostFavourable,
}

/// What the law makes of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// The law demands action.
    Duty,
    /// The law gives a right.
    Entitlement,
    /// It may help.
    Suggestion,
}

/// A length of time from an anchor.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// A date: `event.FIELD`, `subject.FACT`, `citizen.FACT`, or `event.time`.
    pub anchor: String,
    /// How many.
    pub amount: Amount,
    /// Of what.
    pub unit: Unit,
    /// Which way.
    pub direction: Direction,
}

/// A length of time before or after a moment in a rule's life.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Offset {
    /// From where: the deadline, or the day of the first message.
    pub anchor: RemindAnchor,
    /// How many.
    pub amount: u32,
    /// Of what.
    pub unit: Unit,
}

/// What a reminder is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemindAnchor {
    /// So long before the deadline.
    BeforeDeadline,
    /// So long after the first message.
    AfterFirst,
}

/// Unit of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Calendar days.
    Days,
    /// Monday to Friday, without the public holidays of `parameters.yaml`.
    WorkingDays,
    /// Calendar months; month ends clamp.
    Months,
}

/// Before or after the anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Earlier than the anchor.
    Before,
    /// Later than the anchor.
    After,
}

/// A life event of the same subject that ends a need.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Until {
    /// Its name.
    pub life_event: String,
    /// Data fields that must be equal in both.
    #[serde(default)]
    pub same: Vec<String>,
    /// Text fields of that life event that must hold one of these values, such as which service was filed for.
    #[serde(default, rename = "where")]
    pub values: BTreeMap<String, Vec<String>>,
}

/// What a rule tells one person about another.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Discloses {
    /// Facts or event fields of the other person (`subject.birth_date`, `event.birth_date`).
    pub what: Vec<String>,
    /// The legal ground, with its article.
    pub ground: String,
}

/// One legal reference.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// Name and number of the law.
    pub law: String,
    /// Article.
    pub article: String,
    /// The date after which it must be checked again, `yyyy-mm-dd`.
    pub review_by: Option<String>,
}

/// The days on which a rule applies, by the date of the occurrence.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InForce {
    /// First day, `yyyy-mm-dd`.
    pub from: String,
    /// Last day, `yyyy-mm-dd`.
    pub to: Option<String>,
    /// The day on which the rule became known, `yyyy-mm-dd`, when that is not its first: a law may reach back.
    pub known: Option<String>,
}

/// What becomes of occurrences older than the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Backfill {
    /// Nothing: a new rule does not write to everyone whose moment has passed.
    None,
    /// Those whose deadline is still ahead are told.
    Open,
}

/// Approved sentences of one rule in one language; each a template over the evidence: `event.FIELD`,
/// `subject.FACT`, `citizen.FACT`, `deadline`, and what a frame sees but `services`. Filters: `iso`, `upper`,
/// `lower`, `capitalize`. No figure is typed into them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sentences {
    /// What to do.
    pub what: String,
    /// By when; required when the rule has a deadline. Left out of a message when its anchor is not known.
    pub by_when: Option<String>,
    /// What follows if it is not done, or what it brings.
    pub consequence: Option<String>,
}
