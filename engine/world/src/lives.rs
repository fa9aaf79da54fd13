//! Month by month: who dies, gives birth, moves, changes work, refuses, is protected, marries, parts.

use crate::calendar::{DAY, Day, HOUR, Moment};
use crate::dated::Period;
use crate::dice::Dice;
use crate::events::{About, Birth, Kind, Log, days_later, office, soon};
use crate::families::children;
use crate::people::{Citizen, Marital, Sex, newborn};
use crate::places::{Home, Numbers};
use crate::rates::{self, by_age, monthly};
use crate::work::Work;

/// Months after a divorce or a death before another marriage: assumed.
const MONTHS_ALONE: u32 = 6;

/// What changes about a citizen during the period.
#[derive(Clone, Copy)]
pub(crate) struct State {
    pub(crate) died: Option<Moment>,
    pub(crate) spouse: Option<u32>,
    pub(crate) marital: Marital,
    /// The month from which someone left alone may marry again.
    free_from: u32,
    pub(crate) home: Home,
    pub(crate) last_birth: Option<Day>,
    pub(crate) work: Work,
}

/// The days of one month.
#[derive(Clone, Copy)]
pub(crate) struct Month {
    pub(crate) index: u32,
    pub(crate) from: Day,
    pub(crate) to: Day,
}

impl Month {
    pub(crate) fn day(&self, dice: &mut Dice) -> Day {
        self.from.plus(dice.below(self.to.0.abs_diff(self.from.0)) as i32)
    }

    /// Whether a pension from `date` on follows work until some day of this month.
    pub(crate) fn retires(&self, date: Day) -> bool {
        self.from < date && date <= self.to
    }

    /// A day whose next working day is in this month too, for what later months build upon.
    pub(crate) fn early_day(&self, dice: &mut Dice) -> Day {
        self.from.plus(dice.below(self.to.0.abs_diff(self.from.0) - 2) as i32)
    }
}

/// The generator of a period's lives.
pub(crate) struct Lives {
    pub(crate) people: Vec<Citizen>,
    pub(crate) states: Vec<State>,
    pub(crate) births: Vec<Birth>,
    pub(crate) log: Log,
    numbers: Numbers,
    pub(crate) dice: Dice,
    /// How many there were at the start; the newborn follow and do nothing yet.
    count: u32,
}

impl Lives {
    pub(crate) fn new(people: Vec<Citizen>, numbers: Numbers, dice: Dice, log: Log) -> Self {
        let state = |citizen: &Citizen| State {
            died: None,
            spouse: citizen.spouse,
            marital: citizen.marital,
            free_from: 0,
            home: citizen.home,
            last_birth: None,
            work: Work::at_start(citizen),
        };
        let states = people.iter().map(state).collect();
        let count = people.len() as u32;
        Self { people, states, births: Vec::new(), log, numbers, dice, count }
    }

    pub(crate) fn run(&mut self, period: Period) {
        let mut from = period.from;
        for index in 0..period.months {
            let to = period.from.plus_months(index + 1);
            let month = Month { index, from, to };
            for who in 0..self.count {
                self.mortality(who, month);
            }
            for who in 0..self.count {
                if self.alive(who) {
                    self.month_of(who, month);
                }
            }
            self.weddings(month);
            from = to;
        }
    }

    pub(crate) fn citizen(&self, who: u32) -> &Citizen {
        &self.people[who as usize]
    }

    pub(crate) fn state(&mut self, who: u32) -> &mut State {
        &mut self.states[who as usize]
    }

    fn alive(&self, who: u32) -> bool {
        self.states[who as usize].died.is_none()
    }

    pub(crate) fn happens(&mut self, yearly: u32) -> bool {
        self.dice.per_million(monthly(yearly))
    }

    /// Tells what an office did on `day` or the next working day, recorded within `most` days.
    pub(crate) fn done_at_office(
        &mut self,
        who: u32,
        day: Day,
        most: i32,
        kind: impl Fn(Day) -> Kind,
    ) -> u32 {
        let time = office(&mut self.dice, day);
        let recorded =
            if most == 0 { soon(&mut self.dice, time) } else { days_later(&mut self.dice, time, 0, most) };
        self.log.tell(who, time, recorded, kind(time.day()))
    }

    fn mortality(&mut self, who: u32, month: Month) {
        let age = self.citizen(who).birth.years_to(month.from);
        if !self.alive(who) || !self.happens(by_age(&rates::DEATHS, age)) {
            return;
        }
        let day = month.day(&mut self.dice);
        let time = day.at(self.dice.seconds(0, DAY - 1));
        let relative = self.relative(who, day);
        let state = self.state(who);
        state.died = Some(time);
        if let Some(spouse) = state.spouse.take() {
            let spouse = self.state(spouse);
            spouse.spouse = None;
            spouse.marital = Marital::Widowed;
            spouse.free_from = month.index + MONTHS_ALONE;
        }
        if self.dice.percent(rates::DEATH_TOLD_BY_HEALTH) {
            let recorded = time.plus(self.dice.seconds(HOUR, 2 * DAY));
            self.log.tell(who, time, recorded, Kind::DeathNotified { on: day });
        }
        if !self.dice.percent(rates::DEATH_REGISTERED) {
            return;
        }
        let filed = day.plus(self.dice.between(1, 18));
        if let Some(relative) = relative.filter(|_| self.dice.percent(60)) {
            let service = if self.dice.percent(80) { "lien-thong-khai-tu" } else { "khai-tu" };
            self.log.file(&mut self.dice, relative, service, filed, About::Deceased(who));
        }
        let seen = filed.plus(self.dice.between(0, 3));
        let registered = office(&mut self.dice, seen);
        let recorded = soon(&mut self.dice, registered);
        self.log.tell(who, time, recorded, Kind::DeathRegistered { died: day, on: registered.day() });
    }

    /// Who would see to the papers of someone's death: the spouse, a grown child, a parent.
    fn relative(&self, who: u32, day: Day) -> Option<u32> {
        let citizen = self.citizen(who);
        let grown = |&child: &u32| day >= self.citizen(child).birth.birthday(18);
        let spouse = self.states[who as usize].spouse.into_iter();
        let near = spouse
            .chain(children(&self.people, who).filter(grown))
            .chain(citizen.mother)
            .chain(citizen.father);
        near.into_iter().find(|&relative| self.alive(relative))
    }

    fn month_of(&mut self, who: u32, month: Month) {
        let &Citizen { birth, sex, .. } = self.citizen(who);
        let age = birth.years_to(month.from);
        if age < 18 || month.from < birth.birthday(18) {
            return;
        }
        if sex == Sex::Female {
            self.childbirth(who, age, month);
            self.divorce(who, month);
            self.shield(who, month);
        }
        if self.happens(by_age(&rates::MOVES, age)) {
            self.move_house(who, age, month);
        }
        self.work(who, age, month);
        if self.happens(rates::REFUSALS) {
            self.refuse(who, month);
        }
    }

    fn childbirth(&mut self, who: u32, age: i32, month: Month) {
        let state = self.states[who as usize];
        let yearly = match state.marital {
            Marital::Married => by_age(&rates::BIRTHS_MARRIED, age),
            _ if age < 35 => rates::BIRTHS_UNMARRIED,
            _ => 0,
        };
        if age > 45 || !self.happens(yearly) {
            return;
        }
        let day = month.day(&mut self.dice);
        let last = state
            .last_birth
            .or_else(|| children(&self.people, who).map(|child| self.citizen(child).birth).max());
        if last.is_some_and(|last| day.0 - last.0 < rates::DAYS_BETWEEN_BIRTHS) {
            return;
        }
        self.state(who).last_birth = Some(day);
        let time = day.at(self.dice.seconds(0, DAY - 1));
        let twins = self.dice.below(1_000) < rates::TWINS_PER_THOUSAND;
        for _ in 0..=u32::from(twins) {
            self.report_birth(who, time);
        }
        self.file_as_parents(who, day);
    }

    /// What working parents file for after a birth, twins or not.
    fn file_as_parents(&mut self, mother: u32, born: Day) {
        let birth = About::Birth(self.births.len() as u32 - 1);
        let father = self.states[mother as usize].spouse;
        let works = |lives: &Self, who: u32| lives.states[who as usize].work.employed;
        let mother = Some(mother).filter(|&mother| works(self, mother));
        let father = father.filter(|&father| works(self, father));
        for (who, service, share, latest) in [
            (mother, "thai-san-me", rates::MATERNITY_FILED, 150),
            (father, "thai-san-cha", rates::PATERNITY_FILED, 55),
            (father.or(mother), "nguoi-phu-thuoc", rates::DEPENDANT_FILED, 120),
        ] {
            if let Some(who) = who.filter(|_| self.dice.percent(share)) {
                let filed = born.plus(self.dice.between(10, latest));
                self.log.file(&mut self.dice, who, service, filed, birth);
            }
        }
    }

    fn report_birth(&mut self, mother: u32, time: Moment) {
        let (day, state) = (time.day(), self.states[mother as usize]);
        let child = newborn(&self.people, mother, state.home, day, &mut self.numbers, &mut self.dice);
        let wrong = self.dice.percent(rates::BIRTH_DATE_WRONG);
        let hospital_day = if wrong { day.plus(-1) } else { day };
        let birth = self.births.len() as u32;
        let father = state.spouse;
        self.births.push(Birth { day, hospital_day, child: self.people.len() as u32, father });
        self.people.push(Citizen { father, ..child });
        if self.dice.percent(rates::BIRTH_TOLD_BY_HEALTH) {
            let recorded = time.plus(self.dice.seconds(HOUR, 4 * DAY));
            let written = if wrong { time.plus(-DAY) } else { time };
            self.log.tell(mother, written, recorded, Kind::BirthNotified { birth });
        }
        if !self.dice.percent(rates::BIRTH_REGISTERED) {
            return;
        }
        let filed = day.plus(self.dice.weighted(&[(3, 20), (8, 25), (15, 25), (30, 20), (50, 8), (80, 2)]));
        let filed = filed.plus(self.dice.between(0, 8));
        if self.dice.percent(70) {
            let applicant = father.filter(|_| self.dice.percent(35)).unwrap_or(mother);
            let service = if self.dice.percent(80) { "lien-thong-khai-sinh" } else { "khai-sinh" };
            self.log.file(&mut self.dice, applicant, service, filed, About::Birth(birth));
        }
        let seen = filed.plus(self.dice.between(0, 3));
        let registered = office(&mut self.dice, seen);
        let recorded = soon(&mut self.dice, registered);
        self.log.tell(mother, time, recorded, Kind::BirthRegistered { birth, on: registered.day() });
    }

    fn divorce(&mut self, who: u32, month: Month) {
        let Some(spouse) = self.states[who as usize].spouse.filter(|_| self.happens(rates::DIVORCES)) else {
            return;
        };
        for one in [who, spouse] {
            let state = self.state(one);
            state.spouse = None;
            state.marital = Marital::Divorced;
            state.free_from = month.index + MONTHS_ALONE;
        }
        let day = month.early_day(&mut self.dice);
        self.done_at_office(who, day, 20, |on| Kind::Divorced { spouse, on });
    }

    fn shield(&mut self, who: u32, month: Month) {
        let Some(against) = self.states[who as usize].spouse.filter(|_| self.happens(rates::SHIELDS)) else {
            return;
        };
        let day = month.day(&mut self.dice);
        let order = self.done_at_office(who, day, 0, |_| Kind::ShieldOrdered { against });
        if self.dice.percent(rates::SHIELDS_LIFTED_PERCENT) {
            let day = day.plus(self.dice.between(60, 200));
            let time = office(&mut self.dice, day);
            let recorded = soon(&mut self.dice, time);
            self.log.tell_again(order, who, time, recorded, Kind::ShieldLifted { against });
        }
    }

    fn move_house(&mut self, who: u32, age: i32, month: Month) {
        let day = month.day(&mut self.dice);
        let home = self.states[who as usize].home.moved(&mut self.dice);
        let spouse =
            self.states[who as usize].spouse.filter(|_| self.dice.percent(rates::FAMILY_MOVES_PERCENT));
        let permanent = spouse.is_some() || age >= 30 || self.dice.percent(40);
        let young = |&child: &u32| day < self.citizen(child).birth.birthday(18) && self.alive(child);
        let mut movers: Vec<u32> = std::iter::once(who).chain(spouse).collect();
        if spouse.is_some() {
            movers.extend(children(&self.people, who).filter(young));
        }
        if self.dice.percent(60) {
            let service = if permanent { "thuong-tru" } else { "tam-tru" };
            let filed = day.plus(self.dice.between(0, 15));
            self.log.file(&mut self.dice, who, service, filed, About::Nothing);
        }
        for mover in movers {
            self.state(mover).home = home;
            self.done_at_office(mover, day, 20, |on| Kind::Moved { home, on, permanent });
        }
    }

    fn refuse(&mut self, who: u32, month: Month) {
        let what = self.dice.weighted(&[
            ("all", 15),
            ("model", 30),
            ("channel:sms", 20),
            ("channel:email", 15),
            ("channel:push", 10),
            ("topic:birth", 4),
            ("topic:job-loss", 3),
            ("topic:residence-change", 3),
        ]);
        let time = month.day(&mut self.dice).at(self.dice.seconds(7 * HOUR, 22 * HOUR));
        let recorded = soon(&mut self.dice, time);
        self.log.tell(who, time, recorded, Kind::Refused { what });
        if self.dice.percent(rates::RESTORED_PERCENT) {
            let time = days_later(&mut self.dice, time, 10, 120);
            let recorded = soon(&mut self.dice, time);
            self.log.tell(who, time, recorded, Kind::Restored { what });
        }
    }

    /// Pairs those who want to marry this month, the youngest with the youngest.
    fn weddings(&mut self, month: Month) {
        let (mut brides, mut grooms) = (Vec::new(), Vec::new());
        for who in 0..self.count {
            let &Citizen { birth, sex, .. } = self.citizen(who);
            let age = birth.years_to(month.from);
            let State { marital, free_from, .. } = self.states[who as usize];
            let free = marital != Marital::Married && free_from <= month.index && self.alive(who);
            if !free || !(18..60).contains(&age) {
                continue;
            }
            // Marriage and Family Law 52/2014/QH13, article 8: women from 18, men from 20.
            let (side, table, of_age) = match sex {
                Sex::Female => (&mut brides, &rates::BRIDES, 18),
                Sex::Male => (&mut grooms, &rates::GROOMS, 20),
            };
            if month.from >= birth.birthday(of_age) && self.dice.per_million(monthly(by_age(table, age))) {
                side.push(who);
            }
        }
        for side in [&mut brides, &mut grooms] {
            side.sort_unstable_by_key(|&who| (std::cmp::Reverse(self.people[who as usize].birth), who));
        }
        for (bride, groom) in brides.into_iter().zip(grooms) {
            if !self.related(bride, groom) {
                self.wed(bride, groom, month);
            }
        }
    }

    fn related(&self, one: u32, other: u32) -> bool {
        let parents = |who: u32| [self.citizen(who).mother, self.citizen(who).father];
        let child_of = |who: u32, parent: u32| parents(who).contains(&Some(parent));
        let share = parents(one).into_iter().flatten().any(|parent| child_of(other, parent));
        share || child_of(one, other) || child_of(other, one)
    }

    fn wed(&mut self, bride: u32, groom: u32, month: Month) {
        for (one, other) in [(bride, groom), (groom, bride)] {
            let state = self.state(one);
            state.spouse = Some(other);
            state.marital = Marital::Married;
        }
        let day = month.early_day(&mut self.dice);
        let (subject, spouse) = if self.dice.percent(50) { (bride, groom) } else { (groom, bride) };
        if self.dice.percent(50) {
            let filed = day.plus(-self.dice.between(1, 7));
            self.log.file(&mut self.dice, subject, "ket-hon", filed, About::Nothing);
        }
        self.done_at_office(subject, day, 0, |on| Kind::Married { spouse, on });
    }
}
