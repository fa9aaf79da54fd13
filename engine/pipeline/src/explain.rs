//! Why a citizen was told of something, or was not: which law, which version, which facts, and what else was
//! considered.

use std::collections::BTreeMap;

use serde::Serialize;
use tidings_domain::ids::{CitizenId, OccurrenceId, OpportunityId};
use tidings_domain::message::{Decision, DeliveryState, Notification, Outcome, Planning};
use tidings_domain::record::{Answer, Record, State, Suppressed};
use tidings_domain::store::Table;
use tidings_domain::time::Timestamp;
use tidings_rules::expr;
use tidings_rules::pack::model::{LifeEvent, Pack, Rule};

use crate::engine::{Engine, PipelineError};
use crate::judge::{ActivePack, addressed_to, columns, rules_here};
use crate::law::{self, Found};
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
        let active = self.active();
        let held = self.record(citizen)?;
        if held.sealer.is_none() {
            return Err(PipelineError::NotFound(format!("record of citizen {citizen}")));
        }
        let record = &held.record;
        let (decisions, plannings) = self.decisions(citizen)?;
        let folded = policy::fold_all(Reader { pack: &active.pack, me: citizen, record });
        let mut explained: Vec<(Timestamp, Explained)> = Vec::new();
        for (id, folded) in &folded {
            if only.is_some_and(|only| only != *id) {
                continue;
            }
            let view = One { active: &active, citizen, record, id: *id, folded, now };
            if let Some(mut one) = view.explain(decisions.get(id)) {
                one.history = plannings.get(id).map(|list| history(&active.pack, list)).unwrap_or_default();
                explained.push((folded.time, one));
            }
        }
        explained.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        let pack = &active.pack;
        Ok(Explanation {
            citizen: citizen.to_string(),
            pack: format!("{} {} ({})", pack.name, pack.version, short(&pack.digest)),
            decisions: explained.into_iter().map(|(_, one)| one).collect(),
            messages: self.messages(&active.pack, citizen, record, only, now)?,
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

    fn messages(
        &self,
        pack: &Pack,
        citizen: CitizenId,
        record: &Record,
        only: Option<OccurrenceId>,
        now: Timestamp,
    ) -> Result<Vec<Message>, PipelineError> {
        let rows: Vec<(Vec<u8>, Notification)> = self.rows_of(citizen, Table::Notification)?;
        let reader = Reader { pack, me: citizen, record };
        let about = |id: &OpportunityId| record.opportunities.get(id).map(|one| one.occurrence);
        let mut found: Vec<&Notification> = rows
            .iter()
            .map(|(_, notification)| notification)
            .filter(|one| only.is_none() || one.tells.iter().any(|id| about(id) == only))
            .filter(|one| one.tells.iter().all(|id| policy::may_open(reader, *id, now)))
            .collect();
        found.sort_by_key(|one| std::cmp::Reverse((one.planned, one.id)));
        Ok(found.into_iter().map(|one| message(pack, one)).collect())
    }
}

fn message(pack: &Pack, notification: &Notification) -> Message {
    Message {
        notification: notification.id.to_string(),
        kind: notification.kind.to_string(),
        planned: local(pack, notification.planned),
        inbox: notification.inbox.map(|at| local(pack, at)),
        subject: notification.subject.clone(),
        body: notification.body.clone(),
        services: notification.rules.iter().map(|(_, service)| service.clone()).collect(),
        deliveries: notification
            .deliveries
            .iter()
            .map(|delivery| format!("{}: {}", delivery.channel, delivered(pack, &delivery.state)))
            .collect(),
    }
}

/// One occurrence being explained.
struct One<'a> {
    active: &'a ActivePack,
    citizen: CitizenId,
    record: &'a Record,
    id: OccurrenceId,
    folded: &'a Folded,
    now: Timestamp,
}

impl One<'_> {
    fn reader(&self) -> Reader<'_> {
        Reader { pack: &self.active.pack, me: self.citizen, record: self.record }
    }

    fn explain(&self, decision: Option<&Decision>) -> Option<Explained> {
        let pack = &self.active.pack;
        let occurrence = self.record.occurrences.get(&self.id)?;
        let (_, life_event) = pack.life_event(&occurrence.life_event)?;
        let reader = self.reader();
        let reads = reader.reads(life_event, occurrence.subject, self.folded);
        let here =
            rules_here(life_event, &reads).into_iter().filter_map(|number| life_event.rules.get(number));
        let addressed: Vec<&Rule> =
            here.filter(|rule| addressed_to(reader, rule, occurrence.subject, self.folded)).collect();
        if addressed.is_empty() || !policy::visible(reader, life_event, occurrence.subject, self.now) {
            return None;
        }
        let columns = columns(life_event, std::slice::from_ref(&reads));
        let evidence =
            decision.map_or_else(|| evidence(life_event, reads), |decision| decision.evidence.clone());
        Some(Explained {
            decision: format!("{}-{}", self.citizen, self.id),
            life_event: life_event.name.clone(),
            title: first_text(pack, &life_event.title),
            occurred: local(pack, self.folded.time),
            reported: occurrence
                .reports
                .iter()
                .filter(|(event, _)| !self.record.retracted.contains(event))
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
            history: Vec::new(),
        })
    }

    fn considered(&self, life_event: &LifeEvent, rule: &Rule, columns: &expr::Columns) -> Option<Considered> {
        let pack = &self.active.pack;
        let id = OpportunityId::of(self.citizen, &rule.root, self.id);
        let known = self.record.opportunities.get(&id);
        let state = known.map(|known| &known.state);
        if matches!(state, Some(State::Suppressed(Suppressed::NoLink))) {
            return None;
        }
        let since = self.active.since.get(&rule.root).copied();
        let applies = policy::applies(self.reader(), (life_event, rule), since, self.folded);
        let refused = policy::refused(self.reader(), life_event, rule, Timestamp::MAX);
        let (answer, because) = match (applies, known.map(|known| &known.answer)) {
            (_, Some(Answer::Withdrawn)) => ("withdrawn".to_owned(), Vec::new()),
            _ if refused => ("not asked".to_owned(), vec!["proactive services are refused".to_owned()]),
            (Err(reason), _) => (reason.code().to_owned(), Vec::new()),
            (Ok(()), _) => self.answer(rule, columns),
        };
        let service = pack.services.get(&rule.service);
        let subject = self.record.occurrences.get(&self.id)?.subject;
        Some(Considered {
            rule: rule.key.clone(),
            service: service.map(|service| first_text(pack, &service.title)).unwrap_or_default(),
            answer,
            because,
            state: state.map_or_else(|| "-".to_owned(), describe),
            law: rule.basis.iter().map(|basis| format!("{}, {}", basis.law, basis.article)).collect(),
            when: rule.when_text.clone(),
            deadline: policy::deadline_of(
                self.reader(),
                rule,
                (subject, self.folded),
                self.reader().date(self.now),
            )
            .map(|day| day.to_string()),
        })
    }
}

impl One<'_> {
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

fn delivered(pack: &Pack, state: &DeliveryState) -> String {
    match state {
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

fn history(pack: &Pack, plannings: &[Planning]) -> Vec<String> {
    let line = |planning: &Planning| {
        let outcomes = planning
            .outcomes
            .iter()
            .filter(|(_, outcome)| !matches!(outcome, Outcome::Suppressed(Suppressed::NoLink)));
        outcomes
            .map(|(rule, outcome)| {
                let what = match outcome {
                    Outcome::Planned(id, kind) => format!("{kind} in message {id}"),
                    Outcome::Suppressed(Suppressed::CoveredBy(other)) => format!("covered by {other}"),
                    Outcome::Suppressed(reason) => format!("not told: {}", reason.code()),
                    Outcome::Unknown(missing) => format!("unknown: {}", missing.join(", ")),
                };
                format!("{} {rule}: {what}", local(pack, planning.at))
            })
            .collect::<Vec<_>>()
    };
    plannings.iter().flat_map(line).collect()
}

fn first_text(pack: &Pack, texts: &BTreeMap<String, String>) -> String {
    pack.languages.first().and_then(|code| texts.get(code)).cloned().unwrap_or_default()
}

fn short(digest: &[u8; 32]) -> String {
    digest[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}
