//! What an operator may do with the queue: look, hold, release, cancel, retry.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use tidings_domain::ids::{CitizenId, TaskId};
use tidings_domain::message::{DeliveryState, Notification, Queue, Task, Work};
use tidings_domain::record::{State, Suppressed};
use tidings_domain::store::{Commit, RowKey, Shard, StoreError, Table};
use tidings_domain::time::Timestamp;

use crate::engine::{Engine, PipelineError, pack, unpack};
use crate::open::HOLD;
use crate::policy::Holds;
use crate::records::{Records, task_row};
use crate::vault::seal;

/// Which tasks to list.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this queue alone.
    pub queue: Option<Queue>,
    /// Serving this rule alone, by root key.
    pub rule: Option<String>,
    /// Of this citizen alone.
    pub citizen: Option<CitizenId>,
}

impl Filter {
    fn takes(&self, task: &Task) -> bool {
        self.queue.is_none_or(|queue| task.queue == queue)
            && self.rule.as_ref().is_none_or(|rule| task.rules.contains(rule))
            && self.citizen.is_none_or(|citizen| task.citizen == citizen)
    }
}

impl Engine {
    /// Tasks in the order of queue and due time, at most `limit`.
    pub fn tasks(&self, filter: &Filter, limit: usize) -> Result<Vec<Task>, PipelineError> {
        let mut found = Vec::new();
        let prefix = filter.queue.map(|queue| vec![queue as u8]).unwrap_or_default();
        for shard in self.shards() {
            self.each_row(shard, Table::Task, &prefix, |_, bytes| {
                if found.len() < limit {
                    let task: Task = unpack(bytes, Table::Task)?;
                    if filter.takes(&task) {
                        found.push(task);
                    }
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// How many tasks each queue has, and how many shares wait for another shard.
    pub fn queue_sizes(&self) -> Result<Vec<(&'static str, u64)>, PipelineError> {
        let mut sizes = Vec::new();
        for queue in Queue::ALL {
            let mut size = 0;
            for shard in self.shards() {
                self.each_row(shard, Table::Task, &[queue as u8], |_, _| {
                    size += 1;
                    Ok(())
                })?;
            }
            sizes.push((queue.name(), size));
        }
        let mut shares = 0;
        for shard in self.shards() {
            self.each_row(shard, Table::Outbox, &[], |_, _| {
                shares += 1;
                Ok(())
            })?;
        }
        sizes.push(("shares", shares));
        Ok(sizes)
    }

    /// The task of this id, wherever it stands.
    pub fn task(&self, id: TaskId) -> Result<Task, PipelineError> {
        for shard in self.shards() {
            let mut found = None;
            self.each_row(shard, Table::Task, &[], |key, bytes| {
                if key.ends_with(&id.0) {
                    found = Some(unpack(bytes, Table::Task)?);
                }
                Ok(())
            })?;
            if let Some(task) = found {
                return Ok(task);
            }
        }
        Err(PipelineError::NotFound(format!("task {id}")))
    }

    /// Holds a rule: its opportunities wait until it is released.
    pub fn hold_rule(&self, root: &str, now: Timestamp) -> Result<(), PipelineError> {
        if self.active().pack.rule(root).is_none() {
            return Err(PipelineError::NotFound(format!("rule {root}")));
        }
        self.set_hold(root, Some(now))
    }

    /// Releases a rule. What waited is planned within a day.
    pub fn release_rule(&self, root: &str) -> Result<(), PipelineError> {
        if !self.holds().rules.contains(root) {
            return Err(PipelineError::NotFound(format!("hold on rule {root}")));
        }
        self.set_hold(root, None)
    }

    fn set_hold(&self, root: &str, since: Option<Timestamp>) -> Result<(), PipelineError> {
        let value = since.map(|since| pack(&since)).transpose()?;
        let write = (RowKey::meta(&format!("{HOLD}{root}")), value);
        self.store.commit(Shard(0), &Commit { writes: vec![write], ..Commit::default() })?;
        let mut rules: BTreeSet<String> = self.holds().rules.clone();
        if since.is_some() {
            rules.insert(root.to_owned());
        } else {
            rules.remove(root);
        }
        *self.holds.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Holds { rules });
        Ok(())
    }

    /// Takes a task out of its queue until it is released.
    pub fn hold_task(&self, id: TaskId, note: &str) -> Result<(), PipelineError> {
        let task = self.task(id)?;
        if !matches!(task.queue, Queue::Dispatch | Queue::Remind) {
            return Err(PipelineError::NotFound(format!("delivery or reminder {id} that could be held")));
        }
        let held =
            Task { queue: Queue::Held, from: Some(task.queue), note: Some(note.to_owned()), ..task.clone() };
        self.move_task(&task, &held)
    }

    /// Puts a held task back where it was.
    pub fn release_task(&self, id: TaskId) -> Result<(), PipelineError> {
        let task = self.task(id)?;
        match (task.queue, task.from) {
            (Queue::Held, Some(from)) => {
                self.move_task(&task, &Task { queue: from, from: None, note: None, ..task.clone() })
            }
            _ => Err(PipelineError::NotFound(format!("held task {id}"))),
        }
    }

    fn move_task(&self, from: &Task, to: &Task) -> Result<(), PipelineError> {
        let old = RowKey::task(from.queue, from.due, from.id);
        let shard = self.shard(from.citizen);
        let row = self.store.read(shard, std::slice::from_ref(&old))?.pop();
        let mut commit = Commit { writes: vec![(old.clone(), None), task_row(to)?], ..Commit::default() };
        commit.reads.extend(row.map(|row| (old, row.version)));
        Ok(self.store.commit(shard, &commit)?)
    }

    /// Tries a buried delivery again, now.
    pub fn retry(&self, id: TaskId, now: Timestamp) -> Result<(), PipelineError> {
        let task = self.task(id)?;
        let Work::Dispatch(_) = task.work else { return Err(not_buried(id)) };
        if task.queue != Queue::Buried {
            return Err(not_buried(id));
        }
        self.change_notification(&task, |notification| {
            for delivery in &mut notification.deliveries {
                if matches!(delivery.state, DeliveryState::Buried(_)) {
                    delivery.state = DeliveryState::Waiting;
                }
            }
            let again = crate::plan::dispatch_task(notification, now);
            Some(again)
        })
    }

    /// Cancels a delivery or a reminder. What has reached the inbox stays there.
    pub fn cancel(&self, id: TaskId) -> Result<(), PipelineError> {
        let task = self.task(id)?;
        match task.work {
            Work::Dispatch(_) => self.change_notification(&task, |notification| {
                for delivery in &mut notification.deliveries {
                    if !delivery.state.is_final() || matches!(delivery.state, DeliveryState::Buried(_)) {
                        delivery.state = DeliveryState::Dropped(Suppressed::Cancelled);
                    }
                }
                None
            }),
            Work::Remind(..) => self.delete_task(&task),
            _ => Err(PipelineError::NotFound(format!("delivery or reminder {id} that could be cancelled"))),
        }
    }

    fn delete_task(&self, task: &Task) -> Result<(), PipelineError> {
        let row = RowKey::task(task.queue, task.due, task.id);
        let commit = Commit { writes: vec![(row, None)], ..Commit::default() };
        Ok(self.store.commit(self.shard(task.citizen), &commit)?)
    }

    /// Changes a task's notification and moves the task, with the record kept in step.
    fn change_notification(
        &self,
        task: &Task,
        change: impl Fn(&mut Notification) -> Option<Task>,
    ) -> Result<(), PipelineError> {
        let Work::Dispatch(id) = task.work else { return Ok(()) };
        let shard = self.shard(task.citizen);
        for _ in 0..self.limits.conflicts {
            let mut records = Records::new(self, shard);
            records.load(std::iter::once(task.citizen))?;
            let key = RowKey::of(Table::Notification, task.citizen, &id.0);
            let Some((mut notification, version)) = self.sealed::<Notification>(shard, &key)? else {
                return Err(PipelineError::NotFound(format!("message {id}")));
            };
            let next = change(&mut notification);
            let mut commit = Commit::default();
            commit.reads.push((key.clone(), version));
            let sealer = records.sealer(task.citizen)?;
            commit.writes.push((key.clone(), Some(seal(&sealer, &key, &notification)?)));
            commit.writes.push((RowKey::task(task.queue, task.due, task.id), None));
            match next {
                Some(next) => commit.writes.push(task_row(&next)?),
                None if notification.inbox.is_none() => {
                    if let Some(record) = records.get_mut(task.citizen) {
                        for told in &notification.tells {
                            if let Some(opportunity) = record.opportunities.get_mut(told) {
                                opportunity.told.remove(&notification.kind);
                                opportunity.state = State::Suppressed(Suppressed::Cancelled);
                            }
                        }
                    }
                    records.write([task.citizen], &mut commit)?;
                }
                None => {}
            }
            match self.store.commit(shard, &commit) {
                Err(StoreError::Conflict) => {}
                other => return Ok(other?),
            }
        }
        Err(StoreError::Conflict.into())
    }
}

fn not_buried(id: TaskId) -> PipelineError {
    PipelineError::NotFound(format!("buried delivery {id}"))
}
