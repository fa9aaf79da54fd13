//! What the columns of conditions, deadlines and templates mean.

use std::collections::{BTreeMap, BTreeSet};

use tidings_domain::value::ValueType;

use super::diagnostic::did_you_mean;
use super::model::{Fact, Fold, Link, SetFact};
use crate::expr::{ColumnRef, RowKind, Scope, Unresolved};

/// The event field that every event has: the day it happened, in the pack's zone.
pub const TIME: &str = "time";

/// The field that every milestone and absence has: its day.
pub const DATE: &str = "date";
/// The field that every milestone has: the first day of its lead time.
pub const OPENS: &str = "opens";

/// The names that a pack declares, and the fields of the events of one life event.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) facts: &'a BTreeMap<String, Fact>,
    pub(super) sets: &'a BTreeMap<String, SetFact>,
    pub(super) folds: &'a BTreeMap<String, Fold>,
    pub(super) links: &'a BTreeMap<String, Link>,
    /// Names that exist but are misshapen, so that nothing is said of them twice.
    pub(super) broken: &'a BTreeSet<String>,
    pub(super) fields: &'a BTreeMap<String, ValueType>,
    /// Whether some event type is not known, so that there may be other fields.
    pub(super) open: bool,
}

/// Reads `event.x`, `subject.x.y` or `citizen.x`.
pub(super) fn column(text: &str) -> Option<ColumnRef> {
    let (row, path) = text.split_once('.')?;
    let row = RowKind::ALL.into_iter().find(|kind| kind.to_string() == row)?;
    let path: Vec<_> = path.split('.').map(str::to_owned).collect();
    (!path.iter().any(String::is_empty)).then_some(ColumnRef { row, path })
}

impl<'a> Names<'a> {
    /// Whether a column that does not resolve is reported elsewhere: what it names is misshapen, or may be.
    pub(super) fn is_reported(&self, column: &ColumnRef) -> bool {
        column.path.iter().any(|part| self.broken.contains(part)) || self.open && column.row == RowKind::Event
    }

    /// The same for a message about a column.
    pub(super) fn is_reported_in(&self, message: &str) -> bool {
        let broken = self.broken.iter().any(|name| message.contains(&format!(".{name}`")));
        broken || self.open && message.contains("`event.")
    }

    fn of_person(&self, row: &str, name: &str) -> Result<ValueType, Unresolved> {
        if let Some(fact) = self.facts.get(name) {
            return Ok(fact.value_type);
        }
        if let Some(fold) = self.folds.get(name) {
            return Ok(fold.value_type);
        }
        if self.sets.contains_key(name) {
            let fold = self.folds.iter().find(|(_, fold)| fold.set == name).map(|(fold, _)| fold);
            let hint = fold.map(|fold| format!("use a fold of it: `{row}.{fold}`"));
            return Err(unresolved(format!("`{row}.{name}` is a set, not a single value"), hint));
        }
        if self.links.contains_key(name) {
            let hint = Some(format!("name one of their facts: `{row}.{name}.FACT`"));
            return Err(unresolved(format!("`{row}.{name}` is a link to a person"), hint));
        }
        let names = self.facts.keys().chain(self.folds.keys()).chain(self.links.keys());
        Err(unknown("fact", row, name, names.map(String::as_str)))
    }
}

impl Scope for Names<'_> {
    fn resolve(&self, column: &ColumnRef) -> Result<ValueType, Unresolved> {
        let row = column.row.to_string();
        match (column.row, column.path.as_slice()) {
            (RowKind::Event, [field]) if field == TIME => Ok(ValueType::Date),
            (RowKind::Event, [field]) => self.fields.get(field).copied().ok_or_else(|| {
                let names = self.fields.keys().map(String::as_str).chain([TIME]);
                unknown("field", &row, field, names)
            }),
            (RowKind::Subject | RowKind::Citizen, [name]) => self.of_person(&row, name),
            (RowKind::Subject | RowKind::Citizen, [link, name]) if self.links.contains_key(link) => {
                self.of_person(&format!("{row}.{link}"), name)
            }
            (RowKind::Subject | RowKind::Citizen, [link, _]) => {
                Err(unknown("link", &row, link, self.links.keys().map(String::as_str)))
            }
            _ => {
                let hint =
                    "a column is `event.FIELD`, `subject.FACT`, `citizen.FACT`, or a fact one link away";
                Err(unresolved(format!("`{column}` goes too far"), Some(hint.into())))
            }
        }
    }
}

fn unknown<'n>(what: &str, row: &str, name: &str, names: impl Iterator<Item = &'n str>) -> Unresolved {
    let names: Vec<_> = names.map(|name| format!("{row}.{name}")).collect();
    let wrong = format!("{row}.{name}");
    let hint = did_you_mean(&wrong, names.iter().map(String::as_str));
    unresolved(format!("no {what} `{wrong}`"), hint)
}

const fn unresolved(message: String, hint: Option<String>) -> Unresolved {
    Unresolved { message, hint }
}
