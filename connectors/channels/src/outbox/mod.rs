//! A folder as a channel: one file a message, for a program that really sends, or for eyes.
//!
//! A message is `DELIVERY.json`, an object of `delivery`, `recipient`, `language`, `subject` and `body`. It
//! is written under a temporary name, synced, renamed, and the folder synced: a reader sees it whole or not
//! at all, and once `send` said `Ok` it survives a power cut. Whoever reads the folder takes every `*.json`
//! and may delete it once the delivery is finished. A file that was taken away is written again if its
//! delivery is sent again, so a reader that passes messages on must itself use `delivery` as the key;
//! [`Replay::Idempotent`] rests on that.
//!
//! The folder is not open to others: mode 0700, files 0600. A file's name is the id of the delivery and tells
//! nothing about anybody.

mod folder;

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tidings_domain::channel::{Channel, Envelope, Replay, SendError};

use crate::{MESSAGE_BYTES, check_delivery};
use folder::{Folder, RealFolder};

/// Name of the channel.
pub const NAME: &str = "outbox";
const MESSAGE_SUFFIX: &str = ".json";
const UNFINISHED_SUFFIX: &str = ".unfinished";

/// Why the folder cannot be used. Texts do not repeat its path.
#[derive(Debug, Error)]
pub enum OutboxError {
    /// It may be another kind of file, or under a folder that cannot be written.
    #[error("the outbox folder cannot be opened: {0}")]
    Unusable(ErrorKind),
    /// It was there before, with too wide a mode. It is not changed, in case it is not meant for us.
    #[error(
        "the outbox folder is open to other users: set its mode to 0700, or name a folder that does not exist"
    )]
    OpenToOthers,
}

/// A message as it stands in its file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// See [`Envelope::delivery`].
    pub delivery: String,
    /// See [`Envelope::recipient`].
    pub recipient: String,
    /// See [`Envelope::language`].
    pub language: String,
    /// See [`Envelope::subject`].
    pub subject: String,
    /// See [`Envelope::body`].
    pub body: String,
}

impl Message {
    fn of(envelope: &Envelope) -> Self {
        Self {
            delivery: envelope.delivery.clone(),
            recipient: envelope.recipient.clone(),
            language: envelope.language.clone(),
            subject: envelope.subject.reveal().clone(),
            body: envelope.body.reveal().clone(),
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("delivery", &self.delivery).finish_non_exhaustive()
    }
}

/// The channel that writes into a folder. One process at a time may have it open.
pub struct OutboxFolder(Outbox<RealFolder>);

impl OutboxFolder {
    /// Makes the folder if it is not there, and clears what a crash left unfinished in it.
    pub fn open(folder: &Path) -> Result<Self, OutboxError> {
        Outbox::over(RealFolder::open(folder)?).map(Self).map_err(|error| OutboxError::Unusable(error.kind()))
    }
}

impl fmt::Debug for OutboxFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxFolder").finish_non_exhaustive()
    }
}

impl Channel for OutboxFolder {
    fn name(&self) -> &str {
        NAME
    }

    fn replay(&self) -> Replay {
        Replay::Idempotent
    }

    fn is_open(&self) -> bool {
        false
    }

    fn send(&self, envelope: &Envelope) -> Result<(), SendError> {
        self.0.send(envelope)
    }

    /// Whether the message still stands in the folder.
    fn arrived(&self, delivery: &str) -> Result<bool, SendError> {
        check_delivery(delivery)?;
        let found = self.0.folder.read(&message_name(delivery));
        found.map(|found| found.is_some()).map_err(|error| retry(&error))
    }
}

fn message_name(delivery: &str) -> String {
    format!("{delivery}{MESSAGE_SUFFIX}")
}

/// The channel over any folder; tests give one that loses what was not synced.
struct Outbox<F> {
    folder: F,
    /// Tells apart the temporary files of two threads that send the same delivery.
    writes: AtomicU64,
}

impl<F: Folder> Outbox<F> {
    fn over(folder: F) -> io::Result<Self> {
        for name in folder.names()?.iter().filter(|name| name.ends_with(UNFINISHED_SUFFIX)) {
            folder.remove(name)?;
        }
        Ok(Self { folder, writes: AtomicU64::new(0) })
    }

    fn send(&self, envelope: &Envelope) -> Result<(), SendError> {
        check_delivery(&envelope.delivery)?;
        if envelope.subject.reveal().len() + envelope.body.reveal().len() > MESSAGE_BYTES {
            return Err(SendError::Refused("the message is too long".into()));
        }
        let content = serde_json::to_vec(&Message::of(envelope))
            .map_err(|_| SendError::Refused("the message is no JSON".into()))?;
        let name = message_name(&envelope.delivery);
        match self.folder.read(&name) {
            Ok(None) => self.write(&envelope.delivery, &name, &content).map_err(|error| retry(&error)),
            // Whoever renamed it may have died before the folder was synced.
            Ok(Some(there)) if there == content => self.folder.sync().map_err(|error| retry(&error)),
            Ok(Some(_)) => Err(SendError::Refused("another message has this delivery's id".into())),
            Err(error) => Err(retry(&error)),
        }
    }

    fn write(&self, delivery: &str, name: &str, content: &[u8]) -> io::Result<()> {
        let count = self.writes.fetch_add(1, Ordering::Relaxed);
        let unfinished = format!("{delivery}.{}-{count}{UNFINISHED_SUFFIX}", process::id());
        let written = self
            .folder
            .create(&unfinished, content)
            .and_then(|()| self.folder.sync_file(&unfinished))
            .and_then(|()| self.folder.rename(&unfinished, name));
        if written.is_err() {
            // If this fails as well, the next `open` removes it.
            let _ = self.folder.remove(&unfinished);
        }
        written.and_then(|()| self.folder.sync())
    }
}

/// Everything that can befall a folder can be put right by an operator, so nothing is given up.
fn retry(error: &io::Error) -> SendError {
    SendError::Retry(match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "no space is left for the outbox folder".into(),
        ErrorKind::ReadOnlyFilesystem => "the outbox folder is on a read-only file system".into(),
        ErrorKind::PermissionDenied => "the outbox folder may not be written".into(),
        ErrorKind::NotFound | ErrorKind::NotADirectory => "the outbox folder is gone".into(),
        kind => format!("the outbox folder failed: {kind}"),
    })
}

#[cfg(test)]
mod tests;
