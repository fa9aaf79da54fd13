//! The shape of each file: the JSON Schema that `format` gives, and the walk that holds a YAML tree against
//! it.
//!
//! Only what schemars derives from `format` is understood: `$ref`, `type`, `const`, `enum`, `oneOf` and
//! `anyOf`, `properties`, `required`, `additionalProperties`, `items`, `minimum`, `maximum` and the integer
//! formats.

use std::collections::BTreeSet;

use schemars::schema_for;
use serde_json::{Map, Value};

use super::diagnostic::{Code, did_you_mean, nearest};
use super::format;
use crate::yaml::{Data, Entry, Node, Position};

/// The kinds of file in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// `pack.yaml`.
    Pack,
    /// `sources.yaml`.
    Sources,
    /// `parameters.yaml`.
    Parameters,
    /// `facts.yaml`.
    Facts,
    /// `events.yaml`.
    Events,
    /// `services.yaml`, and `services/NAME.yaml`.
    Services,
    /// `lists.yaml`, which a pack may do without.
    Lists,
    /// `designers.yaml`, which a pack may do without.
    Designers,
    /// `wording.yaml`.
    Wording,
    /// `life_events/NAME.yaml`.
    LifeEvent,
    /// `overlays/NAME.yaml`.
    Overlay,
}

impl FileKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Pack,
        Self::Sources,
        Self::Parameters,
        Self::Facts,
        Self::Events,
        Self::Services,
        Self::Lists,
        Self::Designers,
        Self::Wording,
        Self::LifeEvent,
        Self::Overlay,
    ];

    /// The path of a file of this kind, relative to the pack; for life events, the folder.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Pack => "pack.yaml",
            Self::Sources => "sources.yaml",
            Self::Parameters => "parameters.yaml",
            Self::Facts => "facts.yaml",
            Self::Events => "events.yaml",
            Self::Services => "services.yaml",
            Self::Lists => "lists.yaml",
            Self::Designers => "designers.yaml",
            Self::Wording => "wording.yaml",
            Self::LifeEvent => "life_events/",
            Self::Overlay => "overlays/",
        }
    }

    /// The folder that holds files of this kind, each `NAME.yaml`.
    pub const fn folder(self) -> Option<&'static str> {
        match self {
            Self::LifeEvent => Some("life_events/"),
            Self::Overlay => Some("overlays/"),
            Self::Services => Some("services/"),
            _ => None,
        }
    }

    /// Whether a pack must have a file of this kind.
    pub const fn is_required(self) -> bool {
        !matches!(self, Self::LifeEvent | Self::Lists | Self::Designers | Self::Parameters | Self::Overlay)
    }

    /// The kind of the file at `path`; `None` when a pack has no such file.
    pub fn of(path: &str) -> Option<Self> {
        let within = |kind: &Self| kind.folder().and_then(|folder| path.strip_prefix(folder));
        if let Some((kind, name)) = Self::ALL.iter().find_map(|kind| Some((*kind, within(kind)?))) {
            let good = name.strip_suffix(".yaml").is_some_and(|stem| !stem.is_empty()) && !name.contains('/');
            return good.then_some(kind);
        }
        Self::ALL.into_iter().find(|kind| kind.path() == path && !path.ends_with('/'))
    }
}

/// The JSON Schema (2020-12) of one kind of file.
pub fn schema(kind: FileKind) -> Value {
    let schema = match kind {
        FileKind::Pack => schema_for!(format::PackFile),
        FileKind::Sources => schema_for!(format::SourcesFile),
        FileKind::Parameters => schema_for!(format::ParametersFile),
        FileKind::Facts => schema_for!(format::FactsFile),
        FileKind::Events => schema_for!(format::EventsFile),
        FileKind::Services => schema_for!(format::ServicesFile),
        FileKind::Lists => schema_for!(format::ListsFile),
        FileKind::Designers => schema_for!(format::DesignersFile),
        FileKind::Wording => schema_for!(format::WordingFile),
        FileKind::LifeEvent => schema_for!(format::LifeEventFile),
        FileKind::Overlay => schema_for!(format::OverlayFile),
    };
    schema.to_value()
}

/// One place where a tree does not have the shape of its schema.
#[derive(Debug)]
pub(super) struct Misshape {
    pub(super) at: Position,
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// What a walk gives.
#[derive(Debug, Default)]
pub(super) struct Conformed {
    /// What is sound of the tree, without the entries that are not; `None` when nothing is left that could be
    /// used.
    pub(super) value: Option<Value>,
    /// Names of dropped entries: they exist, so nothing that refers to them is wrong for that.
    pub(super) broken: BTreeSet<String>,
    /// Everything wrong.
    pub(super) faults: Vec<Misshape>,
}

/// Holds a tree against a schema.
pub(super) fn conform(root: &Node, schema: &Value) -> Conformed {
    let mut walk = Walk { schema, found: Conformed::default() };
    let value = walk.value(root, schema);
    Conformed { value, ..walk.found }
}

struct Walk<'a> {
    schema: &'a Value,
    found: Conformed,
}

impl<'a> Walk<'a> {
    fn value(&mut self, node: &Node, schema: &'a Value) -> Option<Value> {
        let schema = self.resolve(schema);
        if let Some(allowed) = closed_list(schema) {
            return self.one_of(node, &allowed);
        }
        if let Some(any) = schema.get("anyOf").and_then(Value::as_array) {
            return self.any_of(node, any);
        }
        let wanted = types(schema);
        let fits = wanted.iter().any(|name| fits(&node.data, name));
        if !fits {
            return self.wrong_type(node, &wanted);
        }
        match &node.data {
            Data::Map(entries) => self.object(node, entries, schema),
            Data::List(items) => {
                let each = schema.get("items")?;
                let values: Vec<_> = items.iter().map(|item| self.value(item, each)).collect();
                values.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
            }
            Data::Int(number, _) => self.integer(node, *number, schema),
            Data::Text(text) => Some(text.value.clone().into()),
            Data::Bool(value) => Some((*value).into()),
            Data::Null => Some(Value::Null),
            Data::Float(_) => None,
        }
    }

    fn resolve(&self, schema: &'a Value) -> &'a Value {
        schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| self.schema.pointer(reference.strip_prefix('#')?))
            .unwrap_or(schema)
    }

    fn object(&mut self, node: &Node, entries: &[Entry], schema: &'a Value) -> Option<Value> {
        let properties = schema.get("properties").and_then(Value::as_object);
        let known = || properties.into_iter().flat_map(|all| all.keys().map(String::as_str));
        let others = schema.get("additionalProperties").filter(|others| others.is_object());
        let mut meant = BTreeSet::new();
        let mut sound = true;
        let mut object = Map::new();
        for Entry { key, key_at, value } in entries {
            if let Some(property) = properties.and_then(|all| all.get(key)) {
                match self.value(value, property) {
                    Some(found) => _ = object.insert(key.clone(), found),
                    None => sound = false,
                }
            } else if let Some(others) = others {
                match self.value(value, others) {
                    Some(found) => _ = object.insert(key.clone(), found),
                    None => _ = self.found.broken.insert(key.clone()),
                }
            } else {
                let near = nearest(key, known().filter(|name| node.get(name).is_none()));
                meant.extend(near);
                let hint =
                    near.map(|name| format!("did you mean `{name}`?")).or_else(|| list("one of", known()));
                self.fault(*key_at, Code::UnknownKey, format!("no key `{key}` here"), hint);
            }
        }
        for name in names(schema.get("required")).into_iter().filter(|name| node.get(name).is_none()) {
            sound = false;
            // A misspelt key is one mistake, not two.
            if !meant.contains(name) {
                let hint = self.describe(properties.and_then(|all| all.get(name)));
                self.fault(node.at, Code::MissingKey, format!("the key `{name}` is missing"), hint);
            }
        }
        sound.then_some(Value::Object(object))
    }

    fn one_of(&mut self, node: &Node, allowed: &[&str]) -> Option<Value> {
        match &node.data {
            Data::Text(text) if allowed.contains(&text.value.as_str()) => Some(text.value.clone().into()),
            Data::Text(text) => {
                let hint =
                    did_you_mean(&text.value, allowed.iter().copied()).or_else(|| list("one of", allowed));
                self.fault(node.at, Code::NotAllowed, format!("`{}` is not allowed here", text.value), hint);
                None
            }
            other => {
                let message = format!("expected text, found {}", name_of(other));
                self.fault(node.at, Code::WrongShape, message, list("one of", allowed));
                None
            }
        }
    }

    fn any_of(&mut self, node: &Node, alternatives: &'a [Value]) -> Option<Value> {
        let is_null = |schema: &Value| schema.get("type").and_then(Value::as_str) == Some("null");
        if matches!(node.data, Data::Null) && alternatives.iter().any(is_null) {
            return Some(Value::Null);
        }
        let mut others = alternatives.iter().filter(|schema| !is_null(schema));
        if let (Some(only), None) = (others.next(), others.next()) {
            return self.value(node, only);
        }
        let wanted: Vec<_> = alternatives.iter().flat_map(|schema| types(self.resolve(schema))).collect();
        let fitting = alternatives
            .iter()
            .find(|schema| types(self.resolve(schema)).iter().any(|name| fits(&node.data, name)));
        match fitting {
            Some(schema) => self.value(node, schema),
            None => self.wrong_type(node, &wanted),
        }
    }

    fn wrong_type(&mut self, node: &Node, wanted: &[&str]) -> Option<Value> {
        let written = match &node.data {
            Data::Int(_, raw) | Data::Float(raw) => Some(raw.clone()),
            Data::Bool(value) => Some(value.to_string()),
            _ => None,
        };
        let hint = written
            .filter(|_| wanted.contains(&"string"))
            .map(|raw| format!("put it in quotes: \"{raw}\""))
            .or_else(|| {
                let mapping = wanted == ["object"] && matches!(node.data, Data::Text(_) | Data::Null);
                mapping.then(|| "keys and values go below it, each on its own line".to_owned())
            });
        let wanted: Vec<_> = wanted.iter().filter(|name| **name != "null").map(|name| plain(name)).collect();
        let message = format!("expected {}, found {}", wanted.join(" or "), name_of(&node.data));
        self.fault(node.at, Code::WrongShape, message, hint);
        None
    }

    fn integer(&mut self, node: &Node, number: i64, schema: &Value) -> Option<Value> {
        let bound = |key: &str| schema.get(key).and_then(Value::as_i64);
        let format_limit = match schema.get("format").and_then(Value::as_str) {
            Some("uint8") => i64::from(u8::MAX),
            Some("uint32") => i64::from(u32::MAX),
            _ => i64::MAX,
        };
        let least = bound("minimum").unwrap_or(i64::MIN);
        let most = bound("maximum").unwrap_or(i64::MAX).min(format_limit);
        if (least..=most).contains(&number) {
            return Some(number.into());
        }
        let open = bound("maximum").is_none();
        let hint = Some(if open { format!("{least} or more") } else { format!("{least} to {most}") });
        self.fault(node.at, Code::NotAllowed, format!("{number} is out of range"), hint);
        None
    }

    fn describe(&self, schema: Option<&'a Value>) -> Option<String> {
        let schema = schema?;
        let text = schema.get("description").or_else(|| self.resolve(schema).get("description"))?.as_str()?;
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    fn fault(&mut self, at: Position, code: Code, message: String, hint: Option<String>) {
        self.found.faults.push(Misshape { at, code, message, hint });
    }
}

/// The values of a closed list of words, when the schema is one.
fn closed_list(schema: &Value) -> Option<Vec<&str>> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return values.iter().map(Value::as_str).collect();
    }
    let alternatives = schema.get("oneOf")?.as_array()?;
    let each = |one: &'_ Value| closed_list_item(one).is_some();
    alternatives
        .iter()
        .all(each)
        .then(|| alternatives.iter().filter_map(closed_list_item).flatten().collect())
}

fn closed_list_item(schema: &Value) -> Option<Vec<&str>> {
    if let Some(word) = schema.get("const").and_then(Value::as_str) {
        return Some(vec![word]);
    }
    schema.get("enum")?.as_array()?.iter().map(Value::as_str).collect()
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => vec![name],
        other => names(other),
    }
}

fn names(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn fits(data: &Data, name: &str) -> bool {
    matches!(
        (data, name),
        (Data::Map(_), "object")
            | (Data::List(_), "array")
            | (Data::Text(_), "string")
            | (Data::Int(..), "integer")
            | (Data::Bool(_), "boolean")
            | (Data::Null, "null")
    )
}

fn plain(name: &str) -> &str {
    match name {
        "object" => "keys with values",
        "array" => "a list",
        "string" => "text",
        "integer" => "a whole number",
        "boolean" => "true or false",
        other => other,
    }
}

const fn name_of(data: &Data) -> &'static str {
    match data {
        Data::Null => "nothing",
        Data::Bool(_) => "true or false",
        Data::Int(..) => "a whole number",
        Data::Float(_) => "a number",
        Data::Text(_) => "text",
        Data::List(_) => "a list",
        Data::Map(_) => "keys with values",
    }
}

/// `one of `a`, `b``; `None` for no names.
fn list<S: AsRef<str>>(lead: &str, names: impl IntoIterator<Item = S>) -> Option<String> {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect();
    (!names.is_empty()).then(|| format!("{lead} {}", names.join(", ")))
}
