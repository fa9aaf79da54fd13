//! The test cases of a rule.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use sha2::{Digest, Sha256};
use tidings_domain::ids::{CitizenId, ID_BYTES};
use tidings_domain::value::{Value, ValueType};

use super::effects::{allowed, constant};
use super::life_events::Outline;
use super::table::{self, Spot};
use super::{Cx, Place};
use crate::expr::{ColumnRef, RowKind, Scope};
use crate::pack::diagnostic::Code;
use crate::pack::format::{self, Expect, Literal, RuleEntry};
use crate::pack::model::Case;
use crate::pack::scope::{self, Names, TIME};

/// The fewest cases of a rule: one that speaks and one that does not.
const MIN_CASES: usize = 2;

/// A case whose names and values have been read.
pub(super) struct Read {
    name: String,
    on: NaiveDate,
    values: BTreeMap<ColumnRef, Value>,
    expect: Expect,
    missing: Vec<ColumnRef>,
    deadline: Option<NaiveDate>,
}

impl Read {
    /// Gives a column a value, unless the case gives one.
    pub(super) fn default_to(&mut self, column: ColumnRef, value: Value) {
        self.values.entry(column).or_insert(value);
    }

    /// The case as a row of these columns.
    pub(super) fn over(self, columns: &[ColumnRef]) -> Case {
        let row = columns.iter().map(|column| self.values.get(column).cloned()).collect();
        let Self { name, on, expect, missing, deadline, .. } = self;
        Case { name, on, row, expect, missing, deadline }
    }
}

pub(super) fn check(
    rule: &Place<'_>,
    entry: &RuleEntry,
    names: Names<'_>,
    outline: &Outline<'_>,
    cx: &Cx<'_>,
) -> Vec<Read> {
    let listed = entry.cases.iter().enumerate();
    let listed = listed.map(|(index, case)| (Spot::Entry(rule.then("cases").then(index)), case.clone()));
    let headings = |heading: &str, place: &Place<'_>| column(heading, place, names, cx).is_some();
    let lines = entry.table.iter().flat_map(|table| table::lines(&rule.then("table"), table, &headings, cx));
    let written: Vec<_> = listed.chain(lines).collect();
    let lines = entry.table.as_ref().map_or(0, |table| table.rows.len());
    if entry.cases.len() + lines < MIN_CASES {
        let hint = Some("one that expects `yes` and one that expects `no` or `unknown`".to_owned());
        let message = format!("a rule has at least {MIN_CASES} cases");
        cx.hinted(&rule.then("cases"), Code::BadCase, message, hint);
    }
    let mut seen = BTreeSet::new();
    let mut cases = Vec::new();
    for (spot, case) in &written {
        let place = spot.field("name");
        cx.not_blank(&place, &case.name);
        if !seen.insert(&case.name) {
            cx.fault(&place, Code::DuplicateName, format!("the case `{}` stands above already", case.name));
        }
        let reader = Reader { spot, case, names, outline, cx };
        cases.extend(reader.read(entry));
    }
    cases
}

/// A column by its name, or the mistake in it.
fn column(text: &str, place: &Place<'_>, names: Names<'_>, cx: &Cx<'_>) -> Option<(ColumnRef, ValueType)> {
    let Some(column) = scope::column(text) else {
        let hint = Some("`event.FIELD`, `subject.FACT` or `citizen.FACT`".to_owned());
        cx.hinted(place, Code::UnknownName, format!("`{text}` is no column"), hint);
        return None;
    };
    match names.resolve(&column) {
        Ok(value_type) => Some((column, value_type)),
        Err(unresolved) => {
            if !names.is_reported(&column) {
                cx.hinted(place, Code::UnknownName, unresolved.message, unresolved.hint);
            }
            None
        }
    }
}

struct Reader<'a> {
    spot: &'a Spot<'a>,
    case: &'a format::Case,
    names: Names<'a>,
    outline: &'a Outline<'a>,
    cx: &'a Cx<'a>,
}

impl Reader<'_> {
    fn read(&self, rule: &RuleEntry) -> Option<Read> {
        let on = self.cx.date(&self.spot.field("on"), &self.case.on);
        let mut values = BTreeMap::new();
        self.row(RowKind::Event, &self.case.event, &mut values);
        self.row(RowKind::Subject, &self.case.subject, &mut values);
        match &self.case.citizen {
            Some(citizen) => self.row(RowKind::Citizen, citizen, &mut values),
            None => {
                let own = values.iter().filter(|(column, _)| column.row == RowKind::Subject);
                let own = own.map(|(column, value)| {
                    (ColumnRef { row: RowKind::Citizen, ..column.clone() }, value.clone())
                });
                let own: Vec<_> = own.collect();
                values.extend(own);
            }
        }
        let missing = self.case.missing.iter().enumerate();
        let missing = missing.filter_map(|(index, text)| self.column(&self.spot.missing(index), text));
        let missing: Vec<_> = missing.map(|(column, _)| column).collect();
        if self.case.expect != Expect::Unknown && !self.case.missing.is_empty() {
            let message = "facts are named as missing only when the answer is `unknown`";
            self.cx.fault(&self.spot.field("missing"), Code::BadCase, message);
        }
        let deadline = match &self.case.deadline {
            None => None,
            Some(text) => {
                if rule.deadline.is_none() {
                    let message = "a deadline, in a case of a rule that has none";
                    self.cx.fault(&self.spot.field("deadline"), Code::BadCase, message);
                }
                Some(self.cx.date(&self.spot.field("deadline"), text)?)
            }
        };
        let on = on?;
        values.insert(ColumnRef { row: RowKind::Event, path: vec![TIME.to_owned()] }, Value::date(on));
        let (name, expect) = (self.case.name.clone(), self.case.expect);
        Some(Read { name, on, values, expect, missing, deadline })
    }

    fn row(
        &self,
        row: RowKind,
        literals: &BTreeMap<String, Literal>,
        values: &mut BTreeMap<ColumnRef, Value>,
    ) {
        for (path, literal) in literals {
            let (place, heading) = (self.spot.value(row, path), self.spot.heading(row, path));
            if row == RowKind::Event && path == TIME {
                let message = "the day of the event is `on` of the case";
                self.cx.fault(&heading, Code::BadCase, message);
                continue;
            }
            let Some((column, value_type)) = self.column(&heading, &format!("{row}.{path}")) else {
                continue;
            };
            let value = match (value_type, literal) {
                (ValueType::Citizen, Literal::Text(text)) => Ok(somebody(text)),
                _ => constant(literal, value_type),
            };
            match value {
                Ok(value) => {
                    if let (Value::Text(text), Some(closed)) = (&value, self.closed(&column)) {
                        allowed(&place, text, closed, self.cx);
                    }
                    values.insert(column, value);
                }
                Err((message, hint)) => self.cx.hinted(&place, Code::WrongType, message, hint),
            }
        }
    }

    fn column(&self, place: &Place<'_>, text: &str) -> Option<(ColumnRef, ValueType)> {
        column(text, place, self.names, self.cx)
    }

    /// The closed list that the column's values come from.
    fn closed(&self, column: &ColumnRef) -> Option<&BTreeSet<String>> {
        match (column.row, column.path.as_slice()) {
            (RowKind::Event, [field]) => self.outline.values.get(field),
            (_, [.., fact]) => self.names.facts.get(fact).map(|fact| &fact.values),
            _ => None,
        }
    }
}

/// A made-up person: the same name in a case is the same person.
fn somebody(name: &str) -> Value {
    let digest = Sha256::digest(name.as_bytes());
    let mut id = [0; ID_BYTES];
    id.iter_mut().zip(digest).for_each(|(byte, from)| *byte = from);
    Value::Citizen(CitizenId(id))
}
