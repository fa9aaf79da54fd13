//! Periods and dates as packs write them.

use chrono::NaiveDate;

/// Days of a month in a retention period: months and years are rounded up to whole days, so that nothing is
/// dropped early.
const DAYS_A_MONTH: u32 = 31;
/// Days of a year in a retention period.
const DAYS_A_YEAR: u32 = 366;
/// The longest period, in days: longer than any life.
const MAX_DAYS: u32 = 150 * DAYS_A_YEAR;

/// Reads `N days|months|years` as days; `None` for anything else, for nothing, and for more than 150 years.
pub(super) fn days(text: &str) -> Option<u32> {
    let (amount, unit) = text.split_once(' ')?;
    let amount: u32 = amount.bytes().all(|byte| byte.is_ascii_digit()).then(|| amount.parse().ok())??;
    let each = match unit {
        "day" | "days" => 1,
        "month" | "months" => DAYS_A_MONTH,
        "year" | "years" => DAYS_A_YEAR,
        _ => return None,
    };
    amount.checked_mul(each).filter(|days| (1..=MAX_DAYS).contains(days))
}

/// Reads a period or `never`.
pub(super) fn days_or_never(text: &str) -> Option<Option<u32>> {
    if text == "never" { Some(None) } else { days(text).map(Some) }
}

/// Reads `yyyy-mm-dd`, and nothing looser.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (text.len() == 10 && digits == 8).then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_exact() {
        assert_eq!(days("10 years"), Some(3_660));
        assert_eq!(days("1 month"), Some(31));
        assert_eq!(days("90 days"), Some(90));
        assert_eq!(days_or_never("never"), Some(None));
        for wrong in [
            "",
            "never",
            "0 days",
            "-1 days",
            "+1 days",
            "1.5 years",
            "1  days",
            "1 week",
            "9999999999 days",
            "151 years",
        ] {
            assert_eq!(days(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn dates_are_exact() {
        assert!(date("2024-02-29").is_some());
        for wrong in ["2023-02-29", "2024-2-9", "24-02-29", "2024-02-29 ", "+024-02-29", "20240229"] {
            assert!(date(wrong).is_none(), "{wrong}");
        }
    }
}
