//! What people do as the calendar brings it, as they stand at the start: new cards and licences, pensions applied for; and the school
//! years that open. That an age, an end of a paper or a pension comes near, nobody reports.

use chrono::{Datelike, NaiveDate};

use crate::calendar::{Day, HOUR};
use crate::dice::Dice;
use crate::events::{About, Kind, Log, office, soon};
use crate::people::{CARD_AGES, Citizen, Sex};
use crate::rates;

/// From the first day to the day after the last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Period {
    pub(crate) from: Day,
    pub(crate) to: Day,
    pub(crate) months: u32,
}

impl Period {
    pub(crate) fn holds(&self, day: Day) -> bool {
        self.from <= day && day < self.to
    }

    fn any_day(&self, dice: &mut Dice) -> Day {
        self.from.plus(dice.below(self.to.0.abs_diff(self.from.0)) as i32)
    }
}

/// Insured months from which a pension is due (Social Insurance Law 41/2024/QH15, article 64: 15 years).
const PENSION_DUE_FROM: u16 = 180;

/// Days before the end of a card from which some exchange it (assumed).
const EARLY_DAYS: i32 = 60;

/// The grades that a child applies for, with the age reached in that calendar year and the service of each.
const GRADES: [(u8, i32, &str); 3] =
    [(1, 6, "tuyen-sinh-lop-1"), (6, 11, "tuyen-sinh-lop-6"), (10, 15, "tuyen-sinh-lop-10")];

/// Tells all of it. Whether the person still lives then is asked at the end, of every statement.
pub(crate) fn tell(people: &[Citizen], period: Period, dice: &mut Dice, log: &mut Log) {
    for (who, citizen) in people.iter().enumerate() {
        let mut teller = Teller { who: who as u32, citizen, period, dice: &mut *dice, log: &mut *log };
        teller.cards();
        teller.licence();
        teller.pension();
        teller.school();
    }
}

struct Teller<'a> {
    who: u32,
    citizen: &'a Citizen,
    period: Period,
    dice: &'a mut Dice,
    log: &'a mut Log,
}

impl Teller<'_> {
    /// Announced by the source in the morning of `day`.
    fn announce(&mut self, day: Day, kind: Kind) {
        let time = day.at(self.dice.seconds(6 * HOUR, 9 * HOUR));
        let recorded = soon(self.dice, time);
        self.log.tell(self.who, time, recorded, kind);
    }

    fn done_at_office(&mut self, day: Day, kind: impl Fn(Day) -> Kind) -> Day {
        let time = office(self.dice, day);
        let recorded = soon(self.dice, time);
        self.log.tell(self.who, time, recorded, kind(time.day()));
        time.day()
    }

    fn file(&mut self, service: &'static str, day: Day) {
        self.log.file(self.dice, self.who, service, day, About::Nothing);
    }

    /// The card in hand is number 1 and every later one counts up; those without a card start at 0.
    fn cards(&mut self) {
        let mut card = u8::from(self.citizen.card_expires.is_some());
        let lost = rates::CARDS_REPLACED / 12 * self.period.months;
        if self.citizen.card_expires.is_some_and(|expires| expires >= self.period.to.plus(180))
            && self.dice.per_million(lost)
        {
            let expires = self.citizen.card_expires.unwrap_or(Day::NEVER);
            let day = self.period.any_day(self.dice);
            self.done_at_office(day, |_| Kind::CardIssued { card: card + 1, expires });
            return;
        }
        for (place, age) in CARD_AGES.into_iter().enumerate() {
            let turns = self.citizen.birth.birthday(age);
            let first = age == CARD_AGES[0] && card == 0;
            let late = self.citizen.card_expires == Some(turns) && turns < self.period.from;
            let due = self.period.holds(turns) || self.period.holds(turns.plus(-EARLY_DAYS));
            if first && !self.period.holds(turns) || !first && self.citizen.card_expires > Some(turns) {
                continue;
            }
            if !due && !late {
                continue;
            }
            let expires =
                CARD_AGES.get(place + 1).map_or(Day::NEVER, |&next| self.citizen.birth.birthday(next));
            if self.renew_card(card, turns, expires, first, late) {
                card += 1;
            } else {
                break;
            }
        }
    }

    fn renew_card(&mut self, card: u8, turns: Day, expires: Day, first: bool, late: bool) -> bool {
        let (share, day) = match (first, late) {
            (true, _) => (68, turns.plus(self.dice.between(3, 90))),
            (_, true) => (45, self.period.any_day(self.dice)),
            _ => (85, turns.plus(self.dice.between(-30, 60))),
        };
        if !self.dice.percent(share) || !self.period.holds(day) {
            return false;
        }
        if self.dice.percent(70) {
            let service = if first { "can-cuoc-lan-dau-14" } else { "can-cuoc-doi-theo-tuoi" };
            let filed = day.plus(-self.dice.between(5, 15));
            self.file(service, filed);
        }
        self.done_at_office(day, |_| Kind::CardIssued { card: card + 1, expires });
        true
    }

    fn licence(&mut self) {
        let Some(expires) = self.citizen.licence_expires else { return };
        let renewed = expires.plus(self.dice.between(-45, 60));
        if self.period.holds(renewed) && self.dice.percent(78) {
            if self.dice.percent(65) {
                let filed = renewed.plus(-self.dice.between(5, 14));
                self.file("doi-gplx", filed);
            }
            self.done_at_office(renewed, |on| Kind::LicenceRenewed { expires: on.plus_months(120) });
        }
    }

    fn pension(&mut self) {
        let date = pension_date(self.citizen.sex, self.citizen.birth);
        let Some(months) = self.citizen.insured_months else { return };
        let worked = if self.citizen.employed { months_between(self.period.from, date) } else { 0 };
        let filed = date.plus(self.dice.between(-25, 30));
        if months + worked >= PENSION_DUE_FROM && self.period.holds(filed) && self.dice.percent(70) {
            let voluntary = self.citizen.scheme == Some("voluntary");
            self.file(if voluntary { "luong-huu-tu-nguyen" } else { "luong-huu" }, filed);
        }
    }

    /// One commune opens its schools on one day; grade 10 opens earlier, for the whole province.
    fn school(&mut self) {
        let born = self.citizen.birth.year();
        for (grade, age, service) in GRADES {
            let year = born + age;
            let (month, day) = if grade == 10 {
                (5, 5)
            } else {
                (6, 10 + u32::from(self.citizen.home.commune_number() % 12))
            };
            let Some(opens) = NaiveDate::from_ymd_opt(year, month, day).map(Day::of) else { continue };
            if !self.period.holds(opens) {
                continue;
            }
            let closes = opens.working().plus(25);
            self.announce(opens.working(), Kind::SchoolOpened { grade, closes });
            let parent = self.citizen.mother.or(self.citizen.father);
            if let Some(parent) = parent.filter(|_| self.dice.percent(70)) {
                let filed = opens.working().plus(self.dice.between(1, 24));
                self.log.file(self.dice, parent, service, filed, About::Nothing);
            }
        }
    }
}

/// Whole months, none when `to` is not after `from`.
fn months_between(from: Day, to: Day) -> u16 {
    (from.years_to(to).max(0) * 12) as u16 + ((to.0 - from.0).max(0) % 365 / 31) as u16
}

/// First month of birth, and the retirement age in months, for the rows of the Labour Code's step (45/2019/QH14,
/// article 169; Decree 135/2020, article 4, annex I). Those born before the first row are long retired.
const RETIREMENT_MEN: [(i32, u32); 8] = [
    (1961 * 12, 60 * 12 + 3),
    (1961 * 12 + 9, 60 * 12 + 6),
    (1962 * 12 + 6, 60 * 12 + 9),
    (1963 * 12 + 3, 61 * 12),
    (1964 * 12, 61 * 12 + 3),
    (1964 * 12 + 9, 61 * 12 + 6),
    (1965 * 12 + 6, 61 * 12 + 9),
    (1966 * 12 + 3, 62 * 12),
];
/// See [`RETIREMENT_MEN`].
const RETIREMENT_WOMEN: [(i32, u32); 15] = [
    (1966 * 12, 55 * 12 + 4),
    (1966 * 12 + 8, 55 * 12 + 8),
    (1967 * 12 + 4, 56 * 12),
    (1968 * 12, 56 * 12 + 4),
    (1968 * 12 + 8, 56 * 12 + 8),
    (1969 * 12 + 4, 57 * 12),
    (1970 * 12, 57 * 12 + 4),
    (1970 * 12 + 8, 57 * 12 + 8),
    (1971 * 12 + 4, 58 * 12),
    (1972 * 12, 58 * 12 + 4),
    (1972 * 12 + 8, 58 * 12 + 8),
    (1973 * 12 + 4, 59 * 12),
    (1974 * 12, 59 * 12 + 4),
    (1974 * 12 + 8, 59 * 12 + 8),
    (1975 * 12 + 4, 60 * 12),
];

/// The first day of the pension: the first of the month after the one in which the retirement age is reached (Decree
/// 135/2020, article 3).
pub(crate) fn pension_date(sex: Sex, birth: Day) -> Day {
    let date = birth.date();
    let month = date.year() * 12 + date.month0() as i32;
    let (rows, before): (&[(i32, u32)], u32) = match sex {
        Sex::Male => (&RETIREMENT_MEN, 60 * 12),
        Sex::Female => (&RETIREMENT_WOMEN, 55 * 12),
    };
    let age = rows.iter().rev().find(|(first, _)| month >= *first).map_or(before, |(_, age)| *age);
    birth.plus_months(age).next_month()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pension(sex: Sex, birth: &str) -> String {
        pension_date(sex, Day::of(birth.parse().unwrap())).to_string()
    }

    #[test]
    fn pensions_start_as_the_annex_says() {
        assert_eq!(pension(Sex::Male, "1964-10-12"), "2026-05-01");
        assert_eq!(pension(Sex::Male, "1980-03-31"), "2042-04-01");
        assert_eq!(pension(Sex::Female, "1969-05-31"), "2026-06-01");
        assert_eq!(pension(Sex::Female, "1990-12-01"), "2051-01-01");
    }
}
