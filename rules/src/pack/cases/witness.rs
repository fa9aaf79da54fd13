//! What case would notice a mutant: one of the cases there are with one value changed.

use tidings_domain::value::Value;

use crate::expr::prove::{World, differ, near};
use crate::expr::{Answer, Bound, ColumnRef};

use super::{Trial, rows};

/// A case that would notice a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Name of the case that it is like.
    pub like: String,
    /// What is different in it.
    pub column: ColumnRef,
    /// The value there; `None` for unknown.
    pub value: Option<Value>,
    /// What the rule answers.
    pub expect: Answer,
    /// What the mutant answers.
    pub instead: Answer,
}

/// Looks for a row on which the rule and the mutant differ, near the cases that there are; finding none proves nothing.
pub(super) fn witness(trial: &Trial<'_>, world: &World, mutant: &Bound) -> Option<Witness> {
    let ways = differ(trial.when(), mutant);
    let others: Vec<_> = trial.cases.iter().map(|case| case.row.as_slice()).collect();
    trial.cases.iter().find_map(|case| {
        let (place, value) = near(&ways, world, &case.row, &others)?;
        let (column, _) = trial.life_event.columns.get(place)?;
        let mut row = case.row.clone();
        world.change(&mut row, place, &value);
        let [expect, instead] = answers(trial, mutant, &row);
        Some(Witness { like: case.name.clone(), column: column.clone(), value, expect, instead })
    })
}

impl Witness {
    /// The same case for another mutant, when it tells that one from the rule too.
    pub(super) fn also(&self, trial: &Trial<'_>, world: &World, mutant: &Bound) -> Option<Self> {
        let mut row = trial.cases.iter().find(|case| case.name == self.like)?.row.clone();
        let place = trial.life_event.columns.iter().position(|(column, _)| *column == self.column)?;
        world.change(&mut row, place, &self.value);
        let [expect, instead] = answers(trial, mutant, &row);
        (expect != instead).then(|| Self { expect, instead, ..self.clone() })
    }
}

/// What the rule and the mutant answer.
fn answers(trial: &Trial<'_>, mutant: &Bound, row: &[Option<Value>]) -> [Answer; 2] {
    let columns = rows(trial.life_event, std::iter::once(row));
    [trial.when(), mutant].map(|bound| bound.answers(&columns).get(0))
}
