//! What stands in a column.

use super::assume::Assumed;
use super::person::{One, Who};
use super::year::Year;
use super::{Cell, Population, Row, Wanted, date};
use crate::people::{Marital, Sex};

/// Where the values of a column come from.
#[derive(Debug)]
pub(super) enum Source {
    /// A fact of somebody.
    Fact(Who, fn(&One, &Population) -> Read),
    /// Whether there is somebody.
    Link(Who),
    /// Something about what happened.
    Event(fn(&Year) -> Cell<'static>),
    /// Nothing is known but the type.
    Assumed(Assumed),
}

/// A fact; communes are texts that the population holds.
pub(super) enum Read {
    Cell(Cell<'static>),
    Commune(usize),
}

impl Source {
    pub(super) fn of(wanted: &Wanted) -> Self {
        Self::known(&wanted.name).unwrap_or_else(|| Self::Assumed(Assumed::of(wanted)))
    }

    pub(super) fn known(name: &str) -> Option<Self> {
        if let Some((life_event, field)) = name.split_once(':') {
            return event(life_event, field).map(Self::Event);
        }
        let path: Vec<&str> = name.strip_prefix("subject.")?.split('.').collect();
        match path.as_slice() {
            [link] if Who::of_link(link).is_some() => Who::of_link(link).map(Self::Link),
            [name] => fact(name).map(|read| Self::Fact(Who::Me, read)),
            [link, name] => Some(Self::Fact(Who::of_link(link)?, fact(name)?)),
            _ => None,
        }
    }

    pub(super) fn cell<'r>(&'r self, row: &'r Row<'_>) -> Cell<'r> {
        match self {
            Self::Fact(who, read) => match &row.people[*who as usize] {
                Some(one) => match read(one, row.population) {
                    Read::Cell(cell) => cell,
                    Read::Commune(place) => Cell::Text(&row.population.communes[place]),
                },
                None => Cell::Null,
            },
            Self::Link(who) => row.people[*who as usize].as_ref().map_or(Cell::Null, |_| Cell::Bool(true)),
            Self::Event(read) => read(&row.year),
            Self::Assumed(assumed) => assumed.cell(row),
        }
    }
}

fn fact(name: &str) -> Option<fn(&One, &Population) -> Read> {
    const fn text(text: &'static str) -> Read {
        Read::Cell(Cell::Text(text))
    }
    Some(match name {
        "birth_date" => |one, _| Read::Cell(Cell::Date(one.birth.0)),
        "sex" => |one, _| text(if one.sex == Sex::Male { "M" } else { "F" }),
        "province" => |one, _| text(one.home.province()),
        "commune" => |one, _| match one.home_known {
            true => Read::Commune(one.home.place()),
            false => Read::Cell(Cell::Null),
        },
        "marital_status" => |one, _| {
            text(match one.marital {
                Marital::Single => "single",
                Marital::Married => "married",
                Marital::Divorced => "divorced",
                Marital::Widowed => "widowed",
            })
        },
        "language" => |one, _| text(if one.english { "en" } else { "vi" }),
        "card_expires_on" => |one, _| Read::Cell(date(one.card)),
        "licence_expires_on" => |one, _| Read::Cell(date(one.licence)),
        "household_status" => |one, _| Read::Cell(one.household.map_or(Cell::Null, Cell::Text)),
        "employed" => |one, _| Read::Cell(if one.work_known { Cell::Bool(one.employed) } else { Cell::Null }),
        "insured_months" => {
            |one, _| Read::Cell(one.insured_months.map_or(Cell::Null, |months| Cell::Int(months.into())))
        }
        "deceased_on" => |one, _| Read::Cell(date(one.died)),
        "death_confirmed" => |one, _| Read::Cell(one.died.map_or(Cell::Null, |_| Cell::Bool(true))),
        "children_count" => |one, _| Read::Cell(Cell::Int(one.children.into())),
        "youngest_child_birth_date" => |one, _| Read::Cell(date(one.youngest)),
        _ => return None,
    })
}

type ReadEvent = fn(&Year) -> Cell<'static>;

fn event(life_event: &str, field: &str) -> Option<ReadEvent> {
    Some(match (life_event, field) {
        ("birth", "time") => |year| date(year.birth.map(|birth| birth.time)),
        ("birth", "birth_date") => |year| date(year.birth.map(|birth| birth.date)),
        ("birth", "registered_on") => |year| date(year.birth.and_then(|birth| birth.registered)),
        // One birth a row, so that it is enough that both are the same.
        ("birth", "birth_certificate") => |year| year.birth.map_or(Cell::Null, |_| Cell::Text("BC")),
        ("birth-registered", "birth_certificate") => {
            |year| year.birth.and_then(|birth| birth.registered).map_or(Cell::Null, |_| Cell::Text("BC"))
        }
        ("birth-registered", "time" | "registered_on") => {
            |year| date(year.birth.and_then(|birth| birth.registered))
        }
        ("birth-registered", "birth_date") => {
            |year| date(year.birth.filter(|birth| birth.registered.is_some()).map(|birth| birth.date))
        }
        ("marriage", "time" | "registered_on") => |year| date(year.marriage),
        ("divorce", "time" | "decided_on") => |year| date(year.divorce),
        ("residence-change", "time" | "moved_on") => |year| date(year.moved.map(|(day, _)| day)),
        ("residence-change", "kind") => |year| year.moved.map_or(Cell::Null, |(_, kind)| Cell::Text(kind)),
        ("job-loss", "time" | "ended_on") => |year| date(year.job_end.map(|(day, _)| day)),
        ("job-loss", "cause") => {
            |year| year.job_end.and_then(|(_, cause)| cause).map_or(Cell::Null, Cell::Text)
        }
        ("employment-started", "time" | "started_on") => |year| date(year.job_start),
        ("death-in-family", "time" | "registered_on") => |year| date(year.death.map(|(_, told)| told)),
        ("death-in-family", "death_date") => |year| date(year.death.map(|(day, _)| day)),
        ("school-enrolment", "time") => |year| date(year.school.map(|school| school.time)),
        ("school-enrolment", "closes_on") => |year| date(year.school.map(|school| school.closes)),
        ("school-enrolment", "grade") => {
            |year| year.school.map_or(Cell::Null, |school| Cell::Int(school.grade.into()))
        }
        _ => return None,
    })
}
