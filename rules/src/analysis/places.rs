//! Where things stand: found again in the pack's own files, so that a loaded pack need not carry it.

use std::collections::BTreeMap;

use crate::Pack;
use crate::yaml::{self, Data, Node, Position, Step};

/// The files of a pack, as trees with positions.
pub(super) struct Places {
    files: BTreeMap<String, Node>,
    /// The file of each entry, by section and name.
    entries: BTreeMap<(String, String), String>,
}

/// A file and a path into it.
#[derive(Clone)]
pub(super) struct Spot<'a> {
    pub(super) file: &'a str,
    root: &'a Node,
    path: Vec<Step>,
    key: bool,
}

/// What a file says it is, in a text of its own.
const NAMED: [&str; 2] = ["life_event", "overlay"];

impl Places {
    pub(super) fn of(pack: &Pack) -> Self {
        let files = pack.files.iter();
        let files = files.filter_map(|(file, text)| Some((file.clone(), yaml::parse(text).root?)));
        let files: BTreeMap<_, _> = files.collect();
        let mut entries = BTreeMap::new();
        for (file, root) in &files {
            for (section, node) in root.entries() {
                let named = NAMED.contains(&section).then(|| node.as_text()).flatten();
                for name in node.entries().map(|(name, _)| name).chain(named) {
                    entries.entry((section.to_owned(), name.to_owned())).or_insert_with(|| file.clone());
                }
            }
        }
        Self { files, entries }
    }

    fn file(&self, section: &str, name: &str) -> Option<(&str, &Node)> {
        let file = self.entries.get(&(section.to_owned(), name.to_owned()))?;
        Some((file, self.files.get(file)?))
    }

    /// The entry called `name` under `section` of whichever file has one first (`facts`, `services`, `events`); its key.
    pub(super) fn entry(&self, section: &str, name: &str) -> Option<Spot<'_>> {
        let (file, root) = self.file(section, name)?;
        Some(Spot { file, root, path: vec![section.into(), name.into()], key: true })
    }

    /// The names under `section` of all files.
    pub(super) fn names<'a>(&'a self, section: &'a str) -> impl Iterator<Item = &'a str> {
        let all = self.entries.keys().filter(move |(other, _)| other == section);
        all.map(|(_, name)| name.as_str())
    }

    /// The texts of a list at the top of a file.
    pub(super) fn texts(&self, key: &str) -> impl Iterator<Item = &str> {
        let lists = self.files.values().filter_map(move |root| root.get(key)).map(|node| &node.data);
        let items = lists.filter_map(|data| match data {
            Data::List(items) => Some(items),
            _ => None,
        });
        items.flatten().filter_map(Node::as_text)
    }

    /// The file of a life event.
    pub(super) fn life_event(&self, name: &str) -> Option<Spot<'_>> {
        let (file, root) = self.file("life_event", name)?;
        Some(Spot { file, root, path: Vec::new(), key: false })
    }

    /// The rules of an overlay for a life event.
    pub(super) fn overlay(&self, name: &str, life_event: &str) -> Option<Spot<'_>> {
        let (file, root) = self.file("overlay", name)?;
        Some(Spot { file, root, path: vec!["rules".into(), life_event.into()], key: false })
    }
}

impl<'a> Spot<'a> {
    pub(super) fn then(&self, step: impl Into<Step>) -> Self {
        let mut path = self.path.clone();
        path.push(step.into());
        Self { path, key: false, ..self.clone() }
    }

    /// The key here, rather than its value.
    pub(super) fn key(mut self) -> Self {
        self.key = true;
        self
    }

    /// The item with this key, of the list here.
    pub(super) fn keyed(&self, key: &str) -> Self {
        let at = match &self.root.walk(&self.path).data {
            Data::List(items) => {
                items.iter().position(|item| item.get("key").and_then(Node::as_text) == Some(key))
            }
            _ => None,
        };
        at.map_or_else(|| self.clone(), |at| self.then(at))
    }

    pub(super) fn position(&self) -> Position {
        if self.key { self.root.key_position(&self.path) } else { self.root.position(&self.path) }
    }

    /// The position of a character of the text here; line and column count from 1.
    pub(super) fn within(&self, line: usize, column: usize) -> Position {
        match &self.root.walk(&self.path).data {
            Data::Text(text) => text.place(line, column),
            _ => self.position(),
        }
    }
}
