//! Provinces, communes, and the national numbers that say where someone was born.

use std::fmt;

use crate::dice::Dice;
use crate::people::Sex;

/// Province codes in force since 2025-07-01 (Decision 19/2025/QD-TTg).
const PROVINCES: [&str; 34] = [
    "01", "04", "08", "11", "12", "14", "15", "19", "20", "22", "24", "25", "31", "33", "37", "38", "40",
    "42", "44", "46", "48", "51", "52", "56", "66", "68", "75", "79", "80", "82", "86", "91", "92", "96",
];

/// Place of birth in a national number, by the 63 provinces before the mergers (Circular 59/2021/TT-BCA), with the
/// present province of each.
const BIRTHPLACES: [(u16, &str); 63] = [
    (1, "01"),
    (2, "08"),
    (4, "04"),
    (6, "19"),
    (8, "08"),
    (10, "15"),
    (11, "11"),
    (12, "12"),
    (14, "14"),
    (15, "15"),
    (17, "25"),
    (19, "19"),
    (20, "20"),
    (22, "22"),
    (24, "24"),
    (25, "25"),
    (26, "25"),
    (27, "24"),
    (30, "31"),
    (31, "31"),
    (33, "33"),
    (34, "33"),
    (35, "37"),
    (36, "37"),
    (37, "37"),
    (38, "38"),
    (40, "40"),
    (42, "42"),
    (44, "44"),
    (45, "44"),
    (46, "46"),
    (48, "48"),
    (49, "48"),
    (51, "51"),
    (52, "52"),
    (54, "66"),
    (56, "56"),
    (58, "56"),
    (60, "68"),
    (62, "51"),
    (64, "52"),
    (66, "66"),
    (67, "68"),
    (68, "68"),
    (70, "75"),
    (72, "80"),
    (74, "79"),
    (75, "75"),
    (77, "79"),
    (79, "79"),
    (80, "80"),
    (82, "82"),
    (83, "86"),
    (84, "86"),
    (86, "86"),
    (87, "82"),
    (89, "91"),
    (91, "91"),
    (92, "92"),
    (93, "92"),
    (94, "92"),
    (95, "96"),
    (96, "96"),
];

/// Hundreds of thousands of people in each of [`PROVINCES`], after Resolution 202/2025/QH15: recalled, not opened.
const PEOPLE: [u32; 34] = [
    88, 6, 19, 7, 5, 14, 18, 18, 9, 15, 36, 40, 47, 36, 44, 43, 38, 16, 19, 14, 31, 22, 36, 22, 34, 39, 45,
    140, 33, 44, 43, 50, 42, 26,
];

/// Communes in each province: the nation has 3,321 in 34 provinces. Their codes here are made up (the province's two
/// digits and three more), so that no real commune is described.
const COMMUNES: u32 = 98;

/// Citizens in a hundred who are registered in the home province at the start (an assumption): the others are kin and
/// absent workers whom its services also know.
const AT_HOME_PERCENT: u32 = 92;

/// Movers in a hundred who stay in their province (an assumption).
const WITHIN_PROVINCE_PERCENT: u32 = 70;

/// People in a hundred who were born in the province where their family lives (an assumption).
const BORN_THERE_PERCENT: u32 = 85;

/// Where someone is registered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Home {
    province: u8,
    commune: u8,
}

impl Home {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let province = if dice.percent(AT_HOME_PERCENT) { 0 } else { dice.below(PROVINCES.len() as u32) };
        Self::in_province(dice, province as u8)
    }

    /// Anywhere in the nation, each province as likely as its share of the people.
    pub(crate) fn anywhere(dice: &mut Dice) -> Self {
        let mut left = dice.below(PEOPLE.iter().sum());
        let found = PEOPLE.iter().position(|&people| {
            let here = left < people;
            left = left.saturating_sub(people);
            here
        });
        Self::in_province(dice, found.unwrap_or_default() as u8)
    }

    /// The code of every commune, by [`Self::place`].
    pub(crate) fn communes() -> Vec<String> {
        let home =
            |place: u32| Self { province: (place / COMMUNES) as u8, commune: (place % COMMUNES) as u8 + 1 };
        (0..PROVINCES.len() as u32 * COMMUNES).map(|place| home(place).commune().to_string()).collect()
    }

    /// A number of its own for each commune of the nation, from 0.
    pub(crate) fn place(self) -> usize {
        usize::from(self.province) * COMMUNES as usize + usize::from(self.commune) - 1
    }

    fn in_province(dice: &mut Dice, province: u8) -> Self {
        Self { province, commune: dice.below(COMMUNES) as u8 + 1 }
    }

    /// Somewhere else.
    pub(crate) fn moved(self, dice: &mut Dice) -> Self {
        let province = if dice.percent(WITHIN_PROVINCE_PERCENT) {
            self.province
        } else {
            dice.below(PROVINCES.len() as u32) as u8
        };
        let new = Self::in_province(dice, province);
        if new == self { Self { commune: self.commune % COMMUNES as u8 + 1, ..new } } else { new }
    }

    pub(crate) fn province(self) -> &'static str {
        PROVINCES[usize::from(self.province)]
    }

    pub(crate) fn commune(self) -> impl fmt::Display {
        Commune(self)
    }

    /// A small number that is the same for the whole commune.
    pub(crate) fn commune_number(self) -> u8 {
        self.commune
    }
}

struct Commune(Home);

impl fmt::Display for Commune {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:03}", self.0.province(), self.0.commune)
    }
}

/// A national number: 12 digits.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Number(u64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

/// Gives out national numbers, each once.
pub(crate) struct Numbers {
    seed: u64,
    given: Vec<u32>,
}

impl Numbers {
    /// Numbers for one place, century, sex and year: the last six digits.
    const SPAN: u64 = 1_000_000;
    /// Shares no factor with [`Self::SPAN`], so counting up visits every last six digits once before any twice.
    const STEP: u64 = 618_033;

    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, given: vec![0; BIRTHPLACES.len() * 1_000] }
    }

    /// The number of someone born in `year` whose family lives at `home`: place of birth, century and sex, two digits
    /// of the year, six more (Identity Law 26/2023/QH15, article 12).
    pub(crate) fn give(&mut self, dice: &mut Dice, home: Home, sex: Sex, year: i32) -> Number {
        let place = if dice.percent(BORN_THERE_PERCENT) {
            birthplace_in(dice, home.province())
        } else {
            dice.below(BIRTHPLACES.len() as u32) as usize
        };
        let century = ((year - 1900) / 100).clamp(0, 4) as usize * 2 + usize::from(sex == Sex::Female);
        let group = (place * 10 + century) * 100 + year.rem_euclid(100) as usize;
        let count = u64::from(self.given[group]);
        self.given[group] += 1;
        let first = (self.seed ^ group as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let last_six = (first + count * Self::STEP) % Self::SPAN;
        let middle = (century * 100 + year.rem_euclid(100) as usize) as u64;
        Number((u64::from(BIRTHPLACES[place].0) * 1_000 + middle) * Self::SPAN + last_six)
    }
}

fn birthplace_in(dice: &mut Dice, province: &str) -> usize {
    let inside = |place: &usize| BIRTHPLACES[*place].1 == province;
    let count = (0..BIRTHPLACES.len()).filter(inside).count();
    let nth = dice.below(count as u32) as usize;
    (0..BIRTHPLACES.len()).filter(inside).nth(nth).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Stream;

    #[test]
    fn every_province_has_a_place_of_birth_and_the_other_way_round() {
        for province in PROVINCES {
            assert!(BIRTHPLACES.iter().any(|(_, now)| *now == province), "{province}");
        }
        assert!(BIRTHPLACES.iter().all(|(_, now)| PROVINCES.contains(now)));
    }

    #[test]
    fn a_move_never_ends_where_it_began() {
        let mut dice = Dice::new(5, Stream::Lives);
        let mut home = Home::draw(&mut dice);
        for _ in 0..5_000 {
            let next = home.moved(&mut dice);
            assert!(next != home);
            home = next;
        }
    }

    #[test]
    fn one_place_sex_and_year_can_number_hundreds_of_thousands_of_people() {
        let mut dice = Dice::new(5, Stream::People);
        let mut numbers = Numbers::new(5);
        let home = Home { province: 0, commune: 1 };
        let mut seen: Vec<u64> =
            (0..300_000).map(|_| numbers.give(&mut dice, home, Sex::Male, 1999).0).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 300_000);
    }
}
