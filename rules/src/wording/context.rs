//! What a template sees while it is rendered: exactly the names that it uses, nothing else of the evidence.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use chrono::NaiveDate;
use minijinja::value::{DynObject, Object, ObjectRepr, Value};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};

/// The most nesting while rendering; templates that pass the reader need little.
const RECURSION_LIMIT: usize = 64;

/// An environment with nothing in it but the filters that templates may use. No auto-escaping: messages are
/// plain text.
pub(super) fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_recursion_limit(RECURSION_LIMIT);
    environment.add_test("defined", |value: &Value| !is_absent(value));
    environment.add_test("undefined", is_absent);
    environment.add_filter("upper", |value: &Value| text(value).map(|text| text.to_uppercase()));
    environment.add_filter("lower", |value: &Value| text(value).map(|text| text.to_lowercase()));
    environment.add_filter("capitalize", |value: &Value| text(value).map(|text| capitalize(&text)));
    environment.add_filter("iso", |value: &Value| match value.downcast_object_ref::<Day>() {
        Some(day) => Ok(day.date.to_string()),
        None => Err(refused(value)),
    });
    environment.set_formatter(|out, _, value| match text(value) {
        Ok(text) => Ok(out.write_str(&text)?),
        Err(error) => Err(error),
    });
    environment
}

/// A value as text; an absent one has none.
fn text(value: &Value) -> Result<String, Error> {
    if is_absent(value) {
        return Err(refused(value));
    }
    Ok(value.to_string())
}

/// An absent value is `none`: an `if` may ask about it and compare it, and nothing else.
fn is_absent(value: &Value) -> bool {
    value.is_undefined() || value.is_none()
}

fn refused(value: &Value) -> Error {
    if is_absent(value) {
        Error::from(ErrorKind::UndefinedError)
    } else {
        Error::from(ErrorKind::InvalidOperation)
    }
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A date, printed as the language writes dates.
#[derive(Debug)]
pub(super) struct Day {
    pub(super) date: NaiveDate,
    pub(super) written: String,
}

impl Object for Day {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        other.downcast_ref::<Self>().map(|other| self.date.cmp(&other.date))
    }
}

/// The last name that was looked up and had no value.
pub(super) type Absent = Arc<Mutex<Option<String>>>;

/// Names and what they stand for; some have no value.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// The name of this level, for saying what is absent: empty, `event`, `subject.mother`.
    prefix: String,
    values: BTreeMap<String, Entry>,
    absent: Absent,
}

#[derive(Debug)]
enum Entry {
    Value(Value),
    Absent,
    Names(Names),
}

impl Names {
    /// An empty level that notes absent names in `absent`.
    pub(super) fn new(absent: &Absent) -> Self {
        Self { absent: Arc::clone(absent), ..Self::default() }
    }

    /// Gives `path` its value; `None` makes it a name without one.
    pub(super) fn insert(&mut self, path: &[String], value: Option<Value>) {
        let Some((first, rest)) = path.split_first() else { return };
        if rest.is_empty() {
            self.values.insert(first.clone(), value.map_or(Entry::Absent, Entry::Value));
            return;
        }
        let prefix = full(&self.prefix, first);
        let absent = Arc::clone(&self.absent);
        let entry = self.values.entry(first.clone());
        let below = entry.or_insert_with(|| Entry::Names(Self { prefix, absent, ..Self::default() }));
        if let Entry::Names(names) = below {
            names.insert(rest, value);
        }
    }

    /// As MiniJinja wants it.
    pub(super) fn into_value(self) -> Value {
        let value = |entry| match entry {
            Entry::Value(value) => Some(value),
            Entry::Absent => None,
            Entry::Names(names) => Some(names.into_value()),
        };
        let values = self.values.into_iter().map(|(name, entry)| (name, value(entry))).collect();
        Value::from_object(Level { prefix: self.prefix, values, absent: self.absent })
    }
}

/// One level of names, complete.
#[derive(Debug)]
struct Level {
    prefix: String,
    values: BTreeMap<String, Option<Value>>,
    absent: Absent,
}

impl Object for Level {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let value = self.values.get(key)?.clone();
        if value.is_none()
            && let Ok(mut absent) = self.absent.lock()
        {
            *absent = Some(full(&self.prefix, key));
        }
        Some(value.unwrap_or_else(|| Value::from(())))
    }
}

fn full(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}
