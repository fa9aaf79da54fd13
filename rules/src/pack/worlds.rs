//! What a pack says of the columns of a life event before anybody is looked at, and a rule under the law of some days.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use tidings_domain::value::{Value, ValueType, days};

use super::format::{FoldKind, LawOf};
use super::model::{EventType, LifeEvent, Pack, Recipient, Rule, Trigger, Version};
use super::{DATE, OPENS, TIME};
use crate::expr::prove::{Known, World};
use crate::expr::{Bound, ColumnRef, RowKind};

/// A rule under the law of some days.
#[derive(Clone, Copy)]
pub(crate) struct Under<'a> {
    pub(crate) rule: &'a Rule,
    pub(crate) version: &'a Version,
    /// The days on which an occurrence can have happened that it judges.
    pub(crate) period: Period,
}

impl<'a> Under<'a> {
    /// A rule under each law that it has known.
    pub(crate) fn each(rule: &'a Rule) -> impl Iterator<Item = Self> {
        rule.versions.iter().enumerate().map(move |(place, version)| {
            let (first, last) = rule.days_of(place);
            // Who files later files under later law, whenever it happened before.
            let from = if rule.law_of == LawOf::Occurrence { first } else { NaiveDate::MIN };
            Self { rule, version, period: (from, Some(last).filter(|last| *last < NaiveDate::MAX)) }
        })
    }

    pub(crate) fn when(&self) -> &'a Bound {
        &self.version.when
    }
}

/// The columns of one life event.
pub(crate) struct Columns<'a> {
    pack: &'a Pack,
    life_event: &'a LifeEvent,
    reports: Vec<&'a EventType>,
}

/// First and last day, where there is a last.
pub(crate) type Period = (NaiveDate, Option<NaiveDate>);

impl<'a> Columns<'a> {
    pub(crate) fn of(pack: &'a Pack, position: usize, life_event: &'a LifeEvent) -> Self {
        // What silence brings has the fields of what happened before it.
        let told = match &life_event.trigger {
            Trigger::Absence(absence) => pack.life_event(&absence.of).map_or(position, |(place, _)| place),
            _ => position,
        };
        let reports = pack.events.values().filter(|event| event.life_events.contains(&told));
        Self { pack, life_event, reports: reports.map(|event| &**event).collect() }
    }

    /// The position of a column.
    pub(crate) fn place(&self, column: &ColumnRef) -> Option<usize> {
        self.life_event.columns.iter().position(|(known, _)| known == column)
    }

    /// The position of `event.time`; where no rule reads it, the one place after all the others.
    pub(crate) fn time(&self) -> usize {
        let time = ColumnRef { row: RowKind::Event, path: vec![TIME.to_owned()] };
        self.place(&time).unwrap_or(self.life_event.columns.len())
    }

    /// The world in which somebody is told by all of these rules, who is one of `to`, of an occurrence within `period`.
    pub(crate) fn world(&self, rules: &[&Rule], to: &[Recipient], period: Period) -> World {
        let own = to == [Recipient::Subject];
        let columns = self.life_event.columns.iter().map(|(column, value_type)| {
            let mut known = self.known(column, *value_type);
            if own && column.row == RowKind::Citizen {
                let twin = ColumnRef { row: RowKind::Subject, path: column.path.clone() };
                known.same_as = self.place(&twin);
            }
            known
        });
        let mut columns: Vec<Known> = columns.collect();
        columns.push(Known { nullable: false, ..plain(ValueType::Date) });
        if let Some(time) = columns.get_mut(self.time()) {
            time.at_least = Some(days(period.0).into());
            time.at_most = period.1.map(|to| days(to).into());
        }
        let begins = rules.iter().map(|rule| rule.in_force.0).fold(period.0, NaiveDate::max);
        let mut world = World { columns, faults: true, base: days(begins) };
        rules.iter().for_each(|rule| here(rule, &mut world));
        world
    }

    fn known(&self, column: &ColumnRef, value_type: ValueType) -> Known {
        let plain = plain(value_type);
        match (column.row, column.path.as_slice()) {
            (RowKind::Event, [field]) if field == TIME => Known { nullable: false, ..plain },
            (RowKind::Event, [field]) if self.is_of_the_clock(field) => Known { nullable: false, ..plain },
            (RowKind::Event, [field]) => self.field(field, plain),
            (_, path) => path.last().map_or_else(|| plain.clone(), |name| self.fact(name, plain.clone())),
        }
    }

    /// The fields that every milestone and every absence has.
    fn is_of_the_clock(&self, field: &str) -> bool {
        match &self.life_event.trigger {
            Trigger::Events => false,
            Trigger::Milestone(milestone) => {
                [DATE, OPENS].contains(&field) || milestone.over.as_deref() == Some(field)
            }
            Trigger::Absence(_) => field == DATE,
        }
    }

    /// A field is there when every event type requires it, and closed when every one that has it closes it.
    fn field(&self, name: &str, plain: Known) -> Known {
        let shapes: Vec<_> = self.reports.iter().map(|event| event.fields.get(name)).collect();
        let required =
            !shapes.is_empty() && shapes.iter().all(|shape| shape.is_some_and(|shape| shape.required));
        let given: Vec<_> = shapes.into_iter().flatten().collect();
        let closed = !given.is_empty() && given.iter().all(|shape| !shape.values.is_empty());
        let texts = || given.iter().flat_map(|shape| shape.values.iter().cloned()).collect::<BTreeSet<_>>();
        Known { nullable: !required, texts: closed.then(texts), ..plain }
    }

    fn fact(&self, name: &str, plain: Known) -> Known {
        let values = self.pack.facts.get(name).map(|fact| &fact.values).filter(|values| !values.is_empty());
        let counts = self.pack.folds.get(name).is_some_and(|fold| fold.kind == FoldKind::Count);
        Known { texts: values.cloned(), at_least: counts.then_some(0), ..plain }
    }

    /// A row in words, without what is unknown: `event.kind = permanent, subject.employed = false`.
    pub(crate) fn words(&self, row: &[Option<Value>]) -> String {
        let named = self.life_event.columns.iter().zip(row);
        let known = named.filter_map(|((column, _), value)| Some((column, value.as_ref()?)));
        let words: Vec<_> =
            known.map(|(column, value)| format!("{column} = {}", value.canonical())).collect();
        if words.is_empty() { "anybody".to_owned() } else { words.join(", ") }
    }
}

const fn plain(value_type: ValueType) -> Known {
    Known { value_type, nullable: true, texts: None, at_least: None, at_most: None, same_as: None }
}

/// A rule of one place meets those alone who live there.
fn here(rule: &Rule, world: &mut World) {
    let Some(scope) = &rule.scope else { return };
    let place = world.place(scope.column);
    if let Some(known) = world.columns.get_mut(place) {
        let texts =
            known.texts.take().map_or_else(|| scope.here.codes.clone(), |texts| &texts & &scope.here.codes);
        known.texts = Some(texts);
        known.nullable = false;
    }
}

/// The days that two periods share.
pub(crate) fn shared(a: Period, b: Period) -> Option<Period> {
    let from = a.0.max(b.0);
    let to = match (a.1, b.1) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    };
    to.is_none_or(|to| from <= to).then_some((from, to))
}
