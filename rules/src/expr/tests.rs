//! What a rule designer would notice, and that the kernels and the interpreter agree with an independent one.

use std::collections::BTreeMap;

use tidings_domain::ids::CitizenId;
use tidings_domain::value::{Value, ValueType};

use super::prove::{Known, World};
use super::*;

mod columns;
mod coverage;
mod errors;
mod language;
mod mutate;
mod oracle;
mod property;
mod proved;
mod why;

/// Every column of the test scope.
const FACTS: [(&str, ValueType); 13] = [
    ("event.flag", ValueType::Bool),
    ("event.amount", ValueType::Int),
    ("event.on", ValueType::Date),
    ("event.kind", ValueType::Text),
    ("event.reporter", ValueType::Citizen),
    ("subject.married", ValueType::Bool),
    ("subject.n", ValueType::Int),
    ("subject.m", ValueType::Int),
    ("subject.birth", ValueType::Date),
    ("subject.province", ValueType::Text),
    ("subject.mother.province", ValueType::Text),
    ("citizen.self", ValueType::Citizen),
    ("citizen.income", ValueType::Int),
];

struct Facts;

impl Scope for Facts {
    fn resolve(&self, column: &ColumnRef) -> Result<ValueType, Unresolved> {
        let name = column.to_string();
        let found = FACTS.iter().find(|(known, _)| *known == name);
        found.map(|(_, value_type)| *value_type).ok_or_else(|| Unresolved {
            message: format!("no fact is named `{name}`"),
            hint: Some("did you mean subject.birth?".into()),
        })
    }
}

fn column(name: &str) -> ColumnRef {
    let mut parts = name.split('.').map(str::to_owned);
    let row = parts.next().expect("a row");
    let row = RowKind::ALL.into_iter().find(|kind| kind.to_string() == row).expect("a known row");
    ColumnRef { row, path: parts.collect() }
}

fn all_columns() -> Vec<ColumnRef> {
    FACTS.iter().map(|(name, _)| column(name)).collect()
}

fn types() -> Vec<ValueType> {
    FACTS.iter().map(|(_, value_type)| *value_type).collect()
}

/// The test scope with nothing known of it but its types.
fn open() -> World {
    let known = |value_type| Known {
        value_type,
        nullable: true,
        texts: None,
        at_least: None,
        at_most: None,
        same_as: None,
    };
    World { columns: types().into_iter().map(known).collect(), faults: true, base: 20_000 }
}

fn place(name: &str) -> usize {
    FACTS.iter().position(|(known, _)| *known == name).expect("a column")
}

fn condition(text: &str) -> Bound {
    let program =
        compile(text, &Facts, ValueType::Bool).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    program.bind(&all_columns()).expect("every column is there")
}

/// Facts in a test, as `name=value` separated by `;`. What is not given is unknown.
fn facts(given: &str) -> Vec<Option<Value>> {
    let given = given.split(';').filter_map(|fact| fact.trim().split_once('=')).collect::<BTreeMap<_, _>>();
    assert!(given.keys().all(|name| FACTS.iter().any(|(known, _)| known == name)), "{given:?}");
    FACTS.iter().map(|(name, value_type)| given.get(name).map(|text| value(*value_type, text))).collect()
}

fn value(value_type: ValueType, text: &str) -> Value {
    match value_type {
        ValueType::Bool => Value::Bool(text == "true"),
        ValueType::Int => Value::Int(text.parse().expect("a whole number")),
        ValueType::Date => Value::date(text.parse().expect("a date")),
        ValueType::Text => Value::Text(text.into()),
        ValueType::Citizen => Value::Citizen(CitizenId([text.parse().expect("a byte"); 16])),
    }
}

fn table(rows: &[Vec<Option<Value>>]) -> Columns {
    let mut builder = ColumnsBuilder::new(&types(), rows.len());
    for row in rows {
        for (column, value) in row.iter().enumerate() {
            builder.push(column, value.as_ref());
        }
        builder.finish_row();
    }
    builder.finish()
}

/// The answer about one row, the same however it is computed.
fn ask(text: &str, given: &str) -> Answer {
    let (bound, columns) = (condition(text), table(&[facts(given)]));
    let answer = bound.answers(&columns).get(0);
    let kernels = bound.by_kernels(&columns).expect("the kernels fit");
    assert_eq!(kernels.get(0), answer, "{text} given {given}");
    answer
}

/// The value of an expression in one row.
fn evaluate(text: &str, value_type: ValueType, given: &str) -> Option<String> {
    let program = compile(text, &Facts, value_type).unwrap_or_else(|errors| panic!("{text}: {errors:?}"));
    let bound = program.bind(&all_columns()).expect("every column is there");
    bound.value(&table(&[facts(given)]), 0).map(|value| value.canonical())
}
