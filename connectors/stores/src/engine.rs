//! The contract of the store, once, over whatever holds the rows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tidings_domain::event::Position;
use tidings_domain::store::{
    AdminStore, Commit, Lease, LeaseAsk, Range, ReadStore, Row, RowKey, Shard, Store, StoreError, Table,
    Version,
};

use crate::leases::Leases;
use crate::versions::Versions;

/// The longest key a row may have, bytes.
pub(crate) const KEY_BYTES: usize = 4096;

/// What a commit comes down to once it has passed every check.
#[derive(Debug, Default)]
pub(crate) struct Batch<'a> {
    /// Each key once, in order.
    pub(crate) writes: BTreeMap<&'a RowKey, Option<&'a [u8]>>,
    /// Positions as they stand afterwards.
    pub(crate) positions: Vec<Position>,
    /// The active pack epoch from now on.
    pub(crate) pack_epoch: Option<u64>,
}

/// Takes one row of a scan; `false` ends it.
pub(crate) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> bool + 'a;

/// What holds rows.
pub(crate) trait Rows: Send + Sync {
    /// Rows in the order asked, all of one moment.
    fn get(&self, shard: Shard, keys: &[RowKey]) -> Result<Vec<Option<Vec<u8>>>, StoreError>;

    /// Visits rows of a table with this prefix, at or after `from`, in key order, all of one moment.
    fn scan(
        &self,
        shard: Shard,
        table: Table,
        prefix: &[u8],
        from: &[u8],
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError>;

    /// The position of a source partition.
    fn position(&self, shard: Shard, partition: &str) -> Result<Option<Position>, StoreError>;

    /// The active pack epoch.
    fn pack_epoch(&self, shard: Shard) -> Result<u64, StoreError>;

    /// Writes, all or nothing; durable when it returns.
    fn apply(&self, shard: Shard, batch: &Batch<'_>) -> Result<(), StoreError>;

    /// Bytes used.
    fn size(&self) -> Result<u64, StoreError>;

    /// Lets deleted rows leave the medium.
    fn compact(&self) -> Result<(), StoreError>;
}

/// One shard's books.
#[derive(Debug)]
struct Books {
    /// Commits applied and visible. Read before a row is, so that a version is never newer than its row.
    applied: AtomicU64,
    /// Held by the commit under way; no reader takes it.
    versions: Mutex<Versions>,
    /// Never held while a commit is on its way to the disk.
    leases: Mutex<Leases>,
}

impl Books {
    fn new(shards: u16) -> Self {
        Self {
            applied: AtomicU64::new(0),
            versions: Mutex::new(Versions::new(shards)),
            leases: Mutex::default(),
        }
    }
}

/// A store over `R`.
#[derive(Debug)]
pub(crate) struct Engine<R> {
    pub(crate) rows: R,
    books: Vec<Books>,
}

impl<R: Rows> Engine<R> {
    pub(crate) fn new(rows: R, shards: u16) -> Self {
        Self { rows, books: (0..shards.max(1)).map(|_| Books::new(shards)).collect() }
    }

    /// Ends every lease, as a restart does.
    pub(crate) fn end_leases(&self) {
        for books in &self.books {
            books.leases.lock().unwrap_or_else(PoisonError::into_inner).end_all();
        }
    }

    fn books(&self, shard: Shard) -> Result<&Books, StoreError> {
        let have = self.books.len();
        let none = || StoreError::Corrupt(format!("shard {} was asked for, the store has {have}", shard.0));
        self.books.get(usize::from(shard.0)).ok_or_else(none)
    }

    /// Checks in the order in which the caller has to step back further: off the partition, to the pack, off the
    /// task, to the rows.
    fn check(
        &self,
        shard: Shard,
        commit: &Commit,
        books: &Books,
        versions: &Versions,
    ) -> Result<Vec<Position>, StoreError> {
        let positions = self.positions_after(shard, &commit.positions)?;
        if let Some(judged_under) = commit.pack_epoch {
            let active = self.rows.pack_epoch(shard)?;
            if judged_under != active {
                return Err(StoreError::StalePack { active });
            }
        }
        let mut leases = lock(&books.leases)?;
        leases.present(&commit.leases)?;
        versions.check(&commit.reads).inspect_err(|_| leases.give_up(&commit.leases))?;
        Ok(positions)
    }

    fn positions_after(&self, shard: Shard, positions: &[Position]) -> Result<Vec<Position>, StoreError> {
        let mut after = BTreeMap::<String, Position>::new();
        for new in positions {
            let stored = match after.remove(&new.partition) {
                Some(seen) => Some(seen),
                None => self.rows.position(shard, &new.partition)?,
            };
            let (epoch, offset) = stored.map_or((0, 0), |stored| (stored.epoch, stored.offset));
            if new.epoch < epoch {
                return Err(StoreError::Fenced { partition: new.partition.clone() });
            }
            let moved = Position { offset: new.offset.max(offset), ..new.clone() };
            after.insert(new.partition.clone(), moved);
        }
        Ok(after.into_values().collect())
    }
}

/// A panic while the books were open leaves them unsure; only a restart makes them right.
fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, StoreError> {
    mutex.lock().map_err(|_| StoreError::Corrupt("a thread died inside the store; restart".to_owned()))
}

fn check_keys(commit: &Commit) -> Result<(), StoreError> {
    let too_long =
        |length: usize| StoreError::Corrupt(format!("a key of {length} bytes; at most {KEY_BYTES}"));
    let rows = commit.writes.iter().map(|(key, _)| key.key.len());
    let partitions = commit.positions.iter().map(|position| position.partition.len());
    rows.chain(partitions).find(|&length| length > KEY_BYTES).map_or(Ok(()), |length| Err(too_long(length)))
}

impl<R: Rows> Store for Engine<R> {
    fn shards(&self) -> u16 {
        u16::try_from(self.books.len()).unwrap_or(u16::MAX)
    }

    fn read(&self, shard: Shard, keys: &[RowKey]) -> Result<Vec<Row>, StoreError> {
        let version = Version(self.books(shard)?.applied.load(Ordering::Acquire));
        let rows = self.rows.get(shard, keys)?;
        Ok(rows.into_iter().map(|bytes| Row { version, bytes }).collect())
    }

    fn commit(&self, shard: Shard, commit: &Commit) -> Result<(), StoreError> {
        check_keys(commit)?;
        let books = self.books(shard)?;
        let mut versions = lock(&books.versions)?;
        let positions = self.check(shard, commit, books, &versions)?;
        let writes = commit.writes.iter().map(|(key, bytes)| (key, bytes.as_deref())).collect();
        let batch = Batch { writes, positions, pack_epoch: None };
        if let Err(error) = self.rows.apply(shard, &batch) {
            lock(&books.leases)?.give_up(&commit.leases);
            return Err(error);
        }
        books.applied.store(versions.record(batch.writes.keys().copied()), Ordering::Release);
        lock(&books.leases)?.settle(&commit.leases, &batch.writes);
        Ok(())
    }

    fn lease(&self, shard: Shard, ask: LeaseAsk) -> Result<Vec<Lease>, StoreError> {
        let mut leases = lock(&self.books(shard)?.leases)?;
        let mut next = leases.look(&ask);
        let (from, due) = (next.clone(), ask.due.sortable());
        let mut taken = Vec::new();
        let mut visit = |key: &[u8], task: &[u8]| {
            let is_due = key.get(1..=due.len()).is_some_and(|at| at <= due.as_slice());
            if !is_due || taken.len() >= ask.limit {
                next = key.to_vec();
                return false;
            }
            if let Some(token) = leases.take(key, &ask) {
                taken.push(Lease { token, task: task.to_vec() });
            }
            next = [key, &[0]].concat();
            true
        };
        let scanned = self.rows.scan(shard, Table::Task, &[ask.queue as u8], &from, &mut visit);
        if let Err(error) = scanned {
            leases.release(taken.iter().map(|lease| &lease.token));
            return Err(error);
        }
        leases.looked(&ask, next);
        Ok(taken)
    }

    fn position(&self, shard: Shard, partition: &str) -> Result<Option<Position>, StoreError> {
        self.books(shard)?;
        self.rows.position(shard, partition)
    }
}

impl<R: Rows> ReadStore for Engine<R> {
    fn scan(
        &self,
        shard: Shard,
        table: Table,
        range: Range<'_>,
        limit: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
        self.books(shard)?;
        let from = range.after.map(|after| [after, &[0]].concat()).unwrap_or_default();
        let mut rows = Vec::new();
        let mut visit = |key: &[u8], bytes: &[u8]| {
            rows.push((key.to_vec(), bytes.to_vec()));
            rows.len() < limit
        };
        if limit > 0 {
            self.rows.scan(shard, table, range.prefix, &from, &mut visit)?;
        }
        Ok(rows)
    }
}

impl<R: Rows> AdminStore for Engine<R> {
    fn activate(&self, shard: Shard, pack_epoch: u64) -> Result<u64, StoreError> {
        let _no_commit_between = lock(&self.books(shard)?.versions)?;
        let active = self.rows.pack_epoch(shard)?;
        if pack_epoch <= active {
            return Ok(active);
        }
        self.rows.apply(shard, &Batch { pack_epoch: Some(pack_epoch), ..Batch::default() })?;
        Ok(pack_epoch)
    }

    fn pack_epoch(&self, shard: Shard) -> Result<u64, StoreError> {
        self.books(shard)?;
        self.rows.pack_epoch(shard)
    }

    fn size(&self) -> Result<u64, StoreError> {
        self.rows.size()
    }

    fn compact(&self) -> Result<(), StoreError> {
        self.rows.compact()
    }
}

/// Implements the seams for a store that wraps an [`Engine`] in a field named `engine`.
macro_rules! store_by_engine {
    ($store:ty) => {
        impl tidings_domain::store::Store for $store {
            fn shards(&self) -> u16 {
                self.engine.shards()
            }

            fn read(&self, shard: Shard, keys: &[RowKey]) -> Result<Vec<Row>, StoreError> {
                self.engine.read(shard, keys)
            }

            fn commit(&self, shard: Shard, commit: &Commit) -> Result<(), StoreError> {
                self.engine.commit(shard, commit)
            }

            fn lease(&self, shard: Shard, ask: LeaseAsk) -> Result<Vec<Lease>, StoreError> {
                self.engine.lease(shard, ask)
            }

            fn position(&self, shard: Shard, partition: &str) -> Result<Option<Position>, StoreError> {
                Store::position(&self.engine, shard, partition)
            }
        }

        impl ReadStore for $store {
            fn scan(
                &self,
                shard: Shard,
                table: Table,
                range: Range<'_>,
                limit: usize,
            ) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
                self.engine.scan(shard, table, range, limit)
            }
        }

        impl AdminStore for $store {
            fn activate(&self, shard: Shard, pack_epoch: u64) -> Result<u64, StoreError> {
                self.engine.activate(shard, pack_epoch)
            }

            fn pack_epoch(&self, shard: Shard) -> Result<u64, StoreError> {
                AdminStore::pack_epoch(&self.engine, shard)
            }

            fn size(&self) -> Result<u64, StoreError> {
                AdminStore::size(&self.engine)
            }

            fn compact(&self) -> Result<(), StoreError> {
                AdminStore::compact(&self.engine)
            }
        }
    };
}
pub(crate) use store_by_engine;
