//! What share of the catalogue is proactive on a day. Counting, and nothing else.
//!
//! A service is proactive when a rule that is in force on the day tells people of it; its level is the highest of
//! those rules'. A member of a list is proactive when at least one of its services is.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Serialize;

use crate::pack::model::{List, Member, Pack, Rule, Service};

/// The highest level that is served (Decree 224/2026, article 16).
pub const LEVELS: usize = 3;

/// What is proactive on a day.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// The day.
    pub as_of: NaiveDate,
    /// Each list of the pack.
    pub lists: Vec<ListCoverage>,
    /// All services that can be used on the day.
    pub services: Share,
    /// Those of them that no rule in force tells of, by id.
    pub silent: Vec<Silent>,
}

/// How many of a number are proactive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Of how many.
    pub of: usize,
    /// How many at level 1, 2 and 3.
    pub by_level: [usize; LEVELS],
}

/// One list.
#[derive(Clone, Debug, Serialize)]
pub struct ListCoverage {
    /// Its id.
    pub id: String,
    /// Its name, by language.
    pub title: BTreeMap<String, String>,
    /// What sets it up.
    pub basis: String,
    /// What a reader of the figures must know, by language; may be empty.
    pub note: BTreeMap<String, String>,
    /// Its members on the day.
    pub share: Share,
    /// What is to be reached.
    pub target: Option<Reach>,
    /// Its members on the day, by number.
    pub members: Vec<MemberCoverage>,
}

/// A target, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// Of a hundred.
    pub share: u8,
    /// Last day.
    pub by: NaiveDate,
    /// What demands it.
    pub basis: String,
    /// How many more members would have to be proactive; 0 when it is reached.
    pub missing: usize,
}

/// One member of a list.
#[derive(Clone, Debug, Serialize)]
pub struct MemberCoverage {
    /// Its number.
    pub number: u32,
    /// Its name, by language.
    pub title: BTreeMap<String, String>,
    /// Ids of its services.
    pub services: Vec<String>,
    /// Its level; `None` when it is not proactive.
    pub level: Option<u8>,
    /// Where it is not: why, for each of its services.
    pub silent: Vec<Silent>,
}

/// A service that no rule in force tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Silent {
    /// Its id.
    pub service: String,
    /// Why.
    pub why: Why,
}

/// Why nothing is told of a service on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The pack says why, by language.
    Reason(BTreeMap<String, String>),
    /// Its first rule comes into force on this day.
    From(NaiveDate),
    /// Its last rule ended with this day.
    Until(NaiveDate),
    /// It can be used from this day on, and a rule tells of it then or later.
    Opens(NaiveDate),
    /// Nobody has said.
    Unsaid,
}

impl Share {
    fn of_levels(levels: impl Iterator<Item = Option<u8>>) -> Self {
        let mut share = Self::default();
        for level in levels {
            share.of += 1;
            let place = level.and_then(|level| usize::from(level).checked_sub(1));
            if let Some(count) = place.and_then(|place| share.by_level.get_mut(place)) {
                *count += 1;
            }
        }
        share
    }

    /// How many are proactive, at any level.
    pub fn proactive(&self) -> usize {
        self.by_level.iter().sum()
    }

    /// So many tenths of a hundredth: `333` for a third, rounded down; `None` of nothing.
    pub const fn tenths(count: u64, of: u64) -> Option<u64> {
        (count * 1000).checked_div(of)
    }
}

/// Counts what is proactive in a pack on a day.
pub fn coverage(pack: &Pack, as_of: NaiveDate) -> Coverage {
    let rules = Rules::of(pack);
    let valid: Vec<_> = pack.services.values().filter(|service| service.is_valid(as_of)).collect();
    let levels = valid.iter().map(|service| rules.level(&service.id, as_of));
    let silent = valid.iter().filter(|service| rules.level(&service.id, as_of).is_none());
    Coverage {
        as_of,
        lists: pack.lists.iter().map(|(id, list)| list_coverage(pack, &rules, (id, list), as_of)).collect(),
        services: Share::of_levels(levels),
        silent: silent.map(|service| rules.silent(service, as_of)).collect(),
    }
}

fn list_coverage(
    pack: &Pack,
    rules: &Rules<'_>,
    (id, list): (&String, &List),
    as_of: NaiveDate,
) -> ListCoverage {
    let standing = list.members.iter().filter(|member| member.stands(as_of));
    let members: Vec<_> = standing.map(|member| member_coverage(pack, rules, member, as_of)).collect();
    let share = Share::of_levels(members.iter().map(|member| member.level));
    let target = list.target.as_ref().map(|target| Reach {
        share: target.share,
        by: target.by,
        basis: target.basis.clone(),
        missing: (share.of * usize::from(target.share)).div_ceil(100).saturating_sub(share.proactive()),
    });
    ListCoverage {
        id: id.clone(),
        title: list.title.clone(),
        basis: list.basis.clone(),
        note: list.note.clone(),
        share,
        target,
        members,
    }
}

fn member_coverage(pack: &Pack, rules: &Rules<'_>, member: &Member, as_of: NaiveDate) -> MemberCoverage {
    let services = || member.services.iter().filter_map(|id| pack.services.get(id));
    let usable = services().filter(|service| service.is_valid(as_of));
    let level = usable.filter_map(|service| rules.level(&service.id, as_of)).max();
    let silent = services().map(|service| rules.silent(service, as_of));
    MemberCoverage {
        number: member.number,
        title: member.title.clone(),
        services: member.services.clone(),
        level,
        silent: if level.is_some() { Vec::new() } else { silent.collect() },
    }
}

/// The rules of each service.
struct Rules<'a>(BTreeMap<&'a str, Vec<&'a Rule>>);

impl<'a> Rules<'a> {
    fn of(pack: &'a Pack) -> Self {
        let mut rules: BTreeMap<&str, Vec<&Rule>> = BTreeMap::new();
        for rule in pack.life_events.iter().flat_map(|life_event| &life_event.rules) {
            rules.entry(&rule.service).or_default().push(rule);
        }
        Self(rules)
    }

    fn about(&self, service: &str) -> &[&'a Rule] {
        self.0.get(service).map_or(&[], Vec::as_slice)
    }

    fn level(&self, service: &str, on: NaiveDate) -> Option<u8> {
        let in_force = |rule: &&&Rule| rule.in_force.0 <= on && rule.in_force.1.is_none_or(|to| on <= to);
        self.about(service).iter().filter(in_force).map(|rule| rule.level).max()
    }

    /// Why a service is silent on a day on which no rule in force tells of it, or on which it cannot be used.
    fn silent(&self, service: &Service, on: NaiveDate) -> Silent {
        let days = || self.about(&service.id).iter().map(|rule| rule.in_force);
        let next = days().map(|(from, _)| from).filter(|from| *from > on).min();
        let last = days().filter_map(|(_, to)| to).filter(|to| *to < on).max();
        let opens = service.valid_from.filter(|from| *from > on && days().next().is_some());
        let why = match (opens, next, last) {
            (Some(opens), ..) => Why::Opens(opens),
            (None, Some(next), _) => Why::From(next),
            (None, None, Some(last)) => Why::Until(last),
            (None, None, None) if !service.not_proactive.is_empty() => {
                Why::Reason(service.not_proactive.clone())
            }
            (None, None, None) => Why::Unsaid,
        };
        Silent { service: service.id.clone(), why }
    }
}

#[cfg(test)]
mod tests;
