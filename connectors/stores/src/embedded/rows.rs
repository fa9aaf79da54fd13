//! Rows in fjall, and what keeps them right when the disk does not.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;
use std::{path::Path, thread};

use fjall::config::CompressionPolicy;
use fjall::{
    AbstractTree, CompressionType, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode,
    Readable, Snapshot,
};
use tidings_domain::event::Position;
use tidings_domain::store::{RowKey, Shard, StoreError, Table};

use super::error::{from_fjall, from_io};
use super::journal::{self, Mark};
use super::layout::Layout;
use super::{BLOCK_CACHE_BYTES, Durability, Options};
use crate::engine::{Batch, Rows, Visit};

/// Flushes that may be outstanding before a commit waits. fjall itself waits at 4, without noticing that the flush it
/// waits for has failed; staying below keeps a full disk from hanging a commit.
const FLUSHES_OUTSTANDING: usize = 2;
/// Unmerged runs that may stand before a commit waits; fjall itself waits at 30.
const RUNS_UNMERGED: usize = 18;
/// How long to wait before looking again.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// Background threads: one to flush, one to merge.
const WORKERS: usize = 2;

/// Bytes of a key before the row's own: shard and table.
const ROW_PREFIX_BYTES: usize = 3;
/// The store's own table.
const OWN: u8 = 0;
const OWN_MARK: u8 = 1;
const OWN_PACK_EPOCH: u8 = 2;
const OWN_POSITION: u8 = 3;

#[derive(Debug)]
pub(super) struct EmbeddedRows {
    layout: Layout,
    options: Options,
    /// Closed only while it is being opened anew, or as long as that fails.
    open: RwLock<Option<Open>>,
    /// Held by the batch under way. Taken before `open`, never after.
    writer: Mutex<Writer>,
}

/// fjall lets a flush in the background show a batch that is still being applied: the flush takes a later number in
/// the same count and publishes it (`SuperVersions::upgrade_version` in lsm-tree 3.1.10). So readers do not open
/// snapshots of their own; they share the one that the writer made when no batch was under way.
struct Open {
    readable: RwLock<Snapshot>,
    rows: Keyspace,
    db: Database,
}

#[derive(Debug)]
struct Writer {
    /// Names this run in marks.
    run: u64,
    batches: u64,
    /// Marks of failed batches that have to be taken back before the database is opened again.
    failed: Vec<Mark>,
    /// Whether the last batch failed, so that room has to be shown before the next.
    doubt: bool,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Open")
    }
}

impl Open {
    fn at(path: &Path, options: Options) -> Result<Self, fjall::Error> {
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
                .data_block_compression_policy(CompressionPolicy::all(CompressionType::None))
        };
        let rows = db.keyspace("rows", keyspace)?;
        Ok(Self { readable: RwLock::new(db.snapshot()), rows, db })
    }

    /// Waits until background work has caught up to these limits. Fails when it never will.
    fn catch_up(&self, flushes: usize, runs: usize) -> Result<(), fjall::Error> {
        while self.rows.sealed_memtable_count() >= flushes || self.rows.tree.l0_run_count() >= runs {
            self.db.persist(PersistMode::Buffer)?;
            thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    fn write(
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

    fn snapshot(&self) -> Snapshot {
        self.readable.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Moves every row into tables.
    fn flush(&self) -> Result<(), fjall::Error> {
        self.rows.rotate_memtable()?;
        self.catch_up(1, usize::MAX)
    }
}

fn row_key(shard: Shard, table: u8, key: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(3 + key.len());
    row.extend(shard.0.to_be_bytes());
    row.push(table);
    row.extend(key);
    row
}

fn own_key(shard: Shard, kind: u8, name: &[u8]) -> Vec<u8> {
    let mut row = row_key(shard, OWN, &[kind]);
    row.extend(name);
    row
}

impl EmbeddedRows {
    pub(super) fn open(path: &Path, options: Options) -> Result<Self, StoreError> {
        let mut layout = Layout::open(path, options.shards)?;
        if !layout.complete {
            make(&mut layout, options)?;
        }
        if !layout.db().join("version").try_exists().map_err(from_io)? {
            return Err(StoreError::Corrupt(format!("{} has no rows any more", path.display())));
        }
        let open = open_after_crash(&layout, options)?;
        let writer = Writer { run: rand::random(), batches: 0, failed: Vec::new(), doubt: false };
        Ok(Self { layout, options, open: RwLock::new(Some(open)), writer: Mutex::new(writer) })
    }

    /// The database, if it is open; opened if it was left closed by a failure.
    fn reading(&self) -> Result<RwLockReadGuard<'_, Option<Open>>, StoreError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        if open.is_some() {
            return Ok(open);
        }
        drop(open);
        let mut writer = self.writing()?;
        let still_closed = self.open.read().unwrap_or_else(PoisonError::into_inner).is_none();
        if still_closed {
            self.revive(&mut writer)?;
        }
        drop(writer);
        Ok(self.open.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn with<T>(&self, look: impl FnOnce(&Open) -> Result<T, fjall::Error>) -> Result<T, StoreError> {
        let open = self.reading()?;
        let open =
            open.as_ref().ok_or_else(|| StoreError::Unavailable("the store is being opened".to_owned()))?;
        look(open).map_err(from_fjall)
    }

    fn snapshot<T>(
        &self,
        look: impl FnOnce(&Snapshot, &Keyspace) -> Result<T, fjall::Error>,
    ) -> Result<T, StoreError> {
        self.with(|open| look(&open.snapshot(), &open.rows))
    }

    fn own<const N: usize>(
        &self,
        shard: Shard,
        kind: u8,
        name: &[u8],
    ) -> Result<Option<[u8; N]>, StoreError> {
        let value = self.snapshot(|snapshot, rows| snapshot.get(rows, own_key(shard, kind, name)))?;
        let damaged = |_| StoreError::Corrupt("a row of the store's own has the wrong length".to_owned());
        value.map(|value| value.as_ref().try_into().map_err(damaged)).transpose()
    }

    fn writing(&self) -> Result<MutexGuard<'_, Writer>, StoreError> {
        let died = |_| StoreError::Corrupt("a thread died while it wrote; restart".to_owned());
        self.writer.lock().map_err(died)
    }

    /// Opens the database anew, without what failed.
    fn revive(&self, writer: &mut Writer) -> Result<(), StoreError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        *open = None;
        while let Some(mark) = writer.failed.last() {
            journal::take_back(&self.layout.db(), mark).map_err(from_io)?;
            writer.failed.pop();
        }
        *open = Some(Open::at(&self.layout.db(), self.options).map_err(from_fjall)?);
        Ok(())
    }

    /// After a failure: makes sure that there is room for a batch and for the flush it may cause, and opens the
    /// database anew, since its background threads may have died.
    fn clear_doubt(&self, writer: &mut Writer, batch: &Batch<'_>) -> Result<(), StoreError> {
        if writer.doubt {
            let bytes: usize =
                batch.writes.iter().map(|(key, bytes)| key.key.len() + bytes.map_or(0, <[u8]>::len)).sum();
            self.layout.probe(bytes as u64 + self.options.memtable_bytes).map_err(from_io)?;
            self.revive(writer)?;
            writer.doubt = false;
        }
        Ok(())
    }

    fn try_write(&self, writer: &mut Writer, shard: Shard, batch: &Batch<'_>) -> Result<(), fjall::Error> {
        writer.batches += 1;
        let mark = journal::mark(writer.run, writer.batches);
        let wrote = self.with_open(|open| {
            open.catch_up(FLUSHES_OUTSTANDING, RUNS_UNMERGED)?;
            open.write(self.options, &mark, shard, batch)
        });
        let Err(error) = wrote else { return Ok(()) };
        writer.doubt = true;
        writer.failed.push(mark);
        if let Err(error) = self.revive(writer) {
            tracing::warn!(%error, "store closed until the disk answers again");
        }
        Err(error)
    }

    /// Writes once more if the first attempt found background work dead; nothing had been written then.
    fn write(&self, writer: &mut Writer, shard: Shard, batch: &Batch<'_>) -> Result<(), StoreError> {
        match self.try_write(writer, shard, batch) {
            Err(fjall::Error::Poisoned) => {
                self.clear_doubt(writer, batch)?;
                self.try_write(writer, shard, batch).map_err(from_fjall)
            }
            wrote => wrote.map_err(from_fjall),
        }
    }

    /// Flushes. The empty batch before it moves fjall's collection mark past every deletion.
    fn mark_and_flush(&self, writer: &mut Writer) -> Result<(), StoreError> {
        let nothing = Batch::default();
        self.clear_doubt(writer, &nothing)?;
        self.write(writer, Shard(0), &nothing)?;
        self.with_open(Open::flush).map_err(from_fjall)
    }

    fn with_open<T>(&self, act: impl FnOnce(&Open) -> Result<T, fjall::Error>) -> Result<T, fjall::Error> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.as_ref().map_or(Err(fjall::Error::Poisoned), act)
    }
}

/// Makes the database beside its place, so that it is in its place whole or not at all.
fn make(layout: &mut Layout, options: Options) -> Result<(), StoreError> {
    if !layout.db().try_exists().map_err(from_io)? {
        layout.clear_new_db().map_err(from_io)?;
        drop(Open::at(&layout.new_db(), options).map_err(from_fjall)?);
    }
    layout.finish().map_err(from_io)
}

/// A crash may have left holes in the last batch, which was never acknowledged: it is taken back.
fn open_after_crash(layout: &Layout, options: Options) -> Result<Open, StoreError> {
    let reason = match Open::at(&layout.db(), options) {
        Err(fjall::Error::JournalRecovery(reason)) => reason,
        opened => return opened.map_err(from_fjall),
    };
    let before = journal::take_back_last(&layout.db()).map_err(from_io)?;
    let opened = Open::at(&layout.db(), options).map_err(from_fjall);
    match (&opened, before) {
        (Ok(_), Some(before)) => {
            tracing::warn!(?reason, "the last batch was torn by a crash and was taken back");
            before.forget().map_err(from_io)?;
        }
        (Err(_), Some(before)) => before.restore().map_err(from_io)?,
        (_, None) => {}
    }
    opened
}

impl Rows for EmbeddedRows {
    fn get(&self, shard: Shard, keys: &[RowKey]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.snapshot(|snapshot, rows| {
            let get = |key: &RowKey| snapshot.get(rows, row_key(shard, key.table as u8, &key.key));
            keys.iter().map(|key| Ok(get(key)?.map(|bytes| bytes.to_vec()))).collect()
        })
    }

    fn scan(
        &self,
        shard: Shard,
        table: Table,
        prefix: &[u8],
        from: &[u8],
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let start = row_key(shard, table as u8, prefix.max(from));
        let inside = row_key(shard, table as u8, prefix);
        self.snapshot(|snapshot, rows| {
            for row in snapshot.range(rows, start..) {
                let (key, bytes) = row.into_inner()?;
                if !key.starts_with(&inside) || !visit(&key[ROW_PREFIX_BYTES..], &bytes) {
                    break;
                }
            }
            Ok(())
        })
    }

    fn position(&self, shard: Shard, partition: &str) -> Result<Option<Position>, StoreError> {
        let value = self.own::<16>(shard, OWN_POSITION, partition.as_bytes())?;
        Ok(value.map(u128::from_be_bytes).map(|value| Position {
            partition: partition.to_owned(),
            epoch: (value >> 64) as u64,
            offset: value as u64,
        }))
    }

    fn pack_epoch(&self, shard: Shard) -> Result<u64, StoreError> {
        Ok(self.own(shard, OWN_PACK_EPOCH, b"")?.map_or(0, u64::from_be_bytes))
    }

    fn apply(&self, shard: Shard, batch: &Batch<'_>) -> Result<(), StoreError> {
        let mut writer = self.writing()?;
        self.clear_doubt(&mut writer, batch)?;
        self.write(&mut writer, shard, batch)
    }

    fn size(&self) -> Result<u64, StoreError> {
        self.layout.size().map_err(from_io)
    }

    /// Merges all tables while commits go on; then, with commits held up, moves what they wrote into a table too
    /// and empties the journal.
    fn compact(&self) -> Result<(), StoreError> {
        self.mark_and_flush(&mut *self.writing()?)?;
        self.with(|open| open.rows.major_compact())?;
        let mut writer = self.writing()?;
        self.mark_and_flush(&mut writer)?;
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        *open = None;
        journal::clear(&self.layout.db()).map_err(from_io)?;
        *open = Some(Open::at(&self.layout.db(), self.options).map_err(from_fjall)?);
        Ok(())
    }
}
