//! Judging occurrences: which rules answer yes, no or unknown, for whole batches at a time, and what that makes
//! of the records' opportunities.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;

use tidings_domain::facts::Map;
use tidings_domain::ids::{CitizenId, OccurrenceId, OpportunityId, TaskId};
use tidings_domain::message::{Decision, RuleDecision};
use tidings_domain::record::{Answer, Kind, Opportunity, Record, State, Suppressed};
use tidings_domain::time::Timestamp;
use tidings_domain::value::Value;
use tidings_rules::expr::{Columns, ColumnsBuilder};
use tidings_rules::pack::model::{LifeEvent, Pack, Recipient, Rule, Version};

use crate::clock::CLOCK;
use crate::engine::PipelineError;
use crate::law::{self, Days, Found, RuleAnswers};
use crate::policy::{self, Candidate};
use crate::view::{Folded, Read, Reader, date, evidence};

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
    /// For want of which column each rule could not be decided, by rule key and column: which fact costs whom.
    pub missing: BTreeMap<(String, String), u64>,
}

impl Tally {
    /// Adds another tally.
    pub fn add(&mut self, other: &Self) {
        for (key, count) in &other.answers {
            *self.answers.entry(key.clone()).or_default() += count;
        }
        for (key, count) in &other.missing {
            *self.missing.entry(key.clone()).or_default() += count;
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
) -> Result<BTreeMap<CitizenId, Judged>, PipelineError> {
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
            judge_group(active, life_event, rows, records, tally, &mut judged)?;
        }
    }
    Ok(judged)
}

fn withdraw_all(judged: &mut BTreeMap<CitizenId, Judged>, citizen: CitizenId, occurrence: OccurrenceId) {
    judged.entry(citizen).or_default().decisions.insert(occurrence, None);
}

/// What a rule found for one citizen.
struct Finding {
    rule: String,
    answer: Answer,
    filing: Vec<Days>,
    asks: bool,
}

/// What the rules of a life event made of one row.
struct Verdict {
    citizen: CitizenId,
    occurrence: OccurrenceId,
    found: BTreeMap<OpportunityId, Finding>,
    /// Places of rules in the life event, with the answer that is counted.
    counted: Vec<(usize, &'static str)>,
    decision: Option<Decision>,
}

/// The rows of a life event, and what the rules that hold everywhere answer about them.
struct Batch<'a> {
    columns: Columns,
    /// In the order of `life_event.scopes.everywhere`.
    answers: Vec<RuleAnswers<'a>>,
}

impl Batch<'_> {
    /// What a rule makes of a row.
    fn about<'p>(
        &'p self,
        life_event: &'p LifeEvent,
        number: usize,
        (row, day): (usize, NaiveDate),
    ) -> Found<'p> {
        match life_event.scopes.everywhere.binary_search(&number) {
            Ok(place) => self.answers[place].about(row, day),
            Err(_) => law::about(&life_event.rules[number], &self.columns, row, day),
        }
    }
}

/// The numbers of the rules that hold where the columns of a row say.
pub(crate) fn rules_here(life_event: &LifeEvent, reads: &[Read]) -> Vec<usize> {
    life_event.scopes.rules(|column| match reads.get(column)?.value.as_ref()? {
        Value::Text(code) => Some(code.as_str()),
        _ => None,
    })
}

fn judge_group(
    active: &ActivePack,
    life_event: &LifeEvent,
    rows: Vec<Row>,
    records: &mut BTreeMap<CitizenId, &mut Record>,
    tally: &mut Tally,
    judged: &mut BTreeMap<CitizenId, Judged>,
) -> Result<(), PipelineError> {
    let shared = &*records;
    let read = |row: &Row| {
        let record = shared.get(&row.citizen)?;
        let reader = Reader { pack: &active.pack, me: row.citizen, record };
        Some(reader.reads(life_event, row.subject, &row.folded))
    };
    let reads: Vec<Vec<Read>> = rows.iter().map(|row| read(row).unwrap_or_default()).collect();
    let columns = columns(life_event, &reads);
    let days: Vec<_> = rows.iter().map(|row| date(&active.pack, row.folded.time)).collect();
    let everywhere = life_event.scopes.everywhere.iter();
    let answers =
        everywhere.map(|number| law::answers(&life_event.rules[*number], &columns, &days)).collect();
    let batch = Batch { columns, answers };
    let judge = |(place, (row, reads)): (usize, (&Row, Vec<Read>))| {
        verdict(active, life_event, (&batch, place), row, reads, shared)
    };
    let verdicts: Vec<Option<Verdict>> = rows.iter().zip(reads).enumerate().map(judge).collect();
    let mut counts: BTreeMap<(usize, &'static str), u64> = BTreeMap::new();
    for verdict in verdicts.into_iter().flatten() {
        let Some(record) = records.get_mut(&verdict.citizen) else { continue };
        for counted in verdict.counted {
            *counts.entry(counted).or_default() += 1;
        }
        for found in verdict.found.values() {
            count_missing(active, found, tally);
        }
        let result = judged.entry(verdict.citizen).or_default();
        let known = record.opportunities.values().any(|known| known.occurrence == verdict.occurrence);
        result.opened.extend(settle(record, verdict.occurrence, &verdict.found));
        if known || verdict.decision.is_some() {
            result.decisions.insert(verdict.occurrence, verdict.decision);
        }
    }
    for ((place, answer), count) in counts {
        let key = life_event.rules.get(place).map(|rule| rule.key.clone()).unwrap_or_default();
        *tally.answers.entry((key, answer)).or_default() += count;
    }
    Ok(())
}

fn verdict(
    active: &ActivePack,
    life_event: &LifeEvent,
    (batch, place): (&Batch<'_>, usize),
    row: &Row,
    reads: Vec<Read>,
    records: &BTreeMap<CitizenId, &mut Record>,
) -> Option<Verdict> {
    let pack = &active.pack;
    let record: &Record = records.get(&row.citizen)?;
    let reader = Reader { pack, me: row.citizen, record };
    let (mut found, mut counted, mut decided) = (BTreeMap::new(), Vec::new(), Vec::new());
    let refuses = policy::refuses(reader, life_event, Timestamp::MAX);
    let day = date(pack, row.folded.time);
    for number in rules_here(life_event, &reads) {
        let Some(rule) = life_event.rules.get(number) else { continue };
        if !addressed(reader, rule, row) || (refuses && !policy::must_tell(rule)) {
            continue;
        }
        if let Err(reason) = policy::applies(reader, (life_event, rule), since(active, rule), &row.folded) {
            counted.push((number, reason.code()));
            continue;
        }
        let (answer, filing) = match batch.about(life_event, number, (place, day)) {
            Found::Yes(filing) => (Answer::Yes, filing),
            Found::No => {
                counted.push((number, "no"));
                continue;
            }
            Found::Unknown(version) => (unknown(version, &batch.columns, place), Vec::new()),
        };
        counted.push((number, word(&answer)));
        decided.push((rule, answer.clone()));
        let id = OpportunityId::of(row.citizen, &rule.root, row.occurrence);
        let asks = rule.asks && own_facts(&answer, row.subject == row.citizen);
        found.insert(id, Finding { rule: rule.root.clone(), answer, filing, asks });
    }
    let decision = decide(reader, life_event, row, reads, &decided, active);
    Some(Verdict { citizen: row.citizen, occurrence: row.occurrence, found, counted, decision })
}

fn word(answer: &Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::Unknown { fault: true, .. } => "fault",
        Answer::Unknown { .. } => "unknown",
        Answer::Withdrawn => "withdrawn",
    }
}

fn unknown(version: &Version, columns: &Columns, place: usize) -> Answer {
    let missing = version.when.missing(columns, place);
    Answer::Unknown {
        missing: missing.inputs.iter().map(ToString::to_string).collect(),
        fault: missing.fault,
    }
}

/// Whether nothing but facts about the recipient is missing: others' facts are nobody's to be asked about.
fn own_facts(answer: &Answer, is_subject: bool) -> bool {
    let Answer::Unknown { missing, fault: false } = answer else { return false };
    let own = |column: &String| match column.split_once('.') {
        Some(("citizen", fact)) => !fact.contains('.'),
        Some(("subject", fact)) => is_subject && !fact.contains('.'),
        _ => false,
    };
    !missing.is_empty() && missing.iter().all(own)
}

fn since(active: &ActivePack, rule: &Rule) -> Option<Timestamp> {
    active.since.get(&rule.root).copied()
}

fn count_missing(active: &ActivePack, found: &Finding, tally: &mut Tally) {
    let Answer::Unknown { missing, .. } = &found.answer else { return };
    let key = active.pack.rule(&found.rule).map_or(&found.rule, |(_, rule)| &rule.key);
    for column in missing {
        *tally.missing.entry((key.clone(), column.clone())).or_default() += 1;
    }
}

/// The columns of a life event, from what was read for each row.
pub fn columns(life_event: &LifeEvent, rows: &[Vec<Read>]) -> Columns {
    let types: Vec<_> = life_event.columns.iter().map(|(_, value_type)| *value_type).collect();
    let mut builder = ColumnsBuilder::new(&types, rows.len());
    for reads in rows {
        for (place, read) in reads.iter().enumerate() {
            builder.push(place, read.value.as_ref());
        }
        builder.finish_row();
    }
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
    reads: Vec<Read>,
    decided: &[(&Rule, Answer)],
    active: &ActivePack,
) -> Option<Decision> {
    if decided.is_empty() {
        return None;
    }
    let evidence = evidence(life_event, reads);
    let occurrence = reader.record.occurrences.get(&row.occurrence)?;
    // What the clock brings is no event, and its keys depend on what it brought before.
    let reported = occurrence.reports.iter().filter(|(_, report)| report.source != CLOCK);
    let events = reported.map(|(event, _)| event).filter(|event| !reader.record.retracted.contains(event));
    let rules = decided.iter().map(|(rule, answer)| RuleDecision {
        rule: rule.key.clone(),
        answer: answer.clone(),
        basis: rule.basis.iter().map(|basis| [basis.law.as_str(), ", ", &basis.article].concat()).collect(),
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
    found: &BTreeMap<OpportunityId, Finding>,
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
    for (id, Finding { rule, answer, filing, asks }) in found {
        let known = record.opportunities.entry(*id).or_insert_with(|| {
            opened.push(*id);
            Opportunity {
                rule: rule.as_str().into(),
                occurrence,
                answer: answer.clone(),
                state: State::Open,
                told: Map::new(),
                reminder: None,
                filing: Vec::new(),
                asks: false,
            }
        });
        if known.answer != *answer && *answer == Answer::Yes && known.told.is_empty() {
            opened.push(*id);
        }
        known.answer = answer.clone();
        known.filing.clone_from(filing);
        known.asks = *asks;
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
        (Answer::Unknown { .. }, State::Open) => {
            opportunity.asks && !opportunity.told.contains_key(&Kind::Question)
        }
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
    let due_of = |opportunity: &Opportunity| {
        let (life_event, rule) = pack.rule(&opportunity.rule)?;
        let occurrence = record.occurrences.get(&opportunity.occurrence)?;
        let folded = reader.folded(occurrence)?;
        let candidate = Candidate { opportunity, occurrence, folded: &folded, life_event, rule };
        Some(policy::plan_due(reader, candidate))
    };
    let wanting = record.opportunities.values().filter(|opportunity| wants_planning(opportunity));
    let due = wanting
        .map(|opportunity| match opportunity.answer {
            Answer::Yes | Answer::Unknown { .. } => due_of(opportunity).unwrap_or_default(),
            _ => Timestamp(0),
        })
        .min();
    if let Some(due) = due {
        let due = record.plan.map_or(due, |(_, waiting)| waiting.min(due));
        record.plan = Some((TaskId::of("plan", &[&me.0]), due));
    }
}
