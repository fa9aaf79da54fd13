//! Applying events and shares to records. Every step is a union into the record, so the end state depends on
//! the set of messages alone, never on their order or number.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tidings_domain::event::Event;
use tidings_domain::facts::{Cell, Map, Name, Origin, Write};
use tidings_domain::ids::{CitizenId, EventKey, OccurrenceId};
use tidings_domain::record::{Occurrence, Record, Share, Wants};
use tidings_domain::time::Timestamp;
use tidings_domain::value::Value;
use tidings_rules::pack::model::{Change, Effect, EventType, LifeEvent, Pack, Person, Term};

use crate::view::{PackRanks, report};

/// Event kind under which bulk loads are kept: each data field is a fact or a link, and no life event starts.
pub const LOAD: &str = "tidings.load";

/// What changed in a record since its last derivation.
#[derive(Debug, Default)]
pub struct Touch {
    /// Facts that changed, by whose they are.
    pub(crate) facts: Wants,
    /// Occurrences that are new or have a new report.
    pub(crate) occurrences: BTreeSet<OccurrenceId>,
    /// Events taken back.
    pub(crate) retracted: BTreeSet<EventKey>,
    /// New wishes to mirror, by watcher.
    pub(crate) wanted: BTreeMap<CitizenId, Wants>,
    /// Everything is to be judged again (a new pack).
    pub all: bool,
    /// The clock has been looked at already.
    pub(crate) looked: bool,
}

impl Touch {
    /// Notes that a fact of somebody changed.
    fn fact(&mut self, about: CitizenId, fact: Name) {
        self.facts.entry(about).or_default().insert(fact);
    }

    /// Whether a fact of somebody changed.
    pub(crate) fn has_fact(&self, about: CitizenId, fact: &str) -> bool {
        self.facts.get(&about).is_some_and(|facts| facts.contains(fact))
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
            && self.occurrences.is_empty()
            && self.retracted.is_empty()
            && self.wanted.is_empty()
            && !self.all
    }
}

/// A message for another record.
pub type Sent = (CitizenId, Share);

/// Applies an event to its subject's record; returns what it owes to others.
pub fn apply_event(pack: &Pack, record: &mut Record, touch: &mut Touch, event: &Event) -> Vec<Sent> {
    if event.kind == LOAD {
        apply_load(pack, record, touch, event);
        return Vec::new();
    }
    let Some(event_type) = pack.events.get(&event.kind) else { return Vec::new() };
    if let Some(target) = retraction_target(pack, event_type, event)
        && record.retracted.insert(target)
    {
        touch.retracted.insert(target);
    }
    let sent = apply_effects(record, touch, event_type, event);
    for &position in &event_type.life_events {
        let Some(life_event) = pack.life_events.get(position) else { continue };
        let id = occurrence_id(life_event, event);
        let occurrence = record.occurrences.entry(id).or_insert_with(|| Occurrence {
            life_event: life_event.name.as_str().into(),
            subject: event.subject,
            reports: Map::new(),
        });
        occurrence.reports.insert(event.key, report(event));
        touch.occurrences.insert(id);
    }
    sent
}

/// The key of the occurrence that an event reports.
pub fn occurrence_id(life_event: &LifeEvent, event: &Event) -> OccurrenceId {
    let part = |field: &String| event.data.get(field.as_str()).map(Value::canonical).unwrap_or_default();
    let key: Vec<String> = life_event.key.iter().map(part).collect();
    OccurrenceId::of(event.subject, &life_event.name, &key)
}

/// The event that a retraction takes back; `None` when the event is no retraction.
pub fn retraction_target(pack: &Pack, event_type: &EventType, event: &Event) -> Option<EventKey> {
    let field = event_type.retracts.as_ref()?;
    let Some(Value::Text(id)) = event.data.get(field.as_str()) else { return None };
    let source = pack.sources.values().find(|source| source.name == event.source.as_str())?;
    Some(EventKey::of(&source.uri, id))
}

fn apply_load(pack: &Pack, record: &mut Record, touch: &mut Touch, event: &Event) {
    let origin = origin(event);
    for (name, value) in &event.data {
        let (cell, value) = match value {
            Value::Citizen(other) if pack.links.contains_key(name.as_str()) => {
                (Cell::element(name, &other.to_string()), Value::Bool(true))
            }
            value => (Cell::fact(name), value.clone()),
        };
        let write = Write { origin: Arc::clone(&origin), value: Some(value) };
        write_own(record, touch, event.subject, cell, write);
    }
}

fn origin(event: &Event) -> Arc<Origin> {
    Arc::new(Origin { time: event.time, source: event.source.clone(), event: event.key })
}

fn write_own(record: &mut Record, touch: &mut Touch, me: CitizenId, cell: Cell, write: Write) {
    let fact = cell.fact.clone();
    if record.facts.insert(cell, write) {
        touch.fact(me, fact);
    }
}

fn apply_effects(record: &mut Record, touch: &mut Touch, event_type: &EventType, event: &Event) -> Vec<Sent> {
    let origin = origin(event);
    let mut others: BTreeMap<CitizenId, Vec<(Cell, Write)>> = BTreeMap::new();
    for effect in &event_type.effects {
        let Some(of) = person(&effect.of, event) else { continue };
        for (cell, value) in changes(effect, event) {
            let write = Write { origin: Arc::clone(&origin), value };
            if of == event.subject {
                write_own(record, touch, of, cell, write);
            } else {
                others.entry(of).or_default().push((cell, write));
            }
        }
    }
    if others.is_empty() {
        return Vec::new();
    }
    record.reached.entry(event.key).or_default().extend(others.keys().copied());
    let taken_back = record.retracted.contains(&event.key);
    let mut sent = Vec::with_capacity(others.len());
    for (other, writes) in others {
        sent.push((other, Share::Writes(writes)));
        if taken_back {
            sent.push((other, Share::Retracted(BTreeSet::from([event.key]))));
        }
    }
    sent
}

fn person(person: &Person, event: &Event) -> Option<CitizenId> {
    match person {
        Person::Subject => Some(event.subject),
        Person::Field(field) => event.data.get(field.as_str())?.as_citizen(),
    }
}

fn term(term: &Term, event: &Event) -> Option<Value> {
    match term {
        Term::Field(field) => event.data.get(field.as_str()).cloned(),
        Term::Subject => Some(Value::Citizen(event.subject)),
        Term::Constant(value) => Some(value.clone()),
    }
}

/// The cells that an effect writes; empty when the event lacks its person or value.
fn changes(effect: &Effect, event: &Event) -> Vec<(Cell, Option<Value>)> {
    let there = Some(Value::Bool(true));
    let one = |cell: Option<Cell>, value: Option<Value>| cell.map(|cell| (cell, value)).into_iter().collect();
    match &effect.change {
        Change::Set { fact, value } => {
            let value = term(value, event);
            one(value.is_some().then(|| Cell::fact(fact)), value)
        }
        Change::Remove { set, element } => {
            one(term(element, event).map(|element| Cell::element(set, &element.canonical())), None)
        }
        Change::Link { link, other } => {
            one(person(other, event).map(|other| Cell::element(link, &other.to_string())), there)
        }
        Change::Unlink { link, other } => {
            one(person(other, event).map(|other| Cell::element(link, &other.to_string())), None)
        }
        Change::Put { set, element, fields } => {
            let Some(element) = term(element, event).map(|element| element.canonical()) else {
                return Vec::new();
            };
            let mut cells = vec![(Cell::element(set, &element), there)];
            for (field, value) in fields {
                if let Some(value) = term(value, event) {
                    cells.push((Cell::field(set, &element, field), Some(value)));
                }
            }
            cells
        }
    }
}

/// Applies what another record owed to this one.
pub fn apply_share(record: &mut Record, touch: &mut Touch, me: CitizenId, share: Share) {
    match share {
        Share::Writes(writes) => {
            for (cell, write) in writes {
                write_own(record, touch, me, cell, write);
            }
        }
        Share::Retracted(events) => merge_retracted(record, touch, events),
        Share::Mirror { about, facts, retracted } => {
            let changed = record.others.entry(about).or_default().merge(facts);
            if !changed.is_empty() {
                touch.facts.entry(about).or_default().extend(changed);
            }
            merge_retracted(record, touch, retracted);
        }
        Share::Watch { watcher, wants } => watch(record, touch, watcher, wants),
        Share::Occurrence { id, occurrence, retracted } => {
            let known = record.occurrences.entry(id).or_insert_with(|| Occurrence {
                life_event: occurrence.life_event.clone(),
                subject: occurrence.subject,
                reports: Map::new(),
            });
            let before = known.reports.len();
            known.reports.extend(occurrence.reports);
            if known.reports.len() > before {
                touch.occurrences.insert(id);
            }
            merge_retracted(record, touch, retracted);
        }
        Share::Forget(who) => forget(record, touch, who),
    }
}

fn merge_retracted(record: &mut Record, touch: &mut Touch, events: BTreeSet<EventKey>) {
    touch.retracted.extend(events.into_iter().filter(|event| record.retracted.insert(*event)));
}

/// Notes what somebody wishes to mirror from here.
pub(crate) fn watch(record: &mut Record, touch: &mut Touch, watcher: CitizenId, wants: Wants) {
    let known = record.watchers.entry(watcher).or_default();
    for (about, facts) in wants {
        let known = known.entry(about).or_default();
        let new: BTreeSet<Name> = facts.into_iter().filter(|fact| known.insert(fact.clone())).collect();
        if !new.is_empty() {
            touch.wanted.entry(watcher).or_default().entry(about).or_default().extend(new);
        }
    }
}

fn forget(record: &mut Record, touch: &mut Touch, who: CitizenId) {
    record.others.remove(&who);
    record.watchers.remove(&who);
    record.watching.remove(&who);
    let gone: BTreeSet<OccurrenceId> = record
        .occurrences
        .iter()
        .filter(|(_, occurrence)| occurrence.subject == who)
        .map(|(id, _)| *id)
        .collect();
    record.occurrences.retain(|id, _| !gone.contains(id));
    record.opportunities.retain(|_, opportunity| !gone.contains(&opportunity.occurrence));
    touch.all = true;
}

/// Folds and drops what is older than the pack's horizon, so that a record's size is bounded by how much happens
/// to one person within it.
pub fn prune(pack: &Pack, record: &mut Record) {
    let horizon = Duration::from_secs(u64::from(pack.horizon_days) * 86_400);
    record.facts.fold(horizon, &PackRanks(pack), &record.retracted);
    let reports = record.occurrences.values().flat_map(|occurrence| occurrence.reports.values());
    let Some(latest) = reports.map(|report| report.time).max() else { return };
    let cutoff = latest - horizon;
    let old = |occurrence: &Occurrence| occurrence.reports.values().all(|report| report.time < cutoff);
    let gone: BTreeSet<OccurrenceId> =
        record.occurrences.iter().filter(|(_, o)| old(o)).map(|(id, _)| *id).collect();
    if gone.is_empty() {
        return;
    }
    record.occurrences.retain(|id, _| !gone.contains(id));
    record.shared.retain(|id, _| !gone.contains(id));
    record.opportunities.retain(|_, opportunity| !gone.contains(&opportunity.occurrence));
}

/// Whether an event is so old that its contribution may have been folded away.
pub fn beyond_horizon(pack: &Pack, record: &Record, time: Timestamp) -> bool {
    let horizon = Duration::from_secs(u64::from(pack.horizon_days) * 86_400);
    let writes = record.facts.cells().flat_map(|(_, writes)| writes).map(|write| write.time);
    writes.max().is_some_and(|latest| time < latest - horizon)
}
