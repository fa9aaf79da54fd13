//! What the engine decides and sends: decisions, notifications, deliveries and the tasks of the queue.

use serde::{Deserialize, Serialize};

use crate::facts::Name;
use crate::ids::{CitizenId, EventKey, NotificationId, OccurrenceId, OpportunityId, TaskId};
use crate::record::{Answer, Kind, Suppressed};
use crate::time::Timestamp;
use crate::value::Value;

/// The sealed record of what became of one occurrence for one recipient.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Name of the life event.
    pub life_event: String,
    /// The occurrence; `None` only in an empty record.
    pub occurrence: Option<OccurrenceId>,
    /// Events that reported it.
    pub events: Vec<EventKey>,
    /// Digest of the pack that judged it last.
    pub pack: [u8; 32],
    /// The columns that the life event's rules and texts read, with what they held and who said so.
    pub evidence: Vec<Evidence>,
    /// Rules that answered yes or unknown, in pack order.
    pub rules: Vec<RuleDecision>,
}

/// One rule's part of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleDecision {
    /// Stable key as the pack had it.
    pub rule: String,
    /// The answer.
    pub answer: Answer,
    /// Laws and articles, as text.
    pub basis: Vec<String>,
}

/// One column as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Name, as rules write it: `subject.birth_date`.
    pub column: Name,
    /// What it held.
    pub value: Option<Value>,
    /// Short name of the source, when one write decided it.
    pub source: Option<Name>,
    /// Since when.
    pub since: Option<Timestamp>,
}

/// What one planning made of one occurrence; a row of its own, beside the decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planning {
    /// Business time.
    pub at: Timestamp,
    /// What became of each opportunity of the occurrence.
    pub outcomes: Vec<(String, Outcome)>,
    /// Digest of the model that ranked and worded.
    pub model: String,
    /// Why pack order or a template stood in for the model, if so.
    pub fallback: Option<String>,
    /// Rounded scores that the model gave to suggestions, by rule.
    pub scores: Vec<(String, i32)>,
}

/// What planning made of one opportunity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Told in this message, as this kind.
    Planned(NotificationId, Kind),
    /// Not told.
    Suppressed(Suppressed),
    /// Not decidable; the columns that are missing.
    Unknown(Vec<String>),
}

/// One message to one citizen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Its key.
    pub id: NotificationId,
    /// To whom.
    pub citizen: CitizenId,
    /// What kind of telling.
    pub kind: Kind,
    /// What it tells, in the order told.
    pub tells: Vec<OpportunityId>,
    /// Rules told, by root key, and their services.
    pub rules: Vec<(String, String)>,
    /// Language code.
    pub language: String,
    /// Subject line.
    pub subject: String,
    /// Body, plain text.
    pub body: String,
    /// The neutral text of open channels.
    pub neutral: String,
    /// Whether one of them is a duty.
    pub duty: bool,
    /// Whether no open channel may carry it.
    pub never_push: bool,
    /// When it was planned.
    pub planned: Timestamp,
    /// When it came to stand in the inbox.
    pub inbox: Option<Timestamp>,
    /// Deliveries so far, in plan order.
    pub deliveries: Vec<Delivery>,
}

/// One step of a notification's plan on one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Name of the channel.
    pub channel: String,
    /// How it stands.
    pub state: DeliveryState,
    /// Attempts begun.
    pub attempts: u32,
}

/// How a delivery stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryState {
    /// Not yet begun.
    Waiting,
    /// Begun: until it is finished, its outcome is unknown.
    Begun(Timestamp),
    /// Handed over.
    Finished(Timestamp),
    /// Given up, with the reason.
    Buried(String),
    /// Begun and never finished, on a channel that cannot say; not sent again.
    Unknown(Timestamp),
    /// No longer wanted when its turn came, with the reason.
    Dropped(Suppressed),
}

impl DeliveryState {
    /// Whether nothing more will happen to the delivery by itself.
    pub const fn is_final(&self) -> bool {
        !matches!(self, Self::Waiting | Self::Begun(_))
    }
}

/// What a task does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// Plan the citizen's open opportunities.
    Plan,
    /// Carry out the next step of a notification.
    Dispatch(NotificationId),
    /// Remind of an opportunity, for the n-th time.
    Remind(OpportunityId, u8),
    /// Look whether a milestone or an absence of the citizen has come about.
    Look,
}

/// The queue that a task stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Queue {
    /// Plan tasks.
    Plan = 1,
    /// Reminders.
    Remind = 2,
    /// Deliveries.
    Dispatch = 3,
    /// Milestones and absences that are still to come.
    Clock = 4,
    /// Held by an operator.
    Held = 8,
    /// Given up; kept for an operator.
    Buried = 9,
}

impl Queue {
    /// Every queue.
    pub const ALL: [Self; 6] =
        [Self::Plan, Self::Remind, Self::Dispatch, Self::Clock, Self::Held, Self::Buried];

    /// Name for people and programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Remind => "remind",
            Self::Dispatch => "dispatch",
            Self::Clock => "clock",
            Self::Held => "held",
            Self::Buried => "buried",
        }
    }
}

/// One step the queue owes. Holds ids and rule keys only, so it is not sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its key.
    pub id: TaskId,
    /// Where it stands.
    pub queue: Queue,
    /// Not before this business time.
    pub due: Timestamp,
    /// Whom it concerns.
    pub citizen: CitizenId,
    /// What to do.
    pub work: Work,
    /// Root keys of the rules it serves, so that an operator can hold a rule.
    pub rules: Vec<String>,
    /// Failed attempts so far.
    pub attempts: u32,
    /// Why it was held or buried, or last failed; never a personal value.
    pub note: Option<String>,
    /// The queue it came from, when held or buried.
    pub from: Option<Queue>,
}
