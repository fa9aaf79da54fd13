//! Two packs, one log: what each citizen would be told under either.

use std::collections::BTreeMap;

use tidings_domain::ids::{CitizenId, OpportunityId};
use tidings_domain::record::{Answer, Record};
use tidings_domain::store::{RowKey, Table};

use crate::engine::{Engine, PipelineError};
use crate::replay::open_answers;

/// One opportunity under one pack or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beside {
    /// For whom.
    pub citizen: CitizenId,
    /// Which.
    pub opportunity: OpportunityId,
    /// The rule, by root key.
    pub rule: String,
    /// The answer here; `None` where the rule says no, or there is none.
    pub here: Option<Answer>,
    /// The answer there.
    pub there: Option<Answer>,
}

type Answers = BTreeMap<OpportunityId, (String, Answer)>;

impl Engine {
    /// Lays the opportunities of this store beside those of another engine, which took in the same events under another
    /// pack, citizen by citizen.
    pub fn beside(&self, there: &Self, mut each: impl FnMut(Beside)) -> Result<(), PipelineError> {
        self.each_citizen(|citizen, ours| {
            pair(citizen, &ours, &open_answers(&there.record(citizen)?.record), &mut each);
            Ok(())
        })?;
        // A pack may know of people that the other has never heard of.
        there.each_citizen(|citizen, theirs| {
            if open_answers(&self.record(citizen)?.record).is_empty() {
                pair(citizen, &Answers::new(), &theirs, &mut each);
            }
            Ok(())
        })
    }

    /// Those with at least one open answer.
    fn each_citizen(
        &self,
        mut each: impl FnMut(CitizenId, Answers) -> Result<(), PipelineError>,
    ) -> Result<(), PipelineError> {
        for shard in self.shards() {
            self.each_row(shard, Table::Citizen, &[], |key, bytes| {
                let row = RowKey { table: Table::Citizen, key: key.to_vec() };
                let (_, record): (_, Record) = self.vault.open(&row, bytes)?;
                let Ok(id) = key.try_into() else { return Ok(()) };
                let answers = open_answers(&record);
                if answers.is_empty() { Ok(()) } else { each(CitizenId(id), answers) }
            })?;
        }
        Ok(())
    }
}

fn pair(citizen: CitizenId, here: &Answers, there: &Answers, each: &mut impl FnMut(Beside)) {
    let only_there = there.iter().filter(|(id, _)| !here.contains_key(id));
    for (id, (rule, _)) in here.iter().chain(only_there) {
        let answer = |of: &Answers| of.get(id).map(|(_, answer)| answer.clone());
        each(Beside {
            citizen,
            opportunity: *id,
            rule: rule.clone(),
            here: answer(here),
            there: answer(there),
        });
    }
}
