//! Events, from the bytes a source sent to the typed statement that the engine works with.

use serde::{Deserialize, Serialize};

use crate::facts::{Map, Name};
use crate::ids::{CitizenId, EventKey};
use crate::time::Timestamp;
use crate::value::{Pii, Value};

/// A typed, pseudonymised event: no national number is left in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Digest of source and id.
    pub key: EventKey,
    /// Short name of the registered source.
    pub source: Name,
    /// CloudEvents `type`.
    pub kind: String,
    /// Whom it happened to.
    pub subject: CitizenId,
    /// When it happened.
    pub time: Timestamp,
    /// When the source recorded it, or when it arrived.
    pub recorded: Timestamp,
    /// Declared fields of `data`; undeclared ones are not kept.
    pub data: Map<Name, Value>,
}

impl Event {
    /// Its subject, and everyone whom its data names.
    pub fn people(&self) -> impl Iterator<Item = CitizenId> + '_ {
        std::iter::once(self.subject).chain(self.data.values().filter_map(Value::as_citizen))
    }
}

/// What became of an event. Every accepted event ends in exactly one of these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum End {
    /// Applied, durably.
    Committed,
    /// Seen before.
    Duplicate,
    /// Of no concern.
    Ignored(Ignored),
    /// Cannot be used; kept aside, sealed, with the reason.
    DeadLetter(Reason),
}

/// Why an event is of no concern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Ignored {
    /// Its type is not in the pack.
    UnknownType,
    /// Its subject was forgotten at their request.
    Forgotten,
    /// A source's statement that it is complete up to a time; it moves the watermark alone.
    Watermark,
}

/// Why an event is a dead letter. The message never holds what the event said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Reason {
    /// Which check refused it.
    pub code: Refusal,
    /// Where in the event, as a path (`data.birth_date`), if in one place.
    pub place: Option<String>,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $fix:literal;)*) => {
        /// The checks that an event must pass.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Refusal { $($(#[$doc])* $name,)* }

        impl Refusal {
            /// Stable code, for metrics and programs.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The way out, for the sender.
            pub const fn fix(self) -> &'static str {
                match self { $(Self::$name => $fix,)* }
            }
        }
    };
}

refusals! {
    /// Not UTF-8.
    NotUtf8 = "not-utf8", "send JSON in UTF-8";
    /// Longer than the limit.
    TooLarge = "too-large", "send at most 64 KiB an event";
    /// Not JSON, or cut off.
    NotJson = "not-json", "send one JSON object an event";
    /// Nested deeper than the limit.
    TooDeep = "too-deep", "data holds plain fields, nothing nested";
    /// `specversion` is not 1.0.
    WrongSpecVersion = "wrong-specversion", "send CloudEvents 1.0";
    /// A required attribute is absent or empty.
    MissingAttribute = "missing-attribute", "give id, source, type, subject and time";
    /// An attribute has the wrong type or form.
    BadAttribute = "bad-attribute", "attributes are strings; time is RFC 3339";
    /// The source is not in the register.
    UnregisteredSource = "unregistered-source", "register the source in sources.yaml";
    /// The source may not send this type.
    OutsideRegister = "outside-register", "add the type to the source's entry in sources.yaml";
    /// The sender did not prove to be this source.
    NotProved = "not-proved", "sign as the source that the event names";
    /// A required data field is absent.
    MissingField = "missing-field", "give every required field of the type";
    /// A data field has the wrong type, or a value outside its list.
    BadField = "bad-field", "give the field its declared type";
    /// Dated more than 24 hours ahead.
    FutureDated = "future-dated", "send the event once it has happened";
    /// The same source and id said something else before.
    ConflictingId = "conflicting-id", "give a new statement a new id";
    /// Takes back an event so old that its contribution was folded; a person must look.
    TooOldToRetract = "too-old-to-retract", "correct the person's facts by hand";
}

/// An event as a source delivered it, before it is understood.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Bytes of the structured-mode JSON.
    pub bytes: Pii<Vec<u8>>,
    /// Where it stood: partition and offset in the source's own order.
    pub position: Position,
    /// The registered source that the sender proved to be; `None` when the transport vouches for any source
    /// (a file named on the command line).
    pub proved: Option<String>,
    /// Business time of arrival, for events that do not say when they were recorded.
    pub received: Timestamp,
}

/// A place in a source partition's order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Name of the partition; never a file's path.
    pub partition: String,
    /// Fencing epoch: a reader with a lower one is refused.
    pub epoch: u64,
    /// Offset of this event, counted from 0.
    pub offset: u64,
}

/// Limits on one event.
pub mod limits {
    use std::time::Duration;

    /// Longest event, bytes.
    pub const EVENT_BYTES: usize = 64 * 1024;
    /// Deepest nesting of JSON that is read.
    pub const DEPTH: usize = 16;
    /// Most fields in `data`.
    pub const FIELDS: usize = 128;
    /// Longest id, source, type or subject, bytes.
    pub const ATTRIBUTE_BYTES: usize = 256;
    /// How far ahead of its recording an event may be dated.
    pub const AHEAD: Duration = Duration::from_secs(24 * 3600);
}
