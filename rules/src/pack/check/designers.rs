//! `designers.yaml`: that it names what there is, and that an edit stays within what its designer may edit.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Cx, Place};
use crate::pack::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use crate::pack::format::{
    DesignerEntry, DesignersFile, LifeEventFile, MaybeDated, OverlayFile, RuleEntry, ServiceEntry,
    ServicesFile,
};
use crate::pack::load::{Doc, Docs, read};
use crate::pack::model::{LifeEvent, Overlay, Pack, Service};
use crate::yaml::Position;

/// What designers are held against.
pub(super) struct Known<'a> {
    services: &'a BTreeMap<String, Service>,
    overlays: &'a [Overlay],
    life_events: Option<&'a [LifeEvent]>,
}

impl<'a> Known<'a> {
    pub(super) const fn new(
        services: &'a BTreeMap<String, Service>,
        overlays: &'a [Overlay],
        life_events: Option<&'a [LifeEvent]>,
    ) -> Self {
        Self { services, overlays, life_events }
    }
}

pub(super) fn check(
    doc: Option<&Doc<DesignersFile>>,
    known: &Known<'_>,
    cx: &Cx<'_>,
) -> BTreeMap<String, DesignerEntry> {
    let Some(doc) = doc else { return BTreeMap::new() };
    let root = Place::of(doc).then("designers");
    let dated = known.services.values().flat_map(|service| service.authorities.all());
    let authorities: BTreeSet<&String> = dated.flat_map(BTreeMap::values).collect();
    let overlays: BTreeSet<&String> = known.overlays.iter().map(|overlay| &overlay.name).collect();
    let life_events: Option<BTreeSet<&String>> =
        known.life_events.map(|all| all.iter().map(|life_event| &life_event.name).collect());
    for (name, entry) in &doc.value.designers {
        let place = root.then(name);
        cx.id(&place.clone().key(), name);
        cx.texts(&place.then("title"), &entry.title);
        let named = |key: &str, kind: &str, names: &[String], known: &BTreeSet<&String>| {
            for (index, name) in names.iter().enumerate().filter(|(_, name)| !known.contains(name)) {
                cx.unknown(&place.then(key).then(index), kind, name, known.iter().copied());
            }
        };
        named("authorities", "authority of a service", &entry.authorities, &authorities);
        named("overlays", "overlay", &entry.overlays, &overlays);
        if let Some(life_events) = &life_events {
            named("life_events", "life event", &entry.life_events, life_events);
        }
    }
    if !doc.value.designers.values().any(|entry| entry.all) {
        let message = "nobody may edit everything, so nobody could edit this file again";
        cx.hinted(
            &root.clone().key(),
            Code::BadRule,
            message,
            Some("give one of them `all: true`".to_owned()),
        );
    }
    doc.value.designers.clone()
}

/// Everything in which `edited` differs from this pack and which `designer` may not edit, by what the pack as it stands
/// allows: nobody gives themselves leave. Comments and layout are free.
///
/// # Errors
/// When the pack has no such designer; says whom it has.
pub fn foreign_edits(
    pack: &Pack,
    edited: &BTreeMap<String, String>,
    designer: &str,
) -> Result<Vec<Diagnostic>, UnknownDesigner> {
    let Some(may) = pack.designers.get(designer) else {
        let names = || pack.designers.keys().map(String::as_str);
        let known = names().collect::<Vec<_>>().join(", ");
        let hint = did_you_mean(designer, names()).map(|hint| format!("; {hint}")).unwrap_or_default();
        return Err(UnknownDesigner { designer: designer.to_owned(), known, hint });
    };
    if may.all {
        return Ok(Vec::new());
    }
    // What does not read is for `check` to say.
    let mut unread = Diagnostics::default();
    let (old, new) = (read(&pack.files, &mut unread), read(edited, &mut unread));
    let (broken, reviews) = (BTreeSet::new(), RefCell::default());
    let out = RefCell::new(Diagnostics::default());
    let cx = Cx { broken: &broken, unread: true, known: None, languages: None, out, reviews };
    let comparing = Comparing { may, designer, old: &old, new: &new, cx: &cx };
    comparing.overlays();
    comparing.services();
    comparing.life_events();
    comparing.others();
    Ok(cx.out.into_inner().into_sorted())
}

/// There is no designer of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("designers.yaml of the pack as it stands names no designer `{designer}`; it names {}{hint}", if known.is_empty() { "nobody" } else { known })]
pub struct UnknownDesigner {
    designer: String,
    known: String,
    hint: String,
}

/// Two states of a pack, one of them a designer's.
struct Comparing<'a> {
    may: &'a DesignerEntry,
    designer: &'a str,
    old: &'a Docs,
    new: &'a Docs,
    cx: &'a Cx<'a>,
}

/// Entries by name, each with the place to point at, before and after.
type Both<'a, T> = BTreeMap<String, [Option<(Place<'a>, &'a T)>; 2]>;

impl Comparing<'_> {
    fn fault(&self, place: &Place<'_>, what: &str, whose: &str) {
        let message = format!("`{}` may not edit {what}", self.designer);
        self.cx.hinted(place, Code::NotYours, message, Some(format!("ask {whose}, or leave it as it was")));
    }

    fn overlays(&self) {
        let by_name = both([&self.old.overlays, &self.new.overlays], |doc: &Doc<OverlayFile>| {
            vec![(doc.value.overlay.clone(), Place::of(doc), &doc.value)]
        });
        for (name, sides) in by_name {
            if let Some(place) = changed(&sides)
                && !self.may.overlays.contains(&name)
            {
                self.fault(place, &format!("the overlay `{name}`"), "its owner");
            }
        }
    }

    fn services(&self) {
        for (id, sides) in services_of([&self.old.services, &self.new.services]) {
            let mine = sides.iter().flatten().all(|(_, entry)| self.provides(entry));
            if let Some(place) = changed(&sides)
                && !mine
            {
                self.fault(
                    place,
                    &format!("the service `{id}`"),
                    "whoever may edit its authority's services",
                );
            }
        }
        let themes = both([&self.old.services, &self.new.services], |doc| {
            let place = Place::of(doc).then("themes");
            doc.value.themes.iter().map(|(id, theme)| (id.clone(), place.then(id), theme)).collect()
        });
        for (id, sides) in themes {
            if let Some(place) = changed(&sides) {
                self.fault(place, &format!("the theme `{id}`"), "whoever may edit everything");
            }
        }
    }

    /// Whether all authorities that a service ever had are among the designer's.
    fn provides(&self, entry: &ServiceEntry) -> bool {
        let one =
            |texts: &BTreeMap<String, String>| texts.values().any(|text| self.may.authorities.contains(text));
        match &entry.authority {
            MaybeDated::Always(texts) => one(texts),
            MaybeDated::Dated(each) => each.iter().all(|dated| one(&dated.text)),
        }
    }

    fn life_events(&self) {
        let services = services_of([&self.old.services, &self.new.services]);
        let by_name = both([&self.old.life_events, &self.new.life_events], |doc: &Doc<LifeEventFile>| {
            vec![(doc.value.life_event.clone(), Place::of(doc), &doc.value)]
        });
        for (name, sides) in by_name {
            if changed(&sides).is_none() || self.may.life_events.contains(&name) {
                continue;
            }
            self.frame(&name, &sides);
            for (key, rules) in rules_of(&sides) {
                let told = rules.iter().flatten().map(|(_, rule)| &rule.service);
                let mine = told.into_iter().all(|service| {
                    let sides = services.get(service).into_iter().flatten().flatten();
                    services.contains_key(service) && sides.into_iter().all(|(_, entry)| self.provides(entry))
                });
                if let Some(place) = changed(&rules)
                    && !mine
                {
                    let whose = "whoever may edit its service";
                    self.fault(place, &format!("the rule `{key}`"), whose);
                }
            }
        }
    }

    /// All of a life event but its rules, and the order in which they stand.
    fn frame(&self, name: &str, sides: &[Option<(Place<'_>, &LifeEventFile)>; 2]) {
        let bare: Vec<LifeEventFile> = sides
            .iter()
            .flatten()
            .map(|(_, file)| LifeEventFile { rules: Vec::new(), ..(*file).clone() })
            .collect();
        let keys = |side: usize| sides[side].iter().flat_map(|(_, file)| &file.rules).map(|rule| &rule.key);
        let kept = |side: usize, other: usize| -> Vec<&String> {
            keys(side).filter(|key| keys(other).any(|kept| kept == *key)).collect()
        };
        let is_same = bare.len() == 2 && same(&bare[0], &bare[1]) && kept(0, 1) == kept(1, 0);
        if let Some((place, _)) = sides.iter().rev().flatten().next()
            && !is_same
        {
            let what = format!("the life event `{name}` itself, or the order of its rules");
            self.fault(place, &what, "whoever may edit the life event");
        }
    }

    /// Files that belong to the whole pack.
    fn others(&self) {
        let (old, new) = (self.old, self.new);
        let differ = [
            ("pack.yaml", told(&old.pack) != told(&new.pack)),
            ("sources.yaml", told(&old.sources) != told(&new.sources)),
            ("parameters.yaml", told(&old.parameters) != told(&new.parameters)),
            ("facts.yaml", told(&old.facts) != told(&new.facts)),
            ("events.yaml", told(&old.events) != told(&new.events)),
            ("lists.yaml", told(&old.lists) != told(&new.lists)),
            ("wording.yaml", told(&old.wording) != told(&new.wording)),
            ("designers.yaml", told(&old.designers) != told(&new.designers)),
        ];
        for (file, _) in differ.iter().filter(|(_, differs)| *differs) {
            let message = format!("`{}` may not edit {file}", self.designer);
            let hint = Some("ask whoever may edit everything, or leave it as it was".to_owned());
            self.cx.at(file, Position::START, (Code::NotYours, message, hint));
        }
    }
}

/// What the two states say of each name.
fn both<'a, D, T>(
    docs: [&'a [Doc<D>]; 2],
    entries: impl Fn(&'a Doc<D>) -> Vec<(String, Place<'a>, &'a T)>,
) -> Both<'a, T> {
    let mut found: Both<'a, T> = BTreeMap::new();
    for (side, docs) in docs.into_iter().enumerate() {
        for (name, place, entry) in docs.iter().flat_map(&entries) {
            found.entry(name).or_default()[side] = Some((place, entry));
        }
    }
    found
}

fn services_of<'a>(docs: [&'a [Doc<ServicesFile>]; 2]) -> Both<'a, ServiceEntry> {
    both(docs, |doc| {
        let place = Place::of(doc).then("services");
        doc.value.services.iter().map(|(id, entry)| (id.clone(), place.then(id), entry)).collect()
    })
}

fn rules_of<'a>(sides: &[Option<(Place<'a>, &'a LifeEventFile)>; 2]) -> Both<'a, RuleEntry> {
    let mut found: Both<'a, RuleEntry> = BTreeMap::new();
    for (side, (place, file)) in
        sides.iter().enumerate().filter_map(|(side, one)| Some((side, one.as_ref()?)))
    {
        for (index, rule) in file.rules.iter().enumerate() {
            found.entry(rule.key.clone()).or_default()[side] = Some((place.then("rules").then(index), rule));
        }
    }
    found
}

/// Where something differs: as it would be, or as it was where it goes.
fn changed<'s, 'a, T: Serialize>(sides: &'s [Option<(Place<'a>, &'a T)>; 2]) -> Option<&'s Place<'a>> {
    match sides {
        [Some((_, old)), Some((place, new))] => (!same(*old, *new)).then_some(place),
        [one, other] => other.as_ref().or(one.as_ref()).map(|(place, _)| place),
    }
}

fn same<T: Serialize>(one: &T, other: &T) -> bool {
    let value = |it: &T| serde_json::to_value(it).ok();
    value(one) == value(other)
}

fn told<T: Serialize>(doc: &Option<Doc<T>>) -> Option<serde_json::Value> {
    doc.as_ref().and_then(|doc| serde_json::to_value(&doc.value).ok())
}
