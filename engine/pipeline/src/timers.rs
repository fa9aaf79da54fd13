//! Letting what is due by the clock come about: milestones and absences, without any new traffic.

use std::collections::BTreeMap;

use tidings_domain::ids::CitizenId;
use tidings_domain::message::{Queue, Task};
use tidings_domain::store::{Commit, Lease, RowKey, Shard, Table};
use tidings_domain::time::{LeaseTime, Timestamp};
use tidings_rules::pack::model::{LifeEvent, Pack, Trigger};

use crate::clock::Step;
use crate::engine::{Engine, PipelineError, pack as packed, unpack};
use crate::ingest::Ingested;

/// The row that keeps up to when timers have been kept.
const KEPT: &str = "clock-kept";

/// Up to when timers have been kept, and what was complete then. A run over a log takes every source for complete, which
/// no event says: without this, a replay could not let the same absences come about.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Kept {
    pub(crate) until: Timestamp,
    pub(crate) watermarks: BTreeMap<String, Timestamp>,
}

impl Engine {
    /// Lets every milestone and absence come about that is due at `now`.
    pub fn keep_time(&self, now: Timestamp, clock: LeaseTime) -> Result<Ingested, PipelineError> {
        let mut report = Ingested::default();
        let active = self.active();
        let complete = |life_event: &LifeEvent| self.complete_until(&active.pack, life_event, now);
        let step = Step { now, complete: &complete };
        let mut looked = false;
        self.each_due(Queue::Clock, now, clock, |shard, leases| {
            looked = true;
            self.try_look(shard, leases, &step, &mut report)
        })?;
        self.drain_outbox(&mut report)?;
        if looked {
            let kept = Kept { until: now, watermarks: self.all_watermarks() };
            let row = (RowKey::meta(KEPT), Some(packed(&kept)?));
            self.store.commit(Shard(0), &Commit { writes: vec![row], ..Commit::default() })?;
        }
        Ok(report)
    }

    fn try_look(
        &self,
        shard: Shard,
        leases: &[Lease],
        step: &Step<'_>,
        report: &mut Ingested,
    ) -> Result<(), PipelineError> {
        let tasks: Vec<Task> =
            leases.iter().map(|lease| unpack(&lease.task, Table::Task)).collect::<Result<_, _>>()?;
        let citizens: Vec<CitizenId> = tasks.iter().map(|task| task.citizen).collect();
        let tokens = leases.iter().map(|lease| lease.token.clone()).collect();
        self.look(shard, (&citizens, tokens), step, report)
    }

    /// Up to when timers have been kept, if any was.
    pub(crate) fn kept_time(&self) -> Result<Option<Kept>, PipelineError> {
        self.plain(Shard(0), &RowKey::meta(KEPT))
    }

    /// Up to when every source is complete that may report a life event. What the clock itself brings is complete up
    /// to now.
    fn complete_until(&self, pack: &Pack, life_event: &LifeEvent, now: Timestamp) -> Timestamp {
        if !matches!(life_event.trigger, Trigger::Events) {
            return now;
        }
        let marks = self.slowest_sources(pack, life_event).into_iter();
        let complete = |(source, mark): (String, Timestamp)| {
            let loud = self.loud_until(&source).is_some_and(|until| now < until);
            if loud { Timestamp::MIN } else { mark }
        };
        marks.map(complete).min().unwrap_or(now)
    }

    /// The sources that may report a life event, with their watermarks.
    pub fn slowest_sources(&self, pack: &Pack, life_event: &LifeEvent) -> BTreeMap<String, Timestamp> {
        let Some((place, _)) = pack.life_event(&life_event.name) else { return BTreeMap::new() };
        let types = pack.events.values().filter(|event| event.life_events.contains(&place));
        let sources = types
            .flat_map(|event| pack.sources.values().filter(|source| source.events.contains(&event.name)));
        sources.map(|source| (source.name.clone(), self.watermark(&source.name))).collect()
    }
}
