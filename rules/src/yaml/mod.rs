//! YAML read into a tree in which every node knows where it stands in its file. Built from the parser's
//! events, without recursion, so that no input can exhaust the stack; every duplicate key is found, not the
//! first alone.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};

mod place;
mod scalar;
#[cfg(test)]
mod tests;

pub(crate) use place::Position;
use scalar::Text;

/// The deepest nesting of lists and mappings.
pub(crate) const MAX_DEPTH: usize = 24;
/// The most nodes in one file, aliases counted with all that they repeat.
pub(crate) const MAX_NODES: usize = 50_000;
/// The most aliases (`*name`) in one file.
pub(crate) const MAX_ALIASES: usize = 64;
/// Bytes of repeated text that count as one node.
const BYTES_A_NODE: usize = 16;

/// A node and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it begins.
    pub(crate) at: Position,
    /// What it is.
    pub(crate) data: Data,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number, with the text it was written as (`01` is not `1` to a person).
    Int(i64, String),
    /// A number with a fraction, or a whole number beyond 64 bits, as written. No pack value is one.
    Float(String),
    /// Text.
    Text(Text),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The key.
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) key_at: Position,
    /// The value.
    pub(crate) value: Node,
}

/// One thing wrong with a file as YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Where.
    pub(crate) at: Position,
    /// Whether it is a key that stands twice in one mapping.
    pub(crate) duplicate: bool,
    /// What.
    pub(crate) message: String,
}

/// One step into a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The value under a key.
    Key(String),
    /// An item of a list, from 0.
    Item(usize),
}

impl From<&str> for Step {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<&String> for Step {
    fn from(key: &String) -> Self {
        Self::Key(key.clone())
    }
}

impl From<usize> for Step {
    fn from(item: usize) -> Self {
        Self::Item(item)
    }
}

impl Node {
    /// The value under `key`, when this is a mapping that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The keys and values, when this is a mapping.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Self)> {
        let entries = match &self.data {
            Data::Map(entries) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(|entry| (entry.key.as_str(), &entry.value))
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.data {
            Data::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The text, when this is text.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.data {
            Data::Text(text) => Some(&text.value),
            _ => None,
        }
    }

    /// Follows `path` as far as it goes.
    pub(crate) fn walk(&self, path: &[Step]) -> &Self {
        let mut node = self;
        for step in path {
            let next = match (step, &node.data) {
                (Step::Key(key), _) => node.get(key),
                (Step::Item(item), Data::List(items)) => items.get(*item),
                (Step::Item(_), _) => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// Where the value at `path` begins; where the last node on the way begins, when the path leads nowhere.
    pub(crate) fn position(&self, path: &[Step]) -> Position {
        self.walk(path).at
    }

    /// Where the key stands that `path` ends with; else as [`Self::position`].
    pub(crate) fn key_position(&self, path: &[Step]) -> Position {
        match path.split_last() {
            Some((Step::Key(key), before)) => {
                let parent = self.walk(before);
                parent.entry(key).map_or(parent.at, |entry| entry.key_at)
            }
            _ => self.position(path),
        }
    }
}

/// What reading a file gives.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// The tree; there also when nothing but duplicate keys is wrong.
    pub(crate) root: Option<Node>,
    /// Everything wrong.
    pub(crate) faults: Vec<Fault>,
}

/// Reads one file of one document.
pub(crate) fn parse(source: &str) -> Parsed {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(source);
    if let Err(fault) = builder.feed(source, &mut parser) {
        builder.faults.push(fault);
        return Parsed { root: None, faults: builder.faults };
    }
    if builder.root.is_none() {
        let message = "the file is empty".to_owned();
        builder.faults.push(Fault { at: Position::START, duplicate: false, message });
    }
    Parsed { root: builder.root, faults: builder.faults }
}

/// A list or mapping that is still open.
struct Open {
    anchor: usize,
    node: Node,
    /// The key of a mapping whose value has not come yet.
    key: Option<(String, Position)>,
    /// Keys seen, for a mapping.
    keys: BTreeSet<String>,
    /// Whether the next node is a key.
    wants_key: bool,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize)>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    aliases: usize,
    faults: Vec<Fault>,
}

impl Builder {
    fn feed(&mut self, source: &str, parser: &mut Parser<'_, StrInput<'_>>) -> Result<(), Fault> {
        let lines = place::Lines::of(source);
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| fault(*error.marker(), error.info().to_owned()))?;
            self.event(event, span, &lines)?;
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'_>, span: Span, lines: &place::Lines<'_>) -> Result<(), Fault> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) => {
                self.documents += 1;
                check(self.documents == 1, span.start, || "a pack file holds one document".into())
            }
            Event::SequenceStart(anchor, tag) => {
                check(tag.is_none(), span.start, no_tags)?;
                self.begin(anchor, Data::List(Vec::new()), span.start)
            }
            Event::MappingStart(anchor, tag) => {
                check(tag.is_none(), span.start, no_tags)?;
                self.begin(anchor, Data::Map(Vec::new()), span.start)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => self.finish(open.node, open.anchor, span.start),
                None => Ok(()),
            },
            Event::Scalar(value, style, anchor, tag) => {
                check(tag.is_none(), span.start, no_tags)?;
                self.count(1, span.start)?;
                let key = self.open.last().is_some_and(|open| open.wants_key);
                let data = if key || style != ScalarStyle::Plain {
                    Data::Text(Text::new(value.into_owned(), style, span, lines))
                } else {
                    scalar::plain(value.into_owned(), span, lines)
                };
                self.finish(Node { at: span.start.into(), data }, anchor, span.start)
            }
            Event::Alias(anchor) => {
                self.aliases += 1;
                check(self.aliases <= MAX_ALIASES, span.start, || {
                    format!("more than {MAX_ALIASES} aliases")
                })?;
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(fault(span.start, "an alias to something that is not complete yet".into()));
                };
                self.count(size, span.start)?;
                self.finish(node, 0, span.start)
            }
        }
    }

    fn begin(&mut self, anchor: usize, data: Data, at: Marker) -> Result<(), Fault> {
        self.count(1, at)?;
        check(self.open.len() < MAX_DEPTH, at, || format!("nested deeper than {MAX_DEPTH} levels"))?;
        check(!self.open.last().is_some_and(|open| open.wants_key), at, || {
            "a key must be plain text".into()
        })?;
        let wants_key = matches!(data, Data::Map(_));
        let node = Node { at: at.into(), data };
        self.open.push(Open { anchor, node, key: None, keys: BTreeSet::new(), wants_key });
        Ok(())
    }

    /// Puts a complete node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, at: Marker) -> Result<(), Fault> {
        if anchor != 0 {
            let size = size(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.data {
            Data::Map(entries) => match open.key.take() {
                Some((key, key_at)) => {
                    open.wants_key = true;
                    entries.push(Entry { key, key_at, value: node });
                }
                None => {
                    let Data::Text(text) = node.data else {
                        return Err(fault(at, "a key must be plain text".into()));
                    };
                    open.wants_key = false;
                    if !open.keys.insert(text.value.clone()) {
                        let message = format!("the key `{}` stands twice here", text.value);
                        self.faults.push(Fault { at: at.into(), duplicate: true, message });
                    }
                    open.key = Some((text.value, at.into()));
                }
            },
            Data::List(items) => items.push(node),
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, at: Marker) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(nodes);
        check(self.nodes <= MAX_NODES, at, || format!("more than {MAX_NODES} values"))
    }
}

/// What repeating a tree costs: its nodes, and its text at [`BYTES_A_NODE`].
fn size(node: &Node) -> usize {
    let mut pending = vec![node];
    let mut count = 0;
    while let Some(node) = pending.pop() {
        count += 1;
        match &node.data {
            Data::Text(text) => count += text.value.len() / BYTES_A_NODE,
            Data::List(items) => pending.extend(items),
            Data::Map(entries) => pending.extend(entries.iter().map(|entry| &entry.value)),
            _ => {}
        }
    }
    count
}

fn no_tags() -> String {
    "tags (`!name`) are not used in packs".into()
}

fn check(holds: bool, at: Marker, message: impl FnOnce() -> String) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(fault(at, message())) }
}

fn fault(at: Marker, message: String) -> Fault {
    Fault { at: at.into(), duplicate: false, message }
}
