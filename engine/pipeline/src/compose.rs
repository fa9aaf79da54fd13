//! Composing one message: evidence in, text out. The model may word the human part; what fails is replaced by
//! the approved template.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use tidings_domain::ids::{NotificationId, OccurrenceId, OpportunityId};
use tidings_domain::message::Notification;
use tidings_domain::model::{Signature, WordAnswer, WordAsk};
use tidings_domain::record::Kind;
use tidings_domain::time::Timestamp;
use tidings_domain::value::Value;
use tidings_rules::pack::format::Class;
use tidings_rules::pack::model::{LifeEvent, Rule};
use tidings_rules::wording::{self, Ask, Item, Person, Text};

use crate::engine::Engine;
use crate::policy;
use crate::view::{Folded, Reader};

/// How a message is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Telling {
    pub(crate) kind: Kind,
    pub(crate) unless_done: bool,
    pub(crate) sent_again: bool,
}

/// A composed message.
pub(crate) struct Composed {
    pub(crate) notification: Notification,
    /// Why the template stood in for the model's words.
    pub(crate) fallback: Option<String>,
}

struct Told<'a> {
    id: OpportunityId,
    life_event: &'a LifeEvent,
    rule: &'a Rule,
    evidence: Vec<Option<Value>>,
    deadline: Option<chrono::NaiveDate>,
}

/// Composes a message over the given opportunities of a record. On failure, names the opportunity whose wording
/// lacks a value.
pub(crate) fn message(
    engine: &Engine,
    reader: Reader<'_>,
    folded: &BTreeMap<OccurrenceId, Folded>,
    told: &[OpportunityId],
    telling: Telling,
    now: Timestamp,
) -> Result<Composed, OpportunityId> {
    let language = language(reader, now);
    let today = reader.date(now);
    let items: Vec<Told<'_>> = told.iter().filter_map(|id| told_item(reader, folded, *id, today)).collect();
    let fallback = template_reason(engine, reader, &items, &language, now);
    let text = |items: &[Told<'_>]| text(reader, items, telling, &language, now);
    let whole = match text(&items) {
        Ok(whole) => whole,
        Err(_) => {
            let bad = items.iter().find(|item| text(std::slice::from_ref(item)).is_err());
            return Err(bad.or(items.last()).map_or(told[0], |item| item.id));
        }
    };
    let kinds: Vec<_> = items.iter().map(|item| (item.id, telling.kind.to_string())).collect();
    let service = |item: &Told<'_>| reader.pack.services.get(&item.rule.service);
    Ok(Composed {
        notification: Notification {
            id: NotificationId::of(reader.me, &kinds),
            citizen: reader.me,
            kind: telling.kind,
            tells: items.iter().map(|item| item.id).collect(),
            rules: items.iter().map(|item| (item.rule.root.clone(), item.rule.service.clone())).collect(),
            language,
            subject: whole.subject,
            body: whole.body,
            neutral: whole.neutral,
            duty: items.iter().any(|item| item.rule.class == Class::Duty),
            never_push: items.iter().any(|item| service(item).is_some_and(|service| service.never_push)),
            planned: now,
            inbox: None,
            deliveries: engine.deliveries(),
        },
        fallback,
    })
}

fn told_item<'a>(
    reader: Reader<'a>,
    folded: &BTreeMap<OccurrenceId, Folded>,
    id: OpportunityId,
    today: NaiveDate,
) -> Option<Told<'a>> {
    let opportunity = reader.record.opportunities.get(&id)?;
    let (life_event, rule) = reader.pack.rule(&opportunity.rule)?;
    let occurrence = reader.record.occurrences.get(&opportunity.occurrence);
    let (evidence, deadline) = match (occurrence, folded.get(&opportunity.occurrence)) {
        (Some(occurrence), Some(folded)) => (
            life_event
                .columns
                .iter()
                .map(|(column, _)| reader.column(column, occurrence.subject, folded).value)
                .collect(),
            policy::deadline_of(reader, rule, (occurrence.subject, folded), today),
        ),
        // Taken back altogether: a correction names the service alone.
        _ => (vec![None; life_event.columns.len()], None),
    };
    Some(Told { id, life_event, rule, evidence, deadline })
}

fn language(reader: Reader<'_>, now: Timestamp) -> String {
    let known = match reader.fact(reader.me, &reader.pack.roles.language, now).value {
        Some(Value::Text(code)) => reader.pack.languages.iter().find(|known| **known == code).cloned(),
        _ => None,
    };
    known.or_else(|| reader.pack.languages.first().cloned()).unwrap_or_default()
}

fn text(
    reader: Reader<'_>,
    items: &[Told<'_>],
    telling: Telling,
    language: &str,
    now: Timestamp,
) -> Result<Text, wording::WordingError> {
    let roles = &reader.pack.roles;
    let known = |fact: &str| reader.fact(reader.me, fact, now).value;
    let as_text = |value: Option<Value>| match value {
        Some(Value::Text(text)) => Some(String::from(text)),
        _ => None,
    };
    let (name, sex) = (as_text(known(&roles.name)), as_text(known(&roles.sex)));
    let items: Vec<Item<'_>> = items
        .iter()
        .map(|item| Item {
            life_event: item.life_event,
            rule: item.rule,
            evidence: &item.evidence,
            deadline: item.deadline,
        })
        .collect();
    reader.pack.wording.compose(
        reader.pack,
        &Ask {
            language,
            kind: match telling.kind {
                Kind::First => wording::Kind::First,
                Kind::Reminder(_) => wording::Kind::Reminder,
                Kind::Correction => wording::Kind::Correction,
                Kind::Question => wording::Kind::Question,
            },
            person: Person {
                name: name.as_deref(),
                sex: sex.as_deref(),
                birth_date: known(&roles.birth_date).and_then(|value| value.as_date()),
            },
            here: wording::Facts(&|fact| reader.text(fact, now)),
            today: reader.date(now),
            items: &items,
            unless_done: telling.unless_done,
            sent_again: telling.sent_again,
            words: None,
        },
    )
}

/// Why the approved template stands in for the model's words.
fn template_reason(
    engine: &Engine,
    reader: Reader<'_>,
    items: &[Told<'_>],
    language: &str,
    now: Timestamp,
) -> Option<String> {
    use tidings_rules::pack::format::Sensitivity::Sensitive;
    if items.iter().any(|item| item.life_event.sensitivity == Sensitive) {
        return Some("sensitive".to_owned());
    }
    if reader.has(reader.me, &reader.pack.roles.refusals, policy::MODEL, now) {
        return Some("refused".to_owned());
    }
    let ask = WordAsk {
        signature: Signature::default(),
        language: language.to_owned(),
        life_events: items.iter().map(|item| item.life_event.name.clone()).collect(),
    };
    Some(match engine.model.word(std::slice::from_ref(&ask)).pop() {
        Some(WordAnswer::Template(reason)) => reason,
        // Nothing that a model words is sent before it has passed a guard, and there is none yet.
        Some(WordAnswer::Words(_)) => "unguarded".to_owned(),
        None => "bad-answer".to_owned(),
    })
}
