//! What one record owes to others once it has changed: mirrored facts, occurrences to be told, retractions.

use std::collections::BTreeSet;

use tidings_domain::event::Event;
use tidings_domain::facts::{Facts, Name};
use tidings_domain::ids::{CitizenId, OccurrenceId};
use tidings_domain::record::{Occurrence, Record, Share, Wants};
use tidings_rules::pack::model::{LifeEvent, Pack, Recipient};

use crate::apply::{Sent, Touch, watch};
use crate::view::Reader;

/// What follows from the changes: messages for others, and the occurrences to judge again.
pub(crate) fn derive(
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

/// Whom an event will concern besides those it names, as the record stands: those who mirror what it changes, and
/// those who may be told. A guess, made to read their records early; nothing depends on it.
pub(crate) fn concerned(pack: &Pack, me: CitizenId, record: &Record, event: &Event) -> Vec<CitizenId> {
    let Some(event_type) = pack.events.get(&event.kind) else { return Vec::new() };
    let changes = |fact: &Name| event_type.effects.iter().any(|effect| effect.change.name() == fact.as_str());
    let mirrors =
        |(_, wants): &(&CitizenId, &Wants)| wants.get(&me).is_some_and(|facts| facts.iter().any(changes));
    let watchers = record.watchers.iter().filter(mirrors).map(|(watcher, _)| *watcher);
    let life_events = event_type.life_events.iter().filter_map(|place| pack.life_events.get(*place));
    let told = life_events.flat_map(audience_links).flat_map(|link| ever_linked(record, link));
    watchers.chain(told).collect()
}

/// The facts of another person that sending and opening need, whatever the rule.
fn safety_facts(pack: &Pack) -> [&str; 3] {
    [&pack.roles.deceased_on, &pack.roles.death_confirmed, &pack.roles.shields]
}

/// The stored fact or set behind a name: a fold is read from its set.
fn underlying(pack: &Pack, name: &str) -> Name {
    pack.folds.get(name).map_or(name, |fold| &fold.set).into()
}

/// What must be mirrored of a person whom conditions read through a link.
fn mirrored(pack: &Pack, link: &str) -> BTreeSet<Name> {
    let Some(link) = pack.links.get(link).filter(|link| !link.mirrored.is_empty()) else {
        return BTreeSet::new();
    };
    link.mirrored
        .iter()
        .map(String::as_str)
        .chain(safety_facts(pack))
        .map(|fact| underlying(pack, fact))
        .collect()
}

/// Everyone who ever stood under a link of a record.
fn ever_linked(record: &Record, link: &str) -> BTreeSet<CitizenId> {
    record.facts.cells_of(link).filter_map(|(cell, _)| CitizenId::parse(cell.element.as_deref()?)).collect()
}

/// Asks linked people for the facts that conditions read through the link.
fn watch_links(pack: &Pack, me: CitizenId, record: &mut Record, touch: &Touch) -> Vec<Sent> {
    let mut sent = Vec::new();
    for name in pack.links.keys() {
        if !touch.all && !touch.has_fact(me, name) {
            continue;
        }
        let facts = mirrored(pack, name);
        if facts.is_empty() {
            continue;
        }
        for other in ever_linked(record, name) {
            let asked = record.watching.entry(other).or_default();
            let new: BTreeSet<Name> =
                facts.iter().filter(|fact| asked.insert((*fact).clone())).cloned().collect();
            if !new.is_empty() && other != me {
                sent.push((other, Share::Watch { watcher: me, wants: Wants::from_iter([(other, new)]) }));
            }
        }
    }
    sent
}

/// Sends own occurrences to those who may be told, with the facts that judging them needs.
fn tell_audience(pack: &Pack, me: CitizenId, record: &mut Record, touch: &mut Touch) -> Vec<Sent> {
    let mine = touch.facts.get(&me);
    let links_changed = touch.all
        || mine.is_some_and(|facts| facts.iter().any(|fact| pack.links.contains_key(fact.as_str())));
    let ids: Vec<OccurrenceId> = if links_changed || !touch.retracted.is_empty() {
        record.occurrences.keys().copied().collect()
    } else {
        touch.occurrences.iter().copied().collect()
    };
    let mut sent = Vec::new();
    for id in ids {
        let Some(occurrence) = record.occurrences.get(&id).filter(|occurrence| occurrence.subject == me)
        else {
            continue;
        };
        let Some((_, life_event)) = pack.life_event(&occurrence.life_event) else { continue };
        let recipients = audience(pack, me, record, life_event, occurrence);
        if recipients.is_empty() {
            continue;
        }
        let occurrence = occurrence.clone();
        for recipient in recipients {
            let new = record.shared.entry(id).or_default().insert(recipient);
            if new || touch.occurrences.contains(&id) {
                let events = occurrence.reports.keys().filter(|event| record.retracted.contains(event));
                let retracted = events.copied().collect();
                sent.push((recipient, Share::Occurrence { id, occurrence: occurrence.clone(), retracted }));
            }
            let wants = shared_with(pack, me, record, life_event);
            watch(record, touch, recipient, wants);
        }
    }
    sent
}

/// The links under which somebody else may be told of a life event.
fn audience_links(life_event: &LifeEvent) -> impl Iterator<Item = &String> {
    life_event.audience.iter().filter_map(|recipient| match recipient {
        Recipient::Subject => None,
        Recipient::Link(link) => Some(link),
    })
}

/// Everyone but the subject who may be told of an occurrence, as the links stood at its time.
fn audience(
    pack: &Pack,
    me: CitizenId,
    record: &Record,
    life_event: &LifeEvent,
    occurrence: &Occurrence,
) -> BTreeSet<CitizenId> {
    let mut links = audience_links(life_event).peekable();
    let reader = Reader { pack, me, record };
    let Some(folded) = links.peek().and_then(|_| reader.folded(occurrence)) else { return BTreeSet::new() };
    links.flat_map(|link| reader.linked(me, link, folded.time)).filter(|other| *other != me).collect()
}

/// The facts that a recipient needs to judge, date and word an occurrence, and to ask whether it may be shown.
fn shared_with(pack: &Pack, me: CitizenId, record: &Record, life_event: &LifeEvent) -> Wants {
    // What is read through a link of the subject is asked for link by link, below.
    let own = life_event.shared_facts.iter().filter(|path| !path.contains('.')).map(String::as_str);
    let own = own.chain(safety_facts(pack)).chain(audience_links(life_event).map(String::as_str));
    let mut mine: BTreeSet<Name> = own.map(|fact| underlying(pack, fact)).collect();
    let mut wants = Wants::new();
    for link in &life_event.subject_links {
        mine.insert(link.as_str().into());
        for other in ever_linked(record, link).into_iter().filter(|other| *other != me) {
            wants.entry(other).or_default().extend(mirrored(pack, link));
        }
    }
    wants.insert(me, mine);
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
    if touch.facts.is_empty() && touch.wanted.is_empty() {
        return sent;
    }
    for (watcher, wants) in &record.watchers {
        let new = touch.wanted.get(watcher);
        for (about, facts) in wants {
            let changed = touch.facts.get(about);
            let new = new.and_then(|new| new.get(about));
            let due = |fact: &&Name| {
                changed.is_some_and(|all| all.contains(*fact)) || new.is_some_and(|all| all.contains(*fact))
            };
            let due: BTreeSet<Name> = facts.iter().filter(due).cloned().collect();
            let held = if *about == me { Some(&record.facts) } else { record.others.get(about) };
            let Some(held) = held.filter(|_| !due.is_empty()) else { continue };
            let facts = visible(pack, held.only(&due), *watcher);
            if facts.is_empty() {
                continue;
            }
            let retracted = facts.events().intersection(&record.retracted).copied().collect();
            sent.push((*watcher, Share::Mirror { about: *about, facts, retracted }));
        }
    }
    sent
}

/// Of shields a watcher learns only what concerns the watcher.
fn visible(pack: &Pack, mut facts: Facts, watcher: CitizenId) -> Facts {
    let mine = watcher.to_string();
    facts.retain(|cell| cell.fact != pack.roles.shields || cell.element.as_deref() == Some(&mine));
    facts
}
