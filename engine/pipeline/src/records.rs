//! The records that one commit reads and writes.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use tidings_domain::ids::{CitizenId, TaskId};
use tidings_domain::message::{Queue, Task, Work};
use tidings_domain::record::Record;
use tidings_domain::store::{Commit, Row, RowKey, Shard, Table};
use tidings_domain::time::Timestamp;

use crate::engine::{Engine, Held, PipelineError, pack};
use crate::vault::{Sealer, seal};

/// So many records or events are worth a second thread.
pub(crate) const WORTH_A_THREAD: usize = 64;

/// Records of one shard at work.
pub(crate) struct Records<'a> {
    engine: &'a Engine,
    shard: Shard,
    held: BTreeMap<CitizenId, Held>,
    /// Where each record's plan task and timer stood when it was read.
    tasks: BTreeMap<CitizenId, Waiting>,
    /// Those who were forgotten at their request: nothing may make a record of them again.
    forgotten: BTreeSet<CitizenId>,
}

impl<'a> Records<'a> {
    pub(crate) const fn new(engine: &'a Engine, shard: Shard) -> Self {
        Self { engine, shard, held: BTreeMap::new(), tasks: BTreeMap::new(), forgotten: BTreeSet::new() }
    }

    /// Reads the records that are not here yet.
    pub(crate) fn load(&mut self, citizens: impl Iterator<Item = CitizenId>) -> Result<(), PipelineError> {
        let wanted: BTreeSet<_> = citizens.filter(|citizen| !self.held.contains_key(citizen)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let keys: Vec<_> = wanted.iter().map(|citizen| RowKey::citizen(*citizen)).collect();
        let rows = self.engine.store.read(self.shard, &keys)?;
        let sealed: Vec<(CitizenId, RowKey, Row)> =
            wanted.into_iter().zip(keys).zip(rows).map(|((citizen, key), row)| (citizen, key, row)).collect();
        let opened = side_by_side(sealed, |(citizen, key, row)| Ok((citizen, self.engine.held(&key, row)?)))?;
        let mut unknown = Vec::new();
        for (citizen, held) in opened {
            if held.sealer.is_none() {
                unknown.push(citizen);
            }
            self.tasks.insert(citizen, Waiting::of(&held.record));
            self.held.insert(citizen, held);
        }
        self.note_forgotten(unknown)
    }

    fn note_forgotten(&mut self, unknown: Vec<CitizenId>) -> Result<(), PipelineError> {
        let tombstone = |citizen: &CitizenId| RowKey { table: Table::Forgotten, key: citizen.0.to_vec() };
        let keys: Vec<RowKey> = unknown.iter().map(tombstone).collect();
        let rows = self.engine.store.read(self.shard, &keys)?;
        let gone = unknown.into_iter().zip(rows).filter(|(_, row)| row.bytes.is_some());
        self.forgotten.extend(gone.map(|(citizen, _)| citizen));
        Ok(())
    }

    /// Lets the records go on another thread: they are many small things, and nobody waits for that.
    pub(crate) fn let_go(self) {
        let held = self.held;
        if held.len() >= WORTH_A_THREAD {
            rayon::spawn(move || drop(held));
        }
    }

    /// Whether the citizen was forgotten at their request.
    pub(crate) fn is_forgotten(&self, citizen: CitizenId) -> bool {
        self.forgotten.contains(&citizen)
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

    /// The citizen's key, made now if there is none yet.
    pub(crate) fn sealer(&mut self, citizen: CitizenId) -> Result<Sealer, PipelineError> {
        let held = self.held.get_mut(&citizen);
        let held = held.ok_or_else(|| missing(citizen))?;
        if let Some(sealer) = &held.sealer {
            return Ok(sealer.clone());
        }
        let sealer = self.engine.vault.create()?;
        held.sealer = Some(sealer.clone());
        Ok(sealer)
    }

    /// Seals records into the commit, with their plan tasks where they now stand.
    pub(crate) fn write(
        &mut self,
        citizens: impl IntoIterator<Item = CitizenId>,
        commit: &mut Commit,
    ) -> Result<(), PipelineError> {
        let mut sealers = Vec::new();
        for citizen in citizens {
            sealers.push((citizen, self.sealer(citizen)?));
        }
        let sealed = side_by_side(sealers, |(citizen, sealer)| {
            let key = RowKey::citizen(citizen);
            let held = self.held.get(&citizen).ok_or_else(|| missing(citizen))?;
            let bytes = seal(&sealer, &key, &held.record)?;
            Ok((citizen, key, held.version, bytes))
        })?;
        for (citizen, key, version, bytes) in sealed {
            commit.reads.push((key.clone(), version));
            commit.writes.push((key, Some(bytes)));
            let before = self.tasks.get(&citizen).copied().unwrap_or_default();
            let after = self.held.get(&citizen).map(|held| Waiting::of(&held.record)).unwrap_or_default();
            move_task(citizen, Work::Plan, (before.plan, after.plan), commit)?;
            let timer = |due: Option<Timestamp>| due.map(|due| (timer_id(citizen), due));
            move_task(citizen, Work::Look, (timer(before.timer), timer(after.timer)), commit)?;
        }
        Ok(())
    }
}

fn missing(citizen: CitizenId) -> PipelineError {
    PipelineError::NotFound(format!("record {citizen}"))
}

/// Does something to each of many things, on as many threads as that is worth; the order stays.
pub(crate) fn side_by_side<T: Send, U: Send>(
    things: Vec<T>,
    work: impl Fn(T) -> Result<U, PipelineError> + Sync + Send,
) -> Result<Vec<U>, PipelineError> {
    if things.len() < WORTH_A_THREAD {
        return things.into_iter().map(work).collect();
    }
    things.into_par_iter().with_min_len(WORTH_A_THREAD / 2).map(work).collect()
}

/// The tasks that a record has waiting.
#[derive(Clone, Copy, Default)]
struct Waiting {
    plan: Standing,
    timer: Option<Timestamp>,
}

/// A task that waits, if one does, and until when.
type Standing = Option<(TaskId, Timestamp)>;

impl Waiting {
    const fn of(record: &Record) -> Self {
        Self { plan: record.plan, timer: record.timer }
    }
}

/// The task under which a citizen's timer stands.
fn timer_id(citizen: CitizenId) -> TaskId {
    TaskId::of("clock", &[&citizen.0])
}

fn move_task(
    citizen: CitizenId,
    work: Work,
    (before, after): (Standing, Standing),
    commit: &mut Commit,
) -> Result<(), PipelineError> {
    if before == after {
        return Ok(());
    }
    let queue = if work == Work::Look { Queue::Clock } else { Queue::Plan };
    if let Some((id, due)) = before {
        commit.writes.push((RowKey::task(queue, due, id), None));
    }
    if let Some((id, due)) = after {
        commit.writes.push(task_row(&Task {
            id,
            queue,
            due,
            citizen,
            work,
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
