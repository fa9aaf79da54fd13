//! Figures of law and working days, as a loaded pack has them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate, Weekday};
use tidings_domain::value::ValueType;

use super::model::{Basis, Here};
use crate::expr::Figure;

/// A figure that law sets and changes.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// What it is, by language.
    pub title: BTreeMap<String, String>,
    /// Its type.
    pub value_type: ValueType,
    /// What it counts.
    pub unit: Option<String>,
    /// For a table, what it is looked up by.
    pub keys: Vec<(String, ValueType)>,
    /// Its values, by the day they took effect and then the day they became known.
    pub figures: Vec<DatedFigure>,
    /// What places say instead, the narrower first.
    pub local: Vec<Local>,
}

/// The values of a figure in one place.
#[derive(Clone, Debug)]
pub struct Local {
    /// The overlay that says so.
    pub overlay: String,
    /// Where.
    pub here: Here,
    /// The values, as those of [`Parameter::figures`].
    pub figures: Vec<DatedFigure>,
}

/// A figure with its days and its law.
#[derive(Clone, Debug)]
pub struct DatedFigure {
    /// First day in force.
    pub from: NaiveDate,
    /// Last day in force, if law names one.
    pub to: Option<NaiveDate>,
    /// The day on which it became known.
    pub known: NaiveDate,
    /// The figure.
    pub figure: Figure,
    /// The law.
    pub basis: Basis,
    /// Needs a human check.
    pub review: bool,
}

impl DatedFigure {
    /// Whether it became known only after it had taken effect.
    pub fn reaches_back(&self) -> bool {
        self.known > self.from
    }
}

impl Parameter {
    /// The value in force on a day: of those that have taken effect, the latest, and of two that took effect on one
    /// day, the one known later.
    pub fn on(&self, day: NaiveDate) -> Option<&DatedFigure> {
        on(&self.figures, day)
    }

    /// The values that places say instead on a day, the narrower first.
    pub fn local_on(&self, day: NaiveDate) -> impl Iterator<Item = (&Local, &DatedFigure)> + '_ {
        self.local.iter().filter_map(move |local| Some((local, on(&local.figures, day)?)))
    }

    /// The days on which its value changes, appears or ends.
    pub fn turns(&self) -> impl Iterator<Item = NaiveDate> + '_ {
        let all = || self.figures.iter().chain(self.local.iter().flat_map(|local| &local.figures));
        let ends = all().filter_map(|figure| figure.to?.succ_opt());
        all().map(|figure| figure.from).chain(ends)
    }
}

fn on(figures: &[DatedFigure], day: NaiveDate) -> Option<&DatedFigure> {
    let figure = figures.iter().rev().find(|figure| figure.from <= day)?;
    figure.to.is_none_or(|to| day <= to).then_some(figure)
}

/// Which days are worked.
#[derive(Clone, Debug, Default)]
pub struct Workdays {
    /// Public holidays that would else be worked.
    pub off: BTreeSet<NaiveDate>,
    /// Days of a weekend that are worked.
    pub working: BTreeSet<NaiveDate>,
    /// Years whose holidays are known.
    pub years: BTreeSet<i32>,
}

impl Workdays {
    /// Whether people work on a day.
    pub fn is_working(&self, day: NaiveDate) -> bool {
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        if weekend { self.working.contains(&day) } else { !self.off.contains(&day) }
    }

    /// Whether the holidays of a day's year are known.
    pub fn knows(&self, day: NaiveDate) -> bool {
        self.years.contains(&day.year())
    }
}
