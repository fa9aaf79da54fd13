//! Why a citizen was told of something, or was not: which law, which version, which facts, and what else was
//! considered.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tidings_domain::ids::{CitizenId, NotificationId, OccurrenceId, OpportunityId};
use tidings_domain::message::{Decision, DeliveryState, Notification, Outcome, Planning};
use tidings_domain::record::{Answer, Opportunity, Record, State, Suppressed};
use tidings_domain::store::Table;
use tidings_domain::time::Timestamp;
use tidings_rules::expr;
use tidings_rules::pack::model::{LifeEvent, Pack, Rule};

use crate::engine::{Engine, PipelineError};
use crate::judge::{ActivePack, addressed_to, columns, rules_here};
use crate::law::{self, Found};
use crate::past::{LookBack, Seen, state_after};
use crate::policy;
use crate::view::{Folded, Reader, evidence};

/// Everything that may be told to one citizen about what was decided for them. Holds personal values: it is for
/// the person, or for whoever may see their file, never for a log.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Whom it concerns.
    pub citizen: String,
    /// The pack in force, as name, version and digest.
    pub pack: String,
    /// From which day it is seen, and as of which day it was known, where it is a look back.
    #[serde(flatten)]
    pub seen: LookBack,
    /// One entry for each occurrence, latest first.
    pub decisions: Vec<Explained>,
    /// Messages, latest first.
    pub messages: Vec<Message>,
}

/// One occurrence and what came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// Key of the decision: citizen and occurrence.
    pub decision: String,
    /// Name of the life event.
    pub life_event: String,
    /// Its title in the pack's first language.
    pub title: String,
    /// When it happened.
    pub occurred: String,
    /// Keys of the events that reported it, with their sources.
    pub reported: Vec<String>,
    /// Digest of the pack that judged it, shortened.
    pub pack: String,
    /// The facts that were read.
    pub facts: Vec<Fact>,
    /// Every rule that was considered.
    pub rules: Vec<Considered>,
    /// What planning did, in order of time.
    pub history: Vec<String>,
}

/// One fact as it was read.
#[derive(Clone, Debug, Serialize)]
pub struct Fact {
    /// Name, as rules write it.
    pub name: String,
    /// What it held; `None` is unknown.
    pub value: Option<String>,
    /// Who said so.
    pub source: Option<String>,
    /// Since when.
    pub since: Option<String>,
}

/// One rule that was considered.
#[derive(Clone, Debug, Serialize)]
pub struct Considered {
    /// Its key.
    pub rule: String,
    /// The service's title in the pack's first language.
    pub service: String,
    /// `yes`, `no`, `unknown`, `withdrawn`, or why the rule did not apply.
    pub answer: String,
    /// What was false, or what is missing.
    pub because: Vec<String>,
    /// Where it stands: `open`, `planned`, `told`, or why it was not told.
    pub state: String,
    /// The law.
    pub law: Vec<String>,
    /// The condition.
    pub when: String,
    /// Last day to act.
    pub deadline: Option<String>,
}

/// One message as it was written.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// Its key.
    pub notification: String,
    /// `first`, `reminder-1`, `correction`.
    pub kind: String,
    /// When it was planned.
    pub planned: String,
    /// When it came to stand in the inbox.
    pub inbox: Option<String>,
    /// Subject line.
    pub subject: String,
    /// Body.
    pub body: String,
    /// Services it tells.
    pub services: Vec<String>,
    /// Deliveries: channel and state.
    pub deliveries: Vec<String>,
}

impl Engine {
    /// Explains everything decided for a citizen, or one occurrence alone. What a shield or a missing link
    /// closes is not there: it looks like nothing.
    pub fn explain(
        &self,
        citizen: CitizenId,
        only: Option<OccurrenceId>,
        now: Timestamp,
    ) -> Result<Explanation, PipelineError> {
        self.explain_past(citizen, only, LookBack::default(), now)
    }

    /// The same as seen from an earlier day. What is closed today is closed to a look back, too.
    pub fn explain_past(
        &self,
        citizen: CitizenId,
        only: Option<OccurrenceId>,
        back: LookBack,
        now: Timestamp,
    ) -> Result<Explanation, PipelineError> {
        let held = self.record(citizen)?;
        if held.sealer.is_none() {
            return Err(PipelineError::NotFound(format!("record of citizen {citizen}")));
        }
        let today = Today { active: self.active(), citizen, record: &held.record, now };
        let seen = self.seen(citizen, held.record.clone(), back, now)?;
        let (decisions, mut plannings) = self.decisions(citizen)?;
        plannings.values_mut().for_each(|list| list.retain(|planning| seen.shows(planning.at)));
        let notifications = self.notifications(&today, &seen, only)?;
        let pack = &seen.active.pack;
        let folded = policy::fold_all(Reader { pack, me: citizen, record: &seen.record });
        let mut explained: Vec<(Timestamp, Explained)> = Vec::new();
        for (id, folded) in &folded {
            if only.is_some_and(|only| only != *id) {
                continue;
            }
            let plannings = plannings.get(id).map_or(&[][..], Vec::as_slice);
            let one = One { today: &today, seen: &seen, id: *id, folded, plannings, inbox: &notifications };
            let decision = decisions.get(id).filter(|_| seen.until.is_none());
            explained.extend(one.explain(decision).map(|one| (folded.time, one)));
        }
        explained.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        Ok(Explanation {
            citizen: citizen.to_string(),
            pack: format!("{} {} ({})", pack.name, pack.version, short(&pack.digest)),
            seen: back,
            decisions: explained.into_iter().map(|(_, one)| one).collect(),
            messages: notifications.iter().map(|one| message(pack, one, &seen)).collect(),
        })
    }

    #[allow(clippy::type_complexity, reason = "two maps by the same key, used once")]
    fn decisions(
        &self,
        citizen: CitizenId,
    ) -> Result<(BTreeMap<OccurrenceId, Decision>, BTreeMap<OccurrenceId, Vec<Planning>>), PipelineError>
    {
        let mut decisions = BTreeMap::new();
        let mut plannings: BTreeMap<OccurrenceId, Vec<Planning>> = BTreeMap::new();
        self.each_row(self.shard(citizen), Table::Decision, &citizen.0, |key, bytes| {
            let row = tidings_domain::store::RowKey { table: Table::Decision, key: key.to_vec() };
            let Some(Ok(id)) = key.get(16..32).map(TryInto::try_into) else { return Ok(()) };
            if key.len() == 32 {
                decisions.insert(OccurrenceId(id), self.vault.open(&row, bytes)?.1);
            } else {
                plannings.entry(OccurrenceId(id)).or_default().push(self.vault.open(&row, bytes)?.1);
            }
            Ok(())
        })?;
        Ok((decisions, plannings))
    }

    /// The messages that may be shown, latest first.
    fn notifications(
        &self,
        today: &Today<'_>,
        seen: &Seen,
        only: Option<OccurrenceId>,
    ) -> Result<Vec<Notification>, PipelineError> {
        let rows: Vec<(Vec<u8>, Notification)> = self.rows_of(today.citizen, Table::Notification)?;
        let reader = today.reader();
        let about = |id: &OpportunityId| today.record.opportunities.get(id).map(|one| one.occurrence);
        let mut found: Vec<Notification> = rows
            .into_iter()
            .map(|(_, notification)| notification)
            .filter(|one| seen.shows(one.planned))
            .filter(|one| only.is_none() || one.tells.iter().any(|id| about(id) == only))
            .filter(|one| one.tells.iter().all(|id| policy::may_open(reader, *id, today.now)))
            .collect();
        found.sort_by_key(|one| std::cmp::Reverse((one.planned, one.id)));
        Ok(found)
    }
}

fn message(pack: &Pack, notification: &Notification, seen: &Seen) -> Message {
    Message {
        notification: notification.id.to_string(),
        kind: notification.kind.to_string(),
        planned: local(pack, notification.planned),
        inbox: notification.inbox.filter(|at| seen.shows(*at)).map(|at| local(pack, at)),
        subject: notification.subject.clone(),
        body: notification.body.clone(),
        services: notification.rules.iter().map(|(_, service)| service.clone()).collect(),
        deliveries: notification
            .deliveries
            .iter()
            .map(|delivery| format!("{}: {}", delivery.channel, delivered(pack, &delivery.state, seen)))
            .collect(),
    }
}

/// A citizen as they are now: what is closed to them now stays closed.
struct Today<'a> {
    active: Arc<ActivePack>,
    citizen: CitizenId,
    record: &'a Record,
    now: Timestamp,
}

impl Today<'_> {
    fn reader(&self) -> Reader<'_> {
        Reader { pack: &self.active.pack, me: self.citizen, record: self.record }
    }

    /// Whether a life event of somebody may be shown.
    fn shows(&self, life_event: &str, subject: CitizenId) -> bool {
        let found = self.active.pack.life_event(life_event);
        found.is_some_and(|(_, life_event)| policy::visible(self.reader(), life_event, subject, self.now))
    }
}

/// One occurrence being explained.
struct One<'a> {
    today: &'a Today<'a>,
    seen: &'a Seen,
    id: OccurrenceId,
    folded: &'a Folded,
    /// What planning did, as far as it is seen.
    plannings: &'a [Planning],
    /// Messages, as far as they are seen.
    inbox: &'a [Notification],
}

impl One<'_> {
    fn reader(&self) -> Reader<'_> {
        Reader { pack: &self.seen.active.pack, me: self.today.citizen, record: &self.seen.record }
    }

    fn explain(&self, decision: Option<&Decision>) -> Option<Explained> {
        let pack = &self.seen.active.pack;
        let occurrence = self.seen.record.occurrences.get(&self.id)?;
        let (_, life_event) = pack.life_event(&occurrence.life_event)?;
        let reader = self.reader();
        let reads = reader.reads(life_event, occurrence.subject, self.folded);
        let here =
            rules_here(life_event, &reads).into_iter().filter_map(|number| life_event.rules.get(number));
        let addressed: Vec<&Rule> =
            here.filter(|rule| addressed_to(reader, rule, occurrence.subject, self.folded)).collect();
        let shown = policy::visible(reader, life_event, occurrence.subject, self.seen.now)
            && self.today.shows(&occurrence.life_event, occurrence.subject);
        if addressed.is_empty() || !shown {
            return None;
        }
        let columns = columns(life_event, std::slice::from_ref(&reads));
        let evidence =
            decision.map_or_else(|| evidence(life_event, reads), |decision| decision.evidence.clone());
        Some(Explained {
            decision: format!("{}-{}", self.today.citizen, self.id),
            life_event: life_event.name.clone(),
            title: first_text(pack, &life_event.title),
            occurred: local(pack, self.folded.time),
            reported: occurrence
                .reports
                .iter()
                .filter(|(event, _)| !self.seen.record.retracted.contains(event))
                .map(|(event, report)| format!("{event} ({})", report.source))
                .collect(),
            pack: short(&decision.map_or(pack.digest, |decision| decision.pack)),
            facts: evidence
                .into_iter()
                .map(|one| Fact {
                    name: one.column.to_string(),
                    value: one.value.map(|value| value.canonical()),
                    source: one.source.map(String::from),
                    since: one.since.map(|since| local(pack, since)),
                })
                .collect(),
            rules: addressed
                .into_iter()
                .filter_map(|rule| self.considered(life_event, rule, &columns))
                .collect(),
            history: history(pack, self.plannings),
        })
    }

    fn considered(&self, life_event: &LifeEvent, rule: &Rule, columns: &expr::Columns) -> Option<Considered> {
        let pack = &self.seen.active.pack;
        let id = OpportunityId::of(self.today.citizen, &rule.root, self.id);
        let today = self.today.record.opportunities.get(&id).map(|known| &known.state);
        if matches!(today, Some(State::Suppressed(Suppressed::NoLink))) {
            return None;
        }
        let known = self.seen.record.opportunities.get(&id);
        let state = known.map(|known| self.state(rule, known));
        let since = self.seen.active.since.get(&rule.root).copied();
        let applies = policy::applies(self.reader(), (life_event, rule), since, self.folded);
        let refused = policy::refused(self.reader(), life_event, rule, Timestamp::MAX);
        let (answer, because) = match (applies, known.map(|known| &known.answer)) {
            (_, Some(Answer::Withdrawn)) => ("withdrawn".to_owned(), Vec::new()),
            _ if refused => ("not asked".to_owned(), vec!["proactive services are refused".to_owned()]),
            (Err(reason), _) => (reason.code().to_owned(), Vec::new()),
            (Ok(()), _) => self.answer(rule, columns),
        };
        let service = pack.services.get(&rule.service);
        let subject = self.seen.record.occurrences.get(&self.id)?.subject;
        Some(Considered {
            rule: rule.key.clone(),
            service: service.map(|service| first_text(pack, &service.title)).unwrap_or_default(),
            answer,
            because,
            state: state.map_or_else(|| "-".to_owned(), |state| describe(&state)),
            law: rule.basis.iter().map(|basis| format!("{}, {}", basis.law, basis.article)).collect(),
            when: rule.when_text.clone(),
            deadline: policy::deadline_of(
                self.reader(),
                rule,
                (subject, self.folded),
                self.reader().date(self.seen.now),
            )
            .map(|day| day.to_string()),
        })
    }
}

impl One<'_> {
    /// Where an opportunity stands, or stood then.
    fn state(&self, rule: &Rule, known: &Opportunity) -> State {
        if self.seen.until.is_none() {
            return known.state.clone();
        }
        let in_inbox = |id: &NotificationId| {
            let message = self.inbox.iter().find(|one| one.id == *id);
            message.and_then(|one| one.inbox).is_some_and(|at| self.seen.shows(at))
        };
        state_after((&rule.key, &rule.root), self.plannings.iter(), in_inbox)
    }

    /// What a rule answers, and why.
    fn answer(&self, rule: &Rule, columns: &expr::Columns) -> (String, Vec<String>) {
        let day = self.reader().date(self.folded.time);
        match law::answers(rule, columns, &[day]).about(0, day) {
            Found::Yes(_) => ("yes".to_owned(), Vec::new()),
            Found::No => ("no".to_owned(), rule.on(day).when.failing(columns, 0)),
            Found::Unknown(version) => {
                let missing = version.when.missing(columns, 0).inputs;
                ("unknown".to_owned(), missing.iter().map(|one| format!("{one} is not known")).collect())
            }
        }
    }
}

/// A moment as the people of the pack's zone read it.
fn local(pack: &Pack, at: Timestamp) -> String {
    at.to_utc().with_timezone(&pack.zone).format("%Y-%m-%d %H:%M %z").to_string()
}

fn delivered(pack: &Pack, state: &DeliveryState, seen: &Seen) -> String {
    match state {
        DeliveryState::Begun(at) | DeliveryState::Finished(at) | DeliveryState::Unknown(at)
            if !seen.shows(*at) =>
        {
            "waiting".to_owned()
        }
        DeliveryState::Waiting => "waiting".to_owned(),
        DeliveryState::Begun(at) => format!("begun {}", local(pack, *at)),
        DeliveryState::Finished(at) => format!("delivered {}", local(pack, *at)),
        DeliveryState::Buried(why) => format!("given up: {why}"),
        DeliveryState::Unknown(at) => format!("not known whether it arrived, {}", local(pack, *at)),
        DeliveryState::Dropped(reason) => format!("not sent: {}", reason.code()),
    }
}

fn describe(state: &State) -> String {
    match state {
        State::Open => "open".to_owned(),
        State::Planned(id) => format!("planned in message {id}"),
        State::Told(id) => format!("told in message {id}"),
        State::Suppressed(Suppressed::CoveredBy(rule)) => format!("covered by {rule}"),
        State::Suppressed(reason) => format!("not told: {}", reason.code()),
    }
}

/// What planning did, a line each. What is suppressed is asked again whenever something changes; the same reason again
/// is no news.
fn history(pack: &Pack, plannings: &[Planning]) -> Vec<String> {
    let mut before: BTreeMap<&str, &Outcome> = BTreeMap::new();
    let mut lines = Vec::new();
    for planning in plannings {
        for (rule, outcome) in &planning.outcomes {
            let again = before.insert(rule, outcome) == Some(outcome);
            let what = match outcome {
                Outcome::Suppressed(Suppressed::NoLink) => continue,
                Outcome::Suppressed(_) | Outcome::Unknown(_) if again => continue,
                Outcome::Planned(id, kind) => format!("{kind} in message {id}"),
                Outcome::Suppressed(Suppressed::CoveredBy(other)) => format!("covered by {other}"),
                Outcome::Suppressed(reason) => format!("not told: {}", reason.code()),
                Outcome::Unknown(missing) => format!("unknown: {}", missing.join(", ")),
            };
            lines.push(format!("{} {rule}: {what}", local(pack, planning.at)));
        }
    }
    lines
}

fn first_text(pack: &Pack, texts: &BTreeMap<String, String>) -> String {
    pack.languages.first().and_then(|code| texts.get(code)).cloned().unwrap_or_default()
}

fn short(digest: &[u8; 32]) -> String {
    digest[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}
