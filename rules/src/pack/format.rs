//! The pack files as a designer writes them. These types are the whole truth about the format: the JSON
//! Schema that editors complete from, and that loading checks against, is derived from them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod catalogue;
mod clock;
mod designers;
mod law;
mod overlay;

pub use catalogue::{
    Certainty, DatedText, ListEntry, ListsFile, MaybeDated, MemberEntry, ServiceEntry, ServicesFile, Target,
    ThemeEntry,
};
pub use clock::{AbsenceEntry, MilestoneEntry, On, Span};
pub use designers::{DesignerEntry, DesignersFile};
pub use law::{
    Amount, CellEntry, FigureEntry, HolidaysEntry, KeyEntry, ParameterEntry, ParametersFile, RangeEntry,
    RowEntry,
};

pub use overlay::{OverlayFile, PlaceEntry, ServiceChangeEntry};

/// Text in each of the pack's languages, by language code (`vi`, `en`).
pub type Texts = BTreeMap<String, String>;

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
    pub catalogue: Option<super::publication::Publication>,
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

/// `events.yaml`: the event types, the shape of their data, and what they do to facts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsFile {
    /// Event types by CloudEvents `type`.
    pub events: BTreeMap<String, EventEntry>,
}

/// One event type.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventEntry {
    /// What it reports.
    pub title: Texts,
    /// Fields of `data`.
    #[serde(default)]
    pub data: BTreeMap<String, FieldEntry>,
    /// What it does to facts.
    #[serde(default)]
    pub effects: Vec<Effect>,
    /// Makes this a retraction: the text field that holds the `id` of the event, of the same source and
    /// subject, that is taken back.
    pub retracts: Option<String>,
}

/// One field of an event's data.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldEntry {
    /// Its type.
    #[serde(rename = "type")]
    pub value_type: TypeName,
    /// Whether an event without it is a dead letter.
    #[serde(default)]
    pub required: bool,
    /// The closed list of values, for text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// What an event does to the facts of one person. Exactly one of `set`, `put`, `remove`, `link`, `unlink` is
/// given. An effect whose person or value is absent from the event does nothing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// Fact that takes `value`.
    pub set: Option<String>,
    /// Set that gains or changes the element `element`.
    pub put: Option<String>,
    /// Set that loses the element `element`.
    pub remove: Option<String>,
    /// Link that is made to `other`.
    pub link: Option<String>,
    /// Link that ends with `other`.
    pub unlink: Option<String>,
    /// Whose record: `subject`, or `event.FIELD` of type citizen.
    pub of: String,
    /// For `set`: `event.FIELD`, or a literal.
    pub value: Option<Literal>,
    /// For `put` and `remove`: `event.FIELD`, `subject`, or a literal.
    pub element: Option<Literal>,
    /// For `put`: element fields, each `event.FIELD`, `subject`, or a literal.
    #[serde(default)]
    pub fields: BTreeMap<String, Literal>,
    /// For `link` and `unlink`: `subject`, or `event.FIELD` of type citizen.
    pub other: Option<String>,
}

/// A value as YAML writes it; text of the form `event.FIELD` refers to the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Literal {
    /// `true` or `false`.
    Bool(bool),
    /// Whole number.
    Int(i64),
    /// Text, date (`yyyy-mm-dd`) or reference.
    Text(String),
}

/// `life_events/NAME.yaml`: one life event and the rules that it starts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LifeEventFile {
    /// Stable name; part of every occurrence key.
    pub life_event: String,
    /// Name for people.
    pub title: Texts,
    /// What brings it: the event types that report it, or `milestone`, or `absence`.
    pub on: On,
    /// For `on: milestone`: the day.
    pub milestone: Option<MilestoneEntry>,
    /// For `on: absence`: what happened, and what did not.
    pub absence: Option<AbsenceEntry>,
    /// Data fields that tell one occurrence of a person from another; may be empty when it happens once.
    pub key: Vec<String>,
    /// Whether texts and open channels need special care.
    #[serde(default)]
    pub sensitivity: Sensitivity,
    /// True for the life event of a death: its rules still reach the family.
    #[serde(default)]
    pub death: bool,
    /// One sentence: why the person receives this. A template over the evidence: `event.FIELD`,
    /// `subject.FACT`, `citizen.FACT`, `name`, `address`, `life_event`, `date`. What it prints, every rule
    /// tells.
    pub reason: Texts,
    /// Rules that divide all cases among them; `check` shows a case that none of them or two of them take.
    #[serde(default)]
    pub partitions: Vec<PartitionEntry>,
    /// The rules, in pack order. May be empty for a life event that only ends others.
    #[serde(default)]
    pub rules: Vec<RuleEntry>,
}

/// Rules of which, where everything is known, exactly one says yes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartitionEntry {
    /// What is divided.
    pub name: String,
    /// Keys of the rules, two or more.
    pub of: Vec<String>,
}

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

/// `wording.yaml`: the frame of every message, by language.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WordingFile {
    /// Frames by language code.
    pub frames: BTreeMap<String, Frame>,
}

/// The frame of a message in one language. Its templates see `address` (form of address), `life_event`,
/// `law`, `date` (today), `services` (all titles), `service.title`, `service.authority`, `service.channel`,
/// `service.cost`, `service.cost_as_of` and `service.bring` (of the first service; in labels, of the one
/// being told), and `name`, which may not be known and so is asked about first: `{% if name %}{{ name }}{%
/// endif %}`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// Subject line.
    pub subject: String,
    /// Subject line of a reminder.
    pub subject_reminder: String,
    /// Subject line of a correction.
    pub subject_correction: String,
    /// Greeting.
    pub greeting: String,
    /// Between two services.
    pub transition: String,
    /// First sentence of a reminder.
    pub reminder: String,
    /// Added to a reminder when a source that could have reported the step done has not caught up.
    pub unless_done: String,
    /// Body of a correction.
    pub correction: String,
    /// Added to a duty sent again because its first sending has an unknown outcome.
    pub sent_again: String,
    /// Label before the cost, the place, what to bring and the law.
    pub labels: Labels,
    /// How to stop such messages.
    pub stop: String,
    /// The line that says that the text was composed automatically.
    pub automatic: String,
    /// The one neutral text of open channels: no name, event or link.
    pub neutral: String,
    /// Date format, as chrono's strftime writes it.
    pub date_format: String,
    /// Form of address by sex and completed age.
    pub address: Vec<Address>,
    /// Form of address when sex or age is not known.
    pub address_default: String,
}

/// Labels of a message's parts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// Before the cost.
    pub cost: String,
    /// Before where to apply.
    pub channel: String,
    /// Before what to bring.
    pub bring: String,
    /// Before the law.
    pub law: String,
    /// Before the reason.
    pub why: String,
}

/// One form of address.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// `M` or `F`.
    pub sex: String,
    /// Completed years from which it applies.
    pub from_age: u32,
    /// The form.
    pub form: String,
}

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
