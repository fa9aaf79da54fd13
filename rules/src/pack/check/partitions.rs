//! Rules that divide all cases among them.

use std::collections::BTreeMap;

use super::{Cx, Place, rules};
use crate::pack::diagnostic::Code;
use crate::pack::format::LifeEventFile;
use crate::pack::load::Doc;
use crate::pack::model::Partition;

/// The fewest rules that can divide anything.
const FEWEST: usize = 2;

/// A partition names rules of its own life event, each once.
pub(super) fn check(doc: &Doc<LifeEventFile>, cx: &Cx<'_>) {
    let keys: BTreeMap<_, _> = doc.value.rules.iter().map(|rule| (&rule.key, ())).collect();
    for (index, partition) in doc.value.partitions.iter().enumerate() {
        let place = Place::of(doc).then("partitions").then(index);
        cx.not_blank(&place.then("name"), &partition.name);
        let of = place.then("of");
        if partition.of.len() < FEWEST {
            cx.fault(&of, Code::BadRule, "a partition has two rules or more");
        }
        for (item, key) in partition.of.iter().enumerate() {
            if !keys.contains_key(key) {
                cx.unknown(&of.then(item), "rule of this life event", key, keys.keys().copied());
            }
            if partition.of[..item].contains(key) {
                cx.fault(&of.then(item), Code::DuplicateName, format!("`{key}` stands twice"));
            }
        }
    }
}

/// The partitions, by the roots of their rules.
pub(super) fn of(doc: &Doc<LifeEventFile>) -> Vec<Partition> {
    let root = |key: &String| doc.value.rules.iter().find(|rule| rule.key == *key).map(rules::root);
    let each = doc.value.partitions.iter();
    let each =
        each.map(|it| Partition { name: it.name.clone(), of: it.of.iter().filter_map(root).collect() });
    each.collect()
}
