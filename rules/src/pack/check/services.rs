//! `services.yaml` and `services/NAME.yaml`: the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::{Cx, Place};
use crate::pack::diagnostic::{Code, ReviewKind};
use crate::pack::format::{Certainty, DatedText, MaybeDated, ServiceEntry, ServicesFile, Texts};
use crate::pack::load::Doc;
use crate::pack::model::{Dated, LifeEvent, Price, Service, Theme};

/// The catalogue, compiled.
#[derive(Default)]
pub(super) struct Catalogue {
    pub(super) services: BTreeMap<String, Service>,
    pub(super) themes: BTreeMap<String, Theme>,
}

pub(super) fn check(docs: &[Doc<ServicesFile>], cx: &Cx<'_>) -> Catalogue {
    let mut catalogue = Catalogue::default();
    let mut seen = BTreeMap::new();
    for doc in docs {
        let root = Place::of(doc).then("themes");
        for (id, entry) in &doc.value.themes {
            let place = root.then(id);
            once(&mut seen, ("theme", id), &place, cx);
            cx.id(&place.clone().key(), id);
            cx.texts(&place.then("title"), &entry.title);
            let theme = Theme { title: entry.title.clone(), code: entry.code.clone() };
            catalogue.themes.insert(id.clone(), theme);
        }
    }
    for doc in docs {
        let root = Place::of(doc).then("services");
        for (id, entry) in &doc.value.services {
            let place = root.then(id);
            once(&mut seen, ("service", id), &place, cx);
            cx.id(&place.clone().key(), id);
            if let Some(theme) = entry.theme.as_ref().filter(|theme| !catalogue.themes.contains_key(*theme)) {
                cx.unknown(&place.then("theme"), "theme", theme, catalogue.themes.keys());
            }
            catalogue.services.insert(id.clone(), service(id, entry, &place, cx));
        }
    }
    catalogue
}

/// Reports a name that stands in two files: in one file, it is a key that stands twice.
fn once<'a>(
    seen: &mut BTreeMap<(&'a str, &'a String), String>,
    name: (&'a str, &'a String),
    place: &Place<'_>,
    cx: &Cx<'_>,
) {
    let key = place.clone().key();
    let here = format!("{}:{}", key.file, key.position().line);
    if let Some(before) = seen.insert(name, here) {
        let message = format!("the {} `{}` is in {before} already", name.0, name.1);
        cx.fault(&key, Code::DuplicateName, message);
    }
}

pub(super) fn service(id: &str, entry: &ServiceEntry, place: &Place<'_>, cx: &Cx<'_>) -> Service {
    let required = [("title", &entry.title), ("channel", &entry.channel)];
    let optional = [
        ("bring", &entry.bring),
        ("processing_time", &entry.processing_time),
        ("not_proactive", &entry.not_proactive),
    ];
    // A service that needs nothing brought says nothing about it.
    let given = optional.into_iter().filter(|(_, texts)| !texts.is_empty());
    for (key, texts) in required.into_iter().chain(given) {
        plain_texts(&place.then(key), texts, cx);
    }
    cx.not_blank(&place.then("source"), &entry.source);
    certain(id, entry, place, cx);
    let day =
        |key: &str, text: &Option<String>| text.as_ref().and_then(|text| cx.date(&place.then(key), text));
    // A service whose date is wrong is there all the same: nothing that names it is wrong too.
    let as_of = cx.date(&place.then("cost_as_of"), &entry.cost_as_of).unwrap_or_default();
    let review_by = day("review_by", &entry.review_by);
    if let Some(review_by) = review_by {
        let message = format!("service `{id}`: check its facts again by {review_by}");
        cx.review(&place.then("review_by"), ReviewKind::ReviewBy, message);
    }
    Service {
        id: id.to_owned(),
        title: entry.title.clone(),
        authorities: authorities(&place.then("authority"), &entry.authority, cx),
        channel: entry.channel.clone(),
        costs: costs(&place.then("cost"), &entry.cost, as_of, cx),
        processing_time: entry.processing_time.clone(),
        bring: entry.bring.clone(),
        procedure_code: entry.procedure_code.clone(),
        theme: entry.theme.clone(),
        valid_from: day("valid_from", &entry.valid_from),
        review_by,
        source: entry.source.clone(),
        certainty: entry.certainty,
        never_push: entry.never_push,
        review: entry.review,
        not_proactive: entry.not_proactive.clone(),
        local: Vec::new(),
    }
}

/// Who provides a service.
pub(super) fn authorities(place: &Place<'_>, texts: &MaybeDated, cx: &Cx<'_>) -> Dated<Texts> {
    dated(place, texts, cx, |text, _| text.clone())
}

/// What a service costs; `as_of` is the day on which that was known, where a text does not say another.
pub(super) fn costs(place: &Place<'_>, texts: &MaybeDated, as_of: NaiveDate, cx: &Cx<'_>) -> Dated<Price> {
    dated(place, texts, cx, |text, dated| Price {
        text: text.clone(),
        as_of: dated.and_then(|dated| crate::pack::period::date(dated.as_of.as_ref()?)).unwrap_or(as_of),
        basis: dated.and_then(|dated| dated.basis.clone()),
    })
}

/// What is recalled is never taken for what was read.
fn certain(id: &str, entry: &ServiceEntry, place: &Place<'_>, cx: &Cx<'_>) {
    if entry.review {
        let message = format!("service `{id}`: its facts need a check against the text in force");
        cx.review(&place.then("review"), ReviewKind::Service, message);
    } else if let Some(Certainty::Recalled | Certainty::Mixed) = entry.certainty {
        let message = "what is recalled, whole or in part, needs a check";
        cx.hinted(&place.then("certainty"), Code::NotAllowed, message, Some("add `review: true`".to_owned()));
    }
}

/// Compiles a text that may be dated. One that is empty or upside down is reported and replaced by nothing.
fn dated<T>(
    place: &Place<'_>,
    texts: &MaybeDated,
    cx: &Cx<'_>,
    build: impl Fn(&Texts, Option<&DatedText>) -> T,
) -> Dated<T> {
    let always = |texts: &Texts| Dated::always(build(texts, None));
    let values = match texts {
        MaybeDated::Always(texts) => {
            plain_texts(place, texts, cx);
            return always(texts);
        }
        MaybeDated::Dated(values) => values,
    };
    if values.is_empty() {
        cx.fault(place, Code::NotAllowed, "a list of dated texts has at least one");
    }
    let mut before: Option<NaiveDate> = None;
    let mut built = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let place = place.then(index);
        plain_texts(&place.then("text"), &value.text, cx);
        if let Some(as_of) = &value.as_of {
            cx.date(&place.then("as_of"), as_of);
        }
        let Some(from) = first_day(&place, index, value, cx) else { continue };
        if before.is_some_and(|before| before >= from) {
            cx.fault(
                &place.then("from"),
                Code::NotAllowed,
                "the days of dated texts grow from one to the next",
            );
        }
        before = Some(from);
        built.push((from, build(&value.text, Some(value))));
    }
    Dated::new(built).unwrap_or_else(|| always(&Texts::new()))
}

fn first_day(place: &Place<'_>, index: usize, value: &DatedText, cx: &Cx<'_>) -> Option<NaiveDate> {
    match &value.from {
        Some(from) => cx.date(&place.then("from"), from),
        None if index == 0 => Some(NaiveDate::MIN),
        None => {
            cx.fault(place, Code::MissingKey, "`from` is missing: only the first text may leave it out");
            None
        }
    }
}

/// Texts that are inserted as they stand, in every language of the pack.
pub(super) fn plain_texts(place: &Place<'_>, texts: &Texts, cx: &Cx<'_>) {
    cx.texts(place, texts);
    for (language, text) in texts {
        if ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark)) {
            cx.fault(
                &place.then(language),
                Code::Template,
                "the texts of a service are plain, not templates",
            );
        }
    }
}

/// Holds the catalogue against the rules: a service that no rule tells of says why, and one that a rule tells of
/// does not say why not.
pub(super) fn reasons(docs: &[Doc<ServicesFile>], life_events: &[LifeEvent], cx: &Cx<'_>) {
    let rules = life_events.iter().flat_map(|life_event| &life_event.rules);
    let told: BTreeSet<&str> = rules.map(|rule| rule.service.as_str()).collect();
    for doc in docs {
        for (id, entry) in &doc.value.services {
            match (told.contains(id.as_str()), entry.not_proactive.is_empty()) {
                (false, true) => {
                    let message =
                        format!("service `{id}`: no rule tells of it, and no `not_proactive` says why");
                    let place = Place::of(doc).then("services").then(id).key();
                    cx.review(&place, ReviewKind::Untold, message);
                }
                (true, false) => {
                    let place = Place::of(doc).then("services").then(id).then("not_proactive").key();
                    let message = format!("a rule tells of `{id}`, and this says why none does");
                    cx.fault(&place, Code::BadRule, message);
                }
                _ => {}
            }
        }
    }
}
