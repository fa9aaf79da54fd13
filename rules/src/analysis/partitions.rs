//! Partitions that leave a case out, or give one to two rules.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::finding::FindingCode as Code;
use super::places::Spot;
use super::{About, Found as Findings};
use crate::expr::Bound;
use crate::expr::prove::{Found, Truths, World, ask};
use crate::pack::model::{Partition, Recipient, Rule};
use crate::pack::worlds::Period;

pub(super) fn check(about: &About<'_>, found: &mut Findings<'_>) {
    for (at, partition) in about.life_event.partitions.iter().enumerate() {
        let rules = about.life_event.rules.iter().filter(|rule| partition.of.contains(&rule.root));
        let rules: Vec<_> = rules.collect();
        let spot = about.spot.then("partitions").then(at);
        for period in periods(&rules) {
            let day = period.0;
            let when: Vec<_> = rules.iter().map(|rule| (rule.key.as_str(), &rule.on(day).when)).collect();
            let world = known(&rules, about, period);
            let one = Divided { partition, when, world, spot: spot.clone() };
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
    spot: Spot<'a>,
}

impl Divided<'_> {
    fn gaps(&self, about: &About<'_>, found: &mut Findings<'_>) {
        let asked: Vec<_> = self.when.iter().map(|(_, when)| when.asked(Truths::NO)).collect();
        let name = &self.partition.name;
        match ask(&asked, &self.world) {
            Found::Never => {}
            Found::Row(row) => {
                let message = format!("`{name}`: no rule takes {}", about.columns.words(&row));
                found.add(Code::PartitionGap, &self.spot, message, "widen one of the rules, or add one");
            }
            Found::Open => {
                self.open(&format!("`{name}`: whether some rule takes every case could not be told"), found);
            }
        }
    }

    fn overlaps(&self, about: &About<'_>, found: &mut Findings<'_>) {
        for (at, second) in self.when.iter().enumerate() {
            for first in &self.when[..at] {
                let asked = [first, second].map(|(_, when)| when.asked(Truths::YES));
                let pair = format!("`{}`: `{}` and `{}`", self.partition.name, first.0, second.0);
                match ask(&asked, &self.world) {
                    Found::Never => {}
                    Found::Row(row) => {
                        let message = format!("{pair} both take {}", about.columns.words(&row));
                        found.add(Code::PartitionOverlap, &self.spot, message, "narrow one of them");
                    }
                    Found::Open => self
                        .open(&format!("{pair}: whether they exclude each other could not be told"), found),
                }
            }
        }
    }

    fn open(&self, message: &str, found: &mut Findings<'_>) {
        let hint = "compare columns with constants where that is possible; cases can show the rest";
        found.add(Code::PartitionOpen, &self.spot, message.to_owned(), hint);
    }
}
