//! `lists.yaml`: the lists that services stand on.

use std::collections::{BTreeMap, BTreeSet};

use super::services::plain_texts;
use super::{Cx, Place};
use crate::pack::diagnostic::{Code, ReviewKind};
use crate::pack::format::{self, Certainty, ListEntry, ListsFile, MemberEntry};
use crate::pack::load::Doc;
use crate::pack::model::{List, Member, Service, Target};

pub(super) fn check(
    doc: &Doc<ListsFile>,
    services: &BTreeMap<String, Service>,
    cx: &Cx<'_>,
) -> BTreeMap<String, List> {
    let root = Place::of(doc).then("lists");
    let mut lists = BTreeMap::new();
    for (id, entry) in &doc.value.lists {
        let place = root.then(id);
        cx.id(&place.clone().key(), id);
        plain_texts(&place.then("title"), &entry.title, cx);
        if !entry.note.is_empty() {
            plain_texts(&place.then("note"), &entry.note, cx);
        }
        cx.not_blank(&place.then("basis"), &entry.basis);
        cx.not_blank(&place.then("source"), &entry.source);
        certain(id, entry, &place, cx);
        let target = entry.target.as_ref().and_then(|target| self::target(target, &place.then("target"), cx));
        lists.insert(
            id.clone(),
            List {
                title: entry.title.clone(),
                basis: entry.basis.clone(),
                note: entry.note.clone(),
                target,
                source: entry.source.clone(),
                members: members(&entry.members, services, &place.then("members"), cx),
            },
        );
    }
    lists
}

/// Membership is never a guess in silence.
fn certain(id: &str, entry: &ListEntry, place: &Place<'_>, cx: &Cx<'_>) {
    if entry.review {
        let message = format!("list `{id}`: its members need a check against the text in force");
        cx.review(&place.then("review"), ReviewKind::List, message);
        return;
    }
    let hint = || Some("add `review: true` to the list".to_owned());
    let recalled = |certainty| matches!(certainty, Some(Certainty::Recalled | Certainty::Mixed));
    let message = "what is recalled, whole or in part, needs a check";
    if recalled(Some(entry.certainty)) {
        cx.hinted(&place.then("certainty"), Code::NotAllowed, message, hint());
    }
    for (index, member) in entry.members.iter().enumerate().filter(|(_, member)| recalled(member.certainty)) {
        let place = place.then("members").then(index).then("certainty");
        cx.hinted(&place, Code::NotAllowed, format!("member {}: {message}", member.number), hint());
    }
}

fn target(target: &format::Target, place: &Place<'_>, cx: &Cx<'_>) -> Option<Target> {
    cx.not_blank(&place.then("basis"), &target.basis);
    let by = cx.date(&place.then("by"), &target.by)?;
    Some(Target { share: target.share, by, basis: target.basis.clone() })
}

fn members(
    entries: &[MemberEntry],
    services: &BTreeMap<String, Service>,
    place: &Place<'_>,
    cx: &Cx<'_>,
) -> Vec<Member> {
    let mut seen = BTreeSet::new();
    let mut members = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let place = place.then(index);
        plain_texts(&place.then("title"), &entry.title, cx);
        if !seen.insert(entry.number) {
            let message = format!("the number {} stands twice", entry.number);
            cx.fault(&place.then("number"), Code::DuplicateName, message);
        }
        if entry.services.is_empty() {
            cx.fault(&place.then("services"), Code::NotAllowed, "a member names at least one service");
        }
        for (index, id) in entry.services.iter().enumerate().filter(|(_, id)| !services.contains_key(*id)) {
            cx.unknown(&place.then("services").then(index), "service", id, services.keys());
        }
        let from = cx.date(&place.then("from"), &entry.from);
        let to = entry.to.as_ref().and_then(|to| cx.date(&place.then("to"), to));
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            cx.fault(&place.then("to"), Code::NotAllowed, "ends before it starts");
        }
        members.extend(from.map(|from| Member {
            number: entry.number,
            title: entry.title.clone(),
            services: entry.services.clone(),
            days: (from, to),
        }));
    }
    members.sort_by_key(|member| member.number);
    members
}
