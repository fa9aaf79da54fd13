//! Derived facts, and what names stand for on a day.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use tidings_domain::value::{Value, ValueType};

use super::{Cx, Declared, Place, value_type};
use crate::expr::{Cell, Definitions, ExprError, Figure, LAW, RowKind, Source, TableRow};
use crate::pack::diagnostic::{Code, did_you_mean};
use crate::pack::format::FactsFile;
use crate::pack::law::Parameter;
use crate::pack::scope::Names;

/// Reads the derived facts, and checks each by itself.
pub(super) fn check(
    file: &FactsFile,
    root: &Place<'_>,
    declared: &mut Declared,
    parameters: &BTreeMap<String, Parameter>,
    cx: &Cx<'_>,
) {
    let mut sources = BTreeMap::new();
    for (name, entry) in &file.derived {
        let place = root.then("derived").then(name).then("is");
        match Source::read(&entry.is) {
            Ok(source) => _ = sources.insert(name.clone(), source),
            Err(error) => report(&place, vec![error], cx),
        }
    }
    declared.derived = Arc::new(sources);
    let definitions = whenever(&declared.derived, parameters);
    for (name, source) in &*declared.derived {
        let Some(entry) = file.derived.get(name) else { continue };
        let place = root.then("derived").then(name).then("is");
        if !named(&place, source, &declared.derived, parameters, cx) {
            continue;
        }
        let names = Names {
            facts: &declared.facts,
            sets: &declared.sets,
            folds: &declared.folds,
            links: &declared.links,
            broken: cx.broken,
            fields: &BTreeMap::new(),
            open: false,
        };
        let wanted = Some(value_type(entry.value_type));
        let compiled =
            source.about_subject().with(&definitions).and_then(|source| source.compile(&names, wanted));
        if let Err(errors) = compiled {
            report(&place, errors, cx);
        }
    }
}

/// Checks that every figure that an expression names, by itself or through derived facts, is declared.
pub(super) fn named(
    place: &Place<'_>,
    source: &Source,
    derived: &BTreeMap<String, Source>,
    parameters: &BTreeMap<String, Parameter>,
    cx: &Cx<'_>,
) -> bool {
    let mut all = true;
    for name in source.figures(derived).iter().filter(|name| !parameters.contains_key(*name)) {
        all = false;
        let text = format!("{LAW}.{name}");
        // One that a derived fact names is reported there.
        if source.text().contains(&text) && !cx.broken.contains(name) {
            let hint = did_you_mean(name, parameters.keys().map(String::as_str));
            let at = within(place, source.text(), &text);
            let message = format!("no figure `{text}` in parameters.yaml");
            cx.at(place.file, at, (Code::UnknownName, message, hint));
        }
    }
    all
}

/// What names stand for on a day; figures that law does not give then are absent.
pub(super) fn on(
    day: NaiveDate,
    names: &BTreeSet<String>,
    derived: &Arc<BTreeMap<String, Source>>,
    parameters: &BTreeMap<String, Parameter>,
) -> Definitions {
    let figures = names.iter().filter_map(|name| Some((name.clone(), figure(parameters.get(name)?, day)?)));
    Definitions { figures: figures.collect(), derived: Arc::clone(derived) }
}

/// A figure on a day, with what places say instead.
fn figure(parameter: &Parameter, day: NaiveDate) -> Option<Figure> {
    let everywhere = parameter.on(day).map(|figure| figure.figure.clone());
    let local: Vec<_> = parameter
        .local_on(day)
        .map(|(local, figure)| {
            let column = format!("{}.{}", RowKind::Citizen, local.here.fact);
            (column, local.here.codes.clone(), figure.figure.clone())
        })
        .collect();
    if local.is_empty() { everywhere } else { Some(Figure::Local(local, everywhere.map(Box::new))) }
}

/// Some value of its type for every name, where only types count.
pub(super) fn stand_ins(
    names: &BTreeSet<String>,
    derived: &Arc<BTreeMap<String, Source>>,
    parameters: &BTreeMap<String, Parameter>,
) -> Definitions {
    let figures = names.iter().filter_map(|name| Some((name.clone(), stand_in(parameters.get(name)?))));
    Definitions { figures: figures.collect(), derived: Arc::clone(derived) }
}

fn stand_in(parameter: &Parameter) -> Figure {
    let value = match parameter.value_type {
        ValueType::Bool => Value::Bool(true),
        ValueType::Int => Value::Int(1),
        ValueType::Date => Value::date(NaiveDate::default()),
        ValueType::Text | ValueType::Citizen => Value::Text("".into()),
    };
    if parameter.keys.is_empty() {
        return Figure::Value(value);
    }
    let cells = parameter.keys.iter().map(|_| Cell::Between(None, None)).collect();
    Figure::Table(vec![TableRow { cells, value }])
}

/// What names stand for on some day, for what is checked without one: of each figure its last value.
fn whenever(
    derived: &Arc<BTreeMap<String, Source>>,
    parameters: &BTreeMap<String, Parameter>,
) -> Definitions {
    let figures = parameters.iter().map(|(name, parameter)| {
        let all = parameter.local.iter().flat_map(|local| &local.figures).chain(&parameter.figures);
        let last = all.last().map(|figure| figure.figure.clone());
        (name.clone(), last.unwrap_or_else(|| stand_in(parameter)))
    });
    Definitions { figures: figures.collect(), derived: Arc::clone(derived) }
}

/// Reports mistakes in an expression where they stand in the file.
pub(super) fn report(place: &Place<'_>, errors: Vec<ExprError>, cx: &Cx<'_>) {
    for error in errors {
        let [line, column] = [error.line, error.column].map(|at| usize::try_from(at).unwrap_or(1));
        cx.at(place.file, place.within(line, column), (Code::Condition, error.message, error.hint));
    }
}

/// Where a name first stands in an expression.
pub(super) fn within(place: &Place<'_>, text: &str, name: &str) -> crate::yaml::Position {
    let before = text.split(name).next().unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let last = before.rsplit('\n').next().unwrap_or_default();
    place.within(line, last.chars().count() + 1)
}
