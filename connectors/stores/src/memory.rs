//! A store in memory, for tests and trials: the same contract, gone with the process.

use std::collections::BTreeMap;
use std::ops::Range as Span;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tidings_domain::event::Position;
use tidings_domain::store::{
    AdminStore, Commit, Lease, LeaseAsk, Range, ReadStore, Row, RowKey, Shard, Store, StoreError, Table,
};

use crate::engine::{Batch, Engine, Rows, Visit, store_by_engine};

/// What happens to a commit instead of what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process dies before anything is written. Everything fails until [`MemoryStore::restart`].
    CrashBefore,
    /// The process dies after the commit is durable and before the caller hears of it. Everything fails until
    /// [`MemoryStore::restart`].
    CrashAfter,
    /// [`StoreError::Full`]; nothing is written.
    Full,
    /// [`StoreError::Unavailable`]; nothing is written.
    Unavailable,
    /// [`StoreError::Conflict`]; nothing is written.
    Conflict,
}

/// Faults to come, by the number of the commit: counted from 0 over all shards, and over those commits alone that
/// pass the checks of the contract.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Plan>);

#[derive(Debug, Default)]
struct Plan {
    commits: u64,
    faults: Vec<(Span<u64>, Fault)>,
    dead: bool,
}

impl Faults {
    /// None yet.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Adds a fault for one commit. The first fault added for a commit counts.
    pub fn at(&self, commit: u64, fault: Fault) {
        self.during(commit..commit + 1, fault);
    }

    /// Adds a fault for a span of commits.
    pub fn during(&self, commits: Span<u64>, fault: Fault) {
        self.plan().faults.push((commits, fault));
    }

    /// Drops the faults to come. A crash that has happened stays.
    pub fn clear(&self) {
        self.plan().faults.clear();
    }

    /// Commits so far that passed the checks: the number of the next one.
    pub fn commits(&self) -> u64 {
        self.plan().commits
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_alive(&self) -> Result<(), StoreError> {
        if self.plan().dead { Err(dead()) } else { Ok(()) }
    }

    /// The fault of the commit that comes now, if any.
    fn next(&self) -> Option<Fault> {
        let mut plan = self.plan();
        let commit = plan.commits;
        plan.commits += 1;
        let fault = plan.faults.iter().find(|(span, _)| span.contains(&commit)).map(|(_, fault)| *fault);
        plan.dead |= matches!(fault, Some(Fault::CrashBefore | Fault::CrashAfter));
        fault
    }
}

fn dead() -> StoreError {
    StoreError::Unavailable("the process has crashed (injected fault)".to_owned())
}

/// A store in memory. Cheap to make; a lock for each shard.
#[derive(Debug)]
pub struct MemoryStore {
    engine: Engine<MemoryRows>,
}

impl MemoryStore {
    /// An empty store with so many shards (at least one).
    pub fn new(shards: u16) -> Self {
        Self::with_faults(shards, Faults::new())
    }

    /// An empty store whose commits meet these faults.
    pub fn with_faults(shards: u16, faults: Arc<Faults>) -> Self {
        let kept = (0..shards.max(1)).map(|_| RwLock::default()).collect();
        Self { engine: Engine::new(MemoryRows { kept, faults }, shards) }
    }

    /// What a new process would find: every row, no lease. Ends a crash.
    pub fn restart(&self) {
        self.engine.end_leases();
        self.engine.rows.faults.plan().dead = false;
    }
}

store_by_engine!(MemoryStore);

#[derive(Debug)]
struct MemoryRows {
    kept: Vec<RwLock<Kept>>,
    faults: Arc<Faults>,
}

#[derive(Debug, Default)]
struct Kept {
    rows: BTreeMap<RowKey, Vec<u8>>,
    positions: BTreeMap<String, Position>,
    pack_epoch: u64,
}

impl MemoryRows {
    fn with<T>(&self, shard: Shard, look: impl FnOnce(&Kept) -> T) -> Result<T, StoreError> {
        self.faults.check_alive()?;
        let kept = self.kept.get(usize::from(shard.0)).ok_or_else(dead)?;
        Ok(look(&kept.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Kept {
    fn apply(&mut self, batch: &Batch<'_>) {
        for (key, bytes) in &batch.writes {
            match bytes {
                Some(bytes) => self.rows.insert((*key).clone(), bytes.to_vec()),
                None => self.rows.remove(key),
            };
        }
        for position in &batch.positions {
            self.positions.insert(position.partition.clone(), position.clone());
        }
        self.pack_epoch = batch.pack_epoch.unwrap_or(self.pack_epoch);
    }

    fn bytes(&self) -> usize {
        self.rows.iter().map(|(key, bytes)| key.key.len() + bytes.len()).sum()
    }
}

impl Rows for MemoryRows {
    fn get(&self, shard: Shard, keys: &[RowKey]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        self.with(shard, |kept| keys.iter().map(|key| kept.rows.get(key).cloned()).collect())
    }

    fn scan(
        &self,
        shard: Shard,
        table: Table,
        prefix: &[u8],
        from: &[u8],
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.with(shard, |kept| {
            let start = RowKey { table, key: prefix.max(from).to_vec() };
            let rows = kept.rows.range(start..);
            let inside = rows.take_while(|(key, _)| key.table == table && key.key.starts_with(prefix));
            for (key, bytes) in inside {
                if !visit(&key.key, bytes) {
                    break;
                }
            }
        })
    }

    fn position(&self, shard: Shard, partition: &str) -> Result<Option<Position>, StoreError> {
        self.with(shard, |kept| kept.positions.get(partition).cloned())
    }

    fn pack_epoch(&self, shard: Shard) -> Result<u64, StoreError> {
        self.with(shard, |kept| kept.pack_epoch)
    }

    fn apply(&self, shard: Shard, batch: &Batch<'_>) -> Result<(), StoreError> {
        self.faults.check_alive()?;
        let fault = if batch.pack_epoch.is_none() { self.faults.next() } else { None };
        match fault {
            Some(Fault::CrashBefore) => return Err(dead()),
            Some(Fault::Full) => return Err(StoreError::Full),
            Some(Fault::Unavailable) => return Err(StoreError::Unavailable("injected fault".to_owned())),
            Some(Fault::Conflict) => return Err(StoreError::Conflict),
            Some(Fault::CrashAfter) | None => {}
        }
        let kept = self.kept.get(usize::from(shard.0)).ok_or_else(dead)?;
        kept.write().unwrap_or_else(PoisonError::into_inner).apply(batch);
        if fault.is_some() { Err(dead()) } else { Ok(()) }
    }

    fn size(&self) -> Result<u64, StoreError> {
        let shards = u16::try_from(self.kept.len()).unwrap_or(u16::MAX);
        (0..shards).map(|shard| self.with(Shard(shard), |kept| kept.bytes() as u64)).sum()
    }

    fn compact(&self) -> Result<(), StoreError> {
        self.faults.check_alive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(store: &MemoryStore, name: &str) -> Result<(), StoreError> {
        let writes = vec![(RowKey::meta(name), Some(b"1".to_vec()))];
        store.commit(Shard(0), &Commit { writes, ..Commit::default() })
    }

    fn has(store: &MemoryStore, name: &str) -> bool {
        store.read(Shard(0), &[RowKey::meta(name)]).unwrap()[0].bytes.is_some()
    }

    #[test]
    fn a_crash_before_loses_the_commit_and_a_crash_after_keeps_it() {
        for (fault, kept) in [(Fault::CrashBefore, false), (Fault::CrashAfter, true)] {
            let faults = Faults::new();
            let store = MemoryStore::with_faults(1, faults.clone());
            faults.at(1, fault);
            put(&store, "before").unwrap();
            assert!(put(&store, "at").is_err());
            assert!(put(&store, "dead").is_err());
            assert!(store.read(Shard(0), &[]).is_err(), "the dead do not read");
            store.restart();
            assert_eq!([has(&store, "before"), has(&store, "at"), has(&store, "dead")], [true, kept, false]);
            assert_eq!(faults.commits(), 2, "what fails because of the crash is not counted");
        }
    }

    #[test]
    fn a_passing_fault_leaves_nothing_and_passes() {
        let faults = Faults::new();
        let store = MemoryStore::with_faults(1, faults.clone());
        faults.during(0..2, Fault::Full);
        faults.at(2, Fault::Conflict);
        for error in ["no space", "no space", "changed"] {
            assert!(put(&store, "a").unwrap_err().to_string().contains(error));
            assert!(!has(&store, "a"));
        }
        put(&store, "a").unwrap();
        assert!(has(&store, "a"));
    }
}
