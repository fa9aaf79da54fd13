//! `pack.yaml`.

use std::collections::BTreeSet;

use chrono_tz::{TZ_VARIANTS, Tz};
use tidings_domain::value::ValueType;

use super::{Cx, Declared, Place};
use crate::pack::diagnostic::{Code, did_you_mean};
use crate::pack::format::PackFile;
use crate::pack::load::Doc;
use crate::pack::model::Roles;
use crate::pack::publication::Publication;

/// Hours in a day.
const HOURS: u32 = 24;
/// The most opportunities in one message.
const MAX_PER_MESSAGE: u32 = 3;

/// What `pack.yaml` says, checked.
pub(super) struct Header {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) zone: Tz,
    pub(super) languages: Vec<String>,
    pub(super) sociable_hours: (u32, u32),
    pub(super) cap_per_week: u32,
    pub(super) per_message: usize,
    pub(super) horizon_days: u32,
    pub(super) roles: Roles,
    pub(super) article_gaps: Vec<String>,
    pub(super) publication: Option<Publication>,
}

pub(super) fn check(doc: &Doc<PackFile>, declared: Option<&Declared>, cx: &Cx<'_>) -> Option<Header> {
    let (file, root) = (&doc.value, Place::of(doc));
    cx.id(&root.then("name"), &file.name);
    cx.not_blank(&root.then("version"), &file.version);
    languages(file, &root.then("languages"), cx);
    cx.texts(&root.then("title"), &file.title);
    let hours = root.then("sociable_hours");
    let (from, to) = (file.sociable_hours.from, file.sociable_hours.to);
    if from >= HOURS || to > HOURS || from >= to {
        let hint = Some(format!("`from` 0 to {}, `to` at most {HOURS}, and `from` before `to`", HOURS - 1));
        cx.hinted(&hours, Code::BadTime, format!("{from} to {to} are no hours of a day"), hint);
    }
    let caps = root.then("caps");
    if file.caps.per_week == 0 {
        cx.fault(&caps.then("per_week"), Code::NotAllowed, "nobody could ever be written to");
    }
    if !(1..=MAX_PER_MESSAGE).contains(&file.caps.per_message) {
        let message = format!("{} is out of range", file.caps.per_message);
        cx.hinted(
            &caps.then("per_message"),
            Code::NotAllowed,
            message,
            Some(format!("1 to {MAX_PER_MESSAGE}")),
        );
    }
    for (index, gap) in file.article_gaps.iter().enumerate() {
        cx.not_blank(&root.then("article_gaps").then(index), gap);
    }
    let horizon = super::facts::retention(&root.then("horizon"), &file.horizon, cx);
    let zone = zone(&root.then("zone"), &file.zone, cx);
    if let Some(declared) = declared {
        roles(file, &root.then("roles"), declared, cx);
        super::overlays::places(&root.then("places"), &file.places, declared, cx);
    }
    if let Some(publication) = &file.catalogue {
        super::publication::check(publication, &root.then("catalogue"), cx);
    }
    Some(Header {
        name: file.name.clone(),
        version: file.version.clone(),
        zone: zone?,
        languages: file.languages.clone(),
        sociable_hours: (from, to),
        cap_per_week: file.caps.per_week,
        per_message: usize::try_from(file.caps.per_message).ok()?,
        horizon_days: horizon?,
        roles: Roles {
            deceased_on: file.roles.deceased_on.clone(),
            death_confirmed: file.roles.death_confirmed.clone(),
            refusals: file.roles.refusals.clone(),
            shields: file.roles.shields.clone(),
            name: file.roles.name.clone(),
            birth_date: file.roles.birth_date.clone(),
            sex: file.roles.sex.clone(),
            language: file.roles.language.clone(),
        },
        article_gaps: file.article_gaps.clone(),
        publication: file.catalogue.clone(),
    })
}

fn languages(file: &PackFile, place: &Place<'_>, cx: &Cx<'_>) {
    if file.languages.is_empty() {
        cx.fault(place, Code::Language, "a pack has at least one language");
    }
    let mut seen = BTreeSet::new();
    for (index, language) in file.languages.iter().enumerate() {
        cx.word(&place.then(index), language);
        if !seen.insert(language) {
            cx.fault(&place.then(index), Code::DuplicateName, format!("`{language}` stands twice"));
        }
    }
}

fn zone(place: &Place<'_>, name: &str, cx: &Cx<'_>) -> Option<Tz> {
    let zone = name.parse().ok();
    if zone.is_none() {
        let hint = did_you_mean(name, TZ_VARIANTS.iter().map(|zone| zone.name()));
        cx.hinted(place, Code::BadTime, format!("no time zone `{name}`"), hint);
    }
    zone
}

fn roles(file: &PackFile, place: &Place<'_>, declared: &Declared, cx: &Cx<'_>) {
    let roles = &file.roles;
    let facts = [
        ("deceased_on", &roles.deceased_on, ValueType::Date),
        ("death_confirmed", &roles.death_confirmed, ValueType::Bool),
        ("name", &roles.name, ValueType::Text),
        ("birth_date", &roles.birth_date, ValueType::Date),
        ("sex", &roles.sex, ValueType::Text),
        ("language", &roles.language, ValueType::Text),
    ];
    for (role, name, wanted) in facts {
        match declared.facts.get(name) {
            None => cx.unknown(&place.then(role), "fact", name, declared.facts.keys()),
            Some(fact) if fact.value_type != wanted => {
                let message = format!("the fact `{name}` is {}, and `{role}` is {wanted}", fact.value_type);
                cx.fault(&place.then(role), Code::WrongType, message);
            }
            Some(_) => {}
        }
    }
    let sets =
        [("refusals", &roles.refusals, ValueType::Text), ("shields", &roles.shields, ValueType::Citizen)];
    for (role, name, wanted) in sets {
        match declared.sets.get(name) {
            None => cx.unknown(&place.then(role), "set", name, declared.sets.keys()),
            Some(set) if set.key != wanted => {
                let message =
                    format!("the key of the set `{name}` is {}, and that of `{role}` is {wanted}", set.key);
                cx.fault(&place.then(role), Code::WrongType, message);
            }
            Some(_) => {}
        }
    }
}
