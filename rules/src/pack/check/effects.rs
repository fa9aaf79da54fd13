//! What an event does to facts.

use std::collections::{BTreeMap, BTreeSet};

use tidings_domain::value::{Value, ValueType};

use super::{Cx, Declared, Place};
use crate::pack::diagnostic::{Code, did_you_mean};
use crate::pack::format::{self, Literal};
use crate::pack::model::{Change, Effect, Field, Person, Term};
use crate::pack::period;

/// What an effect is held against.
pub(super) struct Shape<'a> {
    pub(super) fields: &'a BTreeMap<String, Field>,
    pub(super) declared: &'a Declared,
}

/// What a value must be.
struct Wanted<'a> {
    value_type: ValueType,
    values: Option<&'a BTreeSet<String>>,
}

const KINDS: [&str; 5] = ["set", "put", "remove", "link", "unlink"];

pub(super) fn check(
    place: &Place<'_>,
    entry: &format::Effect,
    shape: &Shape<'_>,
    cx: &Cx<'_>,
) -> Option<Effect> {
    let named = [&entry.set, &entry.put, &entry.remove, &entry.link, &entry.unlink];
    let mut given = KINDS.into_iter().zip(named).filter_map(|(kind, name)| Some((kind, name.as_ref()?)));
    let (Some((kind, name)), None) = (given.next(), given.next()) else {
        let hint = Some("one of `set`, `put`, `remove`, `link`, `unlink`".to_owned());
        cx.hinted(place, Code::BadEffect, "an effect does exactly one thing", hint);
        return None;
    };
    keys(place, entry, kind, cx);
    let at = Effecting { place, entry, shape, cx };
    let of = at.person("of", &entry.of);
    let change = match kind {
        "set" => at.set(name),
        "put" | "remove" => at.element(kind, name),
        _ => at.link(kind, name),
    };
    Some(Effect { of: of?, change: change? })
}

/// Each kind of effect needs some keys and has no use for the others.
fn keys(place: &Place<'_>, entry: &format::Effect, kind: &str, cx: &Cx<'_>) {
    let given = [
        ("value", entry.value.is_some()),
        ("element", entry.element.is_some()),
        ("fields", !entry.fields.is_empty()),
        ("other", entry.other.is_some()),
    ];
    for (key, is_given) in given {
        let wanted = match kind {
            "set" => key == "value",
            "put" => key == "element" || key == "fields",
            "remove" => key == "element",
            _ => key == "other",
        };
        if is_given && !wanted {
            cx.fault(&place.then(key).key(), Code::BadEffect, format!("`{kind}` has no use for `{key}`"));
        }
        if wanted && !is_given && key != "fields" {
            cx.fault(place, Code::BadEffect, format!("`{kind}` needs `{key}`"));
        }
    }
}

struct Effecting<'a> {
    place: &'a Place<'a>,
    entry: &'a format::Effect,
    shape: &'a Shape<'a>,
    cx: &'a Cx<'a>,
}

impl Effecting<'_> {
    fn set(&self, name: &str) -> Option<Change> {
        let Some(fact) = self.shape.declared.facts.get(name) else {
            self.cx.unknown(&self.place.then("set"), "fact", name, self.shape.declared.facts.keys());
            return None;
        };
        let values = (!fact.values.is_empty()).then_some(&fact.values);
        let wanted = Wanted { value_type: fact.value_type, values };
        let value = self.term(&self.place.then("value"), self.entry.value.as_ref()?, &wanted)?;
        Some(Change::Set { fact: name.to_owned(), value })
    }

    fn element(&self, kind: &str, name: &str) -> Option<Change> {
        let Some(set) = self.shape.declared.sets.get(name) else {
            self.cx.unknown(&self.place.then(kind), "set", name, self.shape.declared.sets.keys());
            return None;
        };
        let wanted = Wanted { value_type: set.key, values: None };
        let mut fields = Vec::new();
        for (field, literal) in &self.entry.fields {
            let place = self.place.then("fields").then(field);
            match set.fields.get(field) {
                None => self.cx.unknown(&place.key(), "field", field, set.fields.keys()),
                Some(value_type) => {
                    let wanted = Wanted { value_type: *value_type, values: None };
                    fields.extend(self.term(&place, literal, &wanted).map(|term| (field.clone(), term)));
                }
            }
        }
        let element = self.term(&self.place.then("element"), self.entry.element.as_ref()?, &wanted)?;
        let set = name.to_owned();
        Some(if kind == "put" {
            Change::Put { set, element, fields }
        } else {
            Change::Remove { set, element }
        })
    }

    fn link(&self, kind: &str, name: &str) -> Option<Change> {
        let links = &self.shape.declared.links;
        if !links.contains_key(name) {
            self.cx.unknown(&self.place.then(kind), "link", name, links.keys());
        }
        let other = self.person("other", self.entry.other.as_ref()?)?;
        let link = name.to_owned();
        Some(if kind == "link" { Change::Link { link, other } } else { Change::Unlink { link, other } })
    }

    fn person(&self, key: &str, text: &str) -> Option<Person> {
        let place = self.place.then(key);
        if text == "subject" {
            return Some(Person::Subject);
        }
        let Some(name) = text.strip_prefix("event.") else {
            let hint = Some("`subject`, or `event.FIELD`".to_owned());
            self.cx.hinted(&place, Code::UnknownName, format!("`{text}` names no person"), hint);
            return None;
        };
        let field = self.field(&place, name)?;
        if field.value_type != ValueType::Citizen {
            let message = format!("`event.{name}` is {}, not a citizen", field.value_type);
            self.cx.fault(&place, Code::WrongType, message);
        }
        Some(Person::Field(name.to_owned()))
    }

    fn field(&self, place: &Place<'_>, name: &str) -> Option<&Field> {
        let field = self.shape.fields.get(name);
        if field.is_none() && !self.cx.broken.contains(name) {
            let names: Vec<_> = self.shape.fields.keys().map(|name| format!("event.{name}")).collect();
            let wrong = format!("event.{name}");
            let hint = did_you_mean(&wrong, names.iter().map(String::as_str));
            self.cx.hinted(place, Code::UnknownName, format!("no field `{wrong}`"), hint);
        }
        field
    }

    fn term(&self, place: &Place<'_>, literal: &Literal, wanted: &Wanted<'_>) -> Option<Term> {
        if let Literal::Text(text) = literal {
            if let Some(name) = text.strip_prefix("event.") {
                return self.field_term(place, name, wanted);
            }
            if text == "subject" && wanted.value_type == ValueType::Citizen {
                return Some(Term::Subject);
            }
        }
        match constant(literal, wanted.value_type) {
            Ok(value) => {
                if let (Value::Text(text), Some(values)) = (&value, wanted.values) {
                    allowed(place, text, values, self.cx);
                }
                Some(Term::Constant(value))
            }
            Err((message, hint)) => {
                self.cx.hinted(place, Code::WrongType, message, hint);
                None
            }
        }
    }

    fn field_term(&self, place: &Place<'_>, name: &str, wanted: &Wanted<'_>) -> Option<Term> {
        let field = self.field(place, name)?;
        if field.value_type != wanted.value_type {
            let message =
                format!("`event.{name}` is {}, and {} is needed", field.value_type, wanted.value_type);
            self.cx.fault(place, Code::WrongType, message);
        } else if let Some(values) = wanted.values
            && (field.values.is_empty() || !field.values.is_subset(values))
        {
            let message = format!("`event.{name}` may hold values that the fact may not");
            let hint = Some("give the field a closed list of `values` within the fact's".to_owned());
            self.cx.hinted(place, Code::WrongType, message, hint);
        }
        Some(Term::Field(name.to_owned()))
    }
}

/// Reports a text that is not in a closed list.
pub(super) fn allowed(place: &Place<'_>, text: &str, values: &BTreeSet<String>, cx: &Cx<'_>) {
    if !values.is_empty() && !values.contains(text) {
        let all: Vec<_> = values.iter().map(|value| format!("`{value}`")).collect();
        let hint = did_you_mean(text, values.iter().map(String::as_str));
        let hint = hint.or_else(|| Some(format!("one of {}", all.join(", "))));
        cx.hinted(place, Code::NotAllowed, format!("`{text}` is not one of the values"), hint);
    }
}

/// A literal as a value of a type other than citizen, or what is wrong with it and what to write.
pub(super) fn constant(literal: &Literal, wanted: ValueType) -> Result<Value, (String, Option<String>)> {
    match (wanted, literal) {
        (ValueType::Bool, Literal::Bool(value)) => Ok(Value::Bool(*value)),
        (ValueType::Int, Literal::Int(value)) => Ok(Value::Int(*value)),
        (ValueType::Text, Literal::Text(value)) if value.len() <= Value::MAX_TEXT_BYTES => {
            Ok(Value::Text(value.as_str().into()))
        }
        (ValueType::Text, Literal::Text(_)) => {
            Err((format!("a text has at most {} bytes", Value::MAX_TEXT_BYTES), None))
        }
        (ValueType::Date, Literal::Text(value)) => period::date(value).map(Value::date).ok_or_else(|| {
            (format!("`{value}` is not a date"), Some("a day that exists, as `yyyy-mm-dd`".to_owned()))
        }),
        (ValueType::Text, Literal::Int(_) | Literal::Bool(_)) => {
            Err((format!("{} is needed, not {}", wanted, kind(literal)), Some("put it in quotes".to_owned())))
        }
        _ => Err((format!("{} is needed, not {}", wanted, kind(literal)), None)),
    }
}

const fn kind(literal: &Literal) -> &'static str {
    match literal {
        Literal::Bool(_) => "true or false",
        Literal::Int(_) => "a whole number",
        Literal::Text(_) => "text",
    }
}
