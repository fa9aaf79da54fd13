//! The seams of the store. The hot path is [`Store`]; screens and commands read through [`ReadStore`];
//! administration goes through [`AdminStore`]. All of them see rows of bytes: what is personal is sealed before
//! it comes here, so a store never needs a key.
//!
//! The contract, which `tidings-stores` has one test suite for:
//!
//! 1. [`Store::commit`] is atomic within its shard and durable when it returns `Ok`.
//! 2. A commit whose reads are out of date changes nothing and returns [`StoreError::Conflict`].
//! 3. A commit that presents a lease which has expired or was taken over changes nothing and returns
//!    [`StoreError::LeaseLost`]. A commit that succeeds releases the leases it presents.
//! 4. A commit with a lower epoch for a source partition than the shard has seen returns
//!    [`StoreError::Fenced`]; positions never go back.
//! 5. A commit under another pack epoch than the shard's returns [`StoreError::StalePack`].
//! 6. No row is lost or torn by a crash at any point; what was not committed is not there.
//! 7. After [`StoreError::Full`] or [`StoreError::Unavailable`] nothing of the commit is there, and the same
//!    commit succeeds once the cause is gone, without reopening.

use std::time::Duration;

use thiserror::Error;

use crate::event::Position;
use crate::ids::{CitizenId, TaskId};
use crate::message::Queue;
use crate::time::{LeaseTime, Timestamp};

/// A table of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// The record of a citizen. Key: citizen.
    Citizen = 1,
    /// An event as it was accepted. Key: citizen, event.
    Event = 2,
    /// What became of an occurrence for a recipient. Key: citizen, occurrence; a planning's key has its time
    /// after that.
    Decision = 3,
    /// A message. Key: citizen, notification.
    Notification = 4,
    /// A task. Key: queue, due, task: sorts by due time in each queue.
    Task = 5,
    /// A share for a record of another shard. Key: its task.
    Outbox = 6,
    /// An event that could not be used. Key: digest of what was sent.
    DeadLetter = 7,
    /// That a citizen was forgotten. Key: citizen.
    Forgotten = 8,
    /// A pack by digest.
    Pack = 9,
    /// Watermarks, first activation of rules, holds. Key: text.
    Meta = 10,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 10] = [
        Self::Citizen,
        Self::Event,
        Self::Decision,
        Self::Notification,
        Self::Task,
        Self::Outbox,
        Self::DeadLetter,
        Self::Forgotten,
        Self::Pack,
        Self::Meta,
    ];
}

/// One of the store's shards, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shard(pub u16);

impl Shard {
    /// The shard that keeps a citizen.
    pub fn of(citizen: CitizenId, shards: u16) -> Self {
        let spread = u16::from_be_bytes([citizen.0[0], citizen.0[1]]);
        Self(spread % shards.max(1))
    }
}

/// The address of a row within a shard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// Its table.
    pub table: Table,
    /// Its key.
    pub key: Vec<u8>,
}

impl RowKey {
    /// A row of one citizen.
    pub fn citizen(citizen: CitizenId) -> Self {
        Self { table: Table::Citizen, key: citizen.0.to_vec() }
    }

    /// A row of something that belongs to a citizen.
    pub fn of(table: Table, citizen: CitizenId, part: &[u8]) -> Self {
        Self { table, key: [&citizen.0, part].concat() }
    }

    /// A task's row.
    pub fn task(queue: Queue, due: Timestamp, task: TaskId) -> Self {
        let mut key = vec![queue as u8];
        key.extend(due.sortable());
        key.extend(task.0);
        Self { table: Table::Task, key }
    }

    /// A row of [`Table::Meta`].
    pub fn meta(name: &str) -> Self {
        Self { table: Table::Meta, key: name.as_bytes().to_vec() }
    }
}

/// How a row stood when it was read; a commit presents it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

/// A row as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// To be presented when writing.
    pub version: Version,
    /// Its bytes; `None` when there is no such row.
    pub bytes: Option<Vec<u8>>,
}

/// What one commit does to one shard: all of it or nothing.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// Rows that must still stand as they were read.
    pub reads: Vec<(RowKey, Version)>,
    /// Rows to write, or with `None` to delete. The last one wins if a key stands twice.
    pub writes: Vec<(RowKey, Option<Vec<u8>>)>,
    /// Leases that must still be held; released by the commit.
    pub leases: Vec<LeaseToken>,
    /// Highest offset applied of each source partition.
    pub positions: Vec<Position>,
    /// The pack epoch it was judged under; `None` for what no pack decides.
    pub pack_epoch: Option<u64>,
}

/// Proof of holding a task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseToken {
    /// The row of the task.
    pub task: RowKey,
    /// Grows with every lease of the task.
    pub token: u64,
}

/// A leased task.
#[derive(Clone, Debug)]
pub struct Lease {
    /// To be presented by whatever finishes, moves or buries it.
    pub token: LeaseToken,
    /// The task's bytes.
    pub task: Vec<u8>,
}

/// What to lease.
#[derive(Clone, Copy, Debug)]
pub struct LeaseAsk {
    /// From which queue.
    pub queue: Queue,
    /// Tasks due at or before this business time, earliest first.
    pub due: Timestamp,
    /// The lease clock now.
    pub now: LeaseTime,
    /// How long the lease holds.
    pub holds: Duration,
    /// At most so many.
    pub limit: usize,
}

/// What went wrong, by what the caller does next.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Read again and retry.
    #[error("a row changed since it was read; reading it again will do")]
    Conflict,
    /// Drop the work: somebody else has it.
    #[error("the lease on this task has expired or was taken over")]
    LeaseLost,
    /// Stop reading this partition: a newer reader has it.
    #[error("a newer reader owns source partition {partition}")]
    Fenced {
        /// The partition.
        partition: String,
    },
    /// Judge again under the pack that is active now.
    #[error("the active pack has changed (epoch {active})")]
    StalePack {
        /// The epoch of the shard.
        active: u64,
    },
    /// Wait for room.
    #[error("no space left where the store is kept; it goes on by itself when there is room")]
    Full,
    /// Wait and retry.
    #[error("the store cannot be reached: {0}")]
    Unavailable(String),
    /// Stop: a person must look.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// Stop: written by a newer release.
    #[error("the store has format {found}, this release reads up to {known}; use the release that wrote it")]
    Newer {
        /// Format found.
        found: u32,
        /// Newest format known here.
        known: u32,
    },
    /// Stop: another process has it.
    #[error("the store is in use by another process")]
    InUse,
}

/// The hot path.
pub trait Store: Send + Sync {
    /// Number of shards; fixed when the store is made.
    fn shards(&self) -> u16;

    /// Reads rows of one shard, in the order asked.
    fn read(&self, shard: Shard, keys: &[RowKey]) -> Result<Vec<Row>, StoreError>;

    /// Writes, all or nothing; durable when it returns.
    fn commit(&self, shard: Shard, commit: &Commit) -> Result<(), StoreError>;

    /// Takes tasks that are due and that nobody holds, earliest first, for a while.
    fn lease(&self, shard: Shard, ask: LeaseAsk) -> Result<Vec<Lease>, StoreError>;

    /// The epoch and highest applied offset of a source partition.
    fn position(&self, shard: Shard, partition: &str) -> Result<Option<Position>, StoreError>;
}

/// A row of a scan: its key and its bytes.
pub type KeyedRow = (Vec<u8>, Vec<u8>);

/// Reading for screens and commands.
pub trait ReadStore: Send + Sync {
    /// Rows of a table whose key starts with `prefix` and is greater than `after`, in key order, at most `limit`.
    fn scan(
        &self,
        shard: Shard,
        table: Table,
        range: Range<'_>,
        limit: usize,
    ) -> Result<Vec<KeyedRow>, StoreError>;
}

/// Which rows a scan visits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Range<'a> {
    /// Keys start with this.
    pub prefix: &'a [u8],
    /// Keys are greater than this; `None` from the start.
    pub after: Option<&'a [u8]>,
}

/// Administration.
pub trait AdminStore: Send + Sync {
    /// Makes a pack epoch the active one of a shard; epochs only grow. Returns the one that is active now.
    fn activate(&self, shard: Shard, pack_epoch: u64) -> Result<u64, StoreError>;

    /// The active pack epoch of a shard; 0 before any.
    fn pack_epoch(&self, shard: Shard) -> Result<u64, StoreError>;

    /// Bytes used on disk, or in memory.
    fn size(&self) -> Result<u64, StoreError>;

    /// Rewrites tables so that deleted rows are gone from the medium.
    fn compact(&self) -> Result<(), StoreError>;
}

/// All three, for whoever opens the store.
pub trait AnyStore: Store + ReadStore + AdminStore {}

impl<T: Store + ReadStore + AdminStore> AnyStore for T {}
