//! Reminders: told again for as long as the step has not been taken, and only when every source that could have
//! reported it has caught up.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::Days;
use tidings_domain::ids::{CitizenId, OpportunityId, TaskId};
use tidings_domain::message::{Queue, Task, Work};
use tidings_domain::record::{Answer, Kind, Opportunity, Record, State, Suppressed};
use tidings_domain::store::{Commit, Lease, RowKey, Shard, Table};
use tidings_domain::time::{LeaseTime, Timestamp};
use tidings_rules::calendar;
use tidings_rules::pack::format::{Direction, RemindAnchor};
use tidings_rules::pack::model::{Pack, Rule};

use crate::compose::Telling;
use crate::dispatch::queue_message;
use crate::engine::{Engine, PipelineError, unpack};
use crate::plan::{candidate_of, dispatch_task};
use crate::policy::{self, Candidate};
use crate::records::{Records, task_row};
use crate::vault::seal;
use crate::view::Reader;

/// How long a reminder waits before it asks again whether a source has caught up, or an objection has gone.
const ASK_AGAIN: Duration = Duration::from_secs(6 * 3600);

/// What one reminder step did, by rule key and end (`sent`, `served`, `waiting`, `ended`).
#[derive(Debug, Default)]
pub struct Reminded {
    /// Counts.
    pub ends: BTreeMap<(String, &'static str), u64>,
}

/// What becomes of a reminder that is due.
enum Fate {
    Send { unless_done: bool },
    Wait,
    End(&'static str),
}

impl Engine {
    /// Sends, puts off or ends every reminder due at `now`.
    pub fn remind(&self, now: Timestamp, clock: LeaseTime) -> Result<Reminded, PipelineError> {
        let mut done = Reminded::default();
        self.each_due(Queue::Remind, now, clock, |shard, leases| {
            self.try_remind(shard, leases, now, &mut done)
        })?;
        Ok(done)
    }

    fn try_remind(
        &self,
        shard: Shard,
        leases: &[Lease],
        now: Timestamp,
        done: &mut Reminded,
    ) -> Result<(), PipelineError> {
        let active = self.active();
        let pack = &active.pack;
        let mut records = Records::new(self, shard);
        let mut commit = Commit { pack_epoch: Some(active.epoch), ..Commit::default() };
        let tasks: Vec<Task> =
            leases.iter().map(|lease| unpack(&lease.task, Table::Task)).collect::<Result<_, _>>()?;
        records.load(tasks.iter().map(|task| task.citizen))?;
        let mut ends = Vec::with_capacity(tasks.len());
        for (task, lease) in tasks.iter().zip(leases) {
            commit.leases.push(lease.token.clone());
            commit.writes.push((RowKey::task(task.queue, task.due, task.id), None));
            let Work::Remind(id, n) = task.work else { continue };
            let sealer = records.sealer(task.citizen)?;
            let Some(record) = records.get_mut(task.citizen) else { continue };
            let end = match self.fate(pack, task, record, id, now) {
                Fate::End(end) => {
                    set_reminder(record, id, None);
                    end
                }
                Fate::Wait => {
                    let due = policy::next_sociable(pack, now + ASK_AGAIN, true);
                    set_reminder(record, id, Some((task.id, due)));
                    commit.writes.push(task_row(&Task { due, note: waiting(), ..task.clone() })?);
                    "waiting"
                }
                Fate::Send { unless_done } => {
                    let telling = Telling { kind: Kind::Reminder(n), unless_done, sent_again: false };
                    let reader = Reader { pack, me: task.citizen, record };
                    set_reminder_after(self, reader, id, telling, now, &sealer, &mut commit)?;
                    let told = tidings_domain::ids::NotificationId::of(
                        task.citizen,
                        &[(id, telling.kind.to_string())],
                    );
                    if let Some(opportunity) = record.opportunities.get_mut(&id) {
                        opportunity.told.insert(telling.kind, told);
                        opportunity.reminder = None;
                    }
                    for next in schedule(pack, task.citizen, record, &[id], now) {
                        commit.writes.push(task_row(&next)?);
                    }
                    "sent"
                }
            };
            ends.push((task.rules.first().cloned().unwrap_or_default(), end));
        }
        let mut citizens: Vec<CitizenId> = tasks.iter().map(|task| task.citizen).collect();
        citizens.sort_unstable();
        citizens.dedup();
        records.write(citizens, &mut commit)?;
        self.store.commit(shard, &commit)?;
        for end in ends {
            *done.ends.entry(end).or_default() += 1;
        }
        Ok(())
    }

    fn fate(&self, pack: &Pack, task: &Task, record: &Record, id: OpportunityId, now: Timestamp) -> Fate {
        let Some(opportunity) = record.opportunities.get(&id) else { return Fate::End("ended") };
        if opportunity.answer == Answer::Withdrawn {
            return Fate::End("ended");
        }
        let reader = Reader { pack, me: task.citizen, record };
        let folded = policy::fold_all(reader);
        let Some(candidate) = candidate_of(pack, record, &folded, id) else { return Fate::End("ended") };
        match policy::objection(reader, candidate, &self.holds(), now) {
            Some(Suppressed::Served) => return Fate::End("served"),
            Some(Suppressed::Late | Suppressed::Cancelled) => return Fate::End("ended"),
            // What may pass: a death taken back, a refusal withdrawn, a hold released.
            Some(_) => return Fate::Wait,
            None if opportunity.answer != Answer::Yes => return Fate::Wait,
            None => {}
        }
        if !policy::is_sociable(pack, now) {
            return Fate::Wait;
        }
        let complete = self.complete(pack, candidate.rule, task.due);
        if complete {
            return Fate::Send { unless_done: false };
        }
        let near = candidate.rule.class == tidings_rules::pack::format::Class::Duty
            && policy::deadline(reader, candidate, reader.date(now))
                .is_some_and(|day| day <= reader.date(now) + Days::new(policy::NEAR_DEADLINE_DAYS));
        if near { Fate::Send { unless_done: true } } else { Fate::Wait }
    }

    /// Whether every source that could have reported the step taken is complete past `until`.
    fn complete(&self, pack: &Pack, rule: &Rule, until: Timestamp) -> bool {
        let ends: Vec<usize> = rule
            .until
            .iter()
            .filter_map(|until| pack.life_event(&until.life_event).map(|(position, _)| position))
            .collect();
        let types =
            pack.events.values().filter(|event| event.life_events.iter().any(|one| ends.contains(one)));
        let mut names = types.map(|event| &event.name);
        names.all(|name| {
            let sources = pack.sources.values().filter(|source| source.events.contains(name));
            sources.into_iter().all(|source| self.watermark(&source.name) >= until)
        })
    }
}

#[allow(clippy::too_many_arguments, reason = "one step of a reminder, cut out for its length alone")]
fn set_reminder_after(
    engine: &Engine,
    reader: Reader<'_>,
    id: OpportunityId,
    telling: Telling,
    now: Timestamp,
    sealer: &crate::vault::Sealer,
    commit: &mut Commit,
) -> Result<(), PipelineError> {
    if let Some(notification) = queue_message(engine, reader, &[id], telling, now) {
        let key = RowKey::of(Table::Notification, reader.me, &notification.id.0);
        commit.writes.push((key.clone(), Some(seal(sealer, &key, &notification)?)));
        commit.writes.push(task_row(&dispatch_task(&notification, now))?);
    }
    Ok(())
}

fn waiting() -> Option<String> {
    Some("waits for a source to catch up, or for an objection to go".to_owned())
}

fn set_reminder(record: &mut Record, id: OpportunityId, to: Option<(TaskId, Timestamp)>) {
    if let Some(opportunity) = record.opportunities.get_mut(&id) {
        opportunity.reminder = to;
    }
}

/// Sets the next reminder of each told opportunity that has one left; returns the new tasks.
pub(crate) fn schedule(
    pack: &Pack,
    me: CitizenId,
    record: &mut Record,
    told: &[OpportunityId],
    now: Timestamp,
) -> Vec<Task> {
    let mut tasks = Vec::new();
    for id in told {
        let reader = Reader { pack, me, record };
        let folded = policy::fold_all(reader);
        let next = candidate_of(pack, record, &folded, *id)
            .filter(|candidate| wants_reminder(candidate.opportunity))
            .and_then(|candidate| next_reminder(reader, candidate, now));
        let Some((n, due, rule)) = next else { continue };
        let task = Task {
            id: TaskId::of("remind", &[&id.0, &[n]]),
            queue: Queue::Remind,
            due,
            citizen: me,
            work: Work::Remind(*id, n),
            rules: vec![rule],
            attempts: 0,
            note: None,
            from: None,
        };
        set_reminder(record, *id, Some((task.id, due)));
        tasks.push(task);
    }
    tasks
}

fn wants_reminder(opportunity: &Opportunity) -> bool {
    opportunity.answer == Answer::Yes
        && opportunity.reminder.is_none()
        && matches!(opportunity.state, State::Told(_))
}

/// The first reminder that is still ahead and was not told: its number, when, and the rule.
fn next_reminder(
    reader: Reader<'_>,
    candidate: Candidate<'_>,
    now: Timestamp,
) -> Option<(u8, Timestamp, String)> {
    let rule = candidate.rule;
    let first = reader.date(now);
    let workdays = &reader.pack.workdays;
    for (n, (anchor, period)) in rule.remind.iter().enumerate() {
        let n = u8::try_from(n).ok()?;
        if candidate.opportunity.told.contains_key(&Kind::Reminder(n)) {
            continue;
        }
        let day = match anchor {
            RemindAnchor::AfterFirst => calendar::shift(workdays, first, *period, Direction::After),
            RemindAnchor::BeforeDeadline => policy::deadline(reader, candidate, first)
                .and_then(|day| calendar::shift(workdays, day, *period, Direction::Before)),
        };
        let Some(day) = day.filter(|day| *day > first) else { continue };
        let due = policy::next_sociable(reader.pack, policy::start_of(reader.pack, day), false);
        return Some((n, due, rule.root.clone()));
    }
    None
}
