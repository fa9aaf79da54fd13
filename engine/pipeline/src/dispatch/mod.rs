//! The dispatch loop's step: each message into the inbox, then to each channel, once.
//!
//! `begin` is durable before anything is sent. A death between send and finish leaves a delivery begun: an
//! idempotent channel is sent to again, a queryable one is asked, and for one that is neither a duty is sent
//! again and says so, while anything else stops as `unknown`.

mod send;

use std::collections::{BTreeMap, BTreeSet};

use tidings_domain::ids::{CitizenId, NotificationId, OpportunityId, TaskId};
use tidings_domain::message::{DeliveryState, Notification, Queue, Task, Work};
use tidings_domain::record::{Answer, Kind, Record, State, Suppressed};
use tidings_domain::store::{Commit, Lease, LeaseToken, RowKey, Shard, Table, Version};
use tidings_domain::time::{LeaseTime, Timestamp};
use tidings_rules::pack::model::Pack;

use crate::compose::{self, Telling};
use crate::engine::{Engine, PipelineError, unpack};
use crate::plan::{INBOX, candidate_of, dispatch_task};
use crate::policy;
use crate::records::{Records, task_row};
use crate::remind;
use crate::vault::{Sealer, open_with, seal};
use crate::view::Reader;

/// What one dispatch step did.
#[derive(Debug, Default)]
pub struct Dispatched {
    /// Tasks carried out.
    pub tasks: usize,
    /// Deliveries by channel and how they ended (`finished`, `retry`, `buried`, `unknown`, `dropped`).
    pub ends: BTreeMap<(String, &'static str), u64>,
}

/// A leased dispatch task with its notification.
struct Job {
    task: Task,
    token: LeaseToken,
    key: RowKey,
    version: Version,
    sealer: Sealer,
    notification: Notification,
}

/// What to do with a job's next step.
enum Next {
    /// Into the inbox.
    Inbox,
    /// To a channel.
    Send(usize),
    /// Nothing is left to do.
    Done,
    /// Not at this hour.
    Wait(Timestamp),
    /// No longer wanted: these opportunities have an objection.
    Drop(BTreeMap<OpportunityId, Suppressed>),
}

impl Engine {
    /// Carries out every delivery step that is due at `now`.
    pub fn dispatch(&self, now: Timestamp, clock: LeaseTime) -> Result<Dispatched, PipelineError> {
        let mut done = Dispatched::default();
        self.each_due(Queue::Dispatch, now, clock, |shard, leases| {
            self.try_dispatch(shard, leases, now, &mut done)
        })?;
        Ok(done)
    }

    fn try_dispatch(
        &self,
        shard: Shard,
        leases: &[Lease],
        now: Timestamp,
        done: &mut Dispatched,
    ) -> Result<(), PipelineError> {
        let active = self.active();
        let mut records = Records::new(self, shard);
        let jobs = self.jobs(shard, leases, &mut records)?;
        let mut commit = Commit::default();
        let (mut sends, mut ends, mut changed) = (Vec::new(), Vec::new(), BTreeSet::new());
        for mut job in jobs {
            match self.next(&active.pack, &records, &job, now) {
                Next::Send(step) => {
                    sends.push((job, step));
                    continue;
                }
                Next::Inbox => {
                    self.deliver_to_inbox(&active.pack, &mut records, &mut job, now, &mut commit)?;
                    changed.insert(job.task.citizen);
                    ends.push((INBOX.to_owned(), "finished"));
                }
                Next::Drop(objections) => {
                    drop_job(&mut records, &mut job, &objections, now);
                    changed.insert(job.task.citizen);
                    ends.push((INBOX.to_owned(), "dropped"));
                    job.end(None, &mut commit)?;
                }
                Next::Wait(due) => job.end(Some(Task { due, ..job.task.clone() }), &mut commit)?,
                Next::Done => job.end(None, &mut commit)?,
            }
        }
        records.write(changed, &mut commit)?;
        if !commit.writes.is_empty() || !commit.leases.is_empty() {
            // Records change here because of the pack's texts and dates, so its epoch counts.
            commit.pack_epoch = Some(active.epoch);
            self.store.commit(shard, &commit)?;
        }
        done.tasks += leases.len();
        ends.into_iter().for_each(|end| done.count(end));
        self.send_all(&active, shard, sends, now, done)
    }

    /// Reads the notifications and records of leased tasks. A task without its notification is finished.
    fn jobs(
        &self,
        shard: Shard,
        leases: &[Lease],
        records: &mut Records<'_>,
    ) -> Result<Vec<Job>, PipelineError> {
        let tasks: Vec<(Task, LeaseToken)> = leases
            .iter()
            .map(|lease| Ok((unpack(&lease.task, Table::Task)?, lease.token.clone())))
            .collect::<Result<_, PipelineError>>()?;
        records.load(tasks.iter().map(|(task, _)| task.citizen))?;
        let keys: Vec<RowKey> = tasks.iter().map(|(task, _)| notification_key(task)).collect();
        let rows = self.store.read(shard, &keys)?;
        let mut jobs = Vec::with_capacity(tasks.len());
        for (((task, token), key), row) in tasks.into_iter().zip(keys).zip(rows) {
            let sealer = records.sealer(task.citizen)?;
            let Some(bytes) = row.bytes else {
                let gone = Commit {
                    writes: vec![(RowKey::task(task.queue, task.due, task.id), None)],
                    leases: vec![token],
                    ..Commit::default()
                };
                self.store.commit(shard, &gone)?;
                continue;
            };
            let notification = open_with(&sealer, &key, &bytes)?;
            jobs.push(Job { task, token, key, version: row.version, sealer, notification });
        }
        Ok(jobs)
    }

    fn next(&self, pack: &Pack, records: &Records<'_>, job: &Job, now: Timestamp) -> Next {
        let Some(record) = records.get(job.task.citizen) else { return Next::Done };
        let notification = &job.notification;
        let Some(step) = notification.deliveries.iter().position(|delivery| !delivery.state.is_final())
        else {
            return Next::Done;
        };
        let begun = matches!(notification.deliveries[step].state, DeliveryState::Begun(_));
        if !begun && !policy::is_sociable(pack, now) {
            return Next::Wait(policy::next_sociable(pack, now, false));
        }
        let objections = objections(self, pack, job.task.citizen, record, notification, now);
        if !objections.is_empty() {
            return Next::Drop(objections);
        }
        if step == 0 { Next::Inbox } else { Next::Send(step) }
    }

    /// The inbox is in the store, so being sent and being recorded are one commit.
    fn deliver_to_inbox(
        &self,
        pack: &Pack,
        records: &mut Records<'_>,
        job: &mut Job,
        now: Timestamp,
        commit: &mut Commit,
    ) -> Result<(), PipelineError> {
        let citizen = job.task.citizen;
        job.notification.inbox = Some(now);
        if let Some(delivery) = job.notification.deliveries.first_mut() {
            delivery.state = DeliveryState::Finished(now);
            delivery.attempts += 1;
        }
        if let Some(record) = records.get_mut(citizen) {
            for id in &job.notification.tells {
                if let Some(opportunity) = record.opportunities.get_mut(id)
                    && job.notification.kind == Kind::First
                {
                    opportunity.state = State::Told(job.notification.id);
                }
            }
            let counts = matches!(job.notification.kind, Kind::First | Kind::Question);
            if !job.notification.duty && counts {
                record.told.push(now);
            }
            for task in remind::schedule(pack, citizen, record, &job.notification.tells, now) {
                commit.writes.push(task_row(&task)?);
            }
        }
        let more = job.notification.deliveries.iter().any(|delivery| !delivery.state.is_final());
        job.end(more.then(|| dispatch_task(&job.notification, now)), commit)
    }
}

impl Job {
    /// Writes the notification and moves the task to `next`, or ends it.
    fn end(&mut self, next: Option<Task>, commit: &mut Commit) -> Result<(), PipelineError> {
        commit.leases.push(self.token.clone());
        commit.reads.push((self.key.clone(), self.version));
        let bytes = seal(&self.sealer, &self.key, &self.notification)?;
        commit.writes.push((self.key.clone(), Some(bytes)));
        commit.writes.push((RowKey::task(self.task.queue, self.task.due, self.task.id), None));
        if let Some(task) = next {
            commit.writes.push(task_row(&task)?);
        }
        Ok(())
    }
}

impl Dispatched {
    fn count(&mut self, (channel, end): (String, &'static str)) {
        *self.ends.entry((channel, end)).or_default() += 1;
    }
}

fn notification_key(task: &Task) -> RowKey {
    let id = match &task.work {
        Work::Dispatch(id) => *id,
        _ => NotificationId([0; 16]),
    };
    RowKey::of(Table::Notification, task.citizen, &id.0)
}

/// Stable id of a delivery; safe in file names and logs.
pub fn delivery_id(notification: &Notification, channel: &str) -> String {
    format!("{}-{channel}", notification.id)
}

/// What stands against each opportunity of a message, asked again before it goes out.
fn objections(
    engine: &Engine,
    pack: &Pack,
    me: CitizenId,
    record: &Record,
    notification: &Notification,
    now: Timestamp,
) -> BTreeMap<OpportunityId, Suppressed> {
    let reader = Reader { pack, me, record };
    let folded = policy::fold_all(reader);
    let holds = engine.holds();
    let mut found = BTreeMap::new();
    for id in &notification.tells {
        let Some(opportunity) = record.opportunities.get(id) else {
            found.insert(*id, Suppressed::Served);
            continue;
        };
        let objection = if notification.kind == Kind::Correction {
            let stands =
                opportunity.answer == Answer::Withdrawn && policy::may_correct(reader, opportunity, now);
            (!stands).then_some(Suppressed::NoLink)
        } else if opportunity.answer != Answer::Yes
            && !(notification.kind == Kind::Question && opportunity.asks)
        {
            Some(Suppressed::Served)
        } else {
            candidate_of(pack, record, &folded, *id)
                .and_then(|candidate| policy::objection(reader, candidate, &holds, now))
        };
        if let Some(objection) = objection {
            found.insert(*id, objection);
        }
    }
    found
}

/// Takes a message back before it reached the inbox: what stood against it is suppressed, the rest is planned
/// anew.
fn drop_job(
    records: &mut Records<'_>,
    job: &mut Job,
    objections: &BTreeMap<OpportunityId, Suppressed>,
    now: Timestamp,
) {
    let reason = objections.values().next().cloned().unwrap_or(Suppressed::Served);
    for delivery in &mut job.notification.deliveries {
        match delivery.state {
            // It may have been sent: nobody will ask again.
            DeliveryState::Begun(_) => delivery.state = DeliveryState::Unknown(now),
            DeliveryState::Waiting => delivery.state = DeliveryState::Dropped(reason.clone()),
            _ => {}
        }
    }
    let citizen = job.task.citizen;
    // What stands in the inbox has been told; only later channels are dropped.
    let Some(record) = records.get_mut(citizen).filter(|_| job.notification.inbox.is_none()) else { return };
    let mut again = false;
    for id in &job.notification.tells {
        let Some(opportunity) = record.opportunities.get_mut(id) else { continue };
        opportunity.told.remove(&job.notification.kind);
        if job.notification.kind != Kind::First {
            continue;
        }
        opportunity.state = match objections.get(id) {
            Some(reason) => State::Suppressed(reason.clone()),
            None => State::Open,
        };
        // What an operator holds is asked about again, like what had no objection.
        again |= matches!(objections.get(id), None | Some(Suppressed::Held));
    }
    record.opportunities.retain(|_, one| one.answer != Answer::Withdrawn || !one.told.is_empty());
    if again {
        let due = record.plan.map_or(now, |(_, due)| due.min(now));
        record.plan = Some((TaskId::of("plan", &[&citizen.0]), due));
    }
}

/// Composes and queues a message outside planning: a reminder.
pub(crate) fn queue_message(
    engine: &Engine,
    reader: Reader<'_>,
    told: &[OpportunityId],
    telling: Telling,
    now: Timestamp,
) -> Option<Notification> {
    let folded = policy::fold_all(reader);
    compose::message(engine, reader, &folded, told, telling, now).ok().map(|composed| composed.notification)
}
