//! What comes about, as a table: the population with the days and the fields of a milestone or an absence.

use std::fmt::Write as _;

use tidings_domain::value::days;

use super::super::source::{Days, Input, Silence, Source};
use super::{View, literal, moved};
use crate::expr::Bound;
use crate::expr::sql::{Step, quoted, shifted};
use crate::pack::format::Direction;
use crate::pack::{DATE, OPENS, TIME};

/// Something to select from, and its column of days.
pub(super) struct Relation {
    pub(super) sql: String,
    pub(super) time: Input,
}

impl View<'_> {
    /// `None` where this dialect cannot count the days.
    pub(super) fn relation(&self, source: &Source<'_>, table: &str) -> Option<Relation> {
        match source {
            Source::Table(time) => {
                let time = Input::Table(*time);
                let sql = format!(
                    "(SELECT * FROM {} WHERE {} IS NOT NULL) AS happened",
                    quoted(table),
                    self.input(time)
                );
                Some(Relation { sql, time })
            }
            Source::Milestone(days) => self.milestone(days, table),
            Source::Absence(silence) => self.absence(silence, table),
        }
    }

    fn milestone(&self, days: &Days<'_>, table: &str) -> Option<Relation> {
        // Which of two counts that are one and the same is not asked of a row at a time.
        if days.may_coincide() {
            return None;
        }
        for version in &days.milestone.versions {
            self.counts(version.lead.unit, days.workdays)?;
        }
        let turns: Vec<String> =
            (0..days.positions()).map(|position| self.turn(days, position, table)).collect();
        let place =
            |field: &str| days.fields.iter().find(|(known, _)| *known == field).map(|(_, place)| *place);
        let time = Input::Made(place(TIME)?);
        let keys = days.life_event.key.iter().filter_map(|field| place(field)).map(Input::Made);
        let known: Vec<String> =
            keys.chain([time]).map(|input| format!("{} IS NOT NULL", self.input(input))).collect();
        let sql = format!(
            "(SELECT * FROM (\n{}\n  ) AS turns WHERE {}) AS reached",
            turns.join("\n  UNION ALL\n"),
            known.join(" AND ")
        );
        Some(Relation { sql, time })
    }

    /// One turn of `over`: the day under each version of law; which version it is; the fields under that; and the first day
    /// of the lead time.
    fn turn(&self, days: &Days<'_>, position: usize, table: &str) -> String {
        let versions: Vec<(usize, i64)> = (0..days.milestone.versions.len())
            .filter_map(|version| Some((version, days.value(version, position)?)))
            .collect();
        let each = |of: &dyn Fn(usize, i64) -> String| -> String {
            let whens: Vec<String> = versions
                .iter()
                .map(|(version, value)| format!(" WHEN {version} THEN {}", of(*version, *value)))
                .collect();
            format!("CASE \"@law\"{} END", whens.concat())
        };
        let under = |bound: &Bound, value: i64| self.under(days, bound, value);
        let dates: Vec<String> = versions
            .iter()
            .map(|(version, value)| {
                format!("{} AS \"@day{version}\"", under(&days.milestone.versions[*version].date, *value))
            })
            .collect();
        let (mut fields, mut opens) = (Vec::new(), Vec::new());
        for (field, place) in &days.fields {
            let name = self.input(Input::Made(*place));
            match *field {
                TIME | OPENS => {
                    opens.push(format!("{} AS {name}", each(&|version, _| self.opens(days, version))))
                }
                DATE => fields.push(format!("{} AS {name}", each(&|version, _| day(days, version)))),
                field if days.milestone.over.as_deref() == Some(field) => {
                    fields.push(format!("{} AS {name}", each(&|_, value| number(value))));
                }
                field => {
                    let of = |version: usize, value: i64| {
                        let data =
                            days.milestone.versions[version].data.iter().find(|(known, _)| known == field);
                        data.map_or_else(|| "NULL".to_owned(), |(_, bound)| under(bound, value))
                    };
                    fields.push(format!("{} AS {name}", each(&of)));
                }
            }
        }
        format!(
            "    SELECT *, {}\n    FROM (SELECT *, {}\n      FROM (SELECT *, {} AS \"@law\"\n        FROM (SELECT *, {} FROM {}) AS days) AS law) AS fields",
            opens.join(", "),
            fields.join(", "),
            law(days, &versions),
            dates.join(", "),
            quoted(table),
        )
    }

    fn under(&self, days: &Days<'_>, bound: &Bound, value: i64) -> String {
        let known = &days.milestone.columns;
        bound.sql(self.dialect, &|wanted| {
            let place = known.iter().position(|(column, _)| column == wanted);
            match place.and_then(|place| days.reads.get(place)) {
                Some(Some(column)) => self.input(Input::Table(*column)),
                _ => number(value),
            }
        })
    }

    fn opens(&self, days: &Days<'_>, version: usize) -> String {
        let date = days.fields.iter().find(|(field, _)| *field == DATE);
        let date = date.map(|(_, place)| self.input(Input::Made(*place))).unwrap_or_default();
        moved(self.dialect, &date, days.milestone.versions[version].lead, Direction::Before)
    }

    fn absence(&self, silence: &Silence<'_>, table: &str) -> Option<Relation> {
        let happened = self.relation(&silence.of, table)?;
        // What the clock brings is not another column of the same row.
        let Source::Table(followed) = &silence.without else { return None };
        let (anchor, followed) = (self.input(silence.anchor), self.column(*followed));
        let mut last = "CASE".to_owned();
        for (from, period) in silence.absence.within.iter().rev() {
            self.counts(period.unit, silence.workdays)?;
            let after = literal(days(*from))
                .map_or_else(|| format!("{anchor} IS NOT NULL"), |from| format!("{anchor} >= {from}"));
            _ = write!(
                last,
                " WHEN {after} THEN {}",
                moved(self.dialect, &anchor, *period, Direction::After)
            );
        }
        let (time, date) = (self.input(Input::Made(silence.time)), self.input(Input::Made(silence.date)));
        let same =
            silence.same.iter().map(|(one, other)| format!("{} = {}", self.input(*one), self.input(*other)));
        let mut answers: Vec<String> = same.collect();
        if answers.is_empty() {
            answers.push(format!("{followed} >= {}", self.input(happened.time)));
        }
        let sql = format!(
            "(SELECT *, {} AS {time} FROM (SELECT *, {last} END AS {date} FROM {}) AS silent\n    WHERE {date} IS NOT NULL AND NOT COALESCE({followed} <= {date} AND {}, FALSE)) AS absent",
            shifted(self.dialect, &date, Step::Days(1)),
            happened.sql,
            answers.join(" AND "),
        );
        Some(Relation { sql, time: Input::Made(silence.time) })
    }
}

/// Under which version the day falls: the first that it lies within.
fn law(days: &Days<'_>, versions: &[(usize, i64)]) -> String {
    let mut sql = "CASE".to_owned();
    for (version, _) in versions {
        let next = days.milestone.versions.get(version + 1).and_then(|next| literal(self::days(next.from)));
        match next {
            Some(next) => _ = write!(sql, " WHEN \"@day{version}\" < {next} THEN {version}"),
            None => _ = write!(sql, " WHEN \"@day{version}\" IS NOT NULL THEN {version}"),
        }
    }
    sql + " END"
}

/// The day under a version: no earlier than its law.
fn day(days: &Days<'_>, version: usize) -> String {
    let date = format!("\"@day{version}\"");
    match literal(self::days(days.milestone.versions[version].from)) {
        Some(from) => format!("greatest({date}, {from})"),
        None => date,
    }
}

fn number(value: i64) -> String {
    format!("CAST({value} AS BIGINT)")
}
