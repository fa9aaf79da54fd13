//! Cases written as a table: each line becomes a case as the list writes them, and what is wrong is placed at its cell.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cx, Place};
use crate::expr::RowKind;
use crate::pack::diagnostic::{Code, did_you_mean};
use crate::pack::format::{Case, CaseTable, Expect, Literal};

/// Headings that are no facts.
const WORDS: [&str; 5] = ["name", "on", "expect", "missing", "deadline"];
/// Those without which a line is no case.
const NEEDED: [&str; 3] = ["name", "on", "expect"];

/// Where the parts of a case stand.
pub(super) enum Spot<'a> {
    /// An entry of the list.
    Entry(Place<'a>),
    /// A line of the table.
    Line {
        /// The table.
        table: Place<'a>,
        /// Its headings.
        columns: &'a [String],
        /// Which line.
        line: usize,
    },
}

impl<'a> Spot<'a> {
    /// Where the value of this name stands.
    pub(super) fn field(&self, name: &str) -> Place<'a> {
        match self {
            Self::Entry(place) => place.then(name),
            Self::Line { table, columns, line } => match columns.iter().position(|column| column == name) {
                Some(column) => table.then("rows").then(*line).then(column),
                None => table.then("shared").then(name),
            },
        }
    }

    /// Where a fact's value stands.
    pub(super) fn value(&self, row: RowKind, path: &str) -> Place<'a> {
        match self {
            Self::Entry(place) => place.then(row.to_string().as_str()).then(path),
            Self::Line { .. } => self.field(&format!("{row}.{path}")),
        }
    }

    /// Where a fact's name stands.
    pub(super) fn heading(&self, row: RowKind, path: &str) -> Place<'a> {
        match self {
            Self::Entry(_) => self.value(row, path).key(),
            Self::Line { table, columns, .. } => {
                let name = format!("{row}.{path}");
                match columns.iter().position(|column| *column == name) {
                    Some(column) => table.then("columns").then(column),
                    None => table.then("shared").then(name.as_str()).key(),
                }
            }
        }
    }

    /// Where the name of a missing fact stands.
    pub(super) fn missing(&self, index: usize) -> Place<'a> {
        match self {
            Self::Entry(place) => place.then("missing").then(index),
            Self::Line { .. } => self.field("missing"),
        }
    }
}

/// The lines of a table as cases. `known` says whether a heading is a column, and reports it where it is not.
pub(super) fn lines<'a>(
    place: &Place<'a>,
    table: &'a CaseTable,
    known: &dyn Fn(&str, &Place<'_>) -> bool,
    cx: &Cx<'_>,
) -> Vec<(Spot<'a>, Case)> {
    let good = headings(place, table, known, cx);
    let mut cases = Vec::new();
    for (line, cells) in table.rows.iter().enumerate() {
        let spot = Spot::Line { table: place.clone(), columns: &table.columns, line };
        if cells.len() != table.columns.len() {
            let message = format!("{} values, and there are {} columns", cells.len(), table.columns.len());
            let hint = Some("write `~` where there is no value".to_owned());
            cx.hinted(&place.then("rows").then(line), Code::BadCase, message, hint);
            continue;
        }
        let cells = table.columns.iter().map(String::as_str).zip(cells);
        let shared = table.shared.iter().map(|(name, cell)| (name.as_str(), cell));
        let cells = cells.chain(shared).filter(|(name, _)| good.contains(name)).collect();
        cases.extend(Line { spot: &spot, cells, cx }.case().map(|case| (spot, case)));
    }
    cases
}

/// The headings that mean something; the others are reported, once for the whole table.
fn headings<'a>(
    place: &Place<'_>,
    table: &'a CaseTable,
    known: &dyn Fn(&str, &Place<'_>) -> bool,
    cx: &Cx<'_>,
) -> BTreeSet<&'a str> {
    let columns = table.columns.iter().enumerate();
    let columns = columns.map(|(index, name)| (name.as_str(), place.then("columns").then(index)));
    let shared = table.shared.keys().map(|name| (name.as_str(), place.then("shared").then(name).key()));
    let (mut good, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for (name, at) in columns.chain(shared) {
        if !seen.insert(name) {
            cx.fault(&at, Code::DuplicateName, format!("the column `{name}` stands twice"));
        } else if WORDS.contains(&name) || name.contains('.') && known(name, &at) {
            good.insert(name);
        } else if !name.contains('.') {
            let hint = did_you_mean(name, WORDS).or_else(|| {
                Some(format!("{}, `event.FIELD`, `subject.FACT` or `citizen.FACT`", WORDS.join(", ")))
            });
            cx.hinted(&at, Code::UnknownName, format!("`{name}` is no column of a table"), hint);
        }
    }
    for name in NEEDED.into_iter().filter(|name| !seen.contains(name)) {
        cx.fault(&place.then("columns"), Code::BadCase, format!("the column `{name}` is missing"));
    }
    good
}

/// One line, cell by heading.
struct Line<'a> {
    spot: &'a Spot<'a>,
    cells: BTreeMap<&'a str, &'a Option<Literal>>,
    cx: &'a Cx<'a>,
}

impl Line<'_> {
    fn case(&self) -> Option<Case> {
        let (name, on) = (self.needed("name"), self.needed("on"));
        let expect = self.expect();
        let missing = self.text("missing");
        let missing = missing.iter().flat_map(|names| names.split(','));
        Some(Case {
            missing: missing.map(|name| name.trim().to_owned()).collect(),
            deadline: self.text("deadline"),
            event: self.facts(RowKind::Event).unwrap_or_default(),
            subject: self.facts(RowKind::Subject).unwrap_or_default(),
            citizen: self.facts(RowKind::Citizen),
            name: name?,
            on: on?,
            expect: expect?,
        })
    }

    /// The facts of one row that are known; `None` when no column is about it.
    fn facts(&self, row: RowKind) -> Option<BTreeMap<String, Literal>> {
        let about = |name: &str| Some(name.strip_prefix(&format!("{row}."))?.to_owned());
        let mut cells = self.cells.iter().filter_map(|(name, cell)| Some((about(name)?, *cell))).peekable();
        cells.peek()?;
        Some(cells.filter_map(|(name, cell)| Some((name, cell.clone()?))).collect())
    }

    /// The text under a heading, reported when it is something else; `None` also for none.
    fn text(&self, name: &str) -> Option<String> {
        match self.cells.get(name)?.as_ref()? {
            Literal::Text(text) => Some(text.clone()),
            Literal::Int(_) | Literal::Bool(_) => {
                let hint = Some("put it in quotes".to_owned());
                let message = format!("text is needed under `{name}`");
                self.cx.hinted(&self.spot.field(name), Code::WrongType, message, hint);
                None
            }
        }
    }

    /// The text under a heading that every line needs.
    fn needed(&self, name: &str) -> Option<String> {
        if self.cells.get(name).is_some_and(|cell| cell.is_none()) {
            self.cx.fault(&self.spot.field(name), Code::BadCase, format!("a case needs its `{name}`"));
        }
        self.text(name)
    }

    fn expect(&self) -> Option<Expect> {
        let text = self.needed("expect")?;
        let known = [("yes", Expect::Yes), ("no", Expect::No), ("unknown", Expect::Unknown)];
        let found = known.into_iter().find(|(word, _)| *word == text).map(|(_, expect)| expect);
        if found.is_none() {
            let hint = Some("`yes`, `no` or `unknown`".to_owned());
            self.cx.hinted(
                &self.spot.field("expect"),
                Code::NotAllowed,
                format!("`{text}` is no answer"),
                hint,
            );
        }
        found
    }
}
