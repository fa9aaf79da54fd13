//! Judging occurrences: which rules answer yes, no or unknown, for whole batches at a time, and what that makes
//! of the records' opportunities.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tidings_domain::event::Event;
use tidings_domain::ids::{CitizenId, OccurrenceId, OpportunityId, TaskId};
use tidings_domain::message::{Decision, RuleDecision};
use tidings_domain::record::{Answer, Kind, Opportunity, Record, State, Suppressed};
use tidings_domain::time::Timestamp;
use tidings_rules::expr::{self, ColumnRef, Columns, ColumnsBuilder};
use tidings_rules::pack::model::{LifeEvent, Pack, Recipient, Rule};

use crate::policy::{self, Candidate};
use crate::view::{Folded, Reader};

/// A pack in use: with its epoch, and since when each rule has been known.
#[derive(Debug)]
pub struct ActivePack {
    /// The pack.
    pub pack: Pack,
    /// Grows with every change of pack.
    pub epoch: u64,
    /// First activation by root key; absent for rules of the store's first pack.
    pub since: HashMap<String, Timestamp>,
}

/// How often each rule answered what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By rule key and answer (`yes`, `no`, `unknown`, `fault`, or why the rule did not apply).
    pub answers: BTreeMap<(String, &'static str), u64>,
}

impl Tally {
    fn count(&mut self, rule: &Rule, answer: &'static str) {
        *self.answers.entry((rule.key.clone(), answer)).or_default() += 1;
    }

    /// Adds another tally.
    pub fn add(&mut self, other: &Self) {
        for (key, count) in &other.answers {
            *self.answers.entry(key.clone()).or_default() += count;
        }
    }
}

/// One occurrence to judge for one citizen.
struct Row {
    citizen: CitizenId,
    occurrence: OccurrenceId,
    subject: CitizenId,
    folded: Folded,
}

/// What judging changed in one record.
#[derive(Debug, Default)]
pub struct Judged {
    /// New decisions by occurrence; `None` when nothing is left to decide.
    pub decisions: BTreeMap<OccurrenceId, Option<Decision>>,
    /// Opportunities that are new since this batch.
    pub opened: Vec<OpportunityId>,
}

/// Judges the given occurrences of the given records, changing their opportunities.
pub fn judge(
    active: &ActivePack,
    records: &mut BTreeMap<CitizenId, &mut Record>,
    asked: &BTreeMap<CitizenId, BTreeSet<OccurrenceId>>,
    tally: &mut Tally,
) -> BTreeMap<CitizenId, Judged> {
    let pack = &active.pack;
    let mut judged: BTreeMap<CitizenId, Judged> = BTreeMap::new();
    let mut groups: BTreeMap<usize, Vec<Row>> = BTreeMap::new();
    for (citizen, occurrences) in asked {
        let Some(record) = records.get(citizen) else { continue };
        let reader = Reader { pack, me: *citizen, record };
        for id in occurrences {
            let Some(occurrence) = record.occurrences.get(id) else { continue };
            let Some((position, life_event)) = pack.life_event(&occurrence.life_event) else { continue };
            if life_event.rules.is_empty() {
                continue;
            }
            match reader.folded(occurrence) {
                Some(folded) => groups.entry(position).or_default().push(Row {
                    citizen: *citizen,
                    occurrence: *id,
                    subject: occurrence.subject,
                    folded,
                }),
                None => withdraw_all(&mut judged, *citizen, *id),
            }
        }
    }
    for (citizen, result) in &judged {
        for id in result.decisions.keys() {
            if let Some(record) = records.get_mut(citizen) {
                settle(record, *id, &BTreeMap::new());
            }
        }
    }
    for (position, rows) in groups {
        if let Some(life_event) = pack.life_events.get(position) {
            judge_group(active, life_event, rows, records, tally, &mut judged);
        }
    }
    judged
}

fn withdraw_all(judged: &mut BTreeMap<CitizenId, Judged>, citizen: CitizenId, occurrence: OccurrenceId) {
    judged.entry(citizen).or_default().decisions.insert(occurrence, None);
}

fn judge_group(
    active: &ActivePack,
    life_event: &LifeEvent,
    rows: Vec<Row>,
    records: &mut BTreeMap<CitizenId, &mut Record>,
    tally: &mut Tally,
    judged: &mut BTreeMap<CitizenId, Judged>,
) {
    let pack = &active.pack;
    let columns = fill(pack, life_event, &rows, records);
    let answers: Vec<_> = life_event.rules.iter().map(|rule| rule.when.answers(&columns)).collect();
    for (place, row) in rows.iter().enumerate() {
        let Some(record) = records.get_mut(&row.citizen) else { continue };
        let reader = Reader { pack, me: row.citizen, record };
        let mut found: BTreeMap<OpportunityId, (String, Answer)> = BTreeMap::new();
        let mut decided = Vec::new();
        for (rule, answers) in life_event.rules.iter().zip(&answers) {
            if !addressed(reader, rule, row) || policy::refused(reader, life_event, rule, Timestamp::MAX) {
                continue;
            }
            if let Err(reason) = policy::applies(pack, rule, active.since.get(&rule.root).copied(), &row.folded) {
                tally.count(rule, reason.code());
                continue;
            }
            let answer = match answers.get(place) {
                expr::Answer::Yes => Answer::Yes,
                expr::Answer::No => {
                    tally.count(rule, "no");
                    continue;
                }
                expr::Answer::Unknown => unknown(rule, &columns, place),
            };
            tally.count(rule, word(&answer));
            decided.push((rule, answer.clone()));
            let id = OpportunityId::of(row.citizen, &rule.root, row.occurrence);
            found.insert(id, (rule.root.clone(), answer));
        }
        let decision = decide(reader, life_event, row, &decided, active);
        let result = judged.entry(row.citizen).or_default();
        let known = record.opportunities.values().any(|known| known.occurrence == row.occurrence);
        result.opened.extend(settle(record, row.occurrence, &found));
        if known || decision.is_some() {
            result.decisions.insert(row.occurrence, decision);
        }
    }
}

fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::Unknown { fault: true, .. } => "fault",
        Answer::Unknown { .. } => "unknown",
        Answer::Withdrawn => "withdrawn",
    }
}

fn unknown(rule: &Rule, columns: &Columns, place: usize) -> Answer {
    let missing = rule.when.missing(columns, place);
    Answer::Unknown {
        missing: missing.inputs.iter().map(ToString::to_string).collect(),
        fault: missing.fault,
    }
}

fn fill(
    pack: &Pack,
    life_event: &LifeEvent,
    rows: &[Row],
    records: &BTreeMap<CitizenId, &mut Record>,
) -> Columns {
    let types: Vec<_> = life_event.columns.iter().map(|(_, value_type)| *value_type).collect();
    let mut builder = ColumnsBuilder::new(&types, rows.len());
    for row in rows {
        if let Some(record) = records.get(&row.citizen) {
            let reader = Reader { pack, me: row.citizen, record };
            for (place, (column, _)) in life_event.columns.iter().enumerate() {
                let read = reader.column(column, row.subject, &row.folded);
                builder.push(place, read.value.as_ref());
            }
        }
        builder.finish_row();
    }
    builder.finish()
}

/// One occurrence's columns alone, for explanations.
pub fn single(reader: Reader<'_>, life_event: &LifeEvent, subject: CitizenId, folded: &Folded) -> Columns {
    let types: Vec<_> = life_event.columns.iter().map(|(_, value_type)| *value_type).collect();
    let mut builder = ColumnsBuilder::new(&types, 1);
    for (place, (column, _)) in life_event.columns.iter().enumerate() {
        builder.push(place, reader.column(column, subject, folded).value.as_ref());
    }
    builder.finish_row();
    builder.finish()
}

/// Whether the rule tells the citizen of this occurrence, as the links stood at its time.
fn addressed(reader: Reader<'_>, rule: &Rule, row: &Row) -> bool {
    addressed_to(reader, rule, row.subject, &row.folded)
}

/// Whether the rule tells the record's citizen of something that happened to `subject`.
pub fn addressed_to(reader: Reader<'_>, rule: &Rule, subject: CitizenId, folded: &Folded) -> bool {
    rule.to.iter().any(|recipient| match recipient {
        Recipient::Subject => subject == reader.me,
        Recipient::Link(link) => {
            subject != reader.me && reader.has(subject, link, &reader.me.to_string(), folded.time)
        }
    })
}

fn decide(
    reader: Reader<'_>,
    life_event: &LifeEvent,
    row: &Row,
    decided: &[(&Rule, Answer)],
    active: &ActivePack,
) -> Option<Decision> {
    if decided.is_empty() {
        return None;
    }
    let columns: Vec<ColumnRef> = life_event.columns.iter().map(|(column, _)| column.clone()).collect();
    let evidence = reader.evidence(&columns, row.subject, &row.folded);
    let occurrence = reader.record.occurrences.get(&row.occurrence)?;
    let events = occurrence.reports.keys().filter(|event| !reader.record.retracted.contains(event));
    let rules = decided.iter().map(|(rule, answer)| RuleDecision {
        rule: rule.key.clone(),
        answer: answer.clone(),
        basis: rule.basis.iter().map(|basis| format!("{}, {}", basis.law, basis.article)).collect(),
    });
    Some(Decision {
        life_event: life_event.name.clone(),
        occurrence: Some(row.occurrence),
        events: events.copied().collect(),
        pack: active.pack.digest,
        evidence,
        rules: rules.collect(),
    })
}

/// Makes the opportunities of one occurrence what the answers say; returns the new ones. Those that were told
/// and are no longer so stay, withdrawn, until their correction.
fn settle(
    record: &mut Record,
    occurrence: OccurrenceId,
    found: &BTreeMap<OpportunityId, (String, Answer)>,
) -> Vec<OpportunityId> {
    record.opportunities.retain(|id, known| {
        known.occurrence != occurrence
            || found.contains_key(id)
            || !known.told.is_empty()
            || matches!(known.state, State::Planned(_))
    });
    for (id, known) in &mut record.opportunities {
        if known.occurrence == occurrence && !found.contains_key(id) {
            known.answer = Answer::Withdrawn;
        }
    }
    let mut opened = Vec::new();
    for (id, (rule, answer)) in found {
        let known = record.opportunities.entry(*id).or_insert_with(|| {
            opened.push(*id);
            Opportunity {
                rule: rule.as_str().into(),
                occurrence,
                answer: answer.clone(),
                state: State::Open,
                told: BTreeMap::new(),
                reminder: None,
            }
        });
        if known.answer != *answer && *answer == Answer::Yes && known.told.is_empty() {
            opened.push(*id);
        }
        known.answer = answer.clone();
        if matches!(&known.state, State::Suppressed(reason) if *reason != Suppressed::Cancelled) {
            known.state = State::Open;
        }
    }
    opened
}

/// Whether planning has something to do for an opportunity.
pub fn wants_planning(opportunity: &Opportunity) -> bool {
    match (&opportunity.answer, &opportunity.state) {
        (Answer::Yes, State::Open) => true,
        (Answer::Withdrawn, State::Told(_)) => !opportunity.told.contains_key(&Kind::Correction),
        _ => false,
    }
}

/// Sets the record's plan task to the earliest moment at which one of its opportunities wants planning. A task
/// that already waits is never put off.
pub fn schedule(pack: &Pack, me: CitizenId, record: &mut Record) {
    if !record.opportunities.values().any(wants_planning) {
        return;
    }
    let reader = Reader { pack, me, record };
    let folded = policy::fold_all(reader);
    let due = record
        .opportunities
        .values()
        .filter(|opportunity| wants_planning(opportunity))
        .map(|opportunity| match policy::candidate(pack, record, &folded, opportunity) {
            Some(candidate) if candidate.opportunity.answer == Answer::Yes => {
                policy::plan_due(reader, Candidate { opportunity, ..candidate })
            }
            _ => Timestamp(0),
        })
        .min();
    if let Some(due) = due {
        let due = record.plan.map_or(due, |(_, waiting)| waiting.min(due));
        record.plan = Some((TaskId::of("plan", &[&me.0]), due));
    }
}

/// The occurrences of an event's own subject that it reports, for callers that hold no record.
pub fn reports(pack: &Pack, event: &Event) -> Vec<OccurrenceId> {
    let Some(event_type) = pack.events.get(&event.kind) else { return Vec::new() };
    let life_events = event_type.life_events.iter().filter_map(|position| pack.life_events.get(*position));
    life_events.map(|life_event| crate::apply::occurrence_id(life_event, event)).collect()
}
