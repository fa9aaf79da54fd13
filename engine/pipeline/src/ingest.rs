//! The ingest loop's step: a batch of events becomes facts and opportunities, in one durable commit a shard.
//!
//! Events of one batch that depend on each other run in waves: an event changes its subject's record; what that
//! record then owes to others is applied to theirs in the next wave. Within a wave, the citizens of a batch are
//! worked on in lanes, side by side. Records only ever merge, so the number of waves and of lanes, and how events
//! are cut into batches, leave no trace in the end state.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;
use tidings_domain::event::{Arrival, End, Event, Ignored, Position, Reason};
use tidings_domain::ids::{CitizenId, OpportunityId, TaskId};
use tidings_domain::record::{Record, Share};
use tidings_domain::store::{Commit, LeaseToken, RowKey, Shard, StoreError, Table};
use tidings_domain::time::Timestamp;

use crate::apply::{self, Sent};
use crate::clock::Step;
use crate::decode::{Decoded, decode};
use crate::engine::{Engine, PipelineError, pack};
use crate::judge::{ActivePack, Tally};
use crate::lane::{Finished, Lane, lane_of};
use crate::records::WORTH_A_THREAD;
use crate::vault::{seal, seal_bytes};

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

impl Ingested {
    fn note(&mut self, done: Finished) {
        self.tally.add(&done.tally);
        self.opened.extend(done.opened);
    }
}

/// What one shard commits at once.
struct Cut<'b> {
    shard: Shard,
    /// The place of the stretch in the batch.
    first: usize,
    stretch: &'b [Incoming],
    /// Those of the stretch that are this shard's.
    places: Vec<usize>,
    positions: Vec<Position>,
    /// How far each source has shown itself complete by the end of the stretch, from the batch's beginning: an
    /// earlier stretch may have seen more than this one.
    marks: BTreeMap<String, Timestamp>,
}

/// A cut at work.
struct BatchWork<'a> {
    engine: &'a Engine,
    shard: Shard,
    active: Arc<ActivePack>,
    lanes: Vec<Lane<'a>>,
    outbox: Vec<Sent>,
}

impl Engine {
    /// Decodes an arrival under the active pack. Pure, so that it can run ahead on another thread.
    pub fn decode(&self, active: &ActivePack, arrival: Arrival) -> Incoming {
        let decoded = decode(&active.pack, &self.people, &arrival);
        let refused = matches!(decoded, Decoded::Refused(_)).then(|| arrival.bytes.reveal().clone());
        Incoming { decoded, position: Some(arrival.position), refused }
    }

    /// Applies a batch, cut into commits. Returns once everything is durable.
    pub fn ingest(&self, batch: &[Incoming]) -> Result<Ingested, PipelineError> {
        let mut report = Ingested { ends: vec![End::Committed; batch.len()], ..Ingested::default() };
        let cuts = self.cuts(batch);
        let mut ahead = None;
        for (place, cut) in cuts.iter().enumerate() {
            ahead = self.ingest_cut(cut, ahead, cuts.get(place + 1), &mut report)?;
        }
        self.advance_watermarks(batch);
        self.count_traffic(batch, &report.ends)?;
        self.drain_outbox(&mut report)?;
        Ok(report)
    }

    /// Cuts a batch into commits, in its order; every shard commits every stretch of it, if only its positions.
    fn cuts<'b>(&self, batch: &'b [Incoming]) -> Vec<Cut<'b>> {
        let mut cuts = Vec::new();
        let stretches = batch.chunks(self.limits.commit.max(1));
        for (number, stretch) in stretches.enumerate() {
            let first = number * self.limits.commit.max(1);
            let (positions, marks) = (highest(stretch), seen(&batch[..first + stretch.len()]));
            let mut places: BTreeMap<Shard, Vec<usize>> =
                self.shards().map(|shard| (shard, Vec::new())).collect();
            for (place, incoming) in stretch.iter().enumerate() {
                let shard = match &incoming.decoded {
                    Decoded::Event(event) => self.shard(event.subject),
                    _ => Shard(0),
                };
                places.entry(shard).or_default().push(place);
            }
            cuts.extend(places.into_iter().map(|(shard, places)| Cut {
                shard,
                first,
                stretch,
                places,
                positions: positions.clone(),
                marks: marks.clone(),
            }));
        }
        cuts
    }

    /// Commits one cut. While it goes to the disk, the records of the next are read and opened: these are
    /// returned.
    fn ingest_cut<'b>(
        &'b self,
        cut: &Cut<'b>,
        mut ahead: Option<BatchWork<'b>>,
        next: Option<&Cut<'b>>,
        report: &mut Ingested,
    ) -> Result<Option<BatchWork<'b>>, PipelineError> {
        for _ in 0..self.limits.conflicts {
            let mut work = ahead.take().unwrap_or_else(|| BatchWork::new(self, cut.shard, cut.places.len()));
            let ends = work.take(cut.stretch, &cut.places)?;
            let mut commit = Commit { positions: cut.positions.clone(), ..Commit::default() };
            self.write_letters(cut, &ends, &mut commit)?;
            self.write_watermarks(cut, &mut commit)?;
            let done = work.finish(commit)?;
            let mut following = None;
            let committed = rayon::in_place_scope(|scope| {
                scope.spawn(|_| following = next.and_then(|next| self.read_ahead(next, &done)));
                self.store.commit(cut.shard, &done.commit)
            });
            match committed {
                Ok(()) => {
                    for (place, end) in cut.places.iter().zip(ends) {
                        report.ends[cut.first + place] = end;
                    }
                    report.note(done);
                    return Ok(following);
                }
                Err(StoreError::Conflict | StoreError::StalePack { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Reads and opens the records that a cut will need, but for those that the commit under way changes. What
    /// somebody else changes meanwhile is a conflict when the cut is committed, as always. A failure here is
    /// found again by whoever then reads the record.
    fn read_ahead<'b>(&'b self, cut: &Cut<'b>, under_way: &Finished) -> Option<BatchWork<'b>> {
        let mut work = BatchWork::new(self, cut.shard, cut.places.len());
        let events = || {
            cut.places.iter().filter_map(|place| match &cut.stretch[*place].decoded {
                Decoded::Event(event) => Some(&**event),
                _ => None,
            })
        };
        let theirs = |who: &CitizenId| self.shard(*who) == cut.shard && !under_way.changed.contains(who);
        work.load(events().flat_map(Event::people).filter(theirs)).ok()?;
        let parts = work.sort(events().map(|event| (event.subject, event)));
        let concerned = work.each(parts, |lane, events| Ok(lane.concerned(&events))).ok()?;
        work.load(concerned.into_iter().flatten().filter(theirs)).ok()?;
        Some(work)
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
            let mut work = BatchWork::new(self, shard, shares.len() + rejudge.len());
            work.rejudge(rejudge)?;
            work.waves(shares.to_vec())?;
            let done = work.finish(Commit::default())?;
            match self.store.commit(shard, &done.commit) {
                Ok(()) => {
                    report.note(done);
                    return Ok(());
                }
                Err(StoreError::Conflict | StoreError::StalePack { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Lets what is due by the clock come about for the citizens whose timers were leased, in one commit.
    pub(crate) fn look(
        &self,
        shard: Shard,
        (citizens, leases): (&[CitizenId], Vec<LeaseToken>),
        step: &Step<'_>,
        report: &mut Ingested,
    ) -> Result<(), PipelineError> {
        let mut work = BatchWork::new(self, shard, citizens.len());
        work.look(citizens, step)?;
        work.waves(Vec::new())?;
        // A timer that the record no longer knows of goes; one that it has moved is written anew after this.
        let stale = leases.iter().map(|lease| (lease.task.clone(), None)).collect();
        let done = work.finish(Commit { leases, writes: stale, ..Commit::default() })?;
        self.store.commit(shard, &done.commit)?;
        report.note(done);
        Ok(())
    }

    fn write_letters(&self, cut: &Cut<'_>, ends: &[End], commit: &mut Commit) -> Result<(), PipelineError> {
        for (place, end) in cut.places.iter().zip(ends) {
            let End::DeadLetter(reason) = end else { continue };
            let incoming = &cut.stretch[*place];
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

    fn write_watermarks(&self, cut: &Cut<'_>, commit: &mut Commit) -> Result<(), PipelineError> {
        for (source, time) in &cut.marks {
            let time = self.watermark(source).max(*time);
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

/// Most lanes of a batch: with more, each has too little to do.
const MOST_LANES: usize = 8;

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
    /// Work on so many things; one lane when more are not worth it.
    fn new(engine: &'a Engine, shard: Shard, size: usize) -> Self {
        let active = engine.active();
        let lanes = if size < WORTH_A_THREAD { 1 } else { rayon::current_num_threads().clamp(1, MOST_LANES) };
        let lanes = (0..lanes).map(|_| Lane::new(engine, Arc::clone(&active), shard)).collect();
        Self { engine, shard, active, lanes, outbox: Vec::new() }
    }

    /// Sorts things into the lanes of their citizens; the order within a lane stays.
    fn sort<T>(&self, things: impl IntoIterator<Item = (CitizenId, T)>) -> Vec<Vec<T>> {
        let mut sorted: Vec<Vec<T>> = self.lanes.iter().map(|_| Vec::new()).collect();
        for (citizen, thing) in things {
            if let Some(lane) = sorted.get_mut(lane_of(citizen, self.lanes.len())) {
                lane.push(thing);
            }
        }
        sorted
    }

    /// Lets every lane work on its part, side by side.
    fn each<T: Send, U: Send>(
        &mut self,
        parts: Vec<T>,
        work: impl Fn(&mut Lane<'a>, T) -> Result<U, PipelineError> + Sync,
    ) -> Result<Vec<U>, PipelineError> {
        match self.lanes.as_mut_slice() {
            [lane] => parts.into_iter().map(|part| work(lane, part)).collect(),
            lanes => lanes.par_iter_mut().zip(parts).map(|(lane, part)| work(lane, part)).collect(),
        }
    }

    fn load(&mut self, citizens: impl Iterator<Item = CitizenId>) -> Result<(), PipelineError> {
        let parts = self.sort(citizens.map(|citizen| (citizen, citizen)));
        self.each(parts, |lane, part| lane.load(&part))?;
        Ok(())
    }

    fn rejudge(&mut self, citizens: &[CitizenId]) -> Result<(), PipelineError> {
        let parts = self.sort(citizens.iter().map(|citizen| (*citizen, *citizen)));
        self.each(parts, |lane, part| lane.rejudge(&part))?;
        Ok(())
    }

    fn look(&mut self, citizens: &[CitizenId], step: &Step<'_>) -> Result<(), PipelineError> {
        let parts = self.sort(citizens.iter().map(|citizen| (*citizen, *citizen)));
        self.each(parts, |lane, part| lane.look(&part, step))?;
        Ok(())
    }

    /// Applies the events of the batch; returns what became of each.
    fn take(&mut self, batch: &'a [Incoming], places: &[usize]) -> Result<Vec<End>, PipelineError> {
        let mut ends = Vec::with_capacity(places.len());
        let mut events = Vec::with_capacity(places.len());
        for (at, place) in places.iter().enumerate() {
            let decoded = &batch[*place].decoded;
            ends.push(end_of(decoded));
            if let Decoded::Event(event) = decoded {
                events.push((event.subject, (at, &**event)));
            }
        }
        let parts = self.sort(events);
        let taken = self.each(parts, |lane, part| {
            let (at, events): (Vec<usize>, Vec<&Event>) = part.into_iter().unzip();
            let (ends, sent) = lane.take(&events)?;
            Ok((at.into_iter().zip(ends).collect::<Vec<_>>(), sent))
        })?;
        let mut first = Vec::new();
        for (part, sent) in taken {
            for (at, end) in part {
                ends[at] = end;
            }
            first.extend(sent);
        }
        self.waves(first)?;
        Ok(ends)
    }

    /// Applies messages until none is left for this shard.
    fn waves(&mut self, mut sent: Vec<Sent>) -> Result<(), PipelineError> {
        for wave in 0.. {
            let (here, away): (Vec<_>, Vec<_>) =
                sent.into_iter().partition(|(to, _)| self.engine.shard(*to) == self.shard);
            self.outbox.extend(away);
            if here.is_empty() && !self.lanes.iter().any(Lane::is_touched) {
                return Ok(());
            }
            if wave == self.engine.limits.waves {
                self.outbox.extend(here);
                return Ok(());
            }
            let parts = self.sort(here.into_iter().map(|(to, share)| (to, (to, share))));
            sent = self.each(parts, Lane::wave)?.into_iter().flatten().collect();
        }
        Ok(())
    }

    /// Judges, schedules and seals everything that changed into the commit.
    fn finish(mut self, commit: Commit) -> Result<Finished, PipelineError> {
        let parts = |lanes: &[Lane<'_>]| lanes.iter().map(|_| ()).collect();
        self.each(parts(&self.lanes), |lane, ()| lane.make_keys())?;
        // New keys go to the disk while the rows are sealed; the commit comes after both.
        let (ring, mut sealed) = (self.engine.vault.ring(), None);
        rayon::in_place_scope(|scope| {
            scope.spawn(|_| sealed = Some(self.each(parts(&self.lanes), |lane, ()| lane.finish())));
            ring.sync()
        })?;
        let mut all = Finished { commit, ..Finished::default() };
        for done in sealed.transpose()?.into_iter().flatten() {
            all.add(done);
        }
        self.write_outbox(&mut all.commit)?;
        all.commit.pack_epoch = Some(self.active.epoch);
        self.lanes.into_iter().for_each(Lane::let_go);
        Ok(all)
    }

    fn write_outbox(&mut self, commit: &mut Commit) -> Result<(), PipelineError> {
        for sent in std::mem::take(&mut self.outbox) {
            let plain = pack(&sent)?;
            let id = TaskId::of("share", &[&sent.0.0, &plain]);
            let key = RowKey { table: Table::Outbox, key: id.0.to_vec() };
            let bytes = seal_bytes(&self.engine.letters, &key, &plain)?;
            commit.writes.push((key, Some(bytes)));
        }
        Ok(())
    }
}

fn end_of(decoded: &Decoded) -> End {
    match decoded {
        Decoded::Event(_) => End::Committed,
        Decoded::Watermark { .. } => End::Ignored(Ignored::Watermark),
        Decoded::Ignored(why) => End::Ignored(*why),
        Decoded::Refused(reason) => End::DeadLetter(reason.clone()),
    }
}

/// A share that forgets somebody, for every record that mirrors them.
pub(crate) fn forget_shares(record: &Record, me: CitizenId) -> Vec<Sent> {
    let mut to: BTreeSet<CitizenId> = record.watchers.keys().copied().collect();
    to.extend(record.shared.values().flatten());
    to.extend(record.watching.keys());
    to.into_iter().map(|other| (other, Share::Forget(me))).collect()
}
