//! The records that one commit reads and writes.

use std::collections::{BTreeMap, BTreeSet};

use tidings_domain::ids::{CitizenId, TaskId};
use tidings_domain::message::{Queue, Task, Work};
use tidings_domain::record::Record;
use tidings_domain::store::{Commit, RowKey, Shard};
use tidings_domain::time::Timestamp;

use crate::engine::{Engine, Held, PipelineError, pack};
use crate::vault::{Sealer, seal};

/// Records of one shard at work.
pub(crate) struct Records<'a> {
    engine: &'a Engine,
    shard: Shard,
    held: BTreeMap<CitizenId, Held>,
    /// Where each plan task stood when its record was read.
    plans: BTreeMap<CitizenId, Option<(TaskId, Timestamp)>>,
}

impl<'a> Records<'a> {
    pub(crate) const fn new(engine: &'a Engine, shard: Shard) -> Self {
        Self { engine, shard, held: BTreeMap::new(), plans: BTreeMap::new() }
    }

    /// Reads the records that are not here yet.
    pub(crate) fn load(&mut self, citizens: impl Iterator<Item = CitizenId>) -> Result<(), PipelineError> {
        let wanted: BTreeSet<_> = citizens.filter(|citizen| !self.held.contains_key(citizen)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = wanted.iter().map(|citizen| RowKey::citizen(*citizen)).collect();
        let rows = self.engine.store.read(self.shard, &keys)?;
        for ((citizen, key), row) in wanted.into_iter().zip(&keys).zip(rows) {
            let held = self.engine.held(key, row)?;
            self.plans.insert(citizen, held.record.plan);
            self.held.insert(citizen, held);
        }
        Ok(())
    }

    pub(crate) fn get(&self, citizen: CitizenId) -> Option<&Record> {
        self.held.get(&citizen).map(|held| &held.record)
    }

    pub(crate) fn get_mut(&mut self, citizen: CitizenId) -> Option<&mut Record> {
        self.held.get_mut(&citizen).map(|held| &mut held.record)
    }

    pub(crate) fn all_mut(&mut self) -> BTreeMap<CitizenId, &mut Record> {
        self.held.iter_mut().map(|(citizen, held)| (*citizen, &mut held.record)).collect()
    }

    /// Whether the citizen has a stored record.
    pub(crate) fn is_stored(&self, citizen: CitizenId) -> bool {
        self.held.get(&citizen).is_some_and(|held| held.sealer.is_some())
    }

    pub(crate) fn citizens(&self) -> impl Iterator<Item = CitizenId> {
        self.held.keys().copied()
    }

    /// The citizen's key, made now if there is none yet.
    pub(crate) fn sealer(&mut self, citizen: CitizenId) -> Result<Sealer, PipelineError> {
        let held = self.held.get_mut(&citizen);
        let held = held.ok_or_else(|| PipelineError::NotFound(format!("record {citizen}")))?;
        if let Some(sealer) = &held.sealer {
            return Ok(sealer.clone());
        }
        let sealer = self.engine.vault.create()?;
        held.sealer = Some(sealer.clone());
        Ok(sealer)
    }

    /// Seals a record into the commit, with its plan task where it now stands.
    pub(crate) fn write(&mut self, citizen: CitizenId, commit: &mut Commit) -> Result<(), PipelineError> {
        let sealer = self.sealer(citizen)?;
        let Some(held) = self.held.get(&citizen) else { return Ok(()) };
        let key = RowKey::citizen(citizen);
        let bytes = seal(&sealer, &key, &held.record)?;
        commit.reads.push((key.clone(), held.version));
        commit.writes.push((key, Some(bytes)));
        let before = self.plans.get(&citizen).copied().flatten();
        move_plan(citizen, before, held.record.plan, commit)
    }
}

fn move_plan(
    citizen: CitizenId,
    before: Option<(TaskId, Timestamp)>,
    after: Option<(TaskId, Timestamp)>,
    commit: &mut Commit,
) -> Result<(), PipelineError> {
    if before == after {
        return Ok(());
    }
    if let Some((id, due)) = before {
        commit.writes.push((RowKey::task(Queue::Plan, due, id), None));
    }
    if let Some((id, due)) = after {
        commit.writes.push(task_row(&Task {
            id,
            queue: Queue::Plan,
            due,
            citizen,
            work: Work::Plan,
            rules: Vec::new(),
            attempts: 0,
            note: None,
            from: None,
        })?);
    }
    Ok(())
}

/// A task's row, as a commit writes it.
pub(crate) fn task_row(task: &Task) -> Result<(RowKey, Option<Vec<u8>>), PipelineError> {
    Ok((RowKey::task(task.queue, task.due, task.id), Some(pack(task)?)))
}
