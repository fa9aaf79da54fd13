//! How messages leave: one module a channel, each an implementation of
//! [`Channel`](tidings_domain::channel::Channel).
//!
//! - [`outbox`]: a folder from which another program sends; also what the demonstration shows.
//! - [`testing`]: a channel that does as it is told, and the contract suite that every channel must pass.
//!
//! Deliberately absent: retries and their times (the queue's), whether a message may go at all (policy's),
//! and the choice between the full and the neutral text (asked with `Channel::is_open` before the text is
//! made).

use tidings_domain::channel::SendError;

pub mod outbox;
pub mod testing;

/// Longest id of a delivery, in bytes: with what a channel adds it stays below the 255 of a file name.
pub const DELIVERY_BYTES: usize = 128;
/// Longest message that a channel takes, subject and body together, in bytes.
pub const MESSAGE_BYTES: usize = 64 * 1024;

/// Refuses an id of a delivery that is not safe everywhere: 1 to [`DELIVERY_BYTES`] of `a-z`, `0-9` and `-`.
pub fn check_delivery(delivery: &str) -> Result<(), SendError> {
    let safe = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if (1..=DELIVERY_BYTES).contains(&delivery.len()) && delivery.bytes().all(safe) {
        return Ok(());
    }
    Err(SendError::Refused(
        "the id of the delivery has characters beyond a-z, 0-9 and -, or is too long".into(),
    ))
}
