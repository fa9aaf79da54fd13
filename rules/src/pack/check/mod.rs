//! The meaning of a pack: every name leads somewhere, every type fits, nobody is told about another person in
//! silence. Checking and compiling are one walk: what comes out has been checked, and what is wrong is on the
//! list.

pub use designers::{UnknownDesigner, foreign_edits};

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tidings_domain::value::ValueType;

use super::diagnostic::{Code, Diagnostics, Review, ReviewKind, did_you_mean};
use super::format::{Texts, TypeName};
use super::load::{Doc, Docs, digest};
use super::model::{Fact, Fold, LifeEvent, Link, Pack, SetFact};
use crate::expr::Source;
use crate::yaml::{Data, Node, Position, Step};

mod cases;
mod clock;
mod derived;
mod designers;
mod effects;
mod events;
mod facts;
mod frames;
mod life_events;
mod lists;
mod overlays;
mod pack_file;
mod parameters;
mod partitions;
mod privacy;
mod publication;
mod rules;
mod services;
mod sources;
mod table;
mod templates;

/// Where something stands: a file and a path into it.
#[derive(Clone)]
pub(super) struct Place<'a> {
    file: &'a str,
    root: &'a Node,
    path: Vec<Step>,
    key: bool,
}

impl<'a> Place<'a> {
    /// The whole of a file.
    fn of<T>(doc: &'a Doc<T>) -> Self {
        Self { file: &doc.file, root: &doc.root, path: Vec::new(), key: false }
    }

    /// One step further in.
    fn then(&self, step: impl Into<Step>) -> Self {
        let mut path = self.path.clone();
        path.push(step.into());
        Self { path, ..self.clone() }
    }

    /// The key here, rather than its value.
    fn key(mut self) -> Self {
        self.key = true;
        self
    }

    fn position(&self) -> Position {
        if self.key { self.root.key_position(&self.path) } else { self.root.position(&self.path) }
    }

    fn node(&self) -> &'a Node {
        self.root.walk(&self.path)
    }

    /// The position of a character of the text here; line and column count from 1.
    fn within(&self, line: usize, column: usize) -> Position {
        match &self.node().data {
            Data::Text(text) => text.place(line, column),
            _ => self.position(),
        }
    }
}

/// What every check needs.
pub(super) struct Cx<'a> {
    /// Names that stand in the files but are misshapen.
    pub(super) broken: &'a BTreeSet<String>,
    /// Whether the name of some life event is not known.
    unread: bool,
    /// The day on which things must have been known to count; `None` for all that the files say.
    known: Option<chrono::NaiveDate>,
    /// The pack's languages; `None` when `pack.yaml` is misshapen.
    languages: Option<&'a [String]>,
    out: RefCell<Diagnostics>,
    reviews: RefCell<Vec<Review>>,
}

impl Cx<'_> {
    fn fault(&self, place: &Place<'_>, code: Code, message: impl Into<String>) {
        self.hinted(place, code, message, None);
    }

    fn hinted(&self, place: &Place<'_>, code: Code, message: impl Into<String>, hint: Option<String>) {
        self.at(place.file, place.position(), (code, message.into(), hint));
    }

    fn at(&self, file: &str, at: Position, (code, message, hint): (Code, String, Option<String>)) {
        self.out.borrow_mut().push(file, at, code, message, hint);
    }

    /// Reports that nothing of this kind is called `name`, unless it is known to be misshapen.
    fn unknown<'n>(
        &self,
        place: &Place<'_>,
        kind: &str,
        name: &str,
        names: impl IntoIterator<Item = &'n String>,
    ) {
        if self.broken.contains(name) {
            return;
        }
        let hint = did_you_mean(name, names.into_iter().map(String::as_str));
        self.hinted(place, Code::UnknownName, format!("no {kind} `{name}`"), hint);
    }

    /// Whether what became known on a day counts.
    fn is_known(&self, known: chrono::NaiveDate) -> bool {
        self.known.is_none_or(|day| known <= day)
    }

    fn review(&self, place: &Place<'_>, kind: ReviewKind, message: String) {
        self.review_at(place.file, place.position(), kind, message);
    }

    fn review_at(&self, file: &str, at: Position, kind: ReviewKind, message: String) {
        let Position { line, column } = at;
        self.reviews.borrow_mut().push(Review { file: file.to_owned(), line, column, kind, message });
    }

    /// Checks that a text exists in every language of the pack, and in no other.
    fn texts(&self, place: &Place<'_>, texts: &Texts) {
        self.languages(&place.clone().key(), place, texts);
        for (language, text) in texts {
            if text.trim().is_empty() {
                self.fault(&place.then(language), Code::Language, "an empty text");
            }
        }
    }

    /// Checks that something exists in every language of the pack, and in no other.
    fn languages<T>(&self, missing: &Place<'_>, place: &Place<'_>, by_language: &BTreeMap<String, T>) {
        let Some(languages) = self.languages else { return };
        for language in languages {
            if !by_language.contains_key(language) && !self.broken.contains(language) {
                self.fault(missing, Code::Language, format!("the text in `{language}` is missing"));
            }
        }
        for language in by_language.keys().filter(|language| !languages.contains(language)) {
            let hint = did_you_mean(language, languages.iter().map(String::as_str));
            let message = format!("`{language}` is no language of this pack");
            self.hinted(&place.then(language).key(), Code::Language, message, hint);
        }
    }

    /// Checks that a sentence for people who maintain the pack is there.
    fn not_blank(&self, place: &Place<'_>, text: &str) {
        if text.trim().is_empty() {
            self.fault(place, Code::NotAllowed, "an empty text");
        }
    }

    /// Checks a name that SQL and templates read: small letters, digits and `_`.
    fn word(&self, place: &Place<'_>, name: &str) {
        let good = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_');
        if !good {
            let hint = Some("small letters, digits and `_`, with a letter first".to_owned());
            self.hinted(place, Code::BadName, format!("`{name}` cannot be a name"), hint);
        }
    }

    /// Checks a name that only the engine reads: as [`Self::word`], with `-` and `.` inside.
    fn id(&self, place: &Place<'_>, name: &str) {
        let inner = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit();
        let good = name.starts_with(inner)
            && name.ends_with(inner)
            && name.chars().all(|char| inner(char) || matches!(char, '_' | '-' | '.'));
        if !good {
            let hint = Some("small letters and digits, with `_`, `-` or `.` between".to_owned());
            self.hinted(place, Code::BadName, format!("`{name}` cannot be a name"), hint);
        }
    }

    /// Reads a date, or reports it.
    fn date(&self, place: &Place<'_>, text: &str) -> Option<chrono::NaiveDate> {
        let date = super::period::date(text);
        if date.is_none() {
            let hint = Some("a day that exists, as `yyyy-mm-dd`".to_owned());
            self.hinted(place, Code::BadDate, format!("`{text}` is not a date"), hint);
        }
        date
    }
}

/// What the files declare about people, compiled.
#[derive(Debug, Default)]
struct Declared {
    facts: BTreeMap<String, Fact>,
    sets: BTreeMap<String, SetFact>,
    folds: BTreeMap<String, Fold>,
    links: BTreeMap<String, Link>,
    /// Derived facts, as they are written.
    derived: Arc<BTreeMap<String, Source>>,
}

impl Declared {
    /// What a source may state: facts, sets and links.
    fn stated(&self) -> impl Iterator<Item = &String> {
        self.facts.keys().chain(self.sets.keys()).chain(self.links.keys())
    }

    /// What a link may show: facts, folds and sets.
    fn shown(&self) -> impl Iterator<Item = &String> {
        self.facts.keys().chain(self.folds.keys()).chain(self.sets.keys())
    }

    fn is_stated(&self, name: &str) -> bool {
        self.facts.contains_key(name) || self.sets.contains_key(name) || self.links.contains_key(name)
    }
}

const fn value_type(name: TypeName) -> ValueType {
    match name {
        TypeName::Bool => ValueType::Bool,
        TypeName::Int => ValueType::Int,
        TypeName::Date => ValueType::Date,
        TypeName::Text => ValueType::Text,
        TypeName::Citizen => ValueType::Citizen,
    }
}

/// Checks everything that has a shape, and compiles it when nothing is wrong.
pub(super) fn pack(
    docs: Docs,
    files: BTreeMap<String, String>,
    known: Option<chrono::NaiveDate>,
    out: Diagnostics,
) -> (Option<Pack>, Diagnostics) {
    let cx = Cx {
        broken: &docs.broken,
        unread: docs.unread,
        known,
        languages: docs.pack.as_ref().map(|doc| doc.value.languages.as_slice()),
        out: RefCell::new(out),
        reviews: RefCell::default(),
    };
    let pack = compile(&docs, files, &cx);
    (pack, cx.out.into_inner())
}

fn compile(docs: &Docs, files: BTreeMap<String, String>, cx: &Cx<'_>) -> Option<Pack> {
    let mut law = docs.parameters.as_ref().map(|doc| parameters::check(doc, cx)).unwrap_or_default();
    let declared = docs.facts.as_ref().map(|doc| facts::check(doc, &law.parameters, cx));
    let header = docs.pack.as_ref().map(|doc| pack_file::check(doc, declared.as_ref(), cx));
    let catalogue = docs.has_services.then(|| services::check(&docs.services, cx));
    let mut wording = docs.wording.as_ref().map(|doc| frames::check(doc, cx));
    // Without these, nothing that follows could be told right from wrong.
    let (facts_doc, declared) = (docs.facts.as_ref()?, declared?);
    let events_doc = docs.events.as_ref()?;
    let (mut catalogue, wording) = (catalogue?, wording.as_mut()?);
    let places = docs.pack.as_ref().map(|doc| doc.value.places.as_slice()).unwrap_or_default();
    let mut base = overlays::Base { declared: &declared, places, law: &mut law, catalogue: &mut catalogue };
    let overlays = overlays::merge(&docs.overlays, &mut base, cx);
    let services::Catalogue { services, themes } = catalogue;
    let mut events = events::check(events_doc, &declared, cx);
    let sources = docs.sources.as_ref().map(|doc| {
        sources::check(
            doc,
            &sources::Stated { facts_doc, declared: &declared, events_doc, events: &events },
            cx,
        )
    });
    let mut declared = declared;
    let life_events = life_events::check(
        &docs.life_events,
        &mut life_events::Known {
            declared: &mut declared,
            events: &mut events,
            services: &services,
            law: &law,
            overlays: (&docs.overlays, &overlays),
            wording,
        },
        cx,
    );
    let lists = docs.lists.as_ref().map(|doc| lists::check(doc, &services, cx)).unwrap_or_default();
    let known = designers::Known::new(&services, &overlays, life_events.as_deref());
    let designers = designers::check(docs.designers.as_ref(), &known, cx);
    if let Some(life_events) = &life_events {
        services::reasons(&docs.services, life_events, cx);
    }
    let (header, sources) = (header??, sources?);
    if !cx.out.borrow().is_empty() {
        return None;
    }
    let life_events = life_events?;
    let wording = docs.wording.as_ref().and(std::mem::take(wording).build(header.languages.first()?))?;
    Some(Pack {
        name: header.name,
        version: header.version,
        digest: digest(&files),
        files,
        zone: header.zone,
        languages: header.languages,
        sociable_hours: header.sociable_hours,
        cap_per_week: header.cap_per_week,
        per_message: header.per_message,
        horizon_days: header.horizon_days,
        roles: header.roles,
        ranks: sources.values().map(|source| (source.name.clone(), source.rank)).collect(),
        sources,
        facts: declared.facts,
        sets: declared.sets,
        folds: declared.folds,
        links: declared.links,
        parameters: law.parameters,
        workdays: law.workdays,
        overlays,
        events: events.into_iter().map(|(name, event)| (name, event.into())).collect::<HashMap<_, _>>(),
        services,
        themes,
        lists,
        designers,
        publication: header.publication,
        roots: roots(&life_events),
        life_events,
        wording,
        reviews: cx.reviews.take(),
        article_gaps: header.article_gaps,
    })
}

/// Where each rule stands, by its oldest key.
fn roots(life_events: &[LifeEvent]) -> HashMap<String, (usize, usize)> {
    let places = |(place, life_event): (usize, &LifeEvent)| {
        let rules = life_event.rules.iter().enumerate();
        rules.map(|(number, rule)| (rule.root.clone(), (place, number))).collect::<Vec<_>>()
    };
    life_events.iter().enumerate().flat_map(places).collect()
}
