//! Mistakes that no case of a rule would notice.

use std::collections::{BTreeMap, BTreeSet};

use crate::expr::prove::World;
use crate::expr::{Bound, ColumnRef};
use crate::pack::format::{Direction, Expect, Unit};
use crate::pack::model::{LifeEvent, Pack, Period, Rule};
use crate::pack::worlds;

use super::witness::{Witness, witness};
use super::{Term, Trial, expect};

/// The kind of a change to a deadline; those to conditions are [`crate::expr::Change`].
const DEADLINE: &str = "deadline";

/// What became of the mutants of one rule.
#[derive(Clone, Debug, Default)]
pub struct RuleMutation {
    /// The life event.
    pub life_event: String,
    /// Key of the rule.
    pub rule: String,
    /// How many some case noticed, by kind of change.
    pub killed: BTreeMap<&'static str, usize>,
    /// Those that no case noticed, in the order of the text.
    pub survivors: Vec<Survivor>,
    /// How many were not tried: they are proved the same as the rule, or as another mutant.
    pub same: usize,
    /// False when the condition could not be taken apart, so that only the deadline was tried.
    pub whole: bool,
}

/// A mutant that no case noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survivor {
    /// The kind of change.
    pub change: &'static str,
    /// The source of what was changed.
    pub part: String,
    /// What it became; empty when it was left out.
    pub became: String,
    /// A case that would notice it, where one was found near those that there are. Without one, the mutant may be the
    /// same as the rule in a way that is not provable here; it counts as a survivor all the same.
    pub witness: Option<Witness>,
}

impl RuleMutation {
    /// How many were tried, and how many of them some case noticed.
    pub fn counts(&self) -> (usize, usize) {
        let killed: usize = self.killed.values().sum();
        (killed + self.survivors.len(), killed)
    }
}

/// Tries every mutant of the rules that `wanted` picks against the rule's own cases, in pack order. Cases that fail on
/// the rule as it is notice nothing.
pub fn mutation(pack: &Pack, wanted: &dyn Fn(&Rule) -> bool) -> Vec<RuleMutation> {
    let mut tried = Vec::new();
    for (place, life_event) in pack.life_events.iter().enumerate() {
        let columns = worlds::Columns::of(pack, place, life_event);
        let rules = life_event.rules.iter().filter(|rule| wanted(rule));
        tried.extend(rules.map(|rule| of_rule(pack, life_event, rule, &columns)));
    }
    tried
}

/// A mutant of one version of the law or of several. The figures of law in its text tell them apart; what has none is one
/// mistake, which cases under any version may notice.
struct Tried {
    key: (&'static str, String, String),
    noticed: bool,
    witness: Option<Witness>,
}

fn of_rule(pack: &Pack, life_event: &LifeEvent, rule: &Rule, columns: &worlds::Columns<'_>) -> RuleMutation {
    let mut found = RuleMutation {
        life_event: life_event.name.clone(),
        rule: rule.key.clone(),
        whole: true,
        ..Default::default()
    };
    let mut tried = Vec::new();
    let trials = Trial::all(pack, life_event, rule).into_iter().map(Trial::sound);
    // What no case falls under is for coverage to say, once.
    for trial in trials.filter(|trial| rule.versions.len() == 1 || !trial.cases.is_empty()) {
        conditions(&trial, &trial.world(columns), &mut tried, &mut found);
        deadlines(&trial, &mut tried, &mut found);
    }
    for Tried { key: (change, part, became), noticed, witness } in tried {
        if noticed {
            *found.killed.entry(change).or_default() += 1;
        } else {
            found.survivors.push(Survivor { change, part, became, witness });
        }
    }
    found
}

fn conditions(trial: &Trial<'_>, world: &World, tried: &mut Vec<Tried>, found: &mut RuleMutation) {
    let Some(mutants) = trial.when().mutants(world) else {
        found.whole = false;
        return;
    };
    found.same += mutants.same;
    let before = tried.len();
    let mut met = BTreeSet::new();
    for mutant in mutants.mutants {
        let key = (mutant.change.name(), mutant.part, mutant.became);
        let noticed = trial.notices(&mutant.condition);
        let witness = if noticed { None } else { near(trial, world, &tried[before..], &mutant.condition) };
        // The same text twice in one version is two places.
        let earlier = tried[..before].iter().position(|it| it.key == key && !met.contains(&it.key));
        match earlier {
            Some(place) => {
                tried[place].noticed |= noticed;
                tried[place].witness = tried[place].witness.take().or(witness);
                met.insert(key);
            }
            None => tried.push(Tried { key, noticed, witness }),
        }
    }
}

impl Trial<'_> {
    /// Whether some case comes out otherwise under another condition.
    fn notices(&self, when: &Bound) -> bool {
        let answers = when.answers(&self.columns);
        self.cases.iter().enumerate().any(|(row, case)| {
            let found = expect(answers.get(row));
            let unnamed = || {
                let missing = when.missing(&self.columns, row).inputs;
                case.missing.iter().any(|column| !missing.contains(column))
            };
            found != case.expect || found == Expect::Unknown && !case.missing.is_empty() && unnamed()
        })
    }
}

/// A case that would notice a mutant: one that is told already, if it does.
fn near(trial: &Trial<'_>, world: &World, told: &[Tried], mutant: &Bound) -> Option<Witness> {
    let told = told.iter().filter_map(|it| it.witness.as_ref());
    told.filter_map(|witness| witness.also(trial, world, mutant))
        .next()
        .or_else(|| witness(trial, world, mutant))
}

/// An amount one off, another unit, the other direction; for each amount that some place gives a case.
fn deadlines(trial: &Trial<'_>, tried: &mut Vec<Tried>, found: &mut RuleMutation) {
    let Some(deadline) = &trial.rule.deadline else { return };
    let mut terms = Vec::new();
    for term in trial.cases.iter().filter_map(|case| trial.term(case)) {
        if !terms.contains(&term) {
            terms.push(term);
        }
    }
    for (term, mutant) in
        terms.into_iter().flat_map(|term| others(term).into_iter().map(move |it| (term, it)))
    {
        // No time at all is the same in every unit and direction.
        if mutant.period.amount == 0 && term.period.amount == 0 {
            found.same += 1;
            continue;
        }
        let mut dated = trial.cases.iter().filter(|case| trial.term(case) == Some(term));
        let noticed =
            dated.any(|case| case.deadline.is_some_and(|date| trial.falls(mutant, case) != Some(date)));
        let [part, became] = [term, mutant].map(|term| described(term, &deadline.anchor));
        let key = (DEADLINE, part, became);
        match tried.iter_mut().find(|it| it.key == key) {
            Some(earlier) => earlier.noticed |= noticed,
            None => tried.push(Tried { key, noticed, witness: None }),
        }
    }
}

fn others(term: Term) -> Vec<Term> {
    let Term { period: Period { amount, unit }, direction } = term;
    let of = |amount, unit, direction| Term { period: Period { amount, unit }, direction };
    let amounts = [amount.checked_sub(1), amount.checked_add(1)].into_iter().flatten();
    let units = [Unit::Days, Unit::WorkingDays, Unit::Months].into_iter().filter(|other| *other != unit);
    let turned = match direction {
        Direction::Before => Direction::After,
        Direction::After => Direction::Before,
    };
    let amounts = amounts.map(|amount| of(amount, unit, direction));
    amounts.chain(units.map(|unit| of(amount, unit, direction))).chain([of(amount, unit, turned)]).collect()
}

/// `60 days after event.birth_date`.
fn described(Term { period, direction }: Term, anchor: &ColumnRef) -> String {
    let unit = match period.unit {
        Unit::Days => "days",
        Unit::WorkingDays => "working days",
        Unit::Months => "months",
    };
    let direction = match direction {
        Direction::Before => "before",
        Direction::After => "after",
    };
    format!("{} {unit} {direction} {anchor}", period.amount)
}
