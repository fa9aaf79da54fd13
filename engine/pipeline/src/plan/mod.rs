//! The plan loop's step: open opportunities become messages, by class, urgency, fit and pack order.

mod citizen;

use std::collections::BTreeMap;

use tidings_domain::ids::{CitizenId, NotificationId, OccurrenceId, OpportunityId, TaskId};
use tidings_domain::message::{Delivery, DeliveryState, Notification, Outcome, Planning, Queue, Task, Work};
use tidings_domain::record::{Kind, Record};
use tidings_domain::store::{Commit, Lease, RowKey, Shard, Table};
use tidings_domain::time::{LeaseTime, Timestamp};
use tidings_rules::pack::model::Pack;

use crate::engine::{Engine, PipelineError, unpack};
use crate::ingest::Ingested;
use crate::policy::{self, Candidate};
use crate::records::{Records, task_row};
use crate::vault::seal;
use crate::view::Folded;

/// Name of the inbox as a delivery step.
pub const INBOX: &str = "inbox";

/// What one plan step did.
#[derive(Debug, Default)]
pub struct Planned {
    /// Tasks carried out.
    pub tasks: usize,
    /// Messages made: for whom, which, and what they tell.
    pub notifications: Vec<(CitizenId, NotificationId, Vec<OpportunityId>)>,
    /// What became of opportunities, by rule key and code (`planned`, or why not).
    pub outcomes: BTreeMap<(String, &'static str), u64>,
    /// Why pack order or a template stood in for the model.
    pub fallbacks: BTreeMap<String, u64>,
}

impl Engine {
    /// Plans every citizen whose window has closed by `now`.
    pub fn plan(&self, now: Timestamp, clock: LeaseTime) -> Result<Planned, PipelineError> {
        let mut done = Planned::default();
        // A crash between the commits of two shards leaves shares behind, and people may wait on them.
        self.drain_outbox(&mut Ingested::default())?;
        self.each_due(Queue::Plan, now, clock, |shard, leases| {
            let mut chunk = Planned::default();
            self.try_plan(shard, leases, now, &mut chunk)?;
            done.add(chunk);
            Ok(())
        })?;
        Ok(done)
    }

    fn try_plan(
        &self,
        shard: Shard,
        leases: &[Lease],
        now: Timestamp,
        done: &mut Planned,
    ) -> Result<(), PipelineError> {
        let active = self.active();
        let mut commit = Commit { pack_epoch: Some(active.epoch), ..Commit::default() };
        let mut records = Records::new(self, shard);
        let mut citizens = Vec::with_capacity(leases.len());
        for lease in leases {
            let task: Task = unpack(&lease.task, Table::Task)?;
            commit.leases.push(lease.token.clone());
            citizens.push(task.citizen);
        }
        records.load(citizens.iter().copied())?;
        let mut changed = Vec::with_capacity(citizens.len());
        for citizen in citizens {
            let Some(record) = records.get_mut(citizen) else { continue };
            let plan = citizen::plan(self, &active.pack, citizen, record, now);
            done.tasks += 1;
            let sealer = records.sealer(citizen)?;
            for (occurrence, outcomes) in &plan.outcomes {
                done.count(outcomes);
                let planning = Planning {
                    at: now,
                    outcomes: outcomes.clone(),
                    model: self.model.digest().to_owned(),
                    fallback: plan.fallback.clone(),
                    scores: plan.scores.clone(),
                };
                let part = [&occurrence.0[..], &now.sortable()].concat();
                let key = RowKey::of(Table::Decision, citizen, &part);
                let bytes = seal(&sealer, &key, &planning)?;
                commit.writes.push((key, Some(bytes)));
            }
            if let Some(fallback) = plan.fallback {
                *done.fallbacks.entry(fallback).or_default() += 1;
            }
            for notification in plan.notifications {
                done.notifications.push((citizen, notification.id, notification.tells.clone()));
                let key = RowKey::of(Table::Notification, citizen, &notification.id.0);
                commit.writes.push((key.clone(), Some(seal(&sealer, &key, &notification)?)));
                commit.writes.push(task_row(&dispatch_task(&notification, now))?);
            }
            changed.push(citizen);
        }
        records.write(changed, &mut commit)?;
        self.store.commit(shard, &commit)?;
        Ok(())
    }

    /// The delivery steps of a message: the inbox first, then every channel.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        let names = std::iter::once(INBOX).chain(self.channels.iter().map(|channel| channel.name()));
        names
            .map(|name| Delivery { channel: name.to_owned(), state: DeliveryState::Waiting, attempts: 0 })
            .collect()
    }
}

/// The task that carries a notification to its next channel.
pub(crate) fn dispatch_task(notification: &Notification, due: Timestamp) -> Task {
    Task {
        id: TaskId::of("dispatch", &[&notification.id.0]),
        queue: Queue::Dispatch,
        due,
        citizen: notification.citizen,
        work: Work::Dispatch(notification.id),
        rules: notification.rules.iter().map(|(rule, _)| rule.clone()).collect(),
        attempts: 0,
        note: None,
        from: None,
    }
}

impl Planned {
    fn add(&mut self, other: Self) {
        self.tasks += other.tasks;
        self.notifications.extend(other.notifications);
        for (key, count) in other.outcomes {
            *self.outcomes.entry(key).or_default() += count;
        }
        for (key, count) in other.fallbacks {
            *self.fallbacks.entry(key).or_default() += count;
        }
    }

    fn count(&mut self, outcomes: &[(String, Outcome)]) {
        for (rule, outcome) in outcomes {
            let code = match outcome {
                Outcome::Planned(_, Kind::Correction) => "corrected",
                Outcome::Planned(_, Kind::Question) => "asked",
                Outcome::Planned(..) => "planned",
                Outcome::Suppressed(reason) => reason.code(),
                Outcome::Unknown(_) => "unknown",
            };
            *self.outcomes.entry((rule.clone(), code)).or_default() += 1;
        }
    }
}

/// One opportunity as a candidate, for callers outside planning.
pub(crate) fn candidate_of<'a>(
    pack: &'a Pack,
    record: &'a Record,
    folded: &'a BTreeMap<OccurrenceId, Folded>,
    id: OpportunityId,
) -> Option<Candidate<'a>> {
    policy::candidate(pack, record, folded, record.opportunities.get(&id)?)
}
