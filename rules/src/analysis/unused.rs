//! What a pack declares and nothing reads. Personal data that nothing reads has no purpose.

use std::collections::BTreeSet;

use super::Found;
use super::finding::FindingCode as Code;
use super::places::Places;
use crate::expr::{ColumnRef, RowKind};
use crate::pack::model::{Change, EventType, LifeEvent, Pack, Person, Recipient, Term, Trigger};

pub(super) fn check(pack: &Pack, places: &Places, found: &mut Found<'_>) {
    let read = Read::of(pack, places);
    facts(pack, &read, places, found);
    sets(pack, &read, places, found);
    written(pack, places, found);
    life_events(pack, places, found);
    for event in pack.events.values() {
        events(pack, event, places, found);
    }
}

/// The names in the rows `subject` and `citizen` that something reads.
struct Read<'a> {
    names: BTreeSet<&'a str>,
    links: BTreeSet<&'a str>,
}

impl<'a> Read<'a> {
    fn of(pack: &'a Pack, places: &'a Places) -> Self {
        let roles = &pack.roles;
        let mut names: BTreeSet<&str> = [
            &roles.deceased_on,
            &roles.death_confirmed,
            &roles.refusals,
            &roles.shields,
            &roles.name,
            &roles.birth_date,
            &roles.sex,
            &roles.language,
        ]
        .map(String::as_str)
        .into();
        // Where people live, for overlays to come.
        names.extend(places.texts("places"));
        let mut links = BTreeSet::new();
        for life_event in &pack.life_events {
            for (column, _) in &life_event.columns {
                match (column.row, column.path.as_slice()) {
                    (RowKind::Event, _) => {}
                    (_, [link, name]) => {
                        links.insert(link.as_str());
                        names.insert(name.as_str());
                    }
                    (_, path) => names.extend(path.iter().map(String::as_str)),
                }
            }
            if let Trigger::Milestone(milestone) = &life_event.trigger {
                names.extend(milestone.reads.iter().map(String::as_str));
            }
            links.extend(life_event.rules.iter().flat_map(|rule| &rule.to).filter_map(|to| match to {
                Recipient::Link(link) => Some(link.as_str()),
                Recipient::Subject => None,
            }));
        }
        Self { names, links }
    }
}

fn facts(pack: &Pack, read: &Read<'_>, places: &Places, found: &mut Found<'_>) {
    for name in pack.facts.keys().filter(|name| !read.names.contains(name.as_str())) {
        let message = format!("nothing reads the fact `{name}`");
        let hint = "remove it: personal data that nothing reads has no purpose";
        entry(Code::UnusedFact, ("facts", name), message, hint, places, found);
    }
    for name in pack.folds.keys().filter(|name| !read.names.contains(name.as_str())) {
        let message = format!("nothing reads the fold `{name}`");
        entry(Code::UnusedFold, ("folds", name), message, "remove it", places, found);
    }
    for name in pack.links.keys().filter(|name| !read.links.contains(name.as_str())) {
        let message = format!("no rule follows the link `{name}`");
        let hint = "remove it: a relation that nothing follows has no purpose";
        entry(Code::UnusedLink, ("links", name), message, hint, places, found);
    }
}

/// A set is read through its folds, or by the engine.
fn sets(pack: &Pack, read: &Read<'_>, places: &Places, found: &mut Found<'_>) {
    let folds =
        pack.folds.iter().filter(|(name, _)| read.names.contains(name.as_str())).map(|(_, fold)| fold);
    let folds: Vec<_> = folds.collect();
    for (name, set) in &pack.sets {
        if !read.names.contains(name.as_str()) && folds.iter().all(|fold| fold.set != *name) {
            let message = format!("nothing reads the set `{name}`");
            let hint = "remove it, or fold it into a value that a rule reads";
            entry(Code::UnusedSet, ("sets", name), message, hint, places, found);
            continue;
        }
        let folded =
            |field: &String| folds.iter().any(|fold| fold.set == *name && fold.field.as_ref() == Some(field));
        let Some(spot) = places.entry("sets", name) else { continue };
        for field in set.fields.keys().filter(|field| !folded(field)) {
            let message = format!("nothing reads the field `{field}` of the set `{name}`");
            found.add(
                Code::UnusedSet,
                &spot.then("fields").then(field).key(),
                message,
                "remove it, or fold it",
            );
        }
    }
}

/// Figures of law and derived facts are gone once a pack is loaded: what names them is found in its files. A mention in
/// a comment counts too.
fn written(pack: &Pack, places: &Places, found: &mut Found<'_>) {
    let named = |name: &str| {
        let end = |rest: &str| rest.chars().next().is_none_or(|next| !next.is_alphanumeric() && next != '_');
        let names = |text: &String| text.match_indices(name).any(|(at, _)| end(&text[at + name.len()..]));
        pack.files.values().any(names)
    };
    for name in places.names("parameters").filter(|name| !named(&format!("law.{name}"))) {
        let message = format!("nothing names the figure `law.{name}`");
        entry(
            Code::UnusedFigure,
            ("parameters", name),
            message,
            "name it in a condition, or remove it",
            places,
            found,
        );
    }
    for name in places.names("derived").filter(|name| !named(&format!(".{name}"))) {
        let message = format!("nothing names the derived fact `{name}`");
        entry(
            Code::UnusedDerived,
            ("derived", name),
            message,
            "name it in a condition, or remove it",
            places,
            found,
        );
    }
}

fn life_events(pack: &Pack, places: &Places, found: &mut Found<'_>) {
    let rules = pack.life_events.iter().flat_map(|life_event| &life_event.rules);
    let ended = rules.flat_map(|rule| &rule.until).map(|until| &until.life_event);
    let awaited = pack.life_events.iter().filter_map(|life_event| match &life_event.trigger {
        Trigger::Absence(absence) => Some([&absence.of, &absence.without]),
        _ => None,
    });
    let ends: BTreeSet<_> = ended.chain(awaited.flatten()).map(String::as_str).collect();
    for life_event in &pack.life_events {
        if life_event.rules.is_empty()
            && !ends.contains(life_event.name.as_str())
            && let Some(spot) = places.life_event(&life_event.name)
        {
            let message = format!("the life event `{}` starts no rule and ends none", life_event.name);
            let hint = "give it a rule, name it in `until` of one, or remove it";
            found.add(Code::UnusedLifeEvent, &spot.then("life_event"), message, hint);
        }
    }
}

fn events(pack: &Pack, event: &EventType, places: &Places, found: &mut Found<'_>) {
    let Some(spot) = places.entry("events", &event.name) else { return };
    if event.effects.is_empty() && event.retracts.is_none() && event.life_events.is_empty() {
        let message =
            format!("`{}` reports no life event, changes no fact and takes nothing back", event.name);
        found.add(Code::IdleEvent, &spot, message, "remove it, or say what it does");
        return;
    }
    let reported: Vec<_> = event.life_events.iter().filter_map(|at| pack.life_events.get(*at)).collect();
    for field in event.fields.keys().filter(|field| !is_read(pack, event, &reported, field)) {
        let message = format!("nothing reads the field `{field}` of `{}`", event.name);
        let hint = "remove it: what no rule, effect or key reads need not be sent";
        found.add(Code::UnusedField, &spot.then("data").then(field).key(), message, hint);
    }
}

fn is_read(pack: &Pack, event: &EventType, reported: &[&LifeEvent], field: &String) -> bool {
    let column = |column: &ColumnRef| column.row == RowKind::Event && column.path.first() == Some(field);
    let same = |life_event: &LifeEvent| {
        let own = life_event.rules.iter().flat_map(|rule| &rule.until);
        let rules = pack.life_events.iter().flat_map(|other| &other.rules);
        let others = rules.flat_map(|rule| &rule.until).filter(|until| until.life_event == life_event.name);
        own.chain(others).any(|until| until.same.contains(field) || until.values.contains_key(field))
    };
    let by_clock = |life_event: &LifeEvent| {
        pack.life_events.iter().any(|other| match &other.trigger {
            Trigger::Absence(absence) if absence.of == life_event.name => {
                absence.anchor == *field
                    || absence.same.contains(field)
                    || other.key.contains(field)
                    || other.columns.iter().any(|(known, _)| column(known))
            }
            Trigger::Absence(absence) => absence.without == life_event.name && absence.same.contains(field),
            _ => false,
        })
    };
    event.retracts.as_ref() == Some(field)
        || event.effects.iter().any(|effect| names(&effect.of, field) || changes(&effect.change, field))
        || reported.iter().any(|life_event| {
            life_event.key.contains(field)
                || life_event.columns.iter().any(|(known, _)| column(known))
                || same(life_event)
                || by_clock(life_event)
        })
}

fn changes(change: &Change, field: &str) -> bool {
    let value = |term: &Term| matches!(term, Term::Field(name) if name == field);
    match change {
        Change::Set { value: term, .. } => value(term),
        Change::Put { element, fields, .. } => value(element) || fields.iter().any(|(_, term)| value(term)),
        Change::Remove { element, .. } => value(element),
        Change::Link { other, .. } | Change::Unlink { other, .. } => names(other, field),
    }
}

fn names(person: &Person, field: &str) -> bool {
    matches!(person, Person::Field(name) if name == field)
}

fn entry(
    code: Code,
    (section, name): (&str, &str),
    message: String,
    hint: &str,
    places: &Places,
    found: &mut Found<'_>,
) {
    if let Some(spot) = places.entry(section, name) {
        found.add(code, &spot, message, hint);
    }
}
