//! Life events that no event reports: milestones, which time brings, and absences, which silence brings.
//!
//! What is due is a function of what the record holds: of the history of the subject's facts, or of their other
//! occurrences. [`settle`] compares it with what has come about already: what is due comes about when the clock says
//! so, as a report of the source [`CLOCK`]; what no longer follows from the record is taken back like any event; and
//! the record's timer stands at the first moment at which there is something to do again. So changed facts move
//! milestones, a late birth certificate ends an absence, and a changed pack re-plans both, all by one comparison.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{Days, NaiveDate};
use tidings_domain::facts::{Map, Name, Write};
use tidings_domain::ids::{CitizenId, EventKey, OccurrenceId};
use tidings_domain::record::{Occurrence, Record, Report};
use tidings_domain::time::Timestamp;
use tidings_domain::value::Value;
use tidings_rules::calendar;
use tidings_rules::expr::{Columns, ColumnsBuilder};
use tidings_rules::pack::format::Direction;
use tidings_rules::pack::model::{Absence, LifeEvent, Milestone, MilestoneVersion, Pack, Trigger};
use tidings_rules::pack::{DATE, OPENS, TIME};

use crate::apply::Touch;
use crate::policy;
use crate::view::{Folded, Reader};

/// The source under which life events of the clock are kept; no pack can register it.
pub const CLOCK: &str = "tidings:clock";
/// The most changes of a person's facts that milestones look back on; of more, the latest.
const MOST_CHANGES: usize = 64;
/// How long an absence waits before it asks again whether a source has caught up.
pub const ASK_AGAIN: Duration = Duration::from_secs(3600);

/// What the clock shows.
pub(crate) struct Step<'a> {
    /// Business time.
    pub(crate) now: Timestamp,
    /// Up to when every source is complete that could report a life event.
    pub(crate) complete: &'a (dyn Fn(&LifeEvent) -> Timestamp + Sync),
}

/// A life event of the clock that follows from the record.
#[derive(Debug)]
struct Due<'a> {
    life_event: &'a LifeEvent,
    at: Timestamp,
    data: Map<Name, Value>,
    /// The life event whose absence it is.
    without: Option<&'a LifeEvent>,
}

/// Whether a change of a record can bring, move or end a life event of the clock.
fn concerns(pack: &Pack, me: CitizenId, touch: &Touch) -> bool {
    let moves = |life_event: &LifeEvent| match &life_event.trigger {
        Trigger::Events => false,
        Trigger::Absence(_) => !touch.occurrences.is_empty() || !touch.retracted.is_empty(),
        Trigger::Milestone(milestone) => {
            !touch.retracted.is_empty()
                || milestone.reads.iter().any(|name| touch.has_fact(me, stored(pack, name)))
        }
    };
    touch.all || pack.life_events.iter().any(moves)
}

/// The stored fact or set behind a name.
fn stored<'a>(pack: &'a Pack, name: &'a str) -> &'a str {
    pack.folds.get(name).map_or(name, |fold| &fold.set)
}

/// Brings what the clock brings into line with the record. With a step, what is due comes about; without one, it only
/// sets the timer.
pub(crate) fn settle(
    pack: &Pack,
    me: CitizenId,
    record: &mut Record,
    touch: &mut Touch,
    step: Option<&Step<'_>>,
) {
    if pack.life_events.iter().all(|life_event| matches!(life_event.trigger, Trigger::Events))
        || (step.is_none() && !concerns(pack, me, touch))
    {
        return;
    }
    let mut next = None;
    // Absences follow from occurrences, those of milestones included.
    for absences in [false, true] {
        let due = due(pack, me, record, absences);
        take_back(pack, me, record, touch, &due, absences);
        for (id, due) in due {
            if let Some(again) = bring_about(me, record, touch, (id, due), step) {
                next = Some(next.map_or(again, |next: Timestamp| next.min(again)));
            }
        }
    }
    record.timer = next;
}

/// Adds the report of what is due, if it is not there; returns when to look again, if it cannot come about yet.
fn bring_about(
    me: CitizenId,
    record: &mut Record,
    touch: &mut Touch,
    (id, due): (OccurrenceId, Due<'_>),
    step: Option<&Step<'_>>,
) -> Option<Timestamp> {
    if live_report(record, id).is_some_and(|(_, report)| report.time == due.at && report.data == due.data) {
        return None;
    }
    let Some(step) = step.filter(|step| due.at <= step.now) else { return Some(due.at) };
    if due.without.is_some_and(|without| (step.complete)(without) < due.at) {
        return Some(step.now + ASK_AGAIN);
    }
    let key = fresh_key(record, id, &due);
    let occurrence = record.occurrences.entry(id).or_insert_with(|| Occurrence {
        life_event: due.life_event.name.as_str().into(),
        subject: me,
        reports: Map::new(),
    });
    let report = Report { source: CLOCK.into(), time: due.at, recorded: due.at, data: due.data };
    occurrence.reports.insert(key, report);
    touch.occurrences.insert(id);
    None
}

/// Takes back what came about and no longer follows from the record.
fn take_back(
    pack: &Pack,
    me: CitizenId,
    record: &mut Record,
    touch: &mut Touch,
    due: &BTreeMap<OccurrenceId, Due<'_>>,
    absences: bool,
) {
    let of_this_kind = |occurrence: &Occurrence| match pack.life_event(&occurrence.life_event) {
        Some((_, life_event)) => matches!(life_event.trigger, Trigger::Absence(_)) == absences,
        None => false,
    };
    let ids: Vec<OccurrenceId> = record
        .occurrences
        .iter()
        .filter(|(_, occurrence)| occurrence.subject == me && of_this_kind(occurrence))
        .map(|(id, _)| *id)
        .collect();
    for id in ids {
        let Some((key, report)) = live_report(record, id) else { continue };
        let still = due.get(&id).is_some_and(|due| due.at == report.time && due.data == report.data);
        if !still && record.retracted.insert(key) {
            touch.retracted.insert(key);
            touch.occurrences.insert(id);
        }
    }
}

/// The report of the clock that stands, of an occurrence.
fn live_report(record: &Record, id: OccurrenceId) -> Option<(EventKey, &Report)> {
    let reports = record.occurrences.get(&id)?.reports.iter();
    let live = reports.filter(|(key, report)| report.source == CLOCK && !record.retracted.contains(key));
    live.map(|(key, report)| (*key, report)).next()
}

/// A key that was not taken back: what returns after it was taken back is a new report.
fn fresh_key(record: &Record, id: OccurrenceId, due: &Due<'_>) -> EventKey {
    let data: Vec<String> =
        due.data.iter().map(|(name, value)| format!("{name}={}", value.canonical())).collect();
    let said = format!("{id}|{}|{}", due.at, data.join("|"));
    let mut keys = (0_u64..).map(|again| EventKey::of(CLOCK, &format!("{said}|{again}")));
    keys.find(|key| !record.retracted.contains(key)).unwrap_or_else(|| EventKey::of(CLOCK, &said))
}

fn due<'p>(
    pack: &'p Pack,
    me: CitizenId,
    record: &Record,
    absences: bool,
) -> BTreeMap<OccurrenceId, Due<'p>> {
    let reader = Reader { pack, me, record };
    let mut all: BTreeMap<OccurrenceId, Due<'p>> = BTreeMap::new();
    // What is older than the record remembers came about, or not, before it was dropped.
    let oldest = oldest(reader);
    for life_event in &pack.life_events {
        let found = match &life_event.trigger {
            Trigger::Milestone(milestone) if !absences => milestones(reader, life_event, milestone),
            Trigger::Absence(absence) if absences => {
                let Some((_, without)) = pack.life_event(&absence.without) else { continue };
                self::absences(reader, life_event, (absence, without))
            }
            _ => continue,
        };
        for due in found.into_iter().filter(|due| due.at >= oldest) {
            let Some(id) = occurrence_id(reader.me, life_event, &due.data) else { continue };
            // It happens once: the first counts.
            if all.get(&id).is_none_or(|known| due.at < known.at) {
                all.insert(id, due);
            }
        }
    }
    all
}

fn oldest(reader: Reader<'_>) -> Timestamp {
    let reports = reader.record.occurrences.values().flat_map(|occurrence| occurrence.reports.values());
    let horizon = Duration::from_secs(u64::from(reader.pack.horizon_days) * 86_400);
    reports.map(|report| report.time).max().map_or(Timestamp::MIN, |latest| latest - horizon)
}

/// `None` when a field of the key is not known.
fn occurrence_id(me: CitizenId, life_event: &LifeEvent, data: &Map<Name, Value>) -> Option<OccurrenceId> {
    let part = |field: &String| data.get(field.as_str()).map(Value::canonical);
    let key: Vec<String> = life_event.key.iter().map(part).collect::<Option<_>>()?;
    Some(OccurrenceId::of(me, &life_event.name, &key))
}

/// The milestones of a life event, each at the first moment at which its lead time had begun by what was known then.
fn milestones<'p>(reader: Reader<'_>, life_event: &'p LifeEvent, milestone: &Milestone) -> Vec<Due<'p>> {
    let changes = changes(reader, milestone);
    let mut found = Vec::new();
    for (place, from) in changes.iter().enumerate() {
        let until = changes.get(place + 1).copied().unwrap_or(Timestamp::MAX);
        for reached in reached(reader, milestone, *from) {
            let at = policy::start_of(reader.pack, reached.opens).max(*from);
            if at >= until || reached.day < reader.date(*from) {
                continue;
            }
            // What was known then may have gone stale since.
            let stands = at == *from
                || self::reached(reader, milestone, at).iter().any(|again| again.data == reached.data);
            if stands {
                found.push(Due { life_event, at, data: reached.data, without: None });
            }
        }
    }
    found
}

/// The moments at which a fact that the milestone reads changed.
fn changes(reader: Reader<'_>, milestone: &Milestone) -> Vec<Timestamp> {
    let facts = &reader.record.facts;
    let cells = milestone.reads.iter().flat_map(|name| facts.cells_of(stored(reader.pack, name)));
    let live = |write: &&Write| !reader.record.retracted.contains(&write.event);
    let mut times: Vec<Timestamp> =
        cells.flat_map(|(_, writes)| writes.iter()).filter(live).map(|write| write.time).collect();
    times.sort_unstable();
    times.dedup();
    let dropped = times.len().saturating_sub(MOST_CHANGES);
    times.split_off(dropped)
}

struct Reached {
    day: NaiveDate,
    opens: NaiveDate,
    data: Map<Name, Value>,
}

/// The days of a milestone by what was known at `at`, under the law of each day itself. Where law changes so that the
/// day would already have been, it is the day of the change.
fn reached(reader: Reader<'_>, milestone: &Milestone, at: Timestamp) -> Vec<Reached> {
    let mut all: Vec<(usize, Reached)> = Vec::new();
    for (place, version) in milestone.versions.iter().enumerate() {
        let next = milestone.versions.get(place + 1).map(|next| next.from);
        let columns = columns(reader, milestone, version, at);
        for row in 0..columns.len() {
            let Some(day) = version.date.value(&columns, row).and_then(|day| day.as_date()) else { continue };
            let later = next.is_some_and(|next| day >= next);
            if later || all.iter().any(|(reached, _)| *reached == row) {
                continue;
            }
            let day = day.max(version.from);
            let workdays = &reader.pack.workdays;
            let Some(opens) = calendar::shift(workdays, day, version.lead, Direction::Before) else {
                continue;
            };
            let mut data: Map<Name, Value> = Map::new();
            data.insert(DATE.into(), Value::date(day));
            data.insert(OPENS.into(), Value::date(opens));
            if let (Some(name), Some(value)) = (&milestone.over, version.over.get(row)) {
                data.insert(name.as_str().into(), Value::Int(*value));
            }
            for (name, bound) in &version.data {
                if let Some(value) = bound.value(&columns, row) {
                    data.insert(name.as_str().into(), value);
                }
            }
            all.push((row, Reached { day, opens, data }));
        }
    }
    all.into_iter().map(|(_, reached)| reached).collect()
}

/// What a milestone reads, a row for each value of the name under `over`.
fn columns(reader: Reader<'_>, milestone: &Milestone, version: &MilestoneVersion, at: Timestamp) -> Columns {
    let types: Vec<_> = milestone.columns.iter().map(|(_, value_type)| *value_type).collect();
    let rows = if milestone.over.is_some() { version.over.len() } else { 1 };
    let mut builder = ColumnsBuilder::new(&types, rows);
    for row in 0..rows {
        let mut data: Map<Name, Value> = Map::new();
        if let (Some(name), Some(value)) = (&milestone.over, version.over.get(row)) {
            data.insert(name.as_str().into(), Value::Int(*value));
        }
        let folded = Folded { time: at, recorded: at, data };
        for (place, (column, _)) in milestone.columns.iter().enumerate() {
            builder.push(place, reader.column(column, reader.me, &folded).value.as_ref());
        }
        builder.finish_row();
    }
    builder.finish()
}

/// The absences of a life event: what happened, and was not followed in time.
fn absences<'p>(
    reader: Reader<'_>,
    life_event: &'p LifeEvent,
    (absence, without): (&Absence, &'p LifeEvent),
) -> Vec<Due<'p>> {
    let own = |name: &str| -> Vec<Folded> {
        let mine = reader.record.occurrences.values();
        let mine = mine.filter(|one| one.subject == reader.me && one.life_event == name);
        mine.filter_map(|one| reader.folded(one)).collect()
    };
    let followed = own(&absence.without);
    let mut found = Vec::new();
    for happened in own(&absence.of) {
        let Some(last) = last_day(reader, absence, &happened) else { continue };
        let Some(after) = last.checked_add_days(Days::new(1)) else { continue };
        let at = policy::start_of(reader.pack, after);
        if followed.iter().any(|one| one.time < at && answers(absence, &happened, one)) {
            continue;
        }
        let mut data = happened.data;
        data.insert(DATE.into(), Value::date(last));
        found.push(Due { life_event, at, data, without: Some(without) });
    }
    found
}

/// Whether the second life event is the one that the first called for.
fn answers(absence: &Absence, happened: &Folded, followed: &Folded) -> bool {
    if absence.same.is_empty() {
        return followed.time >= happened.time;
    }
    let field = |of: &Folded, name: &String| of.data.get(name.as_str()).cloned();
    absence.same.iter().all(|name| {
        let wanted = field(happened, name);
        wanted.is_some() && wanted == field(followed, name)
    })
}

/// The last day on which the second life event is in time.
fn last_day(reader: Reader<'_>, absence: &Absence, happened: &Folded) -> Option<NaiveDate> {
    let from = match absence.anchor.as_str() {
        TIME => reader.date(happened.time),
        field => happened.data.get(field)?.as_date()?,
    };
    let place = absence.within.partition_point(|(first, _)| *first <= from).checked_sub(1)?;
    let (_, period) = absence.within.get(place)?;
    calendar::shift(&reader.pack.workdays, from, *period, Direction::After)
}

/// Whether a life event of the clock was already under way when it came to be known: its lead time had begun.
pub(crate) fn came_late(reader: Reader<'_>, life_event: &LifeEvent, folded: &Folded) -> bool {
    matches!(life_event.trigger, Trigger::Milestone(_))
        && folded
            .data
            .get(OPENS)
            .and_then(Value::as_date)
            .is_some_and(|opens| opens < reader.date(folded.time))
}
