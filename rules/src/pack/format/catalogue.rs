//! The catalogue as a designer writes it: services, what they are grouped by, and the lists they stand on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Texts;

/// `services.yaml` and `services/NAME.yaml`: the catalogue, in one file or several. A name stands in one of
/// them alone.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServicesFile {
    /// What services are grouped by, by stable id.
    #[serde(default)]
    pub themes: BTreeMap<String, ThemeEntry>,
    /// Services by stable id.
    #[serde(default)]
    pub services: BTreeMap<String, ServiceEntry>,
}

/// A group of services as the national portal shows it: a moment of life or of business.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThemeEntry {
    /// Name for people.
    pub title: Texts,
    /// The code by which the portal knows it.
    pub code: Option<String>,
    /// Where the facts come from.
    pub source: Option<String>,
}

/// One public service.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceEntry {
    /// Short plain name for people.
    pub title: Texts,
    /// Who provides it: a text, or dated texts where that has changed or will.
    pub authority: MaybeDated,
    /// Where and how to apply.
    pub channel: Texts,
    /// What it costs, as a sentence, or dated sentences where that has changed or will.
    pub cost: MaybeDated,
    /// The day the cost was known to be so, `yyyy-mm-dd`; a dated cost may say another.
    pub cost_as_of: String,
    /// How long the authority takes, as a sentence.
    #[serde(default)]
    pub processing_time: Texts,
    /// What to bring, as a sentence.
    #[serde(default)]
    pub bring: Texts,
    /// Administrative procedure code.
    pub procedure_code: Option<String>,
    /// What it is grouped by: the id of a theme.
    pub theme: Option<String>,
    /// The first day on which anybody can use it, `yyyy-mm-dd`, where it is new.
    pub valid_from: Option<String>,
    /// The day after which its facts must not be trusted, `yyyy-mm-dd`.
    pub review_by: Option<String>,
    /// Where the facts come from.
    pub source: String,
    /// How the facts are known. What is recalled, whole or in part, is `review: true`.
    pub certainty: Option<Certainty>,
    /// True when the facts need a human check against the text in force.
    #[serde(default)]
    pub review: bool,
    /// Never announced on push or SMS.
    #[serde(default)]
    pub never_push: bool,
    /// Why no rule tells people of it, where none does: for reports, never sent to anybody.
    #[serde(default)]
    pub not_proactive: Texts,
}

/// A text that holds at all times, or texts each of which holds from a day on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum MaybeDated {
    /// The same at all times.
    Always(Texts),
    /// Each from its day until the next one's, earliest first. The first may leave its day out: it then holds on
    /// every day before the second's. When it names one, days before it see it too: the oldest that is known.
    Dated(Vec<DatedText>),
}

/// A text with the day it starts to hold.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatedText {
    /// First day, `yyyy-mm-dd`; the first text may leave it out.
    pub from: Option<String>,
    /// The text.
    pub text: Texts,
    /// What says so: a law with its article, or another document.
    pub basis: Option<String>,
    /// For a cost: the day this was known to be so, `yyyy-mm-dd`; `cost_as_of` without it.
    pub as_of: Option<String>,
}

/// How a fact is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// A source said all of it.
    Found,
    /// From memory alone.
    Recalled,
    /// A part was found and a part is from memory.
    Mixed,
}

/// `lists.yaml`: lists that the law or a programme puts services on. Membership is dated: it moves.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListsFile {
    /// Lists by stable id.
    pub lists: BTreeMap<String, ListEntry>,
}

/// One list.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListEntry {
    /// Name for people.
    pub title: Texts,
    /// What sets it up, with its number.
    pub basis: String,
    /// What a reader of its figures must know.
    #[serde(default)]
    pub note: Texts,
    /// The share of it that is to be proactive.
    pub target: Option<Target>,
    /// Where the facts come from.
    pub source: String,
    /// How the facts are known.
    pub certainty: Certainty,
    /// True when it needs a human check.
    #[serde(default)]
    pub review: bool,
    /// Its members.
    pub members: Vec<MemberEntry>,
}

/// A share to be reached by a day.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Of a hundred.
    #[schemars(range(min = 1, max = 100))]
    pub share: u8,
    /// Last day, `yyyy-mm-dd`.
    pub by: String,
    /// What demands it.
    pub basis: String,
}

/// A member of a list: one line of it, which one service answers or several do.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberEntry {
    /// Its number on the list.
    pub number: u32,
    /// Its name on the list.
    pub title: Texts,
    /// The services of the catalogue that answer it.
    pub services: Vec<String>,
    /// First day on which it is known to stand on the list, `yyyy-mm-dd`.
    pub from: String,
    /// Last day, `yyyy-mm-dd`.
    pub to: Option<String>,
    /// Where this member was found, when not where the list was.
    pub source: Option<String>,
    /// How this is known, when not as the list is.
    pub certainty: Option<Certainty>,
}
