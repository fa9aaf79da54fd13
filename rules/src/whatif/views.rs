//! The same questions as SQL views over the same wide table, for the engine in which a nation's data already lives.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::NaiveDate;
use tidings_domain::value::days as days_of;

use super::source::Input;
use super::study::{Happening, Question, Side, Study, Version};
use crate::expr::sql::{Dialect, Step, date_literal, quoted, shifted, text_literal};
use crate::pack::TIME;
use crate::pack::format::{Direction, LawOf, Unit};
use crate::pack::law::Workdays;
use crate::pack::model::{Amount, Deadline, Pack, Period, Recipient};

mod relation;

/// SQL that makes a view for each life event, `tidings_NAME`, over the table named `table`: a row for each time that it
/// comes about for a row of the table, with the columns `keys` of the table, `time`, and for each rule its answer
/// (TRUE, FALSE or NULL) under its key and its last day to act under `KEY:deadline`. Where a rule tells linked people,
/// `@LINK` follows the key. Milestones and absences are there on whatever day they come about: a period is
/// `WHERE "time" BETWEEN ...`. Rules of a place say FALSE elsewhere. In DataFusion, which has no functions of ours, a
/// deadline in working days is left out where the pack knows public holidays, and so is a view whose days need them.
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
    happening: &'s Happening<'s>,
}

impl View<'_> {
    fn sql(&self, table: &str, keys: &[String], asked: &[(&Question<'_>, &Side<'_>)]) -> String {
        let name = &self.happening.name;
        let Some(relation) =
            self.happening.sources[1].as_ref().and_then(|source| self.relation(source, table))
        else {
            return format!("-- Left out, since this dialect cannot count its days: {name}\n");
        };
        let time = self.input(relation.time);
        let mut answers: Vec<String> = Vec::new();
        let mut outer: Vec<String> = keys.iter().map(|key| quoted(key)).collect();
        outer.push(format!("{time} AS {}", quoted(TIME)));
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
        let view = quoted(&format!("tidings_{name}"));
        format!(
            "CREATE OR REPLACE VIEW {view} AS\nSELECT\n  {}\nFROM (\n  SELECT *,\n{}\n  FROM {}\n) AS answered;\n",
            outer.join(",\n  "),
            answers.join(",\n"),
            relation.sql,
        )
    }

    fn input(&self, input: Input) -> String {
        let name = self.study.name_of(input);
        // What is computed has a name of its own, whatever the table holds.
        if matches!(input, Input::Made(_)) { quoted(&format!("@{name}")) } else { quoted(name) }
    }

    fn column(&self, column: usize) -> String {
        self.input(Input::Table(column))
    }

    /// Outside the days on which a rule is in force, and where there is nobody to tell, the answer is no.
    fn answer(&self, side: &Side<'_>, time: &str) -> String {
        let mut sql = "CASE".to_owned();
        if let Some(linked) = side.linked {
            _ = write!(sql, " WHEN {} IS NULL THEN FALSE", self.column(linked));
        }
        if let Some((column, here)) = side.scope {
            let column = self.column(column);
            _ = write!(sql, " WHEN {column} IS NULL OR {column} NOT IN ({}) THEN FALSE", codes(&here.codes));
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
            place.map(|place| self.input(version.columns[place])).unwrap_or_default()
        })
    }

    /// `None` where there is no deadline, or none that this dialect can count.
    fn deadline(&self, side: &Side<'_>, time: &str) -> Option<String> {
        let (deadline, anchor) = (side.rule.deadline.as_ref()?, self.input(side.anchor?));
        self.counts(deadline.unit, &side.pack.workdays)?;
        let dates: Vec<String> =
            side.rule.versions.iter().map(|one| self.date(side, (deadline, &anchor), &one.amount)).collect();
        let (first, later) = dates.split_first()?;
        if later.iter().all(|date| date == first) {
            return Some(first.clone());
        }
        let mut occurred = "CASE".to_owned();
        for (version, date) in side.rule.versions.iter().zip(&dates).skip(1).rev() {
            _ = write!(occurred, " WHEN {time} >= {} THEN {date}", literal(days_of(version.from))?);
        }
        _ = write!(occurred, " ELSE {first} END");
        // The first version that says yes is the one under which the person is told, and files.
        let mut filed = "CASE".to_owned();
        for (version, date) in side.versions.iter().zip(&dates) {
            _ = write!(filed, " WHEN {} AND {} THEN {date}", days(version, time), self.condition(version));
        }
        filed.push_str(" END");
        Some(match side.rule.law_of {
            LawOf::Occurrence => occurred,
            LawOf::Filing => filed,
            LawOf::MostFavourable => format!("greatest({occurred}, {filed})"),
        })
    }

    /// Whether this dialect can count in a unit.
    fn counts(&self, unit: Unit, workdays: &Workdays) -> Option<()> {
        let lacking =
            unit == Unit::WorkingDays && has_holidays(workdays) && self.dialect == Dialect::DataFusion;
        (!lacking).then_some(())
    }

    /// The last day to act under one version, in each place.
    fn date(
        &self,
        side: &Side<'_>,
        (deadline, anchor): (&Deadline, &str),
        amount: &Option<Amount>,
    ) -> String {
        let moved = |amount: u32| {
            moved(self.dialect, anchor, Period { amount, unit: deadline.unit }, deadline.direction)
        };
        let everywhere = amount.as_ref().and_then(|amount| amount.everywhere);
        let everywhere = everywhere.map_or_else(|| "CAST(NULL AS DATE)".to_owned(), moved);
        let local: Vec<String> = amount
            .iter()
            .flat_map(|amount| &amount.local)
            .filter_map(|(here, count)| {
                let (_, column) = side.places.iter().find(|(fact, _)| *fact == here.fact)?;
                let column = self.column(*column);
                Some(format!(" WHEN {column} IN ({}) THEN {}", codes(&here.codes), moved(*count)))
            })
            .collect();
        if local.is_empty() { everywhere } else { format!("CASE{} ELSE {everywhere} END", local.concat()) }
    }
}

/// A date moved by a period.
fn moved(dialect: Dialect, date: &str, period: Period, direction: Direction) -> String {
    let amount = i32::try_from(period.amount).unwrap_or(i32::MAX);
    let count = if direction == Direction::After { amount } else { -amount };
    let step = match period.unit {
        Unit::Days => Step::Days(count),
        Unit::Months => Step::Months(count),
        Unit::WorkingDays => Step::WorkingDays(count),
    };
    shifted(dialect, date, step)
}

fn codes(codes: &BTreeSet<String>) -> String {
    codes.iter().map(|code| text_literal(code)).collect::<Vec<_>>().join(", ")
}

fn has_holidays(workdays: &Workdays) -> bool {
    !workdays.off.is_empty() || !workdays.working.is_empty()
}

/// Working days are counted in a table of all days where the pack knows holidays.
fn workdays(pack: &Pack, dialect: Dialect) -> String {
    let list = |days: &BTreeSet<NaiveDate>| {
        let each: Vec<String> = days.iter().map(|day| format!("DATE '{day}'")).collect();
        if each.is_empty() { "NULL".to_owned() } else { each.join(", ") }
    };
    if !has_holidays(&pack.workdays) || dialect == Dialect::DataFusion {
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
    match (literal(*version.days.start()), literal(*version.days.end())) {
        (Some(from), Some(to)) => format!("{time} BETWEEN {from} AND {to}"),
        (Some(from), None) => format!("{time} >= {from}"),
        (None, Some(to)) => format!("{time} <= {to}"),
        (None, None) => "TRUE".to_owned(),
    }
}

/// A date that SQL can write.
fn literal(day: i32) -> Option<String> {
    date_literal(day).filter(|_| (FIRST..=LAST).contains(&day))
}

/// 0001-01-01 and 9999-12-31 in days from 1970-01-01: outside there is no literal.
const FIRST: i32 = -719_162;
const LAST: i32 = 2_932_896;
