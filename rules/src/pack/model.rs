//! A pack as the engine uses it: checked, typed, indexed by event type.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono_tz::Tz;
use tidings_domain::value::ValueType;

use super::diagnostic::Review;
use super::format::Sensitivity;
use super::law::{Parameter, Workdays};
use super::publication::Publication;
use crate::expr::ColumnRef;
use crate::wording::Wording;

mod catalogue;
mod clock;
mod events;
mod facts;
mod overlay;
mod rule;

pub use catalogue::{Dated, List, Member, Price, Service, Target, Theme};
pub use clock::{Absence, Milestone, MilestoneVersion, Period, Trigger};
pub use events::{Change, Effect, EventType, Field, Person, Term};
pub use facts::{Fact, Fold, Keeping, Link, SetFact, Source};
pub use overlay::{Amount, Here, Overlay, Scope, ScopeIndex, ServiceChange};
pub use rule::{Basis, Case, Deadline, Recipient, Rule, Until, Version};

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

/// Rules of one life event of which, where everything is known, exactly one says yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// What is divided.
    pub name: String,
    /// Roots of the rules.
    pub of: Vec<String>,
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
