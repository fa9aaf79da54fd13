//! Running the three loops over one log on the clock of its events, in one thread: for demonstrations, catching
//! up, tests and replays. Cuts depend on the events' times alone, so a run gives the same result every time,
//! whatever the size of its batches.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::Days;
use rayon::prelude::*;
use thiserror::Error;
use tidings_domain::event::Arrival;
use tidings_domain::source::{Batch, EventSource, SourceError};
use tidings_domain::store::{Commit, RowKey, Shard};
use tidings_domain::time::{LeaseTime, Timestamp};
use tidings_rules::pack::model::Pack;

use crate::decode::Decoded;
use crate::dispatch::Dispatched;
use crate::engine::{Engine, PipelineError, pack};
use crate::ingest::{Incoming, Ingested};
use crate::plan::Planned;
use crate::policy;
use crate::records::WORTH_A_THREAD;
use crate::remind::Reminded;
use crate::view::date;

/// The row that keeps the next waking of a run over a log.
const WAKE: &str = "log-wake";

/// What a run tells whoever watches it.
pub trait Watcher {
    /// A batch has been read and decoded.
    fn read(&mut self, batch: &[Incoming]);
    /// A batch is durable.
    fn ingested(&mut self, batch: &[Incoming], report: &Ingested);
    /// Milestones and absences have come about.
    fn came_about(&mut self, report: &Ingested);
    /// A planning step is durable.
    fn planned(&mut self, now: Timestamp, report: &Planned);
    /// Reminders were looked at.
    fn reminded(&mut self, report: &Reminded);
    /// Messages went out.
    fn dispatched(&mut self, report: &Dispatched);
}

/// How many commits' events a loop asks of its source at once: while one commit is written, the records of the
/// next are read ahead. A run over a log cuts at its wakings, and gains nothing by it.
pub const COMMITS_AT_ONCE: usize = 4;

/// How a log is run.
#[derive(Clone, Copy, Debug)]
pub struct LogOptions {
    /// Most events asked of the source at once.
    pub batch: usize,
    /// How often, in business time, plans and deliveries are made: this many times a day, the first at the
    /// beginning of the sociable hours.
    pub wakes_a_day: u32,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { batch: 2_000, wakes_a_day: 1 }
    }
}

/// What ended a run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The engine.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
}

/// A run over one log.
pub struct LogRun<'a> {
    engine: &'a Engine,
    options: LogOptions,
    clock: Timestamp,
    wake: Option<Timestamp>,
    leases: LeaseTime,
}

impl<'a> LogRun<'a> {
    /// A run that goes on where an earlier one over the same store stopped, or died.
    pub fn new(engine: &'a Engine, options: LogOptions) -> Result<Self, PipelineError> {
        let wake = engine.plain(Shard(0), &RowKey::meta(WAKE))?;
        // What died after its last event still has to settle, though no event comes any more.
        Ok(Self { engine, options, clock: engine.latest_watermark(), wake, leases: LeaseTime(0) })
    }

    /// Business time: the latest recording seen.
    pub const fn clock(&self) -> Timestamp {
        self.clock
    }

    /// Runs until the source ends or `stop` is set, then settles what is due.
    pub fn run(
        &mut self,
        source: &mut dyn EventSource,
        watcher: &mut dyn Watcher,
        stop: &AtomicBool,
    ) -> Result<(), RunError> {
        while !stop.load(Ordering::Relaxed) {
            match source.next_batch(self.options.batch, Duration::from_millis(200))? {
                Batch::Quiet => {}
                Batch::End => break,
                Batch::Events(arrivals) => {
                    let incoming = decode_all(self.engine, arrivals);
                    watcher.read(&incoming);
                    let ends = self.feed(&incoming, watcher)?;
                    source.ack(&ends)?;
                }
            }
        }
        if self.clock > Timestamp::MIN {
            let pack = &self.engine.active().pack;
            self.settle(policy::next_sociable(pack, self.clock, true), watcher)?;
        }
        Ok(())
    }

    /// Applies decoded events, planning and sending whenever business time passes a waking.
    pub fn feed(
        &mut self,
        incoming: &[Incoming],
        watcher: &mut dyn Watcher,
    ) -> Result<Vec<tidings_domain::event::End>, PipelineError> {
        let mut ends = Vec::with_capacity(incoming.len());
        let mut start = 0;
        for (place, one) in incoming.iter().enumerate() {
            let Decoded::Event(event) = &one.decoded else { continue };
            if self.wake.is_some_and(|wake| event.recorded >= wake) {
                ends.extend(self.ingest(&incoming[start..place], watcher)?);
                start = place;
                while let Some(wake) = self.wake.filter(|wake| event.recorded >= *wake) {
                    self.settle(wake, watcher)?;
                    self.set_wake(wake)?;
                }
            }
            self.clock = self.clock.max(event.recorded);
            if self.wake.is_none() {
                self.set_wake(event.recorded)?;
            }
        }
        ends.extend(self.ingest(&incoming[start..], watcher)?);
        Ok(ends)
    }

    /// Wakings stand on a grid of the day and the next one is kept in the store, so that a run that dies before
    /// a waking is over wakes at the same moment again.
    fn set_wake(&mut self, after: Timestamp) -> Result<(), PipelineError> {
        let wake = next_wake(&self.engine.active().pack, after, self.options.wakes_a_day);
        let row = (RowKey::meta(WAKE), Some(pack(&wake)?));
        self.engine.store.commit(Shard(0), &Commit { writes: vec![row], ..Commit::default() })?;
        self.wake = Some(wake);
        Ok(())
    }

    fn ingest(
        &self,
        incoming: &[Incoming],
        watcher: &mut dyn Watcher,
    ) -> Result<Vec<tidings_domain::event::End>, PipelineError> {
        if incoming.is_empty() {
            return Ok(Vec::new());
        }
        let report = self.engine.ingest(incoming)?;
        watcher.ingested(incoming, &report);
        Ok(report.ends)
    }

    /// Reminds, plans and sends everything that is due at `now`.
    pub fn settle(&mut self, now: Timestamp, watcher: &mut dyn Watcher) -> Result<(), PipelineError> {
        // Every settling is later than any lease of the one before.
        self.leases = self.leases + self.engine.limits.holds + Duration::from_millis(1);
        // The log holds what every source recorded, in that order: nothing earlier is still to come.
        self.engine.all_complete(now);
        watcher.came_about(&self.engine.keep_time(now, self.leases)?);
        watcher.reminded(&self.engine.remind(now, self.leases)?);
        watcher.planned(now, &self.engine.plan(now, self.leases)?);
        watcher.dispatched(&self.engine.dispatch(now, self.leases)?);
        Ok(())
    }
}

/// The next waking after a moment.
fn next_wake(pack: &Pack, after: Timestamp, wakes_a_day: u32) -> Timestamp {
    let day = date(pack, after);
    let (from, _) = pack.sociable_hours;
    let step = 24 * 3600 / wakes_a_day.clamp(1, 24);
    let first = policy::start_of(pack, day) + Duration::from_secs(u64::from(from) * 3600);
    let today = (0..wakes_a_day).map(|n| first + Duration::from_secs(u64::from(n * step)));
    let tomorrow = policy::start_of(pack, day + Days::new(1)) + Duration::from_secs(u64::from(from) * 3600);
    // Wakings late in the day fall outside the sociable hours: what is due then waits for the first of the next.
    today.filter(|wake| policy::is_sociable(pack, *wake)).find(|wake| *wake > after).unwrap_or(tomorrow)
}

/// Decodes a batch, on several threads when it is worth it.
pub fn decode_all(engine: &Engine, arrivals: Vec<Arrival>) -> Vec<Incoming> {
    let active = engine.active();
    let arrivals = arrivals.into_par_iter().with_min_len(WORTH_A_THREAD);
    arrivals.map(|arrival| engine.decode(&active, arrival)).collect()
}
