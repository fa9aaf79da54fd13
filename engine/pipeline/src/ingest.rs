//! The ingest loop's step: a batch of events becomes facts and opportunities, in one durable commit a shard.
//!
//! Events of one batch that depend on each other run in waves: an event changes its subject's record; what that
//! record then owes to others is applied to theirs in the next wave. Records only ever merge, so the number of
//! waves, and how events are cut into batches, leave no trace in the end state.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use tidings_domain::event::{Arrival, End, Event, Ignored, Position, Reason, Refusal};
use tidings_domain::ids::{CitizenId, EventKey, OccurrenceId, OpportunityId, TaskId};
use tidings_domain::message::Decision;
use tidings_domain::record::{Record, Share};
use tidings_domain::store::{Commit, RowKey, Shard, StoreError, Table};
use tidings_domain::time::Timestamp;

use crate::apply::{self, Sent, Touch};
use crate::decode::{Decoded, decode};
use crate::engine::{Engine, PipelineError, pack};
use crate::judge::{self, ActivePack, Tally};
use crate::records::{Records, in_halves};
use crate::share;
use crate::vault::{Sealer, seal};

/// An arrival that has been decoded.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// What it turned out to be.
    pub decoded: Decoded,
    /// Its place in its source, if it came from one.
    pub position: Option<Position>,
    /// The bytes, kept only for what is refused.
    pub refused: Option<Vec<u8>>,
}

/// What one ingest step did.
#[derive(Debug, Default)]
pub struct Ingested {
    /// What became of each event, in the order given.
    pub ends: Vec<End>,
    /// Answers of rules.
    pub tally: Tally,
    /// Opportunities that are new, with whom they are for.
    pub opened: Vec<(CitizenId, OpportunityId)>,
}

/// A batch at work in one shard.
struct BatchWork<'a> {
    engine: &'a Engine,
    active: &'a ActivePack,
    shard: Shard,
    records: Records<'a>,
    touched: BTreeMap<CitizenId, Touch>,
    changed: BTreeSet<CitizenId>,
    judge: BTreeMap<CitizenId, BTreeSet<OccurrenceId>>,
    outbox: Vec<Sent>,
    events: Vec<&'a Event>,
}

impl Engine {
    /// Decodes an arrival under the active pack. Pure, so that it can run ahead on another thread.
    pub fn decode(&self, active: &ActivePack, arrival: Arrival) -> Incoming {
        let decoded = decode(&active.pack, &self.people, &arrival);
        let refused = matches!(decoded, Decoded::Refused(_)).then(|| arrival.bytes.reveal().clone());
        Incoming { decoded, position: Some(arrival.position), refused }
    }

    /// Applies a batch. Returns once everything is durable.
    pub fn ingest(&self, batch: &[Incoming]) -> Result<Ingested, PipelineError> {
        let mut report = Ingested { ends: vec![End::Committed; batch.len()], ..Ingested::default() };
        let mut by_shard: BTreeMap<Shard, Vec<usize>> =
            self.shards().map(|shard| (shard, Vec::new())).collect();
        for (place, incoming) in batch.iter().enumerate() {
            let shard = match &incoming.decoded {
                Decoded::Event(event) => self.shard(event.subject),
                _ => Shard(0),
            };
            by_shard.entry(shard).or_default().push(place);
        }
        let positions = highest(batch);
        for (shard, places) in by_shard {
            self.ingest_shard(shard, batch, &places, &positions, &mut report)?;
        }
        self.advance_watermarks(batch);
        self.drain_outbox(&mut report)?;
        Ok(report)
    }

    fn ingest_shard(
        &self,
        shard: Shard,
        batch: &[Incoming],
        places: &[usize],
        positions: &[Position],
        report: &mut Ingested,
    ) -> Result<(), PipelineError> {
        for _ in 0..self.limits.conflicts {
            let active = self.active();
            let mut work = BatchWork::new(self, &active, shard);
            let ends = work.take(batch, places)?;
            let mut commit = Commit { positions: positions.to_vec(), ..Commit::default() };
            work.write_events(&mut commit)?;
            self.write_letters(batch, places, &ends, &mut commit)?;
            self.write_watermarks(batch, &mut commit)?;
            let mut tally = Tally::default();
            let opened = work.finish(&mut commit, &mut tally)?;
            match self.store.commit(shard, &commit) {
                Ok(()) => {
                    for (place, end) in places.iter().zip(ends) {
                        report.ends[*place] = end;
                    }
                    report.tally.add(&tally);
                    report.opened.extend(opened);
                    return Ok(());
                }
                Err(StoreError::Conflict | StoreError::StalePack { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Applies shares to one shard's records, without any event; used for the outbox and after a pack change.
    pub(crate) fn apply_shares(
        &self,
        shard: Shard,
        shares: &[Sent],
        rejudge: &[CitizenId],
        report: &mut Ingested,
    ) -> Result<(), PipelineError> {
        for _ in 0..self.limits.conflicts {
            let active = self.active();
            let mut work = BatchWork::new(self, &active, shard);
            work.records.load(shares.iter().map(|(to, _)| *to).chain(rejudge.iter().copied()))?;
            for citizen in rejudge {
                work.touched.entry(*citizen).or_default().all = true;
            }
            work.waves(shares.to_vec())?;
            let mut commit = Commit::default();
            let mut tally = Tally::default();
            let opened = work.finish(&mut commit, &mut tally)?;
            match self.store.commit(shard, &commit) {
                Ok(()) => {
                    report.tally.add(&tally);
                    report.opened.extend(opened);
                    return Ok(());
                }
                Err(StoreError::Conflict | StoreError::StalePack { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    fn write_letters(
        &self,
        batch: &[Incoming],
        places: &[usize],
        ends: &[End],
        commit: &mut Commit,
    ) -> Result<(), PipelineError> {
        for (place, end) in places.iter().zip(ends) {
            let End::DeadLetter(reason) = end else { continue };
            let incoming = &batch[*place];
            let letter = Letter {
                reason: reason.clone(),
                bytes: incoming.refused.clone().unwrap_or_default(),
                event: match &incoming.decoded {
                    Decoded::Event(event) => Some((**event).clone()),
                    _ => None,
                },
            };
            let row = letter_key(&letter)?;
            let bytes = seal(&self.letters, &row, &letter)?;
            commit.writes.push((row, Some(bytes)));
        }
        Ok(())
    }

    fn write_watermarks(&self, batch: &[Incoming], commit: &mut Commit) -> Result<(), PipelineError> {
        for (source, time) in seen(batch) {
            let time = time.max(self.watermark(&source));
            commit.writes.push((RowKey::meta(&format!("{WATERMARK}{source}")), Some(pack(&time)?)));
        }
        Ok(())
    }

    fn advance_watermarks(&self, batch: &[Incoming]) {
        let mut known = self.watermarks.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (source, time) in seen(batch) {
            let mark = known.entry(source).or_insert(time);
            *mark = (*mark).max(time);
        }
    }

    /// Brings every share that waits in an outbox to its shard. Applying one twice changes nothing, so a crash
    /// in between only repeats work.
    pub fn drain_outbox(&self, report: &mut Ingested) -> Result<(), PipelineError> {
        loop {
            let mut moved = 0;
            for shard in self.shards() {
                moved += self.drain_shard(shard, report)?;
            }
            if moved == 0 {
                return Ok(());
            }
        }
    }

    fn drain_shard(&self, shard: Shard, report: &mut Ingested) -> Result<usize, PipelineError> {
        let range = tidings_domain::store::Range::default();
        let rows = self.store.scan(shard, Table::Outbox, range, self.limits.lease)?;
        let mut by_target: BTreeMap<Shard, Vec<Sent>> = BTreeMap::new();
        let mut commit = Commit::default();
        for (key, bytes) in rows {
            let row = RowKey { table: Table::Outbox, key };
            let (_, sent): (_, Sent) = self.vault.open(&row, &bytes)?;
            by_target.entry(self.shard(sent.0)).or_default().push(sent);
            commit.writes.push((row, None));
        }
        for (target, shares) in by_target {
            self.apply_shares(target, &shares, &[], report)?;
        }
        let moved = commit.writes.len();
        if moved > 0 {
            self.store.commit(shard, &commit)?;
        }
        Ok(moved)
    }
}

/// Prefix of watermark rows.
pub(crate) const WATERMARK: &str = "watermark:";

/// An event that could not be used, as it is kept.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Letter {
    /// Why.
    pub reason: Reason,
    /// The bytes, when it could not be decoded.
    pub bytes: Vec<u8>,
    /// The event, when it could.
    pub event: Option<Event>,
}

/// The key of a letter: a digest of what was sent, so that what comes again is no second letter.
fn letter_key(letter: &Letter) -> Result<RowKey, PipelineError> {
    // When it was recorded may differ from one delivery to the next.
    let event = letter.event.clone().map(|event| Event { recorded: Timestamp::MIN, ..event });
    let id = TaskId::of("letter", &[&letter.bytes, &pack(&event)?]);
    Ok(RowKey { table: Table::DeadLetter, key: id.0.to_vec() })
}

fn highest(batch: &[Incoming]) -> Vec<Position> {
    let mut highest: BTreeMap<&str, &Position> = BTreeMap::new();
    for position in batch.iter().filter_map(|incoming| incoming.position.as_ref()) {
        let known = highest.entry(&position.partition).or_insert(position);
        if (position.epoch, position.offset) > (known.epoch, known.offset) {
            *known = position;
        }
    }
    highest.into_values().cloned().collect()
}

/// How far each source has shown itself complete in a batch.
fn seen(batch: &[Incoming]) -> BTreeMap<String, Timestamp> {
    let mut seen: BTreeMap<String, Timestamp> = BTreeMap::new();
    for incoming in batch {
        let (source, time) = match &incoming.decoded {
            Decoded::Event(event) if event.kind != apply::LOAD => (event.source.as_str(), event.recorded),
            Decoded::Watermark { source, time } => (source.as_str(), *time),
            _ => continue,
        };
        let mark = seen.entry(source.to_owned()).or_insert(time);
        *mark = (*mark).max(time);
    }
    seen
}

impl<'a> BatchWork<'a> {
    fn new(engine: &'a Engine, active: &'a ActivePack, shard: Shard) -> Self {
        Self {
            engine,
            active,
            shard,
            records: Records::new(engine, shard),
            touched: BTreeMap::new(),
            changed: BTreeSet::new(),
            judge: BTreeMap::new(),
            outbox: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Sorts out duplicates, forgotten people and impossible retractions, and applies the rest.
    fn take(&mut self, batch: &'a [Incoming], places: &[usize]) -> Result<Vec<End>, PipelineError> {
        let events: Vec<Option<&'a Event>> = places
            .iter()
            .map(|place| match &batch[*place].decoded {
                Decoded::Event(event) => Some(&**event),
                _ => None,
            })
            .collect();
        self.records.load(events.iter().flatten().map(|event| event.subject))?;
        let stored = self.stored(&events)?;
        let mut fresh: HashMap<EventKey, &'a Event> = HashMap::new();
        let mut first = Vec::new();
        let mut ends = Vec::with_capacity(places.len());
        for (place, event) in places.iter().zip(&events) {
            let Some(event) = event else {
                ends.push(end_of(&batch[*place].decoded));
                continue;
            };
            let known = fresh.get(&event.key).copied().or_else(|| stored.get(&event.key));
            let end = if self.records.is_forgotten(event.subject) {
                End::Ignored(Ignored::Forgotten)
            } else if let Some(known) = known {
                if same(known, event) { End::Duplicate } else { dead(Refusal::ConflictingId, "id") }
            } else if self.too_old_to_retract(event, &stored) {
                dead(Refusal::TooOldToRetract, "data")
            } else {
                fresh.insert(event.key, event);
                self.events.push(event);
                first.extend(self.apply(event));
                End::Committed
            };
            ends.push(end);
        }
        self.waves(first)?;
        Ok(ends)
    }

    fn apply(&mut self, event: &Event) -> Vec<Sent> {
        let Some(record) = self.records.get_mut(event.subject) else { return Vec::new() };
        self.changed.insert(event.subject);
        let touch = self.touched.entry(event.subject).or_default();
        apply::apply_event(&self.active.pack, record, touch, event)
    }

    /// The events of the batch, and the targets of its retractions, that are stored already.
    fn stored(&self, events: &[Option<&Event>]) -> Result<HashMap<EventKey, Event>, PipelineError> {
        let mut keys = Vec::new();
        for event in events.iter().flatten() {
            if !self.records.is_stored(event.subject) {
                continue;
            }
            keys.push(RowKey::of(Table::Event, event.subject, &event.key.0));
            if let Some(target) = self.target(event) {
                keys.push(RowKey::of(Table::Event, event.subject, &target.0));
            }
        }
        let rows = self.engine.store.read(self.shard, &keys)?;
        let mut stored = HashMap::new();
        for (key, row) in keys.iter().zip(rows) {
            if let Some(bytes) = row.bytes {
                let (_, event): (_, Event) = self.engine.vault.open(key, &bytes)?;
                stored.insert(event.key, event);
            }
        }
        Ok(stored)
    }

    fn target(&self, event: &Event) -> Option<EventKey> {
        let event_type = self.active.pack.events.get(&event.kind)?;
        apply::retraction_target(&self.active.pack, event_type, event)
    }

    fn too_old_to_retract(&self, event: &Event, stored: &HashMap<EventKey, Event>) -> bool {
        let target = self.target(event).and_then(|target| stored.get(&target));
        match (target, self.records.get(event.subject)) {
            (Some(target), Some(record)) => apply::beyond_horizon(&self.active.pack, record, target.time),
            _ => false,
        }
    }

    /// Applies messages until none is left for this shard.
    fn waves(&mut self, mut sent: Vec<Sent>) -> Result<(), PipelineError> {
        for wave in 0.. {
            let (here, away): (Vec<_>, Vec<_>) =
                sent.into_iter().partition(|(to, _)| self.engine.shard(*to) == self.shard);
            self.outbox.extend(away);
            if here.is_empty() && self.touched.is_empty() {
                return Ok(());
            }
            if wave == self.engine.limits.waves {
                self.outbox.extend(here);
                return Ok(());
            }
            self.records.load(here.iter().map(|(to, _)| *to))?;
            for (to, share) in here {
                // A share about somebody who was forgotten ends here.
                if self.records.is_forgotten(to) {
                    continue;
                }
                if let Some(record) = self.records.get_mut(to) {
                    let touch = self.touched.entry(to).or_default();
                    apply::apply_share(record, touch, to, share);
                }
            }
            sent = self.derive();
        }
        Ok(())
    }

    fn derive(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        for (citizen, touch) in std::mem::take(&mut self.touched) {
            let Some(record) = self.records.get_mut(citizen).filter(|_| !touch.is_empty()) else { continue };
            self.changed.insert(citizen);
            let (owed, judge) = share::derive(&self.active.pack, citizen, record, touch);
            sent.extend(owed);
            self.judge.entry(citizen).or_default().extend(judge);
        }
        sent
    }

    fn write_events(&mut self, commit: &mut Commit) -> Result<(), PipelineError> {
        let mut events = Vec::with_capacity(self.events.len());
        for event in std::mem::take(&mut self.events) {
            events.push((event, self.records.sealer(event.subject)?));
        }
        commit.writes.extend(in_halves(events, |(event, sealer)| {
            let key = RowKey::of(Table::Event, event.subject, &event.key.0);
            let bytes = seal(&sealer, &key, event)?;
            Ok((key, Some(bytes)))
        })?);
        Ok(())
    }

    /// Judges, schedules and seals everything that changed into the commit.
    fn finish(
        mut self,
        commit: &mut Commit,
        tally: &mut Tally,
    ) -> Result<Vec<(CitizenId, OpportunityId)>, PipelineError> {
        let pack_ = &self.active.pack;
        let mut records = self.records.all_mut();
        let judged = judge::judge(self.active, &mut records, &self.judge, tally)?;
        for citizen in &self.changed {
            if let Some(record) = records.get_mut(citizen) {
                apply::prune(pack_, record);
                judge::schedule(pack_, *citizen, record);
            }
        }
        let (mut opened, mut decisions) = (Vec::new(), Vec::new());
        for (citizen, result) in judged {
            opened.extend(result.opened.into_iter().map(|opportunity| (citizen, opportunity)));
            let sealer = self.records.sealer(citizen)?;
            decisions
                .extend(result.decisions.into_iter().map(|decision| (citizen, sealer.clone(), decision)));
        }
        commit.writes.extend(in_halves(decisions, |(citizen, sealer, (occurrence, decision))| {
            decision_row(&sealer, citizen, occurrence, decision.as_ref())
        })?);
        self.records.write(std::mem::take(&mut self.changed), commit)?;
        self.write_outbox(commit)?;
        self.engine.vault.ring().sync()?;
        commit.pack_epoch = Some(self.active.epoch);
        self.records.let_go();
        Ok(opened)
    }

    fn write_outbox(&mut self, commit: &mut Commit) -> Result<(), PipelineError> {
        for sent in std::mem::take(&mut self.outbox) {
            let plain = pack(&sent)?;
            let id = TaskId::of("share", &[&sent.0.0, &plain]);
            let key = RowKey { table: Table::Outbox, key: id.0.to_vec() };
            let bytes = crate::vault::seal_bytes(&self.engine.letters, &key, plain)?;
            commit.writes.push((key, Some(bytes)));
        }
        Ok(())
    }
}

fn decision_row(
    sealer: &Sealer,
    citizen: CitizenId,
    occurrence: OccurrenceId,
    decision: Option<&Decision>,
) -> Result<(RowKey, Option<Vec<u8>>), PipelineError> {
    let key = RowKey::of(Table::Decision, citizen, &occurrence.0);
    let bytes = decision.map(|decision| seal(sealer, &key, decision)).transpose()?;
    Ok((key, bytes))
}

fn end_of(decoded: &Decoded) -> End {
    match decoded {
        Decoded::Event(_) => End::Committed,
        Decoded::Watermark { .. } => End::Ignored(Ignored::Watermark),
        Decoded::Ignored(why) => End::Ignored(*why),
        Decoded::Refused(reason) => End::DeadLetter(reason.clone()),
    }
}

fn dead(code: Refusal, place: &str) -> End {
    End::DeadLetter(Reason { code, place: Some(place.to_owned()) })
}

/// Whether two events with one key say the same; when it was recorded may differ.
fn same(one: &Event, other: &Event) -> bool {
    (one.subject, one.time, &one.kind, &one.data) == (other.subject, other.time, &other.kind, &other.data)
}

/// A share that forgets somebody, for every record that mirrors them.
pub(crate) fn forget_shares(record: &Record, me: CitizenId) -> Vec<Sent> {
    let mut to: BTreeSet<CitizenId> = record.watchers.keys().copied().collect();
    to.extend(record.shared.values().flatten());
    to.extend(record.watching.keys());
    to.into_iter().map(|other| (other, Share::Forget(me))).collect()
}
