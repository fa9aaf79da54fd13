//! The record of one citizen: what is known, what happened, whom it concerns, and what became of it.
//!
//! The first half merges like [`Facts`] (a semilattice): it depends on the set of events alone. The second half
//! (`opportunities`, `told`) is the history of what the engine did.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::facts::{Facts, Map, Name, Write};
use crate::ids::{CitizenId, EventKey, NotificationId, OccurrenceId, OpportunityId, TaskId};
use crate::time::Timestamp;
use crate::value::Value;

/// Everything kept about one citizen in one sealed row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Own facts, sets and links.
    pub facts: Facts,
    /// Events taken back, whether or not they have arrived.
    pub retracted: BTreeSet<EventKey>,
    /// Occurrences of this citizen, and of others who are to be told to this citizen.
    pub occurrences: Map<OccurrenceId, Occurrence>,
    /// Facts of others, mirrored for conditions, evidence and checks.
    pub others: Map<CitizenId, Facts>,
    /// Who mirrors what from here.
    pub watchers: Map<CitizenId, Wants>,
    /// What this record has asked others to mirror to it.
    pub watching: Map<CitizenId, BTreeSet<Name>>,
    /// Whom an event's effects reached, so that its retraction reaches them too.
    pub reached: Map<EventKey, BTreeSet<CitizenId>>,
    /// Who was sent which of this citizen's occurrences.
    pub shared: Map<OccurrenceId, BTreeSet<CitizenId>>,
    /// What this citizen may be told, or was.
    pub opportunities: Map<OpportunityId, Opportunity>,
    /// Times of messages of the last seven days that count against the cap.
    pub told: Vec<Timestamp>,
    /// The plan task that is waiting, with its due time.
    pub plan: Option<(TaskId, Timestamp)>,
    /// The first moment at which a milestone or an absence may come about.
    pub timer: Option<Timestamp>,
}

/// Facts, sets and links that a watcher mirrors, by whose they are: the holder's own, or those of somebody whom
/// the holder mirrors itself.
pub type Wants = Map<CitizenId, BTreeSet<Name>>;

/// One life event of one person, as the events that reported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// Name of the life event.
    pub life_event: Name,
    /// Whom it happened to.
    pub subject: CitizenId,
    /// What each event said.
    pub reports: Map<EventKey, Report>,
}

/// What one event said of an occurrence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Short name of the source.
    pub source: Name,
    /// When it happened.
    pub time: Timestamp,
    /// When it was recorded.
    pub recorded: Timestamp,
    /// The declared data fields.
    pub data: Map<Name, Value>,
}

/// What a citizen may be told of one service because of one occurrence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opportunity {
    /// Oldest stable key of the rule.
    pub rule: Name,
    /// The occurrence.
    pub occurrence: OccurrenceId,
    /// What the rule answers now.
    pub answer: Answer,
    /// Where it stands.
    pub state: State,
    /// What was told, by kind.
    pub told: Map<Kind, NotificationId>,
    /// The task of the next reminder, with its due time.
    pub reminder: Option<(TaskId, Timestamp)>,
    /// Whether a question is asked while it cannot be decided: the rule has one, and only facts about the recipient are
    /// missing.
    pub asks: bool,
    /// The days of filing on which the rule says yes, first and last, from 1970-01-01; empty where the day of filing
    /// makes no difference.
    pub filing: Vec<(i32, i32)>,
}

/// A rule's answer that leaves a trace; a plain no is counted, not kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Answer {
    /// May be told.
    Yes,
    /// Cannot be decided; the columns that are missing, and whether arithmetic failed.
    Unknown {
        /// Columns, as the rule names them.
        missing: Vec<String>,
        /// Division by zero or a value out of range.
        fault: bool,
    },
    /// Was told, and is no longer so: a correction is due or was made.
    Withdrawn,
}

/// Where an opportunity stands in the plan.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// Waits for the planning window to close.
    Open,
    /// In a message that is on its way.
    Planned(NotificationId),
    /// In a message that stands in the inbox.
    Told(NotificationId),
    /// Not told, for the reason given; asked again whenever something changes.
    Suppressed(Suppressed),
}

/// Why an opportunity was not told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Suppressed {
    /// The recipient or the subject has died.
    Death,
    /// A death is reported but not confirmed.
    DeathUnconfirmed,
    /// The recipient refused proactive services, all or this topic.
    Refused,
    /// A link is missing, ended or shielded. Never shown to anybody but an operator.
    NoLink,
    /// Another rule of the same occurrence tells it; holds that rule's key.
    CoveredBy(String),
    /// What it asks for was done.
    Served,
    /// Its deadline is behind.
    Late,
    /// The occurrence is older than the rule.
    BeforeRule,
    /// The rule was not in force on the day.
    NotInForce,
    /// No room this week; asked again when there is.
    Capped,
    /// More urgent ones took the message's places; told in the next.
    Outranked,
    /// An operator holds it.
    Held,
    /// An operator cancelled it.
    Cancelled,
    /// The wording needs a value that is not known.
    Wording,
}

impl Suppressed {
    /// Stable code, for metrics and programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Death => "death",
            Self::DeathUnconfirmed => "death-unconfirmed",
            Self::Refused => "refused",
            Self::NoLink => "no-link",
            Self::CoveredBy(_) => "covered",
            Self::Served => "served",
            Self::Late => "late",
            Self::BeforeRule => "before-rule",
            Self::NotInForce => "not-in-force",
            Self::Capped => "capped",
            Self::Outranked => "outranked",
            Self::Held => "held",
            Self::Cancelled => "cancelled",
            Self::Wording => "wording",
        }
    }
}

/// What kind of telling a message is. Each (opportunity, kind) is told at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// The first message.
    First,
    /// The n-th reminder, counted from 0.
    Reminder(u8),
    /// What was told is no longer so.
    Correction,
    /// A fact is missing, and the person may know it.
    Question,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::First => f.write_str("first"),
            Self::Reminder(n) => write!(f, "reminder-{}", n + 1),
            Self::Correction => f.write_str("correction"),
            Self::Question => f.write_str("question"),
        }
    }
}

/// What one citizen's record owes another's. Applying one twice, or in any order, changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Share {
    /// An event of somebody else states facts of yours.
    Writes(Vec<(crate::facts::Cell, Write)>),
    /// Events that were taken back.
    Retracted(BTreeSet<EventKey>),
    /// Facts of somebody, for your conditions.
    Mirror {
        /// Whose facts.
        about: CitizenId,
        /// The writes.
        facts: Facts,
        /// Those of their events that were taken back.
        retracted: BTreeSet<EventKey>,
    },
    /// A wish to mirror facts of yours.
    Watch {
        /// Who wishes.
        watcher: CitizenId,
        /// What.
        wants: Wants,
    },
    /// An occurrence of somebody else that you may be told about.
    Occurrence {
        /// Its key.
        id: OccurrenceId,
        /// Its reports.
        occurrence: Occurrence,
        /// Those of its reports that were taken back.
        retracted: BTreeSet<EventKey>,
    },
    /// Somebody was forgotten: drop what you mirror of them.
    Forget(CitizenId),
}
