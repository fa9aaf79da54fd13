//! The seam of sources: where events come from.

use std::time::Duration;

use thiserror::Error;

use crate::event::{Arrival, End};

/// What went wrong, by what the loop does next.
#[derive(Debug, Error)]
pub enum SourceError {
    /// Wait and ask again.
    #[error("the source cannot be reached: {0}")]
    Unavailable(String),
    /// Stop.
    #[error("the source cannot be read: {0}")]
    Failed(String),
}

/// One batch.
#[derive(Debug)]
pub enum Batch {
    /// Events, in the source's order; never empty.
    Events(Vec<Arrival>),
    /// Nothing came within the time given.
    Quiet,
    /// The source has ended: it is complete.
    End,
}

/// A stream of events that is acknowledged batch by batch.
pub trait EventSource: Send {
    /// The next events: at most `limit`, after waiting at most `wait` for the first.
    fn next_batch(&mut self, limit: usize, wait: Duration) -> Result<Batch, SourceError>;

    /// Says what became of every event of the last batch, in its order. Called only once that is durable.
    fn ack(&mut self, ends: &[End]) -> Result<(), SourceError>;
}
