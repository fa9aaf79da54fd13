//! A rule as it was checked and compiled.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use tidings_domain::value::Value;

use super::{Amount, Period, Scope};
use crate::expr::{Bound, ColumnRef};
use crate::pack::format::{Backfill, Class, Direction, Expect, LawOf, RemindAnchor, Unit};

/// Who is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Recipient {
    /// The subject.
    Subject,
    /// Everyone whom the subject has under this link.
    Link(String),
}

/// A compiled rule.
#[derive(Debug)]
pub struct Rule {
    /// Stable key.
    pub key: String,
    /// The oldest key it ever had: the one that opportunity ids are made of.
    pub root: String,
    /// Position among all rules of the pack: the pack order.
    pub order: u32,
    /// Id of the service.
    pub service: String,
    /// Class.
    pub class: Class,
    /// Level, 1 to 3.
    pub level: u8,
    /// Where it holds; `None` for everywhere.
    pub scope: Option<Scope>,
    /// Who is told.
    pub to: Vec<Recipient>,
    /// The condition as law changed it, by the first day of each version; never empty. The first begins with the
    /// rule.
    pub versions: Vec<Version>,
    /// The condition's text, as it is written.
    pub when_text: String,
    /// Which day's law applies.
    pub law_of: LawOf,
    /// Whether a question is asked when it cannot be decided.
    pub asks: bool,
    /// Links of the subject or of the recipient that the condition, the deadline or a sentence reads through:
    /// (`subject`?, link).
    pub reads_links: BTreeSet<(bool, String)>,
    /// Last day to act.
    pub deadline: Option<Deadline>,
    /// Reminders in the order written.
    pub remind: Vec<(RemindAnchor, Period)>,
    /// What ends the need.
    pub until: Vec<Until>,
    /// Roots of the rules that are silent when this one speaks.
    pub covers: BTreeSet<String>,
    /// What it tells about another person, and the ground.
    pub discloses: Option<(Vec<String>, String)>,
    /// The law.
    pub basis: Vec<Basis>,
    /// First and last day in force.
    pub in_force: (NaiveDate, Option<NaiveDate>),
    /// Occurrences before the rule was loaded.
    pub backfill: Backfill,
    /// The article that commands notice.
    pub must_tell: Option<String>,
    /// Needs a human check.
    pub review: bool,
    /// Its test cases, as rows of the life event's columns.
    pub cases: Vec<Case>,
}

/// A rule under the law of some days.
#[derive(Debug)]
pub struct Version {
    /// First day.
    pub from: NaiveDate,
    /// The condition, with the figures of these days, bound to the life event's columns.
    pub when: Bound,
    /// How much time the deadline gives.
    pub amount: Option<Amount>,
}

impl Rule {
    /// The version of a day; the first for days before the rule.
    pub fn on(&self, day: NaiveDate) -> &Version {
        &self.versions[self.place_on(day)]
    }

    /// The place of [`Self::on`] among the versions.
    pub fn place_on(&self, day: NaiveDate) -> usize {
        self.versions.partition_point(|version| version.from <= day).saturating_sub(1)
    }

    /// The days of a version: first and last.
    pub fn days_of(&self, place: usize) -> (NaiveDate, NaiveDate) {
        let last = self.versions.get(place + 1).and_then(|next| next.from.pred_opt());
        let last = last.or(self.in_force.1).unwrap_or(NaiveDate::MAX);
        (self.versions[place].from, last)
    }
}

/// A test case.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// Day of the occurrence.
    pub on: NaiveDate,
    /// One value for each of the life event's columns; `None` is unknown.
    pub row: Vec<Option<Value>>,
    /// The answer.
    pub expect: Expect,
    /// What must be among the missing, when the answer is unknown.
    pub missing: Vec<ColumnRef>,
    /// The deadline that must come out.
    pub deadline: Option<NaiveDate>,
}

/// A deadline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The date it is counted from; `event.time` is the path `["time"]` of the event row.
    pub anchor: ColumnRef,
    /// Of what; how many, the version of the rule says.
    pub unit: Unit,
    /// Which way.
    pub direction: Direction,
}

/// What ends a need.
#[derive(Clone, Debug)]
pub struct Until {
    /// Name of the life event.
    pub life_event: String,
    /// Fields equal in both.
    pub same: Vec<String>,
    /// Fields of that life event that hold one of these values.
    pub values: BTreeMap<String, BTreeSet<String>>,
}

/// A legal reference.
#[derive(Clone, Debug)]
pub struct Basis {
    /// The law.
    pub law: String,
    /// The article.
    pub article: String,
    /// When to check again.
    pub review_by: Option<NaiveDate>,
}
