//! `events.yaml`.

use std::collections::BTreeMap;

use super::effects::{self, Shape};
use super::facts::closed_list;
use super::{Cx, Declared, Place, value_type};
use crate::pack::diagnostic::Code;
use crate::pack::format::{EventEntry, EventsFile, TypeName};
use crate::pack::load::Doc;
use crate::pack::model::{EventType, Field};
use crate::pack::scope::TIME;

pub(super) fn check(doc: &Doc<EventsFile>, declared: &Declared, cx: &Cx<'_>) -> BTreeMap<String, EventType> {
    let root = Place::of(doc).then("events");
    let mut events = BTreeMap::new();
    for (name, entry) in &doc.value.events {
        let place = root.then(name);
        cx.id(&place.clone().key(), name);
        cx.texts(&place.then("title"), &entry.title);
        let fields = fields(&place.then("data"), entry, cx);
        retraction(&place, entry, &fields, cx);
        let shape = Shape { fields: &fields, declared };
        let each = entry.effects.iter().enumerate();
        let effects = each.filter_map(|(index, effect)| {
            effects::check(&place.then("effects").then(index), effect, &shape, cx)
        });
        let effects = effects.collect();
        let retracts = entry.retracts.clone();
        let event = EventType { name: name.clone(), fields, effects, retracts, life_events: Vec::new() };
        events.insert(name.clone(), event);
    }
    events
}

fn fields(place: &Place<'_>, entry: &EventEntry, cx: &Cx<'_>) -> BTreeMap<String, Field> {
    let mut fields = BTreeMap::new();
    for (name, field) in &entry.data {
        let place = place.then(name);
        cx.word(&place.clone().key(), name);
        if name == TIME {
            let message = "`time` is the day of the event itself, and cannot be a field";
            cx.fault(&place.clone().key(), Code::BadName, message);
        }
        let values = closed_list(&place, field.value_type, &field.values, cx);
        let field = Field { value_type: value_type(field.value_type), required: field.required, values };
        fields.insert(name.clone(), field);
    }
    fields
}

fn retraction(place: &Place<'_>, entry: &EventEntry, fields: &BTreeMap<String, Field>, cx: &Cx<'_>) {
    let Some(name) = &entry.retracts else { return };
    let here = place.then("retracts");
    match entry.data.get(name) {
        None => cx.unknown(&here, "field", name, fields.keys()),
        Some(field) if field.value_type != TypeName::Text || !field.required => {
            cx.fault(&here, Code::WrongType, format!("`{name}` must be a required text: the id of an event"));
        }
        Some(_) => {}
    }
    if !entry.effects.is_empty() {
        cx.fault(
            &place.then("effects"),
            Code::BadEffect,
            "a retraction takes an event back and changes nothing else",
        );
    }
}
