//! What happens to a citizen in the period: at most one of each kind. The facts of the row are brought to where they
//! stand after it.

use crate::calendar::Day;
use crate::dated::{Period, pension_date};
use crate::dice::Dice;
use crate::people::{Marital, Sex};
use crate::population::person::One;
use crate::rates::{self, by_age};

/// Grades that a child applies for, with the age reached in that year.
const GRADES: [(u8, i32); 3] = [(1, 6), (6, 11), (10, 15)];
/// Moves in a hundred that are registered as permanent: assumed.
const PERMANENT_PERCENT: u32 = 60;
/// Days within which a birth is registered, mostly: assumed.
const REGISTERED_WITHIN: u32 = 45;

/// What happens, each with its days.
#[derive(Clone, Copy, Default)]
pub(super) struct Year {
    pub(super) birth: Option<Birth>,
    pub(super) marriage: Option<Day>,
    pub(super) divorce: Option<Day>,
    pub(super) moved: Option<(Day, &'static str)>,
    pub(super) job_end: Option<(Day, Option<&'static str>)>,
    pub(super) job_start: Option<Day>,
    pub(super) death: Option<(Day, Day)>,
    pub(super) school: Option<School>,
}

#[derive(Clone, Copy)]
pub(super) struct Birth {
    pub(super) time: Day,
    pub(super) date: Day,
    pub(super) registered: Option<Day>,
}

#[derive(Clone, Copy)]
pub(super) struct School {
    pub(super) time: Day,
    pub(super) grade: u8,
    pub(super) closes: Day,
}

struct Drawing<'d> {
    dice: &'d mut Dice,
    period: Period,
}

impl Year {
    /// Draws in one order whatever happens, so that one event does not shift the chances of another.
    pub(super) fn draw(dice: &mut Dice, people: &mut [Option<One>; 4], period: Period) -> Self {
        let mut drawing = Drawing { dice, period };
        let [Some(me), _, _, spouse] = people else { return Self::default() };
        let age = me.birth.years_to(period.from);
        let mut year = Self {
            birth: drawing.birth(me, age),
            marriage: drawing.marriage(me, age),
            divorce: drawing.sometimes(rates::DIVORCES).filter(|_| me.marital == Marital::Married),
            moved: drawing.moved(age),
            job_end: drawing.job_end(me),
            job_start: drawing
                .sometimes(rates::JOB_STARTS)
                .filter(|_| !me.employed && (18..55).contains(&age)),
            death: drawing.death(age),
            school: drawing.school(me),
        };
        let new_spouse = drawing.new_spouse(me);
        // One change of the same fact in a period: the others would need the days between.
        year.divorce = year.divorce.filter(|_| year.marriage.is_none());
        year.job_start = year.job_start.filter(|_| year.job_end.is_none());
        year.happen(me, spouse, new_spouse);
        year
    }

    /// Brings the facts to where they stand after it.
    fn happen(&self, me: &mut One, spouse: &mut Option<One>, new_spouse: One) {
        if let Some(birth) = self.birth {
            for parent in [Some(&mut *me), spouse.as_mut()].into_iter().flatten() {
                parent.children += 1;
                parent.youngest = Some(birth.date);
            }
        }
        if self.marriage.is_some() {
            me.marital = Marital::Married;
            *spouse = Some(new_spouse);
        }
        if self.divorce.is_some() {
            me.marital = Marital::Divorced;
            *spouse = None;
        }
        me.employed = (me.employed && self.job_end.is_none()) || self.job_start.is_some();
        me.died = self.death.map(|(date, _)| date);
    }
}

impl Drawing<'_> {
    fn day(&mut self) -> Day {
        self.period.from.plus(self.dice.below(self.period.to.0.abs_diff(self.period.from.0)) as i32)
    }

    /// A day for `yearly` in a million.
    fn sometimes(&mut self, yearly: u32) -> Option<Day> {
        let rate = u64::from(yearly) * u64::from(self.period.months) / 12;
        let (happens, day) = (self.dice.per_million(u32::try_from(rate).unwrap_or(u32::MAX)), self.day());
        happens.then_some(day)
    }

    fn birth(&mut self, me: &One, age: i32) -> Option<Birth> {
        let rate = match me.marital {
            _ if me.sex == Sex::Male || !(18..46).contains(&age) => 0,
            Marital::Married => by_age(&rates::BIRTHS_MARRIED, age),
            _ if age < 35 => rates::BIRTHS_UNMARRIED,
            _ => 0,
        };
        let date = self.sometimes(rate);
        let late = self.dice.below(REGISTERED_WITHIN) as i32;
        let registered = self.dice.percent(rates::BIRTH_REGISTERED);
        date.map(|date| {
            let registered = registered.then(|| date.plus(late).working());
            Birth { time: registered.unwrap_or(date), date, registered }
        })
    }

    fn marriage(&mut self, me: &One, age: i32) -> Option<Day> {
        let rate = match me.sex {
            _ if me.marital == Marital::Married => 0,
            Sex::Female if age >= 18 => by_age(&rates::BRIDES, age),
            Sex::Male if age >= 20 => by_age(&rates::GROOMS, age),
            _ => 0,
        };
        self.sometimes(rate).map(Day::working)
    }

    fn moved(&mut self, age: i32) -> Option<(Day, &'static str)> {
        let kind = if self.dice.percent(PERMANENT_PERCENT) { "permanent" } else { "temporary" };
        self.sometimes(by_age(&rates::MOVES, age)).map(|day| (day, kind))
    }

    fn job_end(&mut self, me: &One) -> Option<(Day, Option<&'static str>)> {
        let causes = [("resigned", 50), ("expired", 35), ("dismissed", 15)];
        let (cause, stated) = (self.dice.weighted(&causes), !self.dice.percent(5));
        let pension = pension_date(me.sex, me.birth);
        let retires = self.period.holds(pension.plus(-1)) && self.dice.percent(75);
        let lost = self.sometimes(rates::JOB_ENDS);
        let end = match retires {
            true => Some((pension.plus(-1), "retired")),
            false => lost.map(|day| (day, cause)),
        };
        end.filter(|_| me.employed).map(|(day, cause)| (day, stated.then_some(cause)))
    }

    fn death(&mut self, age: i32) -> Option<(Day, Day)> {
        let date = self.sometimes(by_age(&rates::DEATHS, age));
        let (late, told) = (self.dice.below(15) as i32, self.dice.percent(rates::DEATH_REGISTERED));
        date.filter(|_| told).map(|date| (date, date.plus(late).working()))
    }

    fn school(&mut self, me: &One) -> Option<School> {
        let opens = self.dice.below(12) as i32;
        GRADES.into_iter().find_map(|(grade, age)| {
            let year = me.birth.year() + age;
            // Grade 10 opens on 5 May, the others from 10 June.
            let (month, day) = if grade == 10 { (5, 5) } else { (6, 10) };
            let first = Day::of(chrono::NaiveDate::from_ymd_opt(year, month, day)?);
            let time = first.plus(if grade == 10 { 0 } else { opens }).working();
            self.period.holds(time).then(|| School { time, grade, closes: time.plus(25) })
        })
    }

    /// Whom someone marries: of the other sex, near in age, from the same place.
    fn new_spouse(&mut self, me: &One) -> One {
        let sex = if me.sex == Sex::Female { Sex::Male } else { Sex::Female };
        let birth = me.birth.plus(-self.dice.between(-700, 1_500));
        let employed = self.dice.percent(70);
        let insured_months = employed.then(|| self.dice.below(96) as u16);
        One {
            birth,
            sex,
            employed,
            insured_months,
            marital: Marital::Married,
            children: 0,
            youngest: None,
            ..*me
        }
    }
}
