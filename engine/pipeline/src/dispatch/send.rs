//! Sending to channels: begun durably, sent, finished durably.

use std::time::Duration;

use tidings_domain::channel::{Channel, Envelope, Replay, SendError};
use tidings_domain::ids::TaskId;
use tidings_domain::message::{DeliveryState, Notification, Queue, Task};
use tidings_domain::record::Suppressed;
use tidings_domain::store::{Commit, RowKey, Shard, StoreError};
use tidings_domain::time::Timestamp;
use tidings_domain::value::Pii;

use super::{Dispatched, Job, delivery_id, queue_message};
use crate::compose::Telling;
use crate::engine::{Engine, Limits, PipelineError};
use crate::judge::ActivePack;
use crate::plan::dispatch_task;
use crate::policy;
use crate::records::task_row;
use crate::vault::seal;
use crate::view::Reader;

/// How often a duty is sent on a channel that never says whether it arrived.
const MOST_SENDS_UNANSWERED: u32 = 2;

impl Engine {
    /// Sends to channels: begun durably in one commit, sent one by one, finished in one commit.
    pub(super) fn send_all(
        &self,
        active: &ActivePack,
        shard: Shard,
        sends: Vec<(Job, usize)>,
        now: Timestamp,
        done: &mut Dispatched,
    ) -> Result<(), PipelineError> {
        if sends.is_empty() {
            return Ok(());
        }
        let mut outcomes = Vec::with_capacity(sends.len());
        let mut begin = Commit::default();
        let mut jobs = Vec::with_capacity(sends.len());
        for (mut job, step) in sends {
            let verdict = self.before_sending(active, &job, step, now)?;
            if matches!(verdict, Verdict::Send { .. }) {
                let delivery = &mut job.notification.deliveries[step];
                delivery.state = DeliveryState::Begun(now);
                delivery.attempts += 1;
                begin.reads.push((job.key.clone(), job.version));
                let bytes = seal(&job.sealer, &job.key, &job.notification)?;
                begin.writes.push((job.key.clone(), Some(bytes)));
            }
            jobs.push((job, step, verdict));
        }
        self.store.commit(shard, &begin)?;
        for (job, step, verdict) in &jobs {
            outcomes.push(self.within_attempts(job, self.send(job, *step, verdict)));
        }
        // `begin` has changed the rows since they were read, and nobody else may touch them under these leases.
        let keys: Vec<RowKey> = jobs.iter().map(|(job, ..)| job.key.clone()).collect();
        let versions = self.store.read(shard, &keys)?.into_iter().map(|row| row.version);
        let mut finishes = Vec::with_capacity(jobs.len());
        for (((mut job, step, _), outcome), version) in jobs.into_iter().zip(outcomes).zip(versions) {
            let channel = job.notification.deliveries[step].channel.clone();
            done.count((channel, outcome.word()));
            job.version = version;
            let mut finish = Commit::default();
            self.finish(&mut job, step, outcome, now, &mut finish)?;
            finishes.push(finish);
        }
        self.commit_each(shard, finishes)
    }

    /// Commits all at once, or one by one when one of them has been overtaken: what was sent must be recorded.
    fn commit_each(&self, shard: Shard, commits: Vec<Commit>) -> Result<(), PipelineError> {
        let mut all = Commit::default();
        for commit in &commits {
            all.reads.extend(commit.reads.iter().cloned());
            all.writes.extend(commit.writes.iter().cloned());
            all.leases.extend(commit.leases.iter().cloned());
        }
        match self.store.commit(shard, &all) {
            Err(StoreError::Conflict | StoreError::LeaseLost) => {}
            other => return Ok(other?),
        }
        for commit in commits {
            match self.store.commit(shard, &commit) {
                // Overtaken: whoever has it sees a delivery that was begun.
                Ok(()) | Err(StoreError::Conflict | StoreError::LeaseLost) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn channel(&self, name: &str) -> Option<&dyn Channel> {
        self.channels.iter().find(|channel| channel.name() == name).map(|channel| &**channel)
    }

    /// What stands in the way of a channel, and what an earlier, unfinished attempt demands.
    fn before_sending(
        &self,
        active: &ActivePack,
        job: &Job,
        step: usize,
        now: Timestamp,
    ) -> Result<Verdict, PipelineError> {
        let delivery = &job.notification.deliveries[step];
        let Some(channel) = self.channel(&delivery.channel) else {
            return Ok(Verdict::End(Outcome::Buried("this channel is no longer configured".to_owned())));
        };
        let record = self.record(job.task.citizen)?.record;
        let reader = Reader { pack: &active.pack, me: job.task.citizen, record: &record };
        let refusal = format!("{}{}", policy::CHANNEL, channel.name());
        let refused = reader.has(reader.me, &reader.pack.roles.refusals, &refusal, now);
        if refused || (channel.is_open() && job.notification.never_push) {
            return Ok(Verdict::End(Outcome::Dropped(Suppressed::Refused)));
        }
        if !matches!(delivery.state, DeliveryState::Begun(_)) {
            return Ok(Verdict::Send { body: None });
        }
        Ok(match channel.replay() {
            Replay::Idempotent => Verdict::Send { body: None },
            Replay::Queryable => match channel.arrived(&delivery_id(&job.notification, &delivery.channel)) {
                Ok(true) => Verdict::End(Outcome::Finished),
                Ok(false) => Verdict::Send { body: None },
                // Still unknown: it is asked again later.
                Err(_) => Verdict::End(Outcome::Unknown),
            },
            Replay::Neither if job.notification.duty => {
                Verdict::Send { body: self.sent_again(reader, &job.notification, now) }
            }
            Replay::Neither => Verdict::End(Outcome::Unknown),
        })
    }

    /// The body that says that it is sent again, composed anew.
    fn sent_again(&self, reader: Reader<'_>, notification: &Notification, now: Timestamp) -> Option<String> {
        let telling = Telling { kind: notification.kind, unless_done: false, sent_again: true };
        queue_message(self, reader, &notification.tells, telling, now).map(|again| again.body)
    }

    fn send(&self, job: &Job, step: usize, verdict: &Verdict) -> Outcome {
        let again = match verdict {
            Verdict::End(outcome) => return outcome.clone(),
            Verdict::Send { body } => body.as_ref(),
        };
        let notification = &job.notification;
        let name = &notification.deliveries[step].channel;
        let Some(channel) = self.channel(name) else { return Outcome::Unknown };
        let body = match again {
            _ if channel.is_open() => &notification.neutral,
            Some(body) => body,
            None => &notification.body,
        };
        let envelope = Envelope {
            delivery: delivery_id(notification, name),
            recipient: notification.citizen.to_string(),
            language: notification.language.clone(),
            subject: Pii::new(if channel.is_open() { String::new() } else { notification.subject.clone() }),
            body: Pii::new(body.clone()),
        };
        match channel.send(&envelope) {
            Ok(()) => Outcome::Finished,
            Err(SendError::Retry(why)) => Outcome::Retry(why),
            Err(SendError::Refused(why)) => Outcome::Buried(why),
            Err(SendError::Unknown(_)) => Outcome::Unknown,
        }
    }

    /// The last attempt that may fail is the end.
    fn within_attempts(&self, job: &Job, outcome: Outcome) -> Outcome {
        let attempts = job.task.attempts + 1;
        match outcome {
            Outcome::Retry(why) if attempts >= self.limits.attempts => {
                Outcome::Buried(format!("{attempts} attempts failed; the last: {why}"))
            }
            other => other,
        }
    }

    fn finish(
        &self,
        job: &mut Job,
        step: usize,
        outcome: Outcome,
        now: Timestamp,
        commit: &mut Commit,
    ) -> Result<(), PipelineError> {
        let attempts = job.task.attempts + 1;
        let replay = self.channel(&job.notification.deliveries[step].channel).map(|channel| channel.replay());
        let sent = matches!(job.notification.deliveries[step].state, DeliveryState::Begun(_));
        let asks_again = sent
            && attempts < self.limits.attempts
            && match replay {
                Some(Replay::Idempotent | Replay::Queryable) => true,
                // A duty is sent again, once.
                Some(Replay::Neither) => {
                    job.notification.duty
                        && job.notification.deliveries[step].attempts < MOST_SENDS_UNANSWERED
                }
                None => false,
            };
        let delivery = &mut job.notification.deliveries[step];
        let (state, stays) = match outcome {
            Outcome::Finished => (DeliveryState::Finished(now), None),
            Outcome::Dropped(reason) => (DeliveryState::Dropped(reason), None),
            // Nothing was sent, so the delivery waits as it was.
            Outcome::Retry(why) => {
                let due = now + backoff(&self.limits, job.task.id, attempts);
                let task = Task { due, attempts, note: Some(why), ..job.task.clone() };
                (DeliveryState::Waiting, Some(task))
            }
            // As after a death in between: the next attempt asks, or sends again, as the channel allows.
            Outcome::Unknown if asks_again => {
                let due = now + backoff(&self.limits, job.task.id, attempts);
                (DeliveryState::Begun(now), Some(Task { due, attempts, ..job.task.clone() }))
            }
            Outcome::Unknown => (DeliveryState::Unknown(now), None),
            Outcome::Buried(why) => {
                let step = u8::try_from(step).unwrap_or(u8::MAX);
                commit.writes.push(task_row(&Task {
                    id: TaskId::of("buried", &[&job.task.id.0, &[step]]),
                    queue: Queue::Buried,
                    note: Some(why.clone()),
                    attempts,
                    from: Some(Queue::Dispatch),
                    ..job.task.clone()
                })?);
                (DeliveryState::Buried(why), None)
            }
        };
        delivery.state = state;
        let more = job.notification.deliveries.iter().any(|delivery| !delivery.state.is_final());
        let next = stays.or_else(|| more.then(|| dispatch_task(&job.notification, now)));
        job.end(next, commit)
    }
}

/// Whether to send, or how the delivery ended without sending.
enum Verdict {
    /// With another body than the notification's, when it says that it is sent again.
    Send {
        body: Option<String>,
    },
    End(Outcome),
}

#[derive(Clone)]
enum Outcome {
    Finished,
    Retry(String),
    Buried(String),
    Unknown,
    Dropped(Suppressed),
}

impl Outcome {
    const fn word(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Retry(_) => "retry",
            Self::Buried(_) => "buried",
            Self::Unknown => "unknown",
            Self::Dropped(_) => "dropped",
        }
    }
}

/// Exponential, with a jitter that is a function of the task and the attempt, so that a replay waits as long.
fn backoff(limits: &Limits, task: TaskId, attempts: u32) -> Duration {
    let doubled = limits.backoff.saturating_mul(1 << attempts.saturating_sub(1).min(16));
    let capped = doubled.min(limits.backoff_most);
    let spread = TaskId::of("jitter", &[&task.0, &attempts.to_le_bytes()]).0[0];
    capped / 2 + capped.mul_f64(f64::from(spread) / 512.0)
}
