//! The seam of delivery channels: the only way out.

use thiserror::Error;

use crate::value::Pii;

/// What a channel can say of a send whose outcome was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Sending the same delivery again has no further effect.
    Idempotent,
    /// The channel can be asked.
    Queryable,
    /// Nobody can know: a duty is sent again and says so, anything else stops.
    Neither,
}

/// What is handed to a channel.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Stable id of the delivery: notification and channel. Safe in file names and logs.
    pub delivery: String,
    /// Who receives it, as the channel's directory knows them.
    pub recipient: String,
    /// Language code of the text.
    pub language: String,
    /// Subject line.
    pub subject: Pii<String>,
    /// Text. On an open channel this is the neutral text.
    pub body: Pii<String>,
}

/// What went wrong, by what the queue does next. Texts never hold what was sent or to whom.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// Try again later.
    #[error("not sent, will be tried again: {0}")]
    Retry(String),
    /// Give up.
    #[error("refused for good: {0}")]
    Refused(String),
    /// It may have been sent.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}

/// A way to reach a citizen.
pub trait Channel: Send + Sync {
    /// Stable name, as configuration and refusals use it.
    fn name(&self) -> &str;

    /// What happens when a delivery is sent twice.
    fn replay(&self) -> Replay;

    /// Whether others may read what it carries, so that only the neutral text goes out.
    fn is_open(&self) -> bool;

    /// Hands one message over. `Ok` means that the channel has it durably.
    fn send(&self, envelope: &Envelope) -> Result<(), SendError>;

    /// Whether a delivery arrived; only for [`Replay::Queryable`].
    fn arrived(&self, delivery: &str) -> Result<bool, SendError>;
}
