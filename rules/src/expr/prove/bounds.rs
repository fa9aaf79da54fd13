//! How many days so many months are. Only bounds: a month has 28 to 31 days, and 400 years have 146,097.

/// Days in 4,800 months.
const DAYS: i128 = 146_097;
const MONTHS: i128 = 4_800;
/// How far any stretch of months is from the average, generously: the most is under six days.
const SLACK: i128 = 8;

/// The fewest and the most days from a date to another, when so many months at least and at most are completed between.
pub(super) fn days_of_months(least: i128, most: i128) -> (i128, i128) {
    let low = (least * DAYS).div_euclid(MONTHS) - SLACK;
    let high = ((most + 1) * DAYS).div_euclid(MONTHS) + SLACK;
    (if least >= 0 { low.max(0) } else { low }, if most < 0 { high.min(-1) } else { high })
}

/// The fewest and the most months completed between dates so many days apart.
pub(super) fn months_of_days(least: i128, most: i128) -> (i128, i128) {
    let low = ((least - SLACK) * MONTHS).div_euclid(DAYS) - 1;
    let high = ((most + SLACK) * MONTHS).div_euclid(DAYS) + 1;
    (if least >= 0 { low.max(0) } else { low }, if most < 0 { high.min(-1) } else { high })
}

/// The fewest and the most days from a date to the one so many months later.
pub(super) fn days_of_shift(months: i128) -> (i128, i128) {
    let days = (months * DAYS).div_euclid(MONTHS);
    match months {
        0 => (0, 0),
        1.. => ((days - SLACK).max(0), days + SLACK),
        _ => (days - SLACK, (days + SLACK).min(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::calendar::{SQL_DATES, Shift, add_years, months_between};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_bounds_hold(from in SQL_DATES, far in SQL_DATES, near in -800_i32..800) {
            for to in [far, (from + near).clamp(*SQL_DATES.start(), *SQL_DATES.end())] {
                let days = i128::from(to) - i128::from(from);
                let months = i128::from(months_between(from, to).expect("within the calendar"));
                let (low, high) = days_of_months(months, months);
                prop_assert!((low..=high).contains(&days), "{days} days, {months} months");
                let (low, high) = months_of_days(days, days);
                prop_assert!((low..=high).contains(&months), "{days} days, {months} months");
                let shift = Shift { months: i32::try_from(months).expect("few"), days: 0 };
                if let Some(later) = shift.apply(from) {
                    let (low, high) = days_of_shift(months);
                    prop_assert!((low..=high).contains(&(i128::from(later) - i128::from(from))));
                }
                if let Some(later) = add_years(from, i64::try_from(months / 12).expect("few")) {
                    let (low, high) = days_of_shift(months / 12 * 12);
                    prop_assert!((low..=high).contains(&(i128::from(later) - i128::from(from))));
                }
            }
        }
    }
}
