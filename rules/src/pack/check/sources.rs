//! `sources.yaml`: who may state what.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Cx, Declared, Place};
use crate::pack::diagnostic::Code;
use crate::pack::format::{EventsFile, FactsFile, SourceEntry, SourcesFile};
use crate::pack::load::Doc;
use crate::pack::model::{Change, Effect, EventType, Source};

/// The highest rank.
const MAX_RANK: u8 = 100;

/// What sources are held against.
pub(super) struct Stated<'a> {
    pub(super) facts_doc: &'a Doc<FactsFile>,
    pub(super) declared: &'a Declared,
    pub(super) events_doc: &'a Doc<EventsFile>,
    pub(super) events: &'a BTreeMap<String, EventType>,
}

pub(super) fn check(doc: &Doc<SourcesFile>, stated: &Stated<'_>, cx: &Cx<'_>) -> HashMap<String, Source> {
    let root = Place::of(doc).then("sources");
    let mut sources: HashMap<String, Source> = HashMap::new();
    for (name, entry) in &doc.value.sources {
        let place = root.then(name);
        cx.id(&place.clone().key(), name);
        cx.texts(&place.then("title"), &entry.title);
        cx.not_blank(&place.then("uri"), &entry.uri);
        if entry.rank > MAX_RANK {
            let message = format!("{} is out of range", entry.rank);
            cx.hinted(&place.then("rank"), Code::NotAllowed, message, Some(format!("0 to {MAX_RANK}")));
        }
        known(&place, entry, stated, cx);
        authority(&place, name, entry, stated, cx);
        let source = Source {
            name: name.clone(),
            uri: entry.uri.clone(),
            rank: entry.rank,
            events: entry.events.iter().cloned().collect(),
            facts: entry.facts.iter().cloned().collect(),
            silent_after_days: entry
                .silent_after
                .as_ref()
                .and_then(|text| super::facts::retention(&place.then("silent_after"), text, cx)),
            loud_above: entry.loud_above,
        };
        if let Some(before) = sources.insert(entry.uri.clone(), source) {
            let message = format!("the source `{}` has this uri already", before.name);
            cx.fault(&place.then("uri"), Code::DuplicateName, message);
        }
    }
    unstated(&doc.value, stated, cx);
    sources
}

fn known(place: &Place<'_>, entry: &SourceEntry, stated: &Stated<'_>, cx: &Cx<'_>) {
    for (index, event) in entry.events.iter().enumerate() {
        if !stated.events.contains_key(event) {
            cx.unknown(&place.then("events").then(index), "event type", event, stated.events.keys());
        }
    }
    for (index, fact) in entry.facts.iter().enumerate() {
        if !stated.declared.is_stated(fact) {
            let place = place.then("facts").then(index);
            cx.unknown(&place, "fact, set or link", fact, stated.declared.stated());
        }
    }
}

/// A source may send an event type only if it may state everything that the event changes.
fn authority(place: &Place<'_>, name: &str, entry: &SourceEntry, stated: &Stated<'_>, cx: &Cx<'_>) {
    for (index, event) in entry.events.iter().enumerate() {
        let Some(effects) = stated.events.get(event).map(|event| &event.effects) else { continue };
        let changed: BTreeSet<_> = effects.iter().map(changed).collect();
        for fact in changed.into_iter().filter(|fact| !entry.facts.iter().any(|stated| stated == fact)) {
            let place = place.then("events").then(index);
            let message = format!("`{event}` changes `{fact}`, which `{name}` may not state");
            cx.hinted(&place, Code::NotAuthorised, message, Some(format!("add `{fact}` to its `facts`")));
        }
    }
}

/// The fact, set or link that an effect changes.
fn changed(effect: &Effect) -> &str {
    match &effect.change {
        Change::Set { fact, .. } => fact,
        Change::Put { set, .. } | Change::Remove { set, .. } => set,
        Change::Link { link, .. } | Change::Unlink { link, .. } => link,
    }
}

/// Whatever is declared must be able to come from somewhere.
fn unstated(file: &SourcesFile, stated: &Stated<'_>, cx: &Cx<'_>) {
    let sources = || file.sources.values();
    let facts: BTreeSet<_> = sources().flat_map(|source| &source.facts).collect();
    let root = Place::of(stated.facts_doc);
    let sections: [(&str, Vec<&String>); 3] = [
        ("facts", stated.declared.facts.keys().collect()),
        ("sets", stated.declared.sets.keys().collect()),
        ("links", stated.declared.links.keys().collect()),
    ];
    for (section, names) in sections {
        for name in names.into_iter().filter(|name| !facts.contains(name)) {
            let place = root.then(section).then(name).key();
            cx.hinted(&place, Code::Unstated, format!("no source may state `{name}`"), hint());
        }
    }
    let events: BTreeSet<_> = sources().flat_map(|source| &source.events).collect();
    for name in stated.events.keys().filter(|name| !events.contains(name)) {
        let place = Place::of(stated.events_doc).then("events").then(name).key();
        cx.hinted(&place, Code::Unstated, format!("no source may send `{name}`"), hint());
    }
}

fn hint() -> Option<String> {
    Some("add it to a source in sources.yaml".to_owned())
}
