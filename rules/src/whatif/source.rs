//! How a life event comes about among the rows of a population: the table says so, or it follows from what the table says.
//!
//! What the clock brings is computed from the columns as `engine/pipeline/src/clock.rs` computes it from a record, but
//! for what a wide table does not hold: since when a fact is known, and the hour of an event.

use tidings_domain::value::ValueType;

use super::study::{Columns, StudyError};
use crate::expr::sql::Dialect;
use crate::expr::{Bound, RowKind};
use crate::pack::law::Workdays;
use crate::pack::model::{Absence, LifeEvent, Milestone, Pack, Trigger};
use crate::pack::{DATE, OPENS, TIME};

/// Where a value stands that a question reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Input {
    /// In this column of the table.
    Table(usize),
    /// In this field of what comes about, which is computed.
    Made(usize),
}

/// What brings a life event, in one pack.
#[derive(Debug)]
pub(super) enum Source<'p> {
    /// This column of the table holds its days.
    Table(usize),
    /// Time.
    Milestone(Days<'p>),
    /// Silence.
    Absence(Box<Silence<'p>>),
}

/// A milestone over the columns of a study.
#[derive(Debug)]
pub(super) struct Days<'p> {
    pub(super) life_event: &'p LifeEvent,
    pub(super) milestone: &'p Milestone,
    pub(super) workdays: &'p Workdays,
    /// Where each of the milestone's columns stands; `None` is the name under `over`.
    pub(super) reads: Vec<Option<usize>>,
    /// The fields that it brings, each with its place among all that are computed.
    pub(super) fields: Vec<(&'p str, usize)>,
}

/// An absence over the columns of a study.
#[derive(Debug)]
pub(super) struct Silence<'p> {
    pub(super) absence: &'p Absence,
    pub(super) workdays: &'p Workdays,
    pub(super) of: Source<'p>,
    pub(super) without: Source<'p>,
    pub(super) anchor: Input,
    /// The fields that must be equal, in the first and in the second.
    pub(super) same: Vec<(Input, Input)>,
    /// The places of its day of coming about and of its last day among what is computed.
    pub(super) time: usize,
    pub(super) date: usize,
}

impl<'p> Source<'p> {
    pub(super) fn new(
        columns: &mut Columns,
        pack: &'p Pack,
        life_event: &'p LifeEvent,
    ) -> Result<Self, StudyError> {
        let absence = match &life_event.trigger {
            Trigger::Events => return columns.of_event(pack, life_event, TIME).map(Self::Table),
            Trigger::Milestone(milestone) => {
                return Days::new(columns, pack, life_event, milestone).map(Self::Milestone);
            }
            Trigger::Absence(absence) => absence,
        };
        let find = |name: &str| pack.life_event(name).map(|(_, found)| found);
        let (Some(first), Some(second)) = (find(&absence.of), find(&absence.without)) else {
            // A loaded pack has both.
            return columns.of_event(pack, life_event, TIME).map(Self::Table);
        };
        let of = Self::new(columns, pack, first)?;
        let without = Self::new(columns, pack, second)?;
        let anchor = of.field(columns, pack, first, &absence.anchor)?;
        let same = absence.same.iter().map(|field| {
            Ok((of.field(columns, pack, first, field)?, without.field(columns, pack, second, field)?))
        });
        let same = same.collect::<Result<_, _>>()?;
        let time = columns.made(&life_event.name, TIME);
        let date = columns.made(&life_event.name, DATE);
        let workdays = &pack.workdays;
        Ok(Self::Absence(Box::new(Silence { absence, workdays, of, without, anchor, same, time, date })))
    }

    /// Where a field of its life event stands.
    pub(super) fn field(
        &self,
        columns: &mut Columns,
        pack: &Pack,
        life_event: &LifeEvent,
        field: &str,
    ) -> Result<Input, StudyError> {
        match self {
            Self::Table(_) => columns.of_event(pack, life_event, field).map(Input::Table),
            Self::Milestone(_) => Ok(Input::Made(columns.made(&life_event.name, field))),
            Self::Absence(_) if field == TIME || field == DATE => {
                Ok(Input::Made(columns.made(&life_event.name, field)))
            }
            Self::Absence(silence) => match pack.life_event(&silence.absence.of) {
                Some((_, first)) => silence.of.field(columns, pack, first, field),
                None => columns.of_event(pack, life_event, field).map(Input::Table),
            },
        }
    }

    /// Whether it brings the same, of the same columns.
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Table(one), Self::Table(other)) => one == other,
            (Self::Milestone(one), Self::Milestone(other)) => one.same(other),
            (Self::Absence(one), Self::Absence(other)) => {
                one.absence.within == other.absence.within
                    && (&one.anchor, &one.same) == (&other.anchor, &other.same)
                    && one.of.same(&other.of)
                    && one.without.same(&other.without)
                    && same_days(one.workdays, other.workdays)
            }
            _ => false,
        }
    }
}

fn same_days(one: &Workdays, other: &Workdays) -> bool {
    one.off == other.off && one.working == other.working
}

impl<'p> Days<'p> {
    fn new(
        columns: &mut Columns,
        pack: &'p Pack,
        life_event: &'p LifeEvent,
        milestone: &'p Milestone,
    ) -> Result<Self, StudyError> {
        let reads = milestone.columns.iter().map(|(column, value_type)| match column.row {
            RowKind::Event => Ok(None),
            _ => columns.of_subject(pack, &column.path.join("."), *value_type).map(Some),
        });
        let reads = reads.collect::<Result<_, _>>()?;
        let data = milestone.versions.first().into_iter().flat_map(|version| &version.data);
        let names = [TIME, DATE, OPENS].into_iter().chain(milestone.over.as_deref());
        let names = names.chain(data.map(|(name, _)| name.as_str()));
        let fields = names.map(|name| (name, columns.made(&life_event.name, name))).collect();
        Ok(Self { life_event, milestone, workdays: &pack.workdays, reads, fields })
    }

    /// The value that the name under `over` takes in its `position`-th turn, under a version; 0 where there is no such name.
    pub(super) fn value(&self, version: usize, position: usize) -> Option<i64> {
        match self.milestone.over {
            Some(_) => self.milestone.versions.get(version)?.over.get(position).copied(),
            None => (position == 0).then_some(0),
        }
    }

    /// How many turns there are at most.
    pub(super) fn positions(&self) -> usize {
        let longest = self.milestone.versions.iter().map(|version| version.over.len()).max();
        longest.filter(|_| self.milestone.over.is_some()).unwrap_or(1)
    }

    /// Whether two of one person's may be one and the same occurrence, of which the first counts.
    pub(super) fn may_coincide(&self) -> bool {
        self.milestone.over.as_ref().is_some_and(|name| !self.life_event.key.contains(name))
    }

    fn same(&self, other: &Self) -> bool {
        self.life_event.key == other.life_event.key
            && self.milestone.over == other.milestone.over
            && self.milestone.versions.len() == other.milestone.versions.len()
            && same_days(self.workdays, other.workdays)
            && self.milestone.versions.iter().zip(&other.milestone.versions).all(|(one, other)| {
                (one.from, one.lead, &one.over) == (other.from, other.lead, &other.over)
                    && said(&one.date) == said(&other.date)
                    && one.data.len() == other.data.len()
                    && one
                        .data
                        .iter()
                        .zip(&other.data)
                        .all(|((name, one), (named, other))| name == named && said(one) == said(other))
            })
    }
}

/// What an expression computes, in one way of writing.
fn said(bound: &Bound) -> String {
    bound.sql(Dialect::DuckDb, &|column| column.to_string())
}

/// The type of a field of a life event that events report.
pub(super) fn field_type(life_event: &LifeEvent, field: &str) -> Option<ValueType> {
    if field == TIME { Some(ValueType::Date) } else { life_event.fields.get(field).copied() }
}
