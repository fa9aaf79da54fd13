//! `overlays/NAME.yaml`: merged into the national pack, with every conflict reported. What comes of it keeps the name
//! of the overlay that it comes from.

use std::collections::{BTreeMap, BTreeSet};

use tidings_domain::value::ValueType;

use super::parameters::{self, Law};
use super::services::{self, Catalogue};
use super::{Cx, Declared, Place};
use crate::pack::diagnostic::Code;
use crate::pack::format::{OverlayFile, ParameterEntry, PlaceEntry, ServiceChangeEntry};
use crate::pack::law::{Local, Parameter};
use crate::pack::load::Doc;
use crate::pack::model::{Here, Overlay, ServiceChange};

/// What overlays are merged into.
pub(super) struct Base<'a> {
    pub(super) declared: &'a Declared,
    /// The facts that tell places, from wide to narrow.
    pub(super) places: &'a [String],
    pub(super) law: &'a mut Law,
    pub(super) catalogue: &'a mut Catalogue,
}

pub(super) fn merge(docs: &[Doc<OverlayFile>], base: &mut Base<'_>, cx: &Cx<'_>) -> Vec<Overlay> {
    let mut overlays = Vec::new();
    let mut seen = BTreeMap::new();
    for doc in docs {
        let root = Place::of(doc);
        let name = &doc.value.overlay;
        cx.id(&root.then("overlay"), name);
        if let Some(before) = seen.insert(name, &doc.file) {
            let message = format!("the overlay `{name}` is in {before} already");
            cx.fault(&root.then("overlay"), Code::DuplicateName, message);
        }
        cx.texts(&root.then("title"), &doc.value.title);
        cx.texts(&root.then("owner"), &doc.value.owner);
        let (title, owner) = (doc.value.title.clone(), doc.value.owner.clone());
        let here = place(&root.then("where"), &doc.value.place, base, cx);
        let overlay = Overlay { name: name.clone(), title, owner, here, file: doc.file.clone() };
        figures(doc, &overlay, base, cx);
        catalogue(doc, &overlay, base, cx);
        overlays.push(overlay);
    }
    for parameter in base.law.parameters.values_mut() {
        parameter.local.sort_by_key(|local| std::cmp::Reverse(local.here.depth));
    }
    for service in base.catalogue.services.values_mut() {
        service.local.sort_by_key(|local| std::cmp::Reverse(local.here.depth));
    }
    overlays
}

fn place(place: &Place<'_>, entry: &PlaceEntry, base: &Base<'_>, cx: &Cx<'_>) -> Here {
    let depth = base.places.iter().position(|fact| *fact == entry.fact);
    if depth.is_none() {
        cx.unknown(&place.then("fact"), "fact under `places` of pack.yaml", &entry.fact, base.places);
    }
    if entry.is.is_empty() {
        cx.fault(&place.then("is"), Code::BadRule, "an overlay holds in at least one place");
    }
    let fact = base.declared.facts.get(&entry.fact);
    let mut codes = BTreeSet::new();
    for (index, code) in entry.is.iter().enumerate() {
        let place = place.then("is").then(index);
        cx.not_blank(&place, code);
        if fact.is_some_and(|fact| !fact.values.is_empty() && !fact.values.contains(code)) {
            cx.fault(&place, Code::NotAllowed, format!("`{code}` is no value of `{}`", entry.fact));
        }
        if !codes.insert(code.clone()) {
            cx.fault(&place, Code::DuplicateName, format!("`{code}` stands twice"));
        }
    }
    Here { fact: entry.fact.clone(), depth: depth.unwrap_or_default(), codes }
}

/// The facts under `places`: texts, each once.
pub(super) fn places(place: &Place<'_>, names: &[String], declared: &Declared, cx: &Cx<'_>) {
    let mut seen = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let place = place.then(index);
        match declared.facts.get(name) {
            None => cx.unknown(&place, "fact", name, declared.facts.keys()),
            Some(fact) if fact.value_type != ValueType::Text => {
                cx.fault(&place, Code::WrongType, format!("`{name}` is {}, not text", fact.value_type));
            }
            Some(_) if !seen.insert(name) => {
                cx.fault(&place, Code::DuplicateName, format!("`{name}` stands twice"));
            }
            Some(_) => {}
        }
    }
}

fn figures(doc: &Doc<OverlayFile>, overlay: &Overlay, base: &mut Base<'_>, cx: &Cx<'_>) {
    for (name, entry) in &doc.value.parameters {
        let place = Place::of(doc).then("parameters").then(name);
        cx.word(&place.clone().key(), name);
        let read = parameters::parameter(&place, name, entry, cx);
        let known = base.law.parameters.entry(name.clone()).or_insert_with(|| only_here(&read));
        if !agree(&place, known, entry, &read, cx) {
            continue;
        }
        if let Some(other) = known.local.iter().find(|other| other.here.meets(&overlay.here)) {
            conflict(&place, &format!("the figure `{name}`"), &other.overlay, cx);
        }
        let (overlay, here) = (overlay.name.clone(), overlay.here.clone());
        known.local.push(Local { overlay, here, figures: read.figures });
    }
}

/// A figure that the national pack does not have.
fn only_here(read: &Parameter) -> Parameter {
    Parameter { figures: Vec::new(), local: Vec::new(), ..read.clone() }
}

fn agree(
    place: &Place<'_>,
    known: &Parameter,
    entry: &ParameterEntry,
    read: &Parameter,
    cx: &Cx<'_>,
) -> bool {
    let keys = |parameter: &Parameter| parameter.keys.iter().map(|(_, kind)| *kind).collect::<Vec<_>>();
    let same = known.value_type == read.value_type && keys(known) == keys(read);
    if !same {
        let message = "its type and keys are not those of the figure that it changes";
        cx.fault(&place.then("type"), Code::WrongType, message);
    }
    same && !entry.values.is_empty()
}

fn catalogue(doc: &Doc<OverlayFile>, overlay: &Overlay, base: &mut Base<'_>, cx: &Cx<'_>) {
    for (id, entry) in &doc.value.services {
        let place = Place::of(doc).then("services").then(id);
        cx.id(&place.clone().key(), id);
        let service = services::service(id, entry, &place, cx);
        if base.catalogue.services.insert(id.clone(), service).is_some() {
            let message = format!("the service `{id}` is in the pack already");
            let hint = Some("what differs here goes under `changes`".to_owned());
            cx.hinted(&place.key(), Code::DuplicateName, message, hint);
        }
    }
    for (id, entry) in &doc.value.changes {
        let place = Place::of(doc).then("changes").then(id);
        let change = change(&place, entry, overlay, cx);
        let Some(service) = base.catalogue.services.get_mut(id) else {
            cx.unknown(&place.key(), "service", id, base.catalogue.services.keys());
            continue;
        };
        if let Some(other) = service.local.iter().find(|other| other.here.meets(&overlay.here)) {
            conflict(&place, &format!("the service `{id}`"), &other.overlay, cx);
        }
        service.local.push(change);
    }
}

fn change(place: &Place<'_>, entry: &ServiceChangeEntry, overlay: &Overlay, cx: &Cx<'_>) -> ServiceChange {
    if !entry.channel.is_empty() {
        services::plain_texts(&place.then("channel"), &entry.channel, cx);
    }
    cx.not_blank(&place.then("source"), &entry.source);
    let as_of = entry.cost_as_of.as_ref().and_then(|text| cx.date(&place.then("cost_as_of"), text));
    if entry.cost.is_some() && as_of.is_none() {
        cx.fault(place, Code::MissingKey, "a cost needs `cost_as_of`, the day it was known to be so");
    }
    let as_of = as_of.unwrap_or_default();
    ServiceChange {
        overlay: overlay.name.clone(),
        here: overlay.here.clone(),
        authorities: entry
            .authority
            .as_ref()
            .map(|it| services::authorities(&place.then("authority"), it, cx)),
        channel: entry.channel.clone(),
        costs: entry.cost.as_ref().map(|it| services::costs(&place.then("cost"), it, as_of, cx)),
    }
}

fn conflict(place: &Place<'_>, what: &str, other: &str, cx: &Cx<'_>) {
    let message = format!("{what} is changed for the same place by the overlay `{other}` already");
    let hint = Some("let one of them leave it out, or tell their places apart".to_owned());
    cx.hinted(&place.clone().key(), Code::Conflict, message, hint);
}
