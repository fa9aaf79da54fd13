//! Replay: the sealed events of a store, run again into an empty one, must give the same opportunities.

use std::collections::{BTreeMap, HashSet};

use tidings_domain::event::Event;
use tidings_domain::ids::{CitizenId, EventKey, OpportunityId};
use tidings_domain::record::{Answer, Record};
use tidings_domain::store::{RowKey, Table};
use tidings_domain::time::LeaseTime;

use crate::decode::Decoded;
use crate::engine::{Engine, PipelineError};
use crate::ingest::Incoming;

/// Events applied at once.
const BATCH: usize = 4_096;
/// Differences kept; more are only counted.
const KEPT: usize = 1_000;

/// One opportunity that came out differently.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// For whom.
    pub citizen: String,
    /// Which.
    pub opportunity: String,
    /// The rule, by root key.
    pub rule: String,
    /// What the store says.
    pub stored: Option<String>,
    /// What the replay says.
    pub replayed: Option<String>,
}

/// What a replay found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Replayed {
    /// Events run again.
    pub events: u64,
    /// Citizens compared.
    pub citizens: u64,
    /// Opportunities that are equal.
    pub equal: u64,
    /// Opportunities that cannot be had again: what decided them came from an event about somebody who has been
    /// forgotten since.
    pub forgotten: u64,
    /// Opportunities that differ.
    pub different: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
}

impl Engine {
    /// Runs this store's events again into `target`, an engine over an empty store, and compares. Since when
    /// each rule has been known is taken over.
    pub fn replay(&self, target: &Self, mut progress: impl FnMut(u64)) -> Result<Replayed, PipelineError> {
        target.adopt_since(&self.active());
        let mut found = Replayed::default();
        let mut batch = Vec::with_capacity(BATCH);
        let mut stored: HashSet<EventKey> = HashSet::new();
        for shard in self.shards() {
            self.each_row(shard, Table::Event, &[], |key, bytes| {
                let row = RowKey { table: Table::Event, key: key.to_vec() };
                let (_, event): (_, Event) = self.vault.open(&row, bytes)?;
                stored.insert(event.key);
                batch.push(Incoming {
                    decoded: Decoded::Event(Box::new(event)),
                    position: None,
                    refused: None,
                });
                if batch.len() == BATCH {
                    found.events += BATCH as u64;
                    target.ingest(&std::mem::take(&mut batch))?;
                    progress(found.events);
                }
                Ok(())
            })?;
        }
        found.events += batch.len() as u64;
        target.ingest(&batch)?;
        progress(found.events);
        if let Some(kept) = self.kept_time()? {
            target.adopt_watermarks(kept.watermarks);
            target.keep_time(kept.until, LeaseTime(0))?;
        }
        self.compare(target, &stored, &mut found)?;
        Ok(found)
    }

    fn compare(
        &self,
        target: &Self,
        stored: &HashSet<EventKey>,
        found: &mut Replayed,
    ) -> Result<(), PipelineError> {
        for shard in self.shards() {
            self.each_row(shard, Table::Citizen, &[], |key, bytes| {
                let row = RowKey { table: Table::Citizen, key: key.to_vec() };
                let (_, record): (_, Record) = self.vault.open(&row, bytes)?;
                let Ok(id) = key.try_into() else { return Ok(()) };
                let citizen = CitizenId(id);
                let again = target.record(citizen)?.record;
                let whole = record.facts.events().iter().all(|event| stored.contains(event));
                found.compare(citizen, (&record, whole), &again);
                Ok(())
            })?;
        }
        Ok(())
    }
}

impl Replayed {
    fn compare(&mut self, citizen: CitizenId, (stored, whole): (&Record, bool), replayed: &Record) {
        self.citizens += 1;
        let (stored, replayed) = (open_answers(stored), open_answers(replayed));
        let mut ids: Vec<&OpportunityId> = stored.keys().chain(replayed.keys()).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let (ours, theirs) = (stored.get(id), replayed.get(id));
            if ours == theirs {
                self.equal += 1;
                continue;
            }
            if !whole {
                self.forgotten += 1;
                continue;
            }
            self.different += 1;
            if self.differences.len() < KEPT {
                self.differences.push(Difference {
                    citizen: citizen.to_string(),
                    opportunity: id.to_string(),
                    rule: ours.or(theirs).map(|(rule, _)| rule.clone()).unwrap_or_default(),
                    stored: ours.map(|(_, answer)| format!("{answer:?}")),
                    replayed: theirs.map(|(_, answer)| format!("{answer:?}")),
                });
            }
        }
    }
}

/// Opportunities that are a function of the events: those withdrawn are the history of what was told.
pub fn open_answers(record: &Record) -> BTreeMap<OpportunityId, (String, Answer)> {
    record
        .opportunities
        .iter()
        .filter(|(_, opportunity)| opportunity.answer != Answer::Withdrawn)
        .map(|(id, opportunity)| (*id, (opportunity.rule.to_string(), opportunity.answer.clone())))
        .collect()
}
