//! What real sources do to a clean stream: tell twice, late, out of order, wrongly, in broken words.

use serde::{Deserialize, Serialize};

use crate::calendar::{DAY, HOUR, MINUTE, Moment};
use crate::dice::Dice;
use crate::events::{Event, Flaw, Kind, Shape, days_later, soon};

/// How many of 10,000 events each kind of disorder befalls. One event suffers at most one; past 10,000 in all the
/// later kinds do not happen. What would fall outside the period, or asks a source to retract that never does, is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Disorder {
    /// The same line comes again, minutes to ten days later.
    pub duplicate: u32,
    /// The source records it a week to six weeks later than it would have.
    pub late: u32,
    /// The line arrives hours to three days after its recorded time, behind lines that were recorded later.
    pub out_of_order: u32,
    /// The source takes it back within a month; in one case of five the retraction arrives before its target. Seven of
    /// ten are then stated again under a new id. Some are reports of a death of somebody who lives.
    pub retracted: u32,
    /// An extra line that no reader can accept.
    pub malformed: u32,
    /// An extra line of a type that the catalogue lacks.
    pub unknown_type: u32,
    /// An extra line from a source that is not registered.
    pub unregistered: u32,
    /// An extra line dated more than 24 hours after its recorded time.
    pub future_dated: u32,
}

impl Default for Disorder {
    /// Small rates, assumed: nobody publishes how often these sources err.
    fn default() -> Self {
        Self {
            duplicate: 50,
            late: 80,
            out_of_order: 100,
            retracted: 40,
            malformed: 10,
            unknown_type: 20,
            unregistered: 5,
            future_dated: 5,
        }
    }
}

impl Disorder {
    /// Sources that never err.
    pub const fn none() -> Self {
        Self::all(0)
    }

    /// The same rate for every kind.
    pub const fn all(rate: u32) -> Self {
        Self {
            duplicate: rate,
            late: rate,
            out_of_order: rate,
            retracted: rate,
            malformed: rate,
            unknown_type: rate,
            unregistered: rate,
            future_dated: rate,
        }
    }

    fn befalls(&self, dice: &mut Dice) -> Option<Mishap> {
        let rates = [
            (Mishap::Duplicate, self.duplicate),
            (Mishap::Late, self.late),
            (Mishap::OutOfOrder, self.out_of_order),
            (Mishap::Retracted, self.retracted),
            (Mishap::Malformed, self.malformed),
            (Mishap::UnknownType, self.unknown_type),
            (Mishap::Unregistered, self.unregistered),
            (Mishap::FutureDated, self.future_dated),
        ];
        let mut left = dice.below(10_000);
        for (mishap, rate) in rates {
            if left < rate {
                return Some(mishap);
            }
            left -= rate;
        }
        None
    }
}

#[derive(Clone, Copy)]
enum Mishap {
    Duplicate,
    Late,
    OutOfOrder,
    Retracted,
    Malformed,
    UnknownType,
    Unregistered,
    FutureDated,
}

/// Retractions in a hundred that concern a death reported of the wrong person, that arrive before their target, and
/// that a corrected statement follows: assumed.
const WRONG_DEATH_PERCENT: u32 = 8;
const RETRACTED_FIRST_PERCENT: u32 = 20;
const RESTATED_PERCENT: u32 = 70;

/// Unknown types to choose from; `render` knows their names.
pub(crate) const UNKNOWN_TYPES: [&str; 4] = [
    "population.photo.updated",
    "education.exam.graded",
    "health.vaccination.recorded",
    "licence.points.deducted",
];

/// Disturbs the events of a clean stream, in place and by adding to it.
pub(crate) struct Disturber<'a, F: Fn(u32) -> bool> {
    pub(crate) events: &'a mut Vec<Event>,
    pub(crate) dice: &'a mut Dice,
    /// The number of the next statement.
    pub(crate) next: u32,
    /// Nothing arrives from this moment on.
    pub(crate) end: Moment,
    /// Whether a citizen lives through the whole period.
    pub(crate) lives: F,
}

impl<F: Fn(u32) -> bool> Disturber<'_, F> {
    pub(crate) fn run(mut self, disorder: &Disorder) {
        for place in 0..self.events.len() {
            if let Some(mishap) = disorder.befalls(self.dice) {
                self.disturb(place, mishap);
            }
        }
    }

    fn disturb(&mut self, place: usize, mishap: Mishap) {
        let event = self.events[place];
        match mishap {
            Mishap::Duplicate => {
                let arrives = days_later(self.dice, event.recorded, 0, 9);
                self.add(Event { arrives, flaw: Flaw::Duplicate, ..event });
            }
            Mishap::Late => {
                let recorded = days_later(self.dice, event.recorded, 7, 42);
                self.change(place, Event { arrives: recorded, recorded, flaw: Flaw::Late, ..event });
            }
            Mishap::OutOfOrder => {
                let arrives = event.recorded.plus(self.dice.seconds(HOUR, 3 * DAY));
                self.change(place, Event { arrives, flaw: Flaw::OutOfOrder, ..event });
            }
            Mishap::Retracted if (self.lives)(event.subject) && self.dice.percent(WRONG_DEATH_PERCENT) => {
                self.wrong_death(event);
            }
            Mishap::Retracted => self.retract(place, RESTATED_PERCENT),
            Mishap::Malformed => {
                let shapes =
                    [Shape::Truncated, Shape::NoId, Shape::NumericTime, Shape::ListData, Shape::EmptyData];
                let shape = self.dice.pick(&shapes);
                self.add_another(event, Flaw::Malformed(shape));
            }
            Mishap::UnknownType => {
                let which = self.dice.below(UNKNOWN_TYPES.len() as u32) as u8;
                self.add_another(event, Flaw::UnknownType(which));
            }
            Mishap::Unregistered => self.add_another(event, Flaw::Unregistered),
            Mishap::FutureDated => {
                let time = event.recorded.plus(self.dice.seconds(26 * HOUR, 30 * DAY));
                self.add_another(Event { time, ..event }, Flaw::FutureDated);
            }
        }
    }

    fn add(&mut self, event: Event) -> bool {
        let fits = event.arrives < self.end;
        if fits {
            self.events.push(event);
        }
        fits
    }

    fn change(&mut self, place: usize, event: Event) {
        if event.arrives < self.end {
            self.events[place] = event;
        }
    }

    /// Adds a statement with an id of its own, a little after the one it resembles.
    fn add_another(&mut self, like: Event, flaw: Flaw) {
        let recorded = like.recorded.plus(self.dice.seconds(1, HOUR));
        let seq = self.number();
        self.add(Event { arrives: recorded, recorded, seq, flaw, ..like });
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    fn wrong_death(&mut self, near: Event) {
        let time = near.recorded;
        let recorded = time.plus(self.dice.seconds(HOUR, 2 * DAY));
        let seq = self.number();
        let kind = Kind::DeathNotified { on: time.day() };
        let place = self.events.len();
        if self.add(Event { arrives: recorded, recorded, time, seq, serial: seq, kind, ..near }) {
            self.retract(place, 0);
            if self.events[place].flaw == Flaw::None {
                self.events.pop();
            }
        }
    }

    fn retract(&mut self, place: usize, restated_percent: u32) {
        let target = self.events[place];
        let source = target.kind.source();
        let retracted = days_later(self.dice, target.recorded, 1, 27);
        let first = self.dice.percent(RETRACTED_FIRST_PERCENT);
        let delayed = retracted.plus(self.dice.seconds(HOUR, 2 * DAY));
        if source.retraction().is_none() || delayed >= self.end {
            return;
        }
        let arrives = if first { delayed } else { target.arrives };
        self.events[place] = Event { arrives, flaw: Flaw::Retracted, ..target };
        let seq = self.number();
        let kind = Kind::Retracted { source, target: target.seq };
        let (time, recorded) = (retracted, retracted);
        let retraction = Event {
            arrives: retracted,
            time,
            recorded,
            seq,
            serial: seq,
            kind,
            flaw: Flaw::Retraction,
            ..target
        };
        self.add(retraction);
        if self.dice.percent(restated_percent) {
            let recorded = soon(self.dice, retracted.plus(MINUTE));
            let seq = self.number();
            self.add(Event { arrives: recorded, recorded, seq, flaw: Flaw::None, ..target });
        }
    }
}
