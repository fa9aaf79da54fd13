//! Columns of which nothing is known but their type: every value as likely as any other.

use super::column::Source;
use super::{Cell, Kind, Row, Wanted};

/// Cells in a hundred that are NULL.
const UNSTATED_PERCENT: u64 = 2;
/// Rows in a thousand to which a life event happens that nothing is known of, in the whole period.
const HAPPENS_PER_THOUSAND: u64 = 20;
/// Whole numbers lie below this.
const INTS: u64 = 240;
/// Dates of facts lie within so many days before the period, dates of events within so many around the event.
const PAST_DAYS: u64 = 40 * 365;
const AROUND_DAYS: u64 = 120;
const BEFORE_DAYS: i32 = 30;
/// Facts that say until when something holds: how many people in a hundred have it, and how many days from a month before
/// the period on it ends. All of it assumed, so that some of each end in the period.
const ENDS: [(&str, u64, u64); 5] = [
    ("subject.passport_expires_on", 15, 3_652),
    ("subject.temporary_residence_until", 8, 760),
    ("subject.maternity_leave_until", 2, 213),
    ("subject.health_card_until", 90, 395),
    ("subject.next_inspection", 25, 760),
];
/// Texts without a closed list.
const TEXTS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

/// How a column is assumed to be.
#[derive(Debug)]
pub(super) struct Assumed {
    salt: u64,
    wanted: Wanted,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Of a person.
    Fact,
    /// Until when something of a person's holds: how many in a hundred have it, and for how many days at most.
    Ends(u64, u64),
    /// Whether and when something happens.
    Time,
    /// Of what happens at a time.
    Field(Box<Source>),
}

impl Assumed {
    pub(super) fn of(wanted: &Wanted) -> Self {
        let place = match wanted.name.split_once(':') {
            None => match ENDS.iter().find(|(name, ..)| *name == wanted.name) {
                Some(&(_, percent, days)) => Place::Ends(percent, days),
                None => Place::Fact,
            },
            Some((_, "time")) => Place::Time,
            Some((life_event, _)) => {
                let time =
                    Wanted { name: format!("{life_event}:time"), kind: Kind::Date, values: Vec::new() };
                Place::Field(Box::new(Source::of(&time)))
            }
        };
        // FNV-1a: columns draw apart from each other, whatever their order.
        let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let salt = wanted.name.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
        Self { salt, wanted: wanted.clone(), place }
    }

    pub(super) fn cell<'r>(&'r self, row: &'r Row<'_>) -> Cell<'r> {
        let mut chance = Chance(self.salt ^ mixed(row.population.seed ^ mixed(row.number)));
        let from = row.population.period.from;
        let first = match &self.place {
            Place::Time => {
                let days = u64::from(row.population.period.to.0.abs_diff(from.0));
                let happens = chance.below(1_000) < HAPPENS_PER_THOUSAND;
                let day = from.plus(chance.below(days) as i32);
                return if happens { Cell::Date(day.0) } else { Cell::Null };
            }
            Place::Ends(percent, days) => {
                let (has, day) = (chance.below(100) < *percent, chance.below(*days) as i32);
                return if has { Cell::Date(from.0 - BEFORE_DAYS + day) } else { Cell::Null };
            }
            Place::Fact => from.0 - chance.below(PAST_DAYS) as i32,
            Place::Field(time) => match time.cell(row) {
                Cell::Date(time) => time - BEFORE_DAYS + chance.below(AROUND_DAYS) as i32,
                _ => return Cell::Null,
            },
        };
        if chance.below(100) < UNSTATED_PERCENT {
            return Cell::Null;
        }
        if self.wanted.kind == Kind::Date { Cell::Date(first) } else { self.value(&mut chance) }
    }

    fn value(&self, chance: &mut Chance) -> Cell<'_> {
        match self.wanted.kind {
            Kind::Bool => Cell::Bool(chance.below(2) == 1),
            Kind::Int => Cell::Int(chance.below(INTS) as i64),
            Kind::Text if self.wanted.values.is_empty() => {
                Cell::Text(TEXTS[chance.below(TEXTS.len() as u64) as usize])
            }
            Kind::Text => {
                Cell::Text(&self.wanted.values[chance.below(self.wanted.values.len() as u64) as usize])
            }
            Kind::Link => Cell::Bool(true),
            Kind::Date => Cell::Null,
        }
    }
}

struct Chance(u64);

impl Chance {
    /// A number below `bound`, 0 when that is 0.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        ((u128::from(mixed(self.0)) * u128::from(bound)) >> 64) as u64
    }
}

/// SplitMix64's output function (Steele, Lea and Flood, OOPSLA 2014).
const fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
