//! What a rule counts from and what ends it: deadline, reminders, `until`.

use tidings_domain::value::ValueType;

use super::super::Place;
use super::super::life_events::Outline;
use super::super::templates::Read;
use super::Checker;
use crate::pack::diagnostic::{Code, ReviewKind, did_you_mean};
use crate::pack::format::{self, RemindAnchor, Unit};
use crate::pack::model::{Deadline, Until};

impl Checker<'_> {
    pub(super) fn deadline(&self) -> Option<(Deadline, Read)> {
        let entry = self.entry.deadline.as_ref()?;
        let place = self.place.then("deadline");
        if entry.unit == Unit::WorkingDays && self.setting.law.workdays.years.is_empty() {
            let message = format!(
                "rule `{}`: working days are Monday to Friday, and parameters.yaml names no public holidays",
                self.entry.key
            );
            self.cx.review(&place.then("unit"), ReviewKind::Holidays, message);
        }
        let read = self.column(&place.then("anchor"), &entry.anchor)?;
        if read.value_type != ValueType::Date {
            let message =
                format!("`{}` is {}, and a deadline is counted from a date", entry.anchor, read.value_type);
            self.cx.fault(&place.then("anchor"), Code::WrongType, message);
            return None;
        }
        let format::Deadline { unit, direction, .. } = *entry;
        Some((Deadline { anchor: read.column.clone(), unit, direction }, read))
    }

    pub(super) fn reminders(&self) {
        for (index, offset) in self.entry.remind.iter().enumerate() {
            let place = self.place.then("remind").then(index);
            if offset.anchor == RemindAnchor::BeforeDeadline && self.entry.deadline.is_none() {
                let message = "a reminder before the deadline, in a rule that has none";
                self.cx.fault(&place.then("anchor"), Code::BadRule, message);
            }
        }
    }

    pub(super) fn until(&self) -> Option<Vec<Until>> {
        let each = self.entry.until.iter().enumerate().map(|(index, until)| {
            let place = self.place.then("until").then(index);
            let outlines = self.setting.outlines;
            let Some(other) = outlines.iter().find(|outline| outline.name == until.life_event) else {
                if !self.cx.unread && !self.cx.broken.contains(&until.life_event) {
                    let names = outlines.iter().map(|outline| outline.name);
                    let hint = did_you_mean(&until.life_event, names);
                    let message = format!("no life event `{}`", until.life_event);
                    self.cx.hinted(&place.then("life_event"), Code::UnknownName, message, hint);
                }
                return None;
            };
            for (index, field) in until.same.iter().enumerate() {
                self.same(&place.then("same").then(index), field, other);
            }
            for (field, values) in &until.values {
                self.held(&place.then("where").then(field), (field, values), other);
            }
            let values = until.values.iter();
            let values = values.map(|(field, values)| (field.clone(), values.iter().cloned().collect()));
            Some(Until {
                life_event: until.life_event.clone(),
                same: until.same.clone(),
                values: values.collect(),
            })
        });
        each.collect::<Vec<_>>().into_iter().collect()
    }

    /// Whether a field of another life event can hold one of these values.
    fn held(&self, place: &Place<'_>, (field, values): (&String, &[String]), other: &Outline<'_>) {
        match other.fields.get(field) {
            Some(ValueType::Text) => {}
            Some(wrong) => self.cx.fault(place, Code::WrongType, format!("`{field}` is {wrong}, not text")),
            None if other.open => {}
            None => {
                let kind = format!("field of `{}`", other.name);
                self.cx.unknown(&place.clone().key(), &kind, field, other.fields.keys());
            }
        }
        if values.is_empty() {
            self.cx.fault(place, Code::BadRule, "no value would ever end the need");
        }
        let known = other.values.get(field).filter(|known| !known.is_empty());
        for (index, value) in values.iter().enumerate() {
            if known.is_some_and(|known| !known.contains(value)) {
                let message = format!("`{value}` is no value of `{field}` in `{}`", other.name);
                self.cx.fault(&place.then(index), Code::NotAllowed, message);
            }
        }
    }

    pub(super) fn same(&self, place: &Place<'_>, field: &String, other: &Outline<'_>) {
        let own = self.setting.outline;
        match (own.fields.get(field), other.fields.get(field)) {
            (Some(one), Some(two)) if one != two => {
                let message = format!("`{field}` is {one} in `{}` and {two} in `{}`", own.name, other.name);
                self.cx.fault(place, Code::WrongType, message);
            }
            (Some(_), Some(_)) => {}
            (None, _) if !own.open => {
                self.cx.unknown(place, &format!("field of `{}`", own.name), field, own.fields.keys());
            }
            (_, None) if !other.open => {
                self.cx.unknown(place, &format!("field of `{}`", other.name), field, other.fields.keys());
            }
            _ => {}
        }
    }
}
