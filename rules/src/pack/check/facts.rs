//! `facts.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use tidings_domain::value::ValueType;

use super::{Cx, Declared, Place, derived, value_type};
use crate::pack::diagnostic::Code;
use crate::pack::format::{self, FactsFile, FoldEntry, FoldKind, TypeName};
use crate::pack::law::Parameter;
use crate::pack::load::Doc;
use crate::pack::model::{Fact, Fold, Keeping, Link, SetFact};
use crate::pack::period;

pub(super) fn check(doc: &Doc<FactsFile>, parameters: &BTreeMap<String, Parameter>, cx: &Cx<'_>) -> Declared {
    let (file, root) = (&doc.value, Place::of(doc));
    names(file, &root, cx);
    let mut declared = Declared::default();
    for (name, entry) in &file.facts {
        let place = root.then("facts").then(name);
        let values = closed_list(&place, entry.value_type, &entry.values, cx);
        let keeping = keeping(&place, &entry.keeping, cx);
        declared
            .facts
            .insert(name.clone(), Fact { value_type: value_type(entry.value_type), values, keeping });
    }
    for (name, entry) in &file.sets {
        let place = root.then("sets").then(name);
        if !matches!(entry.key, TypeName::Text | TypeName::Citizen) {
            let key = value_type(entry.key);
            cx.fault(
                &place.then("key"),
                Code::WrongType,
                format!("a set's key is text or citizen, not {key}"),
            );
        }
        for field in entry.fields.keys() {
            cx.word(&place.then("fields").then(field).key(), field);
        }
        let keeping = keeping(&place, &entry.keeping, cx);
        let fields = entry.fields.iter().map(|(name, kind)| (name.clone(), value_type(*kind))).collect();
        declared.sets.insert(name.clone(), SetFact { key: value_type(entry.key), fields, keeping });
    }
    for (name, entry) in &file.folds {
        if let Some(fold) = fold(&root.then("folds").then(name), entry, &declared.sets, cx) {
            declared.folds.insert(name.clone(), fold);
        }
    }
    for (name, entry) in &file.links {
        let place = root.then("links").then(name);
        let keeping = keeping(&place, &entry.keeping, cx);
        let shows = entry.shows.iter().cloned().collect();
        declared.links.insert(name.clone(), Link { shows, keeping, mirrored: BTreeSet::new() });
    }
    shows(file, &root, &declared, cx);
    derived::check(file, &root, &mut declared, parameters, cx);
    declared
}

/// Facts, sets, folds and links share one space of names: columns and sources do not say which is meant.
fn names(file: &FactsFile, root: &Place<'_>, cx: &Cx<'_>) {
    let sections: [(&str, Vec<&String>); 5] = [
        ("facts", file.facts.keys().collect()),
        ("sets", file.sets.keys().collect()),
        ("folds", file.folds.keys().collect()),
        ("links", file.links.keys().collect()),
        ("derived", file.derived.keys().collect()),
    ];
    let mut seen = BTreeMap::new();
    for (section, names) in sections {
        for name in names {
            let place = root.then(section).then(name).key();
            cx.word(&place, name);
            if let Some(before) = seen.insert(name, section) {
                cx.fault(&place, Code::DuplicateName, format!("`{name}` is already one of the {before}"));
            }
        }
    }
}

/// Checks a closed list of values, which only text has.
pub(super) fn closed_list(
    place: &Place<'_>,
    kind: TypeName,
    values: &[String],
    cx: &Cx<'_>,
) -> BTreeSet<String> {
    let list = place.then("values");
    if !values.is_empty() && kind != TypeName::Text {
        cx.fault(
            &list,
            Code::WrongType,
            format!("only text has a closed list of values, not {}", value_type(kind)),
        );
    }
    let mut seen = BTreeSet::new();
    for (index, value) in values.iter().enumerate() {
        cx.not_blank(&list.then(index), value);
        if !seen.insert(value.clone()) {
            cx.fault(&list.then(index), Code::DuplicateName, format!("`{value}` stands twice"));
        }
    }
    seen
}

fn keeping(place: &Place<'_>, entry: &format::Keeping, cx: &Cx<'_>) -> Keeping {
    cx.not_blank(&place.then("purpose"), &entry.purpose);
    cx.not_blank(&place.then("ground"), &entry.ground);
    let retention_days = retention(&place.then("retention"), &entry.retention, cx);
    let stale_after_days = period::days_or_never(&entry.stale_after);
    if stale_after_days.is_none() {
        let hint = Some("`N days`, `N months`, `N years` or `never`".to_owned());
        let message = format!("`{}` is not a period", entry.stale_after);
        cx.hinted(&place.then("stale_after"), Code::BadPeriod, message, hint);
    }
    Keeping {
        purpose: entry.purpose.clone(),
        ground: entry.ground.clone(),
        sensitivity: entry.sensitivity,
        retention_days: retention_days.unwrap_or_default(),
        stale_after_days: stale_after_days.unwrap_or_default(),
    }
}

/// Reads a period that cannot be `never`.
pub(super) fn retention(place: &Place<'_>, text: &str, cx: &Cx<'_>) -> Option<u32> {
    let days = period::days(text);
    if days.is_none() {
        let hint = Some("`N days`, `N months` or `N years`, up to 150 years".to_owned());
        cx.hinted(place, Code::BadPeriod, format!("`{text}` is not a period"), hint);
    }
    days
}

fn fold(place: &Place<'_>, entry: &FoldEntry, sets: &BTreeMap<String, SetFact>, cx: &Cx<'_>) -> Option<Fold> {
    let Some(set) = sets.get(&entry.set) else {
        cx.unknown(&place.then("set"), "set", &entry.set, sets.keys());
        return None;
    };
    let done = |field: Option<&String>, value_type| {
        Some(Fold { set: entry.set.clone(), kind: entry.fold, field: field.cloned(), value_type })
    };
    let field_place = place.then("field");
    let Some(name) = &entry.field else {
        if entry.fold == FoldKind::Count {
            return done(None, ValueType::Int);
        }
        cx.fault(place, Code::MissingKey, "the key `field` is missing: only `count` folds no field");
        return None;
    };
    if entry.fold == FoldKind::Count {
        cx.fault(&field_place, Code::NotAllowed, "`count` folds no field");
        return None;
    }
    let Some(kind) = set.fields.get(name) else {
        cx.unknown(&field_place, "field", name, set.fields.keys());
        return None;
    };
    let fits = match entry.fold {
        FoldKind::Min | FoldKind::Max => matches!(kind, ValueType::Int | ValueType::Date),
        FoldKind::Sum | FoldKind::Count => *kind == ValueType::Int,
    };
    if !fits {
        let wanted = if entry.fold == FoldKind::Sum { "an int" } else { "an int or a date" };
        cx.fault(&field_place, Code::WrongType, format!("`{name}` is {kind}, and this fold needs {wanted}"));
    }
    done(Some(name), *kind)
}

fn shows(file: &FactsFile, root: &Place<'_>, declared: &Declared, cx: &Cx<'_>) {
    for (link, entry) in &file.links {
        for (index, name) in entry.shows.iter().enumerate() {
            if !declared.shown().any(|known| known == name) {
                let place = root.then("links").then(link).then("shows").then(index);
                cx.unknown(&place, "fact, fold or set", name, declared.shown());
            }
        }
    }
}
