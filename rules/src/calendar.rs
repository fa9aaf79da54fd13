//! Deadlines: an anchor, an amount, a unit and a direction.

use chrono::{Days, Months, NaiveDate};

use crate::pack::format::{Direction, LawOf, Unit};
use crate::pack::law::Workdays;
use crate::pack::model::{Period, Rule};

/// The most working days that are counted: beyond, no law has a deadline, and a walk would be long.
const MAX_WORKING_DAYS: u32 = 50_000;

/// The last day to act under `rule` for somebody whose facts are `fact`, when its anchor falls on `anchor` and the law
/// of `day` applies. `None` when the rule has no deadline, or when the date lies outside the calendar that chrono
/// knows.
pub fn deadline_of(
    workdays: &Workdays,
    rule: &Rule,
    (anchor, day): (NaiveDate, NaiveDate),
    fact: &dyn Fn(&str) -> Option<String>,
) -> Option<NaiveDate> {
    let deadline = rule.deadline.as_ref()?;
    let amount = rule.on(day).amount.as_ref()?.at(fact)?;
    shift(workdays, anchor, Period { amount, unit: deadline.unit }, deadline.direction)
}

/// The last day to act as it stands on `today` for what occurred on a day, by the law that the rule names: of the
/// occurrence, of filing today, or of both, of which the later date counts.
pub fn last_day(
    workdays: &Workdays,
    rule: &Rule,
    (anchor, occurred, today): (NaiveDate, NaiveDate, NaiveDate),
    fact: &dyn Fn(&str) -> Option<String>,
) -> Option<NaiveDate> {
    let by_law_of = |day: NaiveDate| deadline_of(workdays, rule, (anchor, day), fact);
    let filing = today.max(occurred);
    match rule.law_of {
        LawOf::Occurrence => by_law_of(occurred),
        LawOf::Filing => by_law_of(filing),
        // A date is later than none.
        LawOf::MostFavourable => by_law_of(occurred).max(by_law_of(filing)),
    }
}

/// The date a period before or after `anchor`. A month that lacks the day ends on its last one (31 January and a
/// month: 28 or 29 February). Working days are those that people work, and the anchor itself never counts.
pub fn shift(
    workdays: &Workdays,
    anchor: NaiveDate,
    Period { amount, unit }: Period,
    direction: Direction,
) -> Option<NaiveDate> {
    match (unit, direction) {
        (Unit::Days, Direction::After) => anchor.checked_add_days(Days::new(amount.into())),
        (Unit::Days, Direction::Before) => anchor.checked_sub_days(Days::new(amount.into())),
        (Unit::Months, Direction::After) => anchor.checked_add_months(Months::new(amount)),
        (Unit::Months, Direction::Before) => anchor.checked_sub_months(Months::new(amount)),
        (Unit::WorkingDays, direction) => shift_working_days(workdays, anchor, amount, direction),
    }
}

fn shift_working_days(
    workdays: &Workdays,
    anchor: NaiveDate,
    amount: u32,
    direction: Direction,
) -> Option<NaiveDate> {
    if amount > MAX_WORKING_DAYS {
        return None;
    }
    let (mut day, mut left) = (anchor, amount);
    while left > 0 {
        day = match direction {
            Direction::After => day.succ_opt()?,
            Direction::Before => day.pred_opt()?,
        };
        left -= u32::from(workdays.is_working(day));
    }
    Some(day)
}

/// Completed years of age on `today` of somebody born on `birth_date`; `None` before birth. Born on 29
/// February, a person completes the year on 1 March of a common year.
pub fn age_on(birth_date: NaiveDate, today: NaiveDate) -> Option<u32> {
    today.years_since(birth_date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    /// Without public holidays.
    fn plain(anchor: NaiveDate, amount: u32, unit: Unit, direction: Direction) -> Option<NaiveDate> {
        shift(&Workdays::default(), anchor, Period { amount, unit }, direction)
    }

    #[test]
    fn months_clamp_to_the_end_of_the_month() {
        let cases = [
            ("2024-01-31", 1, Direction::After, "2024-02-29"),
            ("2023-01-31", 1, Direction::After, "2023-02-28"),
            ("2024-02-29", 12, Direction::After, "2025-02-28"),
            ("2024-02-29", 48, Direction::After, "2028-02-29"),
            ("2024-03-31", 1, Direction::Before, "2024-02-29"),
            ("2024-02-29", 12, Direction::Before, "2023-02-28"),
            ("2024-12-31", 2, Direction::After, "2025-02-28"),
            ("2024-05-31", 0, Direction::After, "2024-05-31"),
        ];
        for (anchor, amount, direction, expected) in cases {
            let found = plain(date(anchor), amount, Unit::Months, direction);
            assert_eq!(found, Some(date(expected)), "{anchor} {amount} {direction:?}");
        }
    }

    #[test]
    fn days_cross_leap_days_and_years() {
        let after = |anchor, amount| plain(date(anchor), amount, Unit::Days, Direction::After);
        assert_eq!(after("2024-02-28", 1), Some(date("2024-02-29")));
        assert_eq!(after("2023-02-28", 1), Some(date("2023-03-01")));
        assert_eq!(after("2024-12-31", 60), Some(date("2025-03-01")));
        assert_eq!(plain(date("2024-03-01"), 1, Unit::Days, Direction::Before), Some(date("2024-02-29")));
    }

    #[test]
    fn working_days_leave_out_weekends_and_holidays_and_count_days_worked_in_exchange() {
        // Friday 2026-04-24 to Wednesday 2026-05-06: Monday 27 April off, 30 April and 1 May off, Saturday 9 May worked.
        let days = |texts: &[&str]| texts.iter().map(|text| date(text)).collect();
        let workdays = Workdays {
            off: days(&["2026-04-27", "2026-04-30", "2026-05-01"]),
            working: days(&["2026-05-09"]),
            years: [2026].into(),
        };
        let counted = |anchor, amount, direction| {
            shift(&workdays, date(anchor), Period { amount, unit: Unit::WorkingDays }, direction)
        };
        assert_eq!(counted("2026-04-24", 1, Direction::After), Some(date("2026-04-28")));
        assert_eq!(counted("2026-04-24", 3, Direction::After), Some(date("2026-05-04")));
        assert_eq!(counted("2026-05-08", 1, Direction::After), Some(date("2026-05-09")));
        assert_eq!(counted("2026-05-09", 1, Direction::After), Some(date("2026-05-11")));
        assert_eq!(counted("2026-05-04", 3, Direction::Before), Some(date("2026-04-24")));
        let weekends = |amount| plain(date("2026-04-24"), amount, Unit::WorkingDays, Direction::After);
        assert_eq!((weekends(1), weekends(5)), (Some(date("2026-04-27")), Some(date("2026-05-01"))));
        assert_eq!(
            plain(date("2026-04-25"), 1, Unit::WorkingDays, Direction::Before),
            Some(date("2026-04-24"))
        );
    }

    #[test]
    fn a_date_outside_the_calendar_is_none() {
        for unit in [Unit::Days, Unit::WorkingDays, Unit::Months] {
            for direction in [Direction::Before, Direction::After] {
                assert_eq!(
                    plain(date("2024-01-31"), u32::MAX, unit, direction),
                    None,
                    "{unit:?} {direction:?}"
                );
            }
        }
    }

    #[test]
    fn a_year_is_complete_on_the_birthday() {
        assert_eq!(age_on(date("2010-05-02"), date("2024-05-01")), Some(13));
        assert_eq!(age_on(date("2010-05-02"), date("2024-05-02")), Some(14));
        assert_eq!(age_on(date("2004-02-29"), date("2022-02-28")), Some(17));
        assert_eq!(age_on(date("2004-02-29"), date("2022-03-01")), Some(18));
        assert_eq!(age_on(date("2024-05-02"), date("2024-05-01")), None);
    }
}
