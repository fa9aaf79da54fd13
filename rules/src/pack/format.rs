//! The pack files as a designer writes them. These types are the whole truth about the format: the JSON
//! Schema that editors complete from, and that loading checks against, is derived from them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod cases;
mod catalogue;
mod clock;
mod designers;
mod events;
mod facts;
mod law;
mod overlay;
mod pack;
mod rule;
mod sources;
mod wording;

pub use cases::{Case, CaseTable, Expect};
pub use catalogue::{
    Certainty, DatedText, ListEntry, ListsFile, MaybeDated, MemberEntry, ServiceEntry, ServicesFile, Target,
    ThemeEntry,
};
pub use clock::{AbsenceEntry, MilestoneEntry, On, Span};
pub use designers::{DesignerEntry, DesignersFile};
pub use events::{Effect, EventEntry, EventsFile, FieldEntry, Literal};
pub use facts::{
    DerivedEntry, FactEntry, FactsFile, FoldEntry, FoldKind, Keeping, LinkEntry, Sensitivity, SetEntry,
    TypeName,
};
pub use law::{
    Amount, CellEntry, FigureEntry, HolidaysEntry, KeyEntry, ParameterEntry, ParametersFile, RangeEntry,
    RowEntry,
};
pub use overlay::{OverlayFile, PlaceEntry, ServiceChangeEntry};
pub use pack::{Caps, PackFile, Roles, SociableHours};
pub use rule::{
    Backfill, Basis, Class, Deadline, Direction, Discloses, InForce, LawOf, Offset, RemindAnchor, RuleEntry,
    Sentences, Unit, Until,
};
pub use sources::{SourceEntry, SourcesFile};
pub use wording::{Address, Frame, Labels, WordingFile};

/// Text in each of the pack's languages, by language code (`vi`, `en`).
pub type Texts = BTreeMap<String, String>;

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
