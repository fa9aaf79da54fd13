//! Somebody, and those they are linked to.

use crate::calendar::Day;
use crate::dice::Dice;
use crate::people::{self, Marital, Sex};
use crate::places::Home;
use crate::rates::{self, by_age};

/// Whose facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Me,
    Mother,
    Father,
    Spouse,
}

impl Who {
    pub(super) const ALL: [Self; 4] = [Self::Me, Self::Mother, Self::Father, Self::Spouse];

    pub(super) fn of_link(link: &str) -> Option<Self> {
        match link {
            "mother" => Some(Self::Mother),
            "father" => Some(Self::Father),
            "spouse" => Some(Self::Spouse),
            _ => None,
        }
    }
}

/// Citizens in a hundred whose commune, and whose work, nobody has stated: assumed.
const COMMUNE_UNSTATED: u32 = 1;
const WORK_UNSTATED: u32 = 2;
/// Children in a hundred whose mother is on record, and of those, whose father is: assumed.
const MOTHER_KNOWN: u32 = 97;
const FATHER_KNOWN: u32 = 96;
/// People in a hundred who are still alive, below an age: shaped like the WHO life table of 2019.
const ALIVE: [(i32, u32); 5] = [(50, 97), (65, 90), (75, 75), (85, 45), (200, 12)];

/// What is known of one person.
#[derive(Clone, Copy)]
pub(super) struct One {
    pub(super) birth: Day,
    pub(super) sex: Sex,
    pub(super) home: Home,
    pub(super) home_known: bool,
    pub(super) household: Option<&'static str>,
    pub(super) marital: Marital,
    pub(super) employed: bool,
    pub(super) work_known: bool,
    pub(super) insured_months: Option<u16>,
    pub(super) card: Option<Day>,
    pub(super) licence: Option<Day>,
    pub(super) english: bool,
    pub(super) children: u8,
    pub(super) youngest: Option<Day>,
    pub(super) died: Option<Day>,
}

/// A citizen, with mother, father and spouse as far as there are such people, in the order of [`Who::ALL`].
pub(super) fn family(dice: &mut Dice, start: Day) -> [Option<One>; 4] {
    let days = i32::from(dice.weighted(&rates::AGES)) * 146_097 / 400 + dice.below(5 * 146_097 / 400) as i32;
    let age = days * 400 / 146_097;
    let birth = start.plus(-1 - days);
    let sex = if dice.percent(by_age(&rates::MEN_PERCENT, age)) { Sex::Male } else { Sex::Female };
    let (home, household) = (Home::anywhere(dice), people::welfare(dice));
    let marital = marital(dice, sex, age);
    let me = One { marital, ..one(dice, birth, sex, (home, household), start) };
    let me = with_children(dice, me, age);
    let mother_older = dice.pick(&[21, 24, 24, 26, 26, 28, 31, 34, 38]);
    let mut parents = |known: u32, sex: Sex, older: i32| {
        let birth = birth.plus(-older * 146_097 / 400 - dice.below(365) as i32);
        let age = birth.years_to(start);
        let there = dice.percent(known) && dice.percent(by_age(&ALIVE, age));
        let house = if lives_at_home(me.birth, start) {
            (home, household)
        } else {
            (Home::anywhere(dice), people::welfare(dice))
        };
        let married = if dice.percent(80) { Marital::Married } else { Marital::Divorced };
        let parent = One { marital: married, ..one(dice, birth, sex, house, start) };
        there.then(|| One { children: 1 + dice.below(3) as u8, youngest: Some(me.birth), ..parent })
    };
    let mother = parents(MOTHER_KNOWN, Sex::Female, mother_older);
    let father = parents(FATHER_KNOWN, Sex::Male, mother_older + 3);
    let spouse = spouse(dice, &me, start);
    [Some(me), mother, father, spouse]
}

/// Those who live where their parents do.
fn lives_at_home(birth: Day, start: Day) -> bool {
    birth.years_to(start) < 20
}

fn one(
    dice: &mut Dice,
    birth: Day,
    sex: Sex,
    (home, household): (Home, Option<&'static str>),
    start: Day,
) -> One {
    let age = birth.years_to(start);
    let employed = age < 62 && dice.percent(by_age(&rates::EMPLOYED_PERCENT, age));
    One {
        birth,
        sex,
        home,
        home_known: !dice.percent(COMMUNE_UNSTATED),
        household,
        marital: Marital::Single,
        employed,
        work_known: !dice.percent(WORK_UNSTATED),
        insured_months: people::insured_months(dice, age, employed),
        card: people::card(dice, birth, start),
        licence: people::licence(dice, age, start),
        english: age >= 18 && dice.percent(1),
        children: 0,
        youngest: None,
        died: None,
    }
}

/// As in the synthetic province; men are as often married as women two years younger.
fn marital(dice: &mut Dice, sex: Sex, age: i32) -> Marital {
    let of_wife = if sex == Sex::Male { age - 2 } else { age };
    if age >= 19 && dice.percent(by_age(&rates::WIVES_PERCENT, of_wife)) {
        return Marital::Married;
    }
    let [widow, divorcee, widower, divorced] = by_age(&rates::ALONE_PERCENT, age);
    let (gone, parted) = if sex == Sex::Female { (widow, divorcee) } else { (widower, divorced) };
    match dice.below(100) {
        roll if age < 19 || roll >= gone + parted => Marital::Single,
        roll if roll < gone => Marital::Widowed,
        _ => Marital::Divorced,
    }
}

fn with_children(dice: &mut Dice, me: One, age: i32) -> One {
    let most = dice.weighted(&[(0_u8, 5), (1, 20), (2, 50), (3, 25)]);
    let room = ((age - 20).clamp(0, 12) / 3) as u8;
    let children = if me.marital == Marital::Single { 0 } else { most.min(room) };
    let since = (age - 21).clamp(1, 40) as u32 * 365;
    let youngest = me.birth.plus(21 * 366 + dice.below(since.min(15 * 365)) as i32);
    One { children, youngest: (children > 0).then_some(youngest), ..me }
}

fn spouse(dice: &mut Dice, me: &One, start: Day) -> Option<One> {
    let older =
        dice.weighted(&[(-1, 8), (0, 14), (1, 16), (2, 17), (3, 15), (4, 12), (5, 8), (7, 6), (9, 4)]);
    let (sex, years) = if me.sex == Sex::Female { (Sex::Male, -older) } else { (Sex::Female, older) };
    // Nobody marries before 18.
    let birth = me.birth.plus(years * 365).min(start.plus(-18 * 366));
    let other = one(dice, birth, sex, (me.home, me.household), start);
    let other = One { marital: Marital::Married, children: me.children, youngest: me.youngest, ..other };
    (me.marital == Marital::Married).then_some(other)
}
