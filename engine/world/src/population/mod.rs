//! A population of any size as one wide table: each row a citizen, with what is known of them and of the people they
//! are linked to, and what happened to them in the period.
//!
//! Every row is drawn alone, from the seed and its own number: no row knows another, so memory is that of one row, any
//! part can be made without the rest, and the same seed gives the same rows whatever is made at once. The distributions
//! are those of the synthetic province; its households are not, so that no two rows are each other's spouse.
//!
//! A column that nothing here knows of, because some pack asks for more than the first one, is *assumed*: drawn
//! evenly over its values, apart from everything else. [`Population::assumed`] lists them.

mod assume;
mod column;
mod person;
mod year;

use chrono::NaiveDate;

use crate::calendar::Day;
use crate::dated::Period;
use crate::dice::Dice;
use crate::places::Home;
use column::Source;
use person::{One, Who};
use year::Year;

/// What kind of values a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// Days from 1970-01-01.
    Date,
    /// Text.
    Text,
    /// True where there is somebody under a link, else NULL.
    Link,
}

/// A column that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// `subject.FACT`, `subject.LINK.FACT`, `subject.LINK`, `LIFE-EVENT:FIELD` or `LIFE-EVENT:time`.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Its closed list of values; empty when it has none.
    pub values: Vec<String>,
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Not known, or it did not happen.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Days from 1970-01-01.
    Date(i32),
    /// Text.
    Text(&'a str),
}

/// What a population is drawn from.
#[derive(Debug)]
pub struct Population {
    seed: u64,
    period: Period,
    wanted: Vec<Wanted>,
    sources: Vec<Source>,
    communes: Vec<String>,
}

/// One citizen. Its `Debug` prints nothing personal.
pub struct Row<'p> {
    population: &'p Population,
    number: u64,
    people: [Option<One>; Who::ALL.len()],
    year: Year,
}

impl std::fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Row([personal])")
    }
}

impl Population {
    /// A population with these columns, as it stands on `start`, and what happens to it in the `months` from then on. The
    /// year of `start` is brought into [`crate::Config::YEARS`], and there is at least one month.
    pub fn new(seed: u64, start: NaiveDate, months: u32, wanted: Vec<Wanted>) -> Self {
        let config = crate::Config { seed, start, months: months.max(1), ..crate::Config::default() };
        let sources = wanted.iter().map(Source::of).collect();
        Self { seed, period: config.period(), wanted, sources, communes: Home::communes() }
    }

    /// The columns, in order.
    pub fn wanted(&self) -> &[Wanted] {
        &self.wanted
    }

    /// The first day of the period.
    pub fn start(&self) -> NaiveDate {
        self.period.from.date()
    }

    /// The day after the last of the period.
    pub fn end(&self) -> NaiveDate {
        self.period.to.date()
    }

    /// The columns of which nothing is known here but their type.
    pub fn assumed(&self) -> impl Iterator<Item = &str> {
        let pairs = self.wanted.iter().zip(&self.sources);
        pairs
            .filter(|(_, source)| matches!(source, Source::Assumed(_)))
            .map(|(wanted, _)| wanted.name.as_str())
    }

    /// The citizen of this number.
    pub fn row(&self, number: u64) -> Row<'_> {
        let mut dice = Dice::of_row(self.seed, number);
        let mut people = person::family(&mut dice, self.period.from);
        let year = Year::draw(&mut dice, &mut people, self.period);
        Row { population: self, number, people, year }
    }
}

impl Row<'_> {
    /// The value in the column at this position of [`Population::wanted`].
    pub fn cell(&self, column: usize) -> Cell<'_> {
        self.population.sources.get(column).map_or(Cell::Null, |source| source.cell(self))
    }
}

fn date(day: Option<Day>) -> Cell<'static> {
    day.map_or(Cell::Null, |day| Cell::Date(day.0))
}

#[cfg(test)]
mod tests;
