//! Who is married to whom and whose child is who, at the start.

use crate::calendar::Day;
use crate::dice::Dice;
use crate::people::{Citizen, Marital, Sex};
use crate::rates::{self, by_age};

/// The youngest age of a parent, in days, and the oldest age of a mother.
const PARENT_DAYS: i32 = 18 * 366;
const MOTHER_DAYS: i32 = 45 * 365;

/// Days that lie between two children of one mother.
const SIBLING_DAYS: u32 = 300;

/// Candidates looked at before a child stays without a mother.
const TRIES: u32 = 6;

/// Children in a hundred of a married mother whose father is her husband: assumed.
const FATHER_PERCENT: u32 = 96;

/// People by year of birth, to draw from.
struct ByYear {
    first: i32,
    years: Vec<Vec<u32>>,
}

impl ByYear {
    fn new(people: &[Citizen]) -> Self {
        let years = |citizen: &Citizen| citizen.birth.year();
        let first = people.iter().map(years).min().unwrap_or_default();
        let last = people.iter().map(years).max().unwrap_or_default();
        Self { first, years: vec![Vec::new(); (last - first + 1) as usize] }
    }

    fn add(&mut self, year: i32, who: u32) {
        self.years[(year - self.first) as usize].push(who);
    }

    /// Takes someone out who was born in `year` or, where nobody is left, within `reach` years of it.
    fn take(&mut self, dice: &mut Dice, year: i32, reach: i32) -> Option<u32> {
        let near = (0..=reach).flat_map(|step| [year - step, year + step]);
        for year in near {
            let place = usize::try_from(year - self.first).ok();
            if let Some(left) =
                place.and_then(|place| self.years.get_mut(place)).filter(|left| !left.is_empty())
            {
                let nth = dice.below(left.len() as u32) as usize;
                return Some(left.swap_remove(nth));
            }
        }
        None
    }
}

/// Marries women to men a little older, and says of the others whether they are single, divorced or widowed.
pub(crate) fn marry(people: &mut [Citizen], start: Day, dice: &mut Dice) {
    let mut men = ByYear::new(people);
    let grown = |citizen: &Citizen| start >= citizen.birth.birthday(21);
    for (who, citizen) in
        people.iter().enumerate().filter(|(_, citizen)| citizen.sex == Sex::Male && grown(citizen))
    {
        men.add(citizen.birth.year(), who as u32);
    }
    for who in 0..people.len() {
        let Citizen { sex, birth, .. } = people[who];
        let wed = by_age(&rates::WIVES_PERCENT, birth.years_to(start));
        if sex == Sex::Male || !dice.percent(wed) {
            continue;
        }
        let older =
            dice.weighted(&[(-1, 8), (0, 14), (1, 16), (2, 17), (3, 15), (4, 12), (5, 8), (7, 6), (9, 4)]);
        if let Some(husband) = men.take(dice, birth.year() - older, 6) {
            people[who].spouse = Some(husband);
            people[who].marital = Marital::Married;
            people[husband as usize].spouse = Some(who as u32);
            people[husband as usize].marital = Marital::Married;
        }
    }
    for citizen in people.iter_mut().filter(|citizen| citizen.spouse.is_none()) {
        let [widow, divorcee, widower, divorced] =
            by_age(&rates::ALONE_PERCENT, citizen.birth.years_to(start));
        let (gone, parted) = if citizen.sex == Sex::Female { (widow, divorcee) } else { (widower, divorced) };
        citizen.marital = match dice.below(100) {
            roll if citizen.birth.years_to(start) < 19 || roll >= gone + parted => Marital::Single,
            roll if roll < gone => Marital::Widowed,
            _ => Marital::Divorced,
        };
    }
}

/// Finds a mother for the young first and then for as many of the old as there are mothers left.
pub(crate) fn give_parents(people: &mut [Citizen], dice: &mut Dice) {
    let mut mothers = ByYear::new(people);
    for (who, citizen) in people.iter().enumerate().filter(|(_, citizen)| citizen.sex == Sex::Female) {
        let most = if citizen.marital != Marital::Single || dice.percent(4) {
            dice.weighted(&[(0, 5), (1, 20), (2, 50), (3, 25)])
        } else {
            0
        };
        for _ in 0..most {
            mothers.add(citizen.birth.year(), who as u32);
        }
    }
    let mut youngest_first: Vec<u32> = (0..people.len() as u32).collect();
    youngest_first.sort_unstable_by_key(|&who| (std::cmp::Reverse(people[who as usize].birth), who));
    for child in youngest_first {
        if let Some(mother) = find_mother(people, &mut mothers, child, dice) {
            link(people, child, mother, dice);
        }
    }
}

fn find_mother(people: &[Citizen], mothers: &mut ByYear, child: u32, dice: &mut Dice) -> Option<u32> {
    let year = people[child as usize].birth.year();
    let mut passed_over = Vec::new();
    let mut found = None;
    for _ in 0..TRIES {
        let age = dice.weighted(&[(21, 12), (24, 22), (26, 22), (28, 18), (31, 13), (34, 8), (38, 5)]);
        let born = year - age - dice.between(-1, 1);
        let Some(mother) = mothers.take(dice, born, 6) else { break };
        if could_be_mother(people, mother, child) {
            found = Some(mother);
            break;
        }
        passed_over.push(mother);
    }
    for mother in passed_over {
        mothers.add(people[mother as usize].birth.year(), mother);
    }
    found
}

fn could_be_mother(people: &[Citizen], mother: u32, child: u32) -> bool {
    let born = people[child as usize].birth;
    let age = born.0 - people[mother as usize].birth.0;
    let far = |other: u32| people[other as usize].birth.0.abs_diff(born.0) > SIBLING_DAYS;
    (PARENT_DAYS..=MOTHER_DAYS).contains(&age) && children(people, mother).all(far)
}

/// The children of someone whom the citizens include, the oldest first.
pub(crate) fn children(people: &[Citizen], parent: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(people[parent as usize].first_child, |&child| people[child as usize].next_sibling)
}

fn link(people: &mut [Citizen], child: u32, mother: u32, dice: &mut Dice) {
    people[child as usize].mother = Some(mother);
    people[child as usize].next_sibling = people[mother as usize].first_child;
    people[mother as usize].first_child = Some(child);
    let born = people[child as usize].birth;
    let of_age = |man: &u32| born.0 - people[*man as usize].birth.0 >= PARENT_DAYS;
    let father = people[mother as usize].spouse.filter(of_age);
    if let Some(father) = father.filter(|_| dice.percent(FATHER_PERCENT)) {
        people[child as usize].father = Some(father);
        people[father as usize].first_child = Some(child);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Stream;
    use crate::people::populate;

    #[test]
    fn families_hold_together() {
        let start = Day::of("2026-01-01".parse().unwrap());
        let (people, _) = populate(11, 5_000, start, &mut Dice::new(11, Stream::People));
        for (who, citizen) in people.iter().enumerate() {
            let who = who as u32;
            if let Some(spouse) = citizen.spouse {
                let spouse = &people[spouse as usize];
                assert!(
                    spouse.spouse == Some(who) && spouse.sex != citizen.sex && spouse.home == citizen.home
                );
                assert!(start >= citizen.birth.birthday(18), "married under age");
            }
            assert_eq!(citizen.spouse.is_some(), citizen.marital == Marital::Married);
            if let Some(mother) = citizen.mother {
                assert!(citizen.birth >= people[mother as usize].birth.birthday(18));
                assert!(children(&people, mother).any(|child| child == who));
            }
            if let Some(father) = citizen.father {
                assert!(people[father as usize].sex == Sex::Male);
                assert!(citizen.birth >= people[father as usize].birth.birthday(18));
            }
        }
    }

    #[test]
    fn nearly_every_child_has_a_mother_and_most_a_father() {
        let start = Day::of("2026-01-01".parse().unwrap());
        let (people, _) = populate(12, 20_000, start, &mut Dice::new(12, Stream::People));
        let minors: Vec<&Citizen> =
            people.iter().filter(|citizen| start < citizen.birth.birthday(18)).collect();
        let share = |with: &dyn Fn(&Citizen) -> bool| {
            minors.iter().filter(|minor| with(minor)).count() * 100 / minors.len()
        };
        assert!(share(&|minor| minor.mother.is_some()) >= 97);
        assert!((70..99).contains(&share(&|minor| minor.father.is_some())));
    }
}
