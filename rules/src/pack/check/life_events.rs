//! `life_events/NAME.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use tidings_domain::value::ValueType;

use super::parameters::Law;
use super::rules::{self, Draft, Given, Setting};
use super::templates::{self, Read, Sees};
use super::{Cx, Declared, Place, clock, partitions};
use crate::expr::ColumnRef;
use crate::expr::RowKind;
use crate::pack::diagnostic::Code;
use crate::pack::format::{AbsenceEntry, LifeEventFile, MilestoneEntry, On, OverlayFile, RuleEntry};
use crate::pack::load::Doc;
use crate::pack::model::{EventType, LifeEvent, Overlay, Recipient, Rule, ScopeIndex, Service, Trigger};
use crate::pack::scope::Names;
use crate::wording::Builder;

/// What life events are held against, and what they add to.
pub(super) struct Known<'a> {
    pub(super) declared: &'a mut Declared,
    pub(super) events: &'a mut BTreeMap<String, EventType>,
    pub(super) services: &'a BTreeMap<String, Service>,
    pub(super) law: &'a Law,
    /// Overlays as they are written, and as they are merged, one by one.
    pub(super) overlays: (&'a [Doc<OverlayFile>], &'a [Overlay]),
    pub(super) wording: &'a mut Builder,
}

/// What other life events need to know of one.
pub(super) struct Outline<'a> {
    pub(super) name: &'a str,
    /// Types of all fields of the event types that report it.
    pub(super) fields: BTreeMap<String, ValueType>,
    /// Whether some event type is not known, so that there may be other fields.
    pub(super) open: bool,
    /// Fields that every event type requires.
    pub(super) certain: BTreeSet<String>,
    /// Closed lists of text fields, where every event type that has the field closes it.
    pub(super) values: BTreeMap<String, BTreeSet<String>>,
}

pub(super) fn check(
    docs: &[Doc<LifeEventFile>],
    known: &mut Known<'_>,
    cx: &Cx<'_>,
) -> Option<Vec<LifeEvent>> {
    let (outlines, mut triggers) = outlines(docs, known, cx);
    unique(docs, cx);
    let given: Vec<Vec<Given<'_>>> = docs.iter().map(|doc| given(doc, known.overlays)).collect();
    rules::unique_keys(given.iter().flatten(), cx);
    strays(docs, known.overlays.0, cx);
    let mut drafts = Vec::new();
    let mut order = 0;
    for (((doc, outline), trigger), given) in docs.iter().zip(&outlines).zip(triggers.drain(..)).zip(&given) {
        let reason = reason(doc, outline, known, cx);
        let setting = Setting {
            given,
            outline,
            outlines: &outlines,
            services: known.services,
            law: known.law,
            derived: &known.declared.derived,
            reason: &reason,
        };
        let names = names(known.declared, outline, cx);
        partitions::check(doc, cx);
        let rules = rules::check(&setting, names, &mut *known.wording, &mut order, cx);
        let draft = rules.zip(trigger);
        let draft = draft.and_then(|(rules, trigger)| assemble(doc, outline, (trigger, rules), &reason));
        drafts.push(draft);
    }
    let mut life_events: Vec<_> = drafts.into_iter().collect::<Option<_>>()?;
    connect(&mut life_events, docs, known);
    Some(life_events)
}

fn names<'a>(declared: &'a Declared, outline: &'a Outline<'_>, cx: &'a Cx<'_>) -> Names<'a> {
    let Declared { facts, sets, folds, links, .. } = declared;
    Names { facts, sets, folds, links, broken: cx.broken, fields: &outline.fields, open: outline.open }
}

fn unique(docs: &[Doc<LifeEventFile>], cx: &Cx<'_>) {
    let mut seen = BTreeMap::new();
    for doc in docs {
        let place = Place::of(doc).then("life_event");
        let name = &doc.value.life_event;
        cx.id(&place, name);
        if let Some(before) = seen.insert(name, &doc.file) {
            cx.fault(&place, Code::DuplicateName, format!("the life event `{name}` is in {before} already"));
        }
        cx.texts(&Place::of(doc).then("title"), &doc.value.title);
    }
}

/// The rules of a life event: the national ones, then those of overlays.
fn given<'a>(
    doc: &'a Doc<LifeEventFile>,
    (files, overlays): (&'a [Doc<OverlayFile>], &'a [Overlay]),
) -> Vec<Given<'a>> {
    let listed = |root: Place<'a>, rules: &'a [RuleEntry], overlay: Option<&'a Overlay>| {
        let each = rules.iter().enumerate();
        each.map(|(index, entry)| Given { place: root.then(index), entry, overlay }).collect::<Vec<_>>()
    };
    let mut all = listed(Place::of(doc).then("rules"), &doc.value.rules, None);
    let name = &doc.value.life_event;
    for (file, overlay) in files.iter().zip(overlays) {
        if let Some(rules) = file.value.rules.get(name) {
            all.extend(listed(Place::of(file).then("rules").then(name), rules, Some(overlay)));
        }
    }
    all
}

/// Reports rules of overlays that belong to no life event.
fn strays(docs: &[Doc<LifeEventFile>], files: &[Doc<OverlayFile>], cx: &Cx<'_>) {
    if cx.unread {
        return;
    }
    let names: BTreeSet<&String> = docs.iter().map(|doc| &doc.value.life_event).collect();
    for file in files {
        for name in file.value.rules.keys().filter(|name| !names.contains(name)) {
            let place = Place::of(file).then("rules").then(name).key();
            cx.unknown(&place, "life event", name, names.iter().copied());
        }
    }
}

/// Outlines of all life events, and what brings each; an absence needs to know the others first.
fn outlines<'a>(
    docs: &'a [Doc<LifeEventFile>],
    known: &Known<'_>,
    cx: &Cx<'_>,
) -> (Vec<Outline<'a>>, Vec<Option<Trigger>>) {
    let mut outlines: Vec<Option<Outline<'a>>> = Vec::new();
    let mut triggers = Vec::new();
    for doc in docs {
        let (outline, trigger) = match kind_of(doc, cx) {
            Kind::Events(events) => (Some(reported(doc, events, known.events, cx)), Some(Trigger::Events)),
            Kind::Milestone(entry) => {
                let setting = clock::Setting { declared: known.declared, law: known.law, cx };
                let clock = clock::milestone(&Place::of(doc).then("milestone"), entry, &setting);
                let (fields, milestone) = clock.map(|clock| (clock.fields, clock.trigger)).unzip();
                (Some(timed(doc, fields, cx)), milestone.map(Trigger::Milestone))
            }
            Kind::Absence(_) => (None, None),
            Kind::Wrong => (Some(timed(doc, None, cx)), None),
        };
        outlines.push(outline);
        triggers.push(trigger);
    }
    for (place, doc) in docs.iter().enumerate() {
        let Kind::Absence(entry) = kind_of(doc, cx) else { continue };
        let clock = clock::absence(&Place::of(doc).then("absence"), entry, &outlines, (known.law, cx));
        let (fields, absence) = clock.map(|clock| (clock.fields, clock.trigger)).unzip();
        outlines[place] = Some(timed(doc, fields, cx));
        triggers[place] = absence.map(Trigger::Absence);
    }
    (outlines.into_iter().flatten().collect(), triggers)
}

/// What brings a life event, as far as its keys agree.
enum Kind<'a> {
    Events(&'a [String]),
    Milestone(&'a MilestoneEntry),
    Absence(&'a AbsenceEntry),
    Wrong,
}

fn kind_of<'a>(doc: &'a Doc<LifeEventFile>, cx: &Cx<'_>) -> Kind<'a> {
    let file = &doc.value;
    match (&file.on, &file.milestone, &file.absence) {
        (On::Events(events), None, None) => Kind::Events(events),
        (On::Clock(word), Some(entry), None) if word == "milestone" => Kind::Milestone(entry),
        (On::Clock(word), None, Some(entry)) if word == "absence" => Kind::Absence(entry),
        _ => {
            let hint = "`on: [event types]`; or `on: milestone` with `milestone: ...`; or `on: absence` with \
                        `absence: ...`";
            let message = "what brings this life event is not said once and for all";
            cx.hinted(&Place::of(doc).then("on"), Code::BadRule, message, Some(hint.to_owned()));
            Kind::Wrong
        }
    }
}

/// The outline of a life event that no event reports. Every field is there whenever it happens.
fn timed<'a>(
    doc: &'a Doc<LifeEventFile>,
    fields: Option<BTreeMap<String, ValueType>>,
    cx: &Cx<'_>,
) -> Outline<'a> {
    let open = fields.is_none();
    let fields = fields.unwrap_or_default();
    let certain = fields.keys().cloned().collect();
    let outline =
        Outline { name: doc.value.life_event.as_str(), fields, open, certain, values: BTreeMap::new() };
    key(doc, &outline, &[], cx);
    outline
}

fn reported<'a>(
    doc: &'a Doc<LifeEventFile>,
    on: &[String],
    events: &BTreeMap<String, EventType>,
    cx: &Cx<'_>,
) -> Outline<'a> {
    let root = Place::of(doc);
    let (name, mut fields) = (doc.value.life_event.as_str(), BTreeMap::new());
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut open, mut unlisted) = (false, BTreeSet::new());
    let mut reports: Vec<&EventType> = Vec::new();
    let on_place = root.then("on");
    for (index, event) in on.iter().enumerate() {
        let place = on_place.then(index);
        let Some(event) = events.get(event) else {
            cx.unknown(&place, "event type", event, events.keys());
            open = true;
            continue;
        };
        if event.retracts.is_some() {
            cx.fault(&place, Code::BadRule, format!("`{}` takes events back and reports none", event.name));
        }
        if reports.iter().any(|before| before.name == event.name) {
            cx.fault(&place, Code::DuplicateName, format!("`{}` stands twice", event.name));
        }
        for (field, shape) in &event.fields {
            if let Some(before) =
                fields.insert(field.clone(), shape.value_type).filter(|t| *t != shape.value_type)
            {
                let message =
                    format!("`{field}` is {} in `{}`, and {before} in another", shape.value_type, event.name);
                cx.fault(&place, Code::WrongType, message);
            }
            values.entry(field.clone()).or_default().extend(shape.values.iter().cloned());
            if shape.values.is_empty() {
                unlisted.insert(field.clone());
            }
        }
        reports.push(event);
    }
    if on.is_empty() {
        cx.fault(&on_place, Code::BadRule, "no event type reports this life event");
    }
    values.retain(|field, _| !unlisted.contains(field));
    let required = |field: &&String| {
        reports.iter().all(|event| event.fields.get(*field).is_some_and(|shape| shape.required))
    };
    let certain = fields.keys().filter(required).cloned().collect();
    let outline = Outline { name, fields, open, certain, values };
    key(doc, &outline, &reports, cx);
    outline
}

/// Key fields tell occurrences apart, so every event that reports one must carry them.
fn key(doc: &Doc<LifeEventFile>, outline: &Outline<'_>, reports: &[&EventType], cx: &Cx<'_>) {
    let root = Place::of(doc).then("key");
    let mut seen = BTreeSet::new();
    for (index, field) in doc.value.key.iter().enumerate() {
        let place = root.then(index);
        if !seen.insert(field) {
            cx.fault(&place, Code::DuplicateName, format!("`{field}` stands twice"));
        }
        if !outline.fields.contains_key(field) {
            if !outline.open {
                cx.unknown(&place, "field", field, outline.fields.keys());
            }
            continue;
        }
        for event in reports {
            let hint = || {
                Some(format!("a key is a required field of every event type of `{}`", doc.value.life_event))
            };
            match event.fields.get(field) {
                None => {
                    let message = format!("`{}` has no field `{field}`", event.name);
                    cx.hinted(&place, Code::UnknownName, message, hint());
                }
                Some(shape) if !shape.required => {
                    let message = format!("`{field}` is not required in `{}`", event.name);
                    cx.hinted(&place, Code::BadRule, message, hint());
                }
                Some(_) => {}
            }
        }
    }
}

fn reason(doc: &Doc<LifeEventFile>, outline: &Outline<'_>, known: &mut Known<'_>, cx: &Cx<'_>) -> Vec<Read> {
    let root = Place::of(doc).then("reason");
    cx.texts(&root, &doc.value.reason);
    let mut reads = Vec::new();
    for (language, text) in &doc.value.reason {
        let place = root.then(language);
        let sees = Sees::Reason(names(known.declared, outline, cx));
        if let Some((template, found)) = templates::check(&place, text, sees, cx) {
            let name = format!("reason/{}", doc.value.life_event);
            templates::add(&place, (language, name), template, known.wording, cx);
            rules::note_bare(&place, &found, outline, cx);
            reads.extend(found);
        }
    }
    reads
}

/// Puts a life event together: the columns that its rules share, and each rule bound to them.
fn assemble(
    doc: &Doc<LifeEventFile>,
    outline: &Outline<'_>,
    (trigger, rules): (Trigger, Vec<Draft>),
    reason: &[Read],
) -> Option<LifeEvent> {
    let mut columns: BTreeMap<ColumnRef, ValueType> = BTreeMap::new();
    let mut shared_facts = BTreeSet::new();
    for read in reason.iter().chain(rules.iter().flat_map(|rule| &rule.reads)) {
        columns.insert(read.column.clone(), read.value_type);
    }
    for rule in &rules {
        if rule.to.iter().any(|recipient| *recipient != Recipient::Subject) {
            let reads = rule.reads.iter().chain(reason).map(|read| &read.column);
            let of_subject = reads.filter(|column| column.row == RowKind::Subject);
            shared_facts.extend(of_subject.map(|column| column.path.join(".")));
        }
    }
    let columns: Vec<_> = columns.into_iter().collect();
    let refs: Vec<_> = columns.iter().map(|(column, _)| column.clone()).collect();
    let audience = rules.iter().flat_map(|rule| rule.to.iter().cloned()).collect();
    let rules: Vec<Rule> = rules.into_iter().map(|rule| rule.bind(&refs)).collect::<Option<_>>()?;
    Some(LifeEvent {
        name: doc.value.life_event.clone(),
        title: doc.value.title.clone(),
        trigger,
        key: doc.value.key.clone(),
        fields: outline.fields.clone(),
        sensitivity: doc.value.sensitivity,
        death: doc.value.death,
        columns,
        scopes: scopes(&rules),
        subject_links: subject_links(&rules),
        rules,
        audience,
        shared_facts,
        partitions: partitions::of(doc),
    })
}

fn subject_links(rules: &[Rule]) -> BTreeSet<String> {
    let read = rules.iter().flat_map(|rule| &rule.reads_links);
    read.filter(|(through_subject, _)| *through_subject).map(|(_, link)| link.clone()).collect()
}

/// Rules by where they hold.
fn scopes(rules: &[Rule]) -> ScopeIndex {
    let mut index = ScopeIndex::default();
    for (place, rule) in rules.iter().enumerate() {
        match &rule.scope {
            None => index.everywhere.push(place),
            Some(scope) => {
                let by_code = index.local.entry(scope.column).or_default();
                for code in &scope.here.codes {
                    by_code.entry(code.clone()).or_default().push(place);
                }
            }
        }
    }
    index
}

/// What one life event means for others, for event types, and for links.
fn connect(life_events: &mut [LifeEvent], docs: &[Doc<LifeEventFile>], known: &mut Known<'_>) {
    let mut ends: BTreeMap<String, BTreeSet<Recipient>> = BTreeMap::new();
    for rule in life_events.iter().flat_map(|life_event| &life_event.rules) {
        for until in &rule.until {
            ends.entry(until.life_event.clone()).or_default().extend(rule.to.iter().cloned());
        }
    }
    for (index, (life_event, doc)) in life_events.iter_mut().zip(docs).enumerate() {
        life_event.audience.extend(ends.remove(&life_event.name).unwrap_or_default());
        for (column, _) in &life_event.columns {
            if let [link, fact] = column.path.as_slice()
                && let Some(link) = known.declared.links.get_mut(link)
            {
                link.mirrored.insert(fact.clone());
            }
        }
        let On::Events(on) = &doc.value.on else { continue };
        for event in on {
            if let Some(event) = known.events.get_mut(event) {
                event.life_events.push(index);
            }
        }
    }
}
