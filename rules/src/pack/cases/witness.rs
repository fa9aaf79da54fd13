//! What case would notice a mutant: one of the cases there are with one value changed.

use std::collections::BTreeSet;

use chrono::{Days, Months, NaiveDate};
use tidings_domain::value::{Value, ValueType};

use crate::expr::{Answer, Bound, ColumnRef, RowKind};
use crate::pack::scope::TIME;

use super::{Trial, rows};

/// The longest period of a condition that is counted from another date, in any unit.
const MAX_PERIOD: u32 = 1_000;

/// A case that would notice a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Name of the case that it is like.
    pub like: String,
    /// What is different in it.
    pub column: ColumnRef,
    /// The value there; `None` for unknown.
    pub value: Option<Value>,
    /// What the rule answers.
    pub expect: Answer,
    /// What the mutant answers.
    pub instead: Answer,
}

/// Looks for a row on which the rule and the mutant differ, near the cases that there are. It is a search among values
/// that the condition and the cases name, and one beside them, so finding none proves nothing.
pub(super) fn witness(
    trial: &Trial<'_>,
    certain: &dyn Fn(&ColumnRef) -> bool,
    mutant: &Bound,
) -> Option<Witness> {
    let when = trial.when();
    let near = Near { trial, constants: when.constants() };
    for case in &trial.cases {
        for column in when.columns() {
            let place = trial.life_event.columns.iter().position(|(known, _)| known == column)?;
            let unknown = (!certain(column)).then_some(None);
            let values = near.values(place, &case.row).into_iter().filter(|value| trial.stays(column, value));
            let values: Vec<_> = values.map(Some).chain(unknown).collect();
            let changed: Vec<_> = values
                .iter()
                .map(|value| {
                    let mut row = case.row.clone();
                    row[place].clone_from(value);
                    row
                })
                .collect();
            let columns = rows(trial.life_event, changed.iter().map(Vec::as_slice));
            let (rule, other) = (when.answers(&columns), mutant.answers(&columns));
            let differing = rule.iter().zip(other.iter()).position(|(rule, other)| rule != other);
            if let Some(row) = differing {
                return Some(Witness {
                    like: case.name.clone(),
                    column: column.clone(),
                    value: values[row].clone(),
                    expect: rule.get(row),
                    instead: other.get(row),
                });
            }
        }
    }
    None
}

impl Witness {
    /// The same case for another mutant, when it tells that one from the rule too.
    pub(super) fn also(&self, trial: &Trial<'_>, mutant: &Bound) -> Option<Self> {
        let mut row = trial.cases.iter().find(|case| case.name == self.like)?.row.clone();
        let place = trial.life_event.columns.iter().position(|(column, _)| *column == self.column)?;
        row.get_mut(place)?.clone_from(&self.value);
        let columns = rows(trial.life_event, std::iter::once(row.as_slice()));
        let [expect, instead] = [trial.when(), mutant].map(|bound| bound.answers(&columns).get(0));
        (expect != instead).then(|| Self { expect, instead, ..self.clone() })
    }
}

impl Trial<'_> {
    /// Whether a case with this value falls under the same law: another day of the event may not.
    fn stays(&self, column: &ColumnRef, value: &Value) -> bool {
        let day = (column.row == RowKind::Event && column.path == [TIME]).then(|| value.as_date()).flatten();
        day.is_none_or(|day| self.rule.place_on(day) == self.version)
    }
}

struct Near<'a> {
    trial: &'a Trial<'a>,
    /// What the condition names.
    constants: Vec<Value>,
}

impl Near<'_> {
    /// Values of a column that may make a difference in a row, the plainest first.
    fn values(&self, place: usize, row: &[Option<Value>]) -> Vec<Value> {
        let Some((_, value_type)) = self.trial.life_event.columns.get(place) else { return Vec::new() };
        let given = self.trial.cases.iter().filter_map(|case| case.row.get(place)?.clone());
        let constants = self.constants.iter().filter(|value| value.value_type() == *value_type).cloned();
        let named: Vec<Value> = constants.chain(given).collect();
        let found = match value_type {
            ValueType::Bool => vec![Value::Bool(true), Value::Bool(false)],
            ValueType::Int => named.iter().flat_map(beside).collect(),
            ValueType::Date => {
                let anchored = row.iter().flatten().filter_map(Value::as_date);
                let anchored = anchored.flat_map(|date| self.distant(date)).map(Value::date);
                named.into_iter().chain(anchored).flat_map(|value| beside(&value)).collect()
            }
            ValueType::Text | ValueType::Citizen => named,
        };
        let mut seen = BTreeSet::new();
        found.into_iter().filter(|value| seen.insert(value.canonical())).collect()
    }

    /// Dates as far from `date` as the numbers of the condition say, in every unit and both ways.
    fn distant(&self, date: NaiveDate) -> Vec<NaiveDate> {
        let periods = self.constants.iter().filter_map(|value| match value {
            Value::Int(value) => u32::try_from(*value).ok().filter(|period| *period <= MAX_PERIOD),
            _ => None,
        });
        let mut dates = vec![date];
        for period in periods.flat_map(|period| [period, period + 1]) {
            let (months, years, days) =
                (Months::new(period), Months::new(period * 12), Days::new(period.into()));
            let before = [
                date.checked_sub_months(months),
                date.checked_sub_months(years),
                date.checked_sub_days(days),
            ];
            let after = [
                date.checked_add_months(months),
                date.checked_add_months(years),
                date.checked_add_days(days),
            ];
            dates.extend(before.into_iter().chain(after).flatten());
        }
        dates
    }
}

/// A number or a date, and those next to it.
fn beside(value: &Value) -> Vec<Value> {
    match value {
        Value::Int(value) => {
            let near = [Some(*value), value.checked_sub(1), value.checked_add(1)];
            near.into_iter().flatten().map(Value::Int).collect()
        }
        Value::Date(days) => [*days, days - 1, days + 1].map(Value::Date).into(),
        other => vec![other.clone()],
    }
}
