//! Applying events and shares to records. Every step is a union into the record, so the end state depends on
//! the set of messages alone, never on their order or number.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidings_domain::event::Event;
use tidings_domain::facts::{Cell, Facts, Write};
use tidings_domain::ids::{CitizenId, EventKey, OccurrenceId};
use tidings_domain::record::{Occurrence, Record, Share, Watched};
use tidings_domain::time::Timestamp;
use tidings_domain::value::Value;
use tidings_rules::pack::model::{Change, Effect, EventType, LifeEvent, Pack, Person, Recipient, Term};

use crate::view::{PackRanks, Reader, report};

/// Event kind under which bulk loads are kept: each data field is a fact or a link, and no life event starts.
pub const LOAD: &str = "tidings.load";

/// What changed in a record since its last derivation.
#[derive(Debug, Default)]
pub struct Touch {
    facts: BTreeSet<Watched>,
    occurrences: BTreeSet<OccurrenceId>,
    retracted: BTreeSet<EventKey>,
    wanted: BTreeMap<CitizenId, BTreeSet<Watched>>,
    /// Everything is to be judged again (a new pack).
    pub all: bool,
}

impl Touch {
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
            life_event: life_event.name.clone(),
            subject: event.subject,
            reports: BTreeMap::new(),
        });
        occurrence.reports.insert(event.key, report(event));
        touch.occurrences.insert(id);
    }
    sent
}

/// The key of the occurrence that an event reports.
pub fn occurrence_id(life_event: &LifeEvent, event: &Event) -> OccurrenceId {
    let part = |field: &String| event.data.get(field).map(Value::canonical).unwrap_or_default();
    let key: Vec<String> = life_event.key.iter().map(part).collect();
    OccurrenceId::of(event.subject, &life_event.name, &key)
}

/// The event that a retraction takes back; `None` when the event is no retraction.
pub fn retraction_target(pack: &Pack, event_type: &EventType, event: &Event) -> Option<EventKey> {
    let field = event_type.retracts.as_ref()?;
    let Some(Value::Text(id)) = event.data.get(field) else { return None };
    let source = pack.sources.values().find(|source| source.name == event.source)?;
    Some(EventKey::of(&source.uri, id))
}

fn apply_load(pack: &Pack, record: &mut Record, touch: &mut Touch, event: &Event) {
    for (name, value) in &event.data {
        let (cell, value) = match value {
            Value::Citizen(other) if pack.links.contains_key(name) => {
                (Cell::element(name, other.to_string()), Value::Bool(true))
            }
            value => (Cell::fact(name), value.clone()),
        };
        write_own(record, touch, event, cell, Some(value));
    }
}

fn write_own(record: &mut Record, touch: &mut Touch, event: &Event, cell: Cell, value: Option<Value>) {
    let fact = cell.fact.clone();
    if record.facts.insert(cell, write(event, value)) {
        touch.facts.insert(Watched { about: event.subject, fact });
    }
}

fn write(event: &Event, value: Option<Value>) -> Write {
    Write { time: event.time, source: event.source.clone(), event: event.key, value }
}

fn apply_effects(record: &mut Record, touch: &mut Touch, event_type: &EventType, event: &Event) -> Vec<Sent> {
    let mut others: BTreeMap<CitizenId, Vec<(Cell, Write)>> = BTreeMap::new();
    for effect in &event_type.effects {
        let Some(of) = person(&effect.of, event) else { continue };
        for (cell, value) in changes(effect, event) {
            if of == event.subject {
                write_own(record, touch, event, cell, value);
            } else {
                others.entry(of).or_default().push((cell, write(event, value)));
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
        Person::Field(field) => event.data.get(field)?.as_citizen(),
    }
}

fn term(term: &Term, event: &Event) -> Option<Value> {
    match term {
        Term::Field(field) => event.data.get(field).cloned(),
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
            one(term(element, event).map(|element| Cell::element(set, element.canonical())), None)
        }
        Change::Link { link, other } => {
            one(person(other, event).map(|other| Cell::element(link, other.to_string())), there)
        }
        Change::Unlink { link, other } => {
            one(person(other, event).map(|other| Cell::element(link, other.to_string())), None)
        }
        Change::Put { set, element, fields } => {
            let Some(element) = term(element, event).map(|element| element.canonical()) else {
                return Vec::new();
            };
            let mut cells = vec![(Cell::element(set, element.clone()), there)];
            for (field, value) in fields {
                if let Some(value) = term(value, event) {
                    cells.push((Cell::field(set, element.clone(), field), Some(value)));
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
                let fact = cell.fact.clone();
                if record.facts.insert(cell, write) {
                    touch.facts.insert(Watched { about: me, fact });
                }
            }
        }
        Share::Retracted(events) => merge_retracted(record, touch, events),
        Share::Mirror { about, facts, retracted } => {
            let changed = record.others.entry(about).or_default().merge(facts);
            touch.facts.extend(changed.into_iter().map(|fact| Watched { about, fact }));
            merge_retracted(record, touch, retracted);
        }
        Share::Watch { watcher, wants } => watch(record, touch, watcher, wants),
        Share::Occurrence { id, occurrence, retracted } => {
            let known = record.occurrences.entry(id).or_insert_with(|| Occurrence {
                life_event: occurrence.life_event.clone(),
                subject: occurrence.subject,
                reports: BTreeMap::new(),
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

fn watch(record: &mut Record, touch: &mut Touch, watcher: CitizenId, wants: BTreeSet<Watched>) {
    let known = record.watchers.entry(watcher).or_default();
    for want in wants {
        if known.insert(want.clone()) {
            touch.wanted.entry(watcher).or_default().insert(want);
        }
    }
}

fn forget(record: &mut Record, touch: &mut Touch, who: CitizenId) {
    record.others.remove(&who);
    record.watchers.remove(&who);
    record.watching.retain(|(other, _)| *other != who);
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

/// What follows from the changes: messages for others, and the occurrences to judge again.
pub fn derive(
    pack: &Pack,
    me: CitizenId,
    record: &mut Record,
    mut touch: Touch,
) -> (Vec<Sent>, BTreeSet<OccurrenceId>) {
    let mut sent = watch_links(pack, me, record, &touch);
    sent.extend(tell_audience(pack, me, record, &mut touch));
    sent.extend(push_retractions(record, &touch));
    sent.extend(push_mirrors(pack, me, record, &touch));
    let everything = touch.all || !touch.facts.is_empty() || !touch.retracted.is_empty();
    let judge = if everything { record.occurrences.keys().copied().collect() } else { touch.occurrences };
    (sent, judge)
}

/// The facts of another person that sending and opening need, whatever the rule.
fn safety_facts(pack: &Pack) -> [&String; 3] {
    [&pack.roles.deceased_on, &pack.roles.death_confirmed, &pack.roles.shields]
}

/// Asks linked people for the facts that conditions read through the link.
fn watch_links(pack: &Pack, me: CitizenId, record: &mut Record, touch: &Touch) -> Vec<Sent> {
    let mut sent = Vec::new();
    for (name, link) in &pack.links {
        let changed = touch.all || touch.facts.contains(&Watched { about: me, fact: name.clone() });
        if link.mirrored.is_empty() || !changed {
            continue;
        }
        let others: BTreeSet<CitizenId> = record
            .facts
            .cells_of(name)
            .filter_map(|(cell, _)| CitizenId::parse(cell.element.as_deref()?))
            .filter(|other| *other != me)
            .collect();
        for other in others {
            let facts = link.mirrored.iter().chain(safety_facts(pack));
            let wants: BTreeSet<Watched> = facts
                .flat_map(|fact| underlying(pack, fact))
                .filter(|fact| record.watching.insert((other, fact.clone())))
                .map(|fact| Watched { about: other, fact })
                .collect();
            if !wants.is_empty() {
                sent.push((other, Share::Watch { watcher: me, wants }));
            }
        }
    }
    sent
}

/// The stored fact or set behind a name: a fold is read from its set.
fn underlying<'a>(pack: &'a Pack, name: &'a String) -> Option<String> {
    Some(pack.folds.get(name).map_or(name, |fold| &fold.set).clone())
}

/// Sends own occurrences to those who may be told, with the facts that judging them needs.
fn tell_audience(pack: &Pack, me: CitizenId, record: &mut Record, touch: &mut Touch) -> Vec<Sent> {
    let links_changed = touch.all
        || touch.facts.iter().any(|watched| watched.about == me && pack.links.contains_key(&watched.fact));
    let mut sent = Vec::new();
    let ids: Vec<OccurrenceId> = if links_changed || !touch.retracted.is_empty() {
        record.occurrences.keys().copied().collect()
    } else {
        touch.occurrences.iter().copied().collect()
    };
    for id in ids {
        let Some(occurrence) = record.occurrences.get(&id).filter(|occurrence| occurrence.subject == me) else {
            continue;
        };
        let Some((_, life_event)) = pack.life_event(&occurrence.life_event) else { continue };
        let occurrence = occurrence.clone();
        for recipient in audience(pack, me, record, life_event, &occurrence) {
            let known = record.shared.entry(id).or_default();
            let new = known.insert(recipient);
            if new || touch.occurrences.contains(&id) {
                let events = occurrence.reports.keys().filter(|event| record.retracted.contains(event));
                let retracted = events.copied().collect();
                sent.push((recipient, Share::Occurrence { id, occurrence: occurrence.clone(), retracted }));
            }
            watch(record, touch, recipient, shared_with(pack, me, record, life_event));
        }
    }
    sent
}

/// Everyone but the subject who may be told of an occurrence, as the links stood at its time.
fn audience(
    pack: &Pack,
    me: CitizenId,
    record: &Record,
    life_event: &LifeEvent,
    occurrence: &Occurrence,
) -> BTreeSet<CitizenId> {
    let reader = Reader { pack, me, record };
    let Some(folded) = reader.folded(occurrence) else { return BTreeSet::new() };
    let links = life_event.audience.iter().filter_map(|recipient| match recipient {
        Recipient::Subject => None,
        Recipient::Link(link) => Some(link),
    });
    links.flat_map(|link| reader.linked(me, link, folded.time)).filter(|other| *other != me).collect()
}

/// The facts that a recipient needs to judge, date and word an occurrence, and to ask whether it may be shown.
fn shared_with(pack: &Pack, me: CitizenId, record: &Record, life_event: &LifeEvent) -> BTreeSet<Watched> {
    let links = life_event.audience.iter().filter_map(|recipient| match recipient {
        Recipient::Subject => None,
        Recipient::Link(link) => Some(link),
    });
    let mut wants: BTreeSet<Watched> = life_event
        .shared_facts
        .iter()
        .chain(safety_facts(pack))
        .chain(links)
        .flat_map(|fact| underlying(pack, fact))
        .map(|fact| Watched { about: me, fact })
        .collect();
    for (through_subject, link) in life_event.rules.iter().flat_map(|rule| &rule.reads_links) {
        let Some(mirrored) = pack.links.get(link).filter(|_| *through_subject).map(|link| &link.mirrored) else {
            continue;
        };
        wants.insert(Watched { about: me, fact: link.clone() });
        for (cell, _) in record.facts.cells_of(link) {
            let Some(other) = cell.element.as_deref().and_then(CitizenId::parse) else { continue };
            let facts = mirrored.iter().chain(safety_facts(pack)).flat_map(|fact| underlying(pack, fact));
            wants.extend(facts.map(|fact| Watched { about: other, fact }));
        }
    }
    wants
}

/// Passes on what was taken back to everyone whom it reached.
fn push_retractions(record: &Record, touch: &Touch) -> Vec<Sent> {
    if touch.retracted.is_empty() {
        return Vec::new();
    }
    let mut to: BTreeSet<CitizenId> = record.watchers.keys().copied().collect();
    to.extend(touch.retracted.iter().filter_map(|event| record.reached.get(event)).flatten());
    to.extend(record.shared.values().flatten());
    to.into_iter().map(|other| (other, Share::Retracted(touch.retracted.clone()))).collect()
}

/// Sends changed facts to those who mirror them.
fn push_mirrors(pack: &Pack, me: CitizenId, record: &Record, touch: &Touch) -> Vec<Sent> {
    let mut sent = Vec::new();
    for (watcher, wants) in &record.watchers {
        let new = touch.wanted.get(watcher);
        let mut due: BTreeMap<CitizenId, BTreeSet<String>> = BTreeMap::new();
        for want in wants {
            if touch.facts.contains(want) || new.is_some_and(|new| new.contains(want)) {
                due.entry(want.about).or_default().insert(want.fact.clone());
            }
        }
        for (about, names) in due {
            let Some(all) = (if about == me { Some(&record.facts) } else { record.others.get(&about) }) else {
                continue;
            };
            let facts = visible(pack, all.only(&names), *watcher);
            if facts.is_empty() {
                continue;
            }
            let retracted = facts.events().intersection(&record.retracted).copied().collect();
            sent.push((*watcher, Share::Mirror { about, facts, retracted }));
        }
    }
    sent
}

/// Of shields and links a watcher learns only what concerns the watcher, except links that lead further.
fn visible(pack: &Pack, facts: Facts, watcher: CitizenId) -> Facts {
    let mut seen = Facts::default();
    let mine = watcher.to_string();
    for (cell, writes) in facts.cells() {
        if cell.fact == pack.roles.shields && cell.element.as_deref() != Some(&mine) {
            continue;
        }
        for write in writes {
            seen.insert(cell.clone(), write.clone());
        }
    }
    seen
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
