//! A seeded synthetic province: citizens with their families, homes, work and papers, and the life events that
//! several sources report about them over some months.
//!
//! The same [`Config`] gives the same bytes on every machine: chance comes from ChaCha8 alone, arithmetic is in
//! integers, nothing depends on a hash table or a clock. Disorder draws from a stream of its own, so a world with and
//! without it tells the same lives. Nobody here is real, and neither are the communes.
//!
//! Deliberately absent: what happens to the newborn after their birth is registered, still births, adoption,
//! arrivals from outside the province, and the text of any document.

mod calendar;
mod dated;
mod dice;
mod disorder;
mod events;
mod families;
mod lives;
mod names;
mod people;
mod places;
pub mod population;
mod rates;
mod render;
#[cfg(test)]
mod tests;
mod truth;
mod work;

use std::io;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::calendar::Day;
use crate::dated::Period;
use crate::dice::{Dice, Stream};
pub use crate::disorder::Disorder;
use crate::disorder::Disturber;
use crate::events::{Birth, Event, Log};
use crate::lives::Lives;
use crate::people::Citizen;
pub use crate::people::Person;
use crate::render::Line;
pub use crate::truth::{DisorderKind, Trace, Truth};

/// What a world is made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Chooses one world among all.
    pub seed: u64,
    /// People at the start, at most [`Config::MAX_CITIZENS`].
    pub citizens: u32,
    /// Calendar months of events, at most [`Config::MAX_MONTHS`].
    pub months: u32,
    /// The first day, in a year of [`Config::YEARS`].
    pub start: NaiveDate,
    /// How badly the sources behave.
    pub disorder: Disorder,
}

impl Default for Config {
    /// A district's worth of people over 2026.
    fn default() -> Self {
        let start = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap_or_default();
        Self { seed: 1, citizens: 100_000, months: 12, start, disorder: Disorder::default() }
    }
}

/// Why no world can be made from a [`Config`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// Too many people: lower `citizens`.
    #[error("citizens is above {}", Config::MAX_CITIZENS)]
    Citizens,
    /// Too long a period: lower `months`.
    #[error("months is above {}", Config::MAX_MONTHS)]
    Months,
    /// National numbers have no century for some of the people, or the tables of law do not reach: change `start`.
    #[error("start is before {} or after {}", Config::YEARS.start(), Config::YEARS.end())]
    Start,
}

impl Config {
    /// The most people that paper numbers (nine digits, sixteen papers each) and national numbers have room for.
    pub const MAX_CITIZENS: u32 = 20_000_000;
    /// The longest period, in months.
    pub const MAX_MONTHS: u32 = 120;
    /// The years in which a world may start.
    pub const YEARS: std::ops::RangeInclusive<i32> = 2000..=2190;

    /// Whether [`World::generate`] takes this as it stands; it brings what lies outside to the nearest limit.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.citizens > Self::MAX_CITIZENS {
            Err(ConfigError::Citizens)
        } else if self.months > Self::MAX_MONTHS {
            Err(ConfigError::Months)
        } else if !Self::YEARS.contains(&self.start.year()) {
            Err(ConfigError::Start)
        } else {
            Ok(())
        }
    }

    fn period(&self) -> Period {
        let year = self.start.year().clamp(*Self::YEARS.start(), *Self::YEARS.end());
        let start =
            self.start.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 3, 1)).unwrap_or(self.start);
        let (from, months) = (Day::of(start), self.months.min(Self::MAX_MONTHS));
        Period { from, to: from.plus_months(months), months }
    }
}

/// A small world for tests: 500 people, six months, and enough disorder to see every kind of it.
pub fn small(seed: u64) -> Config {
    Config { seed, citizens: 500, months: 6, disorder: Disorder::all(300), ..Config::default() }
}

/// A generated province and its events. Lines are rendered as they are read; what is kept is compact.
pub struct World {
    /// People at the start, then the newborn.
    people: Vec<Citizen>,
    /// How many there were at the start.
    count: usize,
    births: Vec<Birth>,
    /// In order of arrival.
    events: Vec<Event>,
    truth: Truth,
}

impl World {
    /// Makes the world that `config` describes. The work and the memory grow with citizens times months.
    pub fn generate(config: &Config) -> Self {
        let period = config.period();
        let count = config.citizens.min(Config::MAX_CITIZENS);
        let dice = |stream| Dice::new(config.seed, stream);
        let (mut people, numbers) =
            people::populate(config.seed, count, period.from, &mut dice(Stream::People));
        people::insure(&mut people, &mut dice(Stream::Schemes));
        let mut log = Log::default();
        dated::tell(&people, period, &mut dice(Stream::Dated), &mut log);
        let mut lives = Lives::new(people, numbers, dice(Stream::Lives), log);
        lives.run(period);
        let Lives { people, states, births, log: Log { mut events }, .. } = lives;
        let next = events.len() as u32;
        let (start, end) = (period.from.at(0), period.to.at(0));
        let died = |who: u32| states.get(who as usize).and_then(|state| state.died);
        events.retain(|event| {
            let in_time = start <= event.recorded && event.recorded < end;
            in_time && (event.kind.outlives() || died(event.subject).is_none_or(|died| event.time <= died))
        });
        let lives = |who| died(who).is_none();
        Disturber { events: &mut events, dice: &mut dice(Stream::Disorder), next, end, lives }
            .run(&config.disorder);
        events.sort_by_key(|event| (event.arrives, event.seq));
        events.shrink_to_fit();
        let died: Vec<bool> = states.iter().map(|state| state.died.is_some()).collect();
        let truth = Truth::of(&events, &births, &died);
        Self { people, count: count as usize, births, events, truth }
    }

    /// The population as known at the start.
    pub fn people(&self) -> impl Iterator<Item = Person> {
        self.people[..self.count].iter().map(|citizen| Person::of(&self.people, citizen))
    }

    /// Events as NDJSON, one line each without its line break, in order of arrival: `recordedtime` never goes back
    /// except where [`Truth::traces`] says so.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.events.iter().map(|event| Line { event, people: &self.people, births: &self.births }.text())
    }

    /// What the generator did.
    pub fn truth(&self) -> &Truth {
        &self.truth
    }

    /// Writes the population as CSV with a header and gives the number of people.
    pub fn write_people_csv(&self, mut out: impl io::Write) -> io::Result<u64> {
        writeln!(out, "{}", Person::COLUMNS)?;
        write_lines(out, self.people().map(|person| Ok(person.csv())))
    }

    /// Writes the population as one JSON object a line, without the fields that are not known, and gives the number of
    /// people.
    pub fn write_people_ndjson(&self, out: impl io::Write) -> io::Result<u64> {
        write_lines(out, self.people().map(|person| serde_json::to_string(&person).map_err(io::Error::from)))
    }

    /// Writes [`Self::lines`] and gives their number.
    pub fn write_events(&self, out: impl io::Write) -> io::Result<u64> {
        write_lines(out, self.lines().map(Ok))
    }
}

/// `out` should be buffered; it is flushed at the end.
fn write_lines(mut out: impl io::Write, lines: impl Iterator<Item = io::Result<String>>) -> io::Result<u64> {
    let mut count = 0;
    for line in lines {
        out.write_all(line?.as_bytes())?;
        out.write_all(b"\n")?;
        count += 1;
    }
    out.flush()?;
    Ok(count)
}
