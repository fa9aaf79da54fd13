//! The plan loop's step: open opportunities become messages, by class, urgency, fit and pack order.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use tidings_domain::ids::{CitizenId, NotificationId, OccurrenceId, OpportunityId, TaskId};
use tidings_domain::message::{
    Delivery, DeliveryState, Notification, Outcome, Planning, Queue, Task, Work,
};
use tidings_domain::model::{RankAnswer, RankAsk, Signature};
use tidings_domain::record::{Answer, Kind, Record, State, Suppressed};
use tidings_domain::store::{Commit, Lease, LeaseAsk, RowKey, Shard, StoreError, Table};
use tidings_domain::time::{LeaseTime, Timestamp};
use tidings_rules::pack::format::Class;
use tidings_rules::pack::model::Pack;

use crate::compose::{self, Telling};
use crate::engine::{Engine, Limits, PipelineError, unpack};
use crate::judge::{self, ActivePack};
use crate::policy::{self, Candidate};
use crate::records::{Records, task_row};
use crate::vault::seal;
use crate::view::{DAY_MS, Folded, Reader};

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

/// One opportunity that may be told now.
struct Admitted {
    id: OpportunityId,
    root: String,
    class: Class,
    deadline: Option<chrono::NaiveDate>,
    order: u32,
    score: i32,
}

/// What planning one citizen came to.
#[derive(Default)]
struct Plan {
    notifications: Vec<Notification>,
    outcomes: BTreeMap<OccurrenceId, Vec<(String, Outcome)>>,
    scores: Vec<(String, i32)>,
    fallback: Option<String>,
    next: Option<Timestamp>,
}

impl Engine {
    /// Plans every citizen whose window has closed by `now`.
    pub fn plan(&self, now: Timestamp, clock: LeaseTime) -> Result<Planned, PipelineError> {
        let mut done = Planned::default();
        for shard in self.shards() {
            loop {
                let leases = self.lease(shard, Queue::Plan, now, clock)?;
                if leases.is_empty() {
                    break;
                }
                self.plan_chunk(shard, &leases, now, &mut done)?;
            }
        }
        Ok(done)
    }

    pub(crate) fn lease(
        &self,
        shard: Shard,
        queue: Queue,
        due: Timestamp,
        now: LeaseTime,
    ) -> Result<Vec<Lease>, PipelineError> {
        let Limits { lease: limit, holds, .. } = self.limits;
        Ok(self.store.lease(shard, LeaseAsk { queue, due, now, holds, limit })?)
    }

    /// Plans a chunk in one commit; when a record changed meanwhile, in smaller ones.
    fn plan_chunk(
        &self,
        shard: Shard,
        leases: &[Lease],
        now: Timestamp,
        done: &mut Planned,
    ) -> Result<(), PipelineError> {
        let mut chunk = Planned::default();
        match self.try_plan(shard, leases, now, &mut chunk) {
            Ok(()) => {
                done.add(chunk);
                Ok(())
            }
            Err(PipelineError::Store(StoreError::Conflict | StoreError::LeaseLost)) if leases.len() > 1 => {
                let (left, right) = leases.split_at(leases.len() / 2);
                self.plan_chunk(shard, left, now, done)?;
                self.plan_chunk(shard, right, now, done)
            }
            // Whoever changed the record has moved the task too, or will find it when the lease ends.
            Err(PipelineError::Store(StoreError::Conflict | StoreError::LeaseLost)) => Ok(()),
            Err(error) => Err(error),
        }
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
            let plan = self.plan_citizen(&active, citizen, record, now);
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

    fn plan_citizen(
        &self,
        active: &ActivePack,
        me: CitizenId,
        record: &mut Record,
        now: Timestamp,
    ) -> Plan {
        let pack = &active.pack;
        let mut plan = Plan::default();
        record.told.retain(|told| now.0 - told.0 < 7 * DAY_MS);
        let folded = policy::fold_all(Reader { pack, me, record });
        let mut admitted = self.admit(pack, me, record, &folded, now, &mut plan);
        self.rank(Reader { pack, me, record }, &mut admitted, now, &mut plan);
        admitted.sort_by_key(|one| (one.class, one.deadline.is_none(), one.deadline, Reverse(one.score), one.order));
        let soon = policy::next_sociable(pack, now, false);
        if admitted.iter().any(|_| !policy::is_sociable(pack, now)) {
            plan.next = Some(soon);
            record.plan = plan.next.map(|due| (TaskId::of("plan", &[&me.0]), due));
            return Plan { next: plan.next, ..Plan::default() };
        }
        self.fill_messages(pack, me, record, &folded, admitted, now, &mut plan);
        self.correct(pack, me, record, &folded, now, &mut plan);
        record.plan = plan.next.map(|due| (TaskId::of("plan", &[&me.0]), due));
        plan
    }

    /// Sorts opportunities into those that may be told now and those that may not, with the reason.
    fn admit(
        &self,
        pack: &Pack,
        me: CitizenId,
        record: &mut Record,
        folded: &BTreeMap<OccurrenceId, Folded>,
        now: Timestamp,
        plan: &mut Plan,
    ) -> Vec<Admitted> {
        let holds = self.holds();
        let reader = Reader { pack, me, record };
        let mut admitted = Vec::new();
        let mut refused = Vec::new();
        for (id, opportunity) in &record.opportunities {
            let waits = matches!(opportunity.state, State::Open | State::Suppressed(_));
            if !waits || opportunity.answer != Answer::Yes || opportunity.told.contains_key(&Kind::First) {
                continue;
            }
            let Some(candidate) = policy::candidate(pack, record, folded, opportunity) else { continue };
            match policy::objection(reader, candidate, &holds, now) {
                Some(reason) => refused.push((*id, candidate.rule.key.clone(), reason)),
                None => admitted.push(Admitted {
                    id: *id,
                    root: candidate.rule.root.clone(),
                    class: candidate.rule.class,
                    deadline: policy::deadline(reader, candidate),
                    order: candidate.rule.order,
                    score: 0,
                }),
            }
        }
        for (id, rule, reason) in refused {
            if reason == Suppressed::Held {
                plan.wait_until(now + std::time::Duration::from_millis(DAY_MS.unsigned_abs()));
            }
            plan.suppress(record, id, &rule, reason);
        }
        admitted
    }

    /// Lets the model order suggestions, unless the person refused it.
    fn rank(&self, reader: Reader<'_>, admitted: &mut [Admitted], now: Timestamp, plan: &mut Plan) {
        let suggestions: Vec<usize> =
            (0..admitted.len()).filter(|place| admitted[*place].class == Class::Suggestion).collect();
        if suggestions.len() < 2 || reader.has(reader.me, &reader.pack.roles.refusals, policy::MODEL, now) {
            return;
        }
        let service = |place: &usize| {
            let rule = reader.pack.rule(&admitted[*place].root).map(|(_, rule)| rule.service.clone());
            let service = rule.and_then(|id| reader.pack.services.get(&id));
            service.map(|service| {
                let language = reader.pack.languages.first().and_then(|code| service.title.get(code));
                (service.id.clone(), language.cloned().unwrap_or_default())
            })
        };
        let services: Vec<_> = suggestions.iter().filter_map(service).collect();
        let ask = RankAsk { signature: Signature::default(), services };
        match self.model.rank(std::slice::from_ref(&ask)).pop() {
            Some(RankAnswer::Scores(scores)) if scores.len() == suggestions.len() => {
                for (place, score) in suggestions.into_iter().zip(scores) {
                    admitted[place].score = score;
                    plan.scores.push((admitted[place].root.clone(), score));
                }
            }
            Some(RankAnswer::PackOrder(reason)) => plan.fallback = Some(reason),
            _ => plan.fallback = Some("bad-answer".to_owned()),
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one step of planning one citizen, cut out for its length alone")]
    fn fill_messages(
        &self,
        pack: &Pack,
        me: CitizenId,
        record: &mut Record,
        folded: &BTreeMap<OccurrenceId, Folded>,
        admitted: Vec<Admitted>,
        now: Timestamp,
        plan: &mut Plan,
    ) {
        let week_full = record.told.len() >= pack.cap_per_week as usize;
        let oldest = record.told.iter().min().copied();
        let mut queue = admitted.into_iter().peekable();
        let mut first = true;
        while queue.peek().is_some() {
            let chunk: Vec<Admitted> = queue.by_ref().take(pack.per_message).collect();
            let duty = chunk.iter().any(|one| one.class == Class::Duty);
            let reason = match (duty, first, week_full) {
                (true, ..) | (false, true, false) => None,
                (false, _, true) => Some(Suppressed::Capped),
                (false, false, false) => Some(Suppressed::Outranked),
            };
            first = false;
            let Some(reason) = reason else {
                self.tell(pack, me, record, folded, &chunk, now, plan);
                continue;
            };
            let week = std::time::Duration::from_millis(7 * DAY_MS.unsigned_abs());
            let day = std::time::Duration::from_millis(DAY_MS.unsigned_abs());
            let again = match (&reason, oldest) {
                (Suppressed::Capped, Some(oldest)) => oldest + week,
                _ => now + day,
            };
            plan.wait_until(policy::next_sociable(pack, again, true));
            for one in chunk {
                let key = pack.rule(&one.root).map_or(one.root.clone(), |(_, rule)| rule.key.clone());
                plan.suppress(record, one.id, &key, reason.clone());
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one step of planning one citizen, cut out for its length alone")]
    fn tell(
        &self,
        pack: &Pack,
        me: CitizenId,
        record: &mut Record,
        folded: &BTreeMap<OccurrenceId, Folded>,
        chunk: &[Admitted],
        now: Timestamp,
        plan: &mut Plan,
    ) {
        let mut told: Vec<OpportunityId> = chunk.iter().map(|one| one.id).collect();
        while !told.is_empty() {
            let telling = Telling { kind: Kind::First, unless_done: false, sent_again: false };
            match compose::message(self, Reader { pack, me, record }, folded, &told, telling, now) {
                Ok(composed) => {
                    if let Some(fallback) = composed.fallback {
                        plan.fallback.get_or_insert(fallback);
                    }
                    let notification = composed.notification;
                    for id in &told {
                        let Some(opportunity) = record.opportunities.get_mut(id) else { continue };
                        opportunity.state = State::Planned(notification.id);
                        opportunity.told.insert(Kind::First, notification.id);
                        let key = pack.rule(&opportunity.rule).map(|(_, rule)| rule.key.clone());
                        let outcome = Outcome::Planned(notification.id, Kind::First);
                        let of = plan.outcomes.entry(opportunity.occurrence).or_default();
                        of.push((key.unwrap_or_default(), outcome));
                    }
                    plan.notifications.push(notification);
                    return;
                }
                Err(bad) => {
                    told.retain(|id| *id != bad);
                    let rule = record.opportunities.get(&bad).map(|one| one.rule.clone()).unwrap_or_default();
                    plan.suppress(record, bad, &rule, Suppressed::Wording);
                }
            }
        }
    }

    /// Takes back what was told and is no longer so.
    fn correct(
        &self,
        pack: &Pack,
        me: CitizenId,
        record: &mut Record,
        folded: &BTreeMap<OccurrenceId, Folded>,
        now: Timestamp,
        plan: &mut Plan,
    ) {
        let due: Vec<OpportunityId> = record
            .opportunities
            .iter()
            .filter(|(_, one)| one.answer == Answer::Withdrawn && judge::wants_planning(one))
            .map(|(id, _)| *id)
            .collect();
        if due.is_empty() {
            return;
        }
        if !policy::is_sociable(pack, now) {
            plan.wait_until(policy::next_sociable(pack, now, false));
            return;
        }
        let reader = Reader { pack, me, record };
        let (due, silent): (Vec<_>, Vec<_>) = due.into_iter().partition(|id| {
            record.opportunities.get(id).is_some_and(|one| policy::may_correct(reader, one, now))
        });
        for id in silent {
            plan.suppress(record, id, "", Suppressed::NoLink);
        }
        for chunk in due.chunks(pack.per_message) {
            let telling = Telling { kind: Kind::Correction, unless_done: false, sent_again: false };
            let reader = Reader { pack, me, record };
            let Ok(composed) = compose::message(self, reader, folded, chunk, telling, now) else { continue };
            let notification = composed.notification;
            for id in chunk {
                if let Some(opportunity) = record.opportunities.get_mut(id) {
                    opportunity.told.insert(Kind::Correction, notification.id);
                    let of = plan.outcomes.entry(opportunity.occurrence).or_default();
                    let outcome = Outcome::Planned(notification.id, Kind::Correction);
                    of.push((opportunity.rule.to_string(), outcome));
                }
            }
            plan.notifications.push(notification);
        }
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

impl Plan {
    fn wait_until(&mut self, due: Timestamp) {
        self.next = Some(self.next.map_or(due, |next| next.min(due)));
    }

    /// Marks an opportunity as not told; recorded once, not at every planning.
    fn suppress(&mut self, record: &mut Record, id: OpportunityId, rule: &str, reason: Suppressed) {
        let Some(opportunity) = record.opportunities.get_mut(&id) else { return };
        let state = State::Suppressed(reason.clone());
        if opportunity.state == state {
            return;
        }
        opportunity.state = state;
        let of = self.outcomes.entry(opportunity.occurrence).or_default();
        of.push((rule.to_owned(), Outcome::Suppressed(reason)));
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
