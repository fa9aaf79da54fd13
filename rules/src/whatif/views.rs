//! The same questions as SQL views over the same wide table, for the engine in which a nation's data already lives.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::NaiveDate;
use tidings_domain::value::days as days_of;

use super::study::{Column, Happening, Question, Side, Study, Version};
use crate::expr::sql::{Dialect, Step, date_literal, quoted, shifted};
use crate::pack::format::{Direction, LawOf, Unit};
use crate::pack::model::{Pack, Recipient};

/// SQL that makes a view for each life event, `tidings_NAME`, over the table named `table`: a row for each row of the
/// table in which the life event happened, with the columns `keys` of the table, `time`, and for each rule its answer
/// (TRUE, FALSE or NULL) under its key and its last day to act under `KEY:deadline`. Where a rule tells linked people,
/// `@LINK` follows the key. Deadlines count by the law of the day on which it happened. In DataFusion, which has no functions of ours, a deadline in
/// working days is left out where the pack knows public holidays.
///
/// Columns that the table does not have must be added to it first (`ALTER TABLE ... ADD COLUMN`); what it should have
/// stands in a comment at the start.
pub fn views(study: &Study<'_>, dialect: Dialect, table: &str, keys: &[String]) -> String {
    let mut out = String::new();
    _ = writeln!(
        out,
        "-- Rule pack {} {}, for a table with these columns:",
        study.new.name, study.new.version
    );
    for column in &study.columns {
        // A link's column is only asked whether it is NULL.
        let of_type = column.value_type.map_or("any type", |value_type| dialect.type_name(value_type));
        _ = writeln!(out, "--   {} {of_type}", quoted(&column.name));
    }
    out.push('\n');
    out.push_str(dialect.prelude());
    out.push_str(&workdays(study.new, dialect));
    for happening in &study.happenings {
        let asked = study.questions[happening.questions.clone()].iter();
        let asked: Vec<_> = asked.filter_map(|one| Some((one, one.new.as_ref()?))).collect();
        if !asked.is_empty() {
            out.push('\n');
            out.push_str(&View { study, dialect, happening }.sql(table, keys, &asked));
        }
    }
    out
}

struct View<'s> {
    study: &'s Study<'s>,
    dialect: Dialect,
    happening: &'s Happening,
}

impl View<'_> {
    fn sql(&self, table: &str, keys: &[String], asked: &[(&Question<'_>, &Side<'_>)]) -> String {
        let time = self.column(self.happening.time);
        let mut answers: Vec<String> = Vec::new();
        let mut outer: Vec<String> = keys.iter().map(|key| quoted(key)).collect();
        outer.push(format!("{time} AS \"time\""));
        for (question, side) in asked {
            let name = column_of(question);
            answers.push(format!("    {} AS {}", self.answer(side, &time), quoted(&name)));
            outer.push(quoted(&name));
            if let Some(deadline) = self.deadline(side, &time) {
                let answer = quoted(&name);
                outer.push(format!(
                    "CASE WHEN {answer} THEN {deadline} END AS {}",
                    quoted(&format!("{name}:deadline"))
                ));
            }
        }
        let view = quoted(&format!("tidings_{}", self.happening.name));
        format!(
            "CREATE OR REPLACE VIEW {view} AS\nSELECT\n  {}\nFROM (\n  SELECT *,\n{}\n  FROM {}\n  WHERE {time} IS NOT NULL\n) AS answered;\n",
            outer.join(",\n  "),
            answers.join(",\n"),
            quoted(table),
        )
    }

    fn column(&self, place: usize) -> String {
        self.study.columns.get(place).map(|Column { name, .. }| quoted(name)).unwrap_or_default()
    }

    /// Outside the days on which a rule is in force, and where there is nobody to tell, the answer is no.
    fn answer(&self, side: &Side<'_>, time: &str) -> String {
        let mut sql = "CASE".to_owned();
        if let Some(linked) = side.linked {
            _ = write!(sql, " WHEN {} IS NULL THEN FALSE", self.column(linked));
        }
        if side.rule.law_of == LawOf::Occurrence {
            for version in &side.versions {
                _ = write!(sql, " WHEN {} THEN {}", days(version, time), self.condition(version));
            }
            sql.push_str(" ELSE FALSE END");
            return sql;
        }
        let version =
            |version: &Version| format!("({} AND {})", days(version, time), self.condition(version));
        let any: Vec<String> = side.versions.iter().map(version).collect();
        format!("{sql} WHEN TRUE THEN ({}) END", any.join(" OR "))
    }

    fn condition(&self, version: &Version) -> String {
        let inputs: Vec<_> = version.when.columns().collect();
        version.when.sql(self.dialect, &|wanted| {
            let place = inputs.iter().position(|input| *input == wanted);
            place.map(|place| self.column(version.columns[place])).unwrap_or_default()
        })
    }

    /// `None` where there is no deadline, or none that this dialect can count.
    fn deadline(&self, side: &Side<'_>, time: &str) -> Option<String> {
        let (deadline, anchor) = (side.rule.deadline.as_ref()?, self.column(side.anchor?));
        let with_holidays = deadline.unit == Unit::WorkingDays && has_holidays(side.pack);
        if with_holidays && self.dialect == Dialect::DataFusion {
            return None;
        }
        let moved = |amount: u32| {
            let amount = i32::try_from(amount).unwrap_or(i32::MAX);
            let count = if deadline.direction == Direction::After { amount } else { -amount };
            let step = match deadline.unit {
                Unit::Days => Step::Days(count),
                Unit::Months => Step::Months(count),
                Unit::WorkingDays => Step::WorkingDays(count),
            };
            shifted(self.dialect, &anchor, step)
        };
        let mut amounts: Vec<_> = side.rule.versions.iter().map(|one| (one.from, one.amount)).collect();
        amounts.dedup_by_key(|(_, amount)| *amount);
        let (first, later) = amounts.split_first()?;
        let first = moved(first.1?);
        if later.is_empty() {
            return Some(first);
        }
        let mut sql = "CASE".to_owned();
        for (from, amount) in later.iter().rev() {
            _ = write!(sql, " WHEN {time} >= {} THEN {}", date_literal(days_of(*from))?, moved((*amount)?));
        }
        Some(format!("{sql} ELSE {first} END"))
    }
}

fn has_holidays(pack: &Pack) -> bool {
    !pack.workdays.off.is_empty() || !pack.workdays.working.is_empty()
}

/// Working days are counted in a table of all days where the pack knows holidays.
fn workdays(pack: &Pack, dialect: Dialect) -> String {
    let list = |days: &BTreeSet<NaiveDate>| {
        let each: Vec<String> = days.iter().map(|day| format!("DATE '{day}'")).collect();
        if each.is_empty() { "NULL".to_owned() } else { each.join(", ") }
    };
    if !has_holidays(pack) || dialect == Dialect::DataFusion {
        return String::new();
    }
    let functions = match dialect {
        Dialect::Postgres => POSTGRES_WORKDAYS,
        _ => DUCKDB_WORKDAYS,
    };
    functions.replace("{off}", &list(&pack.workdays.off)).replace("{working}", &list(&pack.workdays.working))
}

const DUCKDB_WORKDAYS: &str = include_str!("workdays/duckdb.sql");
const POSTGRES_WORKDAYS: &str = include_str!("workdays/postgres.sql");

fn column_of(question: &Question<'_>) -> String {
    match &question.recipient {
        Recipient::Subject => question.named().0.to_owned(),
        Recipient::Link(link) => format!("{}@{link}", question.named().0),
    }
}

fn days(version: &Version, time: &str) -> String {
    let bound = |day: i32| date_literal(day).filter(|_| day <= LAST);
    match (bound(*version.days.start()), bound(*version.days.end())) {
        (Some(from), Some(to)) => format!("{time} BETWEEN {from} AND {to}"),
        (Some(from), None) => format!("{time} >= {from}"),
        (None, Some(to)) => format!("{time} <= {to}"),
        (None, None) => "TRUE".to_owned(),
    }
}

/// 9999-12-31 in days from 1970-01-01: past it there is no literal.
const LAST: i32 = 2_932_896;
