//! A store in one directory of this machine, over the LSM tree of the crate `fjall`.
//!
//! - **Durable.** Each commit is one fjall batch, synced before `Ok`. `tests/durability.rs` discards what was not synced.
//! - **Failing.** fjall's handle is dead after a failed write. The store takes the batch back out of the journal and
//!   opens the database anew, so that nothing of the commit is there and the next one can succeed (`rows.rs`,
//!   `journal.rs`). While there is no room, commits are refused before they touch the database, and reading goes on.
//! - **Reading** takes a snapshot and never waits for the sync of a commit.
//! - **Memory** is bounded: block cache, memtables and remembered writes have named limits; what grows is the handle
//!   of each 64 MB table.
//! - **Layout.** One fjall keyspace; a row's key is `shard (2, big endian), table (1), key`. Table 0 is the
//!   store's own: positions, pack epochs, the mark of the newest batch.
//! - **Deleted rows** leave the disk with [`AdminStore::compact`], which also empties the journal. What the file system
//!   keeps in freed blocks is beyond a store; encryption and the key ring are there for that.

mod error;
mod journal;
mod layout;
mod open;
mod rows;

use std::path::Path;

use tidings_domain::event::Position;
use tidings_domain::store::{
    AdminStore, Commit, Lease, LeaseAsk, Range, ReadStore, Row, RowKey, Shard, Store, StoreError, Table,
};

use crate::engine::{Engine, store_by_engine};
use rows::EmbeddedRows;

/// Cache of blocks read, bytes.
const BLOCK_CACHE_BYTES: u64 = 64 << 20;
/// Rows kept in memory before they go to a table, bytes. At most four such memtables stand at a time.
const MEMTABLE_BYTES: u64 = 64 << 20;

/// When a commit counts as done.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When it is on the disk.
    #[default]
    Synced,
    /// When the operating system has it. Loses acknowledged commits in a power cut: for the test that shows that the
    /// crash test sees it.
    None,
}

/// How to open a store.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Number of shards. Fixed when the store is made; opening it with another number is refused.
    pub shards: u16,
    #[doc(hidden)]
    pub durability: Durability,
    #[doc(hidden)]
    pub memtable_bytes: u64,
}

impl Options {
    /// The settings for production, with so many shards (at least one).
    pub fn new(shards: u16) -> Self {
        Self { shards: shards.max(1), ..Self::default() }
    }
}

impl Default for Options {
    /// One shard.
    fn default() -> Self {
        Self { shards: 1, durability: Durability::Synced, memtable_bytes: MEMTABLE_BYTES }
    }
}

/// A store in one directory; this process alone has it while it is open.
#[derive(Debug)]
pub struct EmbeddedStore {
    engine: Engine<EmbeddedRows>,
}

impl EmbeddedStore {
    /// Opens the store in this directory, or makes one where the directory is absent or empty.
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] while another handle has it open, [`StoreError::Newer`] when a later release wrote it,
    /// [`StoreError::Corrupt`] for a directory that is something else, was made with another number of shards, or is
    /// damaged; [`StoreError::Full`] and [`StoreError::Unavailable`] from the disk.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        let options = Options { shards: options.shards.max(1), ..options };
        Ok(Self { engine: Engine::new(EmbeddedRows::open(path.as_ref(), options)?, options.shards) })
    }
}

store_by_engine!(EmbeddedStore);
