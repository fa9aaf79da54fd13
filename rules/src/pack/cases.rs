//! Rules carry their own tests: each case is one row, run through the compiled condition and the deadline.

use chrono::NaiveDate;
use tidings_domain::value::{Value, ValueType};

use super::format::Expect;
use super::model::{Case, LifeEvent, Pack, Rule};
use crate::calendar::deadline_of;
use crate::expr::{Answer, ColumnRef, Columns, ColumnsBuilder, RowKind};

/// How one case went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// The life event.
    pub life_event: String,
    /// Key of the rule.
    pub rule: String,
    /// Name of the case.
    pub case: String,
    /// Whether everything came out as expected.
    pub passed: bool,
    /// What came out otherwise; empty when it passed.
    pub detail: String,
}

/// Runs every case of every rule, in pack order.
pub fn run_cases(pack: &Pack) -> Vec<CaseResult> {
    let mut results = Vec::new();
    for life_event in &pack.life_events {
        for rule in &life_event.rules {
            for case in &rule.cases {
                let wrong = run(pack, life_event, rule, case);
                results.push(CaseResult {
                    life_event: life_event.name.clone(),
                    rule: rule.key.clone(),
                    case: case.name.clone(),
                    passed: wrong.is_empty(),
                    detail: wrong.join("; "),
                });
            }
        }
    }
    results
}

/// Everything that came out otherwise than expected.
fn run(pack: &Pack, life_event: &LifeEvent, rule: &Rule, case: &Case) -> Vec<String> {
    let when = &rule.on(case.on).when;
    let mut wrong = Vec::new();
    let columns = one_row(life_event, case);
    let found = match when.answers(&columns).get(0) {
        Answer::Yes => Expect::Yes,
        Answer::No => Expect::No,
        Answer::Unknown => Expect::Unknown,
    };
    if found != case.expect {
        let why = match found {
            Expect::Yes => String::new(),
            Expect::No => format!(" because not: {}", when.failing(&columns, 0).join("; ")),
            Expect::Unknown => {
                let missing = when.missing(&columns, 0);
                let names: Vec<_> = missing.inputs.iter().map(|column| format!("`{column}`")).collect();
                let fault = if missing.fault { " and a fault in the arithmetic" } else { "" };
                format!(" for want of {}{fault}", names.join(", "))
            }
        };
        wrong.push(format!("expected {}, found {}{why}", word(case.expect), word(found)));
    } else if found == Expect::Unknown {
        let missing = when.missing(&columns, 0).inputs;
        let unnamed = case.missing.iter().filter(|column| !missing.contains(column));
        wrong.extend(unnamed.map(|column| format!("`{column}` is not among what is missing")));
    }
    if let Some(expected) = case.deadline {
        let found = deadline(pack, life_event, rule, case);
        if found != Some(expected) {
            let found = found.map_or_else(|| "none".to_owned(), |date| date.to_string());
            wrong.push(format!("expected the deadline {expected}, found {found}"));
        }
    }
    wrong
}

fn one_row(life_event: &LifeEvent, case: &Case) -> Columns {
    let types: Vec<ValueType> = life_event.columns.iter().map(|(_, value_type)| *value_type).collect();
    let mut builder = ColumnsBuilder::new(&types, 1);
    for (column, value) in case.row.iter().enumerate() {
        builder.push(column, value.as_ref());
    }
    builder.finish_row();
    builder.finish()
}

fn deadline(pack: &Pack, life_event: &LifeEvent, rule: &Rule, case: &Case) -> Option<NaiveDate> {
    let value = |wanted: &ColumnRef| {
        let place = life_event.columns.iter().position(|(column, _)| column == wanted)?;
        case.row.get(place)?.as_ref()
    };
    let fact = |name: &str| match value(&ColumnRef { row: RowKind::Citizen, path: vec![name.to_owned()] }) {
        Some(Value::Text(text)) => Some(text.to_string()),
        _ => None,
    };
    let anchor = value(&rule.deadline.as_ref()?.anchor).and_then(Value::as_date)?;
    deadline_of(&pack.workdays, rule, (anchor, case.on), &fact)
}

const fn word(expect: Expect) -> &'static str {
    match expect {
        Expect::Yes => "yes",
        Expect::No => "no",
        Expect::Unknown => "unknown",
    }
}
