//! Days and moments in Viet Nam's one time zone, UTC+7 without summer time.

use std::fmt;

use chrono::{Datelike, Days, Months, NaiveDate};

pub(crate) const MINUTE: i64 = 60;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

/// A local calendar day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) i32);

/// A local time of day on a local day, in seconds from 1970-01-01T00:00:00+07:00.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

impl Day {
    /// Stands for "without a term": cards of people over 60 never expire (Identity Law 26/2023/QH15, article 21).
    pub(crate) const NEVER: Self = Self(2_932_896);

    pub(crate) fn of(date: NaiveDate) -> Self {
        Self(date.to_epoch_days())
    }

    pub(crate) fn date(self) -> NaiveDate {
        NaiveDate::from_epoch_days(self.0).unwrap_or_default()
    }

    pub(crate) fn year(self) -> i32 {
        self.date().year()
    }

    pub(crate) const fn plus(self, days: i32) -> Self {
        Self(self.0 + days)
    }

    pub(crate) fn plus_months(self, months: u32) -> Self {
        Self::of(self.date().checked_add_months(Months::new(months)).unwrap_or(NaiveDate::MAX))
    }

    /// The day on which someone born on this day turns `age`; 28 February for those born on the 29th.
    pub(crate) fn birthday(self, age: u32) -> Self {
        self.plus_months(12 * age)
    }

    /// Whole years from this day to `then`, to within a day: the mean Gregorian year has 146,097 / 400 days.
    pub(crate) const fn years_to(self, then: Self) -> i32 {
        (then.0 - self.0) * 400 / 146_097
    }

    /// The first day of the month after this day's.
    pub(crate) fn next_month(self) -> Self {
        let date = self.date();
        let first = date.checked_sub_days(Days::new(u64::from(date.day0()))).unwrap_or(date);
        Self::of(first).plus_months(1)
    }

    /// This day, or the Monday after it when it is a Saturday or a Sunday. Public holidays are not known here.
    pub(crate) const fn working(self) -> Self {
        // 1970-01-01 was a Thursday: Monday is 0 here.
        match (self.0 + 3).rem_euclid(7) {
            5 => self.plus(2),
            6 => self.plus(1),
            _ => self,
        }
    }

    pub(crate) const fn at(self, second: i64) -> Moment {
        Moment(self.0 as i64 * DAY + second)
    }
}

impl Moment {
    pub(crate) const fn day(self) -> Day {
        Day(self.0.div_euclid(DAY) as i32)
    }

    pub(crate) const fn plus(self, seconds: i64) -> Self {
        Self(self.0 + seconds)
    }
}

impl fmt::Display for Day {
    /// ISO 8601.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    }
}

impl fmt::Display for Moment {
    /// RFC 3339, to the second.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.0.rem_euclid(DAY);
        let (hours, minutes, seconds) = (second / HOUR, second % HOUR / MINUTE, second % MINUTE);
        write!(f, "{}T{hours:02}:{minutes:02}:{seconds:02}+07:00", self.day())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::of(text.parse().unwrap())
    }

    #[test]
    fn days_and_moments_print_as_the_standards_write_them() {
        assert_eq!(day("2026-02-03").to_string(), "2026-02-03");
        assert_eq!(day("2026-02-03").at(8 * HOUR + 61).to_string(), "2026-02-03T08:01:01+07:00");
        assert_eq!(Day::NEVER.to_string(), "9999-12-31");
    }

    #[test]
    fn birthdays_and_weekends_fall_where_a_calendar_has_them() {
        assert_eq!(day("2012-02-29").birthday(14).to_string(), "2026-02-28");
        assert_eq!(day("2026-01-31").next_month().to_string(), "2026-02-01");
        assert_eq!(day("2026-01-03").working().to_string(), "2026-01-05");
        assert_eq!(day("2026-01-04").working().to_string(), "2026-01-05");
        assert_eq!(day("2026-01-05").working().to_string(), "2026-01-05");
        assert_eq!(day("2000-06-01").years_to(day("2026-05-31")), 25);
        assert_eq!(day("2000-06-01").years_to(day("2026-06-02")), 26);
    }
}
