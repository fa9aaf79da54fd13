//! Jobs that start, end, follow one another, and give way to a pension.

use crate::calendar::{Day, HOUR};
use crate::dated::pension_date;
use crate::events::{About, Cause, Kind, days_later};
use crate::lives::{Lives, Month};
use crate::people::Citizen;
use crate::rates;

/// Somebody's contracts and insurance.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    pub(crate) employed: bool,
    /// The running contract, or the last one.
    contract: u8,
    insured_months: Option<u16>,
    /// The month from which work counts towards insurance, and before which nothing more happens to it.
    since: u32,
}

impl Work {
    pub(crate) fn at_start(citizen: &Citizen) -> Self {
        Self {
            employed: citizen.employed,
            contract: u8::from(citizen.employed),
            insured_months: citizen.insured_months,
            since: 0,
        }
    }
}

/// Contracts that one person can have in a world: their numbers have room for no more.
const MOST_CONTRACTS: u8 = 15;

impl Lives {
    /// What happens to someone's work in one month.
    pub(crate) fn work(&mut self, who: u32, age: i32, month: Month) {
        let Work { employed, contract, since, .. } = self.states[who as usize].work;
        if month.index < since || contract >= MOST_CONTRACTS {
            return;
        }
        if !employed {
            if age < 55 && self.happens(rates::JOB_STARTS) {
                let day = month.early_day(&mut self.dice);
                self.start_work(who, day, month.index + 1);
            }
            return;
        }
        let &Citizen { sex, birth, .. } = self.citizen(who);
        if age >= 54 && month.retires(pension_date(sex, birth)) && self.dice.percent(75) {
            self.end_work(who, month.to.plus(-1), month.index, Cause::Retired);
        } else if self.happens(rates::JOB_ENDS) {
            let cause =
                self.dice.weighted(&[(Cause::Resigned, 50), (Cause::Expired, 35), (Cause::Dismissed, 15)]);
            let day = month.day(&mut self.dice);
            let insured = self.end_work(who, day, month.index, cause);
            if insured.is_some_and(|months| months >= 12) && self.dice.percent(60) {
                let filed = day.plus(self.dice.between(7, 80));
                self.log.file(&mut self.dice, who, "tro-cap-that-nghiep", filed, About::Nothing);
            }
        } else if self.happens(rates::JOB_CHANGES) {
            let cause = self.dice.weighted(&[(Cause::Resigned, 70), (Cause::Expired, 30)]);
            let day = month.day(&mut self.dice);
            self.end_work(who, day, month.index, cause);
            let start = day.plus(self.dice.between(4, 25));
            self.start_work(who, start, month.index + 2);
        }
    }

    fn start_work(&mut self, who: u32, day: Day, since: u32) {
        let work = &mut self.state(who).work;
        *work = Work { employed: true, contract: work.contract + 1, since, ..*work };
        let contract = work.contract;
        self.done_at_office(who, day, 12, |on| Kind::JobStarted { contract, on });
    }

    fn end_work(&mut self, who: u32, day: Day, month: u32, cause: Cause) -> Option<u16> {
        let work = &mut self.state(who).work;
        let insured_months = work.insured_months.map(|months| months + (month - work.since) as u16);
        *work = Work { employed: false, insured_months, since: month + 1, ..*work };
        let contract = work.contract;
        // A contract ends when its day does: on a weekend too.
        let time = day.at(self.dice.seconds(17 * HOUR, 18 * HOUR));
        let recorded = days_later(&mut self.dice, time, 0, 20);
        self.log.tell(who, time, recorded, Kind::JobEnded { contract, on: day, insured_months, cause });
        insured_months
    }
}
