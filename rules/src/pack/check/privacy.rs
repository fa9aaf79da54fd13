//! Nothing reveals another person's fact, unless the rule says so, on a ground, and the link allows it.

use std::collections::{BTreeMap, BTreeSet};

use super::templates::Read;
use super::{Cx, Place};
use crate::expr::{ColumnRef, RowKind};
use crate::pack::diagnostic::Code;
use crate::pack::format::RuleEntry;
use crate::pack::model::{Fold, Link, Recipient};
use crate::pack::scope;

/// What a rule is held against.
pub(super) struct Privacy<'a> {
    pub(super) links: &'a BTreeMap<String, Link>,
    pub(super) folds: &'a BTreeMap<String, Fold>,
    pub(super) to: &'a [Recipient],
    /// All that the rule reads: in its condition, its deadline, its sentences and the reason of its life
    /// event.
    pub(super) reads: &'a [Read],
}

pub(super) fn check(place: &Place<'_>, entry: &RuleEntry, privacy: &Privacy<'_>, cx: &Cx<'_>) {
    let what = entry.discloses.as_ref().map_or(&[] as &[String], |discloses| &discloses.what);
    let declared: BTreeSet<_> = what.iter().filter_map(|text| scope::column(text)).collect();
    let mut told = BTreeSet::new();
    for read in privacy.reads {
        let column = &read.column;
        let Some(recipient) = privacy.to.iter().find(|recipient| is_of_another(column, recipient)) else {
            continue;
        };
        if !declared.contains(column) && told.insert(column) {
            let who = match recipient {
                Recipient::Subject => "the subject".to_owned(),
                Recipient::Link(link) => format!("`subject.{link}`"),
            };
            let message = format!("tells {who} of `{column}`, which is another person's, without saying so");
            let hint = Some(format!("add `{column}` to `discloses: what` with the ground, or do without it"));
            cx.at(place.file, read.file_position, (Code::Undisclosed, message, hint));
        }
    }
    for (index, text) in what.iter().enumerate() {
        let Some(column) = scope::column(text) else { continue };
        for recipient in privacy.to {
            shown(&place.then("discloses").then("what").then(index), &column, recipient, privacy, cx);
        }
    }
}

/// Whether a column tells this recipient of somebody else. Through a link it always does: that the other end
/// of the link is the recipient is for `citizen.` to say.
fn is_of_another(column: &ColumnRef, recipient: &Recipient) -> bool {
    match column.row {
        RowKind::Event => *recipient != Recipient::Subject,
        RowKind::Subject => *recipient != Recipient::Subject || column.path.len() > 1,
        RowKind::Citizen => column.path.len() > 1,
    }
}

/// A fact of the subject is told through a link only if the link shows it.
fn shown(place: &Place<'_>, column: &ColumnRef, recipient: &Recipient, privacy: &Privacy<'_>, cx: &Cx<'_>) {
    let (RowKind::Subject, [fact], Recipient::Link(name)) = (column.row, column.path.as_slice(), recipient)
    else {
        return;
    };
    let Some(link) = privacy.links.get(name) else { return };
    let set = privacy.folds.get(fact).map(|fold| &fold.set);
    if !link.shows.contains(fact) && !set.is_some_and(|set| link.shows.contains(set)) {
        let message = format!("the link `{name}` does not show `{fact}`");
        let hint =
            Some(format!("add `{fact}` to `links: {name}: shows` in facts.yaml, if its ground allows that"));
        cx.hinted(place, Code::NotShown, message, hint);
    }
}
