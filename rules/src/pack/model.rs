//! A pack as the engine uses it: checked, typed, indexed by event type.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use tidings_domain::value::{Value, ValueType};

use super::diagnostic::Review;
use super::format::{Backfill, Class, Direction, Expect, FoldKind, LawOf, RemindAnchor, Sensitivity, Unit};
use super::law::{Parameter, Workdays};
use super::publication::Publication;
use crate::expr::{Bound, ColumnRef};
use crate::wording::Wording;

mod catalogue;
mod overlay;

pub use catalogue::{Dated, List, Member, Price, Service, Target, Theme};
pub use overlay::{Amount, Here, Overlay, Scope, ScopeIndex, ServiceChange};

/// SHA-256 over the pack's file names and contents.
pub type PackDigest = [u8; 32];

/// A loaded pack.
#[derive(Debug)]
pub struct Pack {
    /// Short stable name.
    pub name: String,
    /// Version for people.
    pub version: String,
    /// What makes two packs the same.
    pub digest: PackDigest,
    /// The files it was loaded from, so that a store can keep it for `replay`.
    pub files: BTreeMap<String, String>,
    /// Zone of deadlines and quiet hours.
    pub zone: Tz,
    /// Language codes; the first is the default.
    pub languages: Vec<String>,
    /// Hours of the day in which messages may be sent: from inclusive, to exclusive.
    pub sociable_hours: (u32, u32),
    /// Messages to one person in seven days, duties apart.
    pub cap_per_week: u32,
    /// Opportunities in one message, 1 to 3.
    pub per_message: usize,
    /// How far back a late event may change what is decided, in days.
    pub horizon_days: u32,
    /// Facts with a meaning to the engine.
    pub roles: Roles,
    /// Sources by their CloudEvents `source`.
    pub sources: HashMap<String, Source>,
    /// Rank by source short name.
    pub ranks: HashMap<String, u8>,
    /// Facts by name.
    pub facts: BTreeMap<String, Fact>,
    /// Sets by name.
    pub sets: BTreeMap<String, SetFact>,
    /// Folds by name.
    pub folds: BTreeMap<String, Fold>,
    /// Links by name.
    pub links: BTreeMap<String, Link>,
    /// Figures of law by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// Which days are worked.
    pub workdays: Workdays,
    /// What provinces and communes add or change.
    pub overlays: Vec<Overlay>,
    /// Event types by CloudEvents `type`.
    pub events: HashMap<String, Arc<EventType>>,
    /// Services by id.
    pub services: BTreeMap<String, Service>,
    /// What services are grouped by, by id.
    pub themes: BTreeMap<String, Theme>,
    /// Lists that services stand on, by id.
    pub lists: BTreeMap<String, List>,
    /// Who may edit what, by name.
    pub designers: BTreeMap<String, super::format::DesignerEntry>,
    /// How they are published as linked data, if the pack says so.
    pub publication: Option<Publication>,
    /// Life events in pack order.
    pub life_events: Vec<LifeEvent>,
    /// Where each rule stands, by its oldest key: life event, and place within it.
    pub roots: HashMap<String, (usize, usize)>,
    /// Message frames and templates.
    pub wording: Wording,
    /// What deserves a human look but does not stop loading.
    pub reviews: Vec<Review>,
    /// How an `article` begins that was not found and stands open.
    pub article_gaps: Vec<String>,
}

/// See `format::Roles`.
#[derive(Clone, Debug)]
pub struct Roles {
    /// Date of death.
    pub deceased_on: String,
    /// Whether the death is confirmed.
    pub death_confirmed: String,
    /// Set of refusals.
    pub refusals: String,
    /// Set of people shielded from.
    pub shields: String,
    /// Full name.
    pub name: String,
    /// Birth date.
    pub birth_date: String,
    /// Sex.
    pub sex: String,
    /// Language.
    pub language: String,
}

/// A registered source.
#[derive(Clone, Debug)]
pub struct Source {
    /// Short name; what records and logs carry.
    pub name: String,
    /// The CloudEvents `source`.
    pub uri: String,
    /// Higher wins.
    pub rank: u8,
    /// Event types it may send.
    pub events: BTreeSet<String>,
    /// Facts, sets and links it may state.
    pub facts: BTreeSet<String>,
    /// After how many days of silence it alarms.
    pub silent_after_days: Option<u32>,
    /// Above how many events an hour it alarms, and absences wait for it.
    pub loud_above: Option<u32>,
}

/// How long something is kept and believed; `None` for never.
#[derive(Clone, Debug)]
pub struct Keeping {
    /// Purpose of keeping.
    pub purpose: String,
    /// Legal ground.
    pub ground: String,
    /// Needs special care.
    pub sensitivity: Sensitivity,
    /// Days kept.
    pub retention_days: u32,
    /// Days after which it is unknown.
    pub stale_after_days: Option<u32>,
}

/// A fact.
#[derive(Clone, Debug)]
pub struct Fact {
    /// Its type.
    pub value_type: ValueType,
    /// Closed list for text; empty means open.
    pub values: BTreeSet<String>,
    /// Why and how long.
    pub keeping: Keeping,
}

/// A keyed set.
#[derive(Clone, Debug)]
pub struct SetFact {
    /// Type of the element key.
    pub key: ValueType,
    /// Fields of an element.
    pub fields: BTreeMap<String, ValueType>,
    /// Why and how long.
    pub keeping: Keeping,
}

/// A fold over a set.
#[derive(Clone, Debug)]
pub struct Fold {
    /// The set.
    pub set: String,
    /// How.
    pub kind: FoldKind,
    /// The field; `None` for count.
    pub field: Option<String>,
    /// Type of the result.
    pub value_type: ValueType,
}

/// A link.
#[derive(Clone, Debug)]
pub struct Link {
    /// Facts the linked person may be shown.
    pub shows: BTreeSet<String>,
    /// Why and how long.
    pub keeping: Keeping,
    /// Facts and folds of the linked person that some rule reads through this link, so that they are
    /// mirrored.
    pub mirrored: BTreeSet<String>,
}

/// An event type.
#[derive(Clone, Debug)]
pub struct EventType {
    /// CloudEvents `type`.
    pub name: String,
    /// Fields of `data`.
    pub fields: BTreeMap<String, Field>,
    /// What it does.
    pub effects: Vec<Effect>,
    /// The field that names the event taken back.
    pub retracts: Option<String>,
    /// Positions in [`Pack::life_events`] of the life events it reports.
    pub life_events: Vec<usize>,
}

/// A field of event data.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its type.
    pub value_type: ValueType,
    /// An event without it is a dead letter.
    pub required: bool,
    /// Closed list for text; empty means open.
    pub values: BTreeSet<String>,
}

/// Whose record, or who, in an effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    /// The event's subject.
    Subject,
    /// The citizen in this data field.
    Field(String),
}

/// Where an effect's value comes from.
#[derive(Clone, Debug)]
pub enum Term {
    /// The value of this data field.
    Field(String),
    /// The event's subject, as a citizen.
    Subject,
    /// Always this.
    Constant(Value),
}

/// One effect: on whose facts, and what.
#[derive(Clone, Debug)]
pub struct Effect {
    /// Whose record.
    pub of: Person,
    /// What happens.
    pub change: Change,
}

/// What an effect does.
#[derive(Clone, Debug)]
pub enum Change {
    /// A fact takes a value.
    Set {
        /// Name of the fact.
        fact: String,
        /// The value.
        value: Term,
    },
    /// A set gains or changes an element.
    Put {
        /// Name of the set.
        set: String,
        /// Element key.
        element: Term,
        /// Element fields.
        fields: Vec<(String, Term)>,
    },
    /// A set loses an element.
    Remove {
        /// Name of the set.
        set: String,
        /// Element key.
        element: Term,
    },
    /// A link begins.
    Link {
        /// Name of the link.
        link: String,
        /// The other person.
        other: Person,
    },
    /// A link ends.
    Unlink {
        /// Name of the link.
        link: String,
        /// The other person.
        other: Person,
    },
}

impl Change {
    /// Name of the fact, set or link that it changes.
    pub fn name(&self) -> &str {
        match self {
            Self::Set { fact, .. } => fact,
            Self::Put { set, .. } | Self::Remove { set, .. } => set,
            Self::Link { link, .. } | Self::Unlink { link, .. } => link,
        }
    }
}

/// A life event with its compiled rules.
#[derive(Debug)]
pub struct LifeEvent {
    /// Stable name.
    pub name: String,
    /// For people, by language.
    pub title: BTreeMap<String, String>,
    /// What brings it.
    pub trigger: Trigger,
    /// Key fields.
    pub key: Vec<String>,
    /// Types of all data fields of the event types that report it.
    pub fields: BTreeMap<String, ValueType>,
    /// Needs special care.
    pub sensitivity: Sensitivity,
    /// The life event of a death.
    pub death: bool,
    /// The columns that its rules read in conditions, deadlines, disclosures and texts, shared by all of
    /// them, with their types, sorted.
    pub columns: Vec<(ColumnRef, ValueType)>,
    /// Its rules in pack order.
    pub rules: Vec<Rule>,
    /// Its rules by where they hold.
    pub scopes: ScopeIndex,
    /// Rules that are meant to divide all cases among them.
    pub partitions: Vec<Partition>,
    /// Everyone who may be told: the recipients of its own rules, and of rules that it ends (`until`).
    pub audience: BTreeSet<Recipient>,
    /// Facts of the subject that recipients other than the subject need, for conditions, deadlines and texts:
    /// the path within the row `subject`, joined with dots (`birth_date`, `children_count`,
    /// `mother.province`).
    pub shared_facts: BTreeSet<String>,
    /// Links of the subject that its rules read through.
    pub subject_links: BTreeSet<String>,
}

/// What brings a life event.
#[derive(Debug)]
pub enum Trigger {
    /// Event types report it.
    Events,
    /// Time brings it.
    Milestone(Milestone),
    /// Silence brings it.
    Absence(Absence),
}

/// A day computed from the subject's facts.
#[derive(Debug)]
pub struct Milestone {
    /// The columns that its expressions read: the subject's facts, and `event.NAME` of [`Self::over`].
    pub columns: Vec<(ColumnRef, ValueType)>,
    /// The expressions as law changed them, by their first day; never empty.
    pub versions: Vec<MilestoneVersion>,
    /// The name that takes each of the values in turn.
    pub over: Option<String>,
    /// The facts and folds whose change moves it.
    pub reads: BTreeSet<String>,
}

/// A milestone under the law of some days: of those on which the milestone itself falls.
#[derive(Debug)]
pub struct MilestoneVersion {
    /// First day.
    pub from: NaiveDate,
    /// The day of the milestone.
    pub date: Bound,
    /// Further fields.
    pub data: Vec<(String, Bound)>,
    /// How long before its day people are told.
    pub lead: Period,
    /// The values that the name under `over` takes; empty without one.
    pub over: Vec<i64>,
}

/// One life event that another has not followed in time.
#[derive(Debug)]
pub struct Absence {
    /// The life event that happened.
    pub of: String,
    /// The one that should have followed.
    pub without: String,
    /// Fields equal in both.
    pub same: Vec<String>,
    /// The field of the first that the time is counted from; `time` is the day it happened.
    pub anchor: String,
    /// How long it may take, by the first day of law.
    pub within: Vec<(NaiveDate, Period)>,
}

/// A length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// How many.
    pub amount: u32,
    /// Of what.
    pub unit: Unit,
}

/// Rules of one life event of which, where everything is known, exactly one says yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// What is divided.
    pub name: String,
    /// Roots of the rules.
    pub of: Vec<String>,
}

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// The subject.
    Subject,
    /// Everyone whom the subject has under this link.
    Link(String),
}

/// A compiled rule.
#[derive(Debug)]
pub struct Rule {
    /// Stable key.
    pub key: String,
    /// The oldest key it ever had: the one that opportunity ids are made of.
    pub root: String,
    /// Position among all rules of the pack: the pack order.
    pub order: u32,
    /// Id of the service.
    pub service: String,
    /// Class.
    pub class: Class,
    /// Level, 1 to 3.
    pub level: u8,
    /// Where it holds; `None` for everywhere.
    pub scope: Option<Scope>,
    /// Who is told.
    pub to: Vec<Recipient>,
    /// The condition as law changed it, by the first day of each version; never empty. The first begins with the
    /// rule.
    pub versions: Vec<Version>,
    /// The condition's text, as it is written.
    pub when_text: String,
    /// Which day's law applies.
    pub law_of: LawOf,
    /// Whether a question is asked when it cannot be decided.
    pub asks: bool,
    /// Links of the subject or of the recipient that the condition, the deadline or a sentence reads through:
    /// (`subject`?, link).
    pub reads_links: BTreeSet<(bool, String)>,
    /// Last day to act.
    pub deadline: Option<Deadline>,
    /// Reminders in the order written.
    pub remind: Vec<(RemindAnchor, Period)>,
    /// What ends the need.
    pub until: Vec<Until>,
    /// Roots of the rules that are silent when this one speaks.
    pub covers: BTreeSet<String>,
    /// What it tells about another person, and the ground.
    pub discloses: Option<(Vec<String>, String)>,
    /// The law.
    pub basis: Vec<Basis>,
    /// First and last day in force.
    pub in_force: (NaiveDate, Option<NaiveDate>),
    /// Occurrences before the rule was loaded.
    pub backfill: Backfill,
    /// The article that commands notice.
    pub must_tell: Option<String>,
    /// Needs a human check.
    pub review: bool,
    /// Its test cases, as rows of the life event's columns.
    pub cases: Vec<Case>,
}

/// A rule under the law of some days.
#[derive(Debug)]
pub struct Version {
    /// First day.
    pub from: NaiveDate,
    /// The condition, with the figures of these days, bound to the life event's columns.
    pub when: Bound,
    /// How much time the deadline gives.
    pub amount: Option<Amount>,
}

impl Rule {
    /// The version of a day; the first for days before the rule.
    pub fn on(&self, day: NaiveDate) -> &Version {
        &self.versions[self.place_on(day)]
    }

    /// The place of [`Self::on`] among the versions.
    pub fn place_on(&self, day: NaiveDate) -> usize {
        self.versions.partition_point(|version| version.from <= day).saturating_sub(1)
    }

    /// The days of a version: first and last.
    pub fn days_of(&self, place: usize) -> (NaiveDate, NaiveDate) {
        let last = self.versions.get(place + 1).and_then(|next| next.from.pred_opt());
        let last = last.or(self.in_force.1).unwrap_or(NaiveDate::MAX);
        (self.versions[place].from, last)
    }
}

/// A test case.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Day of the occurrence.
    pub on: NaiveDate,
    /// One value for each of the life event's columns; `None` is unknown.
    pub row: Vec<Option<Value>>,
    /// The answer.
    pub expect: Expect,
    /// What must be among the missing, when the answer is unknown.
    pub missing: Vec<ColumnRef>,
    /// The deadline that must come out.
    pub deadline: Option<NaiveDate>,
}

/// A deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The date it is counted from; `event.time` is the path `["time"]` of the event row.
    pub anchor: ColumnRef,
    /// Of what; how many, the version of the rule says.
    pub unit: Unit,
    /// Which way.
    pub direction: Direction,
}

/// What ends a need.
#[derive(Clone, Debug)]
pub struct Until {
    /// Name of the life event.
    pub life_event: String,
    /// Fields equal in both.
    pub same: Vec<String>,
}

/// A legal reference.
#[derive(Clone, Debug)]
pub struct Basis {
    /// The law.
    pub law: String,
    /// The article.
    pub article: String,
    /// When to check again.
    pub review_by: Option<NaiveDate>,
}

impl Pack {
    /// The life event of this name, with its position.
    pub fn life_event(&self, name: &str) -> Option<(usize, &LifeEvent)> {
        self.life_events.iter().enumerate().find(|(_, life_event)| life_event.name == name)
    }

    /// The rule whose oldest key is `root`, with its life event.
    pub fn rule(&self, root: &str) -> Option<(&LifeEvent, &Rule)> {
        let (life_event, rule) = *self.roots.get(root)?;
        let life_event = self.life_events.get(life_event)?;
        Some((life_event, life_event.rules.get(rule)?))
    }

    /// Whether what stands for an article says that none was found: it begins as the pack's gaps do.
    pub fn is_gap(&self, article: &str) -> bool {
        let article = article.trim().to_lowercase();
        self.article_gaps.iter().any(|gap| article.starts_with(&gap.trim().to_lowercase()))
    }

    /// Rank of a source by short name; unregistered sources have the lowest.
    pub fn rank(&self, source: &str) -> u8 {
        self.ranks.get(source).copied().unwrap_or(0)
    }
}
