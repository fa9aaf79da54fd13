//! The catalogue as the engine uses it.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::overlay::ServiceChange;
use crate::pack::format::Certainty;

/// Values that take turns: each holds from its day until the next one's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dated<T> {
    first: T,
    later: Vec<(NaiveDate, T)>,
}

impl<T> Dated<T> {
    /// The same on every day.
    pub fn always(value: T) -> Self {
        Self { first: value, later: Vec::new() }
    }

    /// From values with their first days; `None` when there is none.
    pub fn new(mut values: Vec<(NaiveDate, T)>) -> Option<Self> {
        values.sort_by_key(|(from, _)| *from);
        let mut values = values.into_iter();
        let (_, first) = values.next()?;
        Some(Self { first, later: values.collect() })
    }

    /// Every value, in the order of its days.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.first).chain(self.later.iter().map(|(_, value)| value))
    }

    /// The value on a day. On days before the first value's, the first: the oldest that is known.
    pub fn on(&self, day: NaiveDate) -> &T {
        let current = self.later.iter().rev().find(|(from, _)| *from <= day);
        current.map_or(&self.first, |(_, value)| value)
    }
}

/// What a service costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// As a sentence, by language code.
    pub text: BTreeMap<String, String>,
    /// The day on which that was known.
    pub as_of: NaiveDate,
    /// What says so, where the cost is dated.
    pub basis: Option<String>,
}

/// A service of the catalogue. Texts are by language code.
#[derive(Clone, Debug)]
pub struct Service {
    /// Stable id.
    pub id: String,
    /// Short plain name.
    pub title: BTreeMap<String, String>,
    /// Who provides it, and since when.
    pub authorities: Dated<BTreeMap<String, String>>,
    /// Where and how.
    pub channel: BTreeMap<String, String>,
    /// What it costs, and since when.
    pub costs: Dated<Price>,
    /// How long the authority takes; empty where that is not known.
    pub processing_time: BTreeMap<String, String>,
    /// What to bring.
    pub bring: BTreeMap<String, String>,
    /// Procedure code.
    pub procedure_code: Option<String>,
    /// Id of its theme.
    pub theme: Option<String>,
    /// The first day on which anybody can use it, where it is new.
    pub valid_from: Option<NaiveDate>,
    /// The day after which its facts must not be trusted.
    pub review_by: Option<NaiveDate>,
    /// Where its facts come from.
    pub source: String,
    /// How its facts are known.
    pub certainty: Option<Certainty>,
    /// Never on push or SMS.
    pub never_push: bool,
    /// Needs a human check.
    pub review: bool,
    /// Why no rule tells of it; empty where one does, or where nobody has said.
    pub not_proactive: BTreeMap<String, String>,
    /// What differs in places, the narrower first.
    pub local: Vec<ServiceChange>,
}

impl Service {
    /// Who provides it on a day.
    pub fn authority(&self, on: NaiveDate) -> &BTreeMap<String, String> {
        self.authorities.on(on)
    }

    /// What it costs on a day.
    pub fn cost(&self, on: NaiveDate) -> &Price {
        self.costs.on(on)
    }

    /// Who provides it on a day to somebody whose facts are these.
    pub fn authority_at(
        &self,
        on: NaiveDate,
        fact: &dyn Fn(&str) -> Option<String>,
    ) -> &BTreeMap<String, String> {
        let local = self.local.iter().filter(|local| local.here.is(fact));
        local.filter_map(|local| local.authorities.as_ref()).next().unwrap_or(&self.authorities).on(on)
    }

    /// What it costs on a day for somebody whose facts are these.
    pub fn cost_at(&self, on: NaiveDate, fact: &dyn Fn(&str) -> Option<String>) -> &Price {
        let local = self.local.iter().filter(|local| local.here.is(fact));
        local.filter_map(|local| local.costs.as_ref()).next().unwrap_or(&self.costs).on(on)
    }

    /// Where and how somebody whose facts are these applies.
    pub fn channel_at(&self, fact: &dyn Fn(&str) -> Option<String>) -> &BTreeMap<String, String> {
        let mut local = self.local.iter().filter(|local| !local.channel.is_empty() && local.here.is(fact));
        local.next().map_or(&self.channel, |local| &local.channel)
    }

    /// Whether it can be used on a day.
    pub fn is_valid(&self, on: NaiveDate) -> bool {
        self.valid_from.is_none_or(|from| from <= on)
    }
}

/// What services are grouped by.
#[derive(Clone, Debug)]
pub struct Theme {
    /// For people, by language.
    pub title: BTreeMap<String, String>,
    /// The code by which the portal knows it.
    pub code: Option<String>,
}

/// A list that services stand on.
#[derive(Clone, Debug)]
pub struct List {
    /// For people, by language.
    pub title: BTreeMap<String, String>,
    /// What sets it up.
    pub basis: String,
    /// What a reader of its figures must know, by language; may be empty.
    pub note: BTreeMap<String, String>,
    /// The share of it that is to be proactive.
    pub target: Option<Target>,
    /// Where its facts come from.
    pub source: String,
    /// Its members in the order of their numbers.
    pub members: Vec<Member>,
}

/// A share to be reached by a day.
#[derive(Clone, Debug)]
pub struct Target {
    /// Of a hundred.
    pub share: u8,
    /// Last day.
    pub by: NaiveDate,
    /// What demands it.
    pub basis: String,
}

/// A member of a list.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its number.
    pub number: u32,
    /// Its name on the list, by language.
    pub title: BTreeMap<String, String>,
    /// Ids of the services that answer it.
    pub services: Vec<String>,
    /// First and last day on the list.
    pub days: (NaiveDate, Option<NaiveDate>),
}

impl Member {
    /// Whether it stands on the list on a day.
    pub fn stands(&self, on: NaiveDate) -> bool {
        self.days.0 <= on && self.days.1.is_none_or(|to| on <= to)
    }
}
