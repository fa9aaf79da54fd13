//! From files to a pack: limits, YAML, shape, meaning. Pure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::check;
use super::diagnostic::{Code, Diagnostic, Diagnostics, did_you_mean};
use super::format::{
    DesignersFile, EventsFile, FactsFile, LifeEventFile, ListsFile, OverlayFile, PackFile, ParametersFile,
    ServicesFile, SourcesFile, WordingFile,
};
use super::model::{Pack, PackDigest};
use super::schema::{FileKind, conform, schema};
use crate::yaml::{self, Node, Position};

/// The most bytes in one file.
pub const MAX_FILE_BYTES: usize = 256 * 1024;
/// The most files in a pack.
pub const MAX_FILES: usize = 8_192;

impl Pack {
    /// Checks and compiles a pack from its files, by their path relative to the pack's folder. Life events
    /// come in the order of their file names.
    ///
    /// # Errors
    /// Every mistake that can be told apart, sorted by file and place. A mistake in the shape of one file
    /// leaves the meaning of the others checked, as far as that is possible without it.
    pub fn from_files(files: BTreeMap<String, String>) -> Result<Self, Vec<Diagnostic>> {
        Self::as_known(files, None)
    }

    /// The same as it was known on a day: without the figures and rules that became known later. `None` is
    /// everything that the files say.
    ///
    /// # Errors
    /// As [`Pack::from_files`]; also where a rule names a figure that was not known yet.
    pub fn as_known(
        files: BTreeMap<String, String>,
        known: Option<NaiveDate>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut out = Diagnostics::default();
        limits(&files, &mut out);
        if !out.is_empty() {
            return Err(out.into_sorted());
        }
        let docs = read(&files, &mut out);
        let (pack, out) = check::pack(docs, files, known, out);
        match pack {
            Some(pack) if out.is_empty() => Ok(pack),
            _ => Err(out.into_sorted()),
        }
    }
}

/// SHA-256 over names and contents in the order of the names, each prefixed with its length.
pub(super) fn digest(files: &BTreeMap<String, String>) -> PackDigest {
    let mut hash = Sha256::new();
    for part in files.iter().flat_map(|(name, content)| [name, content]) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// A file that is sound enough to be looked into.
#[derive(Debug)]
pub(super) struct Doc<T> {
    /// Path relative to the pack.
    pub(super) file: String,
    /// The tree, for places.
    pub(super) root: Node,
    /// What it says.
    pub(super) value: T,
}

/// The files of a pack, as far as each has the right shape.
#[derive(Debug, Default)]
pub(super) struct Docs {
    pub(super) pack: Option<Doc<PackFile>>,
    pub(super) sources: Option<Doc<SourcesFile>>,
    pub(super) parameters: Option<Doc<ParametersFile>>,
    pub(super) facts: Option<Doc<FactsFile>>,
    pub(super) events: Option<Doc<EventsFile>>,
    pub(super) services: Vec<Doc<ServicesFile>>,
    /// Whether every file of services could be read, so that a name that none of them has is wrong.
    pub(super) has_services: bool,
    pub(super) lists: Option<Doc<ListsFile>>,
    pub(super) designers: Option<Doc<DesignersFile>>,
    pub(super) wording: Option<Doc<WordingFile>>,
    pub(super) life_events: Vec<Doc<LifeEventFile>>,
    pub(super) overlays: Vec<Doc<OverlayFile>>,
    /// Names that stand in the files, but whose entries are misshapen.
    pub(super) broken: BTreeSet<String>,
    /// Whether some life event could not be read at all, so that its name is not known.
    pub(super) unread: bool,
}

fn limits(files: &BTreeMap<String, String>, out: &mut Diagnostics) {
    let at = Position::START;
    if files.len() > MAX_FILES {
        let message = format!("{} files, and a pack has at most {MAX_FILES}", files.len());
        out.push(FileKind::Pack.path(), at, Code::TooLarge, message, None);
        return;
    }
    for (file, content) in files {
        if content.len() > MAX_FILE_BYTES {
            let message = format!("{} bytes, and a file has at most {MAX_FILE_BYTES}", content.len());
            out.push(file, at, Code::TooLarge, message, None);
        }
    }
}

pub(super) fn read(files: &BTreeMap<String, String>, out: &mut Diagnostics) -> Docs {
    let mut docs = Docs::default();
    let mut found = BTreeMap::new();
    for (file, content) in files {
        let Some(kind) = FileKind::of(file) else {
            let known = FileKind::ALL.map(FileKind::path);
            let hint = did_you_mean(file, known).or_else(|| {
                Some("life events stand in life_events/NAME.yaml, more services in services/NAME.yaml".into())
            });
            out.push(file, Position::START, Code::WrongFile, "a pack has no such file".into(), hint);
            continue;
        };
        *found.entry(kind).or_insert(0) += 1;
        let parsed = yaml::parse(content);
        for fault in parsed.faults {
            let code = if fault.duplicate { Code::DuplicateKey } else { Code::Yaml };
            out.push(file, fault.at, code, fault.message, None);
        }
        match parsed.root {
            Some(root) => docs.add(kind, file, root, out),
            None => docs.unread = docs.unread || kind == FileKind::LifeEvent,
        }
    }
    for kind in FileKind::ALL {
        if kind.is_required() && !found.contains_key(&kind) {
            let message = "the file is missing".to_owned();
            out.push(kind.path(), Position::START, Code::WrongFile, message, None);
        }
    }
    docs.has_services = found.get(&FileKind::Services) == Some(&docs.services.len());
    docs
}

impl Docs {
    fn add(&mut self, kind: FileKind, file: &str, root: Node, out: &mut Diagnostics) {
        let conformed = conform(&root, &schema(kind));
        for fault in conformed.faults {
            out.push(file, fault.at, fault.code, fault.message, fault.hint);
        }
        self.broken.extend(conformed.broken);
        let Some(value) = conformed.value else {
            self.broken.extend(root.get("life_event").and_then(Node::as_text).map(str::to_owned));
            return;
        };
        let doc = Doc { file: file.to_owned(), root, value };
        match kind {
            FileKind::Pack => self.pack = typed(doc, out),
            FileKind::Sources => self.sources = typed(doc, out),
            FileKind::Parameters => self.parameters = typed(doc, out),
            FileKind::Facts => self.facts = typed(doc, out),
            FileKind::Events => self.events = typed(doc, out),
            FileKind::Services => self.services.extend(typed(doc, out)),
            FileKind::Lists => self.lists = typed(doc, out),
            FileKind::Designers => self.designers = typed(doc, out),
            FileKind::Wording => self.wording = typed(doc, out),
            FileKind::LifeEvent => self.life_events.extend(typed(doc, out)),
            FileKind::Overlay => self.overlays.extend(typed(doc, out)),
        }
    }
}

fn typed<T: DeserializeOwned>(doc: Doc<serde_json::Value>, out: &mut Diagnostics) -> Option<Doc<T>> {
    let Doc { file, root, value } = doc;
    match serde_json::from_value(value) {
        Ok(value) => Some(Doc { file, root, value }),
        Err(error) => {
            out.push(&file, Position::START, Code::WrongShape, error.to_string(), None);
            None
        }
    }
}
