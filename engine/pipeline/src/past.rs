//! Looking back: what was so on a day, and what was known on a day.
//!
//! A record keeps everything that was ever said, so both are the same record with something left out. What was not yet
//! known is left out as if it had been taken back; what was taken back later stands again; then time is kept and the
//! rules are asked anew. Nothing that is stored changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{NaiveDate, TimeZone};
use tidings_domain::event::Event;
use tidings_domain::ids::{CitizenId, EventKey, OccurrenceId};
use tidings_domain::message::{Outcome, Planning};
use tidings_domain::record::{Kind, Record, State};
use tidings_domain::store::Table;
use tidings_domain::time::Timestamp;
use tidings_rules::Pack;
use tidings_rules::pack::model::LifeEvent;

use crate::apply::{Touch, retraction_target};
use crate::clock::{self, Step};
use crate::engine::{Engine, PipelineError};
use crate::judge::{ActivePack, Tally, judge};
use crate::view::Reader;

/// From where to look back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LookBack {
    /// What was so at the end of this day.
    pub as_of: Option<NaiveDate>,
    /// What was known at the end of this day: of law, and of what happened.
    pub known: Option<NaiveDate>,
}

/// A citizen as seen from there.
pub(crate) struct Seen {
    pub(crate) active: Arc<ActivePack>,
    pub(crate) record: Record,
    /// The moment that is looked at.
    pub(crate) now: Timestamp,
    /// What the engine did after this is left out; `None` when nothing is looked back on.
    pub(crate) until: Option<Timestamp>,
}

impl Seen {
    /// Whether something that the engine did is to be seen.
    pub(crate) fn shows(&self, at: Timestamp) -> bool {
        self.until.is_none_or(|until| at <= until)
    }
}

impl Engine {
    /// The record of a citizen and the pack, as seen from a day.
    pub(crate) fn seen(
        &self,
        citizen: CitizenId,
        record: Record,
        back: LookBack,
        now: Timestamp,
    ) -> Result<Seen, PipelineError> {
        let active = self.active();
        if back == LookBack::default() {
            return Ok(Seen { active, record, now, until: None });
        }
        let end = |day: NaiveDate| end_of(&active.pack, day).min(now);
        let (as_of, known) = (back.as_of.map_or(now, end), back.known.map(end));
        let then = match back.known {
            Some(day) => Arc::new(self.pack_known(&active, day)?),
            None => Arc::clone(&active),
        };
        let mut record = record;
        if let Some(known) = known {
            self.forget_later(citizen, &active.pack, &mut record, known)?;
        }
        let pack = &then.pack;
        let happened = |reader: Reader<'_>, id: &OccurrenceId| {
            let folded = record.occurrences.get(id).and_then(|one| reader.folded(one));
            folded.is_none_or(|folded| folded.time <= as_of)
        };
        let reader = Reader { pack, me: citizen, record: &record };
        let later: Vec<OccurrenceId> =
            record.occurrences.keys().filter(|id| !happened(reader, id)).copied().collect();
        record.occurrences.retain(|id, _| !later.contains(id));
        if let Some(known) = known {
            keep_time(pack, citizen, &mut record, known.min(as_of));
        }
        let record = judged_afresh(citizen, &record, &then)?;
        Ok(Seen {
            active: then,
            record,
            now: as_of,
            until: Some(known.map_or(as_of, |known| known.min(as_of))),
        })
    }

    /// The pack in use, without the law that became known later.
    fn pack_known(&self, active: &ActivePack, day: NaiveDate) -> Result<ActivePack, PipelineError> {
        let digest = active.pack.digest;
        let files =
            self.kept_pack(&digest)?.ok_or_else(|| PipelineError::NotFound("files of the pack".into()))?;
        let pack = Pack::as_known(files, Some(day)).map_err(|found| {
            let first = found.first().map(ToString::to_string).unwrap_or_default();
            PipelineError::Unknowable { day, first }
        })?;
        Ok(ActivePack { pack, epoch: active.epoch, since: active.since.clone() })
    }

    /// Leaves out of a record what was recorded after a moment. Whose events are looked through: the citizen's own, and
    /// those of everybody whom the record knows, since an event about one person may state facts of another.
    fn forget_later(
        &self,
        citizen: CitizenId,
        pack: &Pack,
        record: &mut Record,
        known: Timestamp,
    ) -> Result<(), PipelineError> {
        let mut later: BTreeSet<EventKey> = BTreeSet::new();
        let mut standing: BTreeSet<EventKey> = BTreeSet::new();
        for person in people(citizen, record) {
            for (_, event) in self.rows_of::<Event>(person, Table::Event)? {
                if event.recorded > known {
                    later.insert(event.key);
                    let taken_back = pack.events.get(&event.kind);
                    standing.extend(taken_back.and_then(|kind| retraction_target(pack, kind, &event)));
                }
            }
        }
        let reports = record.occurrences.values().flat_map(|occurrence| &occurrence.reports);
        later.extend(reports.filter(|(_, report)| report.recorded > known).map(|(event, _)| *event));
        record.retracted.retain(|event| !standing.contains(event));
        record.retracted.extend(later);
        Ok(())
    }
}

/// A citizen and all whom their record knows.
fn people(citizen: CitizenId, record: &Record) -> BTreeSet<CitizenId> {
    let subjects = record.occurrences.values().map(|occurrence| occurrence.subject);
    let linked = record.facts.cells().filter_map(|(cell, _)| CitizenId::parse(cell.element.as_deref()?));
    let others = record.others.keys().chain(record.watchers.keys()).copied();
    std::iter::once(citizen).chain(subjects).chain(linked).chain(others).collect()
}

/// Milestones and absences, as the record that is left has them. Every source is taken for complete.
fn keep_time(pack: &Pack, citizen: CitizenId, record: &mut Record, now: Timestamp) {
    let complete = |_: &LifeEvent| now;
    let mut touch = Touch { all: true, ..Touch::default() };
    clock::settle(pack, citizen, record, &mut touch, Some(&Step { now, complete: &complete }));
}

/// The record with what the rules answer now about all that it holds, and nothing of what was told.
pub(crate) fn judged_afresh(
    citizen: CitizenId,
    record: &Record,
    active: &ActivePack,
) -> Result<Record, PipelineError> {
    let mut fresh = Record { opportunities: Default::default(), ..record.clone() };
    let asked = BTreeMap::from([(citizen, fresh.occurrences.keys().copied().collect())]);
    judge(active, &mut BTreeMap::from([(citizen, &mut fresh)]), &asked, &mut Tally::default())?;
    Ok(fresh)
}

/// The last moment of a day in the pack's zone.
fn end_of(pack: &Pack, day: NaiveDate) -> Timestamp {
    let next = day.succ_opt().and_then(|next| next.and_hms_opt(0, 0, 0));
    let start = next.and_then(|next| pack.zone.from_local_datetime(&next).earliest());
    start.map_or(Timestamp::MAX, |start| Timestamp(start.timestamp_millis() - 1))
}

/// Where an opportunity stood after these plannings.
pub(crate) fn state_after<'a>(
    rule: (&str, &str),
    plannings: impl Iterator<Item = &'a Planning>,
    is_in_inbox: impl Fn(&tidings_domain::ids::NotificationId) -> bool,
) -> State {
    let of_rule = |planning: &'a Planning| {
        planning
            .outcomes
            .iter()
            .filter(|(name, _)| name == rule.0 || name == rule.1)
            .map(|(_, outcome)| outcome)
    };
    let first_messages = plannings.flat_map(of_rule).filter(|outcome| {
        !matches!(outcome, Outcome::Planned(_, Kind::Reminder(_) | Kind::Question) | Outcome::Unknown(_))
    });
    match first_messages.last() {
        None => State::Open,
        Some(Outcome::Planned(id, _)) if is_in_inbox(id) => State::Told(*id),
        Some(Outcome::Planned(id, _)) => State::Planned(*id),
        Some(Outcome::Suppressed(reason)) => State::Suppressed(reason.clone()),
        Some(Outcome::Unknown(_)) => State::Open,
    }
}
