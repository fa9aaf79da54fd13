//! Decisions that a change of law reaches back to: what the rules answered by what was known then, beside what they
//! answer now.

use std::collections::{BTreeMap, BTreeSet};

use tidings_domain::ids::{CitizenId, OccurrenceId, OpportunityId};
use tidings_domain::record::{Answer, Record};
use tidings_domain::store::{RowKey, Table};
use tidings_rules::Pack;

use crate::engine::{Engine, PipelineError};
use crate::judge::ActivePack;
use crate::past::judged_afresh;
use crate::view::{Reader, date};

/// A decision that would be another one today.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Reopened {
    /// For whom.
    pub citizen: String,
    /// The decision's key, for `explain`.
    pub decision: String,
    /// The rule.
    pub rule: String,
    /// The day of the occurrence.
    pub occurred: String,
    /// The answer by what was known: `yes`, `no` or `unknown`.
    pub was: &'static str,
    /// The answer now.
    pub is: &'static str,
    /// Whether the person has been told of it.
    pub told: bool,
}

impl Engine {
    /// Every decision that comes out otherwise under the pack in force than under `before`, the same law as it was known
    /// earlier. Changes nothing.
    pub fn reopen(&self, before: Pack, mut visit: impl FnMut(Reopened)) -> Result<u64, PipelineError> {
        let now = self.active();
        let before = ActivePack { pack: before, epoch: now.epoch, since: now.since.clone() };
        let mut looked = 0;
        for shard in self.shards() {
            self.each_row(shard, Table::Citizen, &[], |key, bytes| {
                let row = RowKey { table: Table::Citizen, key: key.to_vec() };
                let (_, record): (_, Record) = self.vault.open(&row, bytes)?;
                let Ok(id) = key.try_into() else { return Ok(()) };
                looked += 1;
                compare(CitizenId(id), &record, (&before, &now), &mut visit)
            })?;
        }
        Ok(looked)
    }
}

fn compare(
    citizen: CitizenId,
    record: &Record,
    (before, now): (&ActivePack, &ActivePack),
    visit: &mut impl FnMut(Reopened),
) -> Result<(), PipelineError> {
    if record.occurrences.is_empty() {
        return Ok(());
    }
    let (was, is) = (answers(citizen, record, before)?, answers(citizen, record, now)?);
    let ids: BTreeSet<&OpportunityId> = was.keys().chain(is.keys()).collect();
    for id in ids {
        let (one, other) = (was.get(id), is.get(id));
        let word =
            |found: Option<&(OccurrenceId, String, &'static str)>| found.map_or("no", |(_, _, word)| *word);
        if word(one) == word(other) {
            continue;
        }
        let Some((occurrence, rule, _)) = other.or(one) else { continue };
        let reader = Reader { pack: &now.pack, me: citizen, record };
        let folded = record.occurrences.get(occurrence).and_then(|occurrence| reader.folded(occurrence));
        visit(Reopened {
            citizen: citizen.to_string(),
            decision: format!("{citizen}-{occurrence}"),
            rule: rule.clone(),
            occurred: folded.map(|folded| date(&now.pack, folded.time).to_string()).unwrap_or_default(),
            was: word(one),
            is: word(other),
            told: record.opportunities.get(id).is_some_and(|known| !known.told.is_empty()),
        });
    }
    Ok(())
}

/// What the rules of a pack answer about everything that happened to a citizen: yes or unknown.
fn answers(
    citizen: CitizenId,
    record: &Record,
    active: &ActivePack,
) -> Result<BTreeMap<OpportunityId, (OccurrenceId, String, &'static str)>, PipelineError> {
    let fresh = judged_afresh(citizen, record, active)?;
    let found = fresh.opportunities.into_iter().filter_map(|(id, opportunity)| {
        let word = match opportunity.answer {
            Answer::Yes => "yes",
            Answer::Unknown { .. } => "unknown",
            Answer::Withdrawn => return None,
        };
        Some((id, (opportunity.occurrence, opportunity.rule.to_string(), word)))
    });
    Ok(found.collect())
}
