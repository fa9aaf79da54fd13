//! The lanes of a batch. Each citizen's record is in one lane alone, so lanes run side by side; between two
//! waves they hand each other what their records owe.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tidings_domain::event::{End, Event, Ignored, Reason, Refusal};
use tidings_domain::ids::{CitizenId, EventKey, ID_BYTES, OccurrenceId, OpportunityId};
use tidings_domain::message::Decision;
use tidings_domain::store::{Commit, RowKey, Shard, Table};

use crate::apply::{self, Sent, Touch};
use crate::clock::{self, Step};
use crate::engine::{Engine, PipelineError};
use crate::judge::{self, ActivePack, Tally};
use crate::records::Records;
use crate::share;
use crate::vault::{Sealer, seal};

/// The records of some citizens of one shard, at work.
pub(crate) struct Lane<'a> {
    engine: &'a Engine,
    active: Arc<ActivePack>,
    shard: Shard,
    records: Records<'a>,
    touched: BTreeMap<CitizenId, Touch>,
    changed: BTreeSet<CitizenId>,
    judge: BTreeMap<CitizenId, BTreeSet<OccurrenceId>>,
    events: Vec<&'a Event>,
}

/// What a lane adds to the batch's commit.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    /// Records read, rows written.
    pub(crate) commit: Commit,
    /// Answers of rules.
    pub(crate) tally: Tally,
    /// Opportunities that are new, with whom they are for.
    pub(crate) opened: Vec<(CitizenId, OpportunityId)>,
    /// Whose records change.
    pub(crate) changed: BTreeSet<CitizenId>,
}

impl Finished {
    /// Adds what another lane did.
    pub(crate) fn add(&mut self, other: Self) {
        self.commit.reads.extend(other.commit.reads);
        self.commit.writes.extend(other.commit.writes);
        self.tally.add(&other.tally);
        self.opened.extend(other.opened);
        self.changed.extend(other.changed);
    }
}

/// The lane of a citizen, of so many. Shards are chosen by other bytes.
pub(crate) fn lane_of(citizen: CitizenId, lanes: usize) -> usize {
    usize::from(citizen.0[ID_BYTES - 1]) % lanes.max(1)
}

impl<'a> Lane<'a> {
    pub(crate) fn new(engine: &'a Engine, active: Arc<ActivePack>, shard: Shard) -> Self {
        Self {
            engine,
            active,
            shard,
            records: Records::new(engine, shard),
            touched: BTreeMap::new(),
            changed: BTreeSet::new(),
            judge: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    /// Reads the records of these citizens that are not here yet.
    pub(crate) fn load(&mut self, citizens: &[CitizenId]) -> Result<(), PipelineError> {
        self.records.load(citizens.iter().copied())
    }

    /// Whom these events will concern, going by the records that are here.
    pub(crate) fn concerned(&self, events: &[&Event]) -> Vec<CitizenId> {
        let record = |event: &Event| Some((event.subject, self.records.get(event.subject)?));
        let of = |(me, record), event| share::concerned(&self.active.pack, me, record, event);
        events.iter().filter_map(|event| Some(of(record(event)?, event))).flatten().collect()
    }

    /// Everything about these citizens is to be judged again.
    pub(crate) fn rejudge(&mut self, citizens: &[CitizenId]) -> Result<(), PipelineError> {
        self.load(citizens)?;
        for citizen in citizens {
            self.touched.entry(*citizen).or_default().all = true;
        }
        Ok(())
    }

    /// Sorts out duplicates, forgotten people and impossible retractions, and applies the rest. Returns what
    /// became of each event, and what they owe to others.
    pub(crate) fn take(&mut self, events: &[&'a Event]) -> Result<(Vec<End>, Vec<Sent>), PipelineError> {
        self.records.load(events.iter().map(|event| event.subject))?;
        let stored = self.stored(events)?;
        let mut fresh: HashMap<(CitizenId, EventKey), &'a Event> = HashMap::new();
        let mut sent = Vec::new();
        let mut ends = Vec::with_capacity(events.len());
        for event in events {
            let key = (event.subject, event.key);
            let known = fresh.get(&key).copied().or_else(|| stored.get(&key));
            let end = if self.records.is_forgotten(event.subject) {
                End::Ignored(Ignored::Forgotten)
            } else if let Some(known) = known {
                if same(known, event) { End::Duplicate } else { dead(Refusal::ConflictingId, "id") }
            } else if self.too_old_to_retract(event, &stored) {
                dead(Refusal::TooOldToRetract, "data")
            } else {
                fresh.insert(key, event);
                self.events.push(event);
                sent.extend(self.apply(event));
                End::Committed
            };
            ends.push(end);
        }
        Ok((ends, sent))
    }

    fn apply(&mut self, event: &Event) -> Vec<Sent> {
        let Some(record) = self.records.get_mut(event.subject) else { return Vec::new() };
        self.changed.insert(event.subject);
        let touch = self.touched.entry(event.subject).or_default();
        apply::apply_event(&self.active.pack, record, touch, event)
    }

    /// The events of the batch, and the targets of its retractions, that are stored already.
    fn stored(&self, events: &[&Event]) -> Result<HashMap<(CitizenId, EventKey), Event>, PipelineError> {
        let mut keys = Vec::new();
        for event in events {
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
                stored.insert((event.subject, event.key), event);
            }
        }
        Ok(stored)
    }

    fn target(&self, event: &Event) -> Option<EventKey> {
        let event_type = self.active.pack.events.get(&event.kind)?;
        apply::retraction_target(&self.active.pack, event_type, event)
    }

    fn too_old_to_retract(&self, event: &Event, stored: &HashMap<(CitizenId, EventKey), Event>) -> bool {
        let target = self.target(event).and_then(|target| stored.get(&(event.subject, target)));
        match (target, self.records.get(event.subject)) {
            (Some(target), Some(record)) => apply::beyond_horizon(&self.active.pack, record, target.time),
            _ => false,
        }
    }

    /// Looks whether something of the clock has come about for these citizens. One whose timer was of an earlier time
    /// has nothing to do, and its task goes.
    pub(crate) fn look(&mut self, citizens: &[CitizenId], step: &Step<'_>) -> Result<(), PipelineError> {
        self.records.load(citizens.iter().copied())?;
        for citizen in citizens {
            if self.records.is_forgotten(*citizen) || !self.records.is_stored(*citizen) {
                continue;
            }
            let Some(record) = self.records.get_mut(*citizen) else { continue };
            let touch = self.touched.entry(*citizen).or_default();
            clock::settle(&self.active.pack, *citizen, record, touch, Some(step));
            touch.looked = true;
            self.changed.insert(*citizen);
        }
        Ok(())
    }

    /// Whether a record has changed since its last derivation.
    pub(crate) fn is_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    /// Applies what was sent here; returns what that makes these records owe in turn.
    pub(crate) fn wave(&mut self, sent: Vec<Sent>) -> Result<Vec<Sent>, PipelineError> {
        self.records.load(sent.iter().map(|(to, _)| *to))?;
        for (to, share) in sent {
            // A share about somebody who was forgotten ends here.
            if self.records.is_forgotten(to) {
                continue;
            }
            if let Some(record) = self.records.get_mut(to) {
                apply::apply_share(record, self.touched.entry(to).or_default(), to, share);
            }
        }
        Ok(self.derive())
    }

    fn derive(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        for (citizen, mut touch) in std::mem::take(&mut self.touched) {
            let Some(record) = self.records.get_mut(citizen).filter(|_| !touch.is_empty()) else { continue };
            self.changed.insert(citizen);
            if !touch.looked {
                clock::settle(&self.active.pack, citizen, record, &mut touch, None);
            }
            let (owed, judge) = share::derive(&self.active.pack, citizen, record, touch);
            sent.extend(owed);
            self.judge.entry(citizen).or_default().extend(judge);
        }
        sent
    }

    /// Makes a key for everyone who is new.
    pub(crate) fn make_keys(&mut self) -> Result<(), PipelineError> {
        self.changed.iter().try_for_each(|citizen| self.records.sealer(*citizen).map(drop))
    }

    /// Judges, schedules and seals everything that changed.
    pub(crate) fn finish(&mut self) -> Result<Finished, PipelineError> {
        let mut done = Finished::default();
        let mut records = self.records.all_mut();
        let judged = judge::judge(&self.active, &mut records, &self.judge, &mut done.tally)?;
        for citizen in &self.changed {
            if let Some(record) = records.get_mut(citizen) {
                apply::prune(&self.active.pack, record);
                judge::schedule(&self.active.pack, *citizen, record);
            }
        }
        for (citizen, result) in judged {
            done.opened.extend(result.opened.into_iter().map(|opportunity| (citizen, opportunity)));
            let sealer = self.records.sealer(citizen)?;
            for (occurrence, decision) in result.decisions {
                done.commit.writes.push(decision_row(&sealer, citizen, occurrence, decision.as_ref())?);
            }
        }
        for event in std::mem::take(&mut self.events) {
            let key = RowKey::of(Table::Event, event.subject, &event.key.0);
            let bytes = seal(&self.records.sealer(event.subject)?, &key, event)?;
            done.commit.writes.push((key, Some(bytes)));
        }
        done.changed = std::mem::take(&mut self.changed);
        self.records.write(done.changed.iter().copied(), &mut done.commit)?;
        Ok(done)
    }

    /// Lets the records go, while nobody waits for that.
    pub(crate) fn let_go(self) {
        self.records.let_go();
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

fn dead(code: Refusal, place: &str) -> End {
    End::DeadLetter(Reason { code, place: Some(place.to_owned()) })
}

/// Whether two events with one key say the same; when it was recorded may differ.
fn same(one: &Event, other: &Event) -> bool {
    (one.time, &one.kind, &one.data) == (other.time, &other.kind, &other.data)
}
