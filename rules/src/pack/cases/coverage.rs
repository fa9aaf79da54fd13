//! What the cases of each rule reach of it.

use chrono::NaiveDate;

use crate::expr::prove::World;
use crate::expr::{Outcome, Point};
use crate::pack::model::{LifeEvent, Pack, Rule};
use crate::pack::worlds;

use super::Trial;

/// The whole condition, as a part that a [`Gap`] is about.
const ANSWER: &str = "the answer";

/// What the cases of one rule reach.
#[derive(Clone, Debug)]
pub struct RuleCoverage {
    /// The life event.
    pub life_event: String,
    /// Key of the rule.
    pub rule: String,
    /// How many cases it has.
    pub cases: usize,
    /// Everything that cases could reach of the condition, in the order of its text. `None` when the condition
    /// could not be taken apart.
    pub points: Option<Vec<Point>>,
    /// The first day of each version of the law, and whether a case falls under it; empty where there is but one.
    pub laws: Vec<(NaiveDate, bool)>,
    /// Whether a case says when the deadline is; `None` when the rule has none.
    pub deadline: Option<bool>,
}

/// What the cases do not reach of one part of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The source of the part; `the answer` for the whole condition, `the law`, `the deadline`.
    pub part: String,
    /// What it never does: `never false`.
    pub never: Vec<String>,
}

impl RuleCoverage {
    /// How many points there are, and how many of them the cases reach; the deadline is one, and each version of the
    /// law.
    pub fn counts(&self) -> (usize, usize) {
        let points = self.points.iter().flatten().map(|point| point.reached).chain(self.deadline);
        let points = points.chain(self.laws.iter().map(|(_, reached)| *reached));
        points.fold((0, 0), |(all, reached), point| (all + 1, reached + usize::from(point)))
    }

    /// What is not reached, part by part.
    pub fn gaps(&self) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = Vec::new();
        let mut add = |part: &str, never: String| match gaps.iter_mut().find(|gap| gap.part == part) {
            Some(gap) => gap.never.push(never),
            None => gaps.push(Gap { part: part.to_owned(), never: vec![never] }),
        };
        for point in self.points.iter().flatten().filter(|point| !point.reached && !self.follows(point)) {
            let part = if matches!(point.outcome, Outcome::Answer(_)) { ANSWER } else { &point.part };
            add(part, point.outcome.to_string());
        }
        for (from, _) in self.laws.iter().filter(|(_, reached)| !reached) {
            add("the law", format!("no case under that from {from}"));
        }
        if self.deadline == Some(false) {
            add("the deadline", "no case says when".to_owned());
        }
        gaps
    }

    /// Whether it says no more than another that is not reached: what is never true never decides by being so.
    fn follows(&self, point: &Point) -> bool {
        let needs = match point.outcome {
            Outcome::TrueDecides => Outcome::True,
            Outcome::FalseDecides => Outcome::False,
            _ => return false,
        };
        let mut others = self.points.iter().flatten();
        others.any(|other| other.part == point.part && other.outcome == needs && !other.reached)
    }
}

/// What the cases of the rules that `wanted` picks reach, in pack order.
pub fn coverage(pack: &Pack, wanted: &dyn Fn(&Rule) -> bool) -> Vec<RuleCoverage> {
    let mut covered = Vec::new();
    for (place, life_event) in pack.life_events.iter().enumerate() {
        let columns = worlds::Columns::of(pack, place, life_event);
        let rules = life_event.rules.iter().filter(|rule| wanted(rule));
        covered.extend(rules.map(|rule| of_rule(pack, life_event, rule, &columns)));
    }
    covered
}

fn of_rule(pack: &Pack, life_event: &LifeEvent, rule: &Rule, columns: &worlds::Columns<'_>) -> RuleCoverage {
    let trials = Trial::all(pack, life_event, rule);
    // Nobody is asked to show a fault in arithmetic.
    let points = trials.iter().map(|trial| {
        let world = World { faults: false, ..trial.world(columns) };
        trial.when().coverage(&trial.columns, &world)
    });
    let laws = trials.iter().map(|trial| (rule.versions[trial.version].from, !trial.cases.is_empty()));
    RuleCoverage {
        life_event: life_event.name.clone(),
        rule: rule.key.clone(),
        cases: rule.cases.len(),
        points: points.collect::<Option<Vec<_>>>().map(merged),
        laws: if trials.len() > 1 { laws.collect() } else { Vec::new() },
        deadline: rule.deadline.as_ref().map(|_| rule.cases.iter().any(|case| case.deadline.is_some())),
    }
}

/// What is reached under one version of the law is reached: the same parts ask for it, with other figures. The text is
/// that of the last. Versions of another shape (a table of other lines) stand beside one another.
fn merged(versions: Vec<Vec<Point>>) -> Vec<Point> {
    versions.into_iter().fold(Vec::new(), |before, mut points| {
        let kind = |point: &Point| std::mem::discriminant(&point.outcome);
        let alike = before.len() == points.len()
            && before.iter().zip(&points).all(|(before, point)| kind(before) == kind(point));
        if alike {
            points.iter_mut().zip(&before).for_each(|(point, before)| point.reached |= before.reached);
            points
        } else {
            before.into_iter().chain(points).collect()
        }
    })
}
