//! What the generator did, for tests that compare it with what an engine made of the lines.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::disorder::UNKNOWN_TYPES;
use crate::events::{Birth, Event, Flaw, Kind};
use crate::render;

/// A kind of disorder, as a line shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DisorderKind {
    /// A line that came before, byte for byte.
    Duplicate,
    /// A line recorded late.
    Late,
    /// A line that arrives after lines recorded later.
    OutOfOrder,
    /// A line that its source takes back.
    Retracted,
    /// The line that takes it back.
    Retraction,
    /// A line that no reader can accept.
    Malformed,
    /// A line of a type that the catalogue lacks.
    UnknownType,
    /// A line from a source that is not registered.
    Unregistered,
    /// A line dated more than 24 hours after it was recorded.
    FutureDated,
}

impl DisorderKind {
    const fn of(flaw: Flaw) -> Option<Self> {
        match flaw {
            Flaw::None => None,
            Flaw::Duplicate => Some(Self::Duplicate),
            Flaw::Late => Some(Self::Late),
            Flaw::OutOfOrder => Some(Self::OutOfOrder),
            Flaw::Retracted => Some(Self::Retracted),
            Flaw::Retraction => Some(Self::Retraction),
            Flaw::Malformed(_) => Some(Self::Malformed),
            Flaw::UnknownType(_) => Some(Self::UnknownType),
            Flaw::Unregistered => Some(Self::Unregistered),
            Flaw::FutureDated => Some(Self::FutureDated),
        }
    }

    /// Whether an engine may take the line for a statement: it is no repetition and nothing is wrong with it.
    const fn acceptable(self) -> bool {
        matches!(self, Self::Late | Self::OutOfOrder | Self::Retracted | Self::Retraction)
    }
}

/// One disordered line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// Which line, from 0.
    pub line: u64,
    /// What is the matter with it.
    pub kind: DisorderKind,
    /// The id that it bears, or would bear if it were whole.
    pub id: String,
    /// Of a retraction: the id of what it takes back.
    pub target: Option<String>,
}

/// Counts over a whole world. None of them says anything about one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// Lines in all.
    pub lines: u64,
    /// Lines that an engine should commit: well-formed, known type, registered source, not dated ahead, first of their id.
    pub acceptable: u64,
    /// Well-formed lines by their type, whatever else is the matter with them.
    pub by_type: BTreeMap<&'static str, u64>,
    /// Lines by their disorder.
    pub disorder: BTreeMap<DisorderKind, u64>,
    /// Births during the period, told or not.
    pub births: u64,
    /// Births that both agencies told, taken back or not: one occurrence each.
    pub births_told_twice: u64,
    /// Births that nobody told before the period ended.
    pub births_untold: u64,
    /// Births told twice with two dates.
    pub births_redated: u64,
    /// Deaths during the period, told or not.
    pub deaths: u64,
    /// Deaths that both agencies told.
    pub deaths_told_twice: u64,
    /// Deaths that nobody told before the period ended.
    pub deaths_untold: u64,
    /// Deaths reported, and then taken back, of people who live through the period.
    pub wrong_deaths: u64,
    /// Retractions that arrive before their target.
    pub retracted_first: u64,
    /// Every disordered line, in order of arrival.
    pub traces: Vec<Trace>,
}

/// Which agency told of something.
#[derive(Clone, Copy, Default)]
struct Told {
    health: bool,
    registry: bool,
}

impl Truth {
    /// Counts `events`, which are in order of arrival; `died` says of each citizen whether they die in the period.
    pub(crate) fn of(events: &[Event], births: &[Birth], died: &[bool]) -> Self {
        let mut truth = Self { lines: events.len() as u64, births: births.len() as u64, ..Self::default() };
        let mut told_births = vec![Told::default(); births.len()];
        let mut told_deaths = BTreeMap::<u32, Told>::new();
        let mut taken_back = std::collections::BTreeSet::new();
        for (line, event) in events.iter().enumerate() {
            truth.line(line as u64, event);
            if let Kind::Retracted { target, .. } = event.kind {
                taken_back.insert(target);
            }
            if !DisorderKind::of(event.flaw).is_none_or(DisorderKind::acceptable) {
                continue;
            }
            truth.retracted_first +=
                u64::from(event.flaw == Flaw::Retracted && taken_back.contains(&event.seq));
            match event.kind {
                Kind::BirthNotified { birth } => told_births[birth as usize].health = true,
                Kind::BirthRegistered { birth, .. } => told_births[birth as usize].registry = true,
                Kind::DeathNotified { .. } if !died[event.subject as usize] => truth.wrong_deaths += 1,
                Kind::DeathNotified { .. } => told_deaths.entry(event.subject).or_default().health = true,
                Kind::DeathRegistered { .. } => told_deaths.entry(event.subject).or_default().registry = true,
                _ => {}
            }
        }
        for (birth, told) in births.iter().zip(told_births) {
            let twice = told.health && told.registry;
            truth.births_told_twice += u64::from(twice);
            truth.births_redated += u64::from(twice && birth.day != birth.hospital_day);
            truth.births_untold += u64::from(!told.health && !told.registry);
        }
        truth.deaths = died.iter().filter(|died| **died).count() as u64;
        truth.deaths_told_twice =
            told_deaths.values().filter(|told| told.health && told.registry).count() as u64;
        truth.deaths_untold = truth.deaths - told_deaths.len() as u64;
        truth
    }

    fn line(&mut self, line: u64, event: &Event) {
        let name = match event.flaw {
            Flaw::Malformed(_) => None,
            Flaw::UnknownType(which) => Some(UNKNOWN_TYPES[usize::from(which)]),
            _ => Some(event.kind.type_name()),
        };
        if let Some(name) = name {
            *self.by_type.entry(name).or_default() += 1;
        }
        let kind = DisorderKind::of(event.flaw);
        self.acceptable += u64::from(kind.is_none_or(DisorderKind::acceptable));
        let Some(kind) = kind else { return };
        *self.disorder.entry(kind).or_default() += 1;
        let target = match event.kind {
            Kind::Retracted { source, target } => Some(render::id(source, target)),
            _ => None,
        };
        self.traces.push(Trace { line, kind, id: render::id(event.kind.source(), event.seq), target });
    }
}
