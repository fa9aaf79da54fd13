//! Where events come from. Each source turns what its transport carries into [`Arrival`]s, bytes not yet
//! understood, and passes on what became of them.
//!
//! - [`ndjson`]: a file or a pipe, one JSON object a line.
//! - [`http`]: `POST /events` in the three CloudEvents modes, answered only once the outcome is durable.
//! - [`signature`]: how an HTTP sender proves which registered source it is.
//!
//! Deliberately absent: decoding (the pipeline's, so that a bad event is a dead letter whatever carried it),
//! whether the proved source may send the event (the register's), and terminating TLS (the server's).
//!
//! [`Arrival`]: tidings_domain::event::Arrival

use std::sync::Arc;

use tidings_domain::time::Timestamp;

pub mod http;
pub mod ndjson;
pub mod signature;
pub mod table;

/// A clock that the caller owns; nothing here reads the time by itself.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The name and fencing epoch of the one source partition that a source reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Stable name, as positions and metrics show it; never a file's path.
    pub name: String,
    /// A reader with a lower epoch than the store has seen is refused.
    pub epoch: u64,
}
