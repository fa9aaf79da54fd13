//! The fjall database, and what the store puts into it.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use fjall::compaction::Leveled;
use fjall::config::{CompressionPolicy, PinningPolicy};
use fjall::{
    AbstractTree, CompressionType, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode,
    Snapshot,
};
use tidings_domain::store::Shard;

use super::journal::Mark;
use super::{BLOCK_CACHE_BYTES, Durability, Options};
use crate::engine::Batch;

/// Flushes that may be outstanding before a commit waits. fjall itself waits at 4, without noticing that the flush it
/// waits for has failed; staying below keeps a full disk from hanging a commit.
pub(super) const FLUSHES_OUTSTANDING: usize = 2;
/// Unmerged runs that may stand before a commit waits; fjall itself waits at 30.
pub(super) const RUNS_UNMERGED: usize = 18;
/// Runs that are merged at once: fewer, larger merges write each row less often, and a row of few runs is still
/// found at once.
const RUNS_MERGED: u8 = 8;
/// How long to wait before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// Background threads. While one of several merges, fjall 3.1.13 keeps another busy with passing the same message
/// around (`worker_tick`): a core for nothing. One alone flushes late when a merge is long; commits wait for it then.
const WORKERS: usize = 1;

/// Bytes of a key before the row's own: shard and table.
pub(super) const ROW_PREFIX_BYTES: usize = 3;
/// The store's own table.
const OWN: u8 = 0;
const OWN_MARK: u8 = 1;
pub(super) const OWN_PACK_EPOCH: u8 = 2;
pub(super) const OWN_POSITION: u8 = 3;

/// fjall lets a flush in the background show a batch that is still being applied: the flush takes a later number in
/// the same count and publishes it (`SuperVersions::upgrade_version` in lsm-tree 3.1.10). So readers do not open
/// snapshots of their own; they share the one that the writer made when no batch was under way.
pub(super) struct Open {
    readable: RwLock<Snapshot>,
    pub(super) rows: Keyspace,
    db: Database,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Open")
    }
}

impl Open {
    pub(super) fn at(path: &Path, options: Options) -> Result<Self, fjall::Error> {
        let db = Database::builder(path)
            .cache_size(BLOCK_CACHE_BYTES)
            .worker_threads(WORKERS)
            .manual_journal_persist(true)
            .journal_compression(CompressionType::None)
            .open()?;
        let keyspace = || {
            KeyspaceCreateOptions::default()
                .manual_journal_persist(true)
                .max_memtable_size(options.memtable_bytes)
                .compaction_strategy(Arc::new(Leveled::default().with_l0_threshold(RUNS_MERGED)))
                .filter_block_pinning_policy(PinningPolicy::all(true))
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
        };
        let rows = db.keyspace("rows", keyspace)?;
        Ok(Self { readable: RwLock::new(db.snapshot()), rows, db })
    }

    /// Waits until background work has caught up to these limits. Fails when it never will.
    pub(super) fn catch_up(&self, flushes: usize, runs: usize) -> Result<(), fjall::Error> {
        while self.rows.sealed_memtable_count() >= flushes || self.rows.tree.l0_run_count() >= runs {
            self.db.persist(PersistMode::Buffer)?;
            thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    pub(super) fn write(
        &self,
        options: Options,
        mark: &Mark,
        shard: Shard,
        batch: &Batch<'_>,
    ) -> Result<(), fjall::Error> {
        let mode = match options.durability {
            Durability::Synced => PersistMode::SyncData,
            Durability::None => PersistMode::Buffer,
        };
        let writes = batch.writes.len() + batch.positions.len() + 2;
        let mut out = OwnedWriteBatch::with_capacity(self.db.clone(), writes).durability(Some(mode));
        out.insert(&self.rows, own_key(shard, OWN_MARK, b""), mark.as_slice());
        for (key, bytes) in &batch.writes {
            let row = row_key(shard, key.table as u8, &key.key);
            match bytes {
                Some(bytes) => out.insert(&self.rows, row, *bytes),
                None => out.remove(&self.rows, row),
            }
        }
        for position in &batch.positions {
            let value = [position.epoch.to_be_bytes(), position.offset.to_be_bytes()].concat();
            out.insert(&self.rows, own_key(shard, OWN_POSITION, position.partition.as_bytes()), value);
        }
        if let Some(epoch) = batch.pack_epoch {
            out.insert(&self.rows, own_key(shard, OWN_PACK_EPOCH, b""), epoch.to_be_bytes().as_slice());
        }
        out.commit()?;
        self.publish();
        Ok(())
    }

    /// Lets readers see what is committed. Called by the writer, between batches.
    fn publish(&self) {
        *self.readable.write().unwrap_or_else(PoisonError::into_inner) = self.db.snapshot();
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        self.readable.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Moves every row into tables.
    pub(super) fn flush(&self) -> Result<(), fjall::Error> {
        self.rows.rotate_memtable()?;
        self.catch_up(1, usize::MAX)
    }
}

pub(super) fn row_key(shard: Shard, table: u8, key: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(3 + key.len());
    row.extend(shard.0.to_be_bytes());
    row.push(table);
    row.extend(key);
    row
}

pub(super) fn own_key(shard: Shard, kind: u8, name: &[u8]) -> Vec<u8> {
    let mut row = row_key(shard, OWN, &[kind]);
    row.extend(name);
    row
}
