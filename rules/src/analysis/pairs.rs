//! Two rules of one life event that tell one person of one service.

use std::collections::BTreeMap;

use super::finding::FindingCode as Code;
use super::{About, Found};
use crate::expr::prove::{Truths, World, example, never};
use crate::pack::model::{Recipient, Rule};
use crate::pack::worlds::{self, Period, Under};

/// The most pairs of rules of one life event that are compared; ten thousand rules, each for its own commune, would make
/// fifty million.
const MAX_PAIRS: usize = 20_000;

pub(super) fn check(about: &About<'_>, found: &mut Found<'_>) {
    let mut by_service: BTreeMap<&str, Vec<&Rule>> = BTreeMap::new();
    for rule in &about.life_event.rules {
        by_service.entry(&rule.service).or_default().push(rule);
    }
    let pairs = by_service.values().flat_map(|rules| {
        let seconds = rules.iter().enumerate();
        seconds.flat_map(|(at, second)| rules[..at].iter().map(move |first| (*first, *second)))
    });
    for (first, second) in pairs.filter(|(first, second)| meet(first, second)).take(MAX_PAIRS) {
        pair(first, second, about, found);
    }
}

/// Whether there may be somebody whom both concern.
fn meet(first: &Rule, second: &Rule) -> bool {
    let places = first.scope.as_ref().zip(second.scope.as_ref());
    let apart = places.is_some_and(|(a, b)| a.column == b.column && !a.here.meets(&b.here));
    !apart && first.to.iter().any(|to| second.to.contains(to))
}

fn pair(first: &Rule, second: &Rule, about: &About<'_>, found: &mut Found<'_>) {
    if covers(first, second, about) || covers(second, first, about) {
        return;
    }
    let to: Vec<Recipient> = first.to.iter().filter(|to| second.to.contains(to)).cloned().collect();
    let versions =
        Under::each(first).flat_map(|first| Under::each(second).map(move |second| [first, second]));
    let both =
        versions.filter_map(|of| Some(Both { period: worlds::shared(of[0].period, of[1].period)?, of }));
    for both in both {
        let world = about.columns.world(&[first, second], &to, both.period);
        if never(&both.of.map(|under| under.when().asked(Truths::YES)), &world) {
            continue;
        }
        if let Some(case) = both.case(&to, about) {
            return both.report(both.are_equal(&world), &case, about, found);
        }
    }
}

/// Two rules under the law of the same days.
struct Both<'a> {
    of: [Under<'a>; 2],
    period: Period,
}

impl Both<'_> {
    /// Somebody to whom both say yes, in words. Told as the subject where that is possible: then the row is whole.
    fn case(&self, to: &[Recipient], about: &About<'_>) -> Option<String> {
        let to = if to.contains(&Recipient::Subject) { &[Recipient::Subject] } else { to };
        let world = about.columns.world(&self.of.map(|under| under.rule), to, self.period);
        let row = example(&self.of.map(|under| under.when().asked(Truths::YES)), &world)?;
        Some(about.columns.words(&row))
    }

    /// Whether the conditions are true in the same rows, and hold in the same places.
    fn are_equal(&self, world: &World) -> bool {
        let only = |one: Under<'_>, other: Under<'_>| {
            never(&[one.when().asked(Truths::YES), other.when().asked(Truths::NOT_YES)], world)
        };
        let [first, second] = self.of;
        let overlay = |under: Under<'_>| under.rule.scope.as_ref().map(|scope| scope.here.clone());
        overlay(first) == overlay(second) && only(first, second) && only(second, first)
    }

    /// What they offer otherwise than each other.
    fn differ(&self) -> Option<&'static str> {
        let [first, second] = self.of;
        let deadline = |under: Under<'_>| {
            let deadline = under.rule.deadline.as_ref()?;
            Some((deadline.anchor.clone(), deadline.unit, deadline.direction, under.version.amount.clone()))
        };
        if first.rule.class != second.rule.class {
            return Some("class");
        }
        (deadline(first) != deadline(second)).then_some("deadline")
    }

    fn report(&self, equal: bool, case: &str, about: &About<'_>, found: &mut Found<'_>) {
        let [first, second] = self.of.map(|under| under.rule);
        let (one, other, service) = (&first.key, &second.key, &second.service);
        let spot = about.rule(second).then("when");
        match self.differ() {
            Some(what) => {
                let message = format!(
                    "`{other}` and `{one}` offer `{service}` to one person with another {what}: {case}"
                );
                let hint =
                    "let one of them cover the other, or make their conditions or periods exclude each other";
                found.add(Code::Conflict, &spot, message, hint);
            }
            None if equal => {
                let message = format!(
                    "`{other}` says the same as `{one}`: the service `{service}` on the same condition"
                );
                let hint = "remove one, and name its key in `formerly` of the other";
                found.add(Code::Duplicate, &spot, message, hint);
            }
            None => {
                let message = format!("`{other}` and `{one}` both offer `{service}`: {case}");
                let hint = "let one of them cover the other, or make their conditions exclude each other";
                found.add(Code::Overlap, &spot, message, hint);
            }
        }
    }
}

/// Whether a rule covers another, directly or through others.
fn covers(rule: &Rule, other: &Rule, about: &About<'_>) -> bool {
    let mut next = vec![rule];
    let mut seen = Vec::new();
    while let Some(rule) = next.pop() {
        if rule.covers.contains(&other.root) {
            return true;
        }
        let covered = about.life_event.rules.iter().filter(|it| rule.covers.contains(&it.root));
        next.extend(covered.filter(|it| !seen.contains(&&it.root)));
        seen.push(&rule.root);
    }
    false
}
