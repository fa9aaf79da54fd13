//! Partitions that leave a case out, or give one to two rules.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use tidings_domain::value::days;

use super::finding::FindingCode as Code;
use super::places::Spot;
use super::worlds::Period;
use super::{About, Found};
use crate::expr::prove::{Asked, Truths, World, example, impossible};
use crate::expr::{Answer, Bound};
use crate::pack::model::{Partition, Recipient, Rule};

pub(super) fn check(about: &About<'_>, found: &mut Found<'_>) {
    for (at, partition) in about.life_event.partitions.iter().enumerate() {
        let rules = about.life_event.rules.iter().filter(|rule| partition.of.contains(&rule.root));
        let rules: Vec<_> = rules.collect();
        let spot = about.spot.then("partitions").then(at);
        for period in periods(&rules) {
            let day = period.0;
            let when: Vec<_> = rules.iter().map(|rule| (rule.key.as_str(), &rule.on(day).when)).collect();
            let world = known(&rules, about, period);
            let one = Divided { partition, when, world, base: days(day), spot: spot.clone() };
            // One day's law is enough to look at.
            let before = found.findings.len();
            one.gaps(about, found);
            one.overlaps(about, found);
            if found.findings.len() > before {
                break;
            }
        }
    }
}

/// The stretches of days with one law on which all of them are in force.
fn periods(rules: &[&Rule]) -> Vec<Period> {
    let Some(from) = rules.iter().map(|rule| rule.in_force.0).max() else { return Vec::new() };
    let to = rules.iter().filter_map(|rule| rule.in_force.1).min();
    let turns = rules.iter().flat_map(|rule| &rule.versions).map(|version| version.from);
    let turns: BTreeSet<_> = turns.filter(|turn| *turn > from).chain([from]).collect();
    let within = |day: &NaiveDate| to.is_none_or(|to| *day <= to);
    let turns: Vec<_> = turns.into_iter().filter(within).collect();
    let ends = turns.iter().skip(1).map(|next| next.pred_opt()).chain([to]);
    turns.iter().copied().zip(ends).collect()
}

/// The world in which everything is known.
fn known(rules: &[&Rule], about: &About<'_>, period: Period) -> World {
    let own = rules.iter().all(|rule| rule.to == [Recipient::Subject]);
    let to: &[Recipient] = if own { &[Recipient::Subject] } else { &[] };
    let mut world = about.columns.world(rules, to, period);
    world.columns.iter_mut().for_each(|known| known.nullable = false);
    world
}

struct Divided<'a> {
    partition: &'a Partition,
    /// Keys and conditions.
    when: Vec<(&'a str, &'a Bound)>,
    world: World,
    base: i32,
    spot: Spot<'a>,
}

impl Divided<'_> {
    fn gaps(&self, about: &About<'_>, found: &mut Found<'_>) {
        let claims: Vec<_> = self.when.iter().map(|(_, when)| when.claim(Truths::NO)).collect();
        if impossible(&claims, &self.world) {
            return;
        }
        let asked = self.when.iter().map(|(_, when)| Asked { condition: when, answer: Answer::No });
        let asked: Vec<_> = asked.collect();
        let name = &self.partition.name;
        match example(&asked, &self.world, self.base) {
            Some(row) => {
                let message = format!("`{name}`: no rule takes {}", about.columns.words(&row));
                found.add(Code::PartitionGap, &self.spot, message, "widen one of the rules, or add one");
            }
            None => {
                self.open(&format!("`{name}`: whether some rule takes every case could not be told"), found)
            }
        }
    }

    fn overlaps(&self, about: &About<'_>, found: &mut Found<'_>) {
        for (at, second) in self.when.iter().enumerate() {
            for first in &self.when[..at] {
                let claims = [first, second].map(|(_, when)| when.claim(Truths::YES));
                if impossible(&claims, &self.world) {
                    continue;
                }
                let asked = [first, second].map(|(_, when)| Asked { condition: when, answer: Answer::Yes });
                let pair = format!("`{}`: `{}` and `{}`", self.partition.name, first.0, second.0);
                match example(&asked, &self.world, self.base) {
                    Some(row) => {
                        let message = format!("{pair} both take {}", about.columns.words(&row));
                        found.add(Code::PartitionOverlap, &self.spot, message, "narrow one of them");
                    }
                    None => self
                        .open(&format!("{pair}: whether they exclude each other could not be told"), found),
                }
            }
        }
    }

    fn open(&self, message: &str, found: &mut Found<'_>) {
        let hint = "compare columns with constants where that is possible; cases can show the rest";
        found.add(Code::PartitionOpen, &self.spot, message.to_owned(), hint);
    }
}
