//! Forgetting a person: rows go, the key is destroyed, a tombstone stays, so that a replayed topic cannot bring
//! them back.

use tidings_domain::ids::CitizenId;
use tidings_domain::keys::Slot;
use tidings_domain::message::Task;
use tidings_domain::store::{Commit, RowKey, Shard, StoreError, Table};

use crate::engine::{Engine, PipelineError, pack, unpack};
use crate::ingest::{Ingested, forget_shares};

/// What forgetting removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Whether anything was known.
    pub known: bool,
    /// Rows removed.
    pub rows: u64,
}

impl Engine {
    /// Forgets a citizen. Safe to call again after a crash at any point.
    pub fn forget(&self, citizen: CitizenId) -> Result<Forgotten, PipelineError> {
        for _ in 0..self.limits.conflicts {
            match self.try_forget(citizen) {
                Err(PipelineError::Store(StoreError::Conflict)) => {}
                other => return other,
            }
        }
        Err(StoreError::Conflict.into())
    }

    fn try_forget(&self, citizen: CitizenId) -> Result<Forgotten, PipelineError> {
        let shard = self.shard(citizen);
        let held = self.record(citizen)?;
        let mut commit = Commit::default();
        let row = RowKey::citizen(citizen);
        commit.reads.push((row.clone(), held.version));
        commit.writes.push((row, None));
        for table in [Table::Event, Table::Decision, Table::Notification] {
            self.each_row(shard, table, &citizen.0, |key, _| {
                commit.writes.push((RowKey { table, key: key.to_vec() }, None));
                Ok(())
            })?;
        }
        self.each_row(shard, Table::Task, &[], |key, bytes| {
            let task: Task = unpack(bytes, Table::Task)?;
            if task.citizen == citizen {
                commit.writes.push((RowKey { table: Table::Task, key: key.to_vec() }, None));
            }
            Ok(())
        })?;
        // Those who mirror this person drop it first: a crash afterwards finds nothing new to tell them.
        self.tell_of_forgetting(citizen, &held.record)?;
        let slot = held.sealer.as_ref().map(|sealer| sealer.slot.0);
        let tombstone = RowKey { table: Table::Forgotten, key: citizen.0.to_vec() };
        let rows = commit.writes.len() as u64;
        commit.writes.push((tombstone, Some(pack(&slot)?)));
        self.store.commit(shard, &commit)?;
        if let Some(slot) = slot {
            self.destroy(shard, citizen, Slot(slot))?;
            self.store.compact()?;
        }
        Ok(Forgotten { known: slot.is_some(), rows: if slot.is_some() { rows } else { 0 } })
    }

    fn tell_of_forgetting(
        &self,
        citizen: CitizenId,
        record: &tidings_domain::record::Record,
    ) -> Result<(), PipelineError> {
        let mut report = Ingested::default();
        for (to, share) in forget_shares(record, citizen) {
            if self.record(to)?.sealer.is_some() {
                self.apply_shares(self.shard(to), &[(to, share)], &[], &mut report)?;
            }
        }
        Ok(())
    }

    fn destroy(&self, shard: Shard, citizen: CitizenId, slot: Slot) -> Result<(), PipelineError> {
        self.vault.ring().destroy(slot)?;
        let tombstone = RowKey { table: Table::Forgotten, key: citizen.0.to_vec() };
        let done = Commit { writes: vec![(tombstone, Some(pack(&None::<u64>)?))], ..Commit::default() };
        Ok(self.store.commit(shard, &done)?)
    }

    /// Destroys keys whose destruction a crash cut short.
    pub(crate) fn finish_forgetting(&self) -> Result<(), PipelineError> {
        for shard in self.shards() {
            let mut left = Vec::new();
            self.each_row(shard, Table::Forgotten, &[], |key, bytes| {
                let slot: Option<u64> = unpack(bytes, Table::Forgotten)?;
                if let (Some(slot), Ok(id)) = (slot, key.try_into()) {
                    left.push((CitizenId(id), Slot(slot)));
                }
                Ok(())
            })?;
            for (citizen, slot) in left {
                self.destroy(shard, citizen, slot)?;
            }
        }
        Ok(())
    }
}
