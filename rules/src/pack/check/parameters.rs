//! `parameters.yaml`.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use tidings_domain::value::{Value, ValueType};

use super::effects::constant;
use super::{Cx, Place, value_type};
use crate::expr::{Cell, Figure, MAX_TABLE_ROWS, TableRow};
use crate::pack::diagnostic::{Code, ReviewKind};
use crate::pack::format::{
    self, CellEntry, FigureEntry, HolidaysEntry, Literal, ParameterEntry, ParametersFile, RowEntry, TypeName,
};
use crate::pack::law::{DatedFigure, Parameter, Workdays};
use crate::pack::load::Doc;
use crate::pack::model::Basis;

/// What `parameters.yaml` says; nothing without one.
#[derive(Debug, Default)]
pub(super) struct Law {
    pub(super) parameters: BTreeMap<String, Parameter>,
    pub(super) workdays: Workdays,
}

pub(super) fn check(doc: &Doc<ParametersFile>, cx: &Cx<'_>) -> Law {
    let root = Place::of(doc);
    let mut law = Law::default();
    for (name, entry) in &doc.value.parameters {
        let place = root.then("parameters").then(name);
        cx.word(&place.clone().key(), name);
        law.parameters.insert(name.clone(), parameter(&place, name, entry, cx));
    }
    let place = root.then("holidays");
    for (index, year) in doc.value.holidays.iter().enumerate() {
        holidays(&place.then(index), year, &mut law.workdays, cx);
    }
    law
}

pub(super) fn parameter(place: &Place<'_>, name: &str, entry: &ParameterEntry, cx: &Cx<'_>) -> Parameter {
    cx.texts(&place.then("title"), &entry.title);
    if entry.value_type == TypeName::Citizen {
        cx.fault(&place.then("type"), Code::WrongType, "no figure of law is a person");
    }
    let mut keys = Vec::new();
    for (index, key) in entry.keys.iter().enumerate() {
        let place = place.then("keys").then(index).then("name");
        cx.word(&place, &key.name);
        if keys.iter().any(|(name, _)| *name == key.name) {
            cx.fault(&place, Code::DuplicateName, format!("`{}` stands twice", key.name));
        }
        keys.push((key.name.clone(), value_type(key.value_type)));
    }
    let reader = Reader { value_type: value_type(entry.value_type), keys: &keys, name, cx };
    let values = place.then("values");
    if entry.values.is_empty() {
        cx.fault(&values, Code::BadRule, "a figure has at least one value");
    }
    let dated =
        entry.values.iter().enumerate().filter_map(|(index, it)| reader.dated(&values.then(index), it));
    let mut figures: Vec<DatedFigure> = dated.collect();
    figures.sort_by_key(|figure| (figure.from, figure.known));
    let twice = figures.windows(2).any(|pair| (pair[0].from, pair[0].known) == (pair[1].from, pair[1].known));
    if twice {
        let message = format!("two values of `{name}` take effect on one day and became known on one day");
        cx.fault(&values, Code::DuplicateName, message);
    }
    Parameter {
        title: entry.title.clone(),
        value_type: value_type(entry.value_type),
        unit: entry.unit.clone(),
        keys,
        figures,
        local: Vec::new(),
    }
}

struct Reader<'a> {
    value_type: ValueType,
    keys: &'a [(String, ValueType)],
    name: &'a str,
    cx: &'a Cx<'a>,
}

impl Reader<'_> {
    /// A value with its days; `None` when it is wrong, or was not known yet on the day that is asked about.
    fn dated(&self, place: &Place<'_>, entry: &FigureEntry) -> Option<DatedFigure> {
        let cx = self.cx;
        let from = cx.date(&place.then("from"), &entry.from);
        let optional = |key: &str, text: &Option<String>| match text {
            None => Some(None),
            Some(text) => cx.date(&place.then(key), text).map(Some),
        };
        let (to, known) = (optional("to", &entry.to), optional("known", &entry.known));
        let basis = basis(&place.then("basis"), &entry.basis, cx);
        let figure = self.figure(place, entry);
        if entry.review {
            let message = format!("figure `{}` from {}: needs a human check", self.name, entry.from);
            cx.review(&place.then("review"), ReviewKind::Figure, message);
        }
        let (from, to) = (from?, to?);
        if to.is_some_and(|to| to < from) {
            cx.fault(&place.then("to"), Code::BadDate, "the last day is before the first");
        }
        let known = known?.unwrap_or(from);
        let figure = DatedFigure { from, to, known, figure: figure?, basis: basis?, review: entry.review };
        cx.is_known(known).then_some(figure)
    }

    fn figure(&self, place: &Place<'_>, entry: &FigureEntry) -> Option<Figure> {
        match (&entry.value, self.keys.is_empty()) {
            (Some(value), true) if entry.rows.is_empty() => {
                self.literal(&place.then("value"), value, self.value_type).map(Figure::Value)
            }
            (None, false) if !entry.rows.is_empty() => self.table(place, &entry.rows),
            _ => {
                let message = "a figure has a `value`, and a table, which has `keys`, has `rows`";
                self.cx.fault(place, Code::BadRule, message);
                None
            }
        }
    }

    fn table(&self, place: &Place<'_>, rows: &[RowEntry]) -> Option<Figure> {
        let place = place.then("rows");
        if rows.len() > MAX_TABLE_ROWS {
            let message = format!("a table has at most {MAX_TABLE_ROWS} rows, not {}", rows.len());
            self.cx.fault(&place, Code::TooLarge, message);
            return None;
        }
        let read = rows.iter().enumerate().map(|(index, row)| self.row(&place.then(index), row));
        read.collect::<Vec<_>>().into_iter().collect::<Option<_>>().map(Figure::Table)
    }

    fn row(&self, place: &Place<'_>, row: &RowEntry) -> Option<TableRow> {
        for name in row.when.keys().filter(|name| !self.keys.iter().any(|(key, _)| key == *name)) {
            let names = self.keys.iter().map(|(key, _)| key);
            self.cx.unknown(&place.then("when").then(name).key(), "key", name, names);
        }
        let cells = self.keys.iter().map(|(name, kind)| match row.when.get(name) {
            None => Some(Cell::Between(None, None)),
            Some(cell) => self.cell(&place.then("when").then(name), cell, *kind),
        });
        let cells = cells.collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>();
        let value = self.literal(&place.then("value"), &row.value, self.value_type);
        Some(TableRow { cells: cells?, value: value? })
    }

    fn cell(&self, place: &Place<'_>, cell: &CellEntry, kind: ValueType) -> Option<Cell> {
        let is = |literal: Literal| self.literal(place, &literal, kind).map(Cell::Is);
        match cell {
            CellEntry::Bool(value) => is(Literal::Bool(*value)),
            CellEntry::Int(value) => is(Literal::Int(*value)),
            CellEntry::Text(value) => is(Literal::Text(value.clone())),
            CellEntry::Range(range) => {
                if !matches!(kind, ValueType::Int | ValueType::Date) {
                    let message = format!("a range is of numbers or dates, not of {kind}");
                    self.cx.fault(place, Code::WrongType, message);
                    return None;
                }
                let (low, high) = (&range.from, &range.to);
                let end = |key: &str, literal: &Option<Literal>| match literal {
                    None => Some(None),
                    Some(literal) => self.literal(&place.then(key), literal, kind).map(Some),
                };
                let (low, high) = (end("from", low)?, end("to", high)?);
                if low.as_ref().zip(high.as_ref()).is_some_and(|(low, high)| low > high) {
                    self.cx.fault(place, Code::NotAllowed, "the range ends before it begins");
                }
                Some(Cell::Between(low, high))
            }
        }
    }

    fn literal(&self, place: &Place<'_>, literal: &Literal, kind: ValueType) -> Option<Value> {
        match constant(literal, kind) {
            Ok(value) => Some(value),
            Err((message, hint)) => {
                self.cx.hinted(place, Code::WrongType, message, hint);
                None
            }
        }
    }
}

/// A legal reference, read.
pub(super) fn basis(place: &Place<'_>, entry: &format::Basis, cx: &Cx<'_>) -> Option<Basis> {
    cx.not_blank(&place.then("law"), &entry.law);
    cx.not_blank(&place.then("article"), &entry.article);
    let review_by = match &entry.review_by {
        None => None,
        Some(text) => Some(cx.date(&place.then("review_by"), text)?),
    };
    Some(Basis { law: entry.law.clone(), article: entry.article.clone(), review_by })
}

fn holidays(place: &Place<'_>, entry: &HolidaysEntry, workdays: &mut Workdays, cx: &Cx<'_>) {
    let year = i32::try_from(entry.year).unwrap_or(i32::MAX);
    if !workdays.years.insert(year) {
        cx.fault(&place.then("year"), Code::DuplicateName, format!("the year {year} stands twice"));
    }
    basis(&place.then("basis"), &entry.basis, cx);
    if entry.review {
        let message = format!("holidays of {year}: need a human check");
        cx.review(&place.then("review"), ReviewKind::Figure, message);
    }
    let days = |key: &str, texts: &[String], weekend: bool| -> BTreeSet<NaiveDate> {
        let mut days = BTreeSet::new();
        for (index, text) in texts.iter().enumerate() {
            let place = place.then(key).then(index);
            let Some(day) = cx.date(&place, text) else { continue };
            let is_weekend = !Workdays::default().is_working(day);
            if day.year() != year {
                cx.fault(&place, Code::BadDate, format!("`{text}` is not in {year}"));
            } else if is_weekend != weekend {
                let (is, wanted) = if weekend {
                    ("is no", "work in exchange is done on one")
                } else {
                    ("is in a", "nobody works then anyway")
                };
                cx.fault(&place, Code::BadDate, format!("`{text}` {is} weekend: {wanted}"));
            }
            days.insert(day);
        }
        days
    };
    let (off, working) = (days("off", &entry.off, false), days("working", &entry.working, true));
    workdays.off.extend(off);
    workdays.working.extend(working);
}
