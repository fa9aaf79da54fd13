//! How many files were handled after people were told: what the store can say of the second measure of the
//! provincial scoring.
//!
//! The store does not see files. It sees needs end: a life event that a rule names in `until` was reported after
//! the rule had answered yes. That is the nearest, and not the same: a new job ends the need for an allowance as
//! well as an allowance does. One need counts once, however many rules told of it and however many people were
//! told, at the highest level of those rules.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidings_domain::ids::{CitizenId, OccurrenceId};
use tidings_domain::record::{Answer, Kind, Record};
use tidings_domain::store::{RowKey, Table};
use tidings_rules::catalogue::LEVELS;
use tidings_rules::pack::model::Pack;

use crate::engine::{Engine, PipelineError};
use crate::policy;
use crate::view::Reader;

/// Needs that ended, as far as the store can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// All that ended.
    pub done: u64,
    /// Those of which people had been told, by level 1, 2 and 3.
    pub told_by_level: [u64; LEVELS],
    /// Opportunities that were told of rules without `until`: whether they were acted on is not known.
    pub untraced: u64,
}

/// A need and what ended it.
type Ended = (OccurrenceId, OccurrenceId);

#[derive(Default)]
struct Count {
    /// The highest level of a rule that told of it; 0 when none did.
    ended: BTreeMap<Ended, u8>,
    untraced: u64,
}

impl Engine {
    /// Counts the needs that ended. Reads every record once.
    pub fn files(&self) -> Result<Files, PipelineError> {
        let active = self.active();
        let mut count = Count::default();
        for shard in self.shards() {
            self.each_row(shard, Table::Citizen, &[], |key, bytes| {
                let row = RowKey { table: Table::Citizen, key: key.to_vec() };
                let (_, record): (_, Record) = self.vault.open(&row, bytes)?;
                if let Ok(id) = key.try_into() {
                    count.add(&active.pack, CitizenId(id), &record);
                }
                Ok(())
            })?;
        }
        Ok(count.total())
    }
}

impl Count {
    fn add(&mut self, pack: &Pack, me: CitizenId, record: &Record) {
        let reader = Reader { pack, me, record };
        let folded = policy::fold_all(reader);
        for opportunity in record.opportunities.values().filter(|one| one.answer == Answer::Yes) {
            let Some(candidate) = policy::candidate(pack, record, &folded, opportunity) else { continue };
            let told = opportunity.told.contains_key(&Kind::First);
            if candidate.rule.until.is_empty() {
                self.untraced += u64::from(told);
                continue;
            }
            // Of several that ended it, the one that came first did.
            let ends = policy::ended_by(reader, candidate);
            let Some(end) = ends.min_by_key(|id| (folded.get(id).map(|end| end.recorded), *id)) else {
                continue;
            };
            let level = self.ended.entry((opportunity.occurrence, end)).or_default();
            // Whoever was told was told before: sending asks again whether the need has ended.
            if told {
                *level = (*level).max(candidate.rule.level);
            }
        }
    }

    fn total(self) -> Files {
        let mut files = Files { untraced: self.untraced, ..Files::default() };
        for level in self.ended.into_values() {
            files.done += 1;
            let place = usize::from(level).checked_sub(1);
            if let Some(count) = place.and_then(|place| files.told_by_level.get_mut(place)) {
                *count += 1;
            }
        }
        files
    }
}
