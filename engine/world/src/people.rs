//! Citizens as they are at the start: age, sex, name, number, home, work, papers.

use std::fmt;

use chrono::NaiveDate;
use serde::Serialize;

use crate::calendar::Day;
use crate::dice::Dice;
use crate::families;
use crate::names::Name;
use crate::places::{Home, Number, Numbers};
use crate::rates::{self, by_age};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sex {
    Female,
    Male,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marital {
    Single,
    Married,
    Divorced,
    Widowed,
}

/// Everything known about a citizen at the start; people are places in one list.
#[derive(Clone, Copy)]
pub(crate) struct Citizen {
    pub(crate) number: Number,
    pub(crate) name: Name,
    pub(crate) sex: Sex,
    pub(crate) birth: Day,
    pub(crate) home: Home,
    pub(crate) marital: Marital,
    pub(crate) mother: Option<u32>,
    pub(crate) father: Option<u32>,
    pub(crate) spouse: Option<u32>,
    pub(crate) first_child: Option<u32>,
    /// The next child of the same mother.
    pub(crate) next_sibling: Option<u32>,
    pub(crate) card_expires: Option<Day>,
    pub(crate) licence_expires: Option<Day>,
    pub(crate) employed: bool,
    pub(crate) insured_months: Option<u16>,
    /// The scheme of social insurance that was paid into last: `compulsory`, `voluntary` or `none`.
    pub(crate) scheme: Option<&'static str>,
    pub(crate) household: Option<&'static str>,
    pub(crate) english: bool,
}

/// Ages at which an identity card must be renewed (Identity Law 26/2023/QH15, article 21).
pub(crate) const CARD_AGES: [u32; 4] = [14, 25, 40, 60];

/// Citizens in a hundred whose welfare status, or insured months, nobody has stated: assumed.
const UNSTATED_PERCENT: u32 = 2;

/// The population at `start`, and the numbers that are left for the newborn.
pub(crate) fn populate(seed: u64, count: u32, start: Day, dice: &mut Dice) -> (Vec<Citizen>, Numbers) {
    let mut numbers = Numbers::new(seed);
    let mut people: Vec<Citizen> = (0..count).map(|_| unborn(dice, start)).collect();
    families::marry(&mut people, start, dice);
    families::give_parents(&mut people, dice);
    let mut oldest_first: Vec<u32> = (0..count).collect();
    oldest_first.sort_unstable_by_key(|&who| (people[who as usize].birth, who));
    let mut settled = vec![false; people.len()];
    for who in oldest_first {
        settle(&mut people, &settled, who, start, dice);
        let citizen = &people[who as usize];
        let number = numbers.give(dice, citizen.home, citizen.sex, citizen.birth.year());
        people[who as usize].number = number;
        settled[who as usize] = true;
    }
    (people, numbers)
}

/// Someone of a drawn age and sex, whose home, name and number [`settle`] replaces.
fn unborn(dice: &mut Dice, start: Day) -> Citizen {
    let years = i32::from(dice.weighted(&rates::AGES));
    let days = years * 146_097 / 400 + dice.below(5 * 146_097 / 400) as i32;
    let men = by_age(&rates::MEN_PERCENT, days * 400 / 146_097);
    let sex = if dice.percent(men) { Sex::Male } else { Sex::Female };
    let (name, home) = (Name::draw(dice, sex, None), Home::draw(dice));
    blank(name, sex, start.plus(-1 - days), home)
}

/// A child born during the period to `mother`, who now lives at `home`.
pub(crate) fn newborn(
    people: &[Citizen],
    mother: u32,
    home: Home,
    birth: Day,
    numbers: &mut Numbers,
    dice: &mut Dice,
) -> Citizen {
    let sex = if dice.below(1_000) < rates::BOYS_PER_THOUSAND { Sex::Male } else { Sex::Female };
    let name = Name::draw(dice, sex, Some(people[mother as usize].name));
    let number = numbers.give(dice, home, sex, birth.year());
    Citizen { number, mother: Some(mother), ..blank(name, sex, birth, home) }
}

fn blank(name: Name, sex: Sex, birth: Day, home: Home) -> Citizen {
    Citizen {
        number: Number::default(),
        name,
        sex,
        birth,
        home,
        marital: Marital::Single,
        mother: None,
        father: None,
        spouse: None,
        first_child: None,
        next_sibling: None,
        card_expires: None,
        licence_expires: None,
        employed: false,
        insured_months: None,
        scheme: None,
        household: None,
        english: false,
    }
}

/// Gives someone a home (with the spouse or the mother, where those are settled), a name, work and papers.
fn settle(people: &mut [Citizen], settled: &[bool], who: u32, start: Day, dice: &mut Dice) {
    let old = people[who as usize];
    let age = old.birth.years_to(start);
    let known = |other: Option<u32>| {
        other.filter(|&other| settled[other as usize]).map(|other| people[other as usize])
    };
    let parent = known(old.father).or_else(|| known(old.mother));
    let at_home = age < 20 || old.marital == Marital::Single && dice.percent(55);
    let house = known(old.spouse).or(known(old.mother).filter(|_| at_home));
    let (home, household) = match house {
        Some(house) => (house.home, house.household),
        None => (Home::draw(dice), welfare(dice)),
    };
    let employed = age < 62 && dice.percent(by_age(&rates::EMPLOYED_PERCENT, age));
    people[who as usize] = Citizen {
        name: Name::draw(dice, old.sex, parent.map(|parent| parent.name)),
        home,
        household,
        employed,
        insured_months: insured_months(dice, age, employed),
        card_expires: card(dice, old.birth, start),
        licence_expires: licence(dice, age, start),
        english: age >= 18 && dice.percent(1),
        ..old
    };
}

/// Poor and near-poor households: about 1.3 and 2.4 % of households (Ministry of Agriculture and Environment, end of
/// 2025, recalled).
pub(crate) fn welfare(dice: &mut Dice) -> Option<&'static str> {
    let status = dice.weighted(&[("none", 963), ("near_poor", 24), ("poor", 13)]);
    (!dice.percent(UNSTATED_PERCENT)).then_some(status)
}

pub(crate) fn insured_months(dice: &mut Dice, age: i32, employed: bool) -> Option<u16> {
    if age < 18 {
        return Some(0);
    }
    let longest = (age.min(60) - 17) as u32 * 12;
    let months = match employed {
        true => 1 + dice.below(longest),
        false if dice.percent(45) => dice.below(longest / 2),
        false => 0,
    };
    (!dice.percent(UNSTATED_PERCENT)).then_some(months as u16)
}

/// Gives everyone the scheme they paid into last. Of those who paid but have no job, four in ten chose the voluntary one
/// (assumed).
pub(crate) fn insure(people: &mut [Citizen], dice: &mut Dice) {
    for citizen in people {
        let chose = dice.percent(40);
        citizen.scheme = citizen.insured_months.map(|months| match months {
            0 if !citizen.employed => "none",
            _ if !citizen.employed && chose => "voluntary",
            _ => "compulsory",
        });
    }
}

/// When the card in someone's hands expires: at the next of the ages in [`CARD_AGES`]; one in five children has one;
/// some renewed early, which holds to the age after next (article 21(2)); some are late.
pub(crate) fn card(dice: &mut Dice, birth: Day, start: Day) -> Option<Day> {
    let has = start >= birth.birthday(14) || dice.percent(20);
    let early = dice.percent(25);
    let late = dice.percent(12);
    let turns = |age: u32| birth.birthday(age);
    let next = CARD_AGES.iter().position(|&age| start < turns(age));
    let expires = match next {
        None if late && start < turns(61) => turns(60),
        None => Day::NEVER,
        Some(next) if late && next > 1 && start < turns(CARD_AGES[next - 1] + 1) => {
            turns(CARD_AGES[next - 1])
        }
        Some(next) if early && next > 0 && start.plus(700) > turns(CARD_AGES[next]) => {
            CARD_AGES.get(next + 1).map_or(Day::NEVER, |&age| turns(age))
        }
        Some(next) => turns(CARD_AGES[next]),
    };
    has.then_some(expires)
}

pub(crate) fn licence(dice: &mut Dice, age: i32, start: Day) -> Option<Day> {
    let drives = (19..68).contains(&age) && dice.percent(rates::DRIVERS_PERCENT);
    drives.then(|| start.plus(dice.between(-20, 3_652)))
}

/// A citizen as the population database knows them at the start: the columns of the bulk load. `None` is not known,
/// or nobody. Its `Debug` prints nothing personal.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// National number, 12 digits.
    pub number: String,
    /// Family, middle and given name as one text in NFC.
    pub full_name: String,
    /// Date of birth.
    pub birth_date: NaiveDate,
    /// `M` or `F`.
    pub sex: &'static str,
    /// Province of residence: 2 digits.
    pub province: &'static str,
    /// Commune of residence: 5 digits, made up.
    pub commune: String,
    /// `single`, `married`, `divorced` or `widowed`.
    pub marital_status: &'static str,
    /// `vi` or `en`.
    pub language: &'static str,
    /// When the identity card expires; 9999-12-31 for a card without a term, `None` for someone without a card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card_expires_on: Option<NaiveDate>,
    /// `poor`, `near_poor` or `none`; `None` when nobody has stated it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub household_status: Option<&'static str>,
    /// Whether there is a running contract.
    pub employed: bool,
    /// Months of social insurance so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insured_months: Option<u16>,
    /// The scheme of social insurance that was paid into last: `compulsory`, `voluntary` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insurance_scheme: Option<&'static str>,
    /// When the driving licence ends; `None` for someone without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence_expires_on: Option<NaiveDate>,
    /// National number of the mother.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mother: Option<String>,
    /// National number of the father.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub father: Option<String>,
    /// National number of the spouse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spouse: Option<String>,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person([personal])")
    }
}

impl Person {
    /// The header of the bulk load, in the order that [`Self::csv`] follows.
    pub(crate) const COLUMNS: &'static str = "number,full_name,birth_date,sex,province,commune,marital_status,\
        language,card_expires_on,household_status,employed,insured_months,insurance_scheme,licence_expires_on,\
        mother,father,spouse";

    pub(crate) fn of(people: &[Citizen], citizen: &Citizen) -> Self {
        let number = |who: Option<u32>| who.map(|who| people[who as usize].number.to_string());
        Self {
            number: citizen.number.to_string(),
            full_name: citizen.name.to_string(),
            birth_date: citizen.birth.date(),
            sex: match citizen.sex {
                Sex::Female => "F",
                Sex::Male => "M",
            },
            province: citizen.home.province(),
            commune: citizen.home.commune().to_string(),
            marital_status: match citizen.marital {
                Marital::Single => "single",
                Marital::Married => "married",
                Marital::Divorced => "divorced",
                Marital::Widowed => "widowed",
            },
            language: if citizen.english { "en" } else { "vi" },
            card_expires_on: citizen.card_expires.map(Day::date),
            household_status: citizen.household,
            employed: citizen.employed,
            insured_months: citizen.insured_months,
            insurance_scheme: citizen.scheme,
            licence_expires_on: citizen.licence_expires.map(Day::date),
            mother: number(citizen.mother),
            father: number(citizen.father),
            spouse: number(citizen.spouse),
        }
    }

    /// One line of CSV. No value holds a comma, a quote or a line break (a test on names says so).
    pub(crate) fn csv(&self) -> String {
        fn text(value: Option<impl fmt::Display>) -> String {
            value.map(|value| value.to_string()).unwrap_or_default()
        }
        [
            self.number.clone(),
            self.full_name.clone(),
            self.birth_date.to_string(),
            self.sex.to_owned(),
            self.province.to_owned(),
            self.commune.clone(),
            self.marital_status.to_owned(),
            self.language.to_owned(),
            text(self.card_expires_on),
            text(self.household_status),
            self.employed.to_string(),
            text(self.insured_months),
            text(self.insurance_scheme),
            text(self.licence_expires_on),
            text(self.mother.as_ref()),
            text(self.father.as_ref()),
            text(self.spouse.as_ref()),
        ]
        .join(",")
    }
}
