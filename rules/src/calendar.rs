//! Deadlines: an anchor, an amount, a unit and a direction.

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

use crate::pack::format::{Direction, Unit};
use crate::pack::model::Rule;

/// Days of a working week, Monday to Friday.
const WORKING_DAYS_A_WEEK: u32 = 5;

/// The last day to act under `rule`, when its anchor falls on `anchor`. `None` when the rule has no deadline,
/// or when the date lies outside the calendar that chrono knows.
pub fn deadline_of(rule: &Rule, anchor: NaiveDate) -> Option<NaiveDate> {
    let deadline = rule.deadline.as_ref()?;
    shift(anchor, deadline.amount, deadline.unit, deadline.direction)
}

/// The date `amount` units before or after `anchor`. A month that lacks the day ends on its last one (31
/// January and a month: 28 or 29 February). Working days are Monday to Friday, and the anchor itself never
/// counts.
pub fn shift(anchor: NaiveDate, amount: u32, unit: Unit, direction: Direction) -> Option<NaiveDate> {
    match (unit, direction) {
        (Unit::Days, Direction::After) => anchor.checked_add_days(Days::new(amount.into())),
        (Unit::Days, Direction::Before) => anchor.checked_sub_days(Days::new(amount.into())),
        (Unit::Months, Direction::After) => anchor.checked_add_months(Months::new(amount)),
        (Unit::Months, Direction::Before) => anchor.checked_sub_months(Months::new(amount)),
        (Unit::WorkingDays, direction) => shift_working_days(anchor, amount, direction),
    }
}

fn shift_working_days(anchor: NaiveDate, amount: u32, direction: Direction) -> Option<NaiveDate> {
    let whole_weeks = Days::new(u64::from(amount / WORKING_DAYS_A_WEEK) * 7);
    let step = |date: NaiveDate| match direction {
        Direction::After => date.succ_opt(),
        Direction::Before => date.pred_opt(),
    };
    let mut date = anchor;
    if amount > 0 {
        // From a weekend day, whole weeks are counted from the working day next to it on the side of the
        // anchor.
        while is_weekend(date) {
            date = match direction {
                Direction::After => date.pred_opt()?,
                Direction::Before => date.succ_opt()?,
            };
        }
    }
    date = match direction {
        Direction::After => date.checked_add_days(whole_weeks)?,
        Direction::Before => date.checked_sub_days(whole_weeks)?,
    };
    let mut left = amount % WORKING_DAYS_A_WEEK;
    while left > 0 {
        date = step(date)?;
        if !is_weekend(date) {
            left -= 1;
        }
    }
    Some(date)
}

fn is_weekend(date: NaiveDate) -> bool {
    matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
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
            let found = shift(date(anchor), amount, Unit::Months, direction);
            assert_eq!(found, Some(date(expected)), "{anchor} {amount} {direction:?}");
        }
    }

    #[test]
    fn days_cross_leap_days_and_years() {
        let after = |anchor, amount| shift(date(anchor), amount, Unit::Days, Direction::After);
        assert_eq!(after("2024-02-28", 1), Some(date("2024-02-29")));
        assert_eq!(after("2023-02-28", 1), Some(date("2023-03-01")));
        assert_eq!(after("2024-12-31", 60), Some(date("2025-03-01")));
        assert_eq!(shift(date("2024-03-01"), 1, Unit::Days, Direction::Before), Some(date("2024-02-29")));
    }

    #[test]
    fn working_days_are_those_that_a_walk_counts() {
        for offset in 0..14 {
            let anchor = date("2024-02-26") + Days::new(offset);
            for amount in 0..23 {
                for direction in [Direction::Before, Direction::After] {
                    let mut walked = anchor;
                    let mut left = amount;
                    while left > 0 {
                        walked = match direction {
                            Direction::After => walked.succ_opt(),
                            Direction::Before => walked.pred_opt(),
                        }
                        .expect("in range");
                        left -= u32::from(!is_weekend(walked));
                    }
                    let found = shift(anchor, amount, Unit::WorkingDays, direction);
                    assert_eq!(found, Some(walked), "{anchor} {amount} {direction:?}");
                }
            }
        }
    }

    #[test]
    fn a_date_outside_the_calendar_is_none() {
        for unit in [Unit::Days, Unit::WorkingDays, Unit::Months] {
            for direction in [Direction::Before, Direction::After] {
                assert_eq!(
                    shift(date("2024-01-31"), u32::MAX, unit, direction),
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
