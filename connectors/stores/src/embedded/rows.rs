//! Rows in fjall, and what keeps them right when the disk does not.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use fjall::{Keyspace, Readable, Snapshot};
use tidings_domain::event::Position;
use tidings_domain::store::{RowKey, Shard, StoreError, Table};

use super::Options;
use super::error::{from_fjall, from_io};
use super::journal::{self, Mark};
use super::layout::Layout;
use super::open::{
    FLUSHES_OUTSTANDING, OWN_PACK_EPOCH, OWN_POSITION, Open, ROW_PREFIX_BYTES, RUNS_UNMERGED, own_key,
    row_key,
};
use crate::engine::{Batch, Rows, Visit};

#[derive(Debug)]
pub(super) struct EmbeddedRows {
    layout: Layout,
    options: Options,
    /// Closed only while it is being opened anew, or as long as that fails.
    open: RwLock<Option<Open>>,
    /// Held by the batch under way. Taken before `open`, never after.
    writer: Mutex<Writer>,
}

#[derive(Debug)]
struct Writer {
    /// Names this run in marks.
    run: u64,
    batches: u64,
    /// The mark of a failed batch that has to be taken back before the database is opened again.
    failed: Option<Mark>,
    /// Whether the last batch failed, so that room has to be shown before the next.
    doubt: bool,
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
        let writer = Writer { run: rand::random(), batches: 0, failed: None, doubt: false };
        Ok(Self { layout, options, open: RwLock::new(Some(open)), writer: Mutex::new(writer) })
    }

    /// The database, if it is open; opened if it was left closed by a failure.
    fn reading(&self) -> Result<RwLockReadGuard<'_, Option<Open>>, StoreError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        if open.is_some() {
            return Ok(open);
        }
        drop(open);
        self.ensure_open(&mut *self.writing()?)?;
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

    /// Opens the database if a failure left it closed.
    fn ensure_open(&self, writer: &mut Writer) -> Result<(), StoreError> {
        let closed = self.open.read().unwrap_or_else(PoisonError::into_inner).is_none();
        if closed { self.revive(writer) } else { Ok(()) }
    }

    /// Opens the database anew, without what failed.
    fn revive(&self, writer: &mut Writer) -> Result<(), StoreError> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        *open = None;
        if let Some(mark) = &writer.failed {
            journal::take_back(&self.layout.db(), mark).map_err(from_io)?;
            writer.failed = None;
        }
        *open = Some(Open::at(&self.layout.db(), self.options).map_err(from_fjall)?);
        Ok(())
    }

    /// After a failure: makes sure that there is room for a batch and for the flush it may cause, before the database
    /// is touched again.
    fn clear_doubt(&self, writer: &mut Writer, batch: &Batch<'_>) -> Result<(), StoreError> {
        if writer.doubt {
            let row = |(key, bytes): (&&RowKey, &Option<&[u8]>)| key.key.len() + bytes.map_or(0, <[u8]>::len);
            let bytes: usize = batch.writes.iter().map(row).sum();
            self.layout.probe(bytes as u64 + self.options.memtable_bytes).map_err(from_io)?;
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
        writer.failed = Some(mark);
        if let Err(error) = self.revive(writer) {
            tracing::warn!(%error, "store closed until the disk answers again");
        }
        Err(error)
    }

    /// Writes, and once more if the first attempt found background work dead: nothing had been written then, and the
    /// database has been opened anew since.
    fn write(&self, writer: &mut Writer, shard: Shard, batch: &Batch<'_>) -> Result<(), StoreError> {
        self.clear_doubt(writer, batch)?;
        self.ensure_open(writer)?;
        match self.try_write(writer, shard, batch) {
            Err(fjall::Error::Poisoned) => {
                self.clear_doubt(writer, batch)?;
                self.ensure_open(writer)?;
                self.try_write(writer, shard, batch).map_err(from_fjall)
            }
            wrote => wrote.map_err(from_fjall),
        }
    }

    /// Flushes. The empty batch before it moves fjall's collection mark past every deletion.
    fn mark_and_flush(&self, writer: &mut Writer) -> Result<(), StoreError> {
        self.write(writer, Shard(0), &Batch::default())?;
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
        self.write(&mut *self.writing()?, shard, batch)
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use tidings_domain::message::Queue;
    use tidings_domain::store::{Commit, LeaseAsk, Range, ReadStore, Store};
    use tidings_domain::time::{LeaseTime, Timestamp};

    use super::*;
    use crate::engine::Engine;

    /// How long a reader may take before it counts as blocked.
    const BLOCKED: Duration = Duration::from_secs(60);

    #[test]
    fn readers_do_not_wait_for_the_batch_under_way() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::new(EmbeddedRows::open(dir.path(), Options::new(1)).unwrap(), 1);
        let writes = vec![(RowKey::meta("a"), Some(b"1".to_vec()))];
        engine.commit(Shard(0), &Commit { writes, ..Commit::default() }).unwrap();
        let ask = LeaseAsk {
            queue: Queue::Plan,
            due: Timestamp::MAX,
            now: LeaseTime(0),
            holds: Duration::from_secs(1),
            limit: 1,
        };
        let (done, wait) = mpsc::channel();
        let batch_under_way = engine.rows.writing().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                assert!(engine.read(Shard(0), &[RowKey::meta("a")]).unwrap()[0].bytes.is_some());
                assert_eq!(engine.scan(Shard(0), Table::Meta, Range::default(), 9).unwrap().len(), 1);
                assert_eq!(engine.lease(Shard(0), ask).unwrap().len(), 0);
                done.send(()).unwrap();
            });
            let waited = wait.recv_timeout(BLOCKED);
            drop(batch_under_way);
            waited.expect("a reader waited for the writer");
        });
    }
}
