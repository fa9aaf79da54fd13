//! Reading a record the way rules see it: event, subject and citizen, as of a moment.

use chrono::NaiveDate;
use tidings_domain::event::Event;
use tidings_domain::facts::{Cell, Facts, Map, Name, Ranks, View, Write, Writes};
use tidings_domain::ids::{CitizenId, EventKey};
use tidings_domain::message::Evidence;
use tidings_domain::record::{Occurrence, Record, Report};
use tidings_domain::time::Timestamp;
use tidings_domain::value::Value;
use tidings_rules::expr::{ColumnRef, RowKind};
use tidings_rules::pack::format::FoldKind;
use tidings_rules::pack::model::{Fold, LifeEvent, Pack};

/// The ranks that a pack's register gives.
#[derive(Clone, Copy)]
pub struct PackRanks<'a>(pub &'a Pack);

impl Ranks for PackRanks<'_> {
    fn rank(&self, source: &str) -> u8 {
        self.0.rank(source)
    }
}

/// One value as it was read, with who said so and since when.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// The value; `None` is unknown.
    pub value: Option<Value>,
    /// The write that decided it, if one did.
    pub from: Option<(Name, Timestamp)>,
}

impl Read {
    fn of(write: &Write) -> Self {
        Self { value: write.value.clone(), from: Some((write.source.clone(), write.time)) }
    }
}

/// An occurrence with its reports folded into one.
#[derive(Clone, Debug)]
pub struct Folded {
    /// When it happened, by the report that wins.
    pub time: Timestamp,
    /// When it was first recorded.
    pub recorded: Timestamp,
    /// Its data, each field by the report that wins there.
    pub data: Map<Name, Value>,
}

/// A record, read with one pack.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The pack.
    pub pack: &'a Pack,
    /// Whose record it is.
    pub me: CitizenId,
    /// The record.
    pub record: &'a Record,
}

impl<'a> Reader<'a> {
    /// A person's facts: the holder's own, or what is mirrored.
    pub fn facts_of(&self, who: CitizenId) -> Option<&'a Facts> {
        if who == self.me { Some(&self.record.facts) } else { self.record.others.get(&who) }
    }

    fn winner(&self, facts: &'a Facts, cell: &Cell, at: Timestamp) -> Option<&'a Write> {
        facts.winner(cell, View { at, ranks: &PackRanks(self.pack), retracted: &self.record.retracted })
    }

    /// The elements of a set or link that are there at `at`, with the write that put them there.
    pub fn elements(&self, who: CitizenId, set: &str, at: Timestamp) -> Vec<(&'a str, &'a Write)> {
        let Some(facts) = self.facts_of(who) else { return Vec::new() };
        let view = View { at, ranks: &PackRanks(self.pack), retracted: &self.record.retracted };
        let present = |(cell, writes): (&'a Cell, &'a Writes)| {
            let element = cell.element.as_deref().filter(|_| cell.field.is_none())?;
            let write = view.winner(writes).filter(|write| write.value.is_some())?;
            Some((element, write))
        };
        facts.cells_of(set).filter_map(present).collect()
    }

    /// Whether a set or link has the element at `at`.
    pub fn has(&self, who: CitizenId, set: &str, element: &str, at: Timestamp) -> bool {
        let cell = Cell::element(set, element);
        self.facts_of(who)
            .and_then(|facts| self.winner(facts, &cell, at))
            .is_some_and(|write| write.value.is_some())
    }

    /// The people whom `who` has under a link at `at`.
    pub fn linked(&self, who: CitizenId, link: &str, at: Timestamp) -> Vec<CitizenId> {
        self.elements(who, link, at)
            .into_iter()
            .filter_map(|(element, _)| CitizenId::parse(element))
            .collect()
    }

    /// The one person under a link at `at`: of several, the one that the strongest, then latest, write made.
    pub fn linked_one(&self, who: CitizenId, link: &str, at: Timestamp) -> Option<CitizenId> {
        self.elements(who, link, at)
            .into_iter()
            .max_by_key(|(element, write)| (self.pack.rank(&write.source), write.time, *element))
            .and_then(|(element, _)| CitizenId::parse(element))
    }

    /// A fact or fold of a person.
    pub fn fact(&self, who: CitizenId, name: &str, at: Timestamp) -> Read {
        if let Some(fold) = self.pack.folds.get(name) {
            return Read { value: self.fold(who, fold, at), from: None };
        }
        let Some(fact) = self.pack.facts.get(name) else { return Read::default() };
        let write = self.facts_of(who).and_then(|facts| self.winner(facts, &Cell::fact(name), at));
        let fresh = |write: &&Write| match fact.keeping.stale_after_days {
            Some(days) => at.0.saturating_sub(write.time.0) <= i64::from(days) * DAY_MS,
            None => true,
        };
        write.filter(fresh).map(Read::of).unwrap_or_default()
    }

    /// A text fact of the record's citizen.
    pub fn text(&self, name: &str, at: Timestamp) -> Option<String> {
        match self.fact(self.me, name, at).value {
            Some(Value::Text(text)) => Some(text.to_string()),
            _ => None,
        }
    }

    fn fold(&self, who: CitizenId, fold: &Fold, at: Timestamp) -> Option<Value> {
        let facts = self.facts_of(who)?;
        facts.cells_of(&fold.set).next()?;
        let elements = self.elements(who, &fold.set, at);
        let field = |element: &str| {
            let cell = Cell::field(&fold.set, element, fold.field.as_deref()?);
            self.winner(facts, &cell, at)?.value.clone()
        };
        let values = || elements.iter().filter_map(|(element, _)| field(element));
        match fold.kind {
            FoldKind::Count => i64::try_from(elements.len()).ok().map(Value::Int),
            FoldKind::Min => values().min(),
            FoldKind::Max => values().max(),
            FoldKind::Sum => values()
                .try_fold(0_i64, |sum, value| match value {
                    Value::Int(value) => sum.checked_add(value),
                    _ => None,
                })
                .map(Value::Int),
        }
    }

    /// An occurrence with its reports folded; `None` when all of them were taken back.
    pub fn folded(&self, occurrence: &Occurrence) -> Option<Folded> {
        let live = |(key, _): &(&EventKey, &Report)| !self.record.retracted.contains(key);
        let mut reports: Vec<(&EventKey, &Report)> = occurrence.reports.iter().filter(live).collect();
        reports.sort_by(|(key, one), (other_key, other)| {
            let rank = |report: &Report| self.pack.rank(&report.source);
            (rank(one), one.time, &one.source, key).cmp(&(rank(other), other.time, &other.source, other_key))
        });
        let (_, winner) = *reports.last()?;
        let recorded = reports.iter().map(|(_, report)| report.recorded).min()?;
        let mut data = winner.data.clone();
        // The others fill what the winner leaves open, the stronger first.
        for (_, report) in reports.iter().rev().skip(1) {
            for (name, value) in &report.data {
                if !data.contains_key(name) {
                    data.insert(name.clone(), value.clone());
                }
            }
        }
        Some(Folded { time: winner.time, recorded, data })
    }

    /// One column of a rule, for one occurrence.
    pub fn column(&self, column: &ColumnRef, subject: CitizenId, folded: &Folded) -> Read {
        let who = match column.row {
            RowKind::Event => return self.event_column(column, folded),
            RowKind::Subject => subject,
            RowKind::Citizen => self.me,
        };
        match column.path.as_slice() {
            [fact] => self.fact(who, fact, folded.time),
            [link, fact] => match self.linked_one(who, link, folded.time) {
                Some(linked) => self.fact(linked, fact, folded.time),
                None => Read::default(),
            },
            _ => Read::default(),
        }
    }

    fn event_column(&self, column: &ColumnRef, folded: &Folded) -> Read {
        let value = match column.path.first().map(String::as_str) {
            Some("time") => Some(Value::date(self.date(folded.time))),
            Some(field) => folded.data.get(field).cloned(),
            None => None,
        };
        Read { value, from: None }
    }

    /// The calendar date of a moment, in the pack's zone.
    pub fn date(&self, at: Timestamp) -> NaiveDate {
        date(self.pack, at)
    }

    /// Every column of a life event, as it is read for one occurrence.
    pub fn reads(&self, life_event: &LifeEvent, subject: CitizenId, folded: &Folded) -> Vec<Read> {
        life_event.columns.iter().map(|(column, _)| self.column(column, subject, folded)).collect()
    }
}

/// Evidence of an occurrence, from what was read for it.
pub fn evidence(life_event: &LifeEvent, reads: Vec<Read>) -> Vec<Evidence> {
    let of = |((column, _), read): (&(ColumnRef, _), Read)| {
        let (source, since) = read.from.unzip();
        Evidence { column: name_of(column), value: read.value, source, since }
    };
    life_event.columns.iter().zip(reads).map(of).collect()
}

/// A column's name, as rules write it.
fn name_of(column: &ColumnRef) -> Name {
    let row = match column.row {
        RowKind::Event => "event",
        RowKind::Subject => "subject",
        RowKind::Citizen => "citizen",
    };
    let mut name = Name::from(row);
    for part in &column.path {
        name.push('.');
        name.push_str(part);
    }
    name
}

/// The calendar date of a moment, in the pack's zone.
pub fn date(pack: &Pack, at: Timestamp) -> NaiveDate {
    at.to_utc().with_timezone(&pack.zone).date_naive()
}

/// Milliseconds in a day.
pub const DAY_MS: i64 = 86_400_000;

/// The occurrence ids and reports that an event makes.
pub fn report(event: &Event) -> Report {
    Report {
        source: event.source.clone(),
        time: event.time,
        recorded: event.recorded,
        data: event.data.clone(),
    }
}
