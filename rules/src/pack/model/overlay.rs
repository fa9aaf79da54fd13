//! What holds in one place only.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::catalogue::{Dated, Price};

/// A place, by a fact about the person who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Here {
    /// The fact.
    pub fact: String,
    /// How narrow the places of this fact are: the narrower wins.
    pub depth: usize,
    /// The codes of the place.
    pub codes: BTreeSet<String>,
}

impl Here {
    /// Whether somebody whose facts are these is there.
    pub fn is(&self, fact: &dyn Fn(&str) -> Option<String>) -> bool {
        fact(&self.fact).is_some_and(|code| self.codes.contains(&code))
    }

    /// Whether two places told by the same fact have a code in common.
    pub fn meets(&self, other: &Self) -> bool {
        self.fact == other.fact && !self.codes.is_disjoint(&other.codes)
    }
}

/// What a province or commune adds or changes.
#[derive(Clone, Debug)]
pub struct Overlay {
    /// Stable name.
    pub name: String,
    /// For people, by language.
    pub title: BTreeMap<String, String>,
    /// The authority that answers for it, by language.
    pub owner: BTreeMap<String, String>,
    /// Where it holds.
    pub here: Here,
    /// The file.
    pub file: String,
}

/// What differs of a service in a place.
#[derive(Clone, Debug)]
pub struct ServiceChange {
    /// The overlay that says so.
    pub overlay: String,
    /// Where.
    pub here: Here,
    /// Who provides it, if that differs.
    pub authorities: Option<Dated<BTreeMap<String, String>>>,
    /// Where and how, if that differs; else empty.
    pub channel: BTreeMap<String, String>,
    /// What it costs, if that differs.
    pub costs: Option<Dated<Price>>,
}

/// Where a rule of an overlay holds.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The overlay.
    pub overlay: String,
    /// Where.
    pub here: Here,
    /// The place of its fact among the life event's columns.
    pub column: usize,
}

/// The rules of a life event by where they hold, so that an occurrence meets only those of its place.
#[derive(Clone, Debug, Default)]
pub struct ScopeIndex {
    /// Rules that hold everywhere.
    pub everywhere: Vec<usize>,
    /// Rules that hold in places, by the column that tells the place and then by code.
    pub local: BTreeMap<usize, HashMap<String, Vec<usize>>>,
}

impl ScopeIndex {
    /// The rules that hold where the columns say, in pack order.
    pub fn rules<'a>(&'a self, code: impl Fn(usize) -> Option<&'a str>) -> Vec<usize> {
        let mut rules = self.everywhere.clone();
        for (column, by_code) in &self.local {
            rules.extend(code(*column).and_then(|code| by_code.get(code)).into_iter().flatten());
        }
        if !self.local.is_empty() {
            rules.sort_unstable();
        }
        rules
    }
}

/// A number that may differ from place to place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Where no place says otherwise; `None` when it is a figure of some places alone.
    pub everywhere: Option<u32>,
    /// What places say, the narrower first.
    pub local: Vec<(Here, u32)>,
}

impl Amount {
    /// The number for somebody whose facts are these.
    pub fn at(&self, fact: &dyn Fn(&str) -> Option<String>) -> Option<u32> {
        let local = self.local.iter().find(|(here, _)| here.is(fact));
        local.map(|(_, amount)| *amount).or(self.everywhere)
    }
}
