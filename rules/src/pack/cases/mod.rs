//! Rules carry their own tests: each case is one row, run through the compiled condition and the deadline.

use chrono::NaiveDate;
use tidings_domain::value::{Value, ValueType};

use super::format::{Direction, Expect};
use super::model::{Case, Deadline, LifeEvent, Pack, Period, Rule};
use super::worlds;
use crate::calendar::shift;
use crate::expr::prove::World;
use crate::expr::{Answer, Bound, ColumnRef, Columns, ColumnsBuilder, RowKind};

mod coverage;
mod day;
mod mutation;
#[cfg(test)]
mod tests;
mod witness;

pub use coverage::{Gap, RuleCoverage, coverage};
pub use day::law_of_day;
pub use mutation::{RuleMutation, Survivor, mutation};
pub use witness::Witness;

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
                let trial = Trial::over((pack, life_event, rule), rule.place_on(case.on), vec![case]);
                let wrong = trial.wrong(0, case);
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

/// Cases of a rule that fall under one version of its law, each a row over the columns of its life event.
struct Trial<'a> {
    pack: &'a Pack,
    life_event: &'a LifeEvent,
    rule: &'a Rule,
    version: usize,
    cases: Vec<&'a Case>,
    columns: Columns,
}

/// How a deadline is counted under one version of the law.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Term {
    period: Period,
    direction: Direction,
}

impl<'a> Trial<'a> {
    /// One for each version of a rule's law.
    fn all(pack: &'a Pack, life_event: &'a LifeEvent, rule: &'a Rule) -> Vec<Self> {
        let versions = 0..rule.versions.len();
        let cases =
            |version| rule.cases.iter().filter(move |case| rule.place_on(case.on) == version).collect();
        versions.map(|version| Self::over((pack, life_event, rule), version, cases(version))).collect()
    }

    fn over(of: (&'a Pack, &'a LifeEvent, &'a Rule), version: usize, cases: Vec<&'a Case>) -> Self {
        let (pack, life_event, rule) = of;
        let columns = rows(life_event, cases.iter().map(|case| case.row.as_slice()));
        Self { pack, life_event, rule, version, cases, columns }
    }

    /// Without the cases that fail.
    fn sound(self) -> Self {
        let passes = |(row, case): &(usize, &&Case)| self.wrong(*row, case).is_empty();
        let cases: Vec<_> = self.cases.iter().enumerate().filter(passes).map(|(_, case)| *case).collect();
        Self::over((self.pack, self.life_event, self.rule), self.version, cases)
    }

    fn when(&self) -> &'a Bound {
        &self.rule.versions[self.version].when
    }

    /// What is known of the columns where these cases stand.
    fn world(&self, columns: &worlds::Columns<'_>) -> World {
        let (first, last) = self.rule.days_of(self.version);
        let period = (first, Some(last).filter(|last| *last < NaiveDate::MAX));
        columns.world(&[self.rule], &self.rule.to, period)
    }

    /// How the deadline of a case is counted: how much time there is may depend on where the person lives.
    fn term(&self, case: &'a Case) -> Option<Term> {
        let Deadline { unit, direction, .. } = *self.rule.deadline.as_ref()?;
        let fact = |name: &str| match self.value(case, RowKind::Citizen, &[name]) {
            Some(Value::Text(text)) => Some(text.to_string()),
            _ => None,
        };
        let amount = self.rule.versions[self.version].amount.as_ref()?.at(&fact)?;
        Some(Term { period: Period { amount, unit }, direction })
    }

    fn value(&self, case: &'a Case, row: RowKind, path: &[&str]) -> Option<&'a Value> {
        let mut columns = self.life_event.columns.iter();
        let place = columns.position(|(column, _)| column.row == row && column.path == path)?;
        case.row.get(place)?.as_ref()
    }

    /// Everything that came out otherwise than expected.
    fn wrong(&self, row: usize, case: &'a Case) -> Vec<String> {
        let mut wrong = Vec::new();
        let when = self.when();
        let found = expect(when.answers(&self.columns).get(row));
        if found != case.expect {
            let why = self.why(row, found);
            wrong.push(format!("expected {}, found {}{why}", word(case.expect), word(found)));
        } else if found == Expect::Unknown {
            let missing = when.missing(&self.columns, row).inputs;
            let unnamed = case.missing.iter().filter(|column| !missing.contains(column));
            wrong.extend(unnamed.map(|column| format!("`{column}` is not among what is missing")));
        }
        if let Some(expected) = case.deadline {
            let found = self.term(case).and_then(|term| self.falls(term, case));
            if found != Some(expected) {
                let found = found.map_or_else(|| "none".to_owned(), |date| date.to_string());
                wrong.push(format!("expected the deadline {expected}, found {found}"));
            }
        }
        wrong
    }

    fn why(&self, row: usize, found: Expect) -> String {
        let when = self.when();
        match found {
            Expect::Yes => String::new(),
            Expect::No => format!(" because not: {}", when.failing(&self.columns, row).join("; ")),
            Expect::Unknown => {
                let missing = when.missing(&self.columns, row);
                let names: Vec<_> = missing.inputs.iter().map(|column| format!("`{column}`")).collect();
                let fault = if missing.fault { " and a fault in the arithmetic" } else { "" };
                format!(" for want of {}{fault}", names.join(", "))
            }
        }
    }

    /// The deadline in a case; `None` when its anchor is not known there.
    fn falls(&self, term: Term, case: &'a Case) -> Option<NaiveDate> {
        let ColumnRef { row, path } = &self.rule.deadline.as_ref()?.anchor;
        let path: Vec<_> = path.iter().map(String::as_str).collect();
        let anchor = self.value(case, *row, &path).and_then(Value::as_date)?;
        shift(&self.pack.workdays, anchor, term.period, term.direction)
    }
}

/// Rows over the columns of a life event.
fn rows<'v>(life_event: &LifeEvent, rows: impl Iterator<Item = &'v [Option<Value>]>) -> Columns {
    let types: Vec<ValueType> = life_event.columns.iter().map(|(_, value_type)| *value_type).collect();
    let mut builder = ColumnsBuilder::new(&types, rows.size_hint().0);
    for row in rows {
        for (column, value) in row.iter().enumerate() {
            builder.push(column, value.as_ref());
        }
        builder.finish_row();
    }
    builder.finish()
}

const fn expect(answer: Answer) -> Expect {
    match answer {
        Answer::Yes => Expect::Yes,
        Answer::No => Expect::No,
        Answer::Unknown => Expect::Unknown,
    }
}

const fn word(expect: Expect) -> &'static str {
    match expect {
        Expect::Yes => "yes",
        Expect::No => "no",
        Expect::Unknown => "unknown",
    }
}
